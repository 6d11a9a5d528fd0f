/*
 * What the module with CUDA offers: GPUs, their memory, queues and products, and our own kernels (kernels.h). The engine loads
 * it where it is found (device.c), so one build of the engine serves machines with and without a GPU. It is implemented twice:
 * by CUDA's runtime and cuBLASLt in module/, and for tests on the processor in tests/tensor/cuda/emulate_api.cc.
 */
#ifndef LMVR_SRC_TENSOR_CUDA_API_H
#define LMVR_SRC_TENSOR_CUDA_API_H

#include "lmvr.h"
#include "tensor/cuda/gradient_kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CUDA_API_VERSION 5 /* raised with every change of this header or of kernels.h */

struct cuda_gpu;    /* thread-safe */
struct cuda_queue;  /* a stream, for one thread at a time */
struct cuda_matrix; /* thread-safe once it is sealed */
struct cuda_graph;  /* operations of a queue that come again, for its thread */

struct cuda_properties {
    char name[128];
    uint64_t memory, free; /* bytes */
};

/* A matrix of F32 or BF16 by rows, `stride` elements apart; the next of several is `step` elements on. */
struct cuda_operand {
    const void *data;
    int64_t stride, step;
    bool turned;
};

/* c (m, n), f32 = or += factor * a (m, k) b (k, n), `count` times; a and b are stored the other way round if `turned`. */
struct cuda_product {
    enum dtype dtype; /* of a and b */
    int64_t count, m, n, k;
    struct cuda_operand a, b;
    float factor;
    bool add;
    float *c;
    int64_t c_stride, c_step;
};

#define CUDA_WEIGHTS_ALIGNMENT ((size_t)256) /* as CUDA allocates memory, and cuBLASLt expects weights */

enum cuda_result { CUDA_RESULT_OPERANDS, CUDA_RESULT_FLOATS, CUDA_RESULT_ADDED };

/* What a product takes, in seconds. */
struct cuda_times {
    double least;        /* by the fastest of cuBLASLt's algorithms, whatever rows depend on */
    double steady, fast; /* by a sealed matrix, and by one that is fast */
};

struct cuda_api {
    int version;

    /* ---- GPUs ---- */
    /* How many GPUs can be used. Fails with a sentence where there is no driver, or one that is too old. */
    lmvr_status (*count)(int *count, lmvr_error *error);
    lmvr_status (*open)(int index, struct cuda_gpu **gpu, lmvr_error *error);
    void (*close)(struct cuda_gpu *gpu); /* NULL is allowed */
    lmvr_status (*describe)(const struct cuda_gpu *gpu, struct cuda_properties *properties, lmvr_error *error);
    void *(*allocate)(const struct cuda_gpu *gpu, size_t bytes); /* zeroed; NULL: out of memory */
    void (*release)(const struct cuda_gpu *gpu, void *memory);

    /* ---- queues ---- */
    lmvr_status (*queue_create)(struct cuda_gpu *gpu, struct cuda_queue **queue, lmvr_error *error);
    void (*queue_free)(struct cuda_queue *queue); /* NULL is allowed */
    /* For kernels of the calling thread, whose GPU the queue's becomes: to be asked for before every launch. */
    cuda_stream (*stream)(struct cuda_queue *queue);
    /* `from` of write(), `to` of read() are of the host, and may be used again at once. read() waits for what was queued
     * before, and tells the first failure since the queue was created. */
    void (*write)(struct cuda_queue *queue, void *to, const void *from, size_t bytes);
    lmvr_status (*read)(struct cuda_queue *queue, void *to, const void *from, size_t bytes, lmvr_error *error);
    /* Copies `rows` pieces of `bytes`, which lie so many bytes apart. */
    void (*copy)(struct cuda_queue *queue, void *to, size_t to_stride, const void *from, size_t from_stride, size_t bytes,
                 size_t rows);
    void (*zero)(struct cuda_queue *queue, void *to, size_t bytes);
    /* The first failure so far of what was queued. Does not wait. */
    lmvr_status (*failure)(struct cuda_queue *queue, lmvr_error *error);
    /* Waits, and forgets the failure, so that the queue can be used again. Fails if the GPU is lost to this process. */
    lmvr_status (*recover)(struct cuda_queue *queue, lmvr_error *error);

    /* ---- graphs ---- */
    /* From here to capture_end() the queue's operations are not run, but become a graph: with the arguments that they have now,
     * on what memory holds when it is launched. Only stream(), copy(), zero(), multiply() and kernels may be called. False: it
     * cannot be. */
    bool (*capture_begin)(struct cuda_queue *queue, lmvr_error *error);
    /* NULL: it has failed, which is no failure of the queue. */
    struct cuda_graph *(*capture_end)(struct cuda_queue *queue, lmvr_error *error);
    /* False: the graph cannot be used any more, and nothing was queued. */
    bool (*graph_launch)(struct cuda_queue *queue, struct cuda_graph *graph);
    void (*graph_free)(struct cuda_graph *graph); /* NULL is allowed */

