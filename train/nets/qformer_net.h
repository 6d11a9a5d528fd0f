/* BLIP-2's Q-Former for training (Li et al. 2023, section 3; LAVIS's Blip2Qformer; transformers' Blip2QFormerModel), after a
 * frozen encoder; connector/qformer.h has it for inference. */
#ifndef LMVR_TRAIN_NETS_QFORMER_NET_H
#define LMVR_TRAIN_NETS_QFORMER_NET_H

#include "model/config.h"
#include "train/corpora/batch.h"
#include "train/nets/net.h"
#include "train/tape/tape.h"
#include "vision/encoder.h"

/* An MLP with a norm after its residual sum. */
struct qformer_net_mlp {
    struct net_linear fc1, fc2;
    struct net_norm norm;
};

struct qformer_net_block {
    struct net_linear qkv, attention_out; /* for queries and text */
    struct net_norm norm1;
    bool crosses;
    struct net_linear cross_q, cross_kv, cross_out; /* for queries */
    struct net_norm norm_cross;
    struct qformer_net_mlp query_mlp, text_mlp;
};

/* What stage 1 adds: text, and the losses' parameters. */
struct qformer_net_text {
    struct parameter *words, *positions;
    struct net_linear vision_projection, text_projection, itm_head, transform;
    struct net_norm transform_norm;
    struct parameter *word_bias, *temperature;
};

/* A non-matching image for each text, and a non-matching text for each image, (sequences) each. */
struct qformer_negatives {
    const int32_t *images, *texts;
};

struct qformer_net {
    const struct encoder *vision; /* borrowed */
    struct arena arena;           /* the encoder's */
    struct qformer_config config;
    bool recompute; /* recompute blocks in the backward pass instead of keeping activations */
    struct parameter *query_tokens;
    struct net_norm norm;
    struct qformer_net_block *blocks; /* owned */

    /* stage 1 only */
    bool has_text;
    struct qformer_net_text text;
    int32_t decode_token;                      /* the first token when generating text */
    uint64_t seed;                             /* of the drawn negatives */
    const struct qformer_negatives *negatives; /* borrowed; NULL: draw them */
};

/* Declares the parameters, including stage 1's if `text` is not NULL. The caller sets `net->vision` and those fields of stage 1
 * that are not parameters. Call qformer_net_finish() even after a failure. */
lmvr_status qformer_net_init(struct qformer_net *q, const struct qformer_config *config, const struct qformer_text_config *text,
                             const struct encoder *vision, struct net *net);
void qformer_net_finish(struct qformer_net *q);

/* The keys and values of the batch's images for each block with cross-attention; NULL for the others. (block_count), on the
 * tape. */
struct value **qformer_net_see(struct qformer_net *q, struct tape *tape, const struct batch *batch);

/* An image's queries together with a text; -1: none. */
struct qformer_pair {
    int image, text;
};

struct qformer_pass {
    const struct batch *batch;
    struct value **seen;              /* from qformer_net_see(); NULL if no pair has an image */
    const struct qformer_pair *pairs; /* borrowed: ordered by image */
    int pair_count;                   /* either all or none have an image, and likewise a text */
    bool generates; /* text attends causally, to the queries and to earlier tokens and itself, and its first token is
                       decode_token; else all of a pair attends to all of it */
};

/* Last hidden states: of the queries (pair_count * queries, width), pair by pair, and of the texts' tokens, starting at row
 * text_first[pair] of `text`. NULL if no pair has them. */
struct qformer_states {
    struct value *queries, *text;
    int32_t *text_first; /* (pair_count), on the tape */
};
struct qformer_states qformer_net_run(const struct qformer_net *q, struct tape *tape, const struct qformer_pass *pass);

/* Stage 2: the queries alone, (images * queries, width). */
struct value *qformer_net_queries(struct qformer_net *q, struct tape *tape, const struct batch *batch);

/*
 * Stage 1: the sum of image-text contrastive, matching and image-grounded generation losses. Sequence i is a text of image i:
 * [CLS] words [SEP]. Negatives are drawn by the softmax of the scores; the same batch and seed give the same.
 */
struct value *qformer_net_loss(struct qformer_net *q, struct tape *tape, const struct batch *batch);

#endif
