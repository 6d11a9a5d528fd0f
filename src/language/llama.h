/*
 * A decoder-only model of the LLaMA family (Touvron et al. 2023; transformers' LlamaForCausalLM, and Mistral, Qwen2, Qwen3,
 * SmolLM2): RMS norms before attention and MLP, rotary position embeddings, grouped-query attention, a gated MLP.
 */
#ifndef LMVR_SRC_LANGUAGE_LLAMA_H
#define LMVR_SRC_LANGUAGE_LLAMA_H

#include "language/language.h"
#include "language/pass.h"
#include "nn/elementwise.h"
#include "nn/kv_cache.h"
#include "nn/linear.h"

struct llama_block {
    struct norm norm1, norm2;
    struct norm q_norm, k_norm;  /* of each head, (head_dim); weights are NULL where the model has none (Qwen3 has) */
    struct linear qkv;           /* queries, keys and values stacked, ((heads + 2 kv_heads) * head_dim, width) */
    struct linear attention_out; /* (width, heads * head_dim) */
    struct linear gate_up;       /* gate and up stacked, (2 mlp_width, width) */
    struct linear down;          /* (width, mlp_width) */
};

struct llama {
    const struct device *device;
    int vocabulary, width, heads, kv_heads, head_dim, mlp_width, block_count;
    enum activation activation;
    struct rope rope;
    enum dtype embedding_dtype, cache_dtype;
    void *embedding; /* (vocabulary, width), on the device */
    struct llama_block *blocks;
    struct norm norm;
    struct linear head; /* (vocabulary, width) */
};

/* `last` (rows - finish_from, width) receives the last hidden states, after the final norm; NULL where they are not needed or
 * not all blocks are run. */
lmvr_status llama_forward(const struct llama *llama, struct kv_cache *cache, struct arena *arena,
                          const struct language_pass *pass, float *last, lmvr_error *error);

/* x (count, width), on the device, receives the tokens' embeddings. Ids must be in range. */
void llama_embed(const struct llama *llama, struct arena *arena, int64_t count, const int32_t *tokens, float *x);

/* logits (rows, vocabulary) from last hidden states after the norm, (rows, width). */
lmvr_status llama_logits(const struct llama *llama, struct arena *arena, int64_t rows, const float *states, float *logits,
                         lmvr_error *error);

void llama_finish(struct llama *llama);

/* Takes ownership of `llama`, which must be malloc'ed. */
struct language llama_language(struct llama *llama);

#endif
