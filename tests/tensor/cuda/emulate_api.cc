#include "emulate_api.h"

#include <chrono>
#include <map>
#include <mutex>
#include <new>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vector>

#define MEMORY    ((size_t)4 << 30)
#define ALIGNMENT ((size_t)256)

/* ---- memory that is closed unless a kernel, a product or a copy runs ---------------------------------------------------- */

static std::mutex lock;
static unsigned char *memory;
static std::map<size_t, size_t> used; /* offsets and sizes */
static int openers;

/* Closing costs a system call a kernel, so it is for the tests that ask for it. */
static bool is_closed_between()
{
    static const bool closed = getenv("EMULATED_GPU_CLOSED") != NULL;
    return closed;
}

/* Opens the GPU's memory while it lives. */
struct opened {
    opened()
    {
        if (!is_closed_between())
            return;
        std::lock_guard<std::mutex> guard(lock);
        if (openers++ == 0 && memory)
            mprotect(memory, MEMORY, PROT_READ | PROT_WRITE);
    }
    ~opened()
    {
        if (!is_closed_between())
            return;
        std::lock_guard<std::mutex> guard(lock);
        if (--openers == 0 && memory)
            mprotect(memory, MEMORY, PROT_NONE);
    }
};

static bool reserve()
{
    void *all = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    memory = all == MAP_FAILED ? NULL : (unsigned char *)all;
    return memory != NULL;
}

/* The first gap that is large enough; MEMORY: there is none. */
static size_t find_gap(size_t bytes)
{
    size_t at = 0;
    for (const auto &piece : used) {
        if (piece.first - at >= bytes)
            return at;
        at = piece.first + piece.second;
    }
    return MEMORY - at >= bytes ? at : MEMORY;
}

static void *allocate(const struct cuda_gpu *gpu, size_t bytes)
{
    (void)gpu;
    opened open;
    std::lock_guard<std::mutex> guard(lock);
    if (!memory && !reserve())
        return NULL;
    bytes = (bytes / ALIGNMENT + 1) * ALIGNMENT;
    size_t at = find_gap(bytes);
    if (at == MEMORY)
        return NULL;
    used[at] = bytes;
    memset(memory + at, 0, bytes);
    return memory + at;
}

static void release(const struct cuda_gpu *gpu, void *address)
{
    (void)gpu;
    std::lock_guard<std::mutex> guard(lock);
    if (address)
        used.erase((size_t)((unsigned char *)address - memory));
}

size_t emulated_cuda_bytes(void)
{
    std::lock_guard<std::mutex> guard(lock);
    size_t bytes = 0;
    for (const auto &piece : used)
        bytes += piece.second;
    return bytes;
}

/* ---- the GPU and its queues --------------------------------------------------------------------------------------------- */

static lmvr_status count_gpus(int *count, lmvr_error *error)
{
    (void)error;
    *count = 1;
    return LMVR_OK;
}

static lmvr_status open_gpu(int index, struct cuda_gpu **gpu, lmvr_error *error)
{
    (void)index, (void)error;
    *gpu = NULL;
    return LMVR_OK;
}

static void close_gpu(struct cuda_gpu *gpu)
{
    (void)gpu;
}

static lmvr_status describe(const struct cuda_gpu *gpu, struct cuda_properties *properties, lmvr_error *error)
{
    (void)gpu, (void)error;
    *properties = {"emulated", MEMORY, MEMORY - emulated_cuda_bytes()};
    return LMVR_OK;
}

static lmvr_status queue_create(struct cuda_gpu *gpu, struct cuda_queue **queue, lmvr_error *error)
{
    (void)gpu, (void)error;
    *queue = NULL;
    return LMVR_OK;
}

static void queue_free(struct cuda_queue *queue)
{
    (void)queue;
}

static cuda_stream stream(struct cuda_queue *queue)
{
    (void)queue;
    return NULL;
}

static void copy(struct cuda_queue *queue, void *to, size_t to_stride, const void *from, size_t from_stride, size_t bytes,
                 size_t rows)
{
    (void)queue;
    opened open;
    for (size_t r = 0; r < rows; r++)
        memcpy((char *)to + r * to_stride, (const char *)from + r * from_stride, bytes);
}

static void write(struct cuda_queue *queue, void *to, const void *from, size_t bytes)
{
    copy(queue, to, 0, from, 0, bytes, 1);
}

static lmvr_status read(struct cuda_queue *queue, void *to, const void *from, size_t bytes, lmvr_error *error)
{
    (void)error;
    copy(queue, to, 0, from, 0, bytes, 1);
    return LMVR_OK;
}

static void zero(struct cuda_queue *queue, void *to, size_t bytes)
{
    (void)queue;
    opened open;
    memset(to, 0, bytes);
}

