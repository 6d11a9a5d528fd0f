/* The grammar that words.c needs: endings, plurals, and words that are not nouns. */
#ifndef LMVR_LAB_WORDS_NOUNS_H
#define LMVR_LAB_WORDS_NOUNS_H

#include "lab/words/words.h"

/* The word's end without an English possessive: "dog" in "dog's". */
uint32_t nouns_without_possessive(const char *text, const struct word *word);

/* Whether these bytes are a Korean particle, which is appended to its noun. */
bool nouns_is_particle(const char *text, size_t length);

/* The end of a Hangul word without its particle. */
uint32_t nouns_without_particle(const char *text, const struct word *word);

/* The English plural of a noun, with lower-case endings; of several words, the last one is changed. The caller frees it. */
lmvr_status nouns_plural(const char *noun, char **plural, lmvr_error *error);

/* Whether a lower-case word is in the list of English words that are never shown. */
bool nouns_is_stop_word(const char *word);

/* Whether a lower-case word is a noun despite ending like a participle or an adverb. */
bool nouns_is_exception(const char *word);

#endif
