/*
 * Attention for training, segment by segment: products of all heads that have keys of their own, between which rows of scores
 * go through the softmax. Heads that share keys come one after another, so that gradients of keys are added in that order. With
 * S = scale q k^T, P = softmax(S), y = P v: dv = P^T dy, dP = dy v^T, dS = P (dP - sum(P dP)), dq = scale dS k, dk = scale dS^T
 * q. Scores are computed again rather than kept, also those that a causal query does not see.
 */
#include "tensor/cuda/device_gradient.h"
#include "tensor/cuda/device_queue.h"

/* Operands of a whole call: rows of all heads side by side. */
struct operands {
    enum dtype dtype;
    int64_t q_stride, kv_stride;
    const void *q, *k, *v, *dy; /* dy: (rows, q_stride); NULL: forward */
};

/* Scores of the heads of one segment that are computed together, (kv_heads, queries, keys). */
struct scores {
    struct cuda_scores shape;
    float *p, *d;
    void *rounded_p, *rounded_d; /* operands; p and d where these are f32 */
};

static const void *element(enum dtype dtype, const void *x, int64_t at)
{
    return (const char *)x + at * (int64_t)dtype_size(dtype);
}

/* Columns as operands without gaps. NULL: out of memory. */
static const void *packed(struct arena *arena, enum dtype dtype, int64_t rows, int64_t columns, const float *x, int64_t stride)
{
    void *y = arena_floats(arena, dtype == F32 ? rows * columns : (rows * columns + 1) / 2);
    if (y)
        api_of(arena)->gather(stream_of(arena), rows, columns, NULL, x, stride, dtype, y, columns);
    return y;
}

static lmvr_status no_memory(const struct arena *arena, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_RESOURCE, "%s is out of memory for attention", arena->device->name);
}

static lmvr_status make_operands(struct arena *arena, const struct gradient_attention *call, enum dtype products,
                                 const float *dy, struct operands *o, lmvr_error *error)
{
    int64_t wide = (int64_t)call->heads * call->head_dim, kv_wide = (int64_t)call->kv_heads * call->head_dim;
    *o = (struct operands){.dtype = products, .q_stride = wide, .kv_stride = kv_wide};
    o->q = packed(arena, products, call->rows, wide, call->q, call->q_stride);
    o->k = packed(arena, products, call->k_rows, kv_wide, call->k, call->k_stride);
    o->v = packed(arena, products, call->k_rows, kv_wide, call->v, call->v_stride);
    o->dy = dy && products == F32 ? dy : dy ? packed(arena, products, call->rows, wide, dy, wide) : NULL;
    return o->q && o->k && o->v && (o->dy || !dy) ? LMVR_OK : no_memory(arena, error);
}

static lmvr_status make_scores(struct arena *arena, const struct gradient_attention *call, const struct gradient_segment *at,
                               enum dtype products, bool back, struct scores *s, lmvr_error *error)
{
    *s = (struct scores){.shape = {call->kv_heads, at->q_count, at->k_count, at->prefix, call->causal}};
    int64_t count = call->kv_heads * at->q_count * at->k_count;
    s->p = arena_floats(arena, count);
    s->d = back ? arena_floats(arena, count) : NULL;
    s->rounded_p = products == F32 ? s->p : arena_floats(arena, (count + 1) / 2);
    s->rounded_d = products == F32 || !back ? s->d : arena_floats(arena, (count + 1) / 2);
    return s->p && s->rounded_p && (!back || (s->d && s->rounded_d)) ? LMVR_OK : no_memory(arena, error);
}

/* The heads `turn`, turn + shared, ... of one segment, one for each head of keys. */
struct group {
    const struct gradient_attention *call;
    const struct gradient_segment *at;
    const struct operands *o;
    const struct scores *s;
    int64_t turn, shared;
};

static struct cuda_operand queries(const struct group *g, const void *x, bool turned)
{
    int64_t head = g->call->head_dim;
    return (struct cuda_operand){element(g->o->dtype, x, g->at->q_first * g->o->q_stride + g->turn * head), g->o->q_stride,
                                 g->shared * head, turned};
}

static struct cuda_operand keys(const struct group *g, const void *x, bool turned)
{
    return (struct cuda_operand){element(g->o->dtype, x, g->at->k_first * g->o->kv_stride), g->o->kv_stride, g->call->head_dim,
                                 turned};
}

static struct cuda_operand scores(const struct group *g, const void *x, bool turned)
{
    return (struct cuda_operand){x, g->at->k_count, g->at->q_count * g->at->k_count, turned};
}

static lmvr_status run(struct arena *arena, const struct group *g, struct cuda_product product, lmvr_error *error)
{
    product.dtype = g->o->dtype;
    product.count = g->call->kv_heads;
    return api_of(arena)->product(arena->queue->queue, &product, error);
}

/* to (queries, keys) of each head = factor * a b^T, where a are queries and b keys. */
static lmvr_status score(struct arena *arena, const struct group *g, float factor, const void *a, const void *b, float *to,
                         lmvr_error *error)
{
    return run(arena, g,
               (struct cuda_product){.m = g->at->q_count,
                                     .n = g->at->k_count,
                                     .k = g->call->head_dim,
                                     .a = queries(g, a, false),
                                     .b = keys(g, b, true),
                                     .factor = factor,
                                     .c = to,
                                     .c_stride = g->at->k_count,
                                     .c_step = g->at->q_count * g->at->k_count},
               error);
}

