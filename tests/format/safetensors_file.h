/* safetensors files made in a test, well-formed or not. */
#ifndef LMVR_TESTS_FORMAT_SAFETENSORS_FILE_H
#define LMVR_TESTS_FORMAT_SAFETENSORS_FILE_H

#include "format/safetensors.h"
#include "scratch.h"

/* Writes a file with this header, whose stated length is `length`, and `size` bytes of data. */
UNUSED static void write_lying_file(const char *path, uint64_t length, const char *header, const void *data, size_t size)
{
    size_t header_size = strlen(header), whole = sizeof length + header_size + size;
    char *bytes = malloc(whole + 1);
    assert_non_null(bytes);
    memcpy(bytes, &length, sizeof length);
    memcpy(bytes + sizeof length, header, header_size);
    if (size > 0)
        memcpy(bytes + sizeof length + header_size, data, size);
    write_bytes(path, bytes, whole);
    free(bytes);
}

/* The same with `size` zeros and the true length. */
UNUSED static void write_safetensors(const char *path, const char *header, size_t size)
{
    char *zeros = calloc(1, size + 1);
    assert_non_null(zeros);
    write_lying_file(path, strlen(header), header, zeros, size);
    free(zeros);
}

#define assert_contains(text, part)                                                                                            \
    do {                                                                                                                       \
        if (!strstr(text, part))                                                                                               \
            fail_msg("\"%s\" does not contain \"%s\"", text, part);                                                            \
    } while (0)

#endif
