/*
 * Attention on the tape (Vaswani et al. 2017, section 3.2). With S = scale q k^T + bias, P = softmax(S), y = P v: dv = P^T dy,
 * dP = dy v^T, dS = P (dP - sum(P dP)), dq = scale dS k, dk = scale dS^T q. P is recomputed rather than kept.
 */
#include "tensor/gemm.h"
#include "train/tape/tape_steps.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

struct attention_step {
    struct step step;
    struct value *q, *k, *v;
    struct tape_attention call;
    float *bias; /* (heads, width); NULL: none */
};

#define BLOCK 64 /* queries at a time in causal attention, so that keys that none of them sees are skipped */

/* Queries first .. first + rows - 1 of one head of one segment, and the keys that any of them sees. */
struct head {
    const struct tape_attention *call;
    const struct tape_segment *segment;
    const float *q, *k, *v, *bias; /* bias: for a key and a query at the same offset; NULL: none */
    int64_t q_stride, k_stride, v_stride;
    int64_t first, rows, keys;
};

static struct head get_head(const struct attention_step *s, int segment, int head)
{
    const struct tape_attention *call = &s->call;
    const struct tape_segment *at = &call->segments[segment];
    int64_t kv_column = (int64_t)(head / (call->heads / call->kv_heads)) * call->head_dim;
    return (struct head){
        .call = call,
        .segment = at,
        .q = s->q->data + at->q_first * s->q->columns + call->q_column + (int64_t)head * call->head_dim,
        .k = s->k->data + at->k_first * s->k->columns + call->k_column + kv_column,
        .v = s->v->data + at->k_first * s->v->columns + call->v_column + kv_column,
        .bias = s->bias ? s->bias + head * call->bias.width + call->bias.zero : NULL,
        .q_stride = s->q->columns,
        .k_stride = s->k->columns,
        .v_stride = s->v->columns,
    };
}

/* The number of keys that the query at offset i sees. */
static int64_t visible(const struct head *h, int64_t i)
{
    const struct tape_segment *s = h->segment;
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
    block.q += first * head->q_stride;
    return block;
}

static void multiply(struct tape *tape, const struct gemm_call *call)
{
    lmvr_error error;
    lmvr_status status = gemm_run(call, &error);
    if (status == LMVR_OK)
        return;
#pragma omp critical /* unnamed: a name would become a symbol exported by the library */
    tape_fail(tape, status, error.message);
}

/* p (rows, keys). */
static void probabilities(struct tape *tape, const struct head *h, float *p)
{
    int64_t rows = h->rows, n = h->keys;
    multiply(tape, &(struct gemm_call){.transpose_b = true,
                                       .m = rows,
                                       .n = n,
                                       .k = h->call->head_dim,
                                       .alpha = 1,
                                       .a = h->q,
                                       .lda = h->q_stride,
                                       .b = h->k,
                                       .ldb = h->k_stride,
                                       .c = p,
                                       .ldc = n});
    for (int64_t i = 0; i < rows; i++) {
        int64_t seen = visible(h, h->first + i);
        tape->kernels->softmax(seen, h->call->scale, h->bias ? h->bias - h->first - i : NULL, p + i * n);
        memset(p + i * n + seen, 0, (size_t)(n - seen) * sizeof *p);
    }
}

/* out (rows, head_dim) = p v. */
static void mix(struct tape *tape, const struct head *h, const float *p, float *out, int64_t out_stride)
{
    multiply(tape, &(struct gemm_call){.m = h->rows,
                                       .n = h->call->head_dim,
                                       .k = h->keys,
                                       .alpha = 1,
                                       .a = p,
                                       .lda = h->keys,
                                       .b = h->v,
                                       .ldb = h->v_stride,
                                       .c = out,
                                       .ldc = out_stride});
}

/* Where a head's gradients go; NULL: not needed. */
struct head_gradients {
    float *q, *k, *v, *distances; /* distances: sums of dS by the key's offset minus the query's; NULL: not needed */
};

