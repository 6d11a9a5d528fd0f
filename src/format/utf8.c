#include "format/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Length in bytes of the well-formed sequence at `s` (Unicode 15, table 3-7), 0 if there is none. A NUL ends any sequence. */
static size_t sequence_length(const unsigned char *s)
{
    size_t length;
    uint32_t least, code;
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        length = 2, least = 0x80, code = s[0] & 0x1Fu;
    else if ((s[0] & 0xF0) == 0xE0)
        length = 3, least = 0x800, code = s[0] & 0x0Fu;
    else if (s[0] >= 0xF0 && s[0] <= 0xF4)
        length = 4, least = 0x10000, code = s[0] & 0x07u;
    else
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code < least || code > 0x10FFFF || surrogate ? 0 : length;
}

bool utf8_is_valid(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s) {
        size_t length = sequence_length(s);
        if (!length)
            return false;
        s += length;
    }
    return true;
}

char *utf8_clean(const char *text)
{
    size_t size = strlen(text);
    char *clean = malloc(size * 3 + 1);
    if (!clean)
        return NULL;
    const unsigned char *s = (const unsigned char *)text;
    char *out = clean;
    while (*s) {
        size_t length = sequence_length(s);
        if (length)
            memcpy(out, s, length);
        else
            memcpy(out, "\xEF\xBF\xBD", 3);
        out += length ? length : 3;
        s += length ? length : 1;
    }
    *out = '\0';
    return clean;
}
