/*
 * Texts as inputs, a line each: FILE, or "-" for standard input. In a file named .jsonl a line is an object with "text",
 * "image" (a path) or both, and perhaps "instruction"; other keys are ignored. Empty lines are skipped, a line may end in CR
 * LF.
 */
#ifndef LMVR_LAB_DATASET_TEXTS_H
#define LMVR_LAB_DATASET_TEXTS_H

#include "lmvr.h"

struct texts {
    lmvr_image *inputs; /* (count): text, path and system; the strings are owned */
    char **lines;       /* (count): as they stand in the file, owned */
    char **wrong;       /* (count): a sentence of what is wrong with the line, whose input is zeroed; NULL: it is good */
    size_t count, space;
};

/* LMVR_ERROR_INVALID: the file cannot be read or holds no line. */
lmvr_status texts_read(const char *file, struct texts *texts, lmvr_error *error);

/* Frees all of it. A zeroed one is allowed. */
void texts_finish(struct texts *texts);

#endif
