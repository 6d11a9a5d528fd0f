/* Products of two matrices that both change, as training asks cuBLASLt for them. */
#include "fake_cuda.h"
#include "operands.h"

#include "tensor/cuda/module/two_product.h"

enum { SLOW, FAST, RACES, SAID_TF32, UNTAKEN, ALGORITHMS };

static struct fake_algorithm algorithms[ALGORITHMS] = {[SLOW] = {.order = FAKE_ASCENDING, .time = 9},
                                                       [FAST] = {.order = FAKE_ASCENDING, .time = 1},
                                                       [RACES] = {.order = FAKE_HALVES, .parts = 2, .races = true},
                                                       [SAID_TF32] = {.order = FAKE_IN_TF32, .tf32 = true},
                                                       [UNTAKEN] = {.order = FAKE_UNTAKEN}};

struct fixture {
    struct cuda_gpu *gpu;
    struct cuda_queue *queue;
};

static void offer(int a, int b, int c)
{
    for (int class = 0; class < ROW_CLASSES; class ++) {
        fake.offers[class][0] = a;
        fake.offers[class][1] = b;
        fake.offers[class][2] = c;
    }
}

static struct fixture start(int algorithm)
{
    struct fixture f;
    fake_reset();
    fake.algorithms = algorithms;
    offer(algorithm, -1, -1);
    assert_int_equal(gpu_open(0, &f.gpu, NULL), LMVR_OK);
    assert_int_equal(queue_create(f.gpu, &f.queue, NULL), LMVR_OK);
    return f;
}

static void stop(struct fixture f)
{
    queue_free(f.queue);
    gpu_close(f.gpu);
    assert_int_equal(fake.objects, 0);
    assert_int_equal(fake.allocated, 0);
}

/* ---- values ------------------------------------------------------------------------------------------------------------- */

#define BEFORE 0.5f /* what c holds */

static int64_t place(const struct cuda_operand *x, int64_t index, int64_t row, int64_t column)
{
    return index * x->step + (x->turned ? column * x->stride + row : row * x->stride + column);
}

/* c is what it should be, and as it was between its rows and behind them. */
static void assert_product(const struct cuda_product *p, int64_t size)
{
    int64_t checked = 0;
    for (int64_t at = 0; at < size; at++) {
        int64_t index = at / p->c_step, row = at % p->c_step / p->c_stride, column = at % p->c_stride;
        bool inside = index < p->count && row < p->m && column < p->n;
        double sum = 0, before = (double)BEFORE;
        for (int64_t k = 0; inside && k < p->k; k++)
            sum += operand_value(p->dtype, p->a.data, place(&p->a, index, row, k)) *
                   operand_value(p->dtype, p->b.data, place(&p->b, index, k, column));
        assert_near(F32, p->c, at, !inside ? before : (double)p->factor * sum + (p->add ? before : 0), 1e-5);
        checked += inside;
    }
    assert_int_equal(checked, p->count * p->m * p->n);
    assert_margin(F32, p->c, size);
}

