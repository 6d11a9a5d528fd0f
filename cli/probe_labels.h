/* Reads a probe's labels from a CSV file or a data set. */
#ifndef LMVR_CLI_PROBE_LABELS_H
#define LMVR_CLI_PROBE_LABELS_H

#include "lab/dataset/dataset.h"
#include "lab/dataset/labels_csv.h"
#include "options.h"

/*
 * Reads --labels, joined by --index if given; or the images of split `part` of --dataset, joined by --index. *name says where
 * they come from, for error messages; it is borrowed from the options. On failure *labels and *join are empty; otherwise finish
 * them with labels_finish() and labels_join_finish().
 */
lmvr_status probe_labels_read(const struct options *options, enum dataset_part part, struct labels *labels,
                              struct labels_join *join, const char **name, lmvr_error *error);

#endif
