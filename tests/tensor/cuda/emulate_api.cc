#include "emulate_api.h"

#include "emulate_graph.h"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <new>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vector>

#define MOST_GPUS 4
#define MEMORY    ((size_t)4 << 30)
#define ALIGNMENT ((size_t)256)

struct cuda_gpu {
    int index;
    std::mutex lock; /* of all that follows */
    unsigned char *memory;
    std::map<size_t, size_t> used; /* offsets and sizes */
    int openers;
    long allocations, operations; /* since it was last opened */
};
static struct cuda_gpu gpus[MOST_GPUS];

struct cuda_queue {
    struct cuda_gpu *gpu;
};

static struct cuda_queue *queue_of(cuda_stream stream)
{
    return (struct cuda_queue *)stream;
}

/* ---- what goes wrong ---------------------------------------------------------------------------------------------------- */

/* Whether "GPU:COUNT" in the environment says that the GPU does no more than it has done. */
static bool has_ended(const char *variable, int gpu, long done)
{
    int index;
    long count;
    const char *value = getenv(variable);
    return value && sscanf(value, "%d:%ld", &index, &count) == 2 && index == gpu && done > count;
}

/* Under the GPU's lock. */
static bool is_lost(const struct cuda_gpu *gpu)
{
    static std::atomic<int> first(-1);
    int none = -1;
    if (has_ended("EMULATED_GPU_LOST", -2, gpu->operations))
        return true;
    if (has_ended("EMULATED_GPU_LOST", -1, gpu->operations))
        first.compare_exchange_strong(none, gpu->index);
    return first == gpu->index || has_ended("EMULATED_GPU_LOST", gpu->index, gpu->operations);
}

/* Counts an operation. False: the GPU is lost, and nothing happens any more. */
static bool works(struct cuda_queue *queue)
{
    std::lock_guard<std::mutex> guard(queue->gpu->lock);
    queue->gpu->operations++;
    return !is_lost(queue->gpu);
}

static lmvr_status failure(struct cuda_queue *queue, lmvr_error *error)
{
    std::lock_guard<std::mutex> guard(queue->gpu->lock);
    if (!is_lost(queue->gpu))
        return LMVR_OK;
    if (error)
        snprintf(error->message, sizeof error->message, "GPU %d (emulated) failed, and this process cannot use it any more",
                 queue->gpu->index);
    return LMVR_ERROR_RESOURCE;
}

/* ---- memory that is closed unless a kernel, a product or a copy runs ---------------------------------------------------- */

/* Closing costs a system call a kernel, so it is for the tests that ask for it. */
static bool is_closed_between()
{
    static const bool closed = getenv("EMULATED_GPU_CLOSED") != NULL;
    return closed;
}

/* Opens a GPU's memory while it lives. */
struct opened {
    struct cuda_gpu *gpu;
    explicit opened(struct cuda_gpu *which) : gpu(which)
    {
        if (!is_closed_between())
            return;
        std::lock_guard<std::mutex> guard(gpu->lock);
        if (gpu->openers++ == 0 && gpu->memory)
            mprotect(gpu->memory, MEMORY, PROT_READ | PROT_WRITE);
    }
    ~opened()
    {
        if (!is_closed_between())
            return;
        std::lock_guard<std::mutex> guard(gpu->lock);
        if (--gpu->openers == 0 && gpu->memory)
            mprotect(gpu->memory, MEMORY, PROT_NONE);
    }
};

static bool reserve(struct cuda_gpu *gpu)
{
    void *all = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    gpu->memory = all == MAP_FAILED ? NULL : (unsigned char *)all;
    return gpu->memory != NULL;
}

/* The first gap that is large enough; MEMORY: there is none. */
static size_t find_gap(const struct cuda_gpu *gpu, size_t bytes)
{
    size_t at = 0;
    for (const auto &piece : gpu->used) {
        if (piece.first - at >= bytes)
            return at;
        at = piece.first + piece.second;
    }
    return MEMORY - at >= bytes ? at : MEMORY;
}

