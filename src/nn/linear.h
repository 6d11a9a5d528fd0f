/* Linear layers: y = x W^T + b, the weight packed once (tensor/product.h). */
#ifndef LMVR_SRC_NN_LINEAR_H
#define LMVR_SRC_NN_LINEAR_H

#include "tensor/product.h"

struct linear {
    int64_t in, out;
    struct product *weight; /* (out, in) */
    float *bias;            /* (out); NULL: none */
};

void linear_finish(struct linear *linear);

/* y (rows, out) = or += x (rows, in) W^T + b; rows are contiguous. */
lmvr_status linear_forward(const struct linear *linear, struct arena *arena, int64_t rows, const float *x, bool accumulate,
                           float *y, lmvr_error *error);

#endif
