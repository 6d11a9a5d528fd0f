#include "lab/words/letters.h"

#include <glib.h>

uint32_t letter_at(const char *text, size_t *length)
{
    gunichar letter = g_utf8_get_char_validated(text, -1);
    if (letter == (gunichar)-1 || letter == (gunichar)-2) {
        *length = 1;
        return 0xFFFD;
    }
    *length = (size_t)(g_utf8_next_char(text) - text);
    return letter;
}

static enum letter_kind kind_of_script(uint32_t letter)
{
    switch (g_unichar_get_script(letter)) {
    case G_UNICODE_SCRIPT_HANGUL:
        return LETTER_HANGUL;
    case G_UNICODE_SCRIPT_HAN:
    case G_UNICODE_SCRIPT_BOPOMOFO:
        return LETTER_HAN;
    case G_UNICODE_SCRIPT_HIRAGANA:
        return LETTER_HIRAGANA;
    case G_UNICODE_SCRIPT_KATAKANA:
        return LETTER_KATAKANA;
    case G_UNICODE_SCRIPT_THAI:
    case G_UNICODE_SCRIPT_LAO:
    case G_UNICODE_SCRIPT_KHMER:
    case G_UNICODE_SCRIPT_MYANMAR:
        return LETTER_UNSPACED;
    default:
        return LETTER_SPACED;
    }
}

enum letter_kind letter_kind(uint32_t letter)
{
    bool joiner = letter == 0x200C || letter == 0x200D; /* zero-width, within Persian and Indic words */
    bool long_sound = letter == 0x30FC;                 /* follows Katakana, and belongs to no script by itself */
    if (joiner || long_sound || g_unichar_ismark(letter))
        return LETTER_MARK;
    return g_unichar_isalnum(letter) ? kind_of_script(letter) : LETTER_NONE;
}

bool letter_is_apostrophe(uint32_t letter)
{
    return letter == '\'' || letter == 0x2019;
}

bool letter_joins(uint32_t letter)
{
    return letter == '-' || letter == 0x2010 || letter == 0x2011 || letter_is_apostrophe(letter);
}

uint32_t letter_fold(uint32_t letter)
{
    return g_unichar_tolower(letter);
}
