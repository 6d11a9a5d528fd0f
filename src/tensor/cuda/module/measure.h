/* How fast the GPU and cuBLASLt are by themselves; as api.h says. */
#ifndef LMVR_SRC_TENSOR_CUDA_MODULE_MEASURE_H
#define LMVR_SRC_TENSOR_CUDA_MODULE_MEASURE_H

#include "tensor/cuda/module/queue.h"

lmvr_status measure_product(struct cuda_gpu *gpu, int64_t out, int64_t in, enum dtype dtype, int64_t rows,
                            struct cuda_times *times, lmvr_error *error);
lmvr_status measure_copy(struct cuda_gpu *gpu, size_t bytes, double *seconds, lmvr_error *error);

#endif
