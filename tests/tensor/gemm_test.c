#include "cmocka_all.h"

#include "tensor/gemm.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#define M   7
#define N   5
#define K   300
#define LDC (N + 3)

static float value(int i, int j, int which)
{
    return (float)((i * 31 + j * 17 + which * 7) % 23 - 11) / 8;
}

/* Compared with double sums: every transposition, scale, and rows with gaps between them. */
static void check(bool transpose_a, bool transpose_b, float alpha, float beta)
{
    int lda = (transpose_a ? M : K) + 2, ldb = (transpose_b ? K : N) + 1;
    float *a = calloc((size_t)(lda * (transpose_a ? K : M)), sizeof *a),
          *b = calloc((size_t)(ldb * (transpose_b ? N : K)), sizeof *b);
    float c[M * LDC];
    lmvr_error error;
    assert_true(a && b);
    for (int k = 0; k < K; k++) {
        for (int i = 0; i < M; i++)
            a[transpose_a ? k * lda + i : i * lda + k] = value(i, k, 0);
        for (int j = 0; j < N; j++)
            b[transpose_b ? j * ldb + k : k * ldb + j] = value(k, j, 1);
    }
    for (int i = 0; i < M * LDC; i++)
        c[i] = beta == 0 ? NAN : value(i, 3, 2);
    struct gemm_call call = {transpose_a, transpose_b, M, N, K, alpha, a, lda, b, ldb, beta, c, LDC};
    assert_int_equal(gemm_run(&call, &error), LMVR_OK);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < LDC; j++) {
            double sum = 0, before = value(i * LDC + j, 3, 2);
            for (int k = 0; k < K && j < N; k++)
                sum += (double)value(i, k, 0) * (double)value(k, j, 1);
            double expected = j >= N ? before : (double)alpha * sum + (double)beta * before;
            if (j >= N && beta == 0)
                assert_true(isnan(c[i * LDC + j]));
            else
                assert_true(fabs((double)c[i * LDC + j] - expected) < 1e-4);
        }
    free(a);
    free(b);
}

static void test_products(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        check(i & 1, i & 2, 1, 0);
        check(i & 1, i & 2, -0.5f, 1);
        check(i & 1, i & 2, 2, 0.25f);
    }
}

static void test_empty_sums(void **state)
{
    (void)state;
    float c[4] = {1, 2, NAN, 4};
    lmvr_error error;
    struct gemm_call call = {.m = 1, .n = 2, .k = 0, .alpha = 1, .lda = 1, .ldb = 2, .beta = 3, .c = c, .ldc = 2};
    assert_int_equal(gemm_run(&call, &error), LMVR_OK);
    assert_true(c[0] == 3 && c[1] == 6);
    call.beta = 0;
    call.c = c + 2;
    assert_int_equal(gemm_run(&call, &error), LMVR_OK);
    assert_true(c[2] == 0 && c[3] == 0);
    call.m = 0;
    call.k = 5;
    assert_int_equal(gemm_run(&call, &error), LMVR_OK);
}

static void check_threads(bool transpose_a, int m, int n, int k)
{
    float *a = calloc((size_t)m * k, sizeof *a), *b = calloc((size_t)n * k, sizeof *b),
          *c = calloc((size_t)m * n, 2 * sizeof *c);
    lmvr_error error;
    for (int i = 0; i < m * k; i++)
        a[i] = sinf((float)i);
    for (int i = 0; i < n * k; i++)
        b[i] = cosf((float)i);
    int before = omp_get_max_threads();
    for (int t = 0; t < 2; t++) {
        struct gemm_call call = {transpose_a, !transpose_a,  m, n, k, 1, a, transpose_a ? m : k, b, transpose_a ? n : k,
                                 0,           c + t * m * n, n};
        omp_set_num_threads(t == 0 ? 1 : 5);
        assert_int_equal(gemm_run(&call, &error), LMVR_OK);
        assert_int_equal(omp_get_max_threads(), t == 0 ? 1 : 5);
    }
    omp_set_num_threads(before);
    assert_memory_equal(c, c + m * n, (size_t)m * n * sizeof *c);
    free(a);
    free(b);
    free(c);
}

static void test_the_same_bytes_on_any_number_of_threads(void **state)
{
    (void)state;
    check_threads(false, 64, 3, 3000);
    check_threads(true, 3, 47, 1000);
    check_threads(true, 3, 256, 1024);
    check_threads(true, 20, 7, 5000);
    check_threads(false, 61, 500, 700);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_empty_sums),
        cmocka_unit_test(test_the_same_bytes_on_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
