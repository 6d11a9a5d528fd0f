/*
 * Speed of a step of training against this machine's own limits (docs/SPEED.md): forward, backward, the cut of the gradient's
 * norm, AdamW.
 *
 * A row's limit is what the bare library needs for each linear product that the tape was asked for in a step, forward, for the
 * input's gradient and for the weight's, in the type that products run in, in the fastest of the plain layouts, both operands
 * converted beforehand; plus attention's products, two forward and four back, at the same rate, at the count that causality
 * leaves; plus the frozen encoder at the limit that the row "encode" of bench.h has.
 */
#ifndef LMVR_BENCH_TRAIN_STEPS_H
#define LMVR_BENCH_TRAIN_STEPS_H

#include "bench/bench.h"

struct bench_train_row {
    struct bench_row row;        /* batch: sequences, or pairs of an image and a text */
    int visual, tokens, learned; /* of a sequence: visual tokens, the others, those of them that the loss counts */
};

#define BENCH_TRAIN_ROWS 4

struct bench_train_report {
    char cpu[128];
    const char *shape, *kernels, *library_dtype;
    enum dtype dtype; /* of products */
    int threads, language_blocks;
    struct bench_train_row rows[BENCH_TRAIN_ROWS];
    int row_count;
};

/* "align" and "instruct", LLaVA's two stages; unless options->quick "language" and "contrastive" too. */
lmvr_status bench_train(const struct bench_options *options, struct bench_train_report *report, lmvr_error *error);

#endif
