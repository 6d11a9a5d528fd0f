#include "store/store.h"

#include "format/file.h"
#include "format/place.h"
#include "store/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct store {
    struct place place;
    int run_fd;    /* of run.json; its lock is the store's */
    bool made_run; /* run.json is new */
    int index_fd;
    off_t index_size;
    struct table *features;
    size_t feature_count;
    uint64_t done, rows;
};

/* ---- files from earlier runs ---- */

/* The size of a file, -1 if there is none. */
static off_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_size : -1;
}

/* Checks a file that would be overwritten; up to `harmless` bytes, it holds nothing of value. */
static lmvr_status check_old_file(const struct place *place, const char *path, bool has_run, off_t harmless,
                                  enum store_mode mode, lmvr_error *error)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return LMVR_OK;
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
        return error_set(error, LMVR_ERROR_INVALID, "%s: not a regular file, and in the way of the output", path);
    bool holds = size_of(path) > harmless;
    if (mode == STORE_NEW && has_run && holds)
        return place_refuse_results(place, error);
    if (mode != STORE_FORCE && !has_run && (holds || harmless > 0))
        return place_refuse_unknown(place, path, error);
    return LMVR_OK;
}

static lmvr_status check_old_feature(const struct place *place, const struct store_feature *feature, bool has_run,
                                     enum store_mode mode, lmvr_error *error)
{
    char *path = place_feature_path(place, feature->name), *offsets = path ? offsets_path(path) : NULL;
    lmvr_status status = offsets ? LMVR_OK : error_no_memory(error, "a file name");
    if (status == LMVR_OK)
        status = check_old_file(place, path, has_run, NPY_HEADER_SIZE, mode, error);
    if (status == LMVR_OK && feature->multi_vector)
        status = check_old_file(place, offsets, has_run, OFFSETS_EMPTY_SIZE, mode, error);
    free(path);
    free(offsets);
    return status;
}

/* Checks that a run in this mode may start, given the files that exist. An index without lines and arrays without rows, next to
 * a run.json, are left by a run that was stopped at its very start, and are no obstacle. */
static lmvr_status check_state(const struct place *place, enum store_mode mode, const struct store_feature *features,
                               size_t feature_count, lmvr_error *error)
{
    bool has_run = size_of(place->run_path) >= 0;
    lmvr_status status = check_old_file(place, place->index_path, has_run, 0, mode, error);
    for (size_t i = 0; i < feature_count && status == LMVR_OK; i++)
        status = check_old_feature(place, &features[i], has_run, mode, error);
    return status;
}

lmvr_status store_check(const char *output, enum store_mode mode, size_t feature_count, lmvr_error *error)
{
    struct place place;
    json_t *begun = NULL;
    const struct store_feature single = {.name = ""};
    lmvr_status status = place_init(&place, output, error);
    if (status != LMVR_OK)
        return status;
    if (place.single && feature_count > 1)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: a single file holds one feature, not %zu; name a folder instead",
                           output, feature_count);
    if (status == LMVR_OK)
        status = place_check_writable(&place, error);
    int fd = status == LMVR_OK ? open(place.run_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd >= 0) {
        status = place_lock(&place, fd, error);
        if (status == LMVR_OK)
            status = manifest_read(fd, place.run_path, &begun, error);
        close(fd);
    }
    if (status == LMVR_OK)
        status = check_state(&place, mode, &single, place.single, error);
    json_decref(begun);
    place_finish(&place);
    return status;
}

/* ---- starting ---- */

static lmvr_status remove_file(const char *path, lmvr_error *error)
{
    return unlink(path) == 0 || errno == ENOENT ? LMVR_OK : file_error(error, path, "remove");
}

static lmvr_status remove_feature(const struct place *place, const char *name, bool multi_vector, lmvr_error *error)
{
    if (place_check_name(name, NULL) != LMVR_OK)
        return LMVR_OK; /* no run.json of ours names such a feature */
    char *path = place_feature_path(place, name), *offsets = path ? offsets_path(path) : NULL;
    lmvr_status status = offsets ? remove_file(path, error) : error_no_memory(error, "a file name");
    if (status == LMVR_OK && multi_vector)
        status = remove_file(offsets, error);
    free(path);
    free(offsets);
    return status;
}

/* Removes the results of `begun` (NULL: unknown), and any files in the places of the new ones. The index goes first, so that a
 * run killed in between leaves no lines without rows. */
static lmvr_status remove_old(const struct store *s, const json_t *begun, const struct store_plan *plan, lmvr_error *error)
{
    size_t i;
    json_t *feature;
    lmvr_status status = remove_file(s->place.index_path, error);
    json_array_foreach(json_object_get(begun, "features"), i, feature)
    {
        const char *name = json_string_value(json_object_get(feature, "name"));
        if (status == LMVR_OK && name)
            status = remove_feature(&s->place, name, json_is_true(json_object_get(feature, "multi_vector")), error);
    }
    for (i = 0; i < plan->feature_count && status == LMVR_OK; i++)
        status = remove_feature(&s->place, plan->features[i].name, plan->features[i].multi_vector, error);
    return status;
}

