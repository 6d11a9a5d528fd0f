#include "store/store.h"

#include "format/file.h"
#include "store/part.h"
#include "store/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct store {
    struct place place;
    int run_fd;         /* of run.json; its lock is the store's */
    bool made_run;      /* run.json is new */
    struct parts parts; /* count 0: there are none */
    size_t number;      /* of the part at hand; PLACE_WHOLE: none, or the whole */
    size_t next;        /* those before it have been begun */
    struct part part;
    const struct store_feature *features;
    size_t feature_count;
    uint64_t clipped; /* in parts that are finished */
    struct copies copies;
};

/* ---- files from earlier runs ---- */

/* What a feature may have, which is not in parts. */
struct feature_paths {
    char *rows, *scales, *offsets;
};

static lmvr_status feature_paths_init(struct feature_paths *paths, const struct place *place, const char *name,
                                      lmvr_error *error)
{
    *paths = (struct feature_paths){.rows = place_feature_path(place, name, PLACE_WHOLE)};
    if (paths->rows) {
        paths->scales = npy_path_beside(paths->rows, NPY_SCALES);
        paths->offsets = offsets_path(paths->rows);
    }
    return paths->scales && paths->offsets ? LMVR_OK : error_no_memory(error, "a file name");
}

static void feature_paths_finish(struct feature_paths *paths)
{
    free(paths->rows);
    free(paths->scales);
    free(paths->offsets);
}

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
    struct feature_paths paths;
    lmvr_status status = feature_paths_init(&paths, place, feature->name, error);
    if (status == LMVR_OK)
        status = check_old_file(place, paths.rows, has_run, NPY_HEADER_SIZE, mode, error);
    if (status == LMVR_OK && feature->type == NPY_INT8)
        status = check_old_file(place, paths.scales, has_run, NPY_HEADER_SIZE, mode, error);
    if (status == LMVR_OK && feature->multi_vector)
        status = check_old_file(place, paths.offsets, has_run, OFFSETS_EMPTY_SIZE, mode, error);
    feature_paths_finish(&paths);
    return status;
}

static lmvr_status check_old_copy(const struct place *place, bool has_run, enum store_mode mode, lmvr_error *error)
{
    char *path = copies_path(place, PLACE_WHOLE);
    lmvr_status status = path ? check_old_file(place, path, has_run, 0, mode, error) : error_no_memory(error, "a file name");
    free(path);
    return status;
}

/* Checks that a run in this mode may start, given the files that exist. An index without lines and arrays without rows, next to
 * a run.json, are left by a run that was stopped at its very start, and are no obstacle. */
static lmvr_status check_state(const struct place *place, enum store_mode mode, const struct store_feature *features,
                               size_t feature_count, bool copies, lmvr_error *error)
{
    bool has_run = size_of(place->run_path) >= 0;
    lmvr_status status = check_old_file(place, place->index_path, has_run, 0, mode, error);
    if (status == LMVR_OK && copies)
        status = check_old_copy(place, has_run, mode, error);
    for (size_t i = 0; i < feature_count && status == LMVR_OK; i++)
        status = check_old_feature(place, &features[i], has_run, mode, error);
    return status;
}

/* New results have no place beside those in parts, but for a run that shares the work. */
static lmvr_status check_parts(const struct place *place, enum store_mode mode, bool has_run, size_t share, size_t shares,
                               lmvr_error *error)
{
    if (place->single || mode == STORE_FORCE || !parts_any(place, share, shares))
        return LMVR_OK;
    char *index = place_inner_path(place, "index");
    lmvr_status status = mode == STORE_NEW && has_run ? place_refuse_results(place, error)
                         : !has_run                   ? place_refuse_unknown(place, index ? index : "index", error)
                                                      : LMVR_OK;
    free(index);
    return status;
}

