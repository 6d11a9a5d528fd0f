/* A stream into memory that knows when memory ran out. (open_memstream()'s forgets it: glibc sets no error where it could not
 * grow, and goes on when it can.) */
#ifndef LMVR_SRC_REPORT_MEMORY_H
#define LMVR_SRC_REPORT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct memory {
    char *bytes; /* with a NUL behind them; valid after memory_close(), and then to be freed */
    size_t size, space;
    bool failed;
};

/* NULL: out of memory. `memory` has to stay where it is until memory_close(). */
FILE *memory_open(struct memory *memory);

/* Closes the stream, which may be NULL. Whether all that was written is there; if not, memory->bytes is NULL. */
bool memory_close(struct memory *memory, FILE *stream);

#endif
