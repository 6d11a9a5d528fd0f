#include "nn/elementwise.h"

void norm_finish(struct norm *norm)
{
    device_release(norm->device, norm->weight);
    device_release(norm->device, norm->bias);
    *norm = (struct norm){0};
}

void norm_forward(const struct norm *norm, struct arena *arena, int64_t rows, int64_t width, const float *x, operand *y)
{
    arena->device->operations->norm(arena, norm, rows, width, x, RESULT_OPERANDS, y);
}

void norm_states(const struct norm *norm, struct arena *arena, int64_t rows, int64_t width, const float *x, float *y)
{
    arena->device->operations->norm(arena, norm, rows, width, x, RESULT_FLOATS, y);
}

void embedding_forward(struct arena *arena, enum dtype dtype, const void *table, int64_t width, int64_t count,
                       const int32_t *tokens, float *x)
{
    if (count > 0)
        arena->device->operations->embed(arena, dtype, table, width, count, tokens, x);
}

void activation_forward(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *x)
{
    arena->device->operations->activate(arena, activation, rows, width, x);
}

void gated_forward(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *both, operand *y)
{
    arena->device->operations->gate(arena, activation, rows, width, both, y);
}

void states_copy(struct arena *arena, int64_t count, const float *from, float *to)
{
    arena->device->operations->copy(arena, to, from, (size_t)count * sizeof *to);
}
