/*
 * About how long an image takes in a model on this machine's processor, without its weights: a model of the same shapes, with
 * random weights and a language model of two blocks and of one, is measured for a second or two, and what a block takes is
 * added for those that are missing. A small model is measured whole.
 */
#ifndef LMVR_BENCH_ESTIMATE_H
#define LMVR_BENCH_ESTIMATE_H

#include "lmvr.h"

#define ESTIMATE_NEW_TOKENS 64 /* in each response, where the model has a language model */

/* Of an image: of what goes through the encoder and, with the default prompt, the language model. */
struct estimate {
    lmvr_dtype dtype;
    int prompt;                  /* positions; 0: there is no language model */
    int blocks, measured_blocks; /* of the language model; the same where it was measured whole */
    int batch;                   /* that a session takes by default */
    double alone, together;      /* seconds an image: at batch 1, and at `batch` */
};

/* For the model that lmvr_model_inspect_with() describes by the same arguments, with all processors. Errors are that
 * function's, or LMVR_ERROR_RESOURCE where memory does not suffice. */
lmvr_status bench_estimate(const char *path, const lmvr_model_options *options, struct estimate *estimate, lmvr_error *error);

#endif
