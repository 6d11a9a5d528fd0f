/* Graphs of a queue's operations, as api.h says. */
#ifndef LMVR_SRC_TENSOR_CUDA_MODULE_GRAPH_H
#define LMVR_SRC_TENSOR_CUDA_MODULE_GRAPH_H

#include "tensor/cuda/module/queue.h"

bool queue_capture_begin(struct cuda_queue *queue, lmvr_error *error);
struct cuda_graph *queue_capture_end(struct cuda_queue *queue, lmvr_error *error);
bool queue_graph_launch(struct cuda_queue *queue, struct cuda_graph *graph);
void graph_free(struct cuda_graph *graph);

#endif
