/* Operands of either type for tests of kernels, and comparisons with what they should be. */
#ifndef LMVR_TESTS_TENSOR_CUDA_OPERANDS_H
#define LMVR_TESTS_TENSOR_CUDA_OPERANDS_H

#include "cmocka_all.h"

#include "tensor/dtype.h"

#include <math.h>
#include <stdlib.h>

#define MARGIN 8 /* elements beyond an operand, which no kernel may change */

static inline void *allocate(size_t count, size_t size)
{
    void *memory = aligned_alloc(64, (count * size + 63) / 64 * 64 + 64);
    assert_non_null(memory);
    return memory;
}

/* Evenly from -1 to 1. */
static inline float random_at(uint64_t seed, int64_t i)
{
    uint64_t z = seed * 0x9e3779b97f4a7c15u + (uint64_t)i * 0xd1342543de82ef95u + 1;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (float)((double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1.0);
}

static inline double operand_value(enum dtype dtype, const void *x, int64_t i)
{
    return dtype == F32 ? (double)((const float *)x)[i] : (double)bf16_to_f32(((const bf16 *)x)[i]);
}

static inline void operand_set(enum dtype dtype, void *x, int64_t i, float value)
{
    if (dtype == F32)
        ((float *)x)[i] = value;
    else
        ((bf16 *)x)[i] = bf16_from_f32(value);
}

static inline void *operand_from(enum dtype dtype, void *x, int64_t i)
{
    return (char *)x + (size_t)i * dtype_size(dtype);
}

/* `count` elements with a margin, all of them 0xff bytes. */
static inline void *operand_empty(enum dtype dtype, int64_t count)
{
    size_t size = (size_t)(count + MARGIN) * dtype_size(dtype);
    return memset(allocate(size, 1), 0xff, size);
}

/* Evenly from -scale to scale. */
static inline void *operand_random(enum dtype dtype, int64_t count, uint64_t seed, float scale)
{
    void *x = operand_empty(dtype, count);
    for (int64_t i = 0; i < count; i++)
        operand_set(dtype, x, i, scale * random_at(seed, i));
    return x;
}

static inline void *operand_copy(enum dtype dtype, int64_t count, const void *x)
{
    return memcpy(operand_empty(dtype, count), x, (size_t)(count + MARGIN) * dtype_size(dtype));
}

static inline void assert_margin(enum dtype dtype, const void *x, int64_t count)
{
    const unsigned char *end = (const unsigned char *)x + (size_t)count * dtype_size(dtype);
    for (size_t i = 0; i < MARGIN * dtype_size(dtype); i++)
        assert_int_equal(end[i], 0xff);
}

/* Element i is `expected` but for rounding; `slack` is added to what f32 may be wrong by. NaN equals NaN. */
static inline void assert_near(enum dtype dtype, const void *x, int64_t i, double expected, double slack)
{
    double value = operand_value(dtype, x, i);
    double limit = fabs(expected) * (dtype == F32 ? 1e-5 : 0x1p-8) + slack + 1e-30;
    if (isnan(expected) ? !isnan(value) : !(fabs(value - expected) <= limit) && value != expected)
        fail_msg("element %lld is %.9g instead of %.9g", (long long)i, value, expected);
}

static inline void assert_same(enum dtype dtype, const void *x, const void *y, int64_t count)
{
    assert_memory_equal(x, y, (size_t)count * dtype_size(dtype));
}

#endif
