/* Queues: streams, what they need to exchange bytes with the host, and their first failure. */
#ifndef LMVR_SRC_TENSOR_CUDA_MODULE_QUEUE_H
#define LMVR_SRC_TENSOR_CUDA_MODULE_QUEUE_H

#include "tensor/cuda/module/gpu.h"

#define QUEUE_WORKSPACE ((size_t)32 << 20) /* bytes, for cuBLASLt */
#define SEGMENT         ((size_t)1 << 20)  /* bytes of pinned memory */
#define UP_SEGMENTS     4
#define DOWN_SEGMENTS   2

/* For which products of two matrices algorithms have been found last: two_product.h. */
#define TWO_SHAPES 256
struct two_shape {
    int64_t sizes[7], steps[3];
    uint32_t alignments[3], kind;
};
struct two_products {
    struct two_shape shapes[TWO_SHAPES];
    cublasLtMatmulAlgo_t algorithms[TWO_SHAPES];
    int next;
};

/* Which algorithms cuBLASLt has chosen for products with weights, by the number of rows: by_rows.h. */
#define BY_ROWS 1024
struct by_rows {
    int64_t out, in, rows; /* rows 0: nothing */
    uint32_t kind;
    cublasLtMatmulAlgo_t algorithm;
};

struct cuda_queue {
    struct cuda_gpu *gpu;
    cudaStream_t stream;
    void *workspace;
    void *scratch; /* queue_scratch() */
    size_t scratch_size;

    /* Bytes on their way to the GPU: written one after another in the current segment, and segment after segment. A segment is
     * written to again after its event, which follows the last copy from it. */
    unsigned char *up;
    cudaEvent_t up_done[UP_SEGMENTS];
    int segment;
    size_t used;

    /* Bytes on their way back; each segment's event follows the copy to it. */
    unsigned char *down;
    cudaEvent_t down_done[DOWN_SEGMENTS];

    struct two_products two;
    struct by_rows by_rows[BY_ROWS]; /* at most one for a place, which what it is for is hashed to */

    lmvr_status status; /* of the first failure */
    lmvr_error why;
    bool captures; /* graph.h: failures of a capture are its own, and this the first */
    cudaError_t capture_failure;
};

/* As api.h says. */
lmvr_status queue_create(struct cuda_gpu *gpu, struct cuda_queue **queue, lmvr_error *error);
void queue_free(struct cuda_queue *queue);
cuda_stream queue_stream(struct cuda_queue *queue);
void queue_write(struct cuda_queue *queue, void *to, const void *from, size_t bytes);
lmvr_status queue_read(struct cuda_queue *queue, void *to, const void *from, size_t bytes, lmvr_error *error);
void queue_copy(struct cuda_queue *queue, void *to, size_t to_stride, const void *from, size_t from_stride, size_t bytes,
                size_t rows);
void queue_zero(struct cuda_queue *queue, void *to, size_t bytes);
lmvr_status queue_failure(struct cuda_queue *queue, lmvr_error *error);
lmvr_status queue_recover(struct cuda_queue *queue, lmvr_error *error);

/* Keeps the failure, if it is one and the first; `what` could not be done. */
void queue_note(struct cuda_queue *queue, cudaError_t code, const char *what);

/* Memory of the GPU for the next operation alone. NULL: out of memory. */
void *queue_scratch(struct cuda_queue *queue, size_t bytes);

#endif
