/* Attention on the tape (Vaswani et al. 2017, section 3.2). */
#include "train/tape/tape_steps.h"

#include <assert.h>
#include <string.h>

struct attention_step {
    struct step step;
    struct value *q, *k, *v;
    struct tape_attention call;
    float *bias; /* (heads, width); NULL: none */
};

static struct gradient_attention call_of(const struct attention_step *s)
{
    const struct tape_attention *call = &s->call;
    return (struct gradient_attention){.heads = call->heads,
                                       .kv_heads = call->kv_heads,
                                       .head_dim = call->head_dim,
                                       .q = s->q->data + call->q_column,
                                       .k = s->k->data + call->k_column,
                                       .v = s->v->data + call->v_column,
                                       .q_stride = s->q->columns,
                                       .k_stride = s->k->columns,
                                       .v_stride = s->v->columns,
                                       .rows = s->q->rows,
                                       .k_rows = s->k->rows,
                                       .scale = call->scale,
                                       .causal = call->causal,
                                       .segments = call->segments,
                                       .segment_count = call->segment_count,
                                       .bias = s->bias,
                                       .bias_width = call->bias.width,
                                       .bias_zero = call->bias.zero};
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

static float *from_column(float *gradient, int64_t column)
{
    return gradient ? gradient + column : NULL;
}

static void attention_back(struct tape *tape, struct step *step)
{
    struct attention_step *s = (struct attention_step *)step;
    const struct tape_attention *call = &s->call;
    struct gradient_attention_back back = {step->result->gradient, from_column(tape_gradient(tape, s->q), call->q_column),
                                           from_column(tape_gradient(tape, s->k), call->k_column),
                                           from_column(tape_gradient(tape, s->v), call->v_column), NULL};
    struct arena_mark mark = arena_mark(tape->arena);
    int64_t sums = call->bias.table && call->bias.table->trained ? call->segment_count * call->heads * call->bias.width : 0;
    if (sums && !(back.distances = tape_memory(tape, sums, sizeof *back.distances)))
        return;
    if (sums)
        memset(back.distances, 0, (size_t)sums * sizeof *back.distances);
    struct gradient_attention all = call_of(s);
    TAPE_DO(tape, attend_back, &all, tape->half ? BF16 : F32, &back);
    if (sums)
        table_back(call, back.distances);
    arena_release(tape->arena, mark);
}

/* Expands the table to (heads, width). */
static float *spread_bias(struct tape *tape, const struct tape_attention *call)
{
    const struct tape_bias *bias = &call->bias;
    float *spread = tape_on_processor(tape) ? tape_memory(tape, call->heads * bias->width, sizeof *spread) : NULL;
    for (int64_t h = 0; spread && h < call->heads; h++)
        for (int64_t d = 0; d < bias->width; d++)
            parameter_get(bias->table, (int64_t)bias->buckets[d] * call->heads + h, 1, &spread[h * bias->width + d]);
    return spread;
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
    struct gradient_attention all = call_of(&s);
    TAPE_DO(tape, attend, &all, tape->half ? BF16 : F32, y->data);
    struct attention_step *step = TAPE_STEP(tape, struct attention_step, y, attention_back);
    if (step) {
        s.step = step->step;
        *step = s;
    }
    return tape->status == LMVR_OK ? y : NULL;
}
