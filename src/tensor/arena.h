/*
 * Working memory of one session: a stack of aligned allocations that are released together. Blocks are kept for reuse, so a
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

/* `count` elements of `size` bytes, aligned to a cache line, uninitialized; NULL: out of memory. */
void *arena_alloc(struct arena *arena, int64_t count, size_t size);
float *arena_floats(struct arena *arena, int64_t count);

/* Releases everything allocated after the mark. */
struct arena_mark arena_mark(const struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);

/* Releases everything and merges all blocks into one. So uses of changing size settle at the largest, instead of piling up
 * blocks of fitting sizes. */
void arena_reset(struct arena *arena);

int64_t arena_bytes(const struct arena *arena); /* of all its blocks */

/* Zeroed memory for long-lived data, such as weights: aligned to a cache line, in huge pages where the system has them. NULL:
 * out of memory. Freed by free(). */
void *aligned_zeroed(int64_t count, size_t size);

#endif