    /* ---- products: a matrix (out, in) of F32 or BF16 ---- */
    lmvr_status (*matrix_create)(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, struct cuda_matrix **matrix,
                                 lmvr_error *error);
    void (*matrix_free)(struct cuda_matrix *matrix); /* NULL is allowed */
    /* Sets rows `first` and on to `rows` (count, in), of the host; waits. */
    lmvr_status (*matrix_set)(struct cuda_matrix *matrix, int64_t first, int64_t count, const float *rows, lmvr_error *error);
    /* Chooses how products are computed, once for every shape of matrix on a GPU. `fast`: as is fastest for the number of rows,
     * though a row then depends on it in its last bits. */
    lmvr_status (*matrix_seal)(struct cuda_matrix *matrix, bool fast, lmvr_error *error);
    /*
     * y (rows, out) from x (rows, in), which has the matrix's dtype, plus bias (out, f32; NULL: none). y is of that dtype too,
     * or f32, or f32 that is added to. Sums are in f32, and never in TF32. A row of y depends only on that row of x, to the
     * last bit: not on the number of rows, unless the matrix is fast.
     */
    lmvr_status (*multiply)(struct cuda_queue *queue, const struct cuda_matrix *matrix, int64_t rows, const void *x,
                            const float *bias, enum cuda_result result, void *y, lmvr_error *error);

    /* A matrix of BF16 that has no weights of its own: they come with each product, from a multiple of CUDA_WEIGHTS_ALIGNMENT
     * bytes on, in rows `stride` elements apart, which are 0 from `in` on. To be sealed. */
    lmvr_status (*matrix_create_lent)(struct cuda_gpu *gpu, int64_t out, int64_t in, struct cuda_matrix **matrix,
                                      int64_t *stride, lmvr_error *error);
    lmvr_status (*multiply_lent)(struct cuda_queue *queue, const struct cuda_matrix *matrix, const void *weights, int64_t rows,
                                 const void *x, const float *bias, enum cuda_result result, void *y, lmvr_error *error);

    /* Of two matrices that both change, for training. Sums are in f32, and never in TF32; the same call gives the same bits. */
    lmvr_status (*product)(struct cuda_queue *queue, const struct cuda_product *product, lmvr_error *error);

    /* ---- what the GPU can do, to compare with ---- */
    /* A product of so many rows with weights that come from memory: what one of many, one after another, takes. Never in TF32.
     */
    lmvr_status (*measure_product)(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, int64_t rows,
                                   struct cuda_times *times, lmvr_error *error);
    /* Copying so many bytes within the GPU's memory. */
    lmvr_status (*measure_copy)(struct cuda_gpu *gpu, size_t bytes, double *seconds, lmvr_error *error);

    /* ---- kernels.h ---- */
    void (*norm)(cuda_stream stream, const struct cuda_norm *norm, int64_t rows, int64_t width, const float *x,
                 enum dtype dtype, void *y);
    void (*activate)(cuda_stream stream, enum activation activation, int64_t count, enum dtype dtype, void *x);
    void (*gate)(cuda_stream stream, enum activation activation, int64_t rows, int64_t width, enum dtype dtype,
                 const void *both, void *y);
    void (*convert)(cuda_stream stream, int64_t count, float factor, const float *x, enum dtype dtype, void *y);
    void (*embed)(cuda_stream stream, enum dtype dtype, const void *table, int64_t width, int64_t count, const int32_t *tokens,
                  float *x);
    void (*gather)(cuda_stream stream, int64_t count, int64_t width, const int64_t *rows, const float *from,
                   int64_t from_stride, enum dtype dtype, void *to, int64_t to_stride);
    void (*add_rows)(cuda_stream stream, int64_t count, int64_t width, const int64_t *rows, const float *from, float *to);
    void (*add_table)(cuda_stream stream, int64_t count, int64_t width, int terms, const int32_t *indexes, const float *weights,
                      const float *table, float *x);
    void (*pool)(cuda_stream stream, int64_t count, int64_t dim, const struct cuda_pool_task *tasks);
    void (*argmax)(cuda_stream stream, int64_t rows, int64_t width, const float *logits, int32_t *tokens);
    void (*sample)(cuda_stream stream, int64_t rows, int64_t width, const float *logits, float temperature, float top_p,
                   const double *points, int32_t *tokens);
    size_t (*quantized_bytes)(enum dtype dtype, int64_t out, int64_t in);
    void (*quantized_pack)(cuda_stream stream, const struct cuda_quantized *matrix, int64_t first, int64_t count,
                           const void *records);
    void (*quantized_widen)(cuda_stream stream, const struct cuda_quantized *matrix, int64_t stride, void *weights);
    size_t (*quantized_scratch)(const struct cuda_quantized *matrix, int64_t rows);
    void (*quantized_multiply)(cuda_stream stream, const struct cuda_quantized *matrix, int64_t rows, const void *x,
                               const float *bias, enum dtype dtype, bool add, void *y, void *scratch);
    void (*heads)(cuda_stream stream, const struct cuda_heads *heads, enum dtype dtype, void *qkv);
    void (*attention_groups)(cuda_stream stream, const struct cuda_groups *groups, enum dtype dtype, void *out);
    void (*weigh_groups)(cuda_stream stream, const struct cuda_groups *groups, enum dtype dtype, int64_t from, float weight,
                         const int64_t *offsets, float *weights);
    size_t (*attention_cache_scratch)(int heads, int head_dim, int64_t rows, int64_t longest_visible);
    void (*attention_cache)(cuda_stream stream, const struct cuda_spans *spans, enum dtype dtype, void *out);
    void (*weigh_cache)(cuda_stream stream, const struct cuda_spans *spans, enum dtype dtype, int64_t from, int64_t count,
                        float weight, float *weights);

    const struct cuda_gradients *gradients; /* gradient_kernels.h */
};

/* The module's one symbol. */
const struct cuda_api *lmvr_cuda_api(void);

#ifdef __cplusplus
}
#endif

#endif
