#include "format/csv.h"

#include "format/file.h"
#include "format/input.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 16)
#define END   (-1)

/* The file, read byte by byte, and the record being assembled. */
struct csv_source {
    int fd;
    uint64_t size, offset; /* the file's size, and how much of it has been read into `chunk` */
    size_t next, filled;
    size_t line;  /* of the next byte */
    char *record; /* the fields' bytes, each field followed by a NUL */
    size_t used, space;
    size_t *starts; /* (field_count) offset of each field in `record` */
    size_t field_count, field_space;
    char **fields; /* (field_space) */
    unsigned char chunk[CHUNK];
};

/* ---- bytes ---- */

static lmvr_status fill(struct csv *csv, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    uint64_t left = s->size - s->offset;
    size_t n = left < CHUNK ? (size_t)left : CHUNK;
    TRY(file_read_at(s->fd, csv->path, s->chunk, n, (off_t)s->offset, error));
    s->offset += n;
    s->next = 0;
    s->filled = n;
    return LMVR_OK;
}

/* The next byte, not consumed, or END. */
static lmvr_status peek(struct csv *csv, int *byte, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    if (s->next == s->filled)
        TRY(fill(csv, error));
    *byte = s->next < s->filled ? s->chunk[s->next] : END;
    return LMVR_OK;
}

static void take(struct csv_source *s)
{
    s->line += s->chunk[s->next++] == '\n';
}

/* ---- the record ---- */

static lmvr_status refuse(const struct csv *csv, size_t line, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: %s", csv->path, line, what);
}

static lmvr_status put(struct csv *csv, int byte, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    if (s->used == s->space) {
        size_t space = s->space ? s->space * 2 : 1024;
        char *record = space <= CSV_MAX_RECORD ? realloc(s->record, space) : NULL;
        if (space > CSV_MAX_RECORD)
            return refuse(csv, csv->line, "the record that begins here is longer than 16 MiB; is a quote left open?", error);
        if (!record)
            return error_no_memory(error, csv->path);
        s->record = record;
        s->space = space;
    }
    s->record[s->used++] = (char)byte;
    return LMVR_OK;
}

static lmvr_status begin_field(struct csv *csv, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    if (s->field_count == CSV_MAX_COLUMNS)
        return refuse(csv, csv->line, "has more than 100000 fields", error);
    if (s->field_count == s->field_space) {
        size_t space = s->field_space ? s->field_space * 2 : 16;
        size_t *starts = realloc(s->starts, space * sizeof *starts);
        s->starts = starts ? starts : s->starts;
        char **fields = starts ? realloc(s->fields, space * sizeof *fields) : NULL;
        s->fields = fields ? fields : s->fields;
        if (!fields)
            return error_no_memory(error, csv->path);
        s->field_space = space;
    }
    s->starts[s->field_count++] = s->used;
    return LMVR_OK;
}

/* The rest of a quoted field, after its opening quote. */
static lmvr_status read_quoted(struct csv *csv, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    size_t line = s->line;
    for (int byte;;) {
        TRY(peek(csv, &byte, error));
        if (byte == END)
            return refuse(csv, line, "the quote that opens here is never closed", error);
        if (byte == 0)
            return refuse(csv, s->line, "has a zero byte in it", error);
        take(s);
        if (byte == '"') {
            int after;
            TRY(peek(csv, &after, error));
            if (after != '"')
                return LMVR_OK;
            take(s);
        }
        TRY(put(csv, byte, error));
    }
}

/* Consumes a line end, if there is one here: LF, CRLF or the end of the file. */
static lmvr_status end_line(struct csv *csv, bool *ended, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    size_t line = s->line;
    int byte;
    TRY(peek(csv, &byte, error));
    *ended = byte == END || byte == '\n' || byte == '\r';
    if (*ended && byte != END)
        take(s);
    if (byte != '\r')
        return LMVR_OK;
    TRY(peek(csv, &byte, error));
    if (byte != '\n' && byte != END)
        return refuse(csv, line, "has a carriage return that does not end the line; put the field in quotes", error);
    if (byte == '\n')
        take(s);
    return LMVR_OK;
}

static lmvr_status read_unquoted(struct csv *csv, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    for (int byte;;) {
        TRY(peek(csv, &byte, error));
        if (byte == END || byte == ',' || byte == '\n' || byte == '\r')
            return LMVR_OK;
        if (byte == 0)
            return refuse(csv, s->line, "has a zero byte in it", error);
        if (byte == '"')
            return refuse(csv, s->line, "has a quote inside an unquoted field", error);
        TRY(put(csv, byte, error));
        take(s);
    }
}

