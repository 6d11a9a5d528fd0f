#include "report/escape.h"

#include <stdint.h>
#include <string.h>

static const char *entity_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void put_escaped_range(FILE *out, const char *text, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        const char *entity = entity_of(text[i]);
        if (entity)
            fputs(entity, out);
        else
            putc(text[i], out);
    }
}

void put_escaped(FILE *out, const char *text)
{
    put_escaped_range(out, text, 0, strlen(text));
}

void put_base64(FILE *out, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *in = bytes;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t three = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63], digits[three >> 6 & 63], digits[three & 63]};
        for (size_t k = left + 1; k < 4; k++)
            four[k] = '=';
        fwrite(four, 1, 4, out);
    }
}
