/*
 * CUDA's module for the emulation: kernels run as emulate.h says, products by plain loops. The environment says what there is,
 * and what goes wrong:
 *
 *     EMULATED_GPUS=N             so many GPUs, up to 4; else one
 *     EMULATED_GPU_DRIVER=WHY     none can be used, and so says the driver
 *     EMULATED_GPU_CLOSED=1       only kernels, products and copies can touch a GPU's memory, and only that of their own GPU:
 *                                 any other access ends the process
 *     EMULATED_GPU_LOST=GPU:N     that GPU is lost after N operations; GPU -1: the first that has done so many; -2: each
 *     EMULATED_GPU_FULL=GPU:N     it has memory for N allocations
 *     EMULATED_GPU_WITHOUT_GRAPHS=begin   no capture begins; `end`: none ends with a graph
 *     EMULATED_GPU_OTHER=GPU      it is of another kind than the others
 */
#ifndef LMVR_TESTS_TENSOR_CUDA_EMULATE_API_H
#define LMVR_TESTS_TENSOR_CUDA_EMULATE_API_H

#include "tensor/cuda/api.h"

#ifdef __cplusplus
extern "C" {
#endif

const struct cuda_api *emulated_cuda_api(void);

/* Bytes of all GPUs' memory that are allocated. */
size_t emulated_cuda_bytes(void);

/* Graphs that were made, and times that one was launched. */
long emulated_cuda_captures(void);
long emulated_cuda_launches(void);

#ifdef __cplusplus
}
#endif

#endif
