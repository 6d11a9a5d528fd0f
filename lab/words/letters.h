/* Classifies the characters that words are made of. */
#ifndef LMVR_LAB_WORDS_LETTERS_H
#define LMVR_LAB_WORDS_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum letter_kind {
    LETTER_NONE,   /* not part of a word */
    LETTER_SPACED, /* of a script with spaces between words, except Hangul; digits */
    LETTER_HANGUL,
    LETTER_HAN,
    LETTER_HIRAGANA,
    LETTER_KATAKANA,
    LETTER_UNSPACED, /* of another script without spaces: Thai, Lao, Khmer, Burmese */
    LETTER_MARK      /* belongs to the character before it */
};

/* Decodes the character at `text`, which must not be at its NUL; *length is its size in bytes. Invalid UTF-8 gives U+FFFD. */
uint32_t letter_at(const char *text, size_t *length);

enum letter_kind letter_kind(uint32_t letter);

/* Whether it joins the letters on both sides into one word: an apostrophe or a hyphen. */
bool letter_joins(uint32_t letter);
bool letter_is_apostrophe(uint32_t letter);

/* Simple case folding, one character to one character. */
uint32_t letter_fold(uint32_t letter);

#ifdef __cplusplus
}
#endif

#endif
