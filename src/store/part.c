#include "store/part.h"

#include "format/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static lmvr_status begin(const struct place *place, size_t number, size_t count, struct part *part, lmvr_error *error)
{
    *part = (struct part){.index_fd = -1, .index_path = place_index_path(place, number)};
    part->features = calloc(count + 1, sizeof *part->features);
    return part->index_path && part->features ? LMVR_OK : error_no_memory(error, "the output");
}

bool part_has_lines(const struct place *place, size_t number)
{
    struct stat st;
    char *path = place_index_path(place, number);
    bool has = path && stat(path, &st) == 0 && st.st_size > 0;
    free(path);
    return has;
}

static lmvr_status open_feature(const struct place *place, size_t number, const struct store_feature *feature, bool create,
                                struct part *part, lmvr_error *error)
{
    char *path = place_feature_path(place, feature->name, number);
    if (!path)
        return error_no_memory(error, "a file name");
    struct table *table = &part->features[part->feature_count];
    lmvr_status status = create ? table_create(path, feature, table, error) : table_open(path, feature, table, error);
    if (status == LMVR_OK)
        part->feature_count++;
    free(path);
    return status;
}

/* Also checks that nobody has finished it before it could be locked. */
static lmvr_status lock_part(const struct place *place, size_t number, const struct part *part, lmvr_error *error)
{
    TRY(place_lock(place, part->index_fd, error));
    char *path = place_part_path(place, "index", number, ".json");
    if (!path)
        return error_no_memory(error, "a file name");
    bool finished = access(path, F_OK) == 0;
    free(path);
    return finished ? error_set(error, LMVR_ERROR_INVALID, "%s: another lmvr has finished it meanwhile", part->index_path)
                    : LMVR_OK;
}

/* The whole of a run is locked by its run.json, a part by its index. */
static lmvr_status open_index(const struct place *place, size_t number, bool create, struct part *part, lmvr_error *error)
{
    part->index_fd = open(part->index_path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0666);
    if (part->index_fd < 0)
        return file_error(error, part->index_path, "open");
    if (number != PLACE_WHOLE)
        TRY(lock_part(place, number, part, error));
    return create ? file_truncate(part->index_fd, part->index_path, 0, error) : LMVR_OK;
}

static lmvr_status create_tables(const struct place *place, size_t number, const struct store_feature *features, size_t count,
                                 struct part *part, lmvr_error *error)
{
    for (size_t i = 0; i < count; i++)
        TRY(open_feature(place, number, &features[i], true, part, error));
    return LMVR_OK;
}

/* The index of a part comes first, since it is the lock; that of a whole comes last, so that where it is, everything is. */
static lmvr_status create(const struct place *place, size_t number, const struct store_feature *features, size_t count,
                          struct part *part, lmvr_error *error)
{
    TRY(begin(place, number, count, part, error));
    if (number != PLACE_WHOLE)
        TRY(open_index(place, number, true, part, error));
    TRY(create_tables(place, number, features, count, part, error));
    return number == PLACE_WHOLE ? open_index(place, number, true, part, error) : LMVR_OK;
}

lmvr_status part_create(const struct place *place, size_t number, const struct store_feature *features, size_t count,
                        struct part *part, lmvr_error *error)
{
    lmvr_status status = create(place, number, features, count, part, error);
    if (status != LMVR_OK)
        part_close(part, NULL);
    return status;
}

/* ---- resuming -------------------------------------------------------------------------------------------------------- */

static lmvr_status open_old(const struct place *place, size_t number, const struct store_feature *features, size_t count,
                            struct part *part, struct resume_limits *limits, lmvr_error *error)
{
    TRY(begin(place, number, count, part, error));
    TRY(open_index(place, number, false, part, error));
    *limits = (struct resume_limits){UINT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < count; i++) {
        TRY(open_feature(place, number, &features[i], false, part, error));
        const struct table *table = &part->features[i];
        uint64_t complete = table_complete(table);
        uint64_t *limit = table->multi_vector ? &limits->lines : &limits->rows;
        *limit = complete < *limit ? complete : *limit;
    }
    return LMVR_OK;
}

lmvr_status part_open(const struct place *place, size_t number, const struct store_feature *features, size_t count,
                      resume_name_fn *next_name, void *user, struct part *part, lmvr_error *error)
{
    struct resume_limits limits;
    struct resume_point point;
    lmvr_status status = open_old(place, number, features, count, part, &limits, error);
    if (status == LMVR_OK)
        status = resume_find(part->index_path, &limits, next_name, user, place->output, &point, error);
    if (status != LMVR_OK) {
        part_close(part, NULL);
        return status;
    }
    part->done = point.lines;
    part->rows = point.rows;
    part->index_size = point.index_size;
    return LMVR_OK;
}

lmvr_status part_cut(struct part *part, lmvr_error *error)
{
    lmvr_status status = file_truncate(part->index_fd, part->index_path, part->index_size, error);
    for (size_t i = 0; i < part->feature_count && status == LMVR_OK; i++)
        status = table_cut(&part->features[i], part->done, part->rows, error);
    return status;
}

/* ---- adding ---------------------------------------------------------------------------------------------------------- */

/* `rows` is NULL for an input that failed. */
static lmvr_status add(struct part *part, const float *const *rows, const size_t *counts, const char *text, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < part->feature_count && status == LMVR_OK; i++)
        status = table_append(&part->features[i], rows ? rows[i] : NULL, rows ? counts[i] : 0, error);
    if (status == LMVR_OK)
        status = file_write_at(part->index_fd, part->index_path, text, strlen(text), part->index_size, error);
    return status;
}

lmvr_status part_add(struct part *part, const float *const *rows, const size_t *counts, const struct index_line *line,
                     lmvr_error *error)
{
    struct index_line full = *line;
    char *text;
    full.row = part->rows;
    TRY(index_line_format(&full, &text, error));
    lmvr_status status = add(part, line->error ? NULL : rows, counts, text, error);
    if (status == LMVR_OK) {
        part->index_size += (off_t)strlen(text);
        part->rows += !line->error;
        part->done++;
        part->changed = true;
    } else {
        part_cut(part, NULL);
        status = LMVR_ERROR_RESOURCE; /* whatever went wrong, it did so midway */
    }
    free(text);
    return status;
}

/* ---- closing --------------------------------------------------------------------------------------------------------- */

lmvr_status part_close_tables(struct part *part, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < part->feature_count; i++) {
        part->clipped += part->features[i].clipped;
        lmvr_status closed = table_close(&part->features[i], status == LMVR_OK ? error : NULL);
        status = status == LMVR_OK ? closed : status;
    }
    part->feature_count = 0;
    return status;
}

lmvr_status part_close(struct part *part, lmvr_error *error)
{
    if (!part->index_path)
        return LMVR_OK;
    lmvr_status status = part_close_tables(part, error);
    if (part->index_fd >= 0) {
        lmvr_status closed = file_close(part->index_fd, part->index_path, status == LMVR_OK ? error : NULL);
        status = status == LMVR_OK ? closed : status;
    }
    free(part->features);
    free(part->index_path);
    *part = (struct part){.index_fd = -1};
    return status;
}
