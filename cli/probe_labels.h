/* Where a probe's labels come from: a CSV file, or a data set. */
#ifndef LMVR_CLI_PROBE_LABELS_H
#define LMVR_CLI_PROBE_LABELS_H

#include "lab/dataset/dataset.h"
#include "lab/dataset/labels_csv.h"
#include "options.h"

/*
 * --labels, joined by --index where that is given; or the images of `part` of --dataset, joined by --index. *name says what
 * they come from, for sentences; it is the options' own. On failure *labels and *join are empty; what is not finished with
 * labels_finish() and labels_join_finish() is not owned.
 */
lmvr_status probe_labels_read(const struct options *options, enum dataset_part part, struct labels *labels,
                              struct labels_join *join, const char **name, lmvr_error *error);

#endif
