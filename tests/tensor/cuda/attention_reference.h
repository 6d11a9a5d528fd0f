/* One row of attention, in double precision. */
#ifndef LMVR_TESTS_TENSOR_CUDA_ATTENTION_REFERENCE_H
#define LMVR_TESTS_TENSOR_CUDA_ATTENTION_REFERENCE_H

#include "operands.h"

/* A query of one head, and the keys and values that it sees, rows `stride` elements apart. */
struct reference {
    enum dtype dtype, kv_dtype;
    int head_dim;
    const void *q, *k, *v;
    int64_t visible, stride;
    double scale;
    const float *bias; /* of the first key; may be NULL */
};

/* weights (visible) */
static inline void reference_weights(const struct reference *r, double *weights)
{
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < r->visible; i++) {
        double product = 0;
        for (int d = 0; d < r->head_dim; d++)
            product += operand_value(r->dtype, r->q, d) * operand_value(r->kv_dtype, r->k, i * r->stride + d);
        weights[i] = product * r->scale + (r->bias ? (double)r->bias[i] : 0);
        most = fmax(most, weights[i]);
    }
    for (int64_t i = 0; i < r->visible; i++)
        sum += weights[i] = exp(weights[i] - most);
    for (int64_t i = 0; i < r->visible; i++)
        weights[i] /= sum;
}

/* out (head_dim) is the row but for rounding. In bf16, each weight is rounded too: errors of 2^-9, which add up like noise. */
static inline void assert_attends(const struct reference *r, const void *out)
{
    double *weights = allocate((size_t)r->visible + 1, sizeof *weights);
    reference_weights(r, weights);
    for (int d = 0; d < r->head_dim; d++) {
        double expected = 0, squares = 0;
        for (int64_t i = 0; i < r->visible; i++) {
            double term = weights[i] * operand_value(r->kv_dtype, r->v, i * r->stride + d);
            expected += term;
            squares += term * term;
        }
        assert_near(r->dtype, out, d, expected, r->dtype == F32 ? 1e-6 : 6 * 0x1p-9 * sqrt(squares));
    }
    free(weights);
}

#endif
