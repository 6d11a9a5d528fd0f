/* One pass of new positions through a stack of blocks, whichever language model they are of. */
#ifndef LMVR_SRC_LANGUAGE_PASS_H
#define LMVR_SRC_LANGUAGE_PASS_H

#include <stdbool.h>
#include <stdint.h>

/* Rows of one sequence: `count` of them, at positions first, first + 1, … of a slot of the cache. */
struct language_span {
    int slot;
    int64_t first, count;
};

/* What the rows of a pass attend to at `count` positions from `first` on, of their own sequence or, in a decoder behind an
 * encoder, of the encoder's: the mean over heads and over the blocks first_block .. last_block (counted from 1) of the softmax
 * weights. */
struct language_attention {
    int first_block, last_block;
    int64_t first, count;
    float *weights; /* (rows, count) */
};

/*
 * Keys and values of the new positions go to the cache, and the positions see all that the cache holds of their sequences.
 * State i enters block i + 1; the last state is the last block's output with the final norm.
 */
struct language_pass {
    const struct language_span *spans;
    int span_count;
    float *hidden; /* (rows, width): the embeddings; overwritten */
    int blocks;    /* how many to run, up to all */
    /* Of the last block that is run, only rows from this one on need be finished (their state is computed); the others leave
     * keys and values only. */
    int64_t finish_from;
    const bool *wanted; /* (all blocks + 1): states that `on_state` is called with */
    /* `states` holds rows first_row .. first_row + rows - 1; rows are counted over all spans. */
    void (*on_state)(void *user, int layer, int64_t first_row, int64_t rows, const float *states);
    void *user;
    struct language_attention *attention; /* NULL: not asked for */
};

#endif
