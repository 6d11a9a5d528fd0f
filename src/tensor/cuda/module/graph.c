#include "tensor/cuda/module/graph.h"

#include <stdlib.h>

struct cuda_graph {
    struct cuda_queue *queue;
    cudaGraphExec_t exec;
    const void *scratch; /* of the queue, which products in the graph may use */
};

static void explain(const struct cuda_queue *queue, cudaError_t code, lmvr_error *error)
{
    error_write(error, "%s: CUDA makes no graph: %s", queue->gpu->label, cudaGetErrorString(code));
}

bool queue_capture_begin(struct cuda_queue *queue, lmvr_error *error)
{
    gpu_use(queue->gpu);
    queue->capture_failure = cudaSuccess;
    /* other threads may allocate meanwhile */
    cudaError_t code = cudaStreamBeginCapture(queue->stream, cudaStreamCaptureModeThreadLocal);
    (void)cudaGetLastError();
    queue->captures = code == cudaSuccess;
    if (!queue->captures)
        explain(queue, code, error);
    return queue->captures;
}

/* NULL: CUDA makes none of what was captured, or there is no memory for it. */
static struct cuda_graph *instantiate(struct cuda_queue *queue, cudaGraph_t captured, cudaError_t *code)
{
    struct cuda_graph *graph = calloc(1, sizeof *graph);
    *code = graph ? cudaGraphInstantiate(&graph->exec, captured, 0) : cudaErrorMemoryAllocation;
    if (*code != cudaSuccess) {
        free(graph);
        return NULL;
    }
    graph->queue = queue;
    graph->scratch = queue->scratch;
    return graph;
}

struct cuda_graph *queue_capture_end(struct cuda_queue *queue, lmvr_error *error)
{
    cudaGraph_t captured = NULL;
    struct cuda_graph *graph = NULL;
    gpu_use(queue->gpu);
    queue_note(queue, cudaGetLastError(), "capture its kernels"); /* of launches by this thread */
    cudaError_t code = cudaStreamEndCapture(queue->stream, &captured);
    queue->captures = false;
    if (queue->capture_failure != cudaSuccess)
        code = queue->capture_failure;
    if (code == cudaSuccess)
        graph = instantiate(queue, captured, &code);
    if (captured)
        (void)cudaGraphDestroy(captured);
    (void)cudaGetLastError();
    if (!graph)
        explain(queue, code, error);
    return graph;
}

bool queue_graph_launch(struct cuda_queue *queue, struct cuda_graph *graph)
{
    if (graph->scratch != queue->scratch)
        return false;
    gpu_use(queue->gpu);
    queue_note(queue, cudaGraphLaunch(graph->exec, queue->stream), "launch a graph");
    return true;
}

void graph_free(struct cuda_graph *graph)
{
    if (!graph)
        return;
    gpu_use(graph->queue->gpu);
    (void)cudaStreamSynchronize(graph->queue->stream); /* it may be running */
    (void)cudaGraphExecDestroy(graph->exec);
    (void)cudaGetLastError();
    free(graph);
}
