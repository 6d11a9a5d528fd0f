#include "tensor/cuda/module/gpu.h"

#include "tensor/cuda/module/shape.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- errors ------------------------------------------------------------------------------------------------------------- */

/* After some failures every call fails, in this process. While a graph is captured, this one may fail by that alone. */
static bool is_lost(cudaError_t *code)
{
    *code = cudaStreamQuery(cudaStreamLegacy);
    (void)cudaGetLastError();
    return *code != cudaSuccess && *code != cudaErrorNotReady && *code != cudaErrorStreamCaptureUnsupported &&
           *code != cudaErrorStreamCaptureImplicit && *code != cudaErrorStreamCaptureInvalidated;
}

lmvr_status gpu_check_lost(const struct cuda_gpu *gpu, lmvr_error *error)
{
    cudaError_t code;
    gpu_use(gpu);
    if (!is_lost(&code))
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_RESOURCE, "%s failed, and this process cannot use it any more: %s", gpu->label,
                     cudaGetErrorString(code));
}

lmvr_status gpu_no_memory(const struct cuda_gpu *gpu, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_RESOURCE, "%s: out of memory for %s", gpu->label, what);
}

lmvr_status gpu_error(const struct cuda_gpu *gpu, cudaError_t code, const char *what, lmvr_error *error)
{
    cudaError_t lost;
    (void)cudaGetLastError(); /* it is told here, once */
    const char *why = cudaGetErrorString(code);
    if (code == cudaErrorMemoryAllocation)
        return error_set(error, LMVR_ERROR_RESOURCE, "%s: out of memory: cannot %s", gpu->label, what);
    if (is_lost(&lost))
        return error_set(error, LMVR_ERROR_RESOURCE, "%s failed, and this process cannot use it any more: cannot %s: %s",
                         gpu->label, what, why);
    return error_set(error, LMVR_ERROR_RESOURCE, "%s: cannot %s: %s", gpu->label, what, why);
}

lmvr_status gpu_blas_error(const struct cuda_gpu *gpu, cublasStatus_t code, const char *what, lmvr_error *error)
{
    cudaError_t cause = cudaGetLastError();
    if (cause != cudaSuccess)
        return gpu_error(gpu, cause, what, error);
    return error_set(error, LMVR_ERROR_RESOURCE, "%s: cannot %s: cuBLASLt says: %s", gpu->label, what,
                     cublasLtGetStatusString(code));
}

/* ---- which there are ---------------------------------------------------------------------------------------------------- */

static lmvr_status no_gpu(cudaError_t code, lmvr_error *error)
{
    int driver = 0;
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    (void)cudaDriverGetVersion(&driver);
    (void)cudaGetLastError();
    if (code == cudaErrorInsufficientDriver && driver == 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "no GPU can be used: there is no NVIDIA driver here, or this container is not given it");
    if (code == cudaErrorInsufficientDriver)
        return error_set(error, LMVR_ERROR_INVALID,
                         "no GPU can be used: the NVIDIA driver is for CUDA %d.%d, and one for %d.0 or newer is needed",
                         driver / 1000, driver % 1000 / 10, CUDART_VERSION / 1000);
    if (code != cudaSuccess && code != cudaErrorNoDevice)
        return error_set(error, LMVR_ERROR_INVALID, "no GPU can be used: %s", cudaGetErrorString(code));
    if (visible)
        return error_set(error, LMVR_ERROR_INVALID, "no GPU can be used: CUDA_VISIBLE_DEVICES is \"%s\", which shows none",
                         visible);
    return error_set(error, LMVR_ERROR_INVALID, "no GPU can be used: the NVIDIA driver finds none");
}

lmvr_status gpu_count(int *count, lmvr_error *error)
{
    *count = 0;
    cudaError_t code = cudaGetDeviceCount(count);
    if (code == cudaSuccess && *count > 0)
        return LMVR_OK;
    *count = 0;
    return no_gpu(code, error);
}

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

#define NEEDED 8 /* compute capability: bf16 on tensor cores */

