/* Base64, RFC 4648's standard alphabet. */
#ifndef LMVR_SERVE_BASE64_H
#define LMVR_SERVE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The characters that `size` bytes become, without a final NUL. */
size_t base64_length(size_t size);
/* Writes these characters, and a NUL. */
void base64_encode(const void *bytes, size_t size, char *text);

/* Decodes `length` characters into at most length / 4 * 3 + 3 bytes; the padding at the end may be missing. False: they are not
 * base64. */
bool base64_decode(const char *text, size_t length, uint8_t *bytes, size_t *size);

#endif