lmvr_status store_check(const char *output, enum store_mode mode, size_t feature_count, size_t shares, lmvr_error *error)
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
        status = shares > 1 ? LMVR_OK : place_lock(&place, fd, error);
        if (status == LMVR_OK)
            status = manifest_read(fd, place.run_path, &begun, error);
        close(fd);
    }
    if (status == LMVR_OK)
        status = check_state(&place, mode, &single, place.single, false, error);
    if (status == LMVR_OK && shares == 1)
        status = check_parts(&place, mode, begun, 0, 1, error);
    json_decref(begun);
    place_finish(&place);
    return status;
}

/* ---- starting ---- */

static lmvr_status remove_file(const char *path, lmvr_error *error)
{
    return unlink(path) == 0 || errno == ENOENT ? LMVR_OK : file_error(error, path, "remove");
}

static lmvr_status remove_feature(const struct place *place, const struct store_feature *feature, lmvr_error *error)
{
    struct feature_paths paths;
    if (place_check_name(feature->name, NULL) != LMVR_OK)
        return LMVR_OK; /* no run.json of ours names such a feature */
    lmvr_status status = feature_paths_init(&paths, place, feature->name, error);
    if (status == LMVR_OK)
        status = remove_file(paths.rows, error);
    if (status == LMVR_OK && feature->type == NPY_INT8)
        status = remove_file(paths.scales, error);
    if (status == LMVR_OK && feature->multi_vector)
        status = remove_file(paths.offsets, error);
    feature_paths_finish(&paths);
    return status;
}

/* Removes the results of `begun` (NULL: unknown), and any files in the places of the new ones. The index goes first, so that a
 * run killed in between leaves no lines without rows. */
static lmvr_status remove_old(const struct store *s, const json_t *begun, const struct store_plan *plan, lmvr_error *error)
{
    size_t i;
    json_t *feature;
    struct store_feature old = {.name = NULL};
    char *copy = copies_path(&s->place, PLACE_WHOLE);
    lmvr_status status = remove_file(s->place.index_path, error);
    if (status == LMVR_OK && (begun || plan->copies.index))
        status = copy ? remove_file(copy, error) : error_no_memory(error, "a file name");
    free(copy);
    if (status == LMVR_OK && manifest_type(begun, s->place.run_path, &old.type, NULL) != LMVR_OK)
        old.type = NPY_F32;
    json_array_foreach(json_object_get(begun, "features"), i, feature)
    {
        old.name = json_string_value(json_object_get(feature, "name"));
        old.multi_vector = json_is_true(json_object_get(feature, "multi_vector"));
        if (status == LMVR_OK && old.name)
            status = remove_feature(&s->place, &old, error);
    }
    for (i = 0; i < plan->feature_count && status == LMVR_OK; i++)
        status = remove_feature(&s->place, &plan->features[i], error);
    return status;
}

/* The same of results in parts. */
static lmvr_status remove_old_parts(const struct store *s, const json_t *begun, const struct store_plan *plan,
                                    lmvr_error *error)
{
    size_t i, count = 0;
    json_t *feature;
    const json_t *old = json_object_get(begun, "features");
    const char **names = calloc(json_array_size(old) + plan->feature_count + 2, sizeof *names);
    if (!names)
        return error_no_memory(error, "the output");
    json_array_foreach(old, i, feature)
    {
        const char *name = json_string_value(json_object_get(feature, "name"));
        if (name && place_check_name(name, NULL) == LMVR_OK)
            names[count++] = name;
    }
    for (i = 0; i < plan->feature_count; i++)
        names[count++] = plan->features[i].name;
    if (plan->clip_retrieval || manifest_is_clip(begun))
        names[count++] = COPIES_METADATA;
    lmvr_status status = s->place.single ? LMVR_OK : parts_remove(&s->place, names, count, error);
    free(names);
    return status;
}

