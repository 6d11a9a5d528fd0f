/*
 * Attention for training (Vaswani et al. 2017, section 3.2). With S = scale q k^T + bias, P = softmax(S), y = P v: dv = P^T dy,
 * dP = dy v^T, dS = P (dP - sum(P dP)), dq = scale dS k, dk = scale dS^T q. P is recomputed rather than kept.
 */
#include "tensor/cpu/gradient.h"
#include "tensor/cpu/kernel_gradient.h"
#include "tensor/gemm.h"

#include <omp.h>
#include <string.h>

#define BLOCK 64 /* queries at a time in causal attention, so that keys that none of them sees are skipped */

/* Attention of all heads, and its first failure. */
struct work {
    const struct gradient_attention *call;
    const struct gradient_kernels *kernels;
    lmvr_status status;
    lmvr_error *error;
};

/* Queries first .. first + rows - 1 of one head of one segment, and the keys that any of them sees. */
struct head {
    const struct gradient_attention *call;
    const struct gradient_segment *segment;
    const float *q, *k, *v, *bias; /* bias: for a key and a query at the same offset; NULL: none */
    int64_t first, rows, keys;
};

static struct head get_head(const struct gradient_attention *call, int segment, int head)
{
    const struct gradient_segment *at = &call->segments[segment];
    int64_t kv_column = (int64_t)(head / (call->heads / call->kv_heads)) * call->head_dim;
    return (struct head){
        .call = call,
        .segment = at,
        .q = call->q + at->q_first * call->q_stride + (int64_t)head * call->head_dim,
        .k = call->k + at->k_first * call->k_stride + kv_column,
        .v = call->v + at->k_first * call->v_stride + kv_column,
        .bias = call->bias ? call->bias + head * call->bias_width + call->bias_zero : NULL,
    };
}

/* The number of keys that the query at offset i sees. */
static int64_t visible(const struct head *h, int64_t i)
{
    const struct gradient_segment *s = h->segment;
    if (!h->call->causal)
        return s->k_count;
    int64_t own = i + 1 + s->k_count - s->q_count;
    own = own > s->prefix ? own : s->prefix;
    return own < s->k_count ? own : s->k_count;
}

/* The head's next block of queries, from offset `first` on. */
static struct head block_of(const struct head *head, int64_t first)
{
    struct head block = *head;
    int64_t left = head->segment->q_count - first;
    block.first = first;
    block.rows = head->call->causal && left > BLOCK ? BLOCK : left;
    block.keys = visible(head, first + block.rows - 1);
    block.q += first * head->call->q_stride;
    return block;
}

static void multiply(struct work *work, const struct gemm_call *call)
{
    lmvr_error error;
    lmvr_status status = gemm_run(call, &error);
    if (status == LMVR_OK)
        return;
#pragma omp critical /* unnamed: a name would become a symbol exported by the library */
    if (work->status == LMVR_OK)
        work->status = error_set(work->error, status, "%s", error.message);
}

/* p (rows, keys). */
static void probabilities(struct work *work, const struct head *h, float *p)
{
    int64_t rows = h->rows, n = h->keys;
    multiply(work, &(struct gemm_call){.transpose_b = true,
                                       .m = rows,
                                       .n = n,
                                       .k = h->call->head_dim,
                                       .alpha = 1,
                                       .a = h->q,
                                       .lda = h->call->q_stride,
                                       .b = h->k,
                                       .ldb = h->call->k_stride,
                                       .c = p,
                                       .ldc = n});
    for (int64_t i = 0; i < rows; i++) {
        int64_t seen = visible(h, h->first + i);
        work->kernels->softmax(seen, h->call->scale, h->bias ? h->bias - h->first - i : NULL, p + i * n);
        memset(p + i * n + seen, 0, (size_t)(n - seen) * sizeof *p);
    }
}

/* out (rows, head_dim) = p v. */
static void mix(struct work *work, const struct head *h, const float *p, float *out, int64_t out_stride)
{
    multiply(work, &(struct gemm_call){.m = h->rows,
                                       .n = h->call->head_dim,
                                       .k = h->keys,
                                       .alpha = 1,
                                       .a = p,
                                       .lda = h->keys,
                                       .b = h->v,
                                       .ldb = h->call->v_stride,
                                       .c = out,
                                       .ldc = out_stride});
}

/* Where a head's gradients go; NULL: not needed. */
struct head_gradients {
    float *q, *k, *v, *distances; /* distances: sums of dS by the key's offset minus the query's; NULL: not needed */
};

/* c += alpha op(a) b, where a is (rows, keys). */
static void gather(struct work *work, const struct head *h, bool transpose, float alpha, const float *a, const float *b,
                   int64_t ldb, float *c, int64_t ldc)
{
    int64_t rows = h->rows, n = h->keys;
    if (c)
        multiply(work, &(struct gemm_call){.transpose_a = transpose,
                                           .m = transpose ? n : rows,
                                           .n = h->call->head_dim,
                                           .k = transpose ? rows : n,
                                           .alpha = alpha,
                                           .a = a,
                                           .lda = n,
                                           .b = b,
                                           .ldb = ldb,
                                           .beta = 1,
                                           .c = c,
                                           .ldc = ldc});
}

