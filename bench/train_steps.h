/*
 * Speed of a training step against this machine's own limits (docs/SPEED.md): forward, backward, gradient clipping, AdamW.
 *
 * A row's limit is the time that the bare library needs for each linear product of a step, forward, for the input's gradient
 * and for the weight's, in the type that products run in, in the fastest of the plain layouts, with both operands converted
 * beforehand; plus attention's products, two forward and four backward, at the same rate, counting only what the causal mask
 * leaves; plus the frozen encoder at the limit of bench.h's row "encode".
 */
#ifndef LMVR_BENCH_TRAIN_STEPS_H
#define LMVR_BENCH_TRAIN_STEPS_H

#include "bench/bench.h"

struct bench_train_row {
    struct bench_row row;        /* batch: sequences, or image-text pairs */
    int visual, tokens, learned; /* per sequence: visual tokens, text tokens, and how many of those are targets */
};

#define BENCH_TRAIN_ROWS 5

struct bench_train_report {
    char cpu[128];
    char gpu[64]; /* empty: measured on the processor */
    const char *shape, *kernels, *library_dtype;
    enum dtype dtype; /* of products */
    int threads, language_blocks;
    struct bench_train_row rows[BENCH_TRAIN_ROWS];
    int row_count;
};

/* "align" and "instruct", LLaVA's two stages; on a GPU also "adapters", the second with LoRA, whose limit is cuBLASLt's time
 * for the products forward, again for the gradients of inputs, and again for those of trained weights; on the processor, unless
 * options->quick, "language" and "contrastive" too. */
lmvr_status bench_train(const struct bench_options *options, struct bench_train_report *report, lmvr_error *error);

#endif
