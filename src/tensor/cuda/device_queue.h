/* The GPU's device and queue, and the operations that device.c puts into its table. */
#ifndef LMVR_SRC_TENSOR_CUDA_DEVICE_QUEUE_H
#define LMVR_SRC_TENSOR_CUDA_DEVICE_QUEUE_H

#include "tensor/cuda/recorded.h"
#include "tensor/device.h"

#include <pthread.h>
#include <stdatomic.h>

#define MEMOS          8  /* arrays of the host that are remembered */
#define MOST_ARRAYS    64 /* of a step that are sent once, however often they are used */
#define MOST_RECURRING 32 /* steps that are remembered */

struct cuda_device {
    struct device device;
    struct device_operations operations;
    const struct cuda_api *api;
    struct cuda_gpu *gpu;
    bool replays;               /* whether steps that recur become graphs */
    struct cuda_queue *loading; /* of what is sent outside of sessions */
    pthread_mutex_t lock;       /* of `loading` and `notice` */
    lmvr_error notice;          /* to be told; empty: none */
    bool graphs_failed;         /* which has been told, or is to be */
    atomic_bool lost;
};

/* An array that has been sent to the GPU, and what it held: the blocks of a pass all send the same ones. */
struct memo {
    size_t bytes, room;
    unsigned char *host;
    void *sent;
    uint64_t used; /* when */
};

/* A step's log, and the graph of it where it has come again. */
struct recurring {
    unsigned char *calls;
    size_t size;
    struct cuda_graph *graph;
    uint64_t seen; /* when */
};

/* Between step_begin() and step_end(): operations that are kept back until read() or the end. */
struct replay {
    bool on;
    struct log log;
    unsigned char *staged; /* what the host sends, which goes to `stage` before the log is run */
    void *stage;
    size_t staged_bytes, half;
    struct {
        size_t at, bytes;
    } arrays[MOST_ARRAYS];
    int array_count;
    struct recurring steps[MOST_RECURRING];
    uint64_t clock;
    bool refused; /* CUDA makes no graphs here */
};

struct queue {
    const struct cuda_device *owner;
    struct cuda_queue *queue;
    struct memo memos[MEMOS];
    uint64_t clock;
    bool failed; /* there was no memory for an array */
    struct replay replay;
    lmvr_status status; /* of the first failure of what was kept back */
    lmvr_error why;
};

static inline const struct cuda_device *device_of(const struct device *device)
{
    return (const struct cuda_device *)device;
}

/* The table for what works in the arena's queue: the module's, or that which keeps calls back. */
static inline const struct cuda_api *api_of(const struct arena *arena)
{
    return arena->queue->replay.on ? recorded_api() : arena->queue->owner->api;
}

/* The queue for such a table. */
static inline struct cuda_queue *queue_of(const struct arena *arena)
{
    struct queue *q = arena->queue;
    return q->replay.on ? (struct cuda_queue *)&q->replay.log : q->queue;
}

/* For one launch by the calling thread, which may have launched on another GPU since the last. */
static inline cuda_stream stream_of(const struct arena *arena)
{
    struct queue *q = arena->queue;
    return q->replay.on ? (cuda_stream)&q->replay.log : q->owner->api->stream(q->queue);
}

/* ---- device.c ---- */

/* The GPU's copy of an array of the host, valid until MEMOS others have been sent; NULL: out of memory, which the queue
 * remembers. */
const void *cuda_sent(struct arena *arena, const void *array, size_t bytes);
/* Copies bytes of the host, launches what uses them, unless that is NULL, and waits. Thread-safe. */
lmvr_status cuda_load(const struct cuda_device *device, void *to, const void *from, size_t bytes,
                      void (*use)(cuda_stream stream, void *user), void *user, lmvr_error *error);
lmvr_status cuda_failure(struct arena *arena, lmvr_error *error);
lmvr_status cuda_read(struct arena *arena, void *to, const void *from, size_t bytes, lmvr_error *error);

/* ---- device_replay.c ---- */

/* The GPU's copy of an array of the host, for the calls that are kept back; NULL: it is too large. */
const void *replay_send(struct arena *arena, const void *array, size_t bytes);
/* Runs what was kept back. */
void replay_flush(struct queue *queue);
void replay_finish(struct queue *queue);
/* A sentence on graphs that cannot be made, not told yet. */
bool replay_take_notice(const struct device *device, lmvr_error *notice);

/* ---- device_product.c, device_rows.c, device_attention.c, device_replay.c: they fill in their part of the table ---- */

void cuda_add_product_operations(struct device_operations *operations);
void cuda_add_row_operations(struct device_operations *operations);
void cuda_add_attention_operations(struct device_operations *operations);
void cuda_add_step_operations(struct device_operations *operations);

extern const struct gradient_operations cuda_gradient_operations; /* device_gradient.c */

#endif
