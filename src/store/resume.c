#include "store/resume.h"

#include "format/utf8.h"
#include "store/index.h"

#include <stdlib.h>
#include <string.h>

/* The line just read must have the next row or none. */
static lmvr_status check_row(const struct index_reader *r, const struct resume_point *point, lmvr_error *error)
{
    if (r->row < 0 || (uint64_t)r->row == point->rows)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: line %llu has row %lld, expected row %llu", r->path,
                     (unsigned long long)r->lines, (long long)r->row, (unsigned long long)point->rows);
}

/* It must be that of the next input, whose name is NULL behind the last. */
static lmvr_status check_name(const struct index_reader *r, const struct resume_point *point, const char *name,
                              const char *output, lmvr_error *error)
{
    if (!name)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: cannot be resumed: it was started with more inputs than the %llu given now", output,
                         (unsigned long long)point->lines);
    char *input = utf8_clean(name);
    if (!input)
        return error_no_memory(error, r->path);
    lmvr_status status = LMVR_OK;
    if (strcmp(r->input, input) != 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: cannot be resumed: its input %llu was %.300s, and now it is %.300s",
                           output, (unsigned long long)r->lines, r->input, input);
    free(input);
    return status;
}

/* A complete line can lack its rows if the machine itself went down, not only the run. */
static bool is_within(const struct resume_limits *limits, const struct resume_point *point, const struct index_reader *r)
{
    return point->lines < limits->lines && (r->row < 0 || point->rows < limits->rows);
}

lmvr_status resume_find(const char *index_path, const struct resume_limits *limits, resume_name_fn *next_name, void *user,
                        const char *output, struct resume_point *point, lmvr_error *error)
{
    struct index_reader reader;
    *point = (struct resume_point){.lines = 0};
    lmvr_status status = index_reader_open(index_path, &reader, error);
    if (status != LMVR_OK)
        return status;
    for (bool known = true;;) {
        bool found;
        const char *name;
        status = index_reader_next(&reader, &found, error);
        if (status != LMVR_OK || !found || !is_within(limits, point, &reader))
            break;
        status = known ? next_name(user, reader.input, &name, error) : LMVR_ERROR_INPUT;
        known = status != LMVR_ERROR_INPUT;
        if (status == LMVR_OK)
            status = check_name(&reader, point, name, output, error);
        if (status == LMVR_OK || !known)
            status = check_row(&reader, point, error);
        if (status != LMVR_OK)
            break;
        point->lines++;
        point->rows += reader.row >= 0;
        point->index_size = reader.offset;
    }
    index_reader_close(&reader);
    return status;
}
