/* LLaMA for training (Touvron et al. 2023; transformers' LlamaForCausalLM); language/llama.h has it for inference. */
#ifndef LMVR_TRAIN_NETS_LLAMA_NET_H
#define LMVR_TRAIN_NETS_LLAMA_NET_H

#include "model/config.h"
#include "train/nets/net.h"
#include "train/tape/tape.h"

/* LoRA adapters (Hu et al. 2021) on frozen weights; scale is alpha / rank. */
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
    struct rope rope;
    bool recompute;                     /* recompute blocks in the backward pass instead of keeping activations */
    struct parameter *embedding, *head; /* the same if tied */
    struct net_norm norm;
    struct llama_net_block *blocks; /* owned */
};

/* Declares the parameters, including adapters if lora->rank is not 0: these are trained, and if the checkpoint has none, A is
 * random and B is 0. `stored_vocabulary` is the number of rows in a checkpoint's tables. Call llama_net_finish() even after a
 * failure. */
lmvr_status llama_net_init(struct llama_net *llama, const struct language_config *config, const struct lora *lora,
                           int stored_vocabulary, struct net *net);
void llama_net_finish(struct llama_net *llama);

/* The last hidden states after the final norm, (rows, width), from the sequences' embeddings x (rows, width). positions (rows)
 * and segments are borrowed. */
struct value *llama_net_run(const struct llama_net *llama, struct tape *tape, struct value *x, const struct position *positions,
                            const struct gradient_segment *segments, int segment_count);

/* Merges each adapter into its weight, and drops the adapters: for saving. */
lmvr_status llama_net_merge(struct llama_net *llama, lmvr_error *error);

#endif
