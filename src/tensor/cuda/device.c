#include "tensor/cuda/device.h"

#include "tensor/cuda/device_queue.h"
#include "tensor/cuda/self_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------------------------------- */

static uint64_t available(const struct device *device)
{
    struct cuda_properties properties;
    return cuda_device_describe(device, &properties, NULL) == LMVR_OK ? properties.free : 0;
}

static void *allocate(const struct device *device, size_t bytes)
{
    return device_of(device)->api->allocate(device_of(device)->gpu, bytes);
}

static void release(const struct device *device, void *memory)
{
    device_of(device)->api->release(device_of(device)->gpu, memory);
}

lmvr_status cuda_load(const struct cuda_device *device, void *to, const void *from, size_t bytes,
                      void (*use)(cuda_stream stream, void *user), void *user, lmvr_error *error)
{
    struct cuda_device *d = (struct cuda_device *)device; /* whose queue for loading is its own affair */
    char end;
    if (bytes == 0)
        return LMVR_OK;
    pthread_mutex_lock(&d->lock);
    lmvr_status status = d->loading ? LMVR_OK : d->api->queue_create(d->gpu, &d->loading, error);
    if (status == LMVR_OK) {
        d->api->write(d->loading, to, from, bytes);
        if (use)
            use(d->api->stream(d->loading), user);
        status = d->api->read(d->loading, &end, to, 1, error); /* waits */
    }
    pthread_mutex_unlock(&d->lock);
    return status;
}

static lmvr_status send_bytes(const struct device *device, void *to, const void *from, size_t bytes, lmvr_error *error)
{
    return cuda_load(device_of(device), to, from, bytes, NULL, NULL, error);
}

static void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    replay_finish(queue);
    queue->owner->api->queue_free(queue->queue);
    for (int i = 0; i < MEMOS; i++) {
        free(queue->memos[i].host);
        queue->owner->api->release(queue->owner->gpu, queue->memos[i].sent);
    }
    free(queue);
}

static lmvr_status queue_create(const struct device *device, struct queue **queue, lmvr_error *error)
{
    const struct cuda_device *d = device_of(device);
    struct queue *q = *queue = calloc(1, sizeof *q);
    if (!q)
        return error_no_memory(error, "the GPU's queue");
    q->owner = d;
    lmvr_status status = d->api->queue_create(d->gpu, &q->queue, error);
    if (status != LMVR_OK) {
        queue_free(q);
        *queue = NULL;
        return status;
    }
    return LMVR_OK;
}

static enum dtype operand_dtype(enum dtype weights)
{
    return weights;
}

static void write_memory(struct arena *arena, void *to, const void *from, size_t bytes)
{
    struct queue *q = arena->queue;
    if (bytes == 0)
        return;
    const void *staged = q->replay.on ? replay_send(arena, from, bytes) : NULL;
    if (staged)
        api_of(arena)->copy(queue_of(arena), to, bytes, staged, bytes, bytes, 1);
    else
        q->owner->api->write(q->queue, to, from, bytes); /* nothing is kept back */
}

lmvr_status cuda_failure(struct arena *arena, lmvr_error *error)
{
    if (arena->queue->failed)
        return error_set(error, LMVR_ERROR_RESOURCE, "%s is out of memory", arena->device->name);
    if (arena->queue->status != LMVR_OK)
        return error_set(error, arena->queue->status, "%s", arena->queue->why.message);
    return arena->queue->owner->api->failure(arena->queue->queue, error);
}

lmvr_status cuda_read(struct arena *arena, void *to, const void *from, size_t bytes, lmvr_error *error)
{
    replay_flush(arena->queue);
    TRY(cuda_failure(arena, error));
    return bytes ? arena->queue->owner->api->read(arena->queue->queue, to, from, bytes, error) : LMVR_OK;
}

static void copy(struct arena *arena, void *to, const void *from, size_t bytes)
{
    if (bytes)
        api_of(arena)->copy(queue_of(arena), to, bytes, from, bytes, bytes, 1);
}

static void zero(struct arena *arena, void *to, size_t bytes)
{
    if (bytes)
        api_of(arena)->zero(queue_of(arena), to, bytes);
}

/* ---- failures ----------------------------------------------------------------------------------------------------------- */

static lmvr_status recover(struct arena *arena, lmvr_error *error)
{
    struct queue *q = arena->queue;
    lmvr_status status = q->owner->api->recover(q->queue, error);
    q->failed = false;
    q->status = LMVR_OK;
    if (status != LMVR_OK)
        atomic_store(&((struct cuda_device *)q->owner)->lost, true);
    return status;
}

static bool is_lost(const struct device *device)
{
    return atomic_load(&device_of(device)->lost);
}

/* ---- arrays of the host ------------------------------------------------------------------------------------------------- */

static void memo_finish(const struct cuda_device *d, struct memo *memo)
{
    free(memo->host);
    d->api->release(d->gpu, memo->sent);
    *memo = (struct memo){0};
}

