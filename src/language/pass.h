/* A forward pass of new positions through a stack of blocks, in any of the language models. */
#ifndef LMVR_SRC_LANGUAGE_PASS_H
#define LMVR_SRC_LANGUAGE_PASS_H

#include "nn/rope.h"

/* The rows of one sequence: `count` of them, at positions first, first + 1, … of its slot in the KV cache. */
struct language_span {
    int slot;
    int64_t first, count;
};

/* What is added to the hidden states of some rows after the first blocks (struct visual_tokens). */
struct language_addition {
    int blocks; /* after blocks 1 .. blocks */
    int64_t count;
    const int64_t *rows; /* (count), ascending, of the host */
    const float *states; /* on the device; after block b: (count, width) from states + (b - 1) * stride on */
    int64_t stride;
};

/* The attention of a pass's rows to `count` positions, starting at `first`: positions of their own sequence in a decoder-only
 * model, of the encoder's output in an encoder-decoder. Softmax weights, averaged over the heads and over the blocks
 * first_block .. last_block, counted from 1. */
struct language_attention {
    int first_block, last_block;
    int64_t first, count;
    float *weights; /* (rows, count), on the device */
};

/*
 * Keys and values of the new positions go into the KV cache, and the positions attend to what it holds of their sequences.
 * Hidden state 0 is the embeddings, state i the output of block i before any addition, as in transformers; the last one is the
 * last block's output, with its addition, after the final norm.
 */
struct language_pass {
    const struct language_span *spans;
    int span_count;
    const struct position *positions;         /* (rows), for rotary embeddings; NULL where the model has none */
    float *hidden;                            /* (rows, width), on the device: the embeddings; overwritten */
    const struct language_addition *addition; /* NULL: nothing is added */
    int blocks;                               /* how many to run, up to all */
    /* In the last block that is run, hidden states are computed only for rows from this one on; the others only leave keys and
     * values. */
    int64_t finish_from;
    const bool *wanted; /* (all blocks + 1): the hidden states that `on_state` is called with */
    /* `states`, on the device, holds rows first_row .. first_row + rows - 1, numbered across all spans. */
    void (*on_state)(void *user, int layer, int64_t first_row, int64_t rows, const float *states);
    void *user;
    struct language_attention *attention; /* NULL: not wanted */
};

#endif
