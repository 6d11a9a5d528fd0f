/*
 * The kernels of training, as kernels.h says; matrices are f32 unless there is a `dtype`. What is added to gradients is added
 * in an order that depends on the sizes alone, so that a step gives the same bits each time.
 */
#ifndef LMVR_SRC_TENSOR_CUDA_GRADIENT_KERNELS_H
#define LMVR_SRC_TENSOR_CUDA_GRADIENT_KERNELS_H

#include "tensor/cuda/kernels.h"
#include "tensor/gradient.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- gradient_elements.cu ------------------------------------------------------------------------------------------------ */

/* y = a + factor * b, where b is also multiplied by *by, unless NULL. y may be a. */
void cuda_gradient_sum(cuda_stream stream, int64_t count, const float *a, float factor, const float *by, const float *b,
                       float *y);
/* dx += dy * activation'(x). */
void cuda_gradient_activate_back(cuda_stream stream, enum activation activation, int64_t count, const float *x, const float *dy,
                                 float *dx);
/* Of cuda_gate(): dboth += its gradient. */
void cuda_gradient_gate_back(cuda_stream stream, enum activation activation, int64_t rows, int64_t width, const float *both,
                             const float *dy, float *dboth);
/* y = or += x, matrices of these strides; x_stride 0: every row is the same. */
void cuda_gradient_columns(cuda_stream stream, int64_t rows, int64_t columns, const float *x, int64_t x_stride, bool add,
                           float *y, int64_t y_stride);
void cuda_gradient_turn(cuda_stream stream, const struct gradient_turn *turn, bool back, float *x);

/* sums[i]: of the squares of elements i * GRADIENT_CHUNK and on. */
void cuda_gradient_squares(cuda_stream stream, int64_t count, const float *x, double *sums);
void cuda_gradient_adamw(cuda_stream stream, const struct gradient_adamw *step, float decay, int64_t count,
                         const float *gradient, float *value, float *first, float *second, bf16 *half);

/* ---- gradient_rows.cu ---------------------------------------------------------------------------------------------------- */

#define CUDA_SLICES 64 /* of rows, which are summed separately */

/* sums (columns) += x (rows, columns), row by row; each element is multiplied by (y - mean) * scale of its row if `y` is not
 * NULL. `moments` (rows, 2): a row's mean and scale; partial: (CUDA_SLICES, columns), scratch. */
struct cuda_column_sums {
    int64_t rows, columns;
    const float *x, *y, *moments;
    float *partial, *sums;
};
void cuda_gradient_sum_rows(cuda_stream stream, const struct cuda_column_sums *call);

/* dx += the gradient of cuda_norm(), unless dx is NULL; moments (rows, 2) receives each row's mean and 1 / deviation. */
void cuda_gradient_norm_back(cuda_stream stream, const struct cuda_norm *norm, int64_t rows, int64_t width, const float *x,
                             const float *dy, float *dx, float *moments);

/* Row r of y (count, width) receives row places[r].row of the table, where places[r].source is `source`. */
void cuda_gradient_take(cuda_stream stream, int64_t count, int64_t width, const struct gradient_place *places, int source,
                        enum dtype dtype, const void *table, float *y);
/* For each of `lists` (count): row `target` of `gradient` += rows order[first] .. order[first + number - 1] of dy, in order. */
struct cuda_row_list {
    int32_t target, first, number;
};
void cuda_gradient_give(cuda_stream stream, int64_t count, int64_t width, const struct cuda_row_list *lists,
                        const int32_t *order, const float *dy, float *gradient);

/* *loss: the mean over rows of -log softmax(logits)[target]; slope (rows, columns): its gradient; losses (rows): scratch. */
void cuda_gradient_cross_entropy(cuda_stream stream, int64_t rows, int64_t columns, const float *logits, const int32_t *targets,
                                 float smoothing, float *slope, double *losses, float *loss);

/* Rows of scores of `heads` heads of one segment: (heads, queries, keys). Query i sees keys up to
 * max(prefix, i + 1 + keys - queries), or all. */
struct cuda_scores {
    int64_t heads, queries, keys, prefix;
    bool causal;
};
/* In place: p = softmax(p), 0 where nothing is seen; also as `dtype` in `rounded`, unless NULL. */
void cuda_gradient_softmax(cuda_stream stream, const struct cuda_scores *scores, float *p, enum dtype dtype, void *rounded);
/* out = p * (d - sum(p * d)), of `dtype`; out may be d where that is F32. */
void cuda_gradient_softmax_back(cuda_stream stream, const struct cuda_scores *scores, const float *p, const float *d,
                                enum dtype dtype, void *out);

/* All of them. */
struct cuda_gradients {
    void (*sum)(cuda_stream stream, int64_t count, const float *a, float factor, const float *by, const float *b, float *y);
    void (*activate_back)(cuda_stream stream, enum activation activation, int64_t count, const float *x, const float *dy,
                          float *dx);
    void (*gate_back)(cuda_stream stream, enum activation activation, int64_t rows, int64_t width, const float *both,
                      const float *dy, float *dboth);
    void (*columns)(cuda_stream stream, int64_t rows, int64_t columns, const float *x, int64_t x_stride, bool add, float *y,
                    int64_t y_stride);
    void (*turn)(cuda_stream stream, const struct gradient_turn *turn, bool back, float *x);
    void (*squares)(cuda_stream stream, int64_t count, const float *x, double *sums);
    void (*adamw)(cuda_stream stream, const struct gradient_adamw *step, float decay, int64_t count, const float *gradient,
                  float *value, float *first, float *second, bf16 *half);
    void (*sum_rows)(cuda_stream stream, const struct cuda_column_sums *call);
    void (*norm_back)(cuda_stream stream, const struct cuda_norm *norm, int64_t rows, int64_t width, const float *x,
                      const float *dy, float *dx, float *moments);
    void (*take)(cuda_stream stream, int64_t count, int64_t width, const struct gradient_place *places, int source,
                 enum dtype dtype, const void *table, float *y);
    void (*give)(cuda_stream stream, int64_t count, int64_t width, const struct cuda_row_list *lists, const int32_t *order,
                 const float *dy, float *gradient);
    void (*cross_entropy)(cuda_stream stream, int64_t rows, int64_t columns, const float *logits, const int32_t *targets,
                          float smoothing, float *slope, double *losses, float *loss);
    void (*softmax)(cuda_stream stream, const struct cuda_scores *scores, float *p, enum dtype dtype, void *rounded);
    void (*softmax_back)(cuda_stream stream, const struct cuda_scores *scores, const float *p, const float *d, enum dtype dtype,
                         void *out);
};

#ifdef __cplusplus
}
#endif

#endif
