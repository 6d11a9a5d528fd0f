#include "probe_inputs.h"

#include "cli.h"
#include "error.h"
#include "format/json.h"
#include "format/place.h"
#include "lab/probe/standardize.h"
#include "probe_labels.h"
#include "store/npy.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- labels ---- */

static void say_left_out(const struct options *o, const struct labels_join *join, const char *name)
{
    if (join->rows_without_label)
        complain("%lld of %lld rows have no %s in %s and are skipped", (long long)join->rows_without_label,
                 (long long)join->index_rows, o->dataset ? "image in this split" : "line", name);
    if (join->lines_without_row)
        complain("%lld %s of %s have no row in %s and are skipped", (long long)join->lines_without_row,
                 o->dataset ? "images" : "lines", name, o->index);
}

static lmvr_status check_rows(const struct options *o, const struct npy_reader *reader, const struct labels *labels,
                              const struct labels_join *join, const char *name, lmvr_error *error)
{
    if (o->index && reader->rows != (uint64_t)join->index_rows)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu rows, but %s counts %lld", o->feature_file,
                         (unsigned long long)reader->rows, o->index, (long long)join->index_rows);
    if (!o->index && reader->rows != (uint64_t)labels->rows)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu rows, but %s has labels for %lld", o->feature_file,
                         (unsigned long long)reader->rows, name, (long long)labels->rows);
    return LMVR_OK;
}

/* ---- features ---- */

/* All rows, or those of `join`, reading consecutive ones at once. */
static lmvr_status read_rows(const struct npy_reader *reader, const int64_t *rows, struct probe_inputs *in, lmvr_error *error)
{
    if (!rows)
        return npy_reader_read(reader, 0, reader->rows, in->features, error);
    for (int64_t i = 0, count; i < in->rows; i += count) {
        for (count = 1; i + count < in->rows && rows[i + count] == rows[i] + count;)
            count++;
        TRY(npy_reader_read(reader, (uint64_t)rows[i], (uint64_t)count, in->features + i * in->dim, error));
    }
    return LMVR_OK;
}

static lmvr_status read_features(const struct npy_reader *reader, const int64_t *rows, struct probe_inputs *in,
                                 lmvr_error *error)
{
    size_t bytes;
    if (in->rows == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no rows", reader->path);
    bool fits = !__builtin_mul_overflow((size_t)in->rows, (size_t)in->dim * sizeof *in->features, &bytes);
    in->features = fits ? malloc(bytes) : NULL;
    if (!in->features)
        return error_no_memory(error, reader->path);
    TRY(read_rows(reader, rows, in, error));
    int64_t bad = standardize_find_bad_row(in->features, in->rows, in->dim);
    if (bad >= 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: row %lld (counted from 0) has a value that is not finite",
                         reader->path, (long long)(rows ? rows[bad] : bad));
    return LMVR_OK;
}

/* ---- the feature's name ---- */

/* The SPEC of feature `name` in a run.json, to be freed; NULL: none. */
static char *spec_in(const char *run_path, const char *name)
{
    json_t *run;
    size_t i;
    const json_t *feature;
    char *spec = NULL;
    if (json_read(run_path, NULL, &run, NULL) != LMVR_OK)
        return NULL;
    json_array_foreach(json_object_get(run, "features"), i, feature)
    {
        const char *its_name = json_string_value(json_object_get(feature, "name")),
                   *its_spec = json_string_value(json_object_get(feature, "spec"));
        if (!spec && its_name && its_spec && (!name || strcmp(its_name, name) == 0))
            spec = strdup(its_spec);
    }
    json_decref(run);
    return spec;
}

/* run.json is in the features' folder, or is FILE.run.json for FILE.npy (store/place.h). */
static lmvr_status name_feature(const char *path, char **feature, lmvr_error *error)
{
    struct place place;
    char *copy = strdup(path), *other = strdup(path), *run_path = NULL;
    if (!copy || !other || asprintf(&run_path, "%s/run.json", dirname(other)) < 0) {
        free(copy);
        free(other);
        return error_no_memory(error, "a file name");
    }
    char *name = basename(copy), *ending = strrchr(name, '.');
    if (ending && ending != name)
        *ending = '\0';
    *feature = spec_in(run_path, name);
    if (!*feature && place_init(&place, path, NULL) == LMVR_OK) {
        *feature = place.single ? spec_in(place.run_path, NULL) : NULL;
        place_finish(&place);
    }
    if (!*feature)
        *feature = strdup(name);
    free(copy);
    free(other);
    free(run_path);
    return *feature ? LMVR_OK : error_no_memory(error, "a file name");
}

/* ---- inputs ---- */

static lmvr_status read_both(const struct options *o, const struct npy_reader *reader, enum probe_use use,
                             struct probe_inputs *in, lmvr_error *error)
{
    struct labels_join join = {0};
    const char *name = NULL;
    lmvr_status status = LMVR_OK;
    in->dim = (int64_t)reader->dim;
    in->rows = (int64_t)reader->rows;
    if (use != PROBE_PREDICT) {
        enum dataset_part part = use == PROBE_FIT ? DATASET_TRAIN : DATASET_TEST;
        status = probe_labels_read(o, part, &in->labels, &join, &name, error);
        if (status == LMVR_OK)
            status = check_rows(o, reader, &in->labels, &join, name, error);
        in->rows = in->labels.rows;
    }
    if (status == LMVR_OK)
        status = read_features(reader, join.rows, in, error);
    if (status == LMVR_OK)
        say_left_out(o, &join, name);
    labels_join_finish(&join);
    return status;
}

lmvr_status probe_inputs_read(const struct options *options, enum probe_use use, struct probe_inputs *inputs, lmvr_error *error)
{
    struct npy_reader reader;
    *inputs = (struct probe_inputs){0};
    if (options->input_count > 0)
        return error_set(error, LMVR_ERROR_INVALID, "takes no inputs, so not \"%s\"; --features names the features",
                         options->inputs[0]);
    if (!options->feature_file)
        return error_set(error, LMVR_ERROR_INVALID, "no features: --features has to name a .npy file");
    TRY(npy_reader_open(options->feature_file, &reader, error));
    lmvr_status status = read_both(options, &reader, use, inputs, error);
    npy_reader_close(&reader);
    if (status == LMVR_OK)
        status = name_feature(options->feature_file, &inputs->feature, error);
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
