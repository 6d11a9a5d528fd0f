/* What a model computes for a pass, from its configuration alone: to compare its speed with what the machine can do. */
#ifndef LMVR_BENCH_WORK_H
#define LMVR_BENCH_WORK_H

#include "model/config.h"
#include "tensor/dtype.h"

/* Linear layers of one shape that `rows` rows go through. */
struct work_product {
    int64_t rows, out, in;
    int uses;
    bool single_row; /* its speed says nothing of attention's: a single row among passes of many */
};

#define WORK_MOST_PRODUCTS 24

struct work {
    struct work_product products[WORK_MOST_PRODUCTS];
    int count;
    double attention;    /* operations of attention's two products, at the count that causality leaves */
    double cache_values; /* numbers of the key-value cache that are read once */
};

/* Of the encoder for `images` images, up to the state that features read by default. */
void work_encode(const struct model_config *config, int images, struct work *work);
/* Of a prompt of `rows` positions, up to the logits of the first token. */
void work_prompt(const struct model_config *config, int64_t rows, struct work *work);
/* Of one token of each of `batch` sequences that began with `rows` positions and have had `done` tokens since. */
void work_decode(const struct model_config *config, int batch, int64_t rows, int64_t done, struct work *work);

#endif
