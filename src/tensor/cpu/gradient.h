/* The processor's operations for training, tensor/gradient.h, that have files of their own. */
#ifndef LMVR_SRC_TENSOR_CPU_GRADIENT_H
#define LMVR_SRC_TENSOR_CPU_GRADIENT_H

#include "tensor/gradient.h"

/* gradient_attention.c */
lmvr_status cpu_gradient_attend(struct arena *arena, const struct gradient_attention *call, enum dtype products, float *y,
                                lmvr_error *error);
lmvr_status cpu_gradient_attend_back(struct arena *arena, const struct gradient_attention *call, enum dtype products,
                                     const struct gradient_attention_back *back, lmvr_error *error);

/* gradient_loss.c */
/* In place: logits become d (-sum of target * log softmax) / d logits; returns the loss itself. */
double cpu_gradient_row_loss(int64_t n, int64_t target, float smoothing, float *x);
lmvr_status cpu_gradient_cross_entropy(struct arena *arena, int64_t rows, int64_t columns, const float *logits,
                                       const int32_t *targets, float smoothing, float *slope, float *loss, lmvr_error *error);

#endif