static void *allocate(const struct cuda_gpu *gpu, size_t bytes)
{
    struct cuda_gpu *g = &gpus[gpu->index];
    emulate_forbid("memory is allocated");
    opened open(g);
    std::lock_guard<std::mutex> guard(g->lock);
    if ((!g->memory && !reserve(g)) || has_ended("EMULATED_GPU_FULL", g->index, ++g->allocations))
        return NULL;
    bytes = (bytes / ALIGNMENT + 1) * ALIGNMENT;
    size_t at = find_gap(g, bytes);
    if (at == MEMORY)
        return NULL;
    g->used[at] = bytes;
    memset(g->memory + at, 0, bytes);
    return g->memory + at;
}

static void release(const struct cuda_gpu *gpu, void *address)
{
    struct cuda_gpu *g = &gpus[gpu->index];
    emulate_forbid("memory is released");
    std::lock_guard<std::mutex> guard(g->lock);
    if (address)
        g->used.erase((size_t)((unsigned char *)address - g->memory));
}

static size_t used_bytes(struct cuda_gpu *gpu)
{
    std::lock_guard<std::mutex> guard(gpu->lock);
    size_t bytes = 0;
    for (const auto &piece : gpu->used)
        bytes += piece.second;
    return bytes;
}

size_t emulated_cuda_bytes(void)
{
    size_t bytes = 0;
    for (auto &gpu : gpus)
        bytes += used_bytes(&gpu);
    return bytes;
}

/* ---- GPUs and their queues ---------------------------------------------------------------------------------------------- */

static lmvr_status count_gpus(int *count, lmvr_error *error)
{
    const char *value = getenv("EMULATED_GPUS"), *driver = getenv("EMULATED_GPU_DRIVER");
    if (driver) {
        snprintf(error->message, sizeof error->message, "no GPU can be used: %s", driver);
        return LMVR_ERROR_INVALID;
    }
    *count = value ? atoi(value) : 1;
    return LMVR_OK;
}

static lmvr_status open_gpu(int index, struct cuda_gpu **gpu, lmvr_error *error)
{
    (void)error;
    *gpu = &gpus[index];
    std::lock_guard<std::mutex> guard((*gpu)->lock);
    (*gpu)->index = index;
    (*gpu)->allocations = (*gpu)->operations = 0;
    return LMVR_OK;
}

static void close_gpu(struct cuda_gpu *gpu)
{
    (void)gpu;
}

static lmvr_status describe(const struct cuda_gpu *gpu, struct cuda_properties *properties, lmvr_error *error)
{
    (void)error;
    const char *other = getenv("EMULATED_GPU_OTHER"); /* one of another kind */
    *properties = {"emulated", MEMORY, MEMORY - used_bytes(&gpus[gpu->index])};
    if (other && atoi(other) == gpu->index)
        strcpy(properties->name, "another");
    return LMVR_OK;
}

static lmvr_status queue_create(struct cuda_gpu *gpu, struct cuda_queue **queue, lmvr_error *error)
{
    (void)error;
    *queue = new cuda_queue{gpu};
    return LMVR_OK;
}

static void queue_free(struct cuda_queue *queue)
{
    delete queue;
}

static cuda_stream stream(struct cuda_queue *queue)
{
    return (cuda_stream)queue;
}

/* Does what a function with these arguments does, now or, in a capture, when the graph is launched. */
template <class Arguments> static void queue_up(const Arguments &arguments)
{
    if (emulate_captures())
        emulate_keep(Arguments::run, &arguments, sizeof arguments);
    else
        Arguments::run(&arguments);
}

struct copying {
    void *to;
    size_t to_stride;
    const void *from;
    size_t from_stride, bytes, rows;
    static void run(const void *copying)
    {
        const struct copying *c = (const struct copying *)copying;
        for (size_t r = 0; r < c->rows; r++)
            memcpy((char *)c->to + r * c->to_stride, (const char *)c->from + r * c->from_stride, c->bytes);
    }
};

