#include "tensor/cpu/gradient.h"
#include "tensor/cpu/kernel_gradient.h"

#include <assert.h>
#include <string.h>

#define FEW 16384 /* elements that one thread processes faster than two */

/* In place: logits become d (-sum of target * log softmax) / d logits; returns the loss itself. */
double cpu_gradient_row_loss(int64_t n, int64_t target, float smoothing, float *x)
{
    float even = smoothing / (float)n, at = x[target];
    double sum = 0;
    if (smoothing > 0)
        for (int64_t i = 0; i < n; i++)
            sum += x[i];
    double all = gradient_kernels_get()->softmax(n, 1.0f, NULL, x);
    if (smoothing > 0)
        for (int64_t i = 0; i < n; i++)
            x[i] -= even;
    x[target] -= 1.0f - smoothing;
    return all - (1.0 - (double)smoothing) * (double)at - (double)even * sum;
}

static double mean_of(int64_t count, const double *losses)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += losses[i];
    return count ? sum / (double)count : 0;
}

lmvr_status cpu_gradient_cross_entropy(struct arena *arena, int64_t rows, int64_t columns, const float *logits,
                                       const int32_t *targets, float smoothing, float *slope, float *loss, lmvr_error *error)
{
    const struct gradient_kernels *kernels = gradient_kernels_get();
    struct arena_mark mark = arena_mark(arena);
    double *losses = arena_alloc(arena, rows, sizeof *losses);
    if (!losses)
        return error_no_memory(error, "a training pass");
#pragma omp parallel for schedule(static) if (rows * columns > FEW)
    for (int64_t r = 0; r < rows; r++) {
        float *row = slope + r * columns;
        assert(targets[r] >= 0 && targets[r] < columns);
        memcpy(row, logits + r * columns, (size_t)columns * sizeof *row);
        losses[r] = cpu_gradient_row_loss(columns, targets[r], smoothing, row);
        kernels->scale(columns, 1.0f / (float)rows, row, row);
    }
    *loss = (float)mean_of(rows, losses);
    arena_release(arena, mark);
    return LMVR_OK;
}
