#include "language/tokenizer/characters.h"

#include <stddef.h>
#include <utf8proc.h>

struct range {
    uint32_t first, last;
};

static bool is_in(uint32_t code, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

bool character_is_space(uint32_t code)
{
    static const struct range spaces[] = {{0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
                                          {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
    if (code < 0x80)
        return code == ' ' || (code >= '\t' && code <= '\r');
    return is_in(code, spaces, sizeof spaces / sizeof *spaces);
}

bool character_is_number(uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
}

bool character_is_punctuation(uint32_t code)
{
    static const struct range ascii[] = {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}};
    if (code < 0x80)
        return is_in(code, ascii, sizeof ascii / sizeof *ascii);
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool character_is_word(uint32_t code)
{
    /* Other_Alphabetic beyond marks, and Join_Control */
    static const struct range others[] = {
        {0x200C, 0x200D}, {0x24B6, 0x24E9}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);
    bool letter_or_mark = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_ME;
    return letter_or_mark || category == UTF8PROC_CATEGORY_ND || category == UTF8PROC_CATEGORY_NL ||
           category == UTF8PROC_CATEGORY_PC || is_in(code, others, sizeof others / sizeof *others);
}
