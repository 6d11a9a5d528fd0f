/*
 * Spot checks of matrix products by a library: compares a few elements of a result with plain sums.
 *
 * A library generates its code for a shape at the first use, and some versions are wrong for some shapes on some processors
 * (oneDNN 3.7.2 is, in f32 with AVX-512). Such bugs affect whole blocks of columns or rows, mostly the last, partial ones, so
 * a few elements in the corners reveal them.
 */
#ifndef LMVR_SRC_TENSOR_CPU_SPOT_H
#define LMVR_SRC_TENSOR_CPU_SPOT_H

#include "tensor/dtype.h"

#include <stdbool.h>

#define SPOT_ROWS    3
#define SPOT_COLUMNS 8

/* Chooses which of `count` rows or columns to check: at most `most` indices, ascending, which include the ends of blocks of 16
 * to 64. Returns how many. */
int spot_choose(int64_t count, int most, int64_t *indices);

/* Elements of a factor: `count` of them, `step` elements apart. */
struct spot_factor {
    const void *data;
    enum dtype dtype;
    int64_t step;
};

/* Whether `result` is `before` plus the sum over k of a times b, within the rounding of f32 sums in any order. True where the
 * sum is not finite. */
bool spot_agrees(int64_t k, struct spot_factor a, struct spot_factor b, float before, float result);

#endif
