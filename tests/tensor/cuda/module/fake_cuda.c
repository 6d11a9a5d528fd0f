#include "fake_cuda.h"

#include "emulate_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_cuda fake;

/* ---- failures ----------------------------------------------------------------------------------------------------------- */

static cudaError_t last;
static int current;
static float now;

static cudaError_t give(cudaError_t code)
{
    if (fake.broken != cudaSuccess)
        code = fake.broken;
    if (code != cudaSuccess)
        last = code;
    return code;
}

void fake_reset(void)
{
    fake = (struct fake_cuda){
        .devices = 2, .driver = 13000, .major = 9, .name = "Fake", .memory = (size_t)1 << 30, .pedantic = true};
    last = cudaSuccess;
    current = -1;
    now = 0.0f;
    for (int c = 0; c < ROW_CLASSES; c++)
        for (int i = 0; i < FAKE_OFFERS; i++)
            fake.offers[c][i] = -1;
}

void fake_pass(float milliseconds)
{
    now += milliseconds;
}

cudaError_t cudaGetLastError(void)
{
    cudaError_t code = fake.broken != cudaSuccess ? fake.broken : last;
    last = cudaSuccess;
    return code;
}

const char *cudaGetErrorString(cudaError_t code)
{
    return code == cudaErrorIllegalAddress ? "an illegal memory access was encountered" : "as CUDA says";
}

/* ---- devices ------------------------------------------------------------------------------------------------------------ */

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = fake.count_code == cudaSuccess ? fake.devices : 0;
    return give(fake.count_code);
}

cudaError_t cudaDriverGetVersion(int *version)
{
    *version = fake.driver;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *properties, int device)
{
    (void)device;
    memset(properties, 0, sizeof *properties);
    snprintf(properties->name, sizeof properties->name, "%s", fake.name);
    properties->major = fake.major;
    properties->minor = 5;
    return give(cudaSuccess);
}

