/* The module as the engine loads it; LMVR_CUDA_MODULE may name another than was built with this test. What needs a GPU is
 * skipped where none can be used. */
#include "operands.h"

#include "tensor/cuda/api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static void *module;
static const struct cuda_api *api;
static int count;
static struct cuda_gpu *gpu; /* NULL: none can be used */

static int load(void **state)
{
    (void)state;
    const char *other = getenv("LMVR_CUDA_MODULE");
    module = dlopen(other ? other : CUDA_MODULE, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    const struct cuda_api *(*get)(void);
    *(void **)&get = dlsym(module, "lmvr_cuda_api");
    if (!get)
        return -1;
    api = get();
    if (api->count(&count, NULL) == LMVR_OK)
        (void)api->open(0, &gpu, NULL); /* it may be too old */
    return 0;
}

static int unload(void **state)
{
    (void)state;
    api->close(gpu);
    return dlclose(module);
}

#define NEEDS_GPU()                                                                                                            \
    do {                                                                                                                       \
        if (!gpu)                                                                                                              \
            skip();                                                                                                            \
    } while (0)

/* ---- anywhere ----------------------------------------------------------------------------------------------------------- */

static void test_the_module_shows_its_table_and_nothing_else(void **state)
{
    (void)state;
    const char *hidden[] = {"cuda_norm", "error_write", "gpu_open", "cudaMalloc", "cudaGetDeviceCount"};
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        assert_null(dlsym(module, hidden[i]));
    assert_int_equal(api->version, CUDA_API_VERSION);
}

static void test_the_table_is_full(void **state)
{
    (void)state;
    void (*functions[(sizeof *api - offsetof(struct cuda_api, count)) / sizeof(void (*)(void))])(void);
    memcpy(functions, (const char *)api + offsetof(struct cuda_api, count), sizeof functions);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        assert_non_null(functions[i]);
}

static void test_without_a_gpu_a_sentence_says_why(void **state)
{
    (void)state;
    if (count > 0)
        skip();
    struct cuda_gpu *none;
    lmvr_error error;
    count = 5;
    assert_int_equal(api->count(&count, &error), LMVR_ERROR_INVALID);
    assert_int_equal(count, 0);
    assert_int_equal(strncmp(error.message, "no GPU can be used: ", 20), 0);
    assert_int_equal(api->open(0, &none, NULL), LMVR_ERROR_INVALID);
    assert_null(none);
    print_message("%s\n", error.message);
}

/* ---- on a GPU ----------------------------------------------------------------------------------------------------------- */

static struct cuda_queue *make_queue(void)
{
    struct cuda_queue *queue;
    lmvr_error error;
    if (api->queue_create(gpu, &queue, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return queue;
}

static void read_back(struct cuda_queue *queue, void *to, const void *from, size_t bytes)
{
    lmvr_error error;
    if (api->read(queue, to, from, bytes, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

/* A copy in the GPU's memory. */
static void *put(struct cuda_queue *queue, const void *from, size_t bytes)
{
    void *memory = api->allocate(gpu, bytes);
    assert_non_null(memory);
    api->write(queue, memory, from, bytes);
    return memory;
}

static void test_memory_is_cleared_and_running_out_of_it_harms_nothing(void **state)
{
    (void)state;
    NEEDS_GPU();
    struct cuda_properties properties;
    struct cuda_queue *queue = make_queue();
    assert_int_equal(api->describe(gpu, &properties, NULL), LMVR_OK);
    assert_true(properties.name[0] && properties.free > 0 && properties.free <= properties.memory);
    for (int round = 0; round < 2; round++) {
        enum { BYTES = 3000001 };
        char *got = malloc(BYTES), *memory = api->allocate(gpu, BYTES);
        read_back(queue, got, memory, BYTES);
        for (int i = 0; i < BYTES; i++)
            assert_int_equal(got[i], 0);
        memset(got, 1, BYTES);
        api->write(queue, memory, got, BYTES);
        assert_null(api->allocate(gpu, (size_t)properties.memory + 1));
        assert_int_equal(api->failure(queue, NULL), LMVR_OK);
        api->release(gpu, memory);
        free(got);
    }
    api->queue_free(queue);
}

static void test_what_is_written_may_change_at_once(void **state)
{
    (void)state;
    NEEDS_GPU();
    const size_t sizes[] = {1, 77, 4096, 1048575, 1048577, 30000001};
    struct cuda_queue *queue = make_queue();
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        unsigned char *bytes = malloc(sizes[s]), *got = malloc(sizes[s]);
        for (size_t i = 0; i < sizes[s]; i++)
            bytes[i] = (unsigned char)(i * 2654435761u >> 11);
        char *memory = put(queue, bytes, sizes[s]);
        memset(bytes, 0xff, sizes[s]);
        read_back(queue, got, memory, sizes[s]);
        for (size_t i = 0; i < sizes[s]; i++)
            assert_int_equal(got[i], (unsigned char)(i * 2654435761u >> 11));
        api->release(gpu, memory);
        free(bytes);
        free(got);
    }
    api->queue_free(queue);
}

static void test_many_small_writes_arrive(void **state)
{
    (void)state;
    NEEDS_GPU();
    enum { COUNT = 100000 };
    struct cuda_queue *queue = make_queue();
    int *memory = api->allocate(gpu, COUNT * sizeof(int)), *got = malloc(COUNT * sizeof *got);
    for (int i = 0; i < COUNT; i++) {
        int value = i * 7;
        api->write(queue, memory + i, &value, sizeof value);
    }
    read_back(queue, got, memory, COUNT * sizeof(int));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(got[i], i * 7);
    api->release(gpu, memory);
    free(got);
    api->queue_free(queue);
}

/* Kernels, in the order of the queue. */
static void test_kernels_follow_writes(void **state)
{
    (void)state;
    NEEDS_GPU();
    enum { ROWS = 30, WIDTH = 1000 };
    struct cuda_queue *queue = make_queue();
    float *x = operand_random(F32, ROWS * WIDTH, 1, 1), *got = operand_empty(F32, ROWS * WIDTH);
    float *from = put(queue, x, ROWS * WIDTH * sizeof(float)), *to = api->allocate(gpu, ROWS * WIDTH * sizeof(float));
    int32_t places[ROWS], *tokens = api->allocate(gpu, sizeof places);
    api->convert(api->stream(queue), (int64_t)ROWS * WIDTH, 2.0f, from, F32, to);
    api->argmax(api->stream(queue), ROWS, WIDTH, to, tokens);
    read_back(queue, got, to, ROWS * WIDTH * sizeof(float));
    read_back(queue, places, tokens, sizeof places);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < WIDTH; i++) {
            assert_true(got[r * WIDTH + i] == 2.0f * x[r * WIDTH + i]);
            assert_true(x[r * WIDTH + i] <= x[r * WIDTH + places[r]]);
        }
    api->release(gpu, from);
    api->release(gpu, to);
    api->release(gpu, tokens);
    free(x);
    free(got);
    api->queue_free(queue);
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

struct operands {
    int64_t out, in, rows;
    enum dtype dtype;
    struct cuda_matrix *matrix;
    float *weights, *bias;
    void *x, *device_x; /* elements of `dtype` */
    float *device_bias;
};

static struct operands make_operands(struct cuda_queue *queue, int64_t out, int64_t in, int64_t rows, enum dtype dtype)
{
    struct operands o = {.out = out, .in = in, .rows = rows, .dtype = dtype};
    lmvr_error error;
    o.weights = operand_random(F32, out * in, 1, 1);
    o.bias = operand_random(F32, out, 2, 1);
    o.x = operand_random(dtype, rows * in, 3, 1);
    o.device_x = put(queue, o.x, (size_t)(rows * in) * dtype_size(dtype));
    o.device_bias = put(queue, o.bias, (size_t)out * sizeof(float));
    if (api->matrix_create(gpu, out, in, dtype, &o.matrix, &error) != LMVR_OK ||
        api->matrix_set(o.matrix, 0, out / 3, o.weights, &error) != LMVR_OK ||
        api->matrix_set(o.matrix, out / 3, out - out / 3, o.weights + out / 3 * in, &error) != LMVR_OK ||
        api->matrix_seal(o.matrix, false, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return o;
}

static void free_operands(struct operands *o)
{
    api->matrix_free(o->matrix);
    api->release(gpu, o->device_x);
    api->release(gpu, o->device_bias);
    free(o->weights);
    free(o->bias);
    free(o->x);
}

static size_t result_size(const struct operands *o, enum cuda_result result)
{
    return result == CUDA_RESULT_OPERANDS ? dtype_size(o->dtype) : sizeof(float);
}

/* Rows `first` and on of the product, on the host. What is added to is 0.5. */
static void *multiply(struct cuda_queue *queue, const struct operands *o, enum cuda_result result, bool bias, int64_t first,
                      int64_t rows)
{
    size_t bytes = (size_t)(rows * o->out) * result_size(o, result);
    float *halves = malloc((size_t)(rows * o->out) * sizeof *halves);
    for (int64_t i = 0; i < rows * o->out; i++)
        halves[i] = 0.5f;
    void *y = put(queue, halves, bytes);
    const char *x = (const char *)o->device_x + (size_t)(first * o->in) * dtype_size(o->dtype);
    lmvr_error error;
    if (api->multiply(queue, o->matrix, rows, x, bias ? o->device_bias : NULL, result, y, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    read_back(queue, halves, y, bytes);
    api->release(gpu, y);
    return halves;
}

static void check_values(struct cuda_queue *queue, const struct operands *o, enum cuda_result result, bool bias)
{
    void *y = multiply(queue, o, result, bias, 0, o->rows);
    enum dtype y_dtype = result == CUDA_RESULT_OPERANDS ? o->dtype : F32;
    for (int64_t r = 0; r < o->rows; r += 1 + r / 4)
        for (int64_t i = 0; i < o->out; i++) {
            double sum = (bias ? (double)o->bias[i] : 0) + (result == CUDA_RESULT_ADDED ? 0.5 : 0), squares = sum * sum;
            for (int64_t k = 0; k < o->in; k++) {
                float w = o->weights[i * o->in + k];
                double term = (double)(o->dtype == F32 ? w : bf16_to_f32(bf16_from_f32(w))) *
                              operand_value(o->dtype, o->x, r * o->in + k);
                sum += term;
                squares += term * term;
            }
            assert_near(y_dtype, y, r * o->out + i, sum,
                        (o->dtype == F32  ? 2e-5
                         : y_dtype == F32 ? 1e-4
                                          : 4e-3) *
                            sqrt(squares));
        }
    free(y);
}

/* Rows alone, and among others, from several places on. */
static void check_company(struct cuda_queue *queue, const struct operands *o, enum cuda_result result, bool bias)
{
    const int64_t counts[] = {1, 2, 7, 16, 17, 64, 65, 200, 256, 257, 1000, 1024, 1025, 2000};
    size_t row = (size_t)o->out * result_size(o, result);
    char *all = multiply(queue, o, result, bias, 0, o->rows);
    for (size_t c = 0; c < sizeof counts / sizeof *counts && counts[c] <= o->rows; c++)
        for (int64_t first = 0; first + counts[c] <= o->rows; first += 1 + (o->rows - counts[c]) / 2) {
            void *some = multiply(queue, o, result, bias, first, counts[c]);
            if (memcmp(some, all + (size_t)first * row, (size_t)counts[c] * row) != 0)
                fail_msg("%lld rows from %lld on differ for (%lld, %lld), dtype %d, result %d", (long long)counts[c],
                         (long long)first, (long long)o->out, (long long)o->in, o->dtype, result);
            free(some);
        }
    free(all);
}

static void check_shape(int64_t out, int64_t in, int64_t rows, bool values)
{
    struct cuda_queue *queue = make_queue();
    for (int dtype = F32; dtype <= BF16; dtype++) {
        struct operands o = make_operands(queue, out, in, rows, (enum dtype)dtype);
        for (int kind = 0; kind < 6; kind++) {
            if (values)
                check_values(queue, &o, (enum cuda_result)(kind / 2), kind % 2);
            check_company(queue, &o, (enum cuda_result)(kind / 2), kind % 2);
        }
        free_operands(&o);
    }
    api->queue_free(queue);
}

static void test_products_are_sums_and_rows_do_not_depend_on_company(void **state)
{
    (void)state;
    NEEDS_GPU();
    const int64_t shapes[][2] = {{64, 64}, {96, 588}, {5, 24}, {100, 9}, {1, 1}, {1152, 1152}, {130, 4304}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        check_shape(shapes[s][0], shapes[s][1], 40, true);
}

static void test_rows_do_not_depend_on_company_in_shapes_of_models(void **state)
{
    (void)state;
    NEEDS_GPU();
    check_shape(3456, 1152, 2100, false);
    check_shape(896, 4864, 2100, false);
    check_shape(32000, 512, 300, false);
}

/* ---- of two matrices ---------------------------------------------------------------------------------------------------- */

static double term(const struct cuda_product *p, const void *a, const void *b, int64_t i, int64_t j, int64_t k)
{
    return operand_value(p->dtype, a, p->a.turned ? k * p->a.stride + i : i * p->a.stride + k) *
           operand_value(p->dtype, b, p->b.turned ? j * p->b.stride + k : k * p->b.stride + j);
}

/* The values, and the same bits again. */
static void check_two(struct cuda_queue *queue, struct cuda_product p, const void *a, const void *b, const float *before)
{
    size_t bytes = (size_t)(p.m * p.n) * sizeof(float);
    float *found = operand_empty(F32, p.m * p.n), *again = operand_empty(F32, p.m * p.n);
    float *c = put(queue, before, bytes), *c_again = put(queue, before, bytes);
    lmvr_error error;
    p.c = c;
    if (api->product(queue, &p, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    p.c = c_again;
    assert_int_equal(api->product(queue, &p, NULL), LMVR_OK);
    read_back(queue, found, c, bytes);
    read_back(queue, again, c_again, bytes);
    assert_same(F32, found, again, p.m * p.n);
    for (int64_t i = 0; i < p.m; i++)
        for (int64_t j = 0; j < p.n; j += 7) {
            double sum = 0, squares = 0;
            for (int64_t k = 0; k < p.k; k++) {
                double x = term(&p, a, b, i, j, k);
                sum += x;
                squares += x * x;
            }
            sum = (double)p.factor * sum + (p.add ? (double)before[i * p.n + j] : 0);
            assert_near(F32, found, i * p.n + j, sum, 2e-5 * sqrt(squares));
        }
    api->release(gpu, c);
    api->release(gpu, c_again);
    free(found);
    free(again);
}

static void test_products_of_two_matrices_are_sums_and_the_same_again(void **state)
{
    (void)state;
    NEEDS_GPU();
    enum { M = 130, N = 75, K = 701, MOST = M * K };
    struct cuda_queue *queue = make_queue();
    float *before = operand_random(F32, (int64_t)M * N, 3, 1);
    for (int kind = 0; kind < 16; kind++) {
        enum dtype dtype = kind & 1 ? BF16 : F32;
        bool turns_a = kind & 2, turns_b = kind & 4;
        void *a = operand_random(dtype, MOST, 1, 1), *b = operand_random(dtype, MOST, 2, 1);
        void *a_there = put(queue, a, MOST * dtype_size(dtype)), *b_there = put(queue, b, MOST * dtype_size(dtype));
        struct cuda_product p = {.dtype = dtype,
                                 .count = 1,
                                 .m = M,
                                 .n = N,
                                 .k = K,
                                 .a = {a_there, turns_a ? M : K, 0, turns_a},
                                 .b = {b_there, turns_b ? K : N, 0, turns_b},
                                 .factor = kind & 8 ? 0.5f : 1,
                                 .add = kind & 8,
                                 .c_stride = N};
        check_two(queue, p, a, b, before);
        api->release(gpu, a_there);
        api->release(gpu, b_there);
        free(a);
        free(b);
    }
    free(before);
    api->queue_free(queue);
}

/* ---- threads and failures ----------------------------------------------------------------------------------------------- */

static void *multiply_often(void *operands)
{
    const struct operands *o = operands;
    struct cuda_queue *queue = make_queue();
    void *first = multiply(queue, o, CUDA_RESULT_OPERANDS, true, 0, o->rows);
    for (int i = 0; i < 50; i++) {
        void *again = multiply(queue, o, CUDA_RESULT_OPERANDS, true, 0, o->rows);
        if (memcmp(first, again, (size_t)(o->rows * o->out) * dtype_size(o->dtype)) != 0)
            abort();
        free(again);
    }
    api->queue_free(queue);
    return first;
}

static void test_threads_with_queues_of_their_own_compute_the_same(void **state)
{
    (void)state;
    NEEDS_GPU();
    struct cuda_queue *queue = make_queue();
    struct operands o = make_operands(queue, 640, 512, 100, BF16);
    pthread_t threads[4];
    void *expected = multiply_often(&o);
    for (int t = 0; t < 4; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, multiply_often, &o), 0);
    for (int t = 0; t < 4; t++) {
        void *result;
        assert_int_equal(pthread_join(threads[t], &result), 0);
        assert_same(BF16, result, expected, o.rows * o.out);
        free(result);
    }
    free(expected);
    free_operands(&o);
    api->queue_free(queue);
}

static void test_the_first_failure_of_a_queue_is_kept(void **state)
{
    (void)state;
    NEEDS_GPU();
    struct cuda_queue *queue = make_queue(), *other = make_queue();
    lmvr_error error;
    api->zero(queue, NULL, 100);
    assert_int_equal(api->failure(queue, &error), LMVR_ERROR_RESOURCE);
    assert_int_equal(strncmp(error.message, "GPU 0 (", 7), 0);
    assert_non_null(strstr(error.message, "cannot clear its memory"));
    assert_int_equal(api->read(queue, NULL, NULL, 0, &error), LMVR_ERROR_RESOURCE);
    assert_int_equal(api->failure(other, NULL), LMVR_OK);
    api->queue_free(queue);
    api->queue_free(other);
}

/* The last test: nothing works after it. */
static void test_a_lost_gpu_is_called_that(void **state)
{
    (void)state;
    NEEDS_GPU();
    struct cuda_queue *queue = make_queue();
    lmvr_error error;
    int32_t token;
    const float *nowhere;
    const uintptr_t address = 4096;
    memcpy(&nowhere, &address, sizeof nowhere);
    int32_t *tokens = api->allocate(gpu, sizeof token);
    api->argmax(api->stream(queue), 1, 100, nowhere, tokens);
    assert_int_equal(api->read(queue, &token, tokens, sizeof token, &error), LMVR_ERROR_RESOURCE);
    assert_non_null(strstr(error.message, "this process cannot use it any more"));
    assert_non_null(strstr(error.message, "illegal memory access"));
    api->queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_module_shows_its_table_and_nothing_else),
        cmocka_unit_test(test_the_table_is_full),
        cmocka_unit_test(test_without_a_gpu_a_sentence_says_why),
        cmocka_unit_test(test_memory_is_cleared_and_running_out_of_it_harms_nothing),
        cmocka_unit_test(test_what_is_written_may_change_at_once),
        cmocka_unit_test(test_many_small_writes_arrive),
        cmocka_unit_test(test_kernels_follow_writes),
        cmocka_unit_test(test_products_are_sums_and_rows_do_not_depend_on_company),
        cmocka_unit_test(test_rows_do_not_depend_on_company_in_shapes_of_models),
        cmocka_unit_test(test_products_of_two_matrices_are_sums_and_the_same_again),
        cmocka_unit_test(test_threads_with_queues_of_their_own_compute_the_same),
        cmocka_unit_test(test_the_first_failure_of_a_queue_is_kept),
        cmocka_unit_test(test_a_lost_gpu_is_called_that),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
