/*
 * T5's encoder and decoder (Raffel et al. 2020; transformers' T5ForConditionalGeneration, versions 1.0, 1.1 and Flan): RMS
 * norms before each part, positions as a bias by distance, products of queries and keys that are not scaled.
 */
#ifndef LMVR_SRC_LANGUAGE_T5_H
#define LMVR_SRC_LANGUAGE_T5_H

#include "language/kv_cache.h"
#include "language/language.h"
#include "language/pass.h"
#include "nn/elementwise.h"
#include "nn/linear.h"

struct t5_block {
    struct rms_norm norm1, norm2;
    struct linear qkv;           /* queries, keys, values stacked, (3 heads * head_dim, width) */
    struct linear attention_out; /* (width, heads * head_dim) */
    struct linear wi;            /* (mlp_width, width), or gate and up stacked, (2 mlp_width, width) */
    struct linear wo;            /* (width, mlp_width) */

    /* of the decoder, between attention and MLP */
    struct rms_norm norm_cross;
    struct linear cross_q, cross_kv, cross_out; /* keys and values stacked, (2 heads * head_dim, width) */
};

struct t5_stack {
    int block_count;
    struct t5_block *blocks;
    struct rms_norm norm;
    float *relative_bias; /* (buckets, heads), of all blocks */
};

struct t5 {
    int vocabulary, width, heads, head_dim, mlp_width;
    int buckets, max_distance; /* of the relative positions */
    bool gated;                /* the MLP has a gate (version 1.1) */
    enum activation activation;
    enum dtype dtype; /* of the embedding and the cache */
    void *embedding;  /* (vocabulary, width), of both stacks */
    struct t5_stack encoder, decoder;
    struct linear head;  /* (vocabulary, width) */
    float head_scale;    /* of the states before the head */
    int32_t start_token; /* the decoder's first */
};

/* What sequences keep while they are decoded: the decoder's keys and values; and those of the encoder's output, computed once.
 */
struct t5_cache {
    struct kv_cache own, cross;
    int64_t input; /* positions of the encoder, the same for all sequences */
    float *bias_values;
    struct attention_bias encoder_bias, decoder_bias;
};

/* For sequences of `input` positions of the encoder and up to `positions` of the decoder. */
lmvr_status t5_cache_create(struct t5_cache *cache, const struct t5 *t5, int slots, int64_t input, int64_t positions,
                            lmvr_error *error);
void t5_cache_finish(struct t5_cache *cache);

/* The bucket of a key at this distance (its position - the query's): transformers' _relative_position_bucket. The encoder's
 * are `bidirectional`; in the decoder distances are 0 or less. */
int t5_bucket(int64_t distance, bool bidirectional, int buckets, int max_distance);

/* x (count, width): the embeddings of tokens. Ids are in range. */
void t5_embed(const struct t5 *t5, int64_t count, const int32_t *tokens, float *x);

/* The encoder over one sequence: a span of cache->input positions, all of which are finished. Where all blocks are run,
 * pass->hidden holds the last state with the norm afterwards. */
lmvr_status t5_encode(const struct t5 *t5, const struct t5_cache *cache, struct arena *arena, const struct language_pass *pass,
                      lmvr_error *error);

/* Files the keys and values of the encoder's last state (input, width) for every block of the decoder. */
lmvr_status t5_see(const struct t5 *t5, struct t5_cache *cache, struct arena *arena, int slot, const float *states,
                   lmvr_error *error);

/* The decoder. Where all blocks are run, `last` (rows, width; NULL: nobody) receives the last states with the norm; else it is
 * not touched, and no state behind the last block is handed out. pass->attention is of the encoder's positions. */
lmvr_status t5_decode(const struct t5 *t5, struct t5_cache *cache, struct arena *arena, const struct language_pass *pass,
                      float *last, lmvr_error *error);

/* logits (rows, vocabulary) from the decoder's last states (rows, width). */
lmvr_status t5_logits(const struct t5 *t5, struct arena *arena, int64_t rows, const float *states, float *logits,
                      lmvr_error *error);

void t5_finish(struct t5 *t5);

/* Takes over `t5`, which was malloc'ed. */
struct language t5_language(struct t5 *t5);

#endif
