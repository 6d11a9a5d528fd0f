/* Norms and activations over rows, divided among threads; the arithmetic is in tensor/cpu/kernels.h. */
#ifndef LMVR_SRC_NN_ELEMENTWISE_H
#define LMVR_SRC_NN_ELEMENTWISE_H

#include "tensor/activation.h"
#include "tensor/dtype.h"

#include <stdbool.h>

struct layer_norm {
    float *weight, *bias; /* (width) */
    float eps;
};

struct rms_norm {
    float *weight; /* (width) */
    float eps;
};

/* Either of them. */
struct norm {
    float *weight, *bias; /* (width); an RMS norm has no bias */
    float eps;
    bool rms;
};

void norm_finish(struct norm *norm);
void norm_forward(const struct norm *norm, int64_t rows, int64_t width, const float *x, float *y);

void layer_norm_finish(struct layer_norm *norm);
void rms_norm_finish(struct rms_norm *norm);

/* y (rows, width) from x (rows, width); y may be x. */
void layer_norm_forward(const struct layer_norm *norm, int64_t rows, int64_t width, const float *x, float *y);
void rms_norm_forward(const struct rms_norm *norm, int64_t rows, int64_t width, const float *x, float *y);

/* x (count, width) receives the rows `tokens`, which must be in range, of a table (.., width). */
void embedding_forward(enum dtype dtype, const void *table, int64_t width, int64_t count, const int32_t *tokens, float *x);

/* x (rows, width) in place. */
void activation_forward(enum activation activation, int64_t rows, int64_t width, float *x);

/* y (rows, width) = activation(gate) * up, where a row of `both` is gate, then up, (2 width). SwiGLU: Shazeer 2020. */
void gated_forward(enum activation activation, int64_t rows, int64_t width, float *both, float *y);

#endif
