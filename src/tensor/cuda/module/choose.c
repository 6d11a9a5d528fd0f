#include "tensor/cuda/trial.h"

#include "tensor/cuda/module/shape.h"

#include <string.h>

#define PROBES     4  /* row counts that a class is tried with */
#define CANDIDATES 16 /* algorithms that are looked at for a class */
#define TIMED      3  /* of these, that agree and are timed */
#define RUNS       3  /* of each, of which the fastest counts */

static const int64_t probes[ROW_CLASSES][PROBES] = {
    {1, 2, 7, 16}, {17, 33, 50, 64}, {65, 100, 130, 256}, {257, 300, 512, 1000}, {1025, 1500, 2048, INT64_MAX}};

enum seed { SEED_WEIGHTS, SEED_X, SEED_BIAS, SEED_BEFORE };

struct trial {
    struct cuda_queue *queue;
    const struct shape *shape;
    struct product_kind kind;
    int64_t rows; /* the most */
    void *weights, *x, *bias;
    float *before; /* row 0 of what products are added to */
    void *expected, *y;
    int32_t *verdict;
    cudaEvent_t begin, end;
};

/* ---- one product -------------------------------------------------------------------------------------------------------- */

static size_t row_size(const struct trial *t)
{
    return (size_t)t->kind.out * dtype_size(product_dtype(&t->kind));
}

/* Multiplies `rows` rows of x from `first` on, to where they belong in `y`. False: cuBLASLt does not take the algorithm. */
static bool multiply(const struct trial *t, const cublasLtMatmulAlgo_t *algorithm, int64_t first, int64_t rows, void *y)
{
    struct cuda_queue *queue = t->queue;
    void *to = (char *)y + (size_t)first * row_size(t);
    if (t->kind.result == CUDA_RESULT_ADDED)
        cuda_trial_fill(queue->stream, SEED_BEFORE, first, rows, t->kind.out, t->kind.out, CUDA_TRIAL_GAPS, F32, to);
    else
        queue_note(queue, cudaMemsetAsync(to, 0xff, (size_t)rows * row_size(t), queue->stream), "try a product");
    const char *x = (const char *)t->x + (size_t)(first * t->kind.in) * dtype_size(t->kind.dtype);
    struct product product = {.rows = rows, .weights = t->weights, .x = x, .bias = t->bias, .y = to};
    if (product_run(queue, &t->kind, &product, algorithm) == CUBLAS_STATUS_SUCCESS)
        return true;
    (void)cudaGetLastError();
    return false;
}

/* Whether a kernel has set the verdict since it was cleared. */
static lmvr_status read_verdict(const struct trial *t, bool *verdict, lmvr_error *error)
{
    int32_t value = 1;
    TRY(queue_read(t->queue, &value, t->verdict, sizeof value, error));
    *verdict = value != 0;
    return LMVR_OK;
}

static void clear_verdict(const struct trial *t)
{
    queue_zero(t->queue, t->verdict, sizeof *t->verdict);
}

/* ---- whether rows agree ------------------------------------------------------------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t class_rows(const struct trial *t, int class, int probe)
{
    return smaller(probes[class][probe], t->rows);
}

/* Whether the algorithm gives the expected rows, byte for byte, for the class's row counts, each from another row on. */
static lmvr_status agrees(const struct trial *t, const cublasLtMatmulAlgo_t *algorithm, int class, bool *same,
                          lmvr_error *error)
{
    const int64_t places[PROBES] = {1, 2, 5, 8};
    *same = false;
    clear_verdict(t);
    for (int i = 0; i < PROBES; i++) {
        int64_t rows = class_rows(t, class, i), first = smaller(t->rows - rows, places[i]);
        size_t at = (size_t)first * row_size(t);
        if (!multiply(t, algorithm, first, rows, t->y))
            return LMVR_OK;
        cuda_trial_compare(t->queue->stream, rows * t->kind.out, product_dtype(&t->kind), (const char *)t->y + at,
                           (const char *)t->expected + at, t->verdict);
    }
    bool differs;
    TRY(read_verdict(t, &differs, error));
    *same = !differs;
    return LMVR_OK;
}

/* ---- the algorithm that says what a row is ------------------------------------------------------------------------------ */

/* Whether the first row that is expected is what it should be, in doubles. */
static lmvr_status check_values(const struct trial *t, lmvr_error *error)
{
    bool wrong;
    struct cuda_trial_row row = {.out = t->kind.out,
                                 .in = t->kind.in,
                                 .dtype = t->kind.dtype,
                                 .y_dtype = product_dtype(&t->kind),
                                 .weights = t->weights,
                                 .x = t->x,
                                 .bias = t->kind.bias ? t->bias : NULL,
                                 .before = t->kind.result == CUDA_RESULT_ADDED ? t->before : NULL,
                                 .y = t->expected};
    clear_verdict(t);
    cuda_trial_check(t->queue->stream, &row, t->verdict);
    TRY(read_verdict(t, &wrong, error));
    if (!wrong)
        return LMVR_OK;
    return error_set(
        error, LMVR_ERROR_INVALID,
        "%s: a product with a matrix of (%lld, %lld) in %s comes out wrong by cuBLASLt %zu; if NVIDIA_TF32_OVERRIDE "
        "is set, it should not be",
        t->queue->gpu->label, (long long)t->kind.out, (long long)t->shape->in, t->kind.dtype == F32 ? "f32" : "bf16",
        cublasLtGetVersion());
}

