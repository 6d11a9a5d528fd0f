#include "fake_cuda.h"
#include "operands.h"

#include "tensor/cuda/module/graph.h"
#include "tensor/cuda/module/matrix.h"
#include "tensor/cuda/module/measure.h"

/* One of each order. */
static const struct fake_algorithm each[] = {
    [FAKE_ASCENDING] = {.order = FAKE_ASCENDING, .time = 5}, [FAKE_HALVES] = {.order = FAKE_HALVES, .time = 1},
    [FAKE_BY_COUNT] = {.order = FAKE_BY_COUNT, .time = 1},   [FAKE_BY_PLACE] = {.order = FAKE_BY_PLACE, .time = 1},
    [FAKE_WRONG] = {.order = FAKE_WRONG, .time = 1},         [FAKE_IN_TF32] = {.order = FAKE_IN_TF32, .time = 1},
    [FAKE_UNTAKEN] = {.order = FAKE_UNTAKEN, .time = 1},
};
enum { SPLIT = FAKE_UNTAKEN + 1, SAID_TF32, FAST, SLOW, ALGORITHMS };

static struct fake_algorithm algorithms[ALGORITHMS];

struct fixture {
    struct cuda_gpu *gpu;
    struct cuda_queue *queue;
};

/* A GPU that offers the one algorithm for all row counts. */
static struct fixture start(int algorithm)
{
    struct fixture f;
    fake_reset();
    memcpy(algorithms, each, sizeof each);
    algorithms[SPLIT] = (struct fake_algorithm){.order = FAKE_ASCENDING, .time = 0, .parts = 4};
    algorithms[SAID_TF32] = (struct fake_algorithm){.order = FAKE_ASCENDING, .time = 0, .tf32 = true};
    algorithms[FAST] = (struct fake_algorithm){.order = FAKE_ASCENDING, .time = 2};
    algorithms[SLOW] = (struct fake_algorithm){.order = FAKE_ASCENDING, .time = 9};
    fake.algorithms = algorithms;
    for (int c = 0; c < ROW_CLASSES; c++)
        fake.offers[c][0] = algorithm;
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
    assert_int_equal(fake.pinned, 0);
}

static struct cuda_matrix *make_matrix(struct fixture f, int64_t out, int64_t in, enum dtype dtype, const float *rows)
{
    struct cuda_matrix *matrix;
    int64_t half = out / 2;
    assert_int_equal(matrix_create(f.gpu, out, in, dtype, &matrix, NULL), LMVR_OK);
    assert_int_equal(matrix_set(matrix, half, out - half, rows + half * in, NULL), LMVR_OK);
    assert_int_equal(matrix_set(matrix, 0, half, rows, NULL), LMVR_OK);
    return matrix;
}

/* ---- values ------------------------------------------------------------------------------------------------------------- */

#define ROWS 21

struct check {
    int64_t out, in;
    enum dtype dtype;
    enum cuda_result result;
    bool bias;
    int64_t x_shift; /* elements by which x begins off 16 bytes; the bias as well */
};

static void assert_values(const struct check *c, const float *weights, const void *x, const float *bias, float before,
                          const void *y)
{
    enum dtype y_dtype = c->result == CUDA_RESULT_OPERANDS ? c->dtype : F32;
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t o = 0; o < c->out; o++) {
            double sum = (c->bias ? (double)bias[o] : 0) + (c->result == CUDA_RESULT_ADDED ? (double)before : 0);
            for (int64_t i = 0; i < c->in; i++) {
                float w = weights[o * c->in + i];
                w = c->dtype == F32 ? w : bf16_to_f32(bf16_from_f32(w));
                sum += (double)w * operand_value(c->dtype, x, r * c->in + i);
            }
            double slack = y_dtype == F32 ? 1e-5 : 0x1p-8; /* bf16 rounds the bias too */
            assert_near(y_dtype, y, r * c->out + o, sum, slack);
        }
    assert_margin(y_dtype, y, ROWS * c->out);
}

