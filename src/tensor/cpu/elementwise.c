/* Norms and activations over rows, divided among threads; the arithmetic is in kernels.h. */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/operations.h"

#include <string.h>

#define FEW 16384 /* below this many elements, one thread is faster than two */

void cpu_norm(struct arena *arena, const struct norm *norm, int64_t rows, int64_t width, const float *x,
              enum product_result result, void *y)
{
    (void)arena, (void)result;
    const struct kernels *kernels = kernels_get();
    float *to = y;
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t r = 0; r < rows; r++) {
        if (norm->rms)
            kernels->rms_norm(1, width, x + r * width, norm->weight, norm->eps, to + r * width);
        else
            kernels->layer_norm(1, width, x + r * width, norm->weight, norm->bias, norm->eps, to + r * width);
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

void cpu_activate(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *x)
{
    (void)arena;
    const struct kernels *kernels = kernels_get();
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t r = 0; r < rows; r++)
        activate(kernels, activation, width, (float *)x + r * width);
}

void cpu_gate(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *both, operand *y)
{
    (void)arena;
    const struct kernels *kernels = kernels_get();
#pragma omp parallel for schedule(static) if (rows * width > FEW)
    for (int64_t r = 0; r < rows; r++) {
        float *gate = (float *)both + r * 2 * width, *to = (float *)y + r * width;
        activate(kernels, activation, width, gate);
        memcpy(to, gate + width, (size_t)width * sizeof *to);
        kernels->multiply(width, gate, to);
    }
}
