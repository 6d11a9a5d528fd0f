/*
 * The interface of language models: decoder-only, where input and response are one sequence, or encoder-decoder, where the
 * encoder reads the input and the decoder generates the response. A sequence is started from its input (prefill), then fed its
 * response token by token (decode).
 */
#ifndef LMVR_SRC_LANGUAGE_LANGUAGE_H
#define LMVR_SRC_LANGUAGE_LANGUAGE_H

#include "error.h"
#include "language/input.h"
#include "language/pass.h"
#include "tensor/arena.h"

#include <stdbool.h>

/* Receives hidden states, on the device, as they are computed. Rows of the input are its positions; rows of a step are its
 * tokens. */
struct language_listener {
    const bool *wanted; /* (blocks of the stack + 1): the hidden states that `on_state` is called with */
    void (*on_state)(void *user, int layer, int64_t first_row, int64_t rows, const float *states);
    void *user;
};

/* How much of the input's forward pass is needed. */
struct language_extent {
    int blocks; /* of input_blocks */
    /* The first position whose hidden state after those blocks is needed; it need not be computed for earlier positions. */
    int64_t needed_from;
};

/* The next token of each of some sequences. */
struct language_step {
    int count;
    const int *slots;
    const int64_t *positions; /* of the tokens in their responses, counted from 0 */
    const int32_t *tokens;
};

/* A response that has ended, whose sequence is still in its slot of the KV cache. */
struct language_response {
    int slot, count;
    const int32_t *tokens; /* (count) */
};

struct language_operations {
    /* A KV cache of `slots` slots, each of which grows to the sequence that it holds. */
    lmvr_status (*cache_create)(const void *model, int slots, void **cache, lmvr_error *error);
    void (*cache_free)(void *cache);
    /* Bytes for one sequence of `input` positions and up to `response` tokens. */
    uint64_t (*sequence_bytes)(const void *model, int64_t input, int64_t response);
    /* Copies the sequence in slot `from`, which has just been started, to slot `to`; `room` is as in start(). */
    lmvr_status (*cache_copy)(void *cache, struct arena *arena, int from, int to, int64_t room, lmvr_error *error);

    /* Computes the beginning that all inputs share, text alone, before the first sequence is started. NULL: they share none. */
    lmvr_status (*prepare)(const void *model, void *cache, struct arena *arena, const struct language_input *shared,
                           const struct language_extent *extent, const struct language_listener *listener, lmvr_error *error);
    /*
     * Starts a sequence from its input, with room for a response of up to `room` tokens. `last` (width) receives the last
     * hidden state, after the final norm, from which the first token is chosen; if it is NULL, nothing will be generated, and
     * `extent` may leave out blocks. `first` receives the hidden states of the decoder's start token, which only an
     * encoder-decoder has.
     */
    lmvr_status (*start)(const void *model, void *cache, struct arena *arena, int slot, const struct language_input *input,
                         const struct visual_tokens *visual, int64_t room, const struct language_extent *extent,
                         const struct language_listener *listener, const struct language_listener *first, float *last,
                         lmvr_error *error);
    /* Feeds the next token of some responses; `last` (count, width) as above. */
    lmvr_status (*step)(const void *model, void *cache, struct arena *arena, const struct language_step *step,
                        const struct language_listener *listener, float *last, lmvr_error *error);
    /* logits (rows, vocabulary) from last hidden states (rows, width). */
    lmvr_status (*logits)(const void *model, struct arena *arena, int64_t rows, const float *states, float *logits,
                          lmvr_error *error);
    /* The attention of a response to positions of the input: one row per token, with the query at the position that predicts
     * the token if `predicting`, else at the token's own position. */
    lmvr_status (*attend)(const void *model, void *cache, struct arena *arena, const struct language_response *response,
                          bool predicting, struct language_attention *attention, lmvr_error *error);
    void (*free)(void *model);
};

struct language {
    int vocabulary, width;
    int input_blocks, blocks; /* of the stacks that the input and the response go through: one and the same if decoder-only */
    bool generates;           /* it has a head, which gives logits */
    bool encoder_decoder;     /* there are two stacks, and the response's positions begin with a start token */
    void *model;              /* owned */
    const struct language_operations *operations;
};

/* Frees the model. A zeroed, never filled one is allowed. */
void language_finish(struct language *language);

#endif