/* `shift`: elements by which all matrices begin late, and so far their rows have gaps. */
static void check(struct fixture f, struct cuda_product p, int64_t shift)
{
    int64_t a_rows = p.a.turned ? p.k : p.m, b_rows = p.b.turned ? p.n : p.k;
    p.a.stride = (p.a.turned ? p.m : p.k) + shift;
    p.b.stride = (p.b.turned ? p.k : p.n) + shift;
    p.c_stride = p.n + shift;
    p.a.step = a_rows * p.a.stride;
    p.b.step = b_rows * p.b.stride;
    p.c_step = p.m * p.c_stride;
    int64_t size = p.count * p.c_step;
    void *a = operand_random(p.dtype, p.count * p.a.step + shift, 1, 1),
         *b = operand_random(p.dtype, p.count * p.b.step + shift, 2, 1);
    float *c = operand_empty(F32, size + shift);
    for (int64_t i = 0; i < size; i++)
        c[shift + i] = BEFORE;
    p.a.data = operand_from(p.dtype, a, shift);
    p.b.data = operand_from(p.dtype, b, shift);
    p.c = c + shift;
    lmvr_error error;
    if (two_product(f.queue, &p, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_product(&p, size);
    free(a);
    free(b);
    free(c);
}

static void test_products_are_sums_whichever_way_matrices_are_stored(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    for (int kind = 0; kind < 96; kind++) {
        struct cuda_product p = {.dtype = kind & 1 ? BF16 : F32,
                                 .count = kind & 2 ? 3 : 1,
                                 .m = 5,
                                 .n = 7,
                                 .k = 12,
                                 .a.turned = kind & 4,
                                 .b.turned = kind & 8,
                                 .factor = kind & 16 ? 0.25f : 1,
                                 .add = kind & 16};
        check(f, p, kind / 32);
    }
    stop(f);
}

static void test_one_row_column_or_term_is_enough(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    for (int kind = 0; kind < 16; kind++) {
        struct cuda_product p = {.dtype = kind & 1 ? BF16 : F32,
                                 .count = 1,
                                 .m = kind & 2 ? 1 : 6,
                                 .n = kind & 4 ? 1 : 8,
                                 .k = kind & 8 ? 1 : 10,
                                 .factor = 1};
        check(f, p, 0);
    }
    stop(f);
}

/* As attention's: rows of two heads side by side, whose products are apart. */
static void test_matrices_may_be_columns_of_others(void **state)
{
    (void)state;
    enum { ROWS = 5, HEAD = 6, HEADS = 2, WIDE = 16 };
    struct fixture f = start(FAST);
    for (int dtype = F32; dtype <= BF16; dtype++) {
        void *q = operand_random((enum dtype)dtype, (int64_t)ROWS * WIDE, 1, 1),
             *k = operand_random((enum dtype)dtype, (int64_t)ROWS * WIDE, 2, 1);
        float *c = operand_empty(F32, (int64_t)HEADS * ROWS * ROWS);
        struct cuda_product p = {.dtype = (enum dtype)dtype,
                                 .count = HEADS,
                                 .m = ROWS,
                                 .n = ROWS,
                                 .k = HEAD,
                                 .a = {q, WIDE, HEAD, false},
                                 .b = {k, WIDE, HEAD, true},
                                 .factor = 0.5f,
                                 .c = c,
                                 .c_stride = ROWS,
                                 .c_step = (int64_t)ROWS * ROWS};
        assert_int_equal(two_product(f.queue, &p, NULL), LMVR_OK);
        assert_product(&p, (int64_t)HEADS * ROWS * ROWS);
        free(q);
        free(k);
        free(c);
    }
    stop(f);
}

static void test_nothing_is_no_product(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    struct cuda_product none[] = {{.m = 1, .n = 1, .k = 1}, {.count = 1, .n = 1, .k = 1}, {.count = 1, .m = 1, .k = 1}};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(two_product(f.queue, &none[i], NULL), LMVR_OK);
    assert_int_equal(fake.asked, 0);
    assert_int_equal(fake.products, 0);
    stop(f);
}

/* ---- algorithms --------------------------------------------------------------------------------------------------------- */

static _Alignas(64) float from[4096], to[4096];

/* (m, 8) (8, 4), beginning `late` elements late. */
static struct cuda_product simple(int64_t m, int64_t late)
{
    return (struct cuda_product){.dtype = F32,
                                 .count = 1,
                                 .m = m,
                                 .n = 4,
                                 .k = 8,
                                 .a = {from + late, 8, 0, false},
                                 .b = {from, 4, 0, false},
                                 .factor = 1,
                                 .c = to,
                                 .c_stride = 4};
}

static void test_the_first_that_adds_in_one_order_and_in_f32_is_taken(void **state)
{
    (void)state;
    struct fixture f = start(RACES);
    struct cuda_product p = simple(3, 0);
    offer(RACES, SAID_TF32, SLOW);
    assert_int_equal(two_product(f.queue, &p, NULL), LMVR_OK);
    assert_int_equal(fake.used, SLOW);
    p.dtype = BF16;
    assert_int_equal(two_product(f.queue, &p, NULL), LMVR_OK);
    assert_int_equal(fake.used, SLOW);
    stop(f);
}

static void test_a_shape_is_asked_for_once_and_again_where_memory_is_aligned_otherwise(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    for (int round = 0; round < 3; round++)
        for (int64_t late = 0; late < 4; late++) { /* by 16, 4, 8 and 4 bytes */
            struct cuda_product p = simple(3, late);
            assert_int_equal(two_product(f.queue, &p, NULL), LMVR_OK);
        }
    assert_int_equal(fake.asked, 3);
    assert_int_equal(fake.products, 12);
    stop(f);
}

static void test_shapes_differ_in_all_that_an_algorithm_depends_on(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    struct cuda_product kinds[] = {simple(4, 0), simple(4, 0), simple(4, 0), simple(4, 0), simple(4, 0)};
    kinds[1].dtype = BF16;
    kinds[1].b.stride = 8;
    kinds[2].b.turned = true;
    kinds[2].b.stride = 8;
    kinds[3].b.stride = 8;
    kinds[4].k = 7;
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            assert_int_equal(two_product(f.queue, &kinds[i], NULL), LMVR_OK);
    assert_int_equal(fake.asked, 5);
    stop(f);
}

static void test_shapes_that_are_forgotten_are_asked_for_again(void **state)
{
    (void)state;
    enum { SHAPES = TWO_SHAPES + 1 };
    struct fixture f = start(FAST);
    for (int round = 0; round < 2; round++)
        for (int64_t m = 1; m <= SHAPES; m++) {
            struct cuda_product p = simple(m, 0);
            assert_int_equal(two_product(f.queue, &p, NULL), LMVR_OK);
        }
    assert_int_equal(fake.asked, 2 * SHAPES);
    for (int64_t m = SHAPES; m > 2; m--) {
        struct cuda_product p = simple(m, 0);
        assert_int_equal(two_product(f.queue, &p, NULL), LMVR_OK);
    }
    assert_int_equal(fake.asked, 2 * SHAPES);
    stop(f);
}

/* ---- failures ----------------------------------------------------------------------------------------------------------- */

static void assert_fails(struct fixture f, const struct cuda_product *p, const char *sentence)
{
    lmvr_error error;
    assert_int_equal(two_product(f.queue, p, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message, sentence);
}

static void test_what_cublaslt_does_not_do_is_told_with_the_sizes(void **state)
{
    (void)state;
    struct fixture f = start(UNTAKEN);
    struct cuda_product p = simple(3, 0);
    assert_fails(f, &p, "GPU 0 (Fake): cannot multiply two matrices: cuBLASLt says: not supported");
    stop(f);
    f = start(RACES);
    offer(RACES, SAID_TF32, -1);
    for (int i = 0; i < 2; i++) /* and it is not taken for found the second time */
        assert_fails(f, &p, "GPU 0 (Fake): cuBLASLt has no algorithm for a product of 3 x 4 x 8");
    p.c_stride = 3; /* which its rows do not fit in */
    assert_fails(f, &p, "GPU 0 (Fake): cuBLASLt has no algorithm for a product of 3 x 4 x 8");
    fake.without_batches = true;
    p.count = 2;
    assert_fails(f, &p, "GPU 0 (Fake): cuBLASLt does not take a product");
    stop(f);
}

static void test_a_failure_before_and_a_lost_gpu_are_told(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    struct cuda_product p = simple(3, 0);
    queue_zero(f.queue, NULL, 10);
    assert_fails(f, &p, "GPU 0 (Fake): cannot clear its memory: as CUDA says");
    assert_int_equal(fake.products, 0);
    stop(f);
    f = start(FAST);
    assert_int_equal(two_product(f.queue, &p, NULL), LMVR_OK);
    fake.broken = cudaErrorIllegalAddress;
    assert_fails(f, &p,
                 "GPU 0 (Fake) failed, and this process cannot use it any more: cannot run its kernels: an illegal memory "
                 "access was encountered");
    stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products_are_sums_whichever_way_matrices_are_stored),
        cmocka_unit_test(test_one_row_column_or_term_is_enough),
        cmocka_unit_test(test_matrices_may_be_columns_of_others),
        cmocka_unit_test(test_nothing_is_no_product),
        cmocka_unit_test(test_the_first_that_adds_in_one_order_and_in_f32_is_taken),
        cmocka_unit_test(test_a_shape_is_asked_for_once_and_again_where_memory_is_aligned_otherwise),
        cmocka_unit_test(test_shapes_differ_in_all_that_an_algorithm_depends_on),
        cmocka_unit_test(test_shapes_that_are_forgotten_are_asked_for_again),
        cmocka_unit_test(test_what_cublaslt_does_not_do_is_told_with_the_sizes),
        cmocka_unit_test(test_a_failure_before_and_a_lost_gpu_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