cudaError_t cudaSetDevice(int device)
{
    current = device;
    return give(device < fake.devices ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaMemGetInfo(size_t *available, size_t *total)
{
    *total = fake.memory;
    *available = fake.memory - fake.allocated;
    return give(cudaSuccess);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------- */

#define HEADER 256 /* bytes before an allocation, which hold its size */

static void *take(size_t bytes, size_t *total)
{
    char *memory = aligned_alloc(HEADER, (HEADER + bytes + HEADER - 1) / HEADER * HEADER);
    if (!memory)
        abort();
    memset(memory, 0xa5, HEADER + bytes); /* no memory is cleared */
    memcpy(memory, &bytes, sizeof bytes);
    *total += bytes;
    return memory + HEADER;
}

static void drop(void *memory, size_t *total)
{
    size_t bytes;
    if (!memory)
        return;
    memcpy(&bytes, (char *)memory - HEADER, sizeof bytes);
    *total -= bytes;
    free((char *)memory - HEADER);
}

cudaError_t cudaMalloc(void **memory, size_t bytes)
{
    if (current < 0 || fake.broken != cudaSuccess)
        return give(cudaErrorInvalidDevice);
    if (bytes > fake.memory - fake.allocated)
        return give(cudaErrorMemoryAllocation);
    *memory = take(bytes, &fake.allocated);
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory)
{
    drop(memory, &fake.allocated);
    return give(cudaSuccess);
}

cudaError_t cudaMallocHost(void **memory, size_t bytes)
{
    *memory = take(bytes, &fake.pinned);
    return give(cudaSuccess);
}

cudaError_t cudaFreeHost(void *memory)
{
    drop(memory, &fake.pinned);
    return give(cudaSuccess);
}

/* ---- streams ------------------------------------------------------------------------------------------------------------ */

struct CUevent_st {
    bool waits;
    struct CUstream_st *stream;
    float time;
};

/* A copy (`from`), a clearing, or an event. */
struct task {
    char *to;
    const char *from;
    size_t to_stride, from_stride, width, rows;
    int value;
    struct CUevent_st *event;
};

#define TASKS 4096

struct CUstream_st {
    struct task tasks[TASKS];
    int first, count;
};

static void do_task(const void *task)
{
    const struct task *t = task;
    for (size_t r = 0; r < t->rows; r++) {
        if (t->from)
            memmove(t->to + r * t->to_stride, t->from + r * t->from_stride, t->width);
        else
            memset(t->to + r * t->to_stride, t->value, t->width);
    }
    if (t->event) {
        t->event->waits = false;
        t->event->time = now;
    }
}

static void do_tasks(struct CUstream_st *stream, const struct CUevent_st *until)
{
    while (stream->first < stream->count && (!until || until->waits))
        do_task(&stream->tasks[stream->first++]);
    if (stream->first == stream->count)
        stream->first = stream->count = 0;
}

static cudaError_t add_task(cudaStream_t stream, struct task task)
{
    if (current < 0)
        return give(cudaErrorInvalidDevice);
    if (fake.broken != cudaSuccess)
        return give(fake.broken);
    if (emulate_captures()) {
        emulate_keep(do_task, &task, sizeof task);
        return cudaSuccess;
    }
    if (stream == cudaStreamLegacy || !fake.deferred) {
        do_task(&task);
        return cudaSuccess;
    }
    if (stream->count == TASKS)
        abort();
    stream->tasks[stream->count++] = task;
    return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    *stream = calloc(1, sizeof **stream);
    fake.objects++;
    return give(flags == cudaStreamNonBlocking ? cudaSuccess : cudaErrorInvalidValue);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    free(stream);
    fake.objects--;
    return give(cudaSuccess);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    if (stream != cudaStreamLegacy)
        do_tasks(stream, NULL);
    return give(cudaSuccess);
}

cudaError_t cudaStreamQuery(cudaStream_t stream)
{
    (void)stream;
    return give(cudaSuccess);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
    (void)flags;
    *event = calloc(1, sizeof **event);
    fake.objects++;
    return give(cudaSuccess);
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    return cudaEventCreateWithFlags(event, 0);
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    free(event);
    fake.objects--;
    return give(cudaSuccess);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    event->waits = true;
    event->stream = stream;
    return add_task(stream, (struct task){.event = event});
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    if (event->waits)
        do_tasks(event->stream, event);
    return give(cudaSuccess);
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t begin, cudaEvent_t end)
{
    *milliseconds = end->time - begin->time;
    return give(cudaSuccess);
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_stride, const void *from, size_t from_stride, size_t width, size_t rows,
                              enum cudaMemcpyKind kind, cudaStream_t stream)
{
    (void)kind;
    if (width > to_stride || width > from_stride)
        return give(cudaErrorInvalidPitchValue);
    return add_task(
        stream, (struct task){
                    .to = to, .from = from, .to_stride = to_stride, .from_stride = from_stride, .width = width, .rows = rows});
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t stream)
{
    if (kind == cudaMemcpyDeviceToDevice)
        fake_pass(fake.copy_time);
    return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, stream);
}

cudaError_t cudaMemset2DAsync(void *to, size_t stride, int value, size_t width, size_t rows, cudaStream_t stream)
{
    return add_task(stream, (struct task){.to = to, .to_stride = stride, .width = width, .rows = rows, .value = value});
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    return to ? cudaMemset2DAsync(to, bytes, value, bytes, 1, stream) : give(cudaErrorInvalidValue);
}

/* ---- graphs ------------------------------------------------------------------------------------------------------------- */

/* What is captured, and what is made of it, are the emulation's. */
struct CUgraph_st {
    struct emulated_graph *graph;
};
struct CUgraphExec_st {
    struct emulated_graph *graph;
};

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, enum cudaStreamCaptureMode mode)
{
    (void)stream;
    if (fake.without_graphs || mode != cudaStreamCaptureModeThreadLocal)
        return give(cudaErrorNotSupported);
    emulate_capture_begin();
    return give(cudaSuccess);
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph)
{
    (void)stream;
    *graph = calloc(1, sizeof **graph);
    (*graph)->graph = emulate_capture_end();
    fake.objects++;
    return give(cudaSuccess);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *exec, cudaGraph_t graph, unsigned long long flags)
{
    (void)flags;
    *exec = calloc(1, sizeof **exec);
    (*exec)->graph = graph->graph;
    graph->graph = NULL;
    fake.objects++;
    return give(cudaSuccess);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream)
{
    do_tasks(stream, NULL); /* what was queued before */
    emulated_graph_run(exec->graph);
    return give(cudaSuccess);
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    emulated_graph_free(graph->graph);
    free(graph);
    fake.objects--;
    return give(cudaSuccess);
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec)
{
    emulated_graph_free(exec->graph);
    free(exec);
    fake.objects--;
    return give(cudaSuccess);
}
