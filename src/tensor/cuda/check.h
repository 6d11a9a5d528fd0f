/* What checks of a device are made of: self_check.h. */
#ifndef LMVR_SRC_TENSOR_CUDA_CHECK_H
#define LMVR_SRC_TENSOR_CUDA_CHECK_H

#include "tensor/device.h"
#include "tensor/gradient.h"

#define CHECK_NUMBERS (70 * 512) /* that a check is given, and the most that it may give */

/* A device with its arena, whose results are compared. */
struct check_side {
    struct arena arena;
    const struct device_operations *run;
    const struct gradient_operations *train;
    struct matmul *matmul; /* of the processor */
    enum dtype products;   /* for training: on the processor in F32 */
};

struct check {
    const char *name;
    /* What operations give for `x`, which are between -1 and 1, as `count` floats of the host. */
    lmvr_status (*run)(struct check_side *side, const float *x, float *out, lmvr_error *error);
    int64_t count;
    enum { CHECK_BOTH, CHECK_F32, CHECK_BF16 } in; /* in one alone: it is the same in the other, or not there */
};

lmvr_status check_no_memory(lmvr_error *error);
/* Operands, or floats, as floats of the host. */
lmvr_status check_read(struct check_side *side, const void *x, bool operands, int64_t count, float *out, lmvr_error *error);

/* Runs all checks on the device and on the processor, in f32 and bf16 as they say. LMVR_ERROR_RESOURCE: a result
 * differs by more than rounding; the sentence has the check's name. */
lmvr_status check_all(const struct device *device, const struct check *checks, int count, lmvr_error *error);

#endif
