#include "tensor/arena.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT  64
#define BLOCK_SIZE ((size_t)1 << 20)
#define HUGE_PAGE  ((size_t)1 << 21)

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    unsigned char *data;
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

void arena_finish(struct arena *arena)
{
    for (struct arena_block *block = arena->first, *next; block; block = next) {
        next = block->next;
        free(block->data);
        free(block);
    }
    arena_init(arena);
}

static bool bytes_of(int64_t count, size_t size, size_t *bytes)
{
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, bytes) || *bytes > SIZE_MAX / 2)
        return false;
    *bytes = (*bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return true;
}

/* Aligned to a cache line; in huge pages if large enough to fill any and the system has them. *bytes is rounded up. */
static void *get_memory(size_t *bytes)
{
    size_t alignment = *bytes >= 2 * HUGE_PAGE ? HUGE_PAGE : ALIGNMENT;
    *bytes = (*bytes + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment, *bytes ? *bytes : alignment);
    if (memory && alignment == HUGE_PAGE)
        madvise(memory, *bytes, MADV_HUGEPAGE);
    return memory;
}

/* Adds a block after the current one. */
static struct arena_block *add_block(struct arena *arena, size_t bytes)
{
    struct arena_block *block = calloc(1, sizeof *block);
    if (!block)
        return NULL;
    block->size = bytes > BLOCK_SIZE ? bytes : BLOCK_SIZE;
    size_t space = block->size;
    block->data = get_memory(&space);
    if (!block->data) {
        free(block);
        return NULL;
    }
    struct arena_block **link = arena->current ? &arena->current->next : &arena->first;
    block->next = *link;
    *link = block;
    return block;
}

void *arena_alloc(struct arena *arena, int64_t count, size_t size)
{
    size_t bytes;
    if (!bytes_of(count, size, &bytes))
        return NULL;
    struct arena_block *block = arena->current ? arena->current : arena->first;
    while (block && block->size - block->used < bytes) {
        arena->current = block;
        block = block->next;
    }
    if (!block && !(block = add_block(arena, bytes)))
        return NULL;
    arena->current = block;
    void *memory = block->data + block->used;
    block->used += bytes;
    return memory;
}

float *arena_floats(struct arena *arena, int64_t count)
{
    return arena_alloc(arena, count, sizeof(float));
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->current, arena->current ? arena->current->used : 0};
}

void arena_release(struct arena *arena, struct arena_mark mark)
{
    struct arena_block *block = mark.block ? mark.block->next : arena->first;
    for (; block; block = block->next)
        block->used = 0;
    if (mark.block)
        mark.block->used = mark.used;
    arena->current = mark.block;
}

int64_t arena_bytes(const struct arena *arena)
{
    size_t bytes = 0;
    for (const struct arena_block *block = arena->first; block; block = block->next)
        bytes += block->size;
    return (int64_t)bytes;
}

void arena_reset(struct arena *arena)
{
    int64_t bytes = arena_bytes(arena);
    if (arena->first && arena->first->next) {
        arena_finish(arena);
        add_block(arena, (size_t)bytes); /* if it fails, smaller blocks are added as they are needed */
    }
    arena_release(arena, (struct arena_mark){0});
}

void *aligned_zeroed(int64_t count, size_t size)
{
    size_t bytes;
    if (!bytes_of(count, size, &bytes))
        return NULL;
    void *memory = get_memory(&bytes);
    if (!memory)
        return NULL;
    memset(memory, 0, bytes);
    return memory;
}
