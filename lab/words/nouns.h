/* What words.c knows of grammar: endings, plurals, and words that are no nouns. */
#ifndef LMVR_LAB_WORDS_NOUNS_H
#define LMVR_LAB_WORDS_NOUNS_H

#include "lab/words/words.h"

/* Where the word ends without an English possessive: "dog's" after "dog". */
uint32_t nouns_without_possessive(const char *text, const struct word *word);

/* Whether these bytes are a Korean particle, which is written on its noun's end. */
bool nouns_is_particle(const char *text, size_t length);

/* Where a word of Hangul ends without its particle. */
uint32_t nouns_without_particle(const char *text, const struct word *word);

/* The English plural of a noun, in lower-case endings; of several words, the last one's. To be freed. */
lmvr_status nouns_plural(const char *noun, char **plural, lmvr_error *error);

/* Whether a word, in lower case, is in the list of English words that are not shown by themselves. */
bool nouns_is_stop_word(const char *word);

/* Whether a word, in lower case, is a noun though it ends as participles and adverbs do. */
bool nouns_is_exception(const char *word);

#endif
