/*
 * Where a model runs. A device has memory, products with packed weights, and the operations that the models' forward passes are
 * written in. There are two: the processor (cpu/device.c), and a GPU by CUDA (cuda/device.c), in a module of its own.
 *
 * Operations run in the order of their calls, in the queue of an arena, and may not have ended when they return; read() waits.
 * What comes as an array "of the host" may be changed or freed at once; all other pointers are the device's. An operation that
 * returns nothing cannot fail on the processor; on a GPU its failure is kept, and the next one that returns a status tells it.
 *
 * Operands are what products are given and give, in the type in which the device multiplies: f32 on the processor; on a GPU the
 * weights' own. What is added up over a model's blocks, and everything that leaves a model, is f32.
 */
#ifndef LMVR_SRC_TENSOR_DEVICE_H
#define LMVR_SRC_TENSOR_DEVICE_H

#include "error.h"
#include "tensor/activation.h"
#include "tensor/attention.h"

struct device {
    const struct device_operations *operations;
    const struct gradient_operations *gradients; /* for training */
    char name[16];                               /* as `--device` takes it */
    char gpu[64];                                /* its name, such as "NVIDIA H200"; empty: it is no GPU */
    int64_t rows;                                /* enough for products to run at full speed */
    int sequences;                               /* that are decoded together, if nothing else is said */
    bool fast;               /* a row of a product may depend on the number of rows, which only a GPU makes use of */
    uint64_t thread_weights; /* bytes of weights that are worth a thread more in one computation; 0: threads do not compute */
};

/* The processor. */
const struct device *device_cpu(void);

/*
 * Opens a device by its name: "cpu", "cuda" (the first GPU), or "cuda:N". NULL: a GPU, if one can be used and has `bytes` free,
 * else the processor. A GPU that was asked for and cannot be used is an error. `fast`: as in struct device, of a GPU.
 */
lmvr_status device_open(const char *name, uint64_t bytes, bool fast, const struct device **device, lmvr_error *error);
/* Opens all GPUs, at least one, which have to be of one kind and have `bytes` free each. The caller frees the list. */
lmvr_status device_open_all(uint64_t bytes, bool fast, const struct device ***devices, int *count, lmvr_error *error);
/* Compares what a GPU computes in training with the processor, as opening it does for the rest; the processor is as it is. */
lmvr_status device_check_training(const struct device *device, lmvr_error *error);
/* NULL and the processor are allowed. */
void device_close(const struct device *device);

/* Moves `bytes` of malloc'ed memory to the device, and returns where they are; on failure the memory is freed. NULL stays NULL.
 */
lmvr_status device_take(const struct device *device, void *memory, size_t bytes, void **taken, lmvr_error *error);
/* Frees the device's memory. NULL is allowed. */
void device_release(const struct device *device, void *memory);

/* What becomes of a product's result. */
enum product_result { RESULT_OPERANDS, RESULT_FLOATS, RESULT_ADDED };

/* How the rows of a table are added: row i of x receives the sum, in order, of weights[i * terms + t] * table[indexes[i * terms
 * + t]]. Both arrays are of the host. */
struct table_rows {
    const float *table; /* (.., width) */
    int terms;
    const int32_t *indexes; /* (count, terms); below 0: nothing */
    const float *weights;   /* (count, terms); NULL: all are 1 */
};

/* Rows that are added to a running pool of doubles, (dim): sums, maxima (NaN stays), or the last row. */
enum pooling_kind { POOLING_SUM, POOLING_MAX, POOLING_LAST };
struct pooling_task {
    enum pooling_kind kind;
    double *value;
    bool begin; /* the pool is empty so far */
    const float *states;
    int64_t rows, stride, dim;
};

struct device_operations {
    void (*close)(const struct device *device);

    /* ---- memory ---- */
    uint64_t (*available)(const struct device *device);           /* bytes that can be allocated, about */
    void *(*allocate)(const struct device *device, size_t bytes); /* zeroed; NULL: out of memory */
    void (*release)(const struct device *device, void *memory);
    /* Copies bytes of the host, and waits. Thread-safe. */
    lmvr_status (*send)(const struct device *device, void *to, const void *from, size_t bytes, lmvr_error *error);
    lmvr_status (*queue_create)(const struct device *device, struct queue **queue, lmvr_error *error);
    void (*queue_free)(struct queue *queue);
    enum dtype (*operand_dtype)(enum dtype compute); /* F32 or BF16 */
    /* `from` of write(), `to` of read() are of the host. */
    void (*write)(struct arena *arena, void *to, const void *from, size_t bytes);
    lmvr_status (*read)(struct arena *arena, void *to, const void *from, size_t bytes, lmvr_error *error);
    void (*copy)(struct arena *arena, void *to, const void *from, size_t bytes);
    void (*zero)(struct arena *arena, void *to, size_t bytes);
    /* Waits for what was queued, and forgets what of it has failed, so that the arena can be used again. Fails if the device is
     * lost: nothing can be computed on it any more. */
    lmvr_status (*recover)(struct arena *arena, lmvr_error *error);
    bool (*is_lost)(const struct device *device); /* recover() has failed on it */
    /* A sentence on what works, but not as well as it should, that has not been told yet. False: there is none. */
    bool (*take_notice)(const struct device *device, lmvr_error *notice);

