/*
 * T5, an encoder-decoder (Raffel et al. 2020; transformers' T5ForConditionalGeneration, versions 1.0, 1.1 and Flan): RMS norms
 * before each sublayer, relative positions as an attention bias, attention scores without scaling.
 */
#ifndef LMVR_SRC_LANGUAGE_T5_H
#define LMVR_SRC_LANGUAGE_T5_H

#include "language/language.h"
#include "language/pass.h"
#include "nn/elementwise.h"
#include "nn/kv_cache.h"
#include "nn/linear.h"

struct t5_block {
    struct norm norm1, norm2;
    struct linear qkv;           /* queries, keys and values stacked, (3 heads * head_dim, width) */
    struct linear attention_out; /* (width, heads * head_dim) */
    struct linear wi;            /* (mlp_width, width), or gate and up stacked, (2 mlp_width, width) */
    struct linear wo;            /* (width, mlp_width) */

    /* in the decoder only, between attention and MLP */
    struct norm norm_cross;
    struct linear cross_q, cross_kv, cross_out; /* cross_kv: keys and values stacked, (2 heads * head_dim, width) */
};

struct t5_stack {
    int block_count;
    struct t5_block *blocks;
    struct norm norm;
    float *relative_bias; /* (buckets, heads), of the host, shared by all blocks */
};

struct t5 {
    const struct device *device;
    int vocabulary, width, heads, head_dim, mlp_width;
    int buckets, max_distance; /* of the relative positions */
    bool gated;                /* the MLP has a gate (version 1.1) */
    enum activation activation;
    enum dtype embedding_dtype, cache_dtype;
    void *embedding; /* (vocabulary, width), on the device, shared by both stacks */
    struct t5_stack encoder, decoder;
    struct linear head;  /* (vocabulary, width) */
    float head_scale;    /* multiplies the states before the head */
    int32_t start_token; /* the decoder's first token */
};

/* The KV cache of the sequences being decoded: the decoder's own keys and values, and the cross-attention's, which are computed
 * once from the encoder's output. */
struct t5_cache {
    const struct device *device;
    struct kv_cache own, cross;
    int64_t *inputs;                                  /* (slots): encoder positions of each sequence */
    struct attention_bias encoder_bias, decoder_bias; /* for the longest sequences so far */
};

lmvr_status t5_cache_create(struct t5_cache *cache, const struct t5 *t5, int slots, lmvr_error *error);
/* Makes room in a slot for a sequence of `input` encoder positions and up to `positions` decoder positions. */
lmvr_status t5_cache_reserve(struct t5_cache *cache, const struct t5 *t5, int slot, int64_t input, int64_t positions,
                             lmvr_error *error);
void t5_cache_finish(struct t5_cache *cache);

/* The bucket of a key at this distance (its position minus the query's), as transformers' _relative_position_bucket. The
 * encoder is `bidirectional`; in the decoder distances are 0 or less. */
int t5_bucket(int64_t distance, bool bidirectional, int buckets, int max_distance);

/* x (count, width) receives the tokens' embeddings. Ids must be in range. */
void t5_embed(const struct t5 *t5, struct arena *arena, int64_t count, const int32_t *tokens, float *x);

/* Runs the encoder over one sequence: one span, for which the cache has room, whose hidden states are all computed. If all
 * blocks are run, pass->hidden then holds the last hidden state, after the final norm. */
lmvr_status t5_encode(const struct t5 *t5, const struct t5_cache *cache, struct arena *arena, const struct language_pass *pass,
                      lmvr_error *error);

/* Stores the cross-attention keys and values of the encoder's last hidden state, (the slot's input, width), for every decoder
 * block. */
lmvr_status t5_cache_encoded(const struct t5 *t5, struct t5_cache *cache, struct arena *arena, int slot, const float *states,
                             lmvr_error *error);

/* Runs the decoder. If all blocks are run, `last` (rows, width; NULL is allowed) receives the last hidden states, after the
 * final norm; else it is left untouched, and on_state is not called for the state after the last block. pass->attention is the
 * cross-attention to the encoder's positions. */
lmvr_status t5_decode(const struct t5 *t5, struct t5_cache *cache, struct arena *arena, const struct language_pass *pass,
                      float *last, lmvr_error *error);

/* logits (rows, vocabulary) from the decoder's last hidden states (rows, width). */
lmvr_status t5_logits(const struct t5 *t5, struct arena *arena, int64_t rows, const float *states, float *logits,
                      lmvr_error *error);

void t5_finish(struct t5 *t5);

/* Takes ownership of `t5`, which must be malloc'ed. */
struct language t5_language(struct t5 *t5);

#endif
