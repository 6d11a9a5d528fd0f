#include "language/tokenizer/buffer.h"

#include <stdlib.h>

void buffer_free(struct buffer *text)
{
    free(text->bytes);
    *text = (struct buffer){0};
}

lmvr_status buffer_grow(struct buffer *text, size_t more, lmvr_error *error)
{
    if (more > BUFFER_MAX - text->size)
        return error_set(error, LMVR_ERROR_RESOURCE, "a text is longer than %d bytes, which is too much for the tokenizer",
                         BUFFER_MAX);
    size_t space = text->size + more + text->space + 64;
    char *grown = realloc(text->bytes, space);
    if (!grown)
        return error_no_memory(error, "a text's tokens");
    text->bytes = grown;
    text->space = space;
    return LMVR_OK;
}

/* Unicode 15, table 3-7: the bytes of the well-formed sequence at `s`, or, with *good false, of the longest part of one. */
static size_t sequence_size(const unsigned char *s, size_t left, bool *good)
{
    size_t size = s[0] < 0x80                   ? 1
                  : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
                  : (s[0] & 0xF0) == 0xE0       ? 3
                  : s[0] >= 0xF0 && s[0] < 0xF5 ? 4
                                                : 0;
    unsigned char least = s[0] == 0xE0   ? 0xA0
                          : s[0] == 0xF0 ? 0x90
                                         : 0x80,
                  most = s[0] == 0xED   ? 0x9F
                         : s[0] == 0xF4 ? 0x8F
                                        : 0xBF;
    *good = size > 0;
    for (size_t i = 1; i < size; i++) {
        *good = i < left && s[i] >= least && s[i] <= most;
        if (!*good)
            return i;
        least = 0x80;
        most = 0xBF;
    }
    return size > 0 ? size : 1;
}

lmvr_status buffer_add_cleaned(struct buffer *text, const char *bytes, size_t size, lmvr_error *error)
{
    const unsigned char *s = (const unsigned char *)bytes;
    size_t copied = 0, i = 0;
    while (i < size) {
        bool good;
        size_t length = sequence_size(s + i, size - i, &good);
        if (!good) {
            TRY(buffer_add(text, bytes + copied, i - copied, error));
            TRY(buffer_add(text, "\xEF\xBF\xBD", 3, error));
            copied = i + length;
        }
        i += length;
    }
    return buffer_add(text, bytes + copied, size - copied, error);
}

size_t character_write(uint32_t code, char bytes[CHARACTER_MAX])
{
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char firsts[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3F));
    bytes[0] = (char)(firsts[size] | code);
    return size;
}

lmvr_status buffer_add_character(struct buffer *text, uint32_t code, lmvr_error *error)
{
    char bytes[CHARACTER_MAX];
    return buffer_add(text, bytes, character_write(code, bytes), error);
}