static lmvr_status open_feature(struct store *s, const struct store_feature *feature, bool create, lmvr_error *error)
{
    char *path = place_feature_path(&s->place, feature->name);
    if (!path)
        return error_no_memory(error, "a file name");
    struct table *table = &s->features[s->feature_count];
    lmvr_status status = create ? table_create(path, feature->dim, feature->multi_vector, table, error)
                                : table_open(path, feature->dim, feature->multi_vector, table, error);
    if (status == LMVR_OK)
        s->feature_count++;
    free(path);
    return status;
}

static lmvr_status open_index(struct store *s, int flags, lmvr_error *error)
{
    s->index_fd = open(s->place.index_path, O_RDWR | O_CLOEXEC | flags, 0666);
    return s->index_fd >= 0 ? LMVR_OK : file_error(error, s->place.index_path, "open");
}

/* Creates run.json, then the arrays, then the index: if there is an index, there is everything. */
static lmvr_status begin(struct store *s, const json_t *begun, const json_t *now, const struct store_plan *plan,
                         lmvr_error *error)
{
    lmvr_status status = remove_old(s, begun, plan, error);
    if (status == LMVR_OK)
        status = manifest_write(now, s->run_fd, s->place.run_path, error);
    for (size_t i = 0; i < plan->feature_count && status == LMVR_OK; i++)
        status = open_feature(s, &plan->features[i], true, error);
    if (status == LMVR_OK)
        status = open_index(s, O_CREAT | O_TRUNC, error);
    return status;
}

/* ---- resuming ---- */

static lmvr_status open_old(struct store *s, const struct store_plan *plan, struct resume_limits *limits, lmvr_error *error)
{
    TRY(open_index(s, 0, error));
    *limits = (struct resume_limits){UINT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < plan->feature_count; i++) {
        TRY(open_feature(s, &plan->features[i], false, error));
        const struct table *table = &s->features[i];
        uint64_t complete = table->multi_vector ? table->offsets.inputs : table->rows.rows;
        uint64_t *limit = table->multi_vector ? &limits->lines : &limits->rows;
        *limit = complete < *limit ? complete : *limit;
    }
    return LMVR_OK;
}

static lmvr_status cut_to(struct store *s, lmvr_error *error)
{
    lmvr_status status = file_truncate(s->index_fd, s->place.index_path, s->index_size, error);
    for (size_t i = 0; i < s->feature_count && status == LMVR_OK; i++)
        status = table_cut(&s->features[i], s->done, s->rows, error);
    return status;
}

static lmvr_status resume(struct store *s, const json_t *begun, const json_t *now, const struct store_plan *plan,
                          lmvr_error *error)
{
    struct resume_point point = {.lines = 0};
    struct resume_limits limits;
    const char *output = s->place.output;
    bool has_lines = size_of(s->place.index_path) > 0;
    lmvr_status status = manifest_compare_options(begun, now, plan->any_device, output, error);
    if (status == LMVR_OK && has_lines)
        status = open_old(s, plan, &limits, error);
    if (status == LMVR_OK && has_lines)
        status = resume_find(s->place.index_path, &limits, plan->next_name, plan->user, output, &point, error);
    if (status == LMVR_OK)
        status = manifest_compare_inputs(begun, now, point.lines, output, error);
    if (status != LMVR_OK)
        return status;
    if (!has_lines)
        return begin(s, begun, now, plan, error);
    s->done = point.lines;
    s->rows = point.rows;
    s->index_size = point.index_size;
    return cut_to(s, error);
}

/* ---- opening ---- */

/* Whether b's file is a's offsets. */
static bool is_offsets_of(const struct store_feature *a, const struct store_feature *b)
{
    size_t length = strlen(a->name);
    return a->multi_vector && strncmp(a->name, b->name, length) == 0 && strcmp(b->name + length, ".offsets") == 0;
}

static lmvr_status check_names(const struct store_plan *plan, lmvr_error *error)
{
    for (size_t i = 0; i < plan->feature_count; i++) {
        const struct store_feature *a = &plan->features[i];
        lmvr_status status = place_check_name(a->name, error);
        if (status != LMVR_OK)
            return status;
        for (size_t j = 0; j < i; j++) {
            const struct store_feature *b = &plan->features[j];
            if (strcmp(a->name, b->name) == 0)
                return error_set(error, LMVR_ERROR_INVALID, "two features have the name \"%s\"", a->name);
            if (is_offsets_of(a, b) || is_offsets_of(b, a))
                return error_set(
                    error, LMVR_ERROR_INVALID,
                    "the features \"%s\" and \"%s\" would share a file: one has its offsets where the other has its "
                    "rows",
                    b->name, a->name);
        }
    }
    return LMVR_OK;
}

