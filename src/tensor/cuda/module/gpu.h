/* GPUs, their memory, and what goes wrong with them. */
#ifndef LMVR_SRC_TENSOR_CUDA_MODULE_GPU_H
#define LMVR_SRC_TENSOR_CUDA_MODULE_GPU_H

#include "error.h"
#include "tensor/cuda/api.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <pthread.h>

struct cuda_gpu {
    int index;
    char label[300]; /* "GPU 0 (NVIDIA H200)", with which sentences begin */
    cublasLtHandle_t blas;
    pthread_mutex_t lock; /* of `shapes` */
    struct shape *shapes; /* of matrices, for which algorithms are chosen: shape.h */
};

/* As api.h says. */
lmvr_status gpu_count(int *count, lmvr_error *error);
lmvr_status gpu_open(int index, struct cuda_gpu **gpu, lmvr_error *error);
void gpu_close(struct cuda_gpu *gpu);
lmvr_status gpu_describe(const struct cuda_gpu *gpu, struct cuda_properties *properties, lmvr_error *error);
void *gpu_allocate(const struct cuda_gpu *gpu, size_t bytes);
void gpu_release(const struct cuda_gpu *gpu, void *memory);

/* Makes the GPU the one that the calling thread's calls of CUDA are for. Costs next to nothing where it is already. */
void gpu_use(const struct cuda_gpu *gpu);

/* "GPU 0 (NVIDIA H200): cannot WHAT: why", in CUDA's words; other sentences where memory is used up, or where the GPU is lost
 * to this process, as after an access to memory that is not there. LMVR_ERROR_RESOURCE. */
lmvr_status gpu_error(const struct cuda_gpu *gpu, cudaError_t code, const char *what, lmvr_error *error);
lmvr_status gpu_blas_error(const struct cuda_gpu *gpu, cublasStatus_t code, const char *what, lmvr_error *error);
/* Whether the GPU is lost, with that sentence. */
lmvr_status gpu_check_lost(const struct cuda_gpu *gpu, lmvr_error *error);
lmvr_status gpu_no_memory(const struct cuda_gpu *gpu, const char *what, lmvr_error *error);

#endif