static void check_product(struct fixture f, const struct check *c)
{
    float *weights = operand_random(F32, c->out * c->in, 1, 1), *biases = operand_random(F32, c->out + c->x_shift, 2, 1);
    void *operands = operand_random(c->dtype, ROWS * c->in + c->x_shift, 3, 1);
    const void *x = operand_from(c->dtype, operands, c->x_shift);
    const float *bias = biases + c->x_shift;
    enum dtype y_dtype = c->result == CUDA_RESULT_OPERANDS ? c->dtype : F32;
    void *y = operand_empty(y_dtype, ROWS * c->out);
    struct cuda_matrix *matrix = make_matrix(f, c->out, c->in, c->dtype, weights);
    assert_int_equal(matrix_seal(matrix, false, NULL), LMVR_OK);
    if (c->result == CUDA_RESULT_ADDED)
        for (int64_t i = 0; i < ROWS * c->out; i++)
            ((float *)y)[i] = 0.5f;
    lmvr_error error;
    if (matrix_multiply(f.queue, matrix, ROWS, x, c->bias ? bias : NULL, c->result, y, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_values(c, weights, x, bias, 0.5f, y);
    matrix_free(matrix);
    free(weights);
    free(biases);
    free(operands);
    free(y);
}

static void test_products_are_sums_whatever_the_shape(void **state)
{
    (void)state;
    const int64_t shapes[][2] = {{8, 16}, {5, 24}, {12, 9}, {1, 1}, {3, 30}};
    struct fixture f = start(FAKE_ASCENDING);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int kind = 0; kind < 24; kind++) {
            struct check c = {shapes[s][0], shapes[s][1], kind % 2 ? BF16 : F32, (enum cuda_result)(kind / 2 % 3),
                              kind / 6 % 2, kind / 12};
            check_product(f, &c);
        }
    stop(f);
}

/* Rows of BF16 as far apart as a matrix has them, with zeros between them. */
static bf16 *lay_out(const float *weights, int64_t out, int64_t in, int64_t stride)
{
    size_t bytes = (size_t)(out * stride) * sizeof(bf16);
    bf16 *rows = aligned_alloc(CUDA_WEIGHTS_ALIGNMENT, (bytes / CUDA_WEIGHTS_ALIGNMENT + 1) * CUDA_WEIGHTS_ALIGNMENT);
    assert_non_null(rows);
    for (int64_t i = 0; i < out * stride; i++)
        rows[i] = i % stride < in ? bf16_from_f32(weights[i / stride * in + i % stride]) : 0;
    return rows;
}

static void check_lent(struct fixture f, int64_t out, int64_t in)
{
    int64_t stride;
    struct cuda_matrix *lent;
    float *weights = operand_random(F32, out * in, 1, 1), *bias = operand_random(F32, out, 2, 1);
    bf16 *x = operand_random(BF16, ROWS * in, 3, 1);
    float *expected = operand_empty(F32, ROWS * out), *y = operand_empty(F32, ROWS * out);
    struct cuda_matrix *own = make_matrix(f, out, in, BF16, weights);
    assert_int_equal(matrix_create_lent(f.gpu, out, in, &lent, &stride, NULL), LMVR_OK);
    bf16 *rows = lay_out(weights, out, in, stride);
    assert_int_equal(matrix_seal(own, false, NULL), LMVR_OK);
    assert_int_equal(matrix_seal(lent, false, NULL), LMVR_OK);
    assert_int_equal(matrix_multiply(f.queue, own, ROWS, x, bias, CUDA_RESULT_FLOATS, expected, NULL), LMVR_OK);
    assert_int_equal(matrix_multiply_lent(f.queue, lent, rows, ROWS, x, bias, CUDA_RESULT_FLOATS, y, NULL), LMVR_OK);
    assert_same(F32, y, expected, ROWS * out + MARGIN);
    lmvr_error error;
    assert_int_equal(matrix_multiply_lent(f.queue, lent, rows + 8, 1, x, bias, CUDA_RESULT_FLOATS, y, &error),
                     LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "the weights of a product do not begin at a multiple of 256 bytes"));
    matrix_free(own);
    matrix_free(lent);
    free(weights);
    free(bias);
    free(x);
    free(expected);
    free(y);
    free(rows);
}

static void test_weights_that_come_with_a_product_are_multiplied_as_own_ones(void **state)
{
    (void)state;
    struct fixture f = start(FAKE_ASCENDING);
    check_lent(f, 8, 16);
    check_lent(f, 5, 9);
    stop(f);
}

