/*
 * A language model, whichever it is: a decoder alone, whose input and response are one sequence, or an encoder for the input
 * with a decoder for the response behind it. A sequence is started from its input, and then fed its response token by token.
 */
#ifndef LMVR_SRC_LANGUAGE_LANGUAGE_H
#define LMVR_SRC_LANGUAGE_LANGUAGE_H

#include "error.h"
#include "language/pass.h"
#include "tensor/arena.h"

#include <stdbool.h>

/* What every sequence of a session starts from: tokens, an image's visual tokens, tokens. */
struct language_input {
    const int32_t *before, *after;
    int64_t before_count, visual_count, after_count;
};

/* Someone who is told of states. Rows of the input are its positions; rows of a step are numbered as its tokens are. */
struct language_listener {
    const bool *wanted; /* (blocks + 1) of the stack: states that `on_state` is called with */
    void (*on_state)(void *user, int layer, int64_t first_row, int64_t rows, const float *states);
    void *user;
};

/* How far the input is run. */
struct language_extent {
    int blocks; /* of input_blocks */
    /* The first position whose state behind those blocks is needed; what stands before may be left unfinished. */
    int64_t needed_from;
};

/* One token each for some sequences. */
struct language_step {
    int count;
    const int *slots;
    const int64_t *positions; /* of the tokens in their responses, from 0 on */
    const int32_t *tokens;
};

/* A response that has ended; its sequence's keys and values are still in its slot. */
struct language_response {
    int slot, count;
    const int32_t *tokens; /* (count) */
};

struct language_operations {
    /* Memory for `slots` sequences of this input and up to `response` tokens. The input's tokens live as long as it does. */
    lmvr_status (*cache_create)(const void *model, int slots, const struct language_input *input, int64_t response,
                                void **cache, lmvr_error *error);
    void (*cache_free)(void *cache);
    uint64_t (*cache_bytes)(const void *model, int slots, const struct language_input *input, int64_t response);
    /* Makes sequence `to` what a sequence that has just been started is: `from`. */
    void (*cache_copy)(void *cache, int from, int to);

    /* What all sequences have in common, once before the first of them is started. NULL: nothing. */
    lmvr_status (*prepare)(const void *model, void *cache, struct arena *arena, const struct language_extent *extent,
                           const struct language_listener *input, lmvr_error *error);
    /*
     * Starts a sequence from its visual tokens (visual_count, width). `last` (width) receives the state, with the final norm,
     * that the first token is chosen from; where it is NULL nothing will be generated, and `extent` may stop midway. `first`
     * is told of the position of the start token, which a decoder behind an encoder has.
     */
    lmvr_status (*start)(const void *model, void *cache, struct arena *arena, int slot, const float *visual,
                         const struct language_extent *extent, const struct language_listener *input,
                         const struct language_listener *first, float *last, lmvr_error *error);
    /* Feeds tokens of responses; `last` (count, width) as above. */
    lmvr_status (*step)(const void *model, void *cache, struct arena *arena, const struct language_step *step,
                        const struct language_listener *listener, float *last, lmvr_error *error);
    /* logits (rows, vocabulary) from last states (rows, width). */
    lmvr_status (*logits)(const void *model, struct arena *arena, int64_t rows, const float *states, float *logits,
                          lmvr_error *error);
    /* What a response attends to, at positions of the input: a row for each token, asked from the position that predicts it,
     * or from its own. */
    lmvr_status (*attend)(const void *model, void *cache, struct arena *arena, const struct language_response *response,
                          bool predicting, struct language_attention *attention, lmvr_error *error);
    void (*free)(void *model);
};

struct language {
    int vocabulary, width;
    int input_blocks, blocks; /* of the stacks that the input and the response go through */
    bool encoder_decoder;     /* these are two stacks, and the response's positions begin with a start token */
    void *model;              /* owned */
    const struct language_operations *operations;
};

/* Frees the model. One that was never filled, all zeros, is allowed. */
void language_finish(struct language *language);

static inline int64_t language_input_length(const struct language_input *input)
{
    return input->before_count + input->visual_count + input->after_count;
}

#endif