/* Creates run.json, then the arrays, then the index: if there is an index, there is everything. */
static lmvr_status begin(struct store *s, const json_t *begun, const json_t *now, const struct store_plan *plan,
                         lmvr_error *error)
{
    TRY(remove_old(s, begun, plan, error));
    TRY(remove_old_parts(s, begun, plan, error));
    TRY(manifest_write(now, s->run_fd, s->place.run_path, error));
    if (plan->part_count)
        return LMVR_OK;
    return part_create(&s->place, PLACE_WHOLE, plan->features, plan->feature_count, &s->part, error);
}

/* ---- resuming ---- */

static lmvr_status resume(struct store *s, const json_t *begun, const json_t *now, const struct store_plan *plan,
                          lmvr_error *error)
{
    const char *output = s->place.output;
    bool has_lines = !plan->part_count && part_has_lines(&s->place, PLACE_WHOLE);
    TRY(manifest_compare_options(begun, now, plan->any_device, output, error));
    if (has_lines)
        TRY(part_open(&s->place, PLACE_WHOLE, plan->features, plan->feature_count, plan->next_name, plan->user, &s->part,
                      error));
    TRY(manifest_compare_inputs(begun, now, s->part.done, output, error));
    if (has_lines)
        return part_cut(&s->part, error);
    return plan->part_count ? LMVR_OK : begin(s, begun, now, plan, error);
}

/* ---- opening ---- */

/* What stands in b's file, where that is also one of a's: "offsets", "scales"; NULL: it is not. */
static const char *shared_file(const struct store_feature *a, const struct store_feature *b)
{
    size_t length = strlen(a->name);
    if (strncmp(a->name, b->name, length) != 0)
        return NULL;
    if (a->multi_vector && strcmp(b->name + length, ".offsets") == 0)
        return "offsets";
    return a->type == NPY_INT8 && strcmp(b->name + length, ".scale") == 0 ? "scales" : NULL;
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
            const char *shared = shared_file(a, b) ? shared_file(a, b) : shared_file(b, a);
            if (shared)
                return error_set(
                    error, LMVR_ERROR_INVALID,
                    "the features \"%s\" and \"%s\" would share a file: one has its %s where the other has its rows", b->name,
                    a->name, shared);
        }
    }
    return LMVR_OK;
}

/* Under the lock: reads what an earlier run has left, then resumes it or starts afresh. */
static lmvr_status begin_or_resume(struct store *s, const struct store_plan *plan, lmvr_error *error)
{
    json_t *begun = NULL;
    json_t *now = manifest_make(plan->options, plan->features, plan->feature_count, plan->input_count, plan->inputs_hash);
    bool made = now && (!plan->part_count || manifest_add_parts(now, plan->part_count, plan->rows_per_part)) &&
                (!plan->clip_retrieval || manifest_add_clip(now));
    lmvr_status status = made ? LMVR_OK : error_no_memory(error, "run.json");
    if (status == LMVR_OK)
        status = manifest_read(s->run_fd, s->place.run_path, &begun, error);
    if (status == LMVR_OK && plan->mode != STORE_FORCE && !begun && size_of(s->place.index_path) > 0)
        status = place_refuse_unknown(&s->place, s->place.index_path, error);
    if (status == LMVR_OK)
        status = check_parts(&s->place, plan->mode, begun, plan->share, plan->shares, error);
    if (status == LMVR_OK && begun && (plan->mode == STORE_RESUME || (plan->mode == STORE_NEW && plan->shares > 1)))
        status = resume(s, begun, now, plan, error);
    else if (status == LMVR_OK)
        status = begin(s, begun, now, plan, error);
    json_decref(begun);
    json_decref(now);
    return status;
}

/* Parts that were finished without copies get theirs. */
static lmvr_status copy_finished(const struct store *s, lmvr_error *error)
{
    bool any = s->copies.index || s->copies.metadata;
    for (size_t i = s->parts.share; any && i < s->parts.count; i += s->parts.shares) {
        bool finished;
        uint64_t inputs, rows;
        TRY(parts_read(&s->place, i, &finished, &inputs, &rows, error));
        if (finished)
            TRY(copies_make(&s->copies, &s->place, i, inputs, rows, false, error));
    }
    return LMVR_OK;
}