/* Under the lock: reads what an earlier run has left, then resumes it or starts afresh. */
static lmvr_status begin_or_resume(struct store *s, const struct store_plan *plan, lmvr_error *error)
{
    json_t *begun = NULL;
    json_t *now = manifest_make(plan->options, plan->features, plan->feature_count, plan->input_count, plan->inputs_hash);
    lmvr_status status = now ? LMVR_OK : error_no_memory(error, "run.json");
    if (status == LMVR_OK)
        status = manifest_read(s->run_fd, s->place.run_path, &begun, error);
    if (status == LMVR_OK && plan->mode != STORE_FORCE && !begun && size_of(s->place.index_path) > 0)
        status = place_refuse_unknown(&s->place, s->place.index_path, error);
    if (status == LMVR_OK && plan->mode == STORE_RESUME && begun)
        status = resume(s, begun, now, plan, error);
    else if (status == LMVR_OK)
        status = begin(s, begun, now, plan, error);
    json_decref(begun);
    json_decref(now);
    return status;
}

static lmvr_status open_store(struct store *s, const struct store_plan *plan, lmvr_error *error)
{
    lmvr_status status = check_names(plan, error);
    if (status == LMVR_OK)
        status = check_state(&s->place, plan->mode, plan->features, plan->feature_count, error);
    if (status == LMVR_OK)
        status = place_make_folder(&s->place, error);
    if (status == LMVR_OK)
        status = place_open_run(&s->place, &s->run_fd, &s->made_run, error);
    if (status != LMVR_OK)
        return status;
    /* Check again: another run may have started and ended since. */
    if (!s->made_run)
        status = check_state(&s->place, plan->mode, plan->features, plan->feature_count, error);
    if (status == LMVR_OK)
        status = begin_or_resume(s, plan, error);
    if (status == LMVR_ERROR_INVALID && s->made_run)
        unlink(s->place.run_path);
    return status;
}

lmvr_status store_open(const struct store_plan *plan, struct store **store, lmvr_error *error)
{
    *store = NULL;
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return error_no_memory(error, "the output");
    s->run_fd = s->index_fd = -1;
    s->features = calloc(plan->feature_count + 1, sizeof *s->features);
    lmvr_status status = s->features ? LMVR_OK : error_no_memory(error, "the output");
    if (status == LMVR_OK)
        status = store_check(plan->output, plan->mode, plan->feature_count, error);
    if (status == LMVR_OK)
        status = place_init(&s->place, plan->output, error);
    if (status == LMVR_OK)
        status = open_store(s, plan, error);
    if (status == LMVR_OK)
        *store = s;
    else
        store_close(s, NULL);
    return status;
}

/* ---- adding ---- */

size_t store_done(const struct store *store)
{
    return store->done;
}

size_t store_failed(const struct store *store)
{
    return store->done - store->rows;
}

/* `rows` is NULL for an input that failed. */
static lmvr_status add(struct store *s, const float *const *rows, const size_t *counts, const char *text, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < s->feature_count && status == LMVR_OK; i++)
        status = table_append(&s->features[i], rows ? rows[i] : NULL, rows ? counts[i] : 0, error);
    if (status == LMVR_OK)
        status = file_write_at(s->index_fd, s->place.index_path, text, strlen(text), s->index_size, error);
    return status;
}

lmvr_status store_add(struct store *store, const float *const *rows, const size_t *counts, const struct index_line *line,
                      lmvr_error *error)
{
    struct index_line full = *line;
    char *text;
    full.row = store->rows;
    lmvr_status status = index_line_format(&full, &text, error);
    if (status != LMVR_OK)
        return status;
    status = add(store, line->error ? NULL : rows, counts, text, error);
    if (status == LMVR_OK) {
        store->index_size += (off_t)strlen(text);
        store->rows += !line->error;
        store->done++;
    } else {
        cut_to(store, NULL);
        status = LMVR_ERROR_RESOURCE; /* whatever went wrong, it did so midway */
    }
    free(text);
    return status;
}

lmvr_status store_close(struct store *store, lmvr_error *error)
{
    lmvr_status status = LMVR_OK, closed;
    if (!store)
        return LMVR_OK;
    for (size_t i = 0; i < store->feature_count; i++) {
        closed = table_close(&store->features[i], status == LMVR_OK ? error : NULL);
        status = status == LMVR_OK ? closed : status;
    }
    if (store->index_fd >= 0) {
        closed = file_close(store->index_fd, store->place.index_path, status == LMVR_OK ? error : NULL);
        status = status == LMVR_OK ? closed : status;
    }
    if (store->run_fd >= 0) {
        closed = file_close(store->run_fd, store->place.run_path, status == LMVR_OK ? error : NULL);
        status = status == LMVR_OK ? closed : status;
    }
    place_finish(&store->place);
    free(store->features);
    free(store);
    return status;
}
