/*
 * The operations of a step that recurs, kept back. They are a log of calls with all their arguments, and what the host sends is
 * gathered in one piece of the GPU's memory, where the same array of the next step lies, too. So a step's log is the same bytes
 * as another's if it does the same with other data, and then the GPU runs it as one graph.
 */
#ifndef LMVR_SRC_TENSOR_CUDA_RECORDED_H
#define LMVR_SRC_TENSOR_CUDA_RECORDED_H

#include "tensor/cuda/api.h"

#ifdef __cplusplus
extern "C" {
#endif

struct log {
    unsigned char *calls;
    size_t used, room;
    bool failed; /* there was no memory for a call */
};

/* The functions of api.h that work in a queue, where queues and streams are logs: they add a call. */
const struct cuda_api *recorded_api(void);

/* Makes the calls of a log. */
lmvr_status log_run(const struct log *log, const struct cuda_api *api, struct cuda_queue *queue, lmvr_error *error);

#ifdef __cplusplus
}
#endif

#endif
