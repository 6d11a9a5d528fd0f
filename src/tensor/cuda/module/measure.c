#include "tensor/cuda/module/measure.h"

#include "tensor/cuda/module/shape.h"
#include "tensor/cuda/trial.h"

#define SPREAD      ((size_t)256 << 20) /* bytes of weights to go through, so that none are in the GPU's cache */
#define MOST_COPIES ((size_t)64)
#define CANDIDATES  32 /* algorithms that are timed */
#define RUNS        3  /* of each, of which the fastest counts */
#define COPY_RUNS   5
#define ALIGNMENT   ((size_t)256)

struct clock {
    struct cuda_queue *queue;
    cudaEvent_t begin, end;
};

static lmvr_status clock_make(struct clock *clock, struct cuda_gpu *gpu, lmvr_error *error)
{
    *clock = (struct clock){.queue = NULL};
    TRY(queue_create(gpu, &clock->queue, error));
    queue_note(clock->queue, cudaEventCreate(&clock->begin), "make an event");
    queue_note(clock->queue, cudaEventCreate(&clock->end), "make an event");
    return queue_failure(clock->queue, error);
}

static void clock_free(struct clock *clock)
{
    if (clock->begin)
        (void)cudaEventDestroy(clock->begin);
    if (clock->end)
        (void)cudaEventDestroy(clock->end);
    queue_free(clock->queue);
}

static void clock_start(const struct clock *clock)
{
    queue_note(clock->queue, cudaEventRecord(clock->begin, clock->queue->stream), "take the time");
}