static void copy(struct cuda_queue *queue, void *to, size_t to_stride, const void *from, size_t from_stride, size_t bytes,
                 size_t rows)
{
    if (!works(queue))
        return;
    opened open(queue->gpu);
    queue_up(copying{to, to_stride, from, from_stride, bytes, rows});
}

static void write(struct cuda_queue *queue, void *to, const void *from, size_t bytes)
{
    emulate_forbid("the host's memory is copied, which may have changed when the graph is launched");
    copy(queue, to, 0, from, 0, bytes, 1);
}

static lmvr_status read(struct cuda_queue *queue, void *to, const void *from, size_t bytes, lmvr_error *error)
{
    emulate_forbid("memory is read, for which the host would have to wait");
    copy(queue, to, 0, from, 0, bytes, 1);
    return failure(queue, error);
}

struct zeroing {
    void *to;
    size_t bytes;
    static void run(const void *zeroing)
    {
        const struct zeroing *z = (const struct zeroing *)zeroing;
        memset(z->to, 0, z->bytes);
    }
};

static void zero(struct cuda_queue *queue, void *to, size_t bytes)
{
    if (!works(queue))
        return;
    opened open(queue->gpu);
    queue_up(zeroing{to, bytes});
}

/* ---- graphs ------------------------------------------------------------------------------------------------------------- */

static std::atomic<long> captures, launches;

struct cuda_graph {
    struct cuda_queue *queue;
    struct emulated_graph *graph;
};

static bool graphs_fail(const struct cuda_queue *queue, const char *at, lmvr_error *error)
{
    const char *value = getenv("EMULATED_GPU_WITHOUT_GRAPHS");
    if (!value || strcmp(value, at) != 0)
        return false;
    snprintf(error->message, sizeof error->message, "GPU %d (emulated): CUDA makes no graph: its %s fails", queue->gpu->index,
             at);
    return true;
}

static bool capture_begin(struct cuda_queue *queue, lmvr_error *error)
{
    if (graphs_fail(queue, "begin", error))
        return false;
    emulate_capture_begin();
    return true;
}

static struct cuda_graph *capture_end(struct cuda_queue *queue, lmvr_error *error)
{
    struct emulated_graph *graph = emulate_capture_end();
    if (graphs_fail(queue, "end", error)) {
        emulated_graph_free(graph);
        return NULL;
    }
    captures++;
    return new cuda_graph{queue, graph};
}

static bool graph_launch(struct cuda_queue *queue, struct cuda_graph *graph)
{
    emulate_forbid("a graph is launched");
    if (queue != graph->queue)
        abort();
    if (!works(queue))
        return true;
    opened open(queue->gpu);
    emulated_graph_run(graph->graph);
    launches++;
    return true;
}

static void graph_free(struct cuda_graph *graph)
{
    if (graph)
        emulated_graph_free(graph->graph);
    delete graph;
}

long emulated_cuda_captures(void)
{
    return captures;
}

