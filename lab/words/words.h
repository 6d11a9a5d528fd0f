/*
 * The words of a response: their byte ranges, and which tokens produced them.
 *
 * A word is a run of letters, digits and marks. Apostrophes and hyphens between two of them belong to it ("dog's", "hot-dog"),
 * and a run ends where the kind of script changes: Han, Hiragana, Katakana, Thai and the like are written without spaces, so a
 * run of them may hold many words. Invalid UTF-8 belongs to no word.
 */
#ifndef LMVR_LAB_WORDS_WORDS_H
#define LMVR_LAB_WORDS_WORDS_H

#include "error.h"

/* Bytes begin <= i < end of a text. */
struct word {
    uint32_t begin, end;
};

struct word_list {
    struct word *items; /* owned */
    size_t count, space;
};

/* Finds every word of the text, in order. */
lmvr_status words_split(const char *text, struct word_list *words, lmvr_error *error);

/* Appends a word; an empty list is initialized as {NULL}. */
lmvr_status words_add(struct word_list *words, struct word word, lmvr_error *error);

void words_finish(struct word_list *words);

/*
 * Finds the first occurrence of `wanted`, which may be several words ("tennis ball"), ignoring simple case. It must begin and
 * end at word borders: "dog" is not in "dogs" or "hot-dog", but it is in "dog's", without the ending. In scripts without spaces
 * it may be anywhere in a run; in Korean it may be followed by a particle from a short list. *found is false if there is none.
 */
lmvr_status words_find(const char *text, const char *wanted, bool *found, struct word *word, lmvr_error *error);

/* The same, also for its English plural: "bus" finds "buses", "person" also "people", "dining table" also "dining tables".
 * Returns whichever occurs first. */
lmvr_status words_find_plural(const char *text, const char *wanted, bool *found, struct word *word, lmvr_error *error);

/*
 * Finds words that look like nouns, each at its first occurrence, without possessive endings, at most `most` of them. It uses
 * no grammar. These count:
 *   - three or more letters of an alphabet, without digits, except those in a list of common English words (function words,
 *     verbs, adjectives, numbers, and words about the image itself, such as "image"; stop_words.c) and those that end like
 *     participles and adverbs, -ing, -ed, -ly, unless in a list of nouns ("building", "bed");
 *   - Han or Katakana of any length, and two or more letters of other scripts without spaces, except Hiragana, which mostly
 *     writes grammar;
 *   - Hangul, without a particle.
 */
lmvr_status words_noun_like(const char *text, size_t most, struct word_list *words, lmvr_error *error);

/* The tokens from the first to the last that produced a byte of the word. token_ends (token_count) is lmvr_result's. A count of
 * 0: none. */
struct token_range {
    size_t first, count;
};

struct token_range words_tokens(const struct word *word, const uint32_t *token_ends, size_t token_count);

#endif
