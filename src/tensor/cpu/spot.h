/*
 * Spot checks of products that a library computes: a few elements of a result against plain sums.
 *
 * A library's code for a shape is made when the shape is first asked for, and a version of it may be wrong for some shapes on
 * some processors (oneDNN 3.7.2 is, in f32 with AVX-512). Faults of that kind touch whole blocks of columns or rows, mostly
 * the last, unfilled ones, so a few elements in the corners tell.
 */
#ifndef LMVR_SRC_TENSOR_CPU_SPOT_H
#define LMVR_SRC_TENSOR_CPU_SPOT_H

#include "tensor/dtype.h"

#include <stdbool.h>

#define SPOT_ROWS    3
#define SPOT_COLUMNS 8

/* Which of `count` rows or columns are looked at: `most` indices at most, ascending, the ends of blocks of 16 to 64 among
 * them. Returns how many. */
int spot_choose(int64_t count, int most, int64_t *indices);

/* Elements of a factor: `count` of them, `step` elements apart. */
struct spot_factor {
    const void *data;
    enum dtype dtype;
    int64_t step;
};

/* Whether `result` is `before` plus the sum over k of a times b, as near as f32 sums in any order come. Where that is not a
 * finite number there is nothing to compare. */
bool spot_agrees(int64_t k, struct spot_factor a, struct spot_factor b, float before, float result);

#endif
