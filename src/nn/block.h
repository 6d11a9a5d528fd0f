/*
 * Transformer blocks with the norm before each part (Xiong et al. 2020), as vision transformers and the text towers of dual
 * encoders have them: x += out(attention(norm1(x))), then x += fc2(activation(fc1(norm2(x)))).
 */
#ifndef LMVR_SRC_NN_BLOCK_H
#define LMVR_SRC_NN_BLOCK_H

#include "nn/elementwise.h"
#include "nn/linear.h"

struct block {
    struct norm norm1, norm2;
    struct linear qkv, attention_out; /* qkv: the three projections stacked, (3 width, width) */
    struct linear fc1, fc2;           /* fc1: (mlp_width, width), or gate and up stacked, (2 mlp_width, width) */
};

/* What all blocks of a stack have in common. */
struct block_shape {
    int width, heads, mlp_width;
    enum activation activation;
    bool gated;  /* the MLP has a gate */
    bool causal; /* a row attends to the rows of its group up to itself; else to all of them */
};

/* Rows in groups of any sizes, which attend within themselves. */
struct block_rows {
    int64_t count, group_count;
    const int64_t *ends; /* (group_count + 1), of the host, from 0 on: group i has rows ends[i] .. ends[i + 1] - 1 */
    const float *angles; /* (count, head_dim), on the device, by which queries and keys turn (rope.h); NULL: they do not */
};

/* x (rows.count, width) in place. */
lmvr_status block_forward(const struct block *block, const struct block_shape *shape, struct arena *arena,
                          const struct block_rows *rows, float *x, lmvr_error *error);

void block_finish(struct block *block);

#endif
