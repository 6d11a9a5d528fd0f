/*
 * index.jsonl: the outcome of each input, one JSON object per line, in input order.
 *
 *     {"path": "a.jpg", "row": 0, "response": "A dog …", "response_tokens": [319, …, 2], "finish": "end"}
 *     {"path": "bad.jpg", "row": null, "error": "bad.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image"}
 *
 * An input of text has "text" after "path", or in its place. A picture that was corrupted for `lmvr describe --corrupt` has
 * "corruption" and "severity" after "path". What came with an input, its companions, is next: from the files beside it in a
 * tar, or from a list, "json", "txt" and "cls". If nothing was generated, the object ends after "row". A line counts once its
 * newline is written. Bytes of a path that are not UTF-8 become U+FFFD; the line's number still identifies the input.
 */
#ifndef LMVR_SRC_STORE_INDEX_H
#define LMVR_SRC_STORE_INDEX_H

#include "error.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

struct index_line {
    const char *path, *text;  /* one of them may be NULL */
    const json_t *companions; /* an object: what came with the input; NULL: nothing */
    const char *corruption;   /* NULL: none */
    int severity;             /* of the corruption */
    const char *error;        /* NULL: the image has a row; else everything below is ignored */
    uint64_t row;             /* the same in every .npy */
    const char *response;     /* NULL: nothing was generated */
    const int32_t *tokens;
    size_t token_count;
    bool finished; /* "end", else "length" */
};

/* The line with its newline, to be freed. */
lmvr_status index_line_format(const struct index_line *line, char **text, lmvr_error *error);

/* ---- reading ---- */

struct index_reader {
    FILE *file;
    char *path;        /* owned */
    char *line;        /* the bytes of the line last read */
    size_t line_space; /* getline's */
    uint64_t lines;    /* read so far */
    off_t offset;      /* of the next line */
    /* From the line last read. The reader owns the strings; a caller takes one over by setting it to NULL. */
    char *input;    /* "path", or "text" where there is none */
    int64_t row;    /* -1 for null */
    char *response; /* NULL: none */
    char *failure;  /* "error"; NULL: none */
};

lmvr_status index_reader_open(const char *path, struct index_reader *reader, lmvr_error *error);

/* Reads the next line. *found is false at the end of the file, and at a last line without a newline, which does not count. */
lmvr_status index_reader_next(struct index_reader *reader, bool *found, lmvr_error *error);
void index_reader_close(struct index_reader *reader);

#endif
