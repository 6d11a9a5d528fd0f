/*
 * Our own kernels, compiled once per instruction set and chosen at run time. They exist where no library has what is needed:
 * attention over a KV cache, norms and activations, and, on processors where oneDNN has no packed products, matrix products
 * whose rows do not depend on the number of rows (docs/architecture.md, "Company changes nothing").
 *
 * Every function here runs on one thread; callers divide the work. No result depends on how it is divided: each output element
 * is a sum over k in ascending blocks of GEMM_BLOCK_K, whatever tile it is computed in.
 */
#ifndef LMVR_SRC_TENSOR_CPU_KERNELS_H
#define LMVR_SRC_TENSOR_CPU_KERNELS_H

#include "tensor/dtype.h"

#include <stdbool.h>

#define GEMM_BLOCK_K   256
#define ATTENTION_ROWS 24 /* the most queries that attention() takes at once, */
#define PAIR_ROWS      32 /* and by AMX */

/* A (k, n) matrix divided into panels of `panel` columns: element (i, j) is at
 * data[(j / panel) * panel_stride + i * row_stride + j % panel]; the last panel is padded with zeros. */
struct panels {
    const void *data;
    enum dtype dtype;
    int64_t panel_stride, row_stride; /* in elements */
};

/* c (m, n) = or += a (m, k) times b (k, n) [+ bias (n)]. */
struct gemm {
    int64_t m, n, k;
    const float *a;
    int64_t lda;
    struct panels b;
    const float *bias; /* NULL: none */
    bool accumulate;
    float *c;
    int64_t ldc;
};

/* out (rows, head_dim) = softmax(scale * q k^T + bias) v, for queries of one head over the keys of one head. */
struct attention {
    const float *q;
    int64_t q_stride;
    int rows; /* at most ATTENTION_ROWS, or a struct pair_kernels' rows */
    int head_dim;
    float scale;
    struct panels keys;                     /* (head_dim, positions): a panel is `panel` positions */
    struct panels values;                   /* (positions, head_dim) */
    const float *key_scales, *value_scales; /* (positions): what multiplies keys and values of INT8; NULL: nothing */
    int64_t visible;                        /* keys that the first query attends to */
    int step;                               /* how many more each following query attends to: 1 if causal, else 0 */
    const float *bias;                      /* of the first query, for key 0 and up; NULL: none */
    int64_t bias_step;                      /* from one query's bias to the next query's */
    float *out;
    int64_t out_stride;
};

/* Keys and values of one head, row p of each (head_dim) at p * stride. */
struct attention_source {
    const float *k, *v;
    int64_t stride, count;
    int head_dim;
};

/* Attention with products in bf16, and sums and softmax in f32, in which every query attends to all keys (step is 0). */
struct pair_kernels {
    int rows; /* the most queries that attention() takes at once */
    /* Keys and values are packed into `memory`, size() floats, and described by `keys` and `values`. */
    size_t (*size)(int64_t keys, int head_dim);
    void (*pack)(const struct attention_source *source, struct panels *keys, struct panels *values, float *memory);
    size_t (*scratch)(int64_t visible, int head_dim); /* floats */
    void (*attention)(const struct attention *a, float *scratch);
};

/* NULL where the processor does not multiply bf16. */
const struct pair_kernels *pair_kernels_get(void);

extern const struct pair_kernels pair_kernels_avx512bf16, pair_kernels_amx;

struct kernels {
    const char *name;
    int panel; /* columns per panel */

    size_t (*gemm_scratch)(int64_t m, int64_t k); /* floats */
    /* Computes the columns of panels first_panel .. last_panel - 1. */
    void (*gemm)(const struct gemm *g, int64_t first_panel, int64_t last_panel, float *scratch);

    size_t (*attention_scratch)(int64_t visible, int head_dim); /* floats, for the most keys that any query attends to */
    void (*attention)(const struct attention *a, float *scratch);

    /* y (rows, n) = (x - mean) / sqrt(variance + eps) * weight + bias; y may be x. */
    void (*layer_norm)(int64_t rows, int64_t n, const float *x, const float *weight, const float *bias, float eps, float *y);
    /* y (rows, n) = x / sqrt(mean(x^2) + eps) * weight; y may be x. */
    void (*rms_norm)(int64_t rows, int64_t n, const float *x, const float *weight, float eps, float *y);

    /* In place: x * Phi(x), x * sigmoid(1.702 x), x / 2 * (1 + tanh(...)), x * sigmoid(x), max(x, 0). */
    void (*gelu)(int64_t n, float *x);
    void (*quick_gelu)(int64_t n, float *x);
    void (*gelu_tanh)(int64_t n, float *x);
    void (*silu)(int64_t n, float *x);
    void (*relu)(int64_t n, float *x);

    void (*multiply)(int64_t n, const float *x, float *y); /* y *= x */
    void (*to_bf16)(int64_t n, const float *x, bf16 *y);
};

/* The best set for this processor; a constant. */
const struct kernels *kernels_get(void);

/* Whether the processor has bf16 instructions (AVX512_BF16), and whether it has AVX-512 at all. */
bool cpu_has_bf16(void);
bool cpu_has_avx512(void);

extern const struct kernels kernels_generic, kernels_avx2, kernels_avx512, kernels_avx512bf16;

#endif
