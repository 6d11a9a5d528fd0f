/* The rows of a bench: a model's passes, timed one by one. */
#ifndef LMVR_BENCH_ROWS_H
#define LMVR_BENCH_ROWS_H

#include "bench/bench.h"

#define DECODE_STEPS 8 /* per timed run */

/* What is measured, and where the rows go. */
struct bench {
    struct picture picture; /* that it is measured with */
    struct lmvr_model *model;
    struct bench_report *report;
    double seconds; /* least time to measure a row */
    bool quick;     /* no batches above 4 */
};

bool rows_on_gpu(const struct bench *bench);

/* As many as images are in a group, and are decoded together. */
int rows_large_batch(const struct bench *bench);

/* The picture that all rows are measured with, without its pixels. */
lmvr_status rows_plan_picture(struct bench *bench, lmvr_error *error);

/* "encode", in groups as large as a session of this batch makes them. */
lmvr_status rows_encode(struct bench *bench, int batch, lmvr_error *error);
/* "decode", and "prompt" before it if `prompt`. */
lmvr_status rows_decode(struct bench *bench, int batch, bool prompt, lmvr_error *error);
/* Those two for each batch. */
lmvr_status rows_language(struct bench *bench, lmvr_error *error);
/* All of these. */
lmvr_status rows_short(struct bench *bench, lmvr_error *error);
lmvr_status rows_end_to_end(struct bench *bench, int batch, lmvr_error *error);

#endif