static lmvr_status read_field(struct csv *csv, lmvr_error *error)
{
    int byte;
    TRY(begin_field(csv, error));
    TRY(peek(csv, &byte, error));
    if (byte == '"') {
        take(csv->source);
        TRY(read_quoted(csv, error));
    } else {
        TRY(read_unquoted(csv, error));
    }
    return put(csv, '\0', error);
}

static lmvr_status read_record(struct csv *csv, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    s->used = s->field_count = 0;
    csv->line = s->line;
    for (bool ended;;) {
        int byte;
        TRY(read_field(csv, error));
        TRY(end_line(csv, &ended, error));
        if (ended)
            break;
        TRY(peek(csv, &byte, error));
        if (byte != ',')
            return refuse(csv, s->line, "expected a comma after the closing quote", error);
        take(s);
    }
    for (size_t i = 0; i < s->field_count; i++)
        s->fields[i] = s->record + s->starts[i];
    return LMVR_OK;
}

/* The next record, skipping empty lines; *more is false at the end of the file. */
static lmvr_status next_record(struct csv *csv, bool *more, lmvr_error *error)
{
    for (bool ended;;) {
        int byte;
        TRY(peek(csv, &byte, error));
        *more = byte != END;
        if (!*more)
            return LMVR_OK;
        TRY(end_line(csv, &ended, error));
        if (!ended)
            return read_record(csv, error);
    }
}

/* ---- the file ---- */

static lmvr_status skip_mark(struct csv *csv, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    TRY(fill(csv, error));
    if (s->filled >= 3 && memcmp(s->chunk, "\xEF\xBB\xBF", 3) == 0)
        s->next = 3;
    return LMVR_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static lmvr_status check_names(const struct csv *csv, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    char **sorted = malloc(csv->columns * sizeof *sorted);
    if (!sorted)
        return error_no_memory(error, csv->path);
    memcpy(sorted, csv->header, csv->columns * sizeof *sorted);
    qsort(sorted, csv->columns, sizeof *sorted, by_name);
    for (size_t i = 1; i < csv->columns && status == LMVR_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = error_set(error, LMVR_ERROR_INVALID, "%s: duplicate column '%.100s'", csv->path, sorted[i]);
    free(sorted);
    return status;
}

static lmvr_status read_header(struct csv *csv, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    bool more;
    TRY(skip_mark(csv, error));
    TRY(next_record(csv, &more, error));
    if (!more)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is empty, expected a header and one line per row", csv->path);
    csv->header = calloc(s->field_count, sizeof *csv->header);
    if (!csv->header)
        return error_no_memory(error, csv->path);
    for (csv->columns = 0; csv->columns < s->field_count; csv->columns++) {
        csv->header[csv->columns] = strdup(s->fields[csv->columns]);
        if (!csv->header[csv->columns])
            return error_no_memory(error, csv->path);
    }
    return check_names(csv, error);
}

lmvr_status csv_open(const char *path, struct csv *csv, lmvr_error *error)
{
    *csv = (struct csv){.path = path};
    struct csv_source *source = calloc(1, sizeof *source);
    if (!source)
        return error_no_memory(error, path);
    csv->source = source;
    source->line = 1;
    lmvr_status status = input_open(path, &source->fd, &source->size, error);
    if (status == LMVR_OK)
        status = read_header(csv, error);
    if (status != LMVR_OK)
        csv_close(csv);
    return status;
}

lmvr_status csv_next(struct csv *csv, bool *more, lmvr_error *error)
{
    struct csv_source *s = csv->source;
    TRY(next_record(csv, more, error));
    if (*more && s->field_count != csv->columns)
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: has %zu fields where the header has %zu", csv->path,
                         csv->line, s->field_count, csv->columns);
    csv->fields = s->fields;
    return LMVR_OK;
}

void csv_close(struct csv *csv)
{
    struct csv_source *s = csv->source;
    if (s) {
        if (s->fd >= 0)
            close(s->fd);
        free(s->record);
        free(s->starts);
        free(s->fields);
        free(s);
    }
    for (size_t i = 0; i < csv->columns; i++)
        free(csv->header[i]);
    free(csv->header);
    *csv = (struct csv){0};
}

long csv_column(const struct csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->columns; i++)
        if (strcmp(csv->header[i], name) == 0)
            return (long)i;
    return -1;
}
