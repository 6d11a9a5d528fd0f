/* A text file read whole and handed out line by line: the lists of which data sets consist. */
#ifndef LMVR_SRC_FORMAT_LINES_H
#define LMVR_SRC_FORMAT_LINES_H

#include "error.h"

struct lines {
    const char *path; /* borrowed */
    char *text, *next, *end;
    size_t number; /* of the line that lines_next() gave last, counted from 1 */
};

/* Refuses a file of more than 256 MiB and one with a zero byte in it. A byte order mark is passed over. */
lmvr_status lines_open(const char *path, struct lines *lines, lmvr_error *error);

/* The next line without its end (LF or CRLF), NULL after the last one. It may be written to, and lives until lines_close(). */
char *lines_next(struct lines *lines);

void lines_close(struct lines *lines);

/* Cuts the next word off a line; *rest is what follows. Words are set apart by spaces and tabs. NULL: there is none left. */
char *lines_word(char **rest);

/* Whether `word` is a whole number from min to max, written in decimal. */
bool lines_int(const char *word, int min, int max, int *value);

#endif