static lmvr_status open_store(struct store *s, const struct store_plan *plan, lmvr_error *error)
{
    lmvr_status status = check_names(plan, error);
    if (status == LMVR_OK)
        status = check_state(&s->place, plan->mode, plan->features, plan->feature_count, plan->copies.index, error);
    if (status == LMVR_OK)
        status = place_make_folder(&s->place, error);
    if (status == LMVR_OK)
        status = place_open_run(&s->place, plan->shares > 1, &s->run_fd, &s->made_run, error);
    if (status != LMVR_OK)
        return status;
    /* Check again: another run may have started and ended since. */
    if (!s->made_run)
        status = check_state(&s->place, plan->mode, plan->features, plan->feature_count, plan->copies.index, error);
    if (status == LMVR_OK)
        status = begin_or_resume(s, plan, error);
    if (status == LMVR_OK && plan->part_count)
        status = parts_open(&s->place, plan->features, plan->feature_count, &s->parts, error);
    if (status == LMVR_OK && plan->shares > 1)
        place_share_lock(s->run_fd);
    if (status == LMVR_OK)
        status = copy_finished(s, error);
    if (status == LMVR_ERROR_INVALID && s->made_run)
        unlink(s->place.run_path);
    return status;
}

static lmvr_status check_plan(const struct store_plan *plan, const struct place *place, lmvr_error *error)
{
    if (place->single && plan->part_count)
        return error_set(error, LMVR_ERROR_INVALID, "%s: results in parts need a folder, not a single file", plan->output);
    if (plan->clip_retrieval && plan->feature_count != 1)
        return error_set(error, LMVR_ERROR_INVALID, "clip-retrieval's layout holds one feature, not %zu", plan->feature_count);
    if (plan->clip_retrieval && (plan->features[0].multi_vector || plan->features[0].type == NPY_INT8))
        return error_set(error, LMVR_ERROR_INVALID, "clip-retrieval's layout holds a row of f32 or f16 for each input, not %s",
                         plan->features[0].multi_vector ? "one for each token" : "int8 with scales");
    return LMVR_OK;
}

lmvr_status store_open(const struct store_plan *plan, struct store **store, lmvr_error *error)
{
    *store = NULL;
    struct store *s = calloc(1, sizeof *s);
    struct store_plan full = *plan;
    full.shares = plan->shares ? plan->shares : 1;
    if (!s)
        return error_no_memory(error, "the output");
    s->run_fd = s->part.index_fd = -1;
    s->number = PLACE_WHOLE;
    s->parts = (struct parts){.count = plan->part_count, .share = full.share, .shares = full.shares, .lock_fd = -1};
    s->features = plan->features;
    s->feature_count = plan->feature_count;
    s->copies = plan->copies;
    lmvr_status status = store_check(plan->output, plan->mode, plan->feature_count, full.shares, error);
    if (status == LMVR_OK)
        status = place_init(&s->place, plan->output, error);
    if (status == LMVR_OK)
        status = check_plan(plan, &s->place, error);
    s->place.clip_parts = plan->clip_retrieval ? plan->part_count : 0;
    if (status == LMVR_OK)
        status = open_store(s, &full, error);
    if (status == LMVR_OK)
        *store = s;
    else
        store_close(s, NULL);
    return status;
}

/* ---- parts ---- */

bool store_wants(const struct store *store, size_t part)
{
    return parts_wants(&store->parts, part);
}

bool store_has_begun(const struct store *store, size_t part)
{
    return part_has_lines(&store->place, part);
}

size_t store_part(const struct store *store)
{
    return store->number;
}

/* The inputs of a part that is left are done all the same. */
static void count_unfinished(struct store *s)
{
    s->parts.inputs += s->part.done;
    s->parts.rows += s->part.rows;
}

