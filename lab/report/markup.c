#include "lab/report/markup.h"

#include "lab/report/number.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

void markup_range(FILE *out, const char *text, size_t begin, size_t end)
{
    static const char special[] = "&<>\"'", *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = begin; i < end; i++) {
        const char *found = text[i] ? strchr(special, text[i]) : NULL;
        if (found)
            fputs(entities[found - special], out);
        else
            putc(text[i], out);
    }
}

static void put_length(FILE *out, double length)
{
    char digits[NUMBER_SIZE];
    number_format(length, 1, false, NUMBER_PLAIN, digits);
    size_t size = strlen(digits);
    bool whole = size > 2 && strcmp(digits + size - 2, ".0") == 0;
    fwrite(digits, 1, size - (whole ? 2 : 0), out);
}

void markup(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (const char *c = format; *c; c++) {
        if (*c != '%' || *++c == '%') {
            putc(*c, out);
        } else if (*c == 's') {
            const char *text = va_arg(args, const char *);
            markup_range(out, text, 0, strlen(text));
        } else if (*c == 'f') {
            put_length(out, va_arg(args, double));
        } else if (*c == 'd') {
            fprintf(out, "%d", va_arg(args, int));
        } else if (*c == 'z') {
            fprintf(out, "%zu", va_arg(args, size_t));
            c++;
        }
    }
    va_end(args);
}

void markup_base64(FILE *out, const void *bytes, size_t size)
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
