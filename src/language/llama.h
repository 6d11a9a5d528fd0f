/*
 * A LLaMA-family decoder (Touvron et al. 2023; transformers' LlamaForCausalLM): RMS norms before attention and MLP, rotary
 * positions, grouped-query heads, a gated MLP.
 */
#ifndef LMVR_SRC_LANGUAGE_LLAMA_H
#define LMVR_SRC_LANGUAGE_LLAMA_H

#include "language/kv_cache.h"
#include "nn/elementwise.h"
#include "nn/linear.h"

struct llama_block {
    struct rms_norm norm1, norm2;
    struct linear qkv;           /* queries, keys, values stacked, ((heads + 2 kv_heads) * head_dim, width) */
    struct linear attention_out; /* (width, heads * head_dim) */
    struct linear gate_up;       /* gate and up stacked, (2 mlp_width, width) */
    struct linear down;          /* (width, mlp_width) */
};

struct llama {
    int vocabulary, width, heads, kv_heads, head_dim, mlp_width, block_count;
    enum activation activation;
    float rope_theta, rope_factor;
    enum dtype dtype; /* of the embedding and the cache */
    void *embedding;  /* (vocabulary, width) */
    struct llama_block *blocks;
    struct rms_norm norm;
    struct linear head; /* (vocabulary, width) */
};

/* Rows of one sequence: `count` of them, at positions first, first + 1, … of a slot of the cache. */
struct llama_span {
    int slot;
    int64_t first, count;
};

/* What the rows of a pass attend to at the positions first .. first + count - 1 of their own sequence: the mean over heads and
 * over the blocks first_block .. last_block (counted from 1) of the softmax weights. */
struct llama_attention {
    int first_block, last_block;
    int64_t first, count;
    float *weights; /* (rows, count) */
};

/*
 * One pass of new positions through the blocks. Their keys and values go to the cache, and they see all that the cache holds of
 * their sequences. State i enters block i + 1; state block_count is the last block's output with the final norm.
 */
struct llama_pass {
    const struct llama_span *spans;
    int span_count;
    float *hidden; /* (rows, width): the embeddings; overwritten */
    int blocks;    /* how many to run, up to block_count */
    /* Of the last block that is run, only rows from this one on are finished (their state is computed); the others leave keys
     * and values only. */
    int64_t finish_from;
    const bool *wanted; /* (block_count + 1): states that `on_state` is called with */
    /* `states` holds rows first .. last; rows are counted over all spans. */
    void (*on_state)(void *user, int layer, int64_t first_row, int64_t rows, const float *states);
    void *user;
    struct llama_attention *attention; /* NULL: not asked for */
};

/* `last` (rows - finish_from, width) receives the final states with the norm; NULL where they are not needed, or where not all
 * blocks are run. */
lmvr_status llama_forward(const struct llama *llama, struct kv_cache *cache, struct arena *arena, const struct llama_pass *pass,
                          float *last, lmvr_error *error);

/* x (count, width): the embeddings of tokens. Ids are in range. */
void llama_embed(const struct llama *llama, int64_t count, const int32_t *tokens, float *x);

/* logits (rows, vocabulary) from normed last states (rows, width). */
lmvr_status llama_logits(const struct llama *llama, struct arena *arena, int64_t rows, const float *states, float *logits,
                         lmvr_error *error);

void llama_finish(struct llama *llama);

#endif
