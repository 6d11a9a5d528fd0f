/*
 * Maps per word from a response's attention: the mean of the maps of the word's tokens, with a label and a file name.
 *
 * A word's file is named after it: '/', '\', ':', '?', control characters, a leading period and invalid UTF-8 become '_', and
 * at most 100 bytes are kept, without splitting characters. If that name is taken, or is "sheet", "-2" or the next free number
 * is appended.
 */
#ifndef LMVR_LAB_FIGURE_WORD_MAPS_H
#define LMVR_LAB_FIGURE_WORD_MAPS_H

#include "lab/words/words.h"

struct word_map {
    char *label;               /* the word as requested, or as it is in the response; "token 17" */
    char *name;                /* for files, without extension */
    struct word word;          /* its bytes in the response */
    struct token_range tokens; /* its tokens in the response */
    float *weights;            /* (rows, columns): the mean over the tokens */
};

struct word_maps {
    struct word_map *items; /* all owned */
    size_t count;
    int rows, columns;
};

/* All functions take a result with attention, the same for all calls with `maps`, which is initialized as {NULL}. */

/* The mean of the maps of at least one token, (grid_rows, grid_columns), to be freed; NULL: out of memory. */
float *word_maps_mean(const lmvr_result *result, struct token_range tokens);

/* Adds the map of the first occurrence of `word` (words_find). If there is none, *found is false and nothing is added. */
lmvr_status word_maps_add(struct word_maps *maps, const lmvr_result *result, const char *word, bool *found, lmvr_error *error);

/* Adds the map of a token, counted from 0. LMVR_ERROR_INPUT: the response has no such token. */
lmvr_status word_maps_add_token(struct word_maps *maps, const lmvr_result *result, size_t token, lmvr_error *error);

/* Adds the words that look like nouns (words_noun_like), at most `most`. */
lmvr_status word_maps_add_noun_like(struct word_maps *maps, const lmvr_result *result, size_t most, lmvr_error *error);

void word_maps_finish(struct word_maps *maps);

#endif