/* No more are multiplied at a time than were tried. */
static void test_parts_of_many_rows_are_as_one(void **state)
{
    (void)state;
    const int64_t rows = 3 * MOST_ROWS + 5, in = 9;
    struct fixture f = start(FAKE_ASCENDING);
    float *weights = operand_random(F32, in, 1, 1), alone;
    struct cuda_matrix *matrix = make_matrix(f, 1, in, BF16, weights);
    assert_int_equal(matrix_seal(matrix, false, NULL), LMVR_OK);
    bf16 *x = operand_random(BF16, rows * in, 2, 1);
    float *y = operand_empty(F32, rows);
    int64_t before = fake.products;
    assert_int_equal(matrix_multiply(f.queue, matrix, rows, x, NULL, CUDA_RESULT_FLOATS, y, NULL), LMVR_OK);
    assert_int_equal(fake.products - before, 4);
    for (int64_t r = 0; r<rows; r += r> 16200 && r < 16500 ? 1 : 97) {
        assert_int_equal(matrix_multiply(f.queue, matrix, 1, x + r * in, NULL, CUDA_RESULT_FLOATS, &alone, NULL), LMVR_OK);
        assert_true(y[r] == alone);
    }
    assert_margin(F32, y, rows);
    free(weights);
    free(x);
    free(y);
    matrix_free(matrix);
    stop(f);
}

/* ---- the choice of algorithms ------------------------------------------------------------------------------------------- */

#define OUT 8
#define IN  24

