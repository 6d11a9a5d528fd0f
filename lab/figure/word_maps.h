/*
 * From a response's attention to maps of words: for each, the mean of its tokens' maps, and the names it goes by.
 *
 * A word's file is named after it: '/', '\', ':', '?', control characters, a period at the beginning and what is not UTF-8
 * become
 * '_', and at most 100 bytes of it are kept, whole characters. Where that name is taken, or is "sheet", "-2" is added, or the
 * next number that is free.
 */
#ifndef LMVR_LAB_FIGURE_WORD_MAPS_H
#define LMVR_LAB_FIGURE_WORD_MAPS_H

#include "lab/words/words.h"

struct word_map {
    char *label;               /* the word as it was asked for, or as it stands in the response; "token 17" */
    char *name;                /* of files, without an extension */
    struct word word;          /* its bytes in the response */
    struct token_range tokens; /* of the response's */
    float *weights;            /* (rows, columns): the mean over the tokens */
};

struct word_maps {
    struct word_map *items; /* all owned */
    size_t count;
    int rows, columns;
};

/* All of these take a result with attention, the same for all calls with `maps`, which begins as {NULL}. */

/* Adds the map of the first occurrence of `word` (words_find). *found is false, and nothing is added, where there is none. */
lmvr_status word_maps_add(struct word_maps *maps, const lmvr_result *result, const char *word, bool *found, lmvr_error *error);

/* Adds the map of a token, counted from 0. LMVR_ERROR_INPUT where the response has not so many. */
lmvr_status word_maps_add_token(struct word_maps *maps, const lmvr_result *result, size_t token, lmvr_error *error);

/* Adds the words that look like nouns (words_noun_like), `most` at the most. */
lmvr_status word_maps_add_noun_like(struct word_maps *maps, const lmvr_result *result, size_t most, lmvr_error *error);

void word_maps_finish(struct word_maps *maps);

#endif
