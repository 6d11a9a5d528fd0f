#include "nn/linear.h"

#include <stdlib.h>

void linear_finish(struct linear *linear)
{
    product_free(linear->weight);
    free(linear->bias);
    *linear = (struct linear){0};
}

lmvr_status linear_forward(const struct linear *linear, struct arena *arena, int64_t rows, const float *x, bool accumulate,
                           float *y, lmvr_error *error)
{
    return product_run(linear->weight, arena, rows, x, linear->in, linear->bias, accumulate, y, linear->out, error);
}
