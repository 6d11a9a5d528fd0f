/* Reads the inputs of the probe commands: features, and labels for their rows. */
#ifndef LMVR_CLI_PROBE_INPUTS_H
#define LMVR_CLI_PROBE_INPUTS_H

#include "lab/dataset/labels.h"
#include "options.h"

/* The rows to use, with labels if needed. probe_inputs_finish() frees what is owned. */
struct probe_inputs {
    int64_t rows, dim;
    float *features;      /* (rows, dim) */
    struct labels labels; /* (rows) */
    char *feature;        /* what the features are: the SPEC in their run.json, else the file's name */
};

/* What the features are for decides which labels a data set gives: its training split's, its test split's, or none. */
enum probe_use { PROBE_FIT, PROBE_SCORE, PROBE_PREDICT };

/* Reads features alone for prediction; else also labels, and only the rows that have one. Reports what was skipped. */
lmvr_status probe_inputs_read(const struct options *options, enum probe_use use, struct probe_inputs *inputs,
                              lmvr_error *error);
void probe_inputs_finish(struct probe_inputs *inputs);

#endif