/* Computes what is expected; `usable`: the algorithm is taken for every class of row counts, with the same bytes. */
static lmvr_status try_reference(const struct trial *t, const cublasLtMatmulAlgo_t *algorithm, bool *usable, lmvr_error *error)
{
    *usable = multiply(t, algorithm, 0, t->rows, t->expected);
    if (!*usable)
        return LMVR_OK;
    TRY(check_values(t, error));
    for (int c = 0; c < ROW_CLASSES && *usable; c++)
        TRY(agrees(t, algorithm, c, usable, error));
    return LMVR_OK;
}

static lmvr_status find_reference(const struct trial *t, bool *found, cublasLtMatmulAlgo_t *reference, lmvr_error *error)
{
    *found = false;
    for (int c = ROW_CLASSES - 1; c >= 0 && !*found; c--) {
        cublasLtMatmulAlgo_t candidates[CANDIDATES];
        int count = product_algorithms(t->queue->gpu, &t->kind, class_rows(t, c, PROBES - 1), CANDIDATES, candidates);
        for (int i = 0; i < count && !*found; i++) {
            TRY(try_reference(t, &candidates[i], found, error));
            *reference = candidates[i];
        }
    }
    return LMVR_OK;
}

/* ---- the fastest that agrees -------------------------------------------------------------------------------------------- */

/* Milliseconds for the most rows of the class that are tried. Each run begins with a y that was just written, which takes the
 * weights out of the GPU's cache. */
static lmvr_status measure(const struct trial *t, const cublasLtMatmulAlgo_t *algorithm, int class, float *best,
                           lmvr_error *error)
{
    for (int run = 0; run < RUNS; run++) {
        float time = 0.0f;
        struct product product = {
            .rows = class_rows(t, class, PROBES - 1), .weights = t->weights, .x = t->x, .bias = t->bias, .y = t->y};
        queue_zero(t->queue, t->y, (size_t)t->rows * row_size(t));
        queue_note(t->queue, cudaEventRecord(t->begin, t->queue->stream), "time a product");
        (void)product_run(t->queue, &t->kind, &product, algorithm); /* which was taken before */
        queue_note(t->queue, cudaEventRecord(t->end, t->queue->stream), "time a product");
        TRY(queue_read(t->queue, NULL, NULL, 0, error));
        queue_note(t->queue, cudaEventElapsedTime(&time, t->begin, t->end), "time a product");
        if (run == 0 || time < *best)
            *best = time;
    }
    return LMVR_OK;
}

static lmvr_status choose_for_class(const struct trial *t, const cublasLtMatmulAlgo_t *reference, int class,
                                    cublasLtMatmulAlgo_t *chosen, lmvr_error *error)
{
    float best;
    cublasLtMatmulAlgo_t candidates[CANDIDATES];
    int count = product_algorithms(t->queue->gpu, &t->kind, class_rows(t, class, PROBES - 1), CANDIDATES, candidates);
    *chosen = *reference;
    TRY(measure(t, reference, class, &best, error));
    for (int i = 0, timed = 0; i < count && timed < TIMED; i++) {
        bool same;
        float time;
        if (memcmp(&candidates[i], reference, sizeof *reference) == 0)
            continue;
        TRY(agrees(t, &candidates[i], class, &same, error));
        if (!same)
            continue;
        TRY(measure(t, &candidates[i], class, &time, error));
        timed++;
        if (time < best) {
            best = time;
            *chosen = candidates[i];
        }
    }
    return LMVR_OK;
}

static lmvr_status no_algorithm(const struct trial *t, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: cuBLASLt %zu has no algorithm for a matrix of (%lld, %lld) in %s%s",
                     t->queue->gpu->label, cublasLtGetVersion(), (long long)t->kind.out, (long long)t->shape->in,
                     t->kind.dtype == F32 ? "f32" : "bf16", what);
}

/* Whether what cuBLASLt would choose for the most rows comes out right. */
static lmvr_status try_fast(struct trial *t, struct choice *choice, lmvr_error *error)
{
    cublasLtMatmulAlgo_t candidates[CANDIDATES];
    choice->compute = t->kind.compute = CUBLAS_COMPUTE_32F;
    int count = product_algorithms(t->queue->gpu, &t->kind, t->rows, CANDIDATES, candidates);
    for (int i = 0; i < count; i++)
        if (multiply(t, &candidates[i], 0, t->rows, t->expected))
            return check_values(t, error);
    return no_algorithm(t, "", error);
}

