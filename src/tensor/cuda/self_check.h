/* Compares a device's operations with the processor's. */
#ifndef LMVR_SRC_TENSOR_CUDA_SELF_CHECK_H
#define LMVR_SRC_TENSOR_CUDA_SELF_CHECK_H

#include "tensor/device.h"

/*
 * Runs the operations that a transformer block is made of, sampling, and a step that comes again on small made inputs, on
 * `device` and on the processor, with weights in f32 and in bf16, and products with weights in 8 and 4 bits.
 * LMVR_ERROR_RESOURCE: a result differs by more than rounding; the sentence names the operation. No card, driver or compiler
 * may ever silently give wrong vectors.
 */
lmvr_status self_check(const struct device *device, lmvr_error *error);
/* The same of the operations that training needs besides (tensor/gradient.h). */
lmvr_status self_check_training(const struct device *device, lmvr_error *error);

#endif
