/* A GPU's operations for training: tensor/gradient.h. */
#ifndef LMVR_SRC_TENSOR_CUDA_DEVICE_GRADIENT_H
#define LMVR_SRC_TENSOR_CUDA_DEVICE_GRADIENT_H

#include "tensor/gradient.h"

/* device_gradient_attention.c */
lmvr_status cuda_gradient_attend(struct arena *arena, const struct gradient_attention *call, enum dtype products, float *y,
                                 lmvr_error *error);
lmvr_status cuda_gradient_attend_back(struct arena *arena, const struct gradient_attention *call, enum dtype products,
                                      const struct gradient_attention_back *back, lmvr_error *error);

#endif
