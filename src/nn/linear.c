#include "nn/linear.h"

lmvr_status linear_create(struct linear *linear, const struct device *device, int64_t out, int64_t in, enum dtype dtype,
                          lmvr_error *error)
{
    *linear = (struct linear){.device = device, .in = in, .out = out};
    return device->operations->matrix_create(device, out, in, dtype, &linear->weight, error);
}

void linear_finish(struct linear *linear)
{
    if (!linear->device)
        return;
    linear->device->operations->matrix_free(linear->weight);
    device_release(linear->device, linear->bias);
    *linear = (struct linear){0};
}

static lmvr_status multiply(const struct linear *linear, struct arena *arena, int64_t rows, const operand *x,
                            enum product_result result, void *y, lmvr_error *error)
{
    return arena->device->operations->multiply(arena, linear->weight, rows, x, linear->bias, result, y, error);
}

lmvr_status linear_forward(const struct linear *linear, struct arena *arena, int64_t rows, const operand *x, operand *y,
                           lmvr_error *error)
{
    return multiply(linear, arena, rows, x, RESULT_OPERANDS, y, error);
}

lmvr_status linear_to_states(const struct linear *linear, struct arena *arena, int64_t rows, const operand *x, float *y,
                             lmvr_error *error)
{
    return multiply(linear, arena, rows, x, RESULT_FLOATS, y, error);
}

lmvr_status linear_add(const struct linear *linear, struct arena *arena, int64_t rows, const operand *x, float *y,
                       lmvr_error *error)
{
    return multiply(linear, arena, rows, x, RESULT_ADDED, y, error);
}
