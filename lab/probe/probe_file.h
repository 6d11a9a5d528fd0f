/*
 * A probe on disk, as safetensors, all F32:
 *
 *     weights (columns, dim)    intercepts (columns)    mean (dim)    deviation (dim)
 *
 * There is a column per class; a single label with two classes has just one, for the second. With x standardized, (x - mean) /
 * deviation, the scores are weights x + intercepts. The metadata has "format" "lmvr-probe", "version" "1", "kind" "multi" or
 * "single", "classes" (a JSON list of names), "feature", "c" and "seed".
 */
#ifndef LMVR_LAB_PROBE_PROBE_FILE_H
#define LMVR_LAB_PROBE_PROBE_FILE_H

#include "lab/probe/probe.h"

/* Writes to a temporary file and renames it. */
lmvr_status probe_write(const struct probe *probe, const char *path, lmvr_error *error);

/* Checks everything: shapes, classes, finite numbers, deviations above 0. On failure *probe is empty. */
lmvr_status probe_read(const char *path, struct probe *probe, lmvr_error *error);

#endif
