#include "nn/elementwise.h"

#include "tensor/cpu/kernels.h"

#include <stdlib.h>

#define FEW 16384 /* below this many elements, one thread is faster than two */

void layer_norm_finish(struct layer_norm *norm)
{
    free(norm->weight);
    free(norm->bias);
    *norm = (struct layer_norm){0};
}

void rms_norm_finish(struct rms_norm *norm)
{
    free(norm->weight);
    *norm = (struct rms_norm){0};
}

void layer_norm_forward(const struct layer_norm *norm, int64_t rows, int64_t width, const float *x, float *y)
{
    const struct kernels *kernels = kernels_get();
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t r = 0; r < rows; r++)
        kernels->layer_norm(1, width, x + r * width, norm->weight, norm->bias, norm->eps, y + r * width);
}

void rms_norm_forward(const struct rms_norm *norm, int64_t rows, int64_t width, const float *x, float *y)
{
    const struct kernels *kernels = kernels_get();
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t r = 0; r < rows; r++)
        kernels->rms_norm(1, width, x + r * width, norm->weight, norm->eps, y + r * width);
}

void norm_finish(struct norm *norm)
{
    free(norm->weight);
    free(norm->bias);
    *norm = (struct norm){0};
}

void norm_forward(const struct norm *norm, int64_t rows, int64_t width, const float *x, float *y)
{
    if (norm->rms)
        rms_norm_forward(&(struct rms_norm){norm->weight, norm->eps}, rows, width, x, y);
    else
        layer_norm_forward(&(struct layer_norm){norm->weight, norm->bias, norm->eps}, rows, width, x, y);
}

void embedding_forward(enum dtype dtype, const void *table, int64_t width, int64_t count, const int32_t *tokens, float *x)
{
    for (int64_t r = 0; r < count; r++) {
        int64_t at = tokens[r] * width;
        if (dtype == F32)
            memcpy(x + r * width, (const float *)table + at, (size_t)width * sizeof *x);
        else
            for (int64_t i = 0; i < width; i++)
                x[r * width + i] = bf16_to_f32(((const bf16 *)table)[at + i]);
    }
}

static void activate(const struct kernels *kernels, enum activation activation, int64_t n, float *x)
{
    switch (activation) {
    case ACTIVATION_GELU:
        kernels->gelu(n, x);
        break;
    case ACTIVATION_QUICK_GELU:
        kernels->quick_gelu(n, x);
        break;
    case ACTIVATION_GELU_TANH:
        kernels->gelu_tanh(n, x);
        break;
    case ACTIVATION_SILU:
        kernels->silu(n, x);
        break;
    case ACTIVATION_RELU:
        kernels->relu(n, x);
        break;
    }
}

void activation_forward(enum activation activation, int64_t rows, int64_t width, float *x)
{
    const struct kernels *kernels = kernels_get();
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t r = 0; r < rows; r++)
        activate(kernels, activation, width, x + r * width);
}

void gated_forward(enum activation activation, int64_t rows, int64_t width, float *both, float *y)
{
    const struct kernels *kernels = kernels_get();
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t r = 0; r < rows; r++) {
        float *gate = both + r * 2 * width;
        activate(kernels, activation, width, gate);
        memcpy(y + r * width, gate + width, (size_t)width * sizeof *y);
        kernels->multiply(width, gate, y + r * width);
    }
}