/* Waits. Lowers *best to the time that has passed, a part of which belongs to each of `count`. */
static lmvr_status clock_stop(const struct clock *clock, size_t count, double *best, lmvr_error *error)
{
    float time = 0.0f;
    queue_note(clock->queue, cudaEventRecord(clock->end, clock->queue->stream), "take the time");
    TRY(queue_read(clock->queue, NULL, NULL, 0, error));
    queue_note(clock->queue, cudaEventElapsedTime(&time, clock->begin, clock->end), "take the time");
    TRY(queue_failure(clock->queue, error));
    double seconds = 1e-3 * (double)time / (double)count;
    *best = seconds < *best ? seconds : *best;
    return LMVR_OK;
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

/* A layer in enough copies to overflow the cache. */
struct layer {
    struct product_kind kind;
    int64_t rows;
    size_t copies, apart; /* bytes */
    char *weights;
    void *x, *y;
};

static lmvr_status layer_make(struct layer *l, const struct clock *clock, int64_t in, lmvr_error *error)
{
    const struct cuda_gpu *gpu = clock->queue->gpu;
    const struct product_kind *k = &l->kind;
    size_t size = dtype_size(k->dtype), row = (size_t)k->in * size;
    l->apart = ((size_t)k->out * row + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    l->copies = SPREAD / l->apart + 1;
    l->copies = l->copies < MOST_COPIES ? l->copies : MOST_COPIES;
    l->weights = gpu_allocate(gpu, l->copies * l->apart);
    l->x = gpu_allocate(gpu, (size_t)l->rows * row);
    l->y = gpu_allocate(gpu, (size_t)(l->rows * k->out) * size);
    if (!l->weights || !l->x || !l->y)
        return gpu_no_memory(gpu, "measuring a product", error);
    for (size_t i = 0; i < l->copies; i++) /* zeros would be faster than any real layer */
        cuda_trial_fill(clock->queue->stream, 1, (int64_t)i * k->out, k->out, in, k->in, CUDA_TRIAL_REPEATED, k->dtype,
                        l->weights + i * l->apart);
    cuda_trial_fill(clock->queue->stream, 2, 0, l->rows, in, k->in, CUDA_TRIAL_REPEATED, k->dtype, l->x);
    return queue_failure(clock->queue, error);
}

static void layer_free(const struct layer *l, const struct cuda_gpu *gpu)
{
    gpu_release(gpu, l->weights);
    gpu_release(gpu, l->x);
    gpu_release(gpu, l->y);
}

/* Multiplies by every copy. False: cuBLASLt does not take the algorithm. */
static bool run(const struct layer *l, const struct clock *clock, const cublasLtMatmulAlgo_t *algorithm)
{
    for (size_t i = 0; i < l->copies; i++) {
        struct product product = {.rows = l->rows, .weights = l->weights + i * l->apart, .x = l->x, .y = l->y};
        if (product_run(clock->queue, &l->kind, &product, algorithm) != CUBLAS_STATUS_SUCCESS) {
            (void)cudaGetLastError();
            return false;
        }
    }
    return true;
}

static lmvr_status no_algorithm(const struct layer *l, const struct cuda_gpu *gpu, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: cuBLASLt %zu has no algorithm for a matrix of (%lld, %lld)", gpu->label,
                     cublasLtGetVersion(), (long long)l->kind.out, (long long)l->kind.in);
}

#define NEVER 1e30

static lmvr_status time_algorithms(const struct layer *l, const struct clock *clock, double *seconds, lmvr_error *error)
{
    cublasLtMatmulAlgo_t algorithms[CANDIDATES];
    const struct cuda_gpu *gpu = clock->queue->gpu;
    int count = product_algorithms(gpu, &l->kind, l->rows, CANDIDATES, algorithms);
    *seconds = NEVER;
    for (int i = 0; i < count; i++)
        for (int r = 0; r < RUNS; r++) {
            clock_start(clock);
            if (!run(l, clock, &algorithms[i]))
                break;
            TRY(clock_stop(clock, l->copies, seconds, error));
        }
    return *seconds == NEVER ? no_algorithm(l, gpu, error) : LMVR_OK;
}

/* Multiplies by every copy as a matrix of the shape is, in parts of as many rows as it takes. */
static lmvr_status run_as(const struct layer *l, const struct shape *shape, const struct clock *clock, lmvr_error *error)
{
    size_t x_row = (size_t)l->kind.in * dtype_size(l->kind.dtype), y_row = (size_t)l->kind.out * dtype_size(l->kind.dtype);
    const struct product_kind kind = shape_kind(shape, l->kind.result, false);
    for (size_t i = 0; i < l->copies; i++)
        for (int64_t r = 0; r < l->rows; r += shape->rows) {
            const cublasLtMatmulAlgo_t *algorithm;
            struct product product = {.rows = l->rows - r < shape->rows ? l->rows - r : shape->rows,
                                      .weights = l->weights + i * l->apart,
                                      .x = (char *)l->x + (size_t)r * x_row,
                                      .y = (char *)l->y + (size_t)r * y_row};
            TRY(shape_algorithm(clock->queue, shape, &kind, product.rows, &algorithm, error));
            if (product_run(clock->queue, &kind, &product, algorithm) != CUBLAS_STATUS_SUCCESS)
                return no_algorithm(l, clock->queue->gpu, error);
        }
    return LMVR_OK;
}

static lmvr_status time_matrix(const struct layer *l, const struct clock *clock, int64_t in, bool fast, double *seconds,
                               lmvr_error *error)
{
    const struct shape *shape;
    TRY(shape_get(clock->queue->gpu, l->kind.out, in, l->kind.in, l->kind.dtype, fast, &shape, error));
    *seconds = NEVER;
    for (int r = 0; r < RUNS; r++) {
        clock_start(clock);
        TRY(run_as(l, shape, clock, error));
        TRY(clock_stop(clock, l->copies, seconds, error));
    }
    return LMVR_OK;
}

static lmvr_status time_layer(const struct layer *l, const struct clock *clock, int64_t in, struct cuda_times *times,
                              lmvr_error *error)
{
    TRY(time_algorithms(l, clock, &times->least, error));
    TRY(time_matrix(l, clock, in, false, &times->steady, error));
    return time_matrix(l, clock, in, true, &times->fast, error);
}

lmvr_status measure_product(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, int64_t rows,
                            struct cuda_times *times, lmvr_error *error)
{
    struct clock clock;
    int64_t step = OPERAND_ALIGNMENT / (int64_t)dtype_size(dtype);
    struct layer layer = {.rows = rows,
                          .kind = {.out = out,
                                   .in = (in + step - 1) / step * step,
                                   .dtype = dtype,
                                   .result = dtype == F32 ? CUDA_RESULT_FLOATS : CUDA_RESULT_OPERANDS,
                                   .splits = SPLITS_ANY,
                                   .compute = CUBLAS_COMPUTE_32F}};
    lmvr_status status = clock_make(&clock, gpu, error);
    if (status == LMVR_OK)
        status = layer_make(&layer, &clock, in, error);
    if (status == LMVR_OK)
        status = time_layer(&layer, &clock, in, times, error);
    layer_free(&layer, gpu);
    clock_free(&clock);
    return status;
}

/* ---- copies ------------------------------------------------------------------------------------------------------------- */

lmvr_status measure_copy(struct cuda_gpu *gpu, size_t bytes, double *seconds, lmvr_error *error)
{
    struct clock clock;
    void *from = gpu_allocate(gpu, bytes), *to = gpu_allocate(gpu, bytes);
    lmvr_status status = clock_make(&clock, gpu, error);
    if (status == LMVR_OK && (!from || !to))
        status = gpu_no_memory(gpu, "measuring copies", error);
    *seconds = 1e30;
    for (int i = 0; i < COPY_RUNS && status == LMVR_OK; i++) {
        clock_start(&clock);
        queue_copy(clock.queue, to, bytes, from, bytes, bytes, 1);
        status = clock_stop(&clock, 1, seconds, error);
    }
    gpu_release(gpu, from);
    gpu_release(gpu, to);
    clock_free(&clock);
    return status;
}
