/* CUDA's module for the emulation: kernels run as emulate.h says, products by plain loops. With EMULATED_GPU_CLOSED in the
 * environment, only these and copies can touch the GPU's memory: any other access ends the process. */
#ifndef LMVR_TESTS_TENSOR_CUDA_EMULATE_API_H
#define LMVR_TESTS_TENSOR_CUDA_EMULATE_API_H

#include "tensor/cuda/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* It has one GPU. */
const struct cuda_api *emulated_cuda_api(void);

/* Bytes of the GPU's memory that are allocated. */
size_t emulated_cuda_bytes(void);

#ifdef __cplusplus
}
#endif

#endif
