/* A faulty oneDNN is detected, whatever it gets wrong: its values never end up in a product. */
#include "cmocka_all.h"
#include "tensor/matmul.h"
#include "tensor/cpu/product.h"

#include <dlfcn.h>
#include <math.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdlib.h>

enum { OUT = 48, IN = 64, ROWS = 5 };

static bool faulty;
static bool only_last_column;

/* Replaces the library's function: spoils the first row of products if `faulty` requests it. */
dnnl_status_t dnnl_primitive_execute(const_dnnl_primitive_t primitive, dnnl_stream_t stream, int count,
                                     const dnnl_exec_arg_t *arguments)
{
    dnnl_status_t (*execute)(const_dnnl_primitive_t, dnnl_stream_t, int, const dnnl_exec_arg_t *);
    *(void **)&execute = dlsym(RTLD_NEXT, "dnnl_primitive_execute");
    dnnl_status_t status = execute(primitive, stream, count, arguments);
    void *result = NULL;
    bool product = false;
    for (int i = 0; i < count; i++) {
        product |= arguments[i].arg == DNNL_ARG_WEIGHTS;
        if (arguments[i].arg == DNNL_ARG_DST)
            dnnl_memory_get_data_handle(arguments[i].memory, &result);
    }
    if (faulty && product && result) {
        dnnl_stream_wait(stream);
        for (int o = only_last_column ? OUT - 1 : 0; o < OUT; o++)
            ((float *)result)[o] *= 0.75f;
    }
    return status;
}

static float element(int64_t i)
{
    return (float)(i * 7919 % 101 - 50) / 50;
}

/* Whether rows of the product are right. */
static bool is_right(const struct product *product, lmvr_status expected, lmvr_error *error)
{
    float x[ROWS * IN], y[ROWS * OUT];
    struct arena arena;
    for (int i = 0; i < ROWS * IN; i++)
        x[i] = element(i + 3);
    arena_init(&arena);
    assert_int_equal(product_run(product, &arena, ROWS, x, IN, NULL, false, y, OUT, error), expected);
    arena_finish(&arena);
    bool right = true;
    for (int r = 0; r < ROWS && expected == LMVR_OK; r++)
        for (int o = 0; o < OUT; o++) {
            double sum = 0;
            for (int i = 0; i < IN; i++)
                sum += (double)x[r * IN + i] * (double)element(o * IN + i);
            right &= fabs(sum - (double)y[r * OUT + o]) < 1e-4;
        }
    return right;
}

static struct product *make(lmvr_error *notice)
{
    float weights[OUT * IN];
    struct product *product;
    lmvr_error error;
    for (int i = 0; i < OUT * IN; i++)
        weights[i] = element(i);
    notice->message[0] = '\0';
    assert_int_equal(product_create_by(OUT, IN, F32, LIBRARY, &product, &error), LMVR_OK);
    assert_int_equal(product_set(product, 0, OUT, weights, &error), LMVR_OK);
    assert_int_equal(product_seal(product, notice, &error), LMVR_OK);
    return product;
}

static void a_library_that_is_right_is_used(void **state)
{
    (void)state;
    lmvr_error notice, error;
    faulty = false;
    struct product *product = make(&notice);
    assert_string_equal(notice.message, "");
    assert_true(is_right(product, LMVR_OK, &error));
    product_free(product);
}

static void own_kernels_take_the_place_of_one_that_is_wrong(void **state)
{
    (void)state;
    for (int last = 0; last < 2; last++) {
        lmvr_error notice, error;
        faulty = true;
        only_last_column = last;
        struct product *product = make(&notice);
        assert_non_null(strstr(notice.message, "by (64, 48) wrongly in f32 on this processor"));
        assert_non_null(strstr(notice.message, "own, slower kernels"));
        assert_true(is_right(product, LMVR_OK, &error));
        product_free(product);
    }
}

static void a_number_of_rows_that_comes_out_wrong_is_refused(void **state)
{
    (void)state;
    lmvr_error notice, error;
    faulty = false;
    struct product *product = make(&notice);
    faulty = true;
    only_last_column = true;
    is_right(product, LMVR_ERROR_RESOURCE, &error);
    assert_non_null(strstr(error.message, "multiplies (5, 64) by (64, 48) wrongly"));
    faulty = false; /* and is not assumed to be checked */
    assert_true(is_right(product, LMVR_OK, &error));
    product_free(product);
}

static void a_product_of_matrices_that_change_is_refused_too(void **state)
{
    (void)state;
    float a[ROWS * IN], b[IN * OUT], c[ROWS * OUT];
    struct matmul *matmul;
    struct arena arena;
    lmvr_error error;
    for (int i = 0; i < ROWS * IN; i++)
        a[i] = element(i);
    for (int i = 0; i < IN * OUT; i++)
        b[i] = element(i + 9);
    arena_init(&arena);
    assert_int_equal(matmul_create(&matmul, &error), LMVR_OK);
    for (int transposed = 0; transposed < 2; transposed++) {
        struct matmul_call call = {.dtype = F32, .m = ROWS, .n = OUT, .k = IN, .c = c, .c_stride = OUT};
        call.a = (struct matrix){a, transposed ? ROWS : IN, transposed};
        call.b = (struct matrix){b, transposed ? IN : OUT, transposed};
        faulty = only_last_column = true;
        assert_int_equal(matmul_run(matmul, &arena, &call, &error), LMVR_ERROR_RESOURCE);
        assert_non_null(strstr(error.message, "multiplies (5, 64) by (64, 48) wrongly in f32"));
        faulty = false;
        assert_int_equal(matmul_run(matmul, &arena, &call, &error), LMVR_OK);
    }
    matmul_free(matmul);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_library_that_is_right_is_used),
        cmocka_unit_test(own_kernels_take_the_place_of_one_that_is_wrong),
        cmocka_unit_test(a_number_of_rows_that_comes_out_wrong_is_refused),
        cmocka_unit_test(a_product_of_matrices_that_change_is_refused_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
