#include "vision/joint.h"

#include "nn/attention.h"

#include <stdlib.h>
#include <string.h>

static void normalize(const struct joint *joint, int64_t rows, float *x)
{
    if (joint->norm.weight)
        norm_forward(&joint->norm, rows, joint->width, x, x);
}

static lmvr_status project_class(const struct joint *joint, struct arena *arena, int64_t count, int64_t positions,
                                 const float *x, float *vectors, lmvr_error *error)
{
    int64_t width = joint->width;
    float *classes = arena_floats(arena, count * width);
    if (!classes)
        return error_no_memory(error, "the pictures' vectors");
    for (int64_t i = 0; i < count; i++)
        memcpy(classes + i * width, x + i * positions * width, (size_t)width * sizeof *x);
    normalize(joint, count, classes);
    return linear_forward(&joint->projection, arena, count, classes, false, vectors, error);
}

/* out (count, width): what the query sees of each picture's positions. */
static lmvr_status attend(const struct joint *joint, struct arena *arena, int64_t count, int64_t positions, float *normed,
                          float *out, lmvr_error *error)
{
    int64_t width = joint->width;
    int head_dim = joint->width / joint->heads;
    float *queries = arena_floats(arena, count * width), *kv = arena_floats(arena, count * positions * 2 * width);
    int64_t *query_ends = attention_even_groups(arena, count, 1), *key_ends = attention_even_groups(arena, count, positions);
    if (!queries || !kv || !query_ends || !key_ends)
        return error_no_memory(error, "the pictures' vectors");
    for (int64_t i = 0; i < count; i++)
        memcpy(queries + i * width, joint->query, (size_t)width * sizeof *queries);
    TRY(linear_forward(&joint->kv, arena, count * positions, normed, false, kv, error));
    struct attention_rule rule = {.heads = joint->heads, .scale = attention_scale(head_dim)};
    struct attention_groups groups = {.count = count,
                                      .queries = query_ends,
                                      .keys = key_ends,
                                      .head_dim = head_dim,
                                      .dtype = product_dtype(joint->kv.weight),
                                      .q = queries,
                                      .k = kv,
                                      .v = kv + width,
                                      .q_stride = width,
                                      .kv_stride = 2 * width};
    return attention_within(arena, &rule, &groups, out, error);
}

static lmvr_status pool(const struct joint *joint, struct arena *arena, int64_t count, int64_t positions, const float *x,
                        float *vectors, lmvr_error *error)
{
    int64_t width = joint->width, rows = count * positions;
    float *normed = arena_floats(arena, rows * width), *seen = arena_floats(arena, count * width),
          *mlp = arena_floats(arena, count * joint->mlp_width);
    if (!normed || !seen || !mlp)
        return error_no_memory(error, "the pictures' vectors");
    memcpy(normed, x, (size_t)(rows * width) * sizeof *x);
    normalize(joint, rows, normed);
    TRY(attend(joint, arena, count, positions, normed, seen, error));
    TRY(linear_forward(&joint->attention_out, arena, count, seen, false, vectors, error));
    norm_forward(&joint->mlp_norm, count, width, vectors, seen);
    TRY(linear_forward(&joint->fc1, arena, count, seen, false, mlp, error));
    activation_forward(joint->activation, count, joint->mlp_width, mlp);
    return linear_forward(&joint->fc2, arena, count, mlp, true, vectors, error);
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
    free(joint->query);
    *joint = (struct joint){0};
}