/* The queries' rows of `to`, `stride` apart, = or += factor * scores b, where b are keys. */
static lmvr_status to_queries(struct arena *arena, const struct group *g, float factor, const void *s, const void *b, bool add,
                              float *to, int64_t stride, lmvr_error *error)
{
    return run(arena, g,
               (struct cuda_product){.m = g->at->q_count,
                                     .n = g->call->head_dim,
                                     .k = g->at->k_count,
                                     .a = scores(g, s, false),
                                     .b = keys(g, b, false),
                                     .factor = factor,
                                     .add = add,
                                     .c = to + g->at->q_first * stride + g->turn * g->call->head_dim,
                                     .c_stride = stride,
                                     .c_step = g->shared * g->call->head_dim},
               error);
}

/* The keys' rows of `to` += factor * scores^T b, where b are queries. */
static lmvr_status to_keys(struct arena *arena, const struct group *g, float factor, const void *s, const void *b, float *to,
                           int64_t stride, lmvr_error *error)
{
    return run(arena, g,
               (struct cuda_product){.m = g->at->k_count,
                                     .n = g->call->head_dim,
                                     .k = g->at->q_count,
                                     .a = scores(g, s, true),
                                     .b = queries(g, b, false),
                                     .factor = factor,
                                     .add = true,
                                     .c = to + g->at->k_first * stride,
                                     .c_stride = stride,
                                     .c_step = g->call->head_dim},
               error);
}

/* P of a group's heads. */
static lmvr_status weigh(struct arena *arena, const struct group *g, lmvr_error *error)
{
    void *rounded = g->o->dtype == F32 ? NULL : g->s->rounded_p;
    TRY(score(arena, g, g->call->scale, g->o->q, g->o->k, g->s->p, error));
    api_of(arena)->gradients->softmax(stream_of(arena), &g->s->shape, g->s->p, g->o->dtype, rounded);
    return LMVR_OK;
}

static lmvr_status group_back(struct arena *arena, const struct group *g, const struct gradient_attention_back *back,
                              lmvr_error *error)
{
    const struct gradient_attention *call = g->call;
    TRY(weigh(arena, g, error));
    if (back->dv)
        TRY(to_keys(arena, g, 1, g->s->rounded_p, g->o->dy, back->dv, call->v_stride, error));
    TRY(score(arena, g, 1, g->o->dy, g->o->v, g->s->d, error));
    api_of(arena)->gradients->softmax_back(stream_of(arena), &g->s->shape, g->s->p, g->s->d, g->o->dtype, g->s->rounded_d);
    if (back->dq)
        TRY(to_queries(arena, g, call->scale, g->s->rounded_d, g->o->k, true, back->dq, call->q_stride, error));
    return back->dk ? to_keys(arena, g, call->scale, g->s->rounded_d, g->o->q, back->dk, call->k_stride, error) : LMVR_OK;
}

/* One segment, forward to y or back. */
static lmvr_status run_segment(struct arena *arena, const struct gradient_attention *call, const struct gradient_segment *at,
                               const struct operands *o, float *y, const struct gradient_attention_back *back,
                               lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct scores s;
    if (at->q_count == 0 || at->k_count == 0)
        return LMVR_OK;
    TRY(make_scores(arena, call, at, o->dtype, back != NULL, &s, error));
    struct group g = {call, at, o, &s, 0, call->heads / call->kv_heads};
    for (; g.turn < g.shared; g.turn++) {
        if (back) {
            TRY(group_back(arena, &g, back, error));
            continue;
        }
        TRY(weigh(arena, &g, error));
        TRY(to_queries(arena, &g, 1, s.rounded_p, o->v, false, y, o->q_stride, error));
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status run_segments(struct arena *arena, const struct gradient_attention *call, enum dtype products, float *y,
                                const struct gradient_attention_back *back, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct operands o;
    if (call->bias)
        return error_set(error, LMVR_ERROR_INVALID, "attention with a bias is trained on the processor only");
    TRY(make_operands(arena, call, products, back ? back->dy : NULL, &o, error));
    for (int i = 0; i < call->segment_count; i++)
        TRY(run_segment(arena, call, &call->segments[i], &o, y, back, error));
    arena_release(arena, mark);
    return cuda_failure(arena, error);
}

lmvr_status cuda_gradient_attend(struct arena *arena, const struct gradient_attention *call, enum dtype products, float *y,
                                 lmvr_error *error)
{
    int64_t count = call->rows * call->heads * call->head_dim; /* queries in no segment give 0 */
    arena->device->operations->zero(arena, y, (size_t)count * sizeof *y);
    return run_segments(arena, call, products, y, NULL, error);
}

lmvr_status cuda_gradient_attend_back(struct arena *arena, const struct gradient_attention *call, enum dtype products,
                                      const struct gradient_attention_back *back, lmvr_error *error)
{
    return run_segments(arena, call, products, NULL, back, error);
}
