/* Products equal their definition for all operand layouts. */
#include "cmocka_all.h"

#include "tensor/matmul.h"
#include "tensor/cpu/product.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static float number(int64_t i)
{
    return (float)(((uint64_t)i * 2654435761u >> 7) % 2001) / 1000.0f - 1.0f;
}

static double element(const struct matrix *matrix, enum dtype dtype, int64_t row, int64_t column)
{
    int64_t at = matrix->transposed ? column * matrix->stride + row : row * matrix->stride + column;
    return dtype == F32 ? (double)((const float *)matrix->data)[at] : (double)bf16_to_f32(((const bf16 *)matrix->data)[at]);
}

/* An operand (rows, columns) with `gap` elements between its rows. */
static struct matrix matrix_of(enum dtype dtype, int64_t rows, int64_t columns, bool transposed, int64_t gap, int64_t seed)
{
    int64_t lines = transposed ? columns : rows, stride = (transposed ? rows : columns) + gap;
    void *data = calloc((size_t)(lines * stride), dtype_size(dtype));
    assert_non_null(data);
    for (int64_t i = 0; i < lines * stride; i++)
        if (dtype == F32)
            ((float *)data)[i] = number(seed + i);
        else
            ((bf16 *)data)[i] = bf16_from_f32(number(seed + i));
    return (struct matrix){data, stride, transposed};
}

static void compare(const struct matmul_call *call, const float *before)
{
    for (int64_t i = 0; i < call->m; i++)
        for (int64_t j = 0; j < call->c_stride; j++) {
            int64_t at = i * call->c_stride + j;
            double expected = (double)before[at];
            if (j < call->n) {
                expected = call->accumulate ? expected : call->bias ? (double)call->bias[j] : 0;
                for (int64_t l = 0; l < call->k; l++)
                    expected += element(&call->a, call->dtype, i, l) * element(&call->b, call->dtype, l, j);
            }
            if (!(fabs((double)call->c[at] - expected) <= 1e-5 * sqrt((double)call->k + 1)))
                fail_msg("(%lld, %lld, %lld) dtype %d, transposed %d %d, accumulate %d, bias %d: (%lld, %lld) is %g, not %g",
                         (long long)call->m, (long long)call->n, (long long)call->k, (int)call->dtype, call->a.transposed,
                         call->b.transposed, call->accumulate, call->bias != NULL, (long long)i, (long long)j,
                         (double)call->c[at], expected);
        }
}

static void check(struct matmul *matmul, struct arena *arena, enum dtype dtype, const int64_t *size, int way, int64_t gap)
{
    lmvr_error error;
    float bias[200];
    for (int64_t j = 0; j < size[1]; j++)
        bias[j] = number(j + 77);
    struct matmul_call call = {.dtype = dtype,
                               .m = size[0],
                               .n = size[1],
                               .k = size[2],
                               .a = matrix_of(dtype, size[0], size[2], way & 1, gap, 1),
                               .b = matrix_of(dtype, size[2], size[1], way & 2, gap, 5000),
                               .bias = way >> 2 == 1 ? bias : NULL,
                               .accumulate = way >> 2 == 2,
                               .c_stride = size[1] + gap};
    size_t bytes = (size_t)(call.m * call.c_stride) * sizeof(float);
    float *before = malloc(bytes);
    call.c = malloc(bytes);
    assert_true(before && call.c);
    for (int64_t i = 0; i < call.m * call.c_stride; i++)
        before[i] = number(i + 9);
    for (int again = 0; again < 2; again++) { /* compiled, then taken from the cache */
        memcpy(call.c, before, bytes);
        if (matmul_run(matmul, arena, &call, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        compare(&call, before);
    }
    free(before);
    free(call.c);
    free((void *)call.a.data);
    free((void *)call.b.data);
}

static void test_products(void **state)
{
    (void)state;
    const int64_t sizes[][3] = {{1, 1, 1}, {3, 5, 17}, {33, 1, 5}, {1, 33, 40}, {40, 17, 1}, {64, 64, 64}, {70, 130, 200}};
    lmvr_error error;
    struct matmul *matmul;
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(matmul_create(&matmul, &error), LMVR_OK);
    for (int dtype = F32; dtype <= BF16; dtype++) {
        if (dtype == BF16 && !product_computes_bf16())
            continue;
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int way = 0; way < 12; way++)
                for (int64_t gap = 0; gap < 8; gap += 3)
                    check(matmul, &arena, (enum dtype)dtype, sizes[s], way, gap);
    }
    matmul_free(matmul);
    arena_finish(&arena);
}

static void test_empty_sums(void **state)
{
    (void)state;
    lmvr_error error;
    struct matmul *matmul;
    struct arena arena;
    float c[4] = {1, 2, 3, 4};
    const float bias[2] = {5, 6};
    struct matmul_call call = {.dtype = F32, .m = 2, .n = 2, .k = 0, .accumulate = true, .c = c, .c_stride = 2};
    arena_init(&arena);
    assert_int_equal(matmul_create(&matmul, &error), LMVR_OK);
    assert_int_equal(matmul_run(matmul, &arena, &call, &error), LMVR_OK);
    assert_true(c[0] == 1 && c[3] == 4);
    call.accumulate = false;
    call.bias = bias;
    assert_int_equal(matmul_run(matmul, &arena, &call, &error), LMVR_OK);
    assert_true(c[0] == 5 && c[3] == 6);
    call.m = 0;
    assert_int_equal(matmul_run(matmul, &arena, &call, &error), LMVR_OK);
    matmul_free(matmul);
    arena_finish(&arena);
}

/* More shapes than the cache holds: old ones are compiled again. */
static void test_many_shapes(void **state)
{
    (void)state;
    lmvr_error error;
    struct matmul *matmul;
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(matmul_create(&matmul, &error), LMVR_OK);
    float *ones = malloc(2200 * sizeof *ones), c;
    assert_non_null(ones);
    for (int i = 0; i < 2200; i++)
        ones[i] = 1;
    for (int64_t k = 1; k <= 2200; k++) {
        struct matmul_call call = {F32, 1, 1, k, {ones, k, false}, {ones, 1, false}, NULL, false, &c, 1};
        assert_int_equal(matmul_run(matmul, &arena, &call, &error), LMVR_OK);
        assert_true(c == (float)k);
    }
    free(ones);
    matmul_free(matmul);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_empty_sums),
        cmocka_unit_test(test_many_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
