#include "lab/eval/features.h"

#include "lab/eval/clock.h"
#include "record/recorder.h"
#include "store/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- computing ---------------------------------------------------------------------------------------------------------- */

struct watch {
    const struct feature_pass *pass;
    char *failure; /* of the image about to be recorded */
};

static int before_record(const lmvr_result *result, void *user)
{
    struct watch *w = user;
    free(w->failure);
    w->failure = result->status == LMVR_OK ? NULL : strdup(result->error);
    return 0;
}

static int after_record(size_t done, void *user)
{
    struct watch *w = user;
    const struct feature_pass *p = w->pass;
    return p->on_image ? p->on_image(p->user, (int64_t)done, p->count, w->failure) : 0;
}

static lmvr_status record(const struct feature_pass *pass, struct feature_set *set, lmvr_error *error)
{
    struct recorder *recorder;
    struct watch watch = {.pass = pass};
    struct list_source list;
    list_source_init(&list, pass->paths, NULL, NULL, (size_t)pass->count, 0);
    struct recording recording = {.model = pass->model,
                                  .session = pass->session,
                                  .output = pass->folder,
                                  .mode = pass->mode,
                                  .any_device = pass->any_device,
                                  .source = &list.source,
                                  .more = pass->more};
    lmvr_error close_error;
    TRY(recorder_open(&recording, &recorder, error));
    double begun = seconds_now();
    set->before = (int64_t)recorder_done(recorder);
    lmvr_status status = recorder_run(recorder, before_record, after_record, &watch, error);
    set->seconds = seconds_now() - begun;
    free(watch.failure);
    lmvr_status closed = recorder_close(recorder, &close_error);
    if (status == LMVR_OK && closed != LMVR_OK) {
        *error = close_error;
        status = closed;
    }
    return status;
}

/* ---- the index ---------------------------------------------------------------------------------------------------------- */

static lmvr_status take_line(struct feature_set *set, int64_t image, struct index_reader *line, lmvr_error *error)
{
    set->rows[image] = line->row;
    if (line->row < 0) {
        set->failed++;
        if (!set->why && !(set->why = strdup(line->failure ? line->failure : line->input)))
            return error_no_memory(error, "the index");
    }
    set->responses[image] = line->response;
    line->response = NULL;
    return LMVR_OK;
}

static lmvr_status read_lines(struct feature_set *set, struct index_reader *reader, lmvr_error *error)
{
    for (int64_t i = 0; i < set->count; i++) {
        bool found;
        TRY(index_reader_next(reader, &found, error));
        if (!found)
            return error_set(error, LMVR_ERROR_INVALID, "%s: has %lld lines, expected one per image, of which there are %lld",
                             reader->path, (long long)i, (long long)set->count);
        TRY(take_line(set, i, reader, error));
    }
    return LMVR_OK;
}

static lmvr_status read_index(struct feature_set *set, lmvr_error *error)
{
    struct index_reader reader;
    char *path;
    if (asprintf(&path, "%s/index.jsonl", set->folder) < 0)
        return error_no_memory(error, "a file name");
    lmvr_status status = index_reader_open(path, &reader, error);
    if (status == LMVR_OK) {
        status = read_lines(set, &reader, error);
        index_reader_close(&reader);
    }
    free(path);
    return status;
}

lmvr_status features_compute(const struct feature_pass *pass, struct feature_set *set, lmvr_error *error)
{
    *set = (struct feature_set){.count = pass->count,
                                .folder = strdup(pass->folder),
                                .rows = calloc((size_t)pass->count + 1, sizeof *set->rows),
                                .responses = calloc((size_t)pass->count + 1, sizeof *set->responses)};
    lmvr_status status = set->folder && set->rows && set->responses ? LMVR_OK : error_no_memory(error, "a list of images");
    if (status == LMVR_OK)
        status = record(pass, set, error);
    if (status == LMVR_OK)
        status = read_index(set, error);
    if (status != LMVR_OK)
        features_finish(set);
    return status;
}

lmvr_status features_skip(struct feature_set *set, int64_t count, lmvr_error *error)
{
    size_t all = (size_t)(set->count + count), old = (size_t)set->count;
    int64_t *rows = malloc((all + 1) * sizeof *rows);
    char **responses = calloc(all + 1, sizeof *responses);
    if (!rows || !responses) {
        free(rows);
        free((void *)responses);
        return error_no_memory(error, "a list of images");
    }
    for (int64_t i = 0; i < count; i++)
        rows[i] = -1;
    memcpy(rows + count, set->rows, old * sizeof *rows);
    memcpy((void *)(responses + count), (void *)set->responses, old * sizeof *responses);
    free(set->rows);
    free((void *)set->responses);
    set->rows = rows;
    set->responses = responses;
    set->count += count;
    set->skipped += count;
    return LMVR_OK;
}

void features_finish(struct feature_set *set)
{
    for (int64_t i = 0; set->responses && i < set->count; i++)
        free(set->responses[i]);
    free(set->responses);
    free(set->rows);
    free(set->folder);
    free(set->why);
    *set = (struct feature_set){0};
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

int64_t features_good(const struct feature_set *set, int64_t first, int64_t count)
{
    int64_t good = 0;
    for (int64_t i = first; i < first + count; i++)
        good += set->rows[i] >= 0;
    return good;
}

/* Reads the rows of images first .. first + count - 1, consecutive ones at once: images are mostly in the file's order, except
 * those of another split. */
static lmvr_status read_rows(const struct npy_reader *reader, const struct feature_set *set, int64_t first, int64_t count,
                             float *out, lmvr_error *error)
{
    for (int64_t i = first, next; i < first + count; i = next) {
        int64_t row = set->rows[i];
        next = i + 1;
        if (row < 0)
            continue;
        while (next < first + count && set->rows[next] == row + (next - i))
            next++;
        uint64_t end = (uint64_t)(row + (next - i));
        if (end > reader->rows)
            return error_set(error, LMVR_ERROR_INVALID, "%s: has %llu rows, expected %llu", reader->path,
                             (unsigned long long)reader->rows, (unsigned long long)end);
        TRY(npy_reader_read(reader, (uint64_t)row, (uint64_t)(next - i), out, error));
        out += (uint64_t)(next - i) * reader->dim;
    }
    return LMVR_OK;
}

lmvr_status features_load(const struct feature_set *set, const char *name, int64_t first, int64_t count, float **features,
                          int64_t *dim, lmvr_error *error)
{
    struct npy_reader reader;
    char *path;
    size_t size;
    *features = NULL;
    if (asprintf(&path, "%s/%s.npy", set->folder, name) < 0)
        return error_no_memory(error, "a file name");
    lmvr_status status = npy_reader_open(path, &reader, error);
    free(path);
    if (status != LMVR_OK)
        return status;
    uint64_t good = (uint64_t)features_good(set, first, count);
    *dim = (int64_t)reader.dim;
    if (__builtin_mul_overflow(good, reader.dim * sizeof(float), &size) || !(*features = malloc(size + 1)))
        status =
            error_set(error, LMVR_ERROR_RESOURCE, "out of memory for %llu rows of %s", (unsigned long long)good, reader.path);
    else
        status = read_rows(&reader, set, first, count, *features, error);
    npy_reader_close(&reader);
    if (status != LMVR_OK) {
        free(*features);
        *features = NULL;
    }
    return status;
}
