/* The amount of computation in a pass, from the model's configuration alone, to compare its speed with the machine's limits. */
#ifndef LMVR_BENCH_WORK_H
#define LMVR_BENCH_WORK_H

#include "model/config.h"
#include "tensor/dtype.h"

/* Which of a model's types a layer's weights have. */
enum work_weights {
    WORK_BLOCKS,  /* the one that was asked for */
    WORK_OUTER,   /* model_outer_dtype() */
    WORK_WIDE,    /* model_wide_dtype() */
    WORK_COMPUTE, /* the one that is computed in: of pixels */
};

/* A linear layer's shape, and how many rows go through it. */
struct work_product {
    int64_t rows, out, in;
    int uses;
    bool single_row; /* a single row among passes of many: its rate does not apply to attention */
    enum work_weights weights;
};

#define WORK_MOST_PRODUCTS 24

struct work {
    struct work_product products[WORK_MOST_PRODUCTS];
    int count;
    double attention;    /* operations in attention's two products, counting only what the causal mask leaves */
    double cache_values; /* values of the key-value cache that are read once */
};

/* The encoder's work for `images` pictures like this one, up to the hidden state that features use by default. */
void work_encode(const struct model_config *config, const struct picture *picture, int images, struct work *work);
/* The work of prefilling a prompt of `rows` positions, up to the logits of the first token. */
void work_prompt(const struct model_config *config, int64_t rows, struct work *work);
/* The work of decoding one token of each of `batch` sequences whose prompts have `rows` positions and that have `done` tokens
 * so far. */
void work_decode(const struct model_config *config, int batch, int64_t rows, int64_t done, struct work *work);

#endif