static lmvr_status check(struct cuda_gpu *gpu, lmvr_error *error)
{
    struct cudaDeviceProp properties;
    snprintf(gpu->label, sizeof gpu->label, "GPU %d", gpu->index);
    cudaError_t code = cudaGetDeviceProperties(&properties, gpu->index);
    if (code != cudaSuccess)
        return gpu_error(gpu, code, "ask for its properties", error);
    snprintf(gpu->label, sizeof gpu->label, "GPU %d (%s)", gpu->index, properties.name);
    if (properties.major < NEEDED)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s has compute capability %d.%d, and %d.0 or newer is needed, as of an A100 or an RTX 30", gpu->label,
                         properties.major, properties.minor, NEEDED);
    return LMVR_OK;
}

static lmvr_status start(struct cuda_gpu *gpu, lmvr_error *error)
{
    TRY(check(gpu, error));
    cudaError_t code = cudaSetDevice(gpu->index);
    if (code == cudaSuccess)
        code = cudaFree(NULL); /* CUDA starts with the first call that needs it */
    if (code != cudaSuccess)
        return gpu_error(gpu, code, "start using it", error);
    cublasStatus_t status = cublasLtCreate(&gpu->blas);
    return status == CUBLAS_STATUS_SUCCESS ? LMVR_OK : gpu_blas_error(gpu, status, "start using it", error);
}

lmvr_status gpu_open(int index, struct cuda_gpu **gpu, lmvr_error *error)
{
    int count;
    *gpu = NULL;
    TRY(gpu_count(&count, error));
    if (index < 0 || index >= count)
        return error_set(error, LMVR_ERROR_INVALID, "there is no GPU %d: of %d, the last is GPU %d", index, count, count - 1);
    struct cuda_gpu *g = calloc(1, sizeof *g);
    if (!g)
        return error_no_memory(error, "a GPU");
    g->index = index;
    pthread_mutex_init(&g->lock, NULL);
    lmvr_status status = start(g, error);
    if (status != LMVR_OK) {
        gpu_close(g);
        return status;
    }
    *gpu = g;
    return LMVR_OK;
}

void gpu_close(struct cuda_gpu *gpu)
{
    if (!gpu)
        return;
    gpu_use(gpu);
    if (gpu->blas)
        (void)cublasLtDestroy(gpu->blas);
    shapes_free(gpu->shapes);
    pthread_mutex_destroy(&gpu->lock);
    free(gpu);
}

void gpu_use(const struct cuda_gpu *gpu)
{
    (void)cudaSetDevice(gpu->index); /* what comes next fails where this does */
}

lmvr_status gpu_describe(const struct cuda_gpu *gpu, struct cuda_properties *properties, lmvr_error *error)
{
    struct cudaDeviceProp p;
    size_t free, total;
    *properties = (struct cuda_properties){.memory = 0};
    gpu_use(gpu);
    cudaError_t code = cudaGetDeviceProperties(&p, gpu->index);
    if (code == cudaSuccess)
        code = cudaMemGetInfo(&free, &total);
    if (code != cudaSuccess)
        return gpu_error(gpu, code, "ask for its properties", error);
    snprintf(properties->name, sizeof properties->name, "%.*s", (int)sizeof properties->name - 1, p.name);
    properties->memory = total;
    properties->free = free;
    return LMVR_OK;
}

/* ---- memory ------------------------------------------------------------------------------------------------------------- */

void *gpu_allocate(const struct cuda_gpu *gpu, size_t bytes)
{
    void *memory = NULL;
    gpu_use(gpu);
    cudaError_t code = cudaMalloc(&memory, bytes > 0 ? bytes : 1);
    if (code == cudaSuccess)
        code = cudaMemsetAsync(memory, 0, bytes, cudaStreamLegacy);
    if (code == cudaSuccess)
        code = cudaStreamSynchronize(cudaStreamLegacy); /* for which our queues do not wait */
    if (code == cudaSuccess)
        return memory;
    (void)cudaGetLastError(); /* whoever asks next is not told of it */
    gpu_release(gpu, memory);
    return NULL;
}

void gpu_release(const struct cuda_gpu *gpu, void *memory)
{
    if (!memory)
        return;
    gpu_use(gpu);
    if (cudaFree(memory) != cudaSuccess) /* waits for what uses it, whose failure others tell */
        (void)cudaGetLastError();
}