static lmvr_status choose(struct trial *t, struct choice *choice, lmvr_error *error)
{
    /* pedantic: what is asked for is not replaced by something faster */
    const cublasComputeType_t ways[] = {CUBLAS_COMPUTE_32F_PEDANTIC, CUBLAS_COMPUTE_32F};
    bool found = false;
    cublasLtMatmulAlgo_t reference;
    cuda_trial_fill(t->queue->stream, SEED_BIAS, 0, 1, t->kind.out, t->kind.out, CUDA_TRIAL_GAPS, product_dtype(&t->kind),
                    t->bias);
    if (t->shape->fast)
        return try_fast(t, choice, error);
    for (int i = t->kind.dtype == F32 ? 0 : 1; i < 2 && !found; i++) {
        choice->compute = t->kind.compute = ways[i];
        TRY(find_reference(t, &found, &reference, error));
    }
    if (!found)
        return no_algorithm(t, " that keeps rows apart", error);
    for (int c = 0; c < ROW_CLASSES; c++)
        TRY(choose_for_class(t, &reference, c, &choice->algorithms[c], error));
    return LMVR_OK;
}

/* ---- a trial from beginning to end -------------------------------------------------------------------------------------- */

#define FEWEST_ROWS 512
#ifndef MOST_ROWS /* tests do with fewer */
#define MOST_ROWS 16384
#endif
#define MOST_BYTES ((int64_t)256 << 20) /* of y, where that leaves enough rows */

/* So many that a product takes a quarter of a millisecond or so on an H100, but enough for most of the classes, and for a
 * product of so many to keep a GPU busy. */
static int64_t rows_to_try(const struct shape *shape)
{
    int64_t work = shape->dtype == F32 ? (int64_t)8 << 30 : (int64_t)64 << 30; /* multiplications */
    int64_t by_work = work / shape->out / shape->stride, by_bytes = MOST_BYTES / (shape->out * (int64_t)sizeof(float));
    int64_t rows = smaller(smaller(by_work, by_bytes), MOST_ROWS);
    return rows < FEWEST_ROWS ? FEWEST_ROWS : rows;
}

static void trial_free(struct trial *t)
{
    if (!t->queue)
        return;
    const struct cuda_gpu *gpu = t->queue->gpu;
    void *memory[] = {t->weights, t->x, t->bias, t->before, t->expected, t->y, t->verdict};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        gpu_release(gpu, memory[i]);
    if (t->begin)
        (void)cudaEventDestroy(t->begin);
    if (t->end)
        (void)cudaEventDestroy(t->end);
    queue_free(t->queue);
}

static lmvr_status trial_make(struct trial *t, struct cuda_gpu *gpu, lmvr_error *error)
{
    const struct shape *s = t->shape;
    size_t rows = (size_t)t->rows, out = (size_t)s->out, row = (size_t)s->stride * dtype_size(s->dtype);
    TRY(queue_create(gpu, &t->queue, error));
    t->weights = gpu_allocate(gpu, out * row);
    t->x = gpu_allocate(gpu, rows * row);
    t->bias = gpu_allocate(gpu, out * sizeof(float));
    t->before = gpu_allocate(gpu, out * sizeof(float));
    t->expected = gpu_allocate(gpu, rows * out * sizeof(float));
    t->y = gpu_allocate(gpu, rows * out * sizeof(float));
    t->verdict = gpu_allocate(gpu, sizeof *t->verdict);
    if (!t->weights || !t->x || !t->bias || !t->before || !t->expected || !t->y || !t->verdict)
        return gpu_no_memory(gpu, "trying out how a matrix is multiplied", error);
    queue_note(t->queue, cudaEventCreate(&t->begin), "make an event");
    queue_note(t->queue, cudaEventCreate(&t->end), "make an event");
    cuda_trial_fill(t->queue->stream, SEED_WEIGHTS, 0, s->out, s->in, s->stride, CUDA_TRIAL_REPEATED, s->dtype, t->weights);
    cuda_trial_fill(t->queue->stream, SEED_X, 0, t->rows, s->in, s->stride, CUDA_TRIAL_OPPOSED, s->dtype, t->x);
    cuda_trial_fill(t->queue->stream, SEED_BEFORE, 0, 1, s->out, s->out, CUDA_TRIAL_GAPS, F32, t->before);
    return queue_failure(t->queue, error);
}

static lmvr_status choose_all(struct trial *t, struct shape *shape, lmvr_error *error)
{
    for (int result = 0; result < RESULTS; result++)
        for (int bias = 0; bias < 2; bias++) {
            if (shape->dtype == F32 && result == CUDA_RESULT_OPERANDS)
                continue;
            t->kind = shape_kind(shape, (enum cuda_result)result, bias != 0);
            TRY(choose(t, &shape->choices[result][bias], error));
        }
    return LMVR_OK;
}

lmvr_status shape_choose(struct cuda_gpu *gpu, struct shape *shape, lmvr_error *error)
{
    struct trial t = {.shape = shape, .rows = rows_to_try(shape)};
    lmvr_status status = trial_make(&t, gpu, error);
    if (status == LMVR_OK)
        status = choose_all(&t, shape, error);
    trial_free(&t);
    shape->rows = shape->fast ? INT32_MAX : t.rows;
    return status;
}
