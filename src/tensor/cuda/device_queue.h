/* The GPU's device and queue, and the operations that device.c puts into its table. */
#ifndef LMVR_SRC_TENSOR_CUDA_DEVICE_QUEUE_H
#define LMVR_SRC_TENSOR_CUDA_DEVICE_QUEUE_H

#include "tensor/cuda/api.h"
#include "tensor/device.h"

#include <pthread.h>

#define MEMOS 8 /* arrays of the host that are remembered */

struct cuda_device {
    struct device device;
    struct device_operations operations;
    const struct cuda_api *api;
    struct cuda_gpu *gpu;
    struct cuda_queue *loading; /* of what is sent outside of sessions, under the lock */
    pthread_mutex_t lock;
};

/* An array that has been sent to the GPU, and what it held: the blocks of a pass all send the same ones. */
struct memo {
    size_t bytes, room;
    unsigned char *host;
    void *sent;
    uint64_t used; /* when */
};

struct queue {
    const struct cuda_device *owner;
    struct cuda_queue *queue;
    struct memo memos[MEMOS];
    uint64_t clock;
    bool failed; /* there was no memory for an array */
};

static inline const struct cuda_device *device_of(const struct device *device)
{
    return (const struct cuda_device *)device;
}

static inline const struct cuda_api *api_of(const struct arena *arena)
{
    return arena->queue->owner->api;
}

/* For one launch by the calling thread, which may have launched on another GPU since the last. */
static inline cuda_stream stream_of(const struct arena *arena)
{
    return api_of(arena)->stream(arena->queue->queue);
}

/* ---- device.c ---- */

/* The GPU's copy of an array of the host, valid until MEMOS others have been sent; NULL: out of memory, which the queue
 * remembers. */
const void *cuda_sent(struct arena *arena, const void *array, size_t bytes);
lmvr_status cuda_failure(struct arena *arena, lmvr_error *error);
lmvr_status cuda_read(struct arena *arena, void *to, const void *from, size_t bytes, lmvr_error *error);

/* ---- device_rows.c, device_attention.c: they fill in their part of the table ---- */

void cuda_add_row_operations(struct device_operations *operations);
void cuda_add_attention_operations(struct device_operations *operations);

#endif
