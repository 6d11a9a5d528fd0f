/* The algorithm that cuBLASLt takes for the fastest for a product of so many rows, whatever becomes of a row beside others. */
#ifndef LMVR_SRC_TENSOR_CUDA_MODULE_BY_ROWS_H
#define LMVR_SRC_TENSOR_CUDA_MODULE_BY_ROWS_H

#include "tensor/cuda/module/product.h"

/* *algorithm is the queue's, until the next call. `kind` says how sums may be split. It depends on kind and rows alone. */
lmvr_status by_rows_choose(struct cuda_queue *queue, const struct product_kind *kind, int64_t rows,
                           const cublasLtMatmulAlgo_t **algorithm, lmvr_error *error);

#endif
