/*
 * Comma-separated values, as RFC 4180 describes them: a header, then a record a line, of as many fields as the header; a field
 * with commas, line ends or quotes in it stands in quotes, its own quotes doubled. Lines end with LF or CRLF. A byte order mark
 * and empty lines are passed over. The file is streamed: memory is that of the longest record.
 */
#ifndef LMVR_SRC_FORMAT_CSV_H
#define LMVR_SRC_FORMAT_CSV_H

#include "error.h"

#define CSV_MAX_RECORD  (16 << 20) /* bytes */
#define CSV_MAX_COLUMNS 100000

struct csv {
    const char *path; /* borrowed, for sentences */
    size_t columns;
    char **header; /* (columns) names, all different */
    char **fields; /* (columns) the record that csv_next() read; they live until its next call */
    size_t line;   /* where that record begins, counted from 1 */
    struct csv_source *source;
};

/* Opens the file and reads its header. LMVR_ERROR_INVALID: no header, or one that names two columns alike. On failure *csv is
 * empty. */
lmvr_status csv_open(const char *path, struct csv *csv, lmvr_error *error);

/* Reads the next record; *more is false after the last. LMVR_ERROR_INVALID: it is not well formed, or has more or fewer fields
 * than the header; the sentence names the line. */
lmvr_status csv_next(struct csv *csv, bool *more, lmvr_error *error);

void csv_close(struct csv *csv);

/* The column of that name, -1: there is none. */
long csv_column(const struct csv *csv, const char *name);

#endif
