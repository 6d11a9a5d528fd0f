#include "tensor/cuda/module/graph.h"

#include <stdlib.h>

struct cuda_graph {
    struct cuda_queue *queue;
    cudaGraphExec_t exec;
    const void *scratch; /* of the queue, which products in the graph may use */
};

bool queue_capture_begin(struct cuda_queue *queue)
{
    gpu_use(queue->gpu);
    queue->capture_failed = false;
    /* other threads may allocate meanwhile */
    queue->captures = cudaStreamBeginCapture(queue->stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess;
    (void)cudaGetLastError();
    return queue->captures;
}

/* NULL: CUDA makes none of what was captured. */
static struct cuda_graph *instantiate(struct cuda_queue *queue, cudaGraph_t captured)
{
    struct cuda_graph *graph = calloc(1, sizeof *graph);
    if (!graph || cudaGraphInstantiate(&graph->exec, captured, 0) != cudaSuccess) {
        free(graph);
        return NULL;
    }
    graph->queue = queue;
    graph->scratch = queue->scratch;
    return graph;
}

struct cuda_graph *queue_capture_end(struct cuda_queue *queue)
{
    cudaGraph_t captured = NULL;
    struct cuda_graph *graph = NULL;
    gpu_use(queue->gpu);
    queue_note(queue, cudaGetLastError(), "capture its kernels"); /* of launches by this thread */
    cudaError_t code = cudaStreamEndCapture(queue->stream, &captured);
    queue->captures = false;
    if (code == cudaSuccess && captured && !queue->capture_failed)
        graph = instantiate(queue, captured);
    if (captured)
        (void)cudaGraphDestroy(captured);
    (void)cudaGetLastError();
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