static lmvr_status failure(struct cuda_queue *queue, lmvr_error *error)
{
    (void)queue, (void)error;
    return LMVR_OK;
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

struct cuda_matrix {
    int64_t out, in;
    enum dtype dtype;
    bool sealed;
    std::vector<float> rows; /* rounded where dtype is BF16 */
};

static lmvr_status matrix_create(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, struct cuda_matrix **matrix,
                                 lmvr_error *error)
{
    (void)gpu, (void)error;
    *matrix = new cuda_matrix{out, in, dtype, false, std::vector<float>((size_t)(out * in))};
    return LMVR_OK;
}

static void matrix_free(struct cuda_matrix *matrix)
{
    delete matrix;
}

static lmvr_status matrix_set(struct cuda_matrix *matrix, int64_t first, int64_t count, const float *rows, lmvr_error *error)
{
    (void)error;
    for (int64_t i = 0; i < count * matrix->in; i++)
        matrix->rows[(size_t)(first * matrix->in + i)] = matrix->dtype == BF16 ? bf16_to_f32(bf16_from_f32(rows[i])) : rows[i];
    return LMVR_OK;
}

static lmvr_status matrix_seal(struct cuda_matrix *matrix, lmvr_error *error)
{
    (void)error;
    matrix->sealed = true;
    return LMVR_OK;
}

#define SUMS 16 /* side by side, so that they can be vectors */

static float dot(int64_t n, const float *x, const float *w)
{
    float sums[SUMS] = {0}, total = 0;
    int64_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (int j = 0; j < SUMS; j++)
            sums[j] += x[i + j] * w[i + j];
    for (; i < n; i++)
        total += x[i] * w[i];
    for (int j = 0; j < SUMS; j++)
        total += sums[j];
    return total;
}

static void put(enum cuda_result result, enum dtype dtype, void *y, int64_t at, float value)
{
    if (result == CUDA_RESULT_ADDED)
        ((float *)y)[at] += value;
    else if (result == CUDA_RESULT_FLOATS || dtype == F32)
        ((float *)y)[at] = value;
    else
        ((bf16 *)y)[at] = bf16_from_f32(value);
}

static lmvr_status multiply(struct cuda_queue *queue, const struct cuda_matrix *m, int64_t rows, const void *x,
                            const float *bias, enum cuda_result result, void *y, lmvr_error *error)
{
    (void)queue;
    if (!m->sealed) {
        snprintf(error->message, sizeof error->message, "a matrix is multiplied that is not sealed");
        return LMVR_ERROR_INVALID;
    }
    opened open;
#pragma omp parallel for schedule(static) if (rows * m->out * m->in > 65536)
    for (int64_t r = 0; r < rows; r++) {
        std::vector<float> row((size_t)m->in);
        for (int64_t i = 0; i < m->in; i++)
            row[(size_t)i] =
                m->dtype == F32 ? ((const float *)x)[r * m->in + i] : bf16_to_f32(((const bf16 *)x)[r * m->in + i]);
        for (int64_t o = 0; o < m->out; o++)
            put(result, m->dtype, y, r * m->out + o, dot(m->in, row.data(), m->rows.data() + o * m->in) + (bias ? bias[o] : 0));
    }
    return LMVR_OK;
}

/* ---- measuring ---------------------------------------------------------------------------------------------------------- */

static double now()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static lmvr_status measure_product(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, int64_t rows,
                                   double *seconds, lmvr_error *error)
{
    std::vector<float> x((size_t)(rows * in)), y((size_t)(rows * out));
    struct cuda_matrix *matrix;
    matrix_create(gpu, out, in, dtype, &matrix, error);
    matrix_seal(matrix, error);
    double begin = now();
    lmvr_status status = multiply(NULL, matrix, rows, x.data(), NULL, CUDA_RESULT_FLOATS, y.data(), error);
    *seconds = now() - begin;
    matrix_free(matrix);
    return status;
}

static lmvr_status measure_copy(struct cuda_gpu *gpu, size_t bytes, double *seconds, lmvr_error *error)
{
    (void)gpu, (void)error;
    std::vector<char> from(bytes, 1), to(bytes);
    double begin = now();
    memcpy(to.data(), from.data(), bytes);
    *seconds = now() - begin;
    return LMVR_OK;
}

/* ---- the table ---------------------------------------------------------------------------------------------------------- */

/* A function of kernels.h, with the GPU's memory open. */
template <class F, F function> struct kernel;
template <class... Arguments, void (*function)(Arguments...)> struct kernel<void (*)(Arguments...), function> {
    static void run(Arguments... arguments)
    {
        opened open;
        function(arguments...);
    }
};
#define KERNEL(function) kernel<decltype(&function), &function>::run

const struct cuda_api *emulated_cuda_api(void)
{
    static const struct cuda_api api = {CUDA_API_VERSION,
                                        count_gpus,
                                        open_gpu,
                                        close_gpu,
                                        describe,
                                        allocate,
                                        release,
                                        queue_create,
                                        queue_free,
                                        stream,
                                        write,
                                        read,
                                        copy,
                                        zero,
                                        failure,
                                        matrix_create,
                                        matrix_free,
                                        matrix_set,
                                        matrix_seal,
                                        multiply,
                                        measure_product,
                                        measure_copy,
                                        KERNEL(cuda_norm),
                                        KERNEL(cuda_activate),
                                        KERNEL(cuda_gate),
                                        KERNEL(cuda_convert),
                                        KERNEL(cuda_embed),
                                        KERNEL(cuda_gather),
                                        KERNEL(cuda_add_rows),
                                        KERNEL(cuda_add_table),
                                        KERNEL(cuda_pool),
                                        KERNEL(cuda_argmax),
                                        KERNEL(cuda_heads),
                                        KERNEL(cuda_attention_groups),
                                        KERNEL(cuda_weigh_groups),
                                        cuda_attention_cache_scratch,
                                        KERNEL(cuda_attention_cache),
                                        KERNEL(cuda_weigh_cache)};
    return &api;
}