long emulated_cuda_launches(void)
{
    return launches;
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

struct cuda_matrix {
    const struct cuda_gpu *gpu;
    int64_t out, in;
    enum dtype dtype;
    bool sealed, fast;
    std::vector<float> rows; /* rounded where dtype is BF16; empty: they come with each product, LENT_STRIDE(in) apart */
};
#define LENT_STRIDE(in) (((in) + 7) / 8 * 8)

static lmvr_status matrix_create(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, struct cuda_matrix **matrix,
                                 lmvr_error *error)
{
    (void)error;
    *matrix = new cuda_matrix{gpu, out, in, dtype, false, false, std::vector<float>((size_t)(out * in))};
    return LMVR_OK;
}

static lmvr_status matrix_create_lent(struct cuda_gpu *gpu, int64_t out, int64_t in, struct cuda_matrix **matrix,
                                      int64_t *stride, lmvr_error *error)
{
    (void)error;
    *matrix = new cuda_matrix{gpu, out, in, BF16, false, false, {}};
    *stride = LENT_STRIDE(in);
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

static lmvr_status matrix_seal(struct cuda_matrix *matrix, bool fast, lmvr_error *error)
{
    (void)error;
    matrix->sealed = true;
    matrix->fast = fast;
    return LMVR_OK;
}

#define SUMS 16 /* side by side, so that they can be vectors */

/* `split`: the halves by themselves. */
static float dot(int64_t n, const float *x, const float *w, bool split)
{
    float sums[SUMS] = {0}, total = 0;
    if (split)
        return dot(n / 2, x, w, false) + dot(n - n / 2, x + n / 2, w + n / 2, false);
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

/* As cuBLASLt by itself may, a fast matrix splits the sums of some numbers of rows: of even ones. */
struct multiplying {
    const struct cuda_matrix *m;
    int64_t rows;
    const void *x;
    const float *bias;
    enum cuda_result result;
    void *y;

    void row(int64_t r) const
    {
        std::vector<float> row((size_t)m->in);
        for (int64_t i = 0; i < m->in; i++)
            row[(size_t)i] =
                m->dtype == F32 ? ((const float *)x)[r * m->in + i] : bf16_to_f32(((const bf16 *)x)[r * m->in + i]);
        for (int64_t o = 0; o < m->out; o++)
            put(result, m->dtype, y, r * m->out + o,
                dot(m->in, row.data(), m->rows.data() + o * m->in, m->fast && rows % 2 == 0) + (bias ? bias[o] : 0));
    }
    static void run(const void *multiplying)
    {
        const struct multiplying *p = (const struct multiplying *)multiplying;
#pragma omp parallel for schedule(static) if (p->rows * p->m->out * p->m->in > 65536)
        for (int64_t r = 0; r < p->rows; r++)
            p->row(r);
    }
};

static lmvr_status multiply(struct cuda_queue *queue, const struct cuda_matrix *m, int64_t rows, const void *x,
                            const float *bias, enum cuda_result result, void *y, lmvr_error *error)
{
    if (!m->sealed || m->gpu != queue->gpu) {
        snprintf(error->message, sizeof error->message, "a matrix is multiplied that is %s",
                 m->sealed ? "another GPU's" : "not sealed");
        return LMVR_ERROR_INVALID;
    }
    if (!works(queue))
        return failure(queue, error);
    opened open(queue->gpu);
    queue_up(multiplying{m, rows, x, bias, result, y});
    return LMVR_OK;
}

static lmvr_status multiply_lent(struct cuda_queue *queue, const struct cuda_matrix *m, const void *weights, int64_t rows,
                                 const void *x, const float *bias, enum cuda_result result, void *y, lmvr_error *error)
{
    struct cuda_matrix filled = {m->gpu, m->out, m->in, BF16, m->sealed, m->fast, std::vector<float>((size_t)(m->out * m->in))};
    emulate_forbid("weights are widened for one product");
    if ((uintptr_t)weights % CUDA_WEIGHTS_ALIGNMENT) {
        snprintf(error->message, sizeof error->message, "weights are not aligned");
        return LMVR_ERROR_INVALID;
    }
    {
        opened open(queue->gpu);
        for (int64_t i = 0; i < m->out * m->in; i++)
            filled.rows[(size_t)i] = bf16_to_f32(((const bf16 *)weights)[i / m->in * LENT_STRIDE(m->in) + i % m->in]);
    }
    return multiply(queue, &filled, rows, x, bias, result, y, error);
}

static float at(enum dtype dtype, const struct cuda_operand &x, int64_t index, int64_t row, int64_t column)
{
    int64_t place = index * x.step + (x.turned ? column * x.stride + row : row * x.stride + column);
    return dtype == F32 ? ((const float *)x.data)[place] : bf16_to_f32(((const bf16 *)x.data)[place]);
}

/* An element's sum is in ascending order of k. */
static void product_row(const struct cuda_product *p, int64_t index, int64_t row)
{
    std::vector<float> sums((size_t)p->n);
    for (int64_t k = 0; k < p->k; k++) {
        float a = at(p->dtype, p->a, index, row, k);
        for (int64_t j = 0; j < p->n; j++)
            sums[(size_t)j] += a * at(p->dtype, p->b, index, k, j);
    }
    float *c = p->c + index * p->c_step + row * p->c_stride;
    for (int64_t j = 0; j < p->n; j++)
        c[j] = p->factor * sums[(size_t)j] + (p->add ? c[j] : 0.0f);
}

static lmvr_status product(struct cuda_queue *queue, const struct cuda_product *p, lmvr_error *error)
{
    if (!works(queue))
        return failure(queue, error);
    opened open(queue->gpu);
#pragma omp parallel for schedule(static) collapse(2) if (p->count * p->m * p->n * p->k > 65536)
    for (int64_t i = 0; i < p->count; i++)
        for (int64_t r = 0; r < p->m; r++)
            product_row(p, i, r);
    return LMVR_OK;
}

/* ---- measuring ---------------------------------------------------------------------------------------------------------- */

static double now()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

static lmvr_status measure_product(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, int64_t rows,
                                   struct cuda_times *times, lmvr_error *error)
{
    std::vector<float> x((size_t)(rows * in)), y((size_t)(rows * out));
    struct cuda_matrix *matrix;
    struct cuda_queue queue = {gpu};
    matrix_create(gpu, out, in, dtype, &matrix, error);
    matrix_seal(matrix, false, error);
    double begin = now();
    lmvr_status status = multiply(&queue, matrix, rows, x.data(), NULL, CUDA_RESULT_FLOATS, y.data(), error);
    times->least = now() - begin;
    times->steady = 3 * times->least; /* made up, to be told apart */
    times->fast = 2 * times->least;
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

/* A function of kernels.h, with the memory of the stream's GPU open. */
template <class F, F function> struct kernel;
template <class... Arguments, void (*function)(cuda_stream, Arguments...)>
struct kernel<void (*)(cuda_stream, Arguments...), function> {
    static void run(cuda_stream stream, Arguments... arguments)
    {
        if (!works(queue_of(stream)))
            return;
        opened open(queue_of(stream)->gpu);
        function(stream, arguments...);
    }
};
#define KERNEL(function) kernel<decltype(&function), &function>::run

static const struct cuda_gradients gradients = {
    KERNEL(cuda_gradient_sum),     KERNEL(cuda_gradient_activate_back), KERNEL(cuda_gradient_gate_back),
    KERNEL(cuda_gradient_columns), KERNEL(cuda_gradient_turn),          KERNEL(cuda_gradient_squares),
    KERNEL(cuda_gradient_adamw),   KERNEL(cuda_gradient_sum_rows),      KERNEL(cuda_gradient_norm_back),
    KERNEL(cuda_gradient_take),    KERNEL(cuda_gradient_give),          KERNEL(cuda_gradient_cross_entropy),
    KERNEL(cuda_gradient_softmax), KERNEL(cuda_gradient_softmax_back)};

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
                                        failure,
                                        capture_begin,
                                        capture_end,
                                        graph_launch,
                                        graph_free,
                                        matrix_create,
                                        matrix_free,
                                        matrix_set,
                                        matrix_seal,
                                        multiply,
                                        matrix_create_lent,
                                        multiply_lent,
                                        product,
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
                                        KERNEL(cuda_sample),
                                        cuda_quantized_bytes,
                                        KERNEL(cuda_quantized_pack),
                                        KERNEL(cuda_quantized_widen),
                                        cuda_quantized_scratch,
                                        KERNEL(cuda_quantized_multiply),
                                        KERNEL(cuda_heads),
                                        KERNEL(cuda_attention_groups),
                                        KERNEL(cuda_weigh_groups),
                                        cuda_attention_cache_scratch,
                                        KERNEL(cuda_attention_cache),
                                        KERNEL(cuda_weigh_cache),
                                        &gradients};
    return &api;
}
