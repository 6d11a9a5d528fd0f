/* Text that grows, and the characters of UTF-8. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_BUFFER_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_BUFFER_H

#include "error.h"

#include <string.h>

#define BUFFER_MAX (64 << 20) /* bytes; beyond it is a file's replacements gone wild */

struct buffer {
    char *bytes;
    size_t size, space;
};

void buffer_free(struct buffer *text);

/* Makes room for `more` bytes. */
lmvr_status buffer_grow(struct buffer *text, size_t more, lmvr_error *error);

static inline lmvr_status buffer_add(struct buffer *text, const char *bytes, size_t size, lmvr_error *error)
{
    if (size > text->space - text->size)
        TRY(buffer_grow(text, size, error));
    if (size > 0)
        memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    return LMVR_OK;
}

/* The same with U+FFFD for each longest piece that begins a character and ends too early, and for each other byte that is not
 * part of one: as Python's errors="replace" and Rust's from_utf8_lossy(). */
lmvr_status buffer_add_cleaned(struct buffer *text, const char *bytes, size_t size, lmvr_error *error);

#define CHARACTER_MAX 4 /* bytes */

/* Writes a character; returns its bytes. */
size_t character_write(uint32_t code, char bytes[CHARACTER_MAX]);

lmvr_status buffer_add_character(struct buffer *text, uint32_t code, lmvr_error *error);

/* The bytes of the character that begins with this byte. Here and below the text is UTF-8. */
static inline size_t character_size(char first)
{
    unsigned char c = (unsigned char)first;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* Reads the character at `bytes`; returns its bytes. */
static inline size_t character_read(const char *bytes, uint32_t *code)
{
    const unsigned char *c = (const unsigned char *)bytes;
    size_t size = character_size(*bytes);
    if (size == 1)
        *code = c[0];
    else if (size == 2)
        *code = (c[0] & 0x1Fu) << 6 | (c[1] & 0x3Fu);
    else if (size == 3)
        *code = (c[0] & 0x0Fu) << 12 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
    else
        *code = (c[0] & 0x07u) << 18 | (c[1] & 0x3Fu) << 12 | (c[2] & 0x3Fu) << 6 | (c[3] & 0x3Fu);
    return size;
}

/* The bytes of the character that ends before bytes[end], where end > 0. */
static inline size_t character_size_before(const char *bytes, size_t end)
{
    size_t start = end - 1;
    while (start > 0 && ((unsigned char)bytes[start] & 0xC0) == 0x80)
        start--;
    return end - start;
}

#endif