/* The backward step of a head. dy (rows, head_dim); p and d are scratch, (rows, keys) each. */
static void head_back(struct work *work, const struct head *h, const float *dy, int64_t dy_stride,
                      const struct head_gradients *to, float *p, float *d)
{
    int64_t rows = h->rows, n = h->keys;
    probabilities(work, h, p);
    gather(work, h, true, 1, p, dy, dy_stride, to->v, h->call->v_stride);
    multiply(work, &(struct gemm_call){.transpose_b = true,
                                       .m = rows,
                                       .n = n,
                                       .k = h->call->head_dim,
                                       .alpha = 1,
                                       .a = dy,
                                       .lda = dy_stride,
                                       .b = h->v,
                                       .ldb = h->call->v_stride,
                                       .c = d,
                                       .ldc = n});
    for (int64_t i = 0; i < rows; i++) {
        work->kernels->softmax_back(n, 1, p + i * n, d + i * n); /* keys that are not visible have p 0 */
        if (to->distances)
            work->kernels->add(visible(h, h->first + i), 1, d + i * n, to->distances - h->first - i);
    }
    gather(work, h, false, h->call->scale, d, h->k, h->call->k_stride, to->q, h->call->q_stride);
    gather(work, h, true, h->call->scale, d, h->q, h->call->q_stride, to->k, h->call->k_stride);
}

static int64_t most_scores(const struct gradient_attention *call)
{
    int64_t most = 0;
    for (int i = 0; i < call->segment_count; i++) {
        int64_t rows = call->segments[i].q_count, size;
        rows = call->causal && rows > BLOCK ? BLOCK : rows;
        size = rows * call->segments[i].k_count;
        most = size > most ? size : most;
    }
    return most;
}

/* The part of a gradient that lies as a head's data in its matrix. */
static float *beside(float *gradient, const float *matrix, const float *data)
{
    return gradient ? gradient + (data - matrix) : NULL;
}

/* The backward step of all of a head's queries; scratch: twice most_scores(). */
static void whole_head_back(struct work *work, const struct gradient_attention_back *back, const struct head *h, int64_t head,
                            float *distances, float *scratch)
{
    const struct gradient_attention *call = work->call;
    int64_t size = most_scores(call), dy_stride = (int64_t)call->heads * call->head_dim;
    struct head block;
    for (int64_t first = 0; first < h->segment->q_count; first += block.rows) {
        block = block_of(h, first);
        struct head_gradients to = {beside(back->dq, call->q, block.q), beside(back->dk, call->k, h->k),
                                    beside(back->dv, call->v, h->v), distances};
        const float *dy = back->dy + (h->segment->q_first + first) * dy_stride + head * call->head_dim;
        head_back(work, &block, dy, dy_stride, &to, scratch, scratch + size);
    }
}

lmvr_status cpu_gradient_attend_back(struct arena *arena, const struct gradient_attention *call, enum dtype products,
                                     const struct gradient_attention_back *back, lmvr_error *error)
{
    (void)products;
    struct work work = {.call = call, .kernels = gradient_kernels_get(), .error = error};
    struct arena_mark mark = arena_mark(arena);
    int64_t size = most_scores(call), shared = call->heads / call->kv_heads;
    float *scratch = arena_floats(arena, omp_get_max_threads() * 2 * size);
    if (!scratch)
        return error_no_memory(error, "a training pass");
        /* heads that share keys are one task, as their gradients are added up there */
#pragma omp parallel for schedule(dynamic) collapse(2)
    for (int segment = 0; segment < call->segment_count; segment++)
        for (int group = 0; group < call->kv_heads; group++)
            for (int64_t head = group * shared; head < (group + 1) * shared; head++) {
                struct head h = get_head(call, segment, (int)head);
                float *sum = back->distances;
                if (sum)
                    sum += (segment * call->heads + head) * call->bias_width + call->bias_zero;
                whole_head_back(&work, back, &h, head, sum, scratch + omp_get_thread_num() * 2 * size);
            }
    arena_release(arena, mark);
    return work.status;
}

lmvr_status cpu_gradient_attend(struct arena *arena, const struct gradient_attention *call, enum dtype products, float *y,
                                lmvr_error *error)
{
    (void)products;
    struct work work = {.call = call, .kernels = gradient_kernels_get(), .error = error};
    struct arena_mark mark = arena_mark(arena);
    int64_t size = most_scores(call), stride = (int64_t)call->heads * call->head_dim;
    float *scratch = arena_floats(arena, omp_get_max_threads() * size);
    if (!scratch)
        return error_no_memory(error, "a training pass");
    memset(y, 0, (size_t)(call->rows * stride) * sizeof *y);
#pragma omp parallel for schedule(dynamic) collapse(2)
    for (int segment = 0; segment < call->segment_count; segment++)
        for (int head = 0; head < call->heads; head++) {
            struct head h = get_head(call, segment, head);
            float *p = scratch + omp_get_thread_num() * size;
            struct head block;
            for (int64_t first = 0; first < h.segment->q_count; first += block.rows) {
                block = block_of(&h, first);
                probabilities(&work, &block, p);
                mix(&work, &block, p, y + (h.segment->q_first + first) * stride + head * call->head_dim, stride);
            }
        }
    arena_release(arena, mark);
    return work.status;
}
