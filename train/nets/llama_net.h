/* LLaMA as it is trained (Touvron et al. 2023; transformers' LlamaForCausalLM): language/llama.h is the same as it runs. */
#ifndef LMVR_TRAIN_NETS_LLAMA_NET_H
#define LMVR_TRAIN_NETS_LLAMA_NET_H

#include "model/config.h"
#include "train/nets/net.h"
#include "train/tape/tape.h"

/* Adapters beside frozen weights (Hu et al. 2021): scale is alpha / rank. */
struct lora {
    int rank; /* 0: none */
    float scale;
};

struct low_rank {
    struct parameter *a, *b; /* (rank, in), (out, rank) */
};

enum { LORA_Q, LORA_K, LORA_V, LORA_OUT, LORA_GATE, LORA_UP, LORA_DOWN, LORA_COUNT };

struct llama_net_block {
    struct net_norm norm1, norm2;
    struct net_linear qkv, attention_out, gate_up, down;
    struct low_rank lora[LORA_COUNT];
};

struct llama_net {
    struct language_config config;
    struct lora lora;
    bool recompute;                     /* blocks are computed again on the way back instead of being kept */
    struct parameter *embedding, *head; /* the same where they are tied */
    struct net_norm norm;
    struct llama_net_block *blocks; /* owned */
};

/* Declares the parameters, adapters among them where lora->rank is not 0: those are trained, and begin at random (A) and at 0
 * (B) where the checkpoint has none. `stored_vocabulary` is how many rows a checkpoint's tables have. llama_net_finish() frees
 * what is left, also after a failure. */
lmvr_status llama_net_init(struct llama_net *llama, const struct language_config *config, const struct lora *lora,
                           int stored_vocabulary, struct net *net);
void llama_net_finish(struct llama_net *llama);

/* The last states with the norm, (rows, width), from x (rows, width), embeddings of sequences. positions (rows) and segments
 * are borrowed. */
struct value *llama_net_run(const struct llama_net *llama, struct tape *tape, struct value *x, const int32_t *positions,
                            const struct tape_segment *segments, int segment_count);

/* Adds each adapter to its weight, and forgets the adapters: for saving. */
lmvr_status llama_net_merge(struct llama_net *llama, lmvr_error *error);

#endif
