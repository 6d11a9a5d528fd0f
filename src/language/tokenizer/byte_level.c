#include "language/tokenizer/byte_level.h"

static bool stands_for_itself(uint32_t byte)
{
    return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD && byte <= 0xFF);
}

/* The 68 others, in order, are U+0100 to U+0143: 0 to 0x20, 0x7F to 0xA0, 0xAD. */
static uint32_t character_of(unsigned char byte)
{
    if (stands_for_itself(byte))
        return byte;
    return 0x100u + (byte <= 0x20 ? byte : byte <= 0xA0 ? byte - 0x7Fu + 0x21u : 0x43u);
}

static bool byte_of(uint32_t code, char *byte)
{
    uint32_t place = code - 0x100;
    if (code < 0x100 ? !stands_for_itself(code) : place > 0x43)
        return false;
    if (code < 0x100)
        *byte = (char)code;
    else
        *byte = (char)(place <= 0x20 ? place : place <= 0x42 ? place - 0x21 + 0x7F : 0xAD);
    return true;
}

lmvr_status buffer_add_byte_level(struct buffer *text, const char *bytes, size_t size, lmvr_error *error)
{
    if (2 * size > text->space - text->size)
        TRY(buffer_grow(text, 2 * size, error));
    char *out = text->bytes + text->size;
    for (size_t i = 0; i < size; i++)
        out += character_write(character_of((unsigned char)bytes[i]), out);
    text->size = (size_t)(out - text->bytes);
    return LMVR_OK;
}

lmvr_status buffer_add_from_byte_level(struct buffer *text, const char *piece, size_t size, lmvr_error *error)
{
    uint32_t code;
    size_t before = text->size;
    for (size_t i = 0; i < size; i += character_size(piece[i])) {
        char byte;
        character_read(piece + i, &code);
        if (!byte_of(code, &byte)) {
            text->size = before;
            return buffer_add(text, piece, size, error);
        }
        TRY(buffer_add(text, &byte, 1, error));
    }
    return LMVR_OK;
}
