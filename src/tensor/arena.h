/*
 * Working memory of one session, and the queue in which a device works for it. Memory of the host and of the device are two
 * stacks of aligned allocations that are released together. Blocks are kept for reuse, so a steady run allocates nothing.
 */
#ifndef LMVR_SRC_TENSOR_ARENA_H
#define LMVR_SRC_TENSOR_ARENA_H

#include "error.h"
#include "tensor/dtype.h"

#include <stdbool.h>

struct arena_block;
struct device;
struct queue;

/* Elements in the type in which a device multiplies (device.h). */
typedef struct operand operand;

struct arena_stack {
    struct arena_block *first, *current;
};

struct arena {
    const struct device *device;
    struct queue *queue;
    enum dtype dtype;         /* struct dtypes' compute */
    enum dtype operand_dtype; /* of operands */
    bool in_step;             /* between the device's step_begin() and step_end() */
    struct arena_stack host, memory;
};

/* A position to go back to. */
struct arena_mark {
    struct {
        struct arena_block *block;
        size_t used;
    } host, memory;
};

/* On the processor, in f32; and elsewhere, in F32 or BF16. */
void arena_init(struct arena *arena);
lmvr_status arena_init_on(struct arena *arena, const struct device *device, enum dtype dtype, lmvr_error *error);
void arena_finish(struct arena *arena);

/* `count` elements of `size` bytes of the host's memory, aligned to a cache line, uninitialized; NULL: out of memory. */
void *arena_alloc(struct arena *arena, int64_t count, size_t size);
/* Of the device's memory. */
float *arena_floats(struct arena *arena, int64_t count);
operand *arena_operands(struct arena *arena, int64_t count);

/* Moves on by so many elements. */
operand *operand_at(const struct arena *arena, const operand *x, int64_t elements);
/* The same numbers as operands: x itself where they are floats, else a copy in the arena; NULL: out of memory. */
const operand *arena_converted(struct arena *arena, const float *x, int64_t count);
/* Floats of the host as the device's operands, and as its floats, likewise. */
const operand *arena_sent(struct arena *arena, const float *x, int64_t count);
const float *arena_sent_floats(struct arena *arena, const float *x, int64_t count);

/* Releases everything allocated after the mark. */
struct arena_mark arena_mark(const struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);

/* Releases everything and merges all blocks into one. So uses of changing size settle at the largest, instead of piling up
 * blocks of fitting sizes. */
void arena_reset(struct arena *arena);

int64_t arena_bytes(const struct arena *arena); /* of all its blocks, of both memories */

/* Zeroed memory of the host for long-lived data, such as weights: aligned to a cache line, in huge pages where the system has
 * them. NULL: out of memory. Freed by free(). */
void *aligned_zeroed(int64_t count, size_t size);

#endif
