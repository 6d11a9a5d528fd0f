#include "vision/joint.h"

#include "nn/attention.h"

#include <stdlib.h>
#include <string.h>

static const operand *normalized(const struct joint *joint, struct arena *arena, int64_t rows, const float *x)
{
    if (!joint->norm.weight)
        return arena_converted(arena, x, rows * joint->width);
    operand *normed = arena_operands(arena, rows * joint->width);
    if (normed)
        norm_forward(&joint->norm, arena, rows, joint->width, x, normed);
    return normed;
}

static lmvr_status project_class(const struct joint *joint, struct arena *arena, int64_t count, int64_t positions,
                                 const float *x, float *vectors, lmvr_error *error)
{
    int64_t width = joint->width;
    float *classes = arena_floats(arena, count * width);
    if (!classes)
        return error_no_memory(error, "the pictures' vectors");
    for (int64_t i = 0; i < count; i++)
        states_copy(arena, width, x + i * positions * width, classes + i * width);
    const operand *normed = normalized(joint, arena, count, classes);
    if (!normed)
        return error_no_memory(error, "the pictures' vectors");
    return linear_to_states(&joint->projection, arena, count, normed, vectors, error);
}

/* out (count, width): what the query sees of each picture's positions. */
static lmvr_status attend(const struct joint *joint, struct arena *arena, int64_t count, int64_t positions,
                          const operand *normed, operand *out, lmvr_error *error)
{
    int64_t width = joint->width;
    int head_dim = joint->width / joint->heads;
    float *queries = arena_floats(arena, count * width);
    operand *kv = arena_operands(arena, count * positions * 2 * width);
    int64_t *query_ends = attention_even_groups(arena, count, 1), *key_ends = attention_even_groups(arena, count, positions);
    if (!queries || !kv || !query_ends || !key_ends)
        return error_no_memory(error, "the pictures' vectors");
    for (int64_t i = 0; i < count; i++)
        states_copy(arena, width, joint->query, queries + i * width);
    const operand *q = arena_converted(arena, queries, count * width);
    if (!q)
        return error_no_memory(error, "the pictures' vectors");
    TRY(linear_forward(&joint->kv, arena, count * positions, normed, kv, error));
    struct attention_rule rule = {.heads = joint->heads, .scale = attention_scale(head_dim)};
    struct attention_groups groups = {.count = count,
                                      .queries = query_ends,
                                      .keys = key_ends,
                                      .head_dim = head_dim,
                                      .q = q,
                                      .k = kv,
                                      .v = operand_at(arena, kv, width),
                                      .q_stride = width,
                                      .kv_stride = 2 * width};
    return attention_within(arena, &rule, &groups, out, error);
}

static lmvr_status pool(const struct joint *joint, struct arena *arena, int64_t count, int64_t positions, const float *x,
                        float *vectors, lmvr_error *error)
{
    int64_t width = joint->width;
    const operand *normed = normalized(joint, arena, count * positions, x);
    operand *seen = arena_operands(arena, count * width), *mlp = arena_operands(arena, count * joint->mlp_width);
    if (!normed || !seen || !mlp)
        return error_no_memory(error, "the pictures' vectors");
    TRY(attend(joint, arena, count, positions, normed, seen, error));
    TRY(linear_to_states(&joint->attention_out, arena, count, seen, vectors, error));
    norm_forward(&joint->mlp_norm, arena, count, width, vectors, seen);
    TRY(linear_forward(&joint->fc1, arena, count, seen, mlp, error));
    activation_forward(arena, joint->activation, count, joint->mlp_width, mlp);
    return linear_add(&joint->fc2, arena, count, mlp, vectors, error);
}

int64_t joint_width(const struct joint *joint)
{
    return joint->projection.weight ? joint->projection.out : joint->width;
}

lmvr_status joint_forward(const struct joint *joint, struct arena *arena, int64_t count, int64_t positions, const float *x,
                          float *vectors, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    TRY((joint->projection.weight ? project_class : pool)(joint, arena, count, positions, x, vectors, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

void joint_finish(struct joint *joint)
{
    norm_finish(&joint->norm);
    norm_finish(&joint->mlp_norm);
    linear_finish(&joint->projection);
    linear_finish(&joint->kv);
    linear_finish(&joint->attention_out);
    linear_finish(&joint->fc1);
    linear_finish(&joint->fc2);
    device_release(joint->device, joint->query);
    *joint = (struct joint){0};
}