/* c += alpha op(a) b, where a is (rows, keys). */
static void gather(struct tape *tape, const struct head *h, bool transpose, float alpha, const float *a, const float *b,
                   int64_t ldb, float *c, int64_t ldc)
{
    int64_t rows = h->rows, n = h->keys;
    if (c)
        multiply(tape, &(struct gemm_call){.transpose_a = transpose,
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
static void head_back(struct tape *tape, const struct head *h, const float *dy, int64_t dy_stride,
                      const struct head_gradients *to, float *p, float *d)
{
    int64_t rows = h->rows, n = h->keys;
    probabilities(tape, h, p);
    gather(tape, h, true, 1, p, dy, dy_stride, to->v, h->v_stride);
    multiply(tape, &(struct gemm_call){.transpose_b = true,
                                       .m = rows,
                                       .n = n,
                                       .k = h->call->head_dim,
                                       .alpha = 1,
                                       .a = dy,
                                       .lda = dy_stride,
                                       .b = h->v,
                                       .ldb = h->v_stride,
                                       .c = d,
                                       .ldc = n});
    for (int64_t i = 0; i < rows; i++) {
        tape->kernels->softmax_back(n, 1, p + i * n, d + i * n); /* keys that are not visible have p 0 */
        if (to->distances)
            tape->kernels->add(visible(h, h->first + i), 1, d + i * n, to->distances - h->first - i);
    }
    gather(tape, h, false, h->call->scale, d, h->k, h->k_stride, to->q, h->q_stride);
    gather(tape, h, true, h->call->scale, d, h->q, h->q_stride, to->k, h->k_stride);
}

static int64_t most_scores(const struct tape_attention *call)
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

/* The part of the value's gradient that corresponds to a head's data. */
static float *beside(float *gradient, const struct value *value, const float *data)
{
    return gradient ? gradient + (data - value->data) : NULL;
}

/* Adds the sums over distances (segments, heads, width) to the table's gradient, in a fixed order. */
static void table_back(const struct tape_attention *call, const float *distances)
{
    const struct tape_bias *bias = &call->bias;
    for (int64_t s = 0; s < call->segment_count; s++)
        for (int64_t h = 0; h < call->heads; h++, distances += bias->width)
            for (int64_t d = 0; d < bias->width; d++)
                bias->table->gradient[(int64_t)bias->buckets[d] * call->heads + h] += distances[d];
}

/* The backward step of all of a head's queries. dq, dk, dv: where the values' gradients go, or NULL; scratch: twice
 * most_scores(). */
static void whole_head_back(struct tape *tape, const struct attention_step *s, const struct head *h, int64_t head, float *dq,
                            float *dk, float *dv, float *distances, float *scratch)
{
    const struct value *y = s->step.result;
    int64_t size = most_scores(&s->call);
    struct head block;
    for (int64_t first = 0; first < h->segment->q_count; first += block.rows) {
        block = block_of(h, first);
        struct head_gradients to = {beside(dq, s->q, block.q), beside(dk, s->k, h->k), beside(dv, s->v, h->v), distances};
        const float *dy = y->gradient + (h->segment->q_first + first) * y->columns + head * s->call.head_dim;
        head_back(tape, &block, dy, y->columns, &to, scratch, scratch + size);
    }
}

static void attention_back(struct tape *tape, struct step *step)
{
    struct attention_step *s = (struct attention_step *)step;
    const struct tape_attention *call = &s->call;
    float *dq = tape_gradient(tape, s->q), *dk = tape_gradient(tape, s->k), *dv = tape_gradient(tape, s->v);
    struct arena_mark mark = arena_mark(tape->arena);
    int64_t size = most_scores(call), shared = call->heads / call->kv_heads;
    int64_t sums = call->bias.table && call->bias.table->trained ? call->segment_count * call->heads * call->bias.width : 0;
    float *scratch = tape_memory(tape, omp_get_max_threads() * 2 * size, sizeof *scratch);
    float *distances = sums ? tape_memory(tape, sums, sizeof *distances) : NULL;
    if (tape->status != LMVR_OK)
        return;
    if (distances)
        memset(distances, 0, (size_t)sums * sizeof *distances);
        /* heads that share keys are one task, as their gradients are added up there */
#pragma omp parallel for schedule(dynamic) collapse(2)
    for (int segment = 0; segment < call->segment_count; segment++)
        for (int group = 0; group < call->kv_heads; group++)
            for (int64_t head = group * shared; head < (group + 1) * shared; head++) {
                struct head h = get_head(s, segment, (int)head);
                float *sum = distances;
                if (sum)
                    sum += (segment * call->heads + head) * call->bias.width + call->bias.zero;
                whole_head_back(tape, s, &h, head, dq, dk, dv, sum, scratch + omp_get_thread_num() * 2 * size);
            }
    if (distances)
        table_back(call, distances);
    arena_release(tape->arena, mark);
}

/* Expands the table to (heads, width). */
static float *spread_bias(struct tape *tape, const struct tape_attention *call)
{
    const struct tape_bias *bias = &call->bias;
    float *spread = tape_memory(tape, call->heads * bias->width, sizeof *spread);
    for (int64_t h = 0; spread && h < call->heads; h++)
        for (int64_t d = 0; d < bias->width; d++)
            parameter_get(bias->table, (int64_t)bias->buckets[d] * call->heads + h, 1, &spread[h * bias->width + d]);
    return spread;
}

static void forward(struct tape *tape, const struct attention_step *s, struct value *y)
{
    const struct tape_attention *call = &s->call;
    struct arena_mark mark = arena_mark(tape->arena);
    int64_t size = most_scores(call);
    float *scratch = tape_memory(tape, omp_get_max_threads() * size, sizeof *scratch);
    if (!scratch)
        return;
    memset(y->data, 0, (size_t)(y->rows * y->columns) * sizeof *y->data);
#pragma omp parallel for schedule(dynamic) collapse(2)
    for (int segment = 0; segment < call->segment_count; segment++)
        for (int head = 0; head < call->heads; head++) {
            struct head h = get_head(s, segment, head);
            float *p = scratch + omp_get_thread_num() * size;
            struct head block;
            for (int64_t first = 0; first < h.segment->q_count; first += block.rows) {
                block = block_of(&h, first);
                probabilities(tape, &block, p);
                mix(tape, &block, p, y->data + (h.segment->q_first + first) * y->columns + head * call->head_dim, y->columns);
            }
        }
    arena_release(tape->arena, mark);
}

struct value *tape_attention(struct tape *tape, struct value *q, struct value *k, struct value *v,
                             const struct tape_attention *call)
{
    if (!q || !k || !v)
        return NULL;
    assert(call->heads % call->kv_heads == 0 && k->rows == v->rows);
    struct attention_step s = {.q = q, .k = k, .v = v, .call = *call};
    if (call->bias.table && !(s.bias = spread_bias(tape, call)))
        return NULL;
    bool wanted = q->wanted || k->wanted || v->wanted || (call->bias.table && call->bias.table->trained);
    struct value *y = tape_new(tape, q->rows, (int64_t)call->heads * call->head_dim, wanted);
    if (!y)
        return NULL;
    forward(tape, &s, y);
    struct attention_step *step = TAPE_STEP(tape, struct attention_step, y, attention_back);
    if (step) {
        s.step = step->step;
        *step = s;
    }
    return tape->status == LMVR_OK ? y : NULL;
}