static struct cuda_matrix *sealed_as(struct fixture f, enum dtype dtype, bool fast)
{
    float *weights = operand_random(F32, (int64_t)OUT * IN, 1, 1);
    struct cuda_matrix *matrix = make_matrix(f, OUT, IN, dtype, weights);
    lmvr_error error;
    if (matrix_seal(matrix, fast, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    free(weights);
    return matrix;
}

static struct cuda_matrix *sealed(struct fixture f, enum dtype dtype)
{
    return sealed_as(f, dtype, false);
}

/* The algorithm by which so many rows are multiplied, whatever becomes of them. */
static int used_for(struct fixture f, const struct cuda_matrix *matrix, enum dtype dtype, int64_t rows)
{
    int used = -1;
    void *x = operand_random(dtype, rows * IN, 2, 1);
    float *y = operand_empty(F32, rows * OUT);
    const float *bias = y; /* of any value */
    for (int kind = 0; kind < 6; kind++) {
        enum cuda_result result = (enum cuda_result)(kind / 2);
        assert_int_equal(matrix_multiply(f.queue, matrix, rows, x, kind % 2 ? bias : NULL, result, y, NULL), LMVR_OK);
        assert_true(used < 0 || used == fake.used);
        used = fake.used;
    }
    free(x);
    free(y);
    return used;
}

static const int64_t counts[ROW_CLASSES][2] = {{1, 16}, {17, 64}, {65, 256}, {257, 1024}, {1025, MOST_ROWS}};

static void assert_used_as(struct fixture f, enum dtype dtype, bool fast, const int expected[ROW_CLASSES])
{
    struct cuda_matrix *matrix = sealed_as(f, dtype, fast);
    for (int c = 0; c < ROW_CLASSES; c++)
        for (int i = 0; i < 2; i++)
            assert_int_equal(used_for(f, matrix, dtype, counts[c][i]), expected[c]);
    matrix_free(matrix);
}

static void assert_used(struct fixture f, enum dtype dtype, const int expected[ROW_CLASSES])
{
    assert_used_as(f, dtype, false, expected);
}

static void offer(int class, int a, int b, int c, int d)
{
    const int offers[FAKE_OFFERS] = {a, b, c, d};
    memcpy(fake.offers[class], offers, sizeof offers);
}

static void test_the_fastest_is_taken_of_those_that_agree_with_many_rows(void **state)
{
    (void)state;
    for (int dtype = F32; dtype <= BF16; dtype++) {
        struct fixture f = start(FAKE_ASCENDING);
        offer(0, FAKE_HALVES, SLOW, FAST, -1);
        offer(1, SLOW, -1, -1, -1);
        offer(2, FAKE_HALVES, FAKE_BY_COUNT, FAKE_BY_PLACE, FAST);
        offer(3, FAKE_HALVES, -1, -1, -1);
        assert_used(f, (enum dtype)dtype, (int[]){FAST, FAKE_ASCENDING, FAST, FAKE_ASCENDING, FAKE_ASCENDING});
        stop(f);
    }
}

static void test_what_many_rows_are_is_said_by_the_first_that_keeps_rows_apart(void **state)
{
    (void)state;
    struct fixture f = start(FAKE_ASCENDING);
    offer(4, FAKE_UNTAKEN, FAKE_BY_PLACE, FAKE_BY_COUNT, FAKE_HALVES);
    assert_used(f, BF16, (int[]){FAKE_HALVES, FAKE_HALVES, FAKE_HALVES, FAKE_HALVES, FAKE_HALVES});
    stop(f);
}

static void test_few_rows_say_it_where_no_algorithm_for_many_can(void **state)
{
    (void)state;
    struct fixture f = start(FAKE_BY_COUNT);
    offer(1, FAKE_ASCENDING, -1, -1, -1);
    assert_used(f, F32, (int[]){FAKE_ASCENDING, FAKE_ASCENDING, FAKE_ASCENDING, FAKE_ASCENDING, FAKE_ASCENDING});
    stop(f);
}

static void test_split_sums_and_tf32_are_never_taken(void **state)
{
    (void)state;
    struct fixture f = start(FAKE_ASCENDING);
    for (int c = 0; c < ROW_CLASSES; c++)
        offer(c, SPLIT, SAID_TF32, FAKE_ASCENDING, FAST);
    assert_used(f, F32, (int[]){FAST, FAST, FAST, FAST, FAST});
    assert_int_equal(fake.schemes, CUBLASLT_REDUCTION_SCHEME_NONE);
    stop(f);
}

static void test_a_fast_matrix_is_multiplied_as_cublas_chooses_for_the_number_of_rows(void **state)
{
    (void)state;
    for (int dtype = F32; dtype <= BF16; dtype++) {
        struct fixture f = start(FAKE_ASCENDING);
        offer(0, SPLIT, FAST, -1, -1);
        offer(1, SAID_TF32, FAKE_HALVES, FAST, -1);
        offer(2, FAKE_BY_COUNT, FAST, -1, -1);
        assert_used_as(f, (enum dtype)dtype, true, (int[]){SPLIT, FAKE_HALVES, FAKE_BY_COUNT, FAKE_ASCENDING, FAKE_ASCENDING});
        assert_int_equal(fake.schemes, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE); /* in an order that is always the same */
        assert_used_as(f, (enum dtype)dtype, false, (int[]){FAST, FAST, FAST, FAKE_ASCENDING, FAKE_ASCENDING});
        stop(f);
    }
}

static void test_cublas_is_asked_once_for_a_number_of_rows(void **state)
{
    (void)state;
    struct fixture f = start(FAKE_ASCENDING);
    struct cuda_matrix *matrix = sealed_as(f, BF16, true);
    int64_t before = fake.asked;
    for (int i = 0; i < 5; i++)
        used_for(f, matrix, BF16, 7);
    assert_int_equal(fake.asked - before, 6); /* for each kind of result */
    used_for(f, matrix, BF16, 8);
    assert_int_equal(fake.asked - before, 12);
    matrix_free(matrix);
    stop(f);
}

static void test_a_fast_matrix_takes_all_rows_at_a_time(void **state)
{
    (void)state;
    const int64_t rows = 3 * MOST_ROWS + 5;
    struct fixture f = start(FAKE_ASCENDING);
    struct cuda_matrix *matrix = sealed_as(f, F32, true);
    float *x = operand_random(F32, rows * IN, 2, 1), *y = operand_empty(F32, rows * OUT);
    int64_t before = fake.products;
    assert_int_equal(matrix_multiply(f.queue, matrix, rows, x, NULL, CUDA_RESULT_FLOATS, y, NULL), LMVR_OK);
    assert_int_equal(fake.products - before, 1);
    free(x);
    free(y);
    matrix_free(matrix);
    stop(f);
}

static void test_pedantic_products_are_no_must(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    fake.pedantic = false;
    assert_used(f, F32, (int[]){FAST, FAST, FAST, FAST, FAST});
    stop(f);
}

static void test_a_shape_is_tried_once_on_a_gpu(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    int64_t products[4];
    struct cuda_matrix *matrices[4];
    for (int i = 0; i < 4; i++) {
        matrices[i] = sealed(f, i == 2 ? F32 : BF16);
        products[i] = fake.products;
    }
    assert_true(products[0] > 0);
    assert_true(products[1] == products[0]);
    assert_true(products[2] > products[1]);
    assert_true(products[3] == products[2]);
    for (int i = 0; i < 4; i++)
        matrix_free(matrices[i]);
    stop(f);
}

/* ---- failures ----------------------------------------------------------------------------------------------------------- */

static void assert_seal_fails_as(int algorithm, enum dtype dtype, bool fast, lmvr_status status, const char *part)
{
    struct fixture f = start(algorithm);
    float weights[OUT * IN] = {0}, x[IN] = {0}, y[OUT];
    lmvr_error error;
    struct cuda_matrix *matrix = make_matrix(f, OUT, IN, dtype, weights);
    assert_int_equal(matrix_seal(matrix, fast, &error), status);
    assert_non_null(strstr(error.message, part));
    assert_non_null(strstr(error.message, "GPU 0 (Fake)"));
    assert_int_equal(matrix_multiply(f.queue, matrix, 1, x, NULL, CUDA_RESULT_FLOATS, y, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "before it is sealed"));
    matrix_free(matrix);
    stop(f);
}

static void assert_seal_fails(int algorithm, enum dtype dtype, lmvr_status status, const char *part)
{
    assert_seal_fails_as(algorithm, dtype, false, status, part);
}

static void test_a_wrong_product_is_an_error_that_names_the_shape(void **state)
{
    (void)state;
    assert_seal_fails(FAKE_WRONG, BF16, LMVR_ERROR_INVALID, "a matrix of (8, 24) in bf16 comes out wrong");
    assert_seal_fails(FAKE_WRONG, F32, LMVR_ERROR_INVALID, "a matrix of (8, 24) in f32 comes out wrong");
    assert_seal_fails(FAKE_IN_TF32, F32, LMVR_ERROR_INVALID, "a matrix of (8, 24) in f32 comes out wrong");
    assert_seal_fails_as(FAKE_WRONG, BF16, true, LMVR_ERROR_INVALID, "a matrix of (8, 24) in bf16 comes out wrong");
    assert_seal_fails_as(FAKE_IN_TF32, F32, true, LMVR_ERROR_INVALID, "a matrix of (8, 24) in f32 comes out wrong");
}

static void test_no_algorithm_is_an_error_that_names_the_shape(void **state)
{
    (void)state;
    assert_seal_fails(-1, F32, LMVR_ERROR_INVALID, "has no algorithm for a matrix of (8, 24) in f32");
    assert_seal_fails_as(FAKE_UNTAKEN, F32, true, LMVR_ERROR_INVALID, "has no algorithm for a matrix of (8, 24) in f32");
    assert_seal_fails(FAKE_BY_COUNT, BF16, LMVR_ERROR_INVALID, "has no algorithm for a matrix of (8, 24) in bf16");
}

static void test_too_little_memory_is_an_error(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    lmvr_error error;
    struct cuda_matrix *matrix;
    assert_int_equal(matrix_create(f.gpu, 1 << 20, 1 << 20, BF16, &matrix, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message, "GPU 0 (Fake): out of memory for a weight matrix");
    assert_null(matrix);
    assert_int_equal(matrix_create(f.gpu, 0, 8, BF16, &matrix, &error), LMVR_ERROR_INVALID);
    matrix = make_matrix(f, 1, 1, F32, (float[]){1});
    fake.memory = fake.allocated + ((size_t)33 << 20);
    assert_int_equal(matrix_seal(matrix, false, NULL), LMVR_OK);
    fake.memory = fake.allocated + QUEUE_WORKSPACE + 10;
    struct cuda_matrix *other = make_matrix(f, 1, 2, F32, (float[]){1, 2});
    assert_int_equal(matrix_seal(other, false, &error), LMVR_ERROR_RESOURCE);
    assert_non_null(strstr(error.message, "out of memory"));
    matrix_free(matrix);
    matrix_free(other);
    stop(f);
}

static void test_a_result_that_is_not_aligned_is_refused(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    struct cuda_matrix *matrix = sealed(f, BF16);
    bf16 *x = operand_random(BF16, IN, 1, 1), *y = operand_empty(BF16, 2 * OUT);
    lmvr_error error;
    assert_int_equal(matrix_multiply(f.queue, matrix, 1, x, NULL, CUDA_RESULT_OPERANDS, y + 1, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "multiple of 16 bytes"));
    assert_int_equal(matrix_multiply(f.queue, matrix, 0, x, NULL, CUDA_RESULT_OPERANDS, y, NULL), LMVR_OK);
    assert_margin(BF16, y, OUT);
    free(x);
    free(y);
    matrix_free(matrix);
    stop(f);
}

static void test_a_product_tells_what_failed_before(void **state)
{
    (void)state;
    struct fixture f = start(FAST);
    struct cuda_matrix *matrix = sealed(f, F32);
    float *x = operand_random(F32, IN, 1, 1), *y = operand_empty(F32, OUT);
    lmvr_error error;
    fake.broken = cudaErrorIllegalAddress;
    assert_int_equal(matrix_multiply(f.queue, matrix, 1, x, NULL, CUDA_RESULT_FLOATS, y, &error), LMVR_ERROR_RESOURCE);
    assert_non_null(strstr(error.message, "this process cannot use it any more"));
    free(x);
    free(y);
    matrix_free(matrix);
    stop(f);
}

/* ---- measuring ---------------------------------------------------------------------------------------------------------- */

static void test_a_product_is_measured_by_the_fastest_algorithm_and_as_matrices_are_multiplied(void **state)
{
    (void)state;
    struct fixture f = start(SLOW);
    algorithms[SPLIT].time = 3; /* milliseconds */
    algorithms[FAKE_BY_COUNT].time = 5;
    offer(0, FAKE_BY_COUNT, SLOW, SPLIT, SAID_TF32);
    struct cuda_times times;
    assert_int_equal(measure_product(f.gpu, OUT, IN, BF16, 4, &times, NULL), LMVR_OK);
    assert_true(fabs(times.least - 3e-3) < 1e-6);
    assert_true(fabs(times.steady - 9e-3) < 1e-6);
    assert_true(fabs(times.fast - 5e-3) < 1e-6);
    assert_int_equal(fake.schemes, CUBLASLT_REDUCTION_SCHEME_MASK);
    stop(f);
}

static void test_what_cannot_be_measured_is_an_error(void **state)
{
    (void)state;
    struct fixture f = start(FAKE_UNTAKEN);
    lmvr_error error;
    double seconds;
    struct cuda_times times;
    assert_int_equal(measure_product(f.gpu, OUT, 16, F32, 4, &times, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "has no algorithm for a matrix of (8, 16)"));
    assert_int_equal(measure_copy(f.gpu, fake.memory, &seconds, &error), LMVR_ERROR_RESOURCE);
    assert_non_null(strstr(error.message, "out of memory for measuring copies"));
    stop(f);
}

static void test_a_copy_is_timed_from_its_beginning_to_its_end(void **state)
{
    (void)state;
    struct fixture f = start(SLOW);
    double seconds;
    fake.copy_time = 2;
    assert_int_equal(measure_copy(f.gpu, 1000, &seconds, NULL), LMVR_OK);
    assert_true(fabs(seconds - 2e-3) < 1e-6);
    stop(f);
}

/* ---- graphs ------------------------------------------------------------------------------------------------------------- */

/* y (1, 8) = x (1, 8) times the unit matrix, doubled by a kernel. */
static void double_x(struct fixture f, const struct cuda_matrix *unit, const float *x, float *y)
{
    assert_int_equal(matrix_multiply(f.queue, unit, 1, x, NULL, CUDA_RESULT_FLOATS, y, NULL), LMVR_OK);
    cuda_convert(queue_stream(f.queue), 8, 2.0f, y, F32, y);
}

static struct cuda_matrix *make_unit(struct fixture f)
{
    float rows[64] = {0};
    for (int i = 0; i < 8; i++)
        rows[9 * i] = 1;
    struct cuda_matrix *unit = make_matrix(f, 8, 8, F32, rows);
    assert_int_equal(matrix_seal(unit, false, NULL), LMVR_OK);
    return unit;
}

static void test_a_graph_runs_what_was_captured_on_what_memory_holds_then(void **state)
{
    (void)state;
    struct fixture f = start(FAKE_ASCENDING);
    struct cuda_matrix *unit = make_unit(f);
    float *x = gpu_allocate(f.gpu, 32), *y = gpu_allocate(f.gpu, 32), out[8];
    fake.deferred = true;
    assert_true(queue_capture_begin(f.queue, NULL));
    double_x(f, unit, x, y);
    struct cuda_graph *graph = queue_capture_end(f.queue, NULL);
    assert_non_null(graph);
    for (int s = 0; s < 3; s++) {
        float in[8] = {(float)s, 1, 2, 3, 4, 5, 6, 7};
        queue_write(f.queue, x, in, sizeof in);
        assert_true(queue_graph_launch(f.queue, graph));
        assert_int_equal(queue_read(f.queue, out, y, sizeof out, NULL), LMVR_OK);
        for (int i = 0; i < 8; i++)
            assert_true(out[i] == 2 * in[i]);
    }
    assert_non_null(queue_scratch(f.queue, 1000)); /* which a product in the graph might have used */
    assert_false(queue_graph_launch(f.queue, graph));
    graph_free(graph);
    matrix_free(unit);
    gpu_release(f.gpu, x);
    gpu_release(f.gpu, y);
    stop(f);
}

static void test_a_capture_that_fails_harms_nothing(void **state)
{
    (void)state;
    struct fixture f = start(FAKE_ASCENDING);
    struct cuda_matrix *unit = make_unit(f);
    float *x = gpu_allocate(f.gpu, 32), *y = gpu_allocate(f.gpu, 32);
    lmvr_error error;
    assert_true(queue_capture_begin(f.queue, &error));
    queue_zero(f.queue, NULL, 1); /* which CUDA refuses */
    double_x(f, unit, x, y);
    assert_null(queue_capture_end(f.queue, &error));
    assert_string_equal(error.message, "GPU 0 (Fake): CUDA makes no graph: as CUDA says");
    fake.without_graphs = true;
    error.message[0] = '\0';
    assert_false(queue_capture_begin(f.queue, &error));
    assert_string_equal(error.message, "GPU 0 (Fake): CUDA makes no graph: as CUDA says");
    double_x(f, unit, x, y);
    assert_int_equal(queue_failure(f.queue, NULL), LMVR_OK);
    matrix_free(unit);
    gpu_release(f.gpu, x);
    gpu_release(f.gpu, y);
    stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_graph_runs_what_was_captured_on_what_memory_holds_then),
        cmocka_unit_test(test_a_capture_that_fails_harms_nothing),
        cmocka_unit_test(test_products_are_sums_whatever_the_shape),
        cmocka_unit_test(test_weights_that_come_with_a_product_are_multiplied_as_own_ones),
        cmocka_unit_test(test_parts_of_many_rows_are_as_one),
        cmocka_unit_test(test_the_fastest_is_taken_of_those_that_agree_with_many_rows),
        cmocka_unit_test(test_what_many_rows_are_is_said_by_the_first_that_keeps_rows_apart),
        cmocka_unit_test(test_few_rows_say_it_where_no_algorithm_for_many_can),
        cmocka_unit_test(test_split_sums_and_tf32_are_never_taken),
        cmocka_unit_test(test_a_fast_matrix_is_multiplied_as_cublas_chooses_for_the_number_of_rows),
        cmocka_unit_test(test_cublas_is_asked_once_for_a_number_of_rows),
        cmocka_unit_test(test_a_fast_matrix_takes_all_rows_at_a_time),
        cmocka_unit_test(test_pedantic_products_are_no_must),
        cmocka_unit_test(test_a_shape_is_tried_once_on_a_gpu),
        cmocka_unit_test(test_a_wrong_product_is_an_error_that_names_the_shape),
        cmocka_unit_test(test_no_algorithm_is_an_error_that_names_the_shape),
        cmocka_unit_test(test_too_little_memory_is_an_error),
        cmocka_unit_test(test_a_result_that_is_not_aligned_is_refused),
        cmocka_unit_test(test_a_product_tells_what_failed_before),
        cmocka_unit_test(test_a_product_is_measured_by_the_fastest_algorithm_and_as_matrices_are_multiplied),
        cmocka_unit_test(test_what_cannot_be_measured_is_an_error),
        cmocka_unit_test(test_a_copy_is_timed_from_its_beginning_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
