#include "probe_inputs.h"

#include "cli.h"
#include "error.h"
#include "hints.h"
#include "lab/probe/row_file.h"
#include "probe_labels.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- labels ---- */

static void say_left_out(const struct options *o, const struct row_file *file, const struct labels_join *join, const char *name)
{
    hint_missing_parts(o->feature_file, file->files.count, file->parts, "used", o->quiet);
    if (join->rows_without_label)
        complain("%lld of %lld rows have no %s in %s and are skipped", (long long)join->rows_without_label,
                 (long long)join->index_rows, o->dataset ? "image in this split" : "line", name);
    if (join->lines_without_row)
        complain("%lld %s of %s have no row in %s and are skipped", (long long)join->lines_without_row,
                 o->dataset ? "images" : "lines", name, o->index);
}

static lmvr_status check_rows(const struct options *o, const struct row_file *file, const struct labels *labels,
                              const struct labels_join *join, const char *name, lmvr_error *error)
{
    if (o->index && file->rows != join->index_rows)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %lld rows, but %s counts %lld", o->feature_file,
                         (long long)file->rows, o->index, (long long)join->index_rows);
    if (!o->index && file->rows != labels->rows)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %lld rows, but %s has labels for %lld", o->feature_file,
                         (long long)file->rows, name, (long long)labels->rows);
    return LMVR_OK;
}

/* ---- inputs ---- */

static lmvr_status read_both(const struct options *o, const struct row_file *file, enum probe_use use, struct probe_inputs *in,
                             lmvr_error *error)
{
    struct labels_join join = {0};
    const char *name = NULL;
    lmvr_status status = LMVR_OK;
    in->dim = file->dim;
    in->rows = file->rows;
    if (use != PROBE_PREDICT) {
        enum dataset_part part = use == PROBE_FIT ? DATASET_TRAIN : DATASET_TEST;
        status = probe_labels_read(o, part, &in->labels, &join, &name, error);
        if (status == LMVR_OK)
            status = check_rows(o, file, &in->labels, &join, name, error);
        in->rows = in->labels.rows;
    }
    if (status == LMVR_OK)
        status = row_file_read(file, join.rows, in->rows, &in->features, error);
    if (status == LMVR_OK)
        say_left_out(o, file, &join, name);
    labels_join_finish(&join);
    return status;
}

lmvr_status probe_inputs_read(const struct options *options, enum probe_use use, struct probe_inputs *inputs, lmvr_error *error)
{
    struct row_file file;
    *inputs = (struct probe_inputs){0};
    if (options->input_count > 0)
        return error_set(error, LMVR_ERROR_INVALID, "takes no inputs, so not \"%s\"; --features names the features",
                         options->inputs[0]);
    if (!options->feature_file)
        return error_set(error, LMVR_ERROR_INVALID, "no features: --features has to name a .npy file, or a folder of parts");
    TRY(row_file_open(options->feature_file, &file, error));
    lmvr_status status = read_both(options, &file, use, inputs, error);
    row_file_close(&file);
    if (status == LMVR_OK)
        status = row_file_feature(options->feature_file, &inputs->feature, error);
    if (status != LMVR_OK)
        probe_inputs_finish(inputs);
    return status;
}

void probe_inputs_finish(struct probe_inputs *inputs)
{
    free(inputs->features);
    free(inputs->feature);
    labels_finish(&inputs->labels);
    *inputs = (struct probe_inputs){0};
}
