/* What the probe commands read: features and the labels of their rows. */
#ifndef LMVR_CLI_PROBE_INPUTS_H
#define LMVR_CLI_PROBE_INPUTS_H

#include "lab/dataset/labels.h"
#include "options.h"

/* Rows that count, and their labels where those are wanted. probe_inputs_finish() frees what is owned. */
struct probe_inputs {
    int64_t rows, dim;
    float *features;      /* (rows, dim) */
    struct labels labels; /* (rows) */
    char *feature;        /* what the features are: the SPEC that run.json beside them has, else the file's name */
};

/* What the features are for: a data set's labels are those of its training part, those of its test part, or none. */
enum probe_use { PROBE_FIT, PROBE_SCORE, PROBE_PREDICT };

/* Features alone to predict, else with the labels, and only the rows that have one. Says what was left out. */
lmvr_status probe_inputs_read(const struct options *options, enum probe_use use, struct probe_inputs *inputs,
                              lmvr_error *error);
void probe_inputs_finish(struct probe_inputs *inputs);

#endif
