/*
 * Comma-separated values as in RFC 4180: a header, then one record per line, with as many fields as the header. A field that
 * contains commas, line ends or quotes is quoted, its own quotes doubled. Lines end with LF or CRLF. A byte order mark and
 * empty lines are skipped. The file is streamed: memory grows with the longest record only.
 */
#ifndef LMVR_SRC_FORMAT_CSV_H
#define LMVR_SRC_FORMAT_CSV_H

#include "error.h"

#define CSV_MAX_RECORD  (16 << 20) /* bytes */
#define CSV_MAX_COLUMNS 100000

struct csv {
    const char *path; /* borrowed, for error sentences */
    size_t columns;
    char **header; /* (columns) names, all distinct */
    char **fields; /* (columns) the record that csv_next() read, valid until the next call */
    size_t line;   /* where that record begins, counted from 1 */
    struct csv_source *source;
};

/* Opens the file and reads its header. LMVR_ERROR_INVALID: no header, or a duplicate column. On failure *csv is empty. */
lmvr_status csv_open(const char *path, struct csv *csv, lmvr_error *error);

/* Reads the next record; *more is false after the last. LMVR_ERROR_INVALID: it is malformed, or has more or fewer fields than
 * the header; the sentence names the line. */
lmvr_status csv_next(struct csv *csv, bool *more, lmvr_error *error);

void csv_close(struct csv *csv);

/* The index of the column with that name, or -1. */
long csv_column(const struct csv *csv, const char *name);

#endif