    /* Operations between these two are a step that will come again, with other data of the host: a GPU may keep them back until
     * read() or the end. No memory of the device that they use may be released in between. */
    void (*step_begin)(struct arena *arena);
    void (*step_end)(struct arena *arena);

    /* ---- products: a matrix of weights (out, in), packed once; as tensor/cpu/product.h ---- */
    lmvr_status (*matrix_create)(const struct device *device, int64_t out, int64_t in, enum dtype dtype, void **matrix,
                                 lmvr_error *error);
    void (*matrix_free)(void *matrix);
    /* `rows` (count, in) are of the host. */
    lmvr_status (*matrix_set)(void *matrix, int64_t first, int64_t count, const float *rows, lmvr_error *error);
    lmvr_status (*matrix_seal)(void *matrix, lmvr_error *notice, lmvr_error *error);
    /* Rows of a matrix in INT8 or INT4 as files hold them, of the host; NULL where the device has no such matrices. */
    lmvr_status (*matrix_import)(void *matrix, int64_t first, int64_t count, const void *rows, const float *factors,
                                 lmvr_error *error);
    void (*matrix_export)(const void *matrix, int64_t first, int64_t count, void *rows);
    const float *(*matrix_factors)(const void *matrix);
    /* y (rows, out), operands or floats, from x (rows, in); `bias` (out) may be NULL. */
    lmvr_status (*multiply)(struct arena *arena, const void *matrix, int64_t rows, const operand *x, const float *bias,
                            enum product_result result, void *y, lmvr_error *error);

    /* ---- rows ---- */
    /* y (rows, width), operands or floats, from x (rows, width); y may be x. */
    void (*norm)(struct arena *arena, const struct norm *norm, int64_t rows, int64_t width, const float *x,
                 enum product_result result, void *y);
    void (*activate)(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *x); /* in place */
    /* y (rows, width) = activation(gate) * up, where a row of `both`, which is overwritten, is gate, then up. */
    void (*gate)(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *both, operand *y);
    void (*convert)(struct arena *arena, int64_t count, float factor, const float *x, operand *y); /* y = factor * x */
    /* x (count, width) receives rows `tokens`, of the host, of a table (.., width): in F32, BF16, or, by the processor, in
     * INT8, records of quantized_write_record(). */
    void (*embed)(struct arena *arena, enum dtype dtype, const void *table, int64_t width, int64_t count, const int32_t *tokens,
                  float *x);
    /* Row i of `to` receives row rows[i] of `from`, strides apart; `rows` (count) is of the host. */
    void (*gather)(struct arena *arena, int64_t count, int64_t width, const int64_t *rows, const float *from,
                   int64_t from_stride, enum product_result result, void *to, int64_t to_stride);
    /* to[rows[i]] += from[i]; `rows` (count), of the host, ascends. */
    void (*add_rows)(struct arena *arena, int64_t count, int64_t width, const int64_t *rows, const float *from, float *to);
    void (*add_table)(struct arena *arena, int64_t count, int64_t width, const struct table_rows *rows, float *x);
    /* `tasks` (count), of the host, are of pools that all differ. */
    void (*pool)(struct arena *arena, int64_t count, const struct pooling_task *tasks);
    /* tokens (rows), of the host, receives the first of the largest of each row's logits. */
    lmvr_status (*argmax)(struct arena *arena, int64_t rows, int64_t width, const float *logits, int32_t *tokens,
                          lmvr_error *error);

    /* tokens (rows), of the host, receives a token of each row, drawn by its logits as cuda_sample() says; points (rows) are of
     * the host. width is at most 2^20. NULL: whoever draws has to read the logits. */
    lmvr_status (*draw)(struct arena *arena, int64_t rows, int64_t width, const float *logits, float temperature, float top_p,
                        const double *points, int32_t *tokens, lmvr_error *error);

    /* ---- attention ---- */
    void (*heads)(struct arena *arena, const struct head_rows *rows, operand *qkv);
    lmvr_status (*attend_groups)(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *groups,
                                 operand *out, lmvr_error *error);
    lmvr_status (*attend_cache)(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                                operand *out, lmvr_error *error);
    /* Adds to weights (rows, count) `weight` times the softmax weights over the visible keys, summed over heads, of which
     * `count` from key `first` on. Biases are left out. */
    lmvr_status (*weigh_cache)(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                               int64_t first, int64_t count, float weight, float *weights, lmvr_error *error);
    /* Bytes of a slot's keys, and of its values, for one block; a capacity is a multiple of kv_panel(). */
    int64_t (*kv_panel)(void);
    size_t (*kv_keys_size)(enum dtype dtype, int kv_heads, int head_dim, int64_t capacity);
    size_t (*kv_values_size)(enum dtype dtype, int kv_heads, int head_dim, int64_t capacity);
    /* Copies the first `positions` of one slot to another that has room for them, in every block. */
    void (*kv_copy)(struct arena *arena, const struct kv_cache *cache, int from, int to, int64_t positions);
};

#endif
