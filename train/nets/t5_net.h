/* T5 for training, or for gradients through it (Raffel et al. 2020; transformers' T5ForConditionalGeneration); language/t5.h
 * has it for inference. */
#ifndef LMVR_TRAIN_NETS_T5_NET_H
#define LMVR_TRAIN_NETS_T5_NET_H

#include "model/config.h"
#include "train/corpora/batch.h"
#include "train/nets/net.h"
#include "train/tape/tape.h"

struct t5_net_block {
    struct net_norm norm1, norm_cross, norm2;
    struct net_linear qkv, attention_out;
    struct net_linear cross_q, cross_kv, cross_out; /* decoder only */
    struct net_linear wi, wo;                       /* wi: gate and up stacked if the MLP is gated */
};

struct t5_net_stack {
    int block_count;
    bool decodes;
    struct t5_net_block *blocks;     /* owned */
    struct parameter *relative_bias; /* (buckets, heads), shared by all blocks */
    struct net_norm norm;
};

struct t5_net {
    struct language_config config;
    bool recompute;                     /* recompute blocks in the backward pass instead of keeping activations */
    double noise;                       /* normal noise on the encoder's input in training: each sequence draws its deviation
                                           between 0 and this many times that of the embeddings */
    uint64_t seed;                      /* of the noise */
    struct parameter *embedding, *head; /* the same if tied */
    struct t5_net_stack encoder, decoder;
};

/* Declares the parameters. Call t5_net_finish() even after a failure. */
lmvr_status t5_net_init(struct t5_net *t5, const struct language_config *config, struct net *net);
void t5_net_finish(struct t5_net *t5);

/*
 * The mean over all target tokens of the batch of -log p(token | the encoder's input, earlier targets). The encoder reads a
 * sequence's tokens that are not targets, the decoder predicts those that are. A sequence with an image has `visual_count` rows
 * of `visual` (images * visual_count, width) before its tokens; NULL: none.
 */
struct value *t5_net_loss(const struct t5_net *t5, struct tape *tape, const struct batch *batch, struct value *visual,
                          int visual_count);

#endif
