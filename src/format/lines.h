/* A text file, read whole and returned line by line: the image lists of data sets. */
#ifndef LMVR_SRC_FORMAT_LINES_H
#define LMVR_SRC_FORMAT_LINES_H

#include "error.h"

struct lines {
    const char *path; /* borrowed */
    char *text, *next, *end;
    size_t number; /* of the line that lines_next() last returned, counted from 1 */
};

/* Refuses a file of more than 256 MiB and one with a zero byte in it. A byte order mark is skipped. */
lmvr_status lines_open(const char *path, struct lines *lines, lmvr_error *error);

/* The next line without its end (LF or CRLF), NULL after the last one. It may be modified, and is valid until lines_close(). */
char *lines_next(struct lines *lines);

void lines_close(struct lines *lines);

/* Splits the next word off the line *rest, which becomes what follows. Spaces and tabs separate words. NULL: none is left. */
char *lines_word(char **rest);

/* Whether `word` is a whole number from min to max, written in decimal. */
bool lines_int(const char *word, int min, int max, int *value);

#endif
