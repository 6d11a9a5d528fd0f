#include "tensor/cuda/module/queue.h"

#include <stdlib.h>
#include <string.h>

#define LINE ((size_t)64) /* bytes by which what is written is aligned in its segment */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- making and freeing ------------------------------------------------------------------------------------------------- */

static cudaError_t make_events(cudaEvent_t *events, int count)
{
    for (int i = 0; i < count; i++) {
        cudaError_t code = cudaEventCreateWithFlags(&events[i], cudaEventDisableTiming);
        if (code != cudaSuccess)
            return code;
    }
    return cudaSuccess;
}

static cudaError_t make(struct cuda_queue *queue)
{
    cudaError_t code = cudaStreamCreateWithFlags(&queue->stream, cudaStreamNonBlocking);
    if (code == cudaSuccess)
        code = cudaMalloc(&queue->workspace, QUEUE_WORKSPACE);
    if (code == cudaSuccess)
        code = cudaMallocHost((void **)&queue->up, UP_SEGMENTS * SEGMENT);
    if (code == cudaSuccess)
        code = cudaMallocHost((void **)&queue->down, DOWN_SEGMENTS * SEGMENT);
    if (code == cudaSuccess)
        code = make_events(queue->up_done, UP_SEGMENTS);
    if (code == cudaSuccess)
        code = make_events(queue->down_done, DOWN_SEGMENTS);
    return code;
}

lmvr_status queue_create(struct cuda_gpu *gpu, struct cuda_queue **queue, lmvr_error *error)
{
    *queue = NULL;
    struct cuda_queue *q = calloc(1, sizeof *q);
    if (!q)
        return error_no_memory(error, "a queue of a GPU");
    q->gpu = gpu;
    gpu_use(gpu);
    cudaError_t code = make(q);
    if (code != cudaSuccess) {
        lmvr_status status = gpu_error(gpu, code, "make a queue", error);
        queue_free(q);
        return status;
    }
    *queue = q;
    return LMVR_OK;
}

static void free_events(cudaEvent_t *events, int count)
{
    for (int i = 0; i < count; i++)
        if (events[i])
            (void)cudaEventDestroy(events[i]);
}

void queue_free(struct cuda_queue *queue)
{
    if (!queue)
        return;
    gpu_use(queue->gpu);
    if (queue->stream) {
        (void)cudaStreamSynchronize(queue->stream);
        (void)cudaStreamDestroy(queue->stream);
    }
    free_events(queue->up_done, UP_SEGMENTS);
    free_events(queue->down_done, DOWN_SEGMENTS);
    (void)cudaFreeHost(queue->up);
    (void)cudaFreeHost(queue->down);
    (void)cudaFree(queue->workspace);
    (void)cudaFree(queue->scratch);
    (void)cudaGetLastError();
    free(queue);
}

cuda_stream queue_stream(struct cuda_queue *queue)
{
    gpu_use(queue->gpu);
    return queue->stream;
}

/* ---- failures ----------------------------------------------------------------------------------------------------------- */

void queue_note(struct cuda_queue *queue, cudaError_t code, const char *what)
{
    if (code == cudaSuccess)
        return;
    if (queue->captures) {
        if (queue->capture_failure == cudaSuccess)
            queue->capture_failure = code;
        (void)cudaGetLastError();
        return;
    }
    if (queue->status == LMVR_OK)
        queue->status = gpu_error(queue->gpu, code, what, &queue->why);
    else
        (void)cudaGetLastError();
}

lmvr_status queue_failure(struct cuda_queue *queue, lmvr_error *error)
{
    queue_note(queue, cudaGetLastError(), "run its kernels"); /* of launches by this thread */
    if (queue->status != LMVR_OK && error)
        *error = queue->why;
    return queue->status;
}

lmvr_status queue_recover(struct cuda_queue *queue, lmvr_error *error)
{
    gpu_use(queue->gpu);
    (void)cudaStreamSynchronize(queue->stream);
    (void)cudaGetLastError();
    TRY(gpu_check_lost(queue->gpu, error));
    queue->status = LMVR_OK;
    return LMVR_OK;
}