/* Makes room in a memo, whose old values are lost. */
static bool make_room(const struct cuda_device *d, struct memo *memo, size_t bytes)
{
    if (bytes <= memo->room)
        return true;
    memo_finish(d, memo);
    memo->host = malloc(2 * bytes);
    memo->sent = d->api->allocate(d->gpu, 2 * bytes);
    if (!memo->host || !memo->sent) {
        memo_finish(d, memo);
        return false;
    }
    memo->room = 2 * bytes;
    return true;
}

const void *cuda_sent(struct arena *arena, const void *array, size_t bytes)
{
    struct queue *q = arena->queue;
    const void *staged = q->replay.on ? replay_send(arena, array, bytes) : NULL;
    if (staged)
        return staged;
    struct memo *oldest = &q->memos[0];
    for (int i = 0; i < MEMOS; i++) {
        struct memo *memo = &q->memos[i];
        if (memo->sent && memo->bytes == bytes && memcmp(memo->host, array, bytes) == 0) {
            memo->used = ++q->clock;
            return memo->sent;
        }
        oldest = memo->used < oldest->used ? memo : oldest;
    }
    oldest->bytes = 0;
    if (!make_room(q->owner, oldest, bytes ? bytes : 1)) {
        q->failed = true;
        return NULL;
    }
    if (bytes)
        memcpy(oldest->host, array, bytes);
    oldest->bytes = bytes;
    oldest->used = ++q->clock;
    if (bytes)
        q->owner->api->write(q->queue, oldest->sent, array, bytes);
    return oldest->sent;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static void close_device(const struct device *device)
{
    struct cuda_device *d = (struct cuda_device *)device;
    d->api->queue_free(d->loading);
    d->api->close(d->gpu);
    pthread_mutex_destroy(&d->lock);
    free(d);
}

static void fill_in(struct device_operations *operations)
{
    *operations = (struct device_operations){.close = close_device,
                                             .available = available,
                                             .allocate = allocate,
                                             .release = release,
                                             .send = send_bytes,
                                             .queue_create = queue_create,
                                             .queue_free = queue_free,
                                             .operand_dtype = operand_dtype,
                                             .write = write_memory,
                                             .read = cuda_read,
                                             .copy = copy,
                                             .zero = zero,
                                             .recover = recover,
                                             .is_lost = is_lost,
                                             .take_notice = replay_take_notice};
    cuda_add_product_operations(operations);
    cuda_add_row_operations(operations);
    cuda_add_attention_operations(operations);
    cuda_add_step_operations(operations);
}

/* LMVR_CUDA_GRAPHS=0 is for comparing. */
static bool wants_graphs(void)
{
    const char *wanted = getenv("LMVR_CUDA_GRAPHS");
    return !wanted || strcmp(wanted, "0") != 0;
}

lmvr_status cuda_device_open(const struct cuda_api *api, int index, bool fast, const struct device **device, lmvr_error *error)
{
    struct cuda_device *d = calloc(1, sizeof *d);
    *device = NULL;
    if (!d)
        return error_no_memory(error, "the GPU");
    fill_in(&d->operations);
    d->device = (struct device){
        .operations = &d->operations, .gradients = &cuda_gradient_operations, .rows = 16384, .sequences = 64, .fast = fast};
    snprintf(d->device.name, sizeof d->device.name, "cuda:%d", index);
    d->api = api;
    d->replays = wants_graphs();
    pthread_mutex_init(&d->lock, NULL);
    struct cuda_properties properties;
    lmvr_status status = api->open(index, &d->gpu, error);
    if (status == LMVR_OK)
        status = api->describe(d->gpu, &properties, error);
    if (status != LMVR_OK) {
        close_device(&d->device);
        return status;
    }
    snprintf(d->device.gpu, sizeof d->device.gpu, "%.63s", properties.name);
    status = self_check(&d->device, error);
    if (status != LMVR_OK)
        close_device(&d->device);
    else
        *device = &d->device;
    return status;
}

lmvr_status cuda_device_describe(const struct device *device, struct cuda_properties *properties, lmvr_error *error)
{
    const struct cuda_device *d = device_of(device);
    return d->api->describe(d->gpu, properties, error);
}

/* ---- measuring ---------------------------------------------------------------------------------------------------------- */

lmvr_status cuda_device_measure_product(const struct device *device, int64_t out, int64_t in, enum dtype dtype, int64_t rows,
                                        struct cuda_times *times, lmvr_error *error)
{
    return device_of(device)->api->measure_product(device_of(device)->gpu, out, in, dtype, rows, times, error);
}

lmvr_status cuda_device_measure_copy(const struct device *device, size_t bytes, double *seconds, lmvr_error *error)
{
    return device_of(device)->api->measure_copy(device_of(device)->gpu, bytes, seconds, error);
}
