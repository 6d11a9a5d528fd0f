/*
 * The words of a response: where they lie in its bytes, and which tokens produced them.
 *
 * A word is a run of letters, digits and marks. Apostrophes and hyphens between two of them belong to it ("dog's",
 * "hot-dog"), and a run ends where its kind of script does: Han, Hiragana, Katakana, Thai and their like are written without
 * spaces, so that a run of them may hold many words. Bytes that are not UTF-8 belong to no word.
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

/* Every word of the text, in its order. */
lmvr_status words_split(const char *text, struct word_list *words, lmvr_error *error);

/* Appends a word; an empty list begins as {NULL}. */
lmvr_status words_add(struct word_list *words, struct word word, lmvr_error *error);

void words_finish(struct word_list *words);

/*
 * The first occurrence of `wanted`, which may be more than one word ("tennis ball"), without regard to simple case. It has to
 * begin and end where words do: "dog" is not in "dogs", nor in "hot-dog", but it is in "dog's", less the ending. In scripts
 * without spaces it may stand anywhere in a run; in Korean, a particle from a short list may follow.
 * *found is false where it does not occur.
 */
lmvr_status words_find(const char *text, const char *wanted, bool *found, struct word *word, lmvr_error *error);

/* The same, or else of its English plural: "bus" finds "buses", "person" also "people", "dining table" also "dining tables".
 * The first of all occurrences counts. */
lmvr_status words_find_plural(const char *text, const char *wanted, bool *found, struct word *word, lmvr_error *error);

/*
 * The words that look like nouns, each at its first occurrence and less a possessive ending, `most` at the most. There is no
 * grammar in it. Taken is a word of
 *   - three or more letters of an alphabet, without digits, that is not in the list of common English words which are none
 *     (function words, verbs, adjectives, numbers, and words about the picture itself, such as "image"; stop_words.c), and
 *     does not end as participles and adverbs do: -ing, -ed, -ly, but for a list of nouns that happen to ("building", "bed");
 *   - Han or Katakana of any length, or two or more letters of another script without spaces, but not Hiragana, which
 *     mostly writes grammar;
 *   - Hangul, less a particle.
 */
lmvr_status words_noun_like(const char *text, size_t most, struct word_list *words, lmvr_error *error);

/* The tokens from the first to the last that produced a byte of the word. token_ends (token_count) is lmvr_result's. A count
 * of 0: none did. */
struct token_range {
    size_t first, count;
};

struct token_range words_tokens(const struct word *word, const uint32_t *token_ends, size_t token_count);

#endif
