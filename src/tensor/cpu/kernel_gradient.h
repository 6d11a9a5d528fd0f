/* Kernels for training, besides those of kernels.h: the backward pass of norms, activations and softmax. Each runs on one
 * thread and accumulates into its results, unless it says that it sets them. */
#ifndef LMVR_SRC_TENSOR_CPU_KERNEL_GRADIENT_H
#define LMVR_SRC_TENSOR_CPU_KERNEL_GRADIENT_H

#include "tensor/activation.h"
#include "tensor/dtype.h"

struct gradient_kernels {
    /* y += factor * x; y = factor * x. */
    void (*add)(int64_t n, float factor, const float *x, float *y);
    void (*scale)(int64_t n, float factor, const float *x, float *y);
    float (*dot)(int64_t n, const float *x, const float *y);

    /* For rows x (rows, n), from dy: dx and, unless NULL, dweight and dbias (n). A NULL weight means 1. */
    void (*layer_norm)(int64_t rows, int64_t n, const float *x, const float *weight, float eps, const float *dy, float *dx,
                       float *dweight, float *dbias);
    void (*rms_norm)(int64_t rows, int64_t n, const float *x, const float *weight, float eps, const float *dy, float *dx,
                     float *dweight);

    /* Sets y = f(x); adds dx += dy * f'(x). */
    void (*activate)(enum activation activation, int64_t n, const float *x, float *y);
    void (*activate_back)(enum activation activation, int64_t n, const float *x, const float *dy, float *dx);
    /* Sets y = f(gate) * up; adds dgate += dy * up * f'(gate), dup += dy * f(gate). */
    void (*gated)(enum activation activation, int64_t n, const float *gate, const float *up, float *y);
    void (*gated_back)(enum activation activation, int64_t n, const float *gate, const float *up, const float *dy, float *dgate,
                       float *dup);

    /* In place: x = softmax(scale * x + bias); bias may be NULL. Returns log(sum(exp(scale * x + bias))). */
    float (*softmax)(int64_t n, float scale, const float *bias, float *x);
    /* In place: d = scale * p * (d - sum(p * d)), the gradient of the softmax's input. */
    void (*softmax_back)(int64_t n, float scale, const float *p, float *d);

    /* In place: a = a * cosine - b * sine, b = b * cosine + a * sine, where sine is `sign` times the given one. */
    void (*rotate)(int64_t n, const float *cosines, const float *sines, float sign, float *restrict a, float *restrict b);

    /* column sums: sum (n) += sums over rows of x (rows, n). */
    void (*sum_rows)(int64_t rows, int64_t n, const float *x, float *sum);
};

/* The best set for this processor; a constant. */
const struct gradient_kernels *gradient_kernels_get(void);

extern const struct gradient_kernels gradient_kernels_generic, gradient_kernels_avx2, gradient_kernels_avx512;

#endif
