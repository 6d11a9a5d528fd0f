#include "serve/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_length(size_t size)
{
    return (size + 2) / 3 * 4;
}

void base64_encode(const void *bytes, size_t size, char *text)
{
    const uint8_t *from = bytes;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) | (left > 2 ? from[i + 2] : 0);
        *text++ = letters[group >> 18];
        *text++ = letters[group >> 12 & 63];
        *text++ = left > 1 ? letters[group >> 6 & 63] : '=';
        *text++ = left > 2 ? letters[group & 63] : '=';
    }
    *text = '\0';
}

/* 64: it is no letter. */
static unsigned value_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return (unsigned)(letter - 'A');
    if (letter >= 'a' && letter <= 'z')
        return (unsigned)(letter - 'a') + 26;
    if (letter >= '0' && letter <= '9')
        return (unsigned)(letter - '0') + 52;
    return letter == '+' ? 62 : letter == '/' ? 63 : 64;
}

bool base64_decode(const char *text, size_t length, uint8_t *bytes, size_t *size)
{
    uint8_t *to = bytes;
    uint32_t group = 0;
    if (length % 4 == 0)
        for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++)
            length--;
    if (length % 4 == 1)
        return false;
    for (size_t i = 0; i < length; i++) {
        unsigned value = value_of(text[i]);
        if (value > 63)
            return false;
        group = group << 6 | value;
        if (i % 4 == 3) {
            *to++ = (uint8_t)(group >> 16);
            *to++ = (uint8_t)(group >> 8);
            *to++ = (uint8_t)group;
        }
    }
    if (length % 4 == 2)
        *to++ = (uint8_t)(group >> 4);
    if (length % 4 == 3) {
        *to++ = (uint8_t)(group >> 10);
        *to++ = (uint8_t)(group >> 2);
    }
    *size = (size_t)(to - bytes);
    return true;
}
