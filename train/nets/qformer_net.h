/* BLIP-2's Q-Former as it is trained (Li et al. 2023, section 3; LAVIS's Blip2Qformer; transformers' Blip2QFormerModel), behind
 * a frozen encoder: connector/qformer.h is the same as it runs. */
#ifndef LMVR_TRAIN_NETS_QFORMER_NET_H
#define LMVR_TRAIN_NETS_QFORMER_NET_H

#include "model/config.h"
#include "train/corpora/batch.h"
#include "train/nets/net.h"
#include "train/tape/tape.h"
#include "vision/encoder.h"

/* An MLP with the norm behind its sum. */
struct qformer_net_mlp {
    struct net_linear fc1, fc2;
    struct net_norm norm;
};

struct qformer_net_block {
    struct net_linear qkv, attention_out; /* of queries and text */
    struct net_norm norm1;
    bool crosses;
    struct net_linear cross_q, cross_kv, cross_out; /* of queries */
    struct net_norm norm_cross;
    struct qformer_net_mlp query_mlp, text_mlp;
};

/* What stage 1 has beside: text, and what the three losses are made with. */
struct qformer_net_text {
    struct parameter *words, *positions;
    struct net_linear vision_projection, text_projection, itm_head, transform;
    struct net_norm transform_norm;
    struct parameter *word_bias, *temperature;
};

/* For each text a picture and for each picture a text that do not belong to it, (sequences) each. */
struct qformer_negatives {
    const int32_t *images, *texts;
};

struct qformer_net {
    const struct encoder *vision; /* borrowed */
    struct arena arena;           /* the encoder's */
    struct qformer_config config;
    bool recompute; /* blocks are computed again on the way back instead of being kept */
    struct parameter *query_tokens;
    struct net_norm norm;
    struct qformer_net_block *blocks; /* owned */

    /* of stage 1 */
    bool has_text;
    struct qformer_net_text text;
    int32_t decode_token;                      /* stands first where text is generated */
    uint64_t seed;                             /* of the negatives that are drawn */
    const struct qformer_negatives *negatives; /* borrowed; NULL: they are drawn */
};

/* Declares the parameters, with those of stage 1 where `text` is not NULL. `net->vision` and the fields of stage 1 that are not
 * parameters are the caller's. qformer_net_finish() frees what is left, also after a failure. */
lmvr_status qformer_net_init(struct qformer_net *q, const struct qformer_config *config, const struct qformer_text_config *text,
                             const struct encoder *vision, struct net *net);
void qformer_net_finish(struct qformer_net *q);

/* Keys and values of the batch's images: of each block that crosses; NULL in the others. (block_count), on the tape. */
struct value **qformer_net_see(struct qformer_net *q, struct tape *tape, const struct batch *batch);

/* An image's queries and a text that is their neighbour; -1: there is none. */
struct qformer_pair {
    int image, text;
};

struct qformer_pass {
    const struct batch *batch;
    struct value **seen;              /* by qformer_net_see(); NULL where no pair has an image */
    const struct qformer_pair *pairs; /* borrowed: by growing number of their image */
    int pair_count;                   /* all have an image or none, all have a text or none */
    bool generates; /* a text's token sees the queries, itself and what stands before it, and the first token is decode_token;
                       else all of a pair sees all of it */
};

/* Last states: of the queries (pair_count * queries, width), pair by pair, and of the texts' tokens, whose first are rows
 * text_first[pair] of `text`. What no pair has is NULL. */
struct qformer_states {
    struct value *queries, *text;
    int32_t *text_first; /* (pair_count), on the tape */
};
struct qformer_states qformer_net_run(const struct qformer_net *q, struct tape *tape, const struct qformer_pass *pass);

/* Stage 2: the queries alone, (images * queries, width). */
struct value *qformer_net_queries(struct qformer_net *q, struct tape *tape, const struct batch *batch);

/*
 * Stage 1: image-text contrastive, matching and image-grounded generation losses, summed. Sequence i is a text of image i:
 * [CLS] words [SEP]. Negatives are drawn by the softmax of the scores, the same for the same batch and seed.
 */
struct value *qformer_net_loss(struct qformer_net *q, struct tape *tape, const struct batch *batch);

#endif