/* Says so while the part is still locked, so that nobody takes it for one that was left behind. */
static lmvr_status finish_part(struct store *s, lmvr_error *error)
{
    if (s->number == PLACE_WHOLE)
        return LMVR_OK;
    lmvr_status status = part_close_tables(&s->part, error);
    if (status == LMVR_OK && fsync(s->part.index_fd) != 0)
        status = file_error(error, s->part.index_path, "write");
    if (status == LMVR_OK)
        status = copies_make(&s->copies, &s->place, s->number, s->part.done, s->part.rows, s->part.changed, error);
    if (status == LMVR_OK)
        status = parts_finish(&s->place, &s->parts, s->number, s->part.done, s->part.rows, error);
    if (status != LMVR_OK)
        count_unfinished(s);
    s->clipped += s->part.clipped;
    lmvr_status closed = part_close(&s->part, status == LMVR_OK ? error : NULL);
    s->number = PLACE_WHOLE;
    return status == LMVR_OK ? closed : status;
}

static lmvr_status begin_part(struct store *s, size_t number, resume_name_fn *next_name, void *user, lmvr_error *error)
{
    bool resumes = next_name && part_has_lines(&s->place, number);
    TRY(resumes ? part_open(&s->place, number, s->features, s->feature_count, next_name, user, &s->part, error)
                : part_create(&s->place, number, s->features, s->feature_count, &s->part, error));
    s->number = number;
    s->next = number + 1;
    return resumes ? part_cut(&s->part, error) : LMVR_OK;
}

/* The parts up to `end` have no inputs. */
static lmvr_status finish_empty(struct store *s, size_t end, lmvr_error *error)
{
    for (size_t i = s->next; i < end; i++)
        if (parts_wants(&s->parts, i)) {
            TRY(begin_part(s, i, NULL, NULL, error));
            TRY(finish_part(s, error));
        }
    return LMVR_OK;
}

lmvr_status store_turn(struct store *store, size_t part, resume_name_fn *next_name, void *user, lmvr_error *error)
{
    TRY(finish_part(store, error));
    TRY(finish_empty(store, part, error));
    return begin_part(store, part, next_name, user, error);
}

lmvr_status store_leave(struct store *store, lmvr_error *error)
{
    lmvr_status status = part_close_tables(&store->part, error);
    count_unfinished(store);
    store->clipped += store->part.clipped;
    store->number = PLACE_WHOLE;
    lmvr_status closed = part_close(&store->part, status == LMVR_OK ? error : NULL);
    return status == LMVR_OK ? closed : status;
}

lmvr_status store_finish(struct store *store, lmvr_error *error)
{
    if (!store->parts.count)
        return copies_make(&store->copies, &store->place, PLACE_WHOLE, store->part.done, store->part.rows, store->part.changed,
                           error);
    TRY(finish_part(store, error));
    return finish_empty(store, store->parts.count, error);
}

/* ---- inputs ---- */

size_t store_done(const struct store *store)
{
    return store->parts.inputs + store->part.done;
}

size_t store_failed(const struct store *store)
{
    return store_done(store) - store->parts.rows - store->part.rows;
}

uint64_t store_clipped(const struct store *store)
{
    uint64_t clipped = store->clipped + store->part.clipped;
    for (size_t i = 0; i < store->part.feature_count; i++)
        clipped += store->part.features[i].clipped;
    return clipped;
}

lmvr_status store_add(struct store *store, const float *const *rows, const size_t *counts, const struct index_line *line,
                      lmvr_error *error)
{
    return part_add(&store->part, rows, counts, line, error);
}

lmvr_status store_close(struct store *store, lmvr_error *error)
{
    if (!store)
        return LMVR_OK;
    lmvr_status status = part_close(&store->part, error);
    parts_close(&store->parts);
    if (store->run_fd >= 0) {
        lmvr_status closed = file_close(store->run_fd, store->place.run_path, status == LMVR_OK ? error : NULL);
        status = status == LMVR_OK ? closed : status;
    }
    place_finish(&store->place);
    free(store);
    return status;
}
