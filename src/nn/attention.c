#include "nn/attention.h"

#include <math.h>

float attention_scale(int head_dim)
{
    return 1.0f / sqrtf((float)head_dim);
}

void attention_heads(struct arena *arena, const struct head_rows *rows, operand *qkv)
{
    arena->device->operations->heads(arena, rows, qkv);
}

lmvr_status attention_forward(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                              operand *out, lmvr_error *error)
{
    return arena->device->operations->attend_cache(arena, rule, query, out, error);
}

lmvr_status attention_weights(struct arena *arena, const struct attention_rule *rule, const struct attention_query *query,
                              int64_t first, int64_t count, float weight, float *weights, lmvr_error *error)
{
    return arena->device->operations->weigh_cache(arena, rule, query, first, count, weight, weights, error);
}

int64_t *attention_even_groups(struct arena *arena, int64_t count, int64_t size)
{
    int64_t *bounds = arena_alloc(arena, count + 1, sizeof *bounds);
    for (int64_t i = 0; bounds && i <= count; i++)
        bounds[i] = i * size;
    return bounds;
}

lmvr_status attention_within(struct arena *arena, const struct attention_rule *rule, const struct attention_groups *groups,
                             operand *out, lmvr_error *error)
{
    return arena->device->operations->attend_groups(arena, rule, groups, out, error);
}
