/* T5 as it is trained, or as gradients go through it (Raffel et al. 2020; transformers' T5ForConditionalGeneration):
 * language/t5.h is the same as it runs. */
#ifndef LMVR_TRAIN_NETS_T5_NET_H
#define LMVR_TRAIN_NETS_T5_NET_H

#include "model/config.h"
#include "train/corpora/batch.h"
#include "train/nets/net.h"
#include "train/tape/tape.h"

struct t5_net_block {
    struct net_norm norm1, norm_cross, norm2;
    struct net_linear qkv, attention_out;
    struct net_linear cross_q, cross_kv, cross_out; /* of the decoder */
    struct net_linear wi, wo;                       /* wi: gate and up stacked where the MLP has a gate */
};

struct t5_net_stack {
    int block_count;
    bool decodes;
    struct t5_net_block *blocks;     /* owned */
    struct parameter *relative_bias; /* (buckets, heads), of all blocks */
    struct net_norm norm;
};

struct t5_net {
    struct language_config config;
    bool recompute; /* blocks are computed again on the way back instead of being kept */
    double noise;   /* what the encoder reads gets normal noise while it is learned from: of each sequence a deviation between 0
                       and so many times that of the embeddings' numbers */
    uint64_t seed;  /* of the noise */
    struct parameter *embedding, *head; /* the same where they are tied */
    struct t5_net_stack encoder, decoder;
};

/* Declares the parameters. t5_net_finish() frees what is left, also after a failure. */
lmvr_status t5_net_init(struct t5_net *t5, const struct language_config *config, struct net *net);
void t5_net_finish(struct t5_net *t5);

/*
 * The mean over all learned tokens of the batch of -log p(token | what the encoder reads, the learned tokens before it). A
 * sequence's tokens that are not learned are what the encoder reads, those that are the decoder's. A sequence with an image has
 * `visual_count` rows of `visual` (images * visual_count, width) before its tokens; NULL: there are none.
 */
struct value *t5_net_loss(const struct t5_net *t5, struct tape *tape, const struct batch *batch, struct value *visual,
                          int visual_count);

#endif
