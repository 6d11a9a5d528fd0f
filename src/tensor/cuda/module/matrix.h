/* Matrices of weights, and products with them; as api.h says. */
#ifndef LMVR_SRC_TENSOR_CUDA_MODULE_MATRIX_H
#define LMVR_SRC_TENSOR_CUDA_MODULE_MATRIX_H

#include "tensor/cuda/module/queue.h"

lmvr_status matrix_create(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, struct cuda_matrix **matrix,
                          lmvr_error *error);
lmvr_status matrix_create_lent(struct cuda_gpu *gpu, int64_t out, int64_t in, struct cuda_matrix **matrix, int64_t *stride,
                               lmvr_error *error);
void matrix_free(struct cuda_matrix *matrix);
lmvr_status matrix_set(struct cuda_matrix *matrix, int64_t first, int64_t count, const float *rows, lmvr_error *error);
lmvr_status matrix_seal(struct cuda_matrix *matrix, bool fast, lmvr_error *error);
lmvr_status matrix_multiply(struct cuda_queue *queue, const struct cuda_matrix *matrix, int64_t rows, const void *x,
                            const float *bias, enum cuda_result result, void *y, lmvr_error *error);
lmvr_status matrix_multiply_lent(struct cuda_queue *queue, const struct cuda_matrix *matrix, const void *weights, int64_t rows,
                                 const void *x, const float *bias, enum cuda_result result, void *y, lmvr_error *error);

#endif