/* ---- bytes -------------------------------------------------------------------------------------------------------------- */

/* Room for `bytes`, up to a segment, which the GPU has not to read from any more. */
static void *take_room(struct cuda_queue *queue, size_t bytes)
{
    if (queue->used + bytes > SEGMENT) {
        queue_note(queue, cudaEventRecord(queue->up_done[queue->segment], queue->stream), "write to its memory");
        queue->segment = (queue->segment + 1) % UP_SEGMENTS;
        queue->used = 0;
        queue_note(queue, cudaEventSynchronize(queue->up_done[queue->segment]), "write to its memory");
    }
    void *room = queue->up + (size_t)queue->segment * SEGMENT + queue->used;
    queue->used += (bytes + LINE - 1) / LINE * LINE;
    return room;
}

void queue_write(struct cuda_queue *queue, void *to, const void *from, size_t bytes)
{
    gpu_use(queue->gpu);
    for (size_t at = 0; at < bytes; at += SEGMENT) {
        size_t count = smaller(bytes - at, SEGMENT);
        void *room = take_room(queue, count);
        memcpy(room, (const char *)from + at, count);
        queue_note(queue, cudaMemcpyAsync((char *)to + at, room, count, cudaMemcpyHostToDevice, queue->stream),
                   "write to its memory");
    }
}

/* Queues the copy of a segment's bytes from `at` on. */
static void fetch(struct cuda_queue *queue, const void *from, size_t at, size_t bytes)
{
    if (at >= bytes)
        return;
    size_t segment = at / SEGMENT % DOWN_SEGMENTS;
    queue_note(queue,
               cudaMemcpyAsync(queue->down + segment * SEGMENT, (const char *)from + at, smaller(bytes - at, SEGMENT),
                               cudaMemcpyDeviceToHost, queue->stream),
               "read its memory");
    queue_note(queue, cudaEventRecord(queue->down_done[segment], queue->stream), "read its memory");
}

lmvr_status queue_read(struct cuda_queue *queue, void *to, const void *from, size_t bytes, lmvr_error *error)
{
    gpu_use(queue->gpu);
    if (bytes == 0)
        queue_note(queue, cudaStreamSynchronize(queue->stream), "wait for it");
    fetch(queue, from, 0, bytes);
    for (size_t at = 0; at < bytes; at += SEGMENT) {
        size_t segment = at / SEGMENT % DOWN_SEGMENTS;
        fetch(queue, from, at + SEGMENT, bytes);
        queue_note(queue, cudaEventSynchronize(queue->down_done[segment]), "read its memory");
        if (queue->status == LMVR_OK)
            memcpy((char *)to + at, queue->down + segment * SEGMENT, smaller(bytes - at, SEGMENT));
    }
    return queue_failure(queue, error);
}

void queue_copy(struct cuda_queue *queue, void *to, size_t to_stride, const void *from, size_t from_stride, size_t bytes,
                size_t rows)
{
    cudaError_t code = cudaSuccess;
    gpu_use(queue->gpu);
    if (rows == 1 || (to_stride == bytes && from_stride == bytes))
        code = cudaMemcpyAsync(to, from, bytes * rows, cudaMemcpyDeviceToDevice, queue->stream);
    else if (bytes > 0 && rows > 0)
        code = cudaMemcpy2DAsync(to, to_stride, from, from_stride, bytes, rows, cudaMemcpyDeviceToDevice, queue->stream);
    queue_note(queue, code, "copy its memory");
}

void queue_zero(struct cuda_queue *queue, void *to, size_t bytes)
{
    gpu_use(queue->gpu);
    queue_note(queue, cudaMemsetAsync(to, 0, bytes, queue->stream), "clear its memory");
}

void *queue_scratch(struct cuda_queue *queue, size_t bytes)
{
    if (bytes > queue->scratch_size) {
        gpu_release(queue->gpu, queue->scratch); /* waits for what uses it */
        queue->scratch = gpu_allocate(queue->gpu, bytes + bytes / 2);
        queue->scratch_size = queue->scratch ? bytes + bytes / 2 : 0;
    }
    return queue->scratch;
}
