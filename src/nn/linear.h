/* Linear layers: y = x W^T + b, the weight packed once (tensor/device.h, products). */
#ifndef LMVR_SRC_NN_LINEAR_H
#define LMVR_SRC_NN_LINEAR_H

#include "tensor/device.h"

struct linear {
    const struct device *device;
    int64_t in, out;
    void *weight; /* (out, in); NULL: the model has no such layer */
    float *bias;  /* (out), on the device; NULL: none */
};

/* A zero weight, to be set and sealed. */
lmvr_status linear_create(struct linear *linear, const struct device *device, int64_t out, int64_t in, enum dtype dtype,
                          lmvr_error *error);
void linear_finish(struct linear *linear);

/* y (rows, out) = x (rows, in) W^T + b; rows are contiguous. */
lmvr_status linear_forward(const struct linear *linear, struct arena *arena, int64_t rows, const operand *x, operand *y,
                           lmvr_error *error);
/* The same in f32, as states are. */
lmvr_status linear_to_states(const struct linear *linear, struct arena *arena, int64_t rows, const operand *x, float *y,
                             lmvr_error *error);
/* y += the same. */
lmvr_status linear_add(const struct linear *linear, struct arena *arena, int64_t rows, const operand *x, float *y,
                       lmvr_error *error);

#endif
