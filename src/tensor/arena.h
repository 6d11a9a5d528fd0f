/*
 * Working memory of one session: a stack of aligned pieces that are given back together. Blocks are kept for the next use, so a
 * steady run allocates nothing.
 */
#ifndef LMVR_SRC_TENSOR_ARENA_H
#define LMVR_SRC_TENSOR_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
    struct arena_block *first, *current;
};

/* A position to go back to. */
struct arena_mark {
    struct arena_block *block;
    size_t used;
};

void arena_init(struct arena *arena);
void arena_finish(struct arena *arena);

/* `count` elements of `size` bytes, on a cache line's boundary, uninitialized; NULL when there is no memory. */
void *arena_alloc(struct arena *arena, int64_t count, size_t size);
float *arena_floats(struct arena *arena, int64_t count);

/* Everything allocated after the mark is free again at the release. */
struct arena_mark arena_mark(const struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);

/* Everything is free again; what took several blocks is one block from now on. So uses whose sizes keep changing settle at the
 * largest, where blocks of fitting sizes would pile up. */
void arena_reset(struct arena *arena);

int64_t arena_bytes(const struct arena *arena); /* memory that it holds */

/* Memory for what lives long, such as weights: on a cache line's boundary, in huge pages where the system has them; zeroed.
 * NULL when there is none. Freed by free(). */
void *aligned_zeroed(int64_t count, size_t size);

#endif
