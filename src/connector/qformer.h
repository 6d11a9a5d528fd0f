/*
 * BLIP-2's Q-Former (Li et al. 2023, section 3.1; transformers' Blip2QFormerModel): learned queries that attend to each other
 * and, in some blocks, to the encoder's hidden state, then a projection to the word embedding space.
 */
#ifndef LMVR_SRC_CONNECTOR_QFORMER_H
#define LMVR_SRC_CONNECTOR_QFORMER_H

#include "connector/connector.h"
#include "nn/elementwise.h"
#include "nn/linear.h"

struct qformer_block {
    struct linear qkv, attention_out;           /* qkv: the three projections stacked, (3 width, width) */
    struct norm norm1;                          /* post-norm, as in BERT: each norm follows the residual sum */
    bool crosses;                               /* the block has cross-attention */
    struct linear cross_q, cross_kv, cross_out; /* cross_kv: keys and values stacked, (2 width, encoder's width) */
    struct norm norm_cross;
    struct linear fc1, fc2; /* the queries' own MLP */
    struct norm norm2;
};

struct qformer {
    const struct device *device;
    int queries, width, heads, mlp_width, block_count;
    enum activation activation;
    float *query_tokens; /* (queries, width), on the device */
    struct norm norm;
    struct qformer_block *blocks;
    struct linear projection;
};

/*
 * tokens (count, queries, projection.out) from x (count, positions, encoder's width). hidden[i], for 0 <= i <= block_count, is
 * NULL or receives hidden state i, (count, queries, width); `hidden` itself may be NULL. `maps` is NULL or receives the
 * queries' cross-attention to the patches, (count, queries, positions - 1): softmax weights, without the class token, which
 * comes first, averaged over the heads and over the blocks with cross-attention.
 */
lmvr_status qformer_forward(const struct qformer *qformer, struct arena *arena, int count, int64_t positions, const float *x,
                            float *const *hidden, float *tokens, float *maps, lmvr_error *error);

void qformer_finish(struct qformer *qformer);

/* Takes ownership of `qformer`, a malloc'ed one. It reads the encoder's hidden state `state`, of pictures of one view and size.
 */
struct connector qformer_connector(struct qformer *qformer, int state);

#endif
