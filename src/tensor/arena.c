#include "tensor/arena.h"

#include "tensor/device.h"

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

/* NULL where memory is the host's. */
static const struct device *owner(const struct device *device)
{
    return device == device_cpu() ? NULL : device;
}

void arena_init(struct arena *arena)
{
    *arena = (struct arena){.device = device_cpu()};
}

lmvr_status arena_init_on(struct arena *arena, const struct device *device, enum dtype dtype, lmvr_error *error)
{
    *arena = (struct arena){.device = device, .dtype = dtype, .operand_dtype = device->operations->operand_dtype(dtype)};
    return device->operations->queue_create(device, &arena->queue, error);
}

static void free_blocks(struct arena_block *first, const struct device *device)
{
    for (struct arena_block *block = first, *next; block; block = next) {
        next = block->next;
        if (device)
            device->operations->release(device, block->data);
        else
            free(block->data);
        free(block);
    }
}

static void stack_finish(struct arena_stack *stack, const struct device *device)
{
    free_blocks(stack->first, device);
    *stack = (struct arena_stack){0};
}

void arena_finish(struct arena *arena)
{
    if (!arena->device) /* zeroed, never used */
        return;
    stack_finish(&arena->memory, owner(arena->device));
    stack_finish(&arena->host, NULL);
    arena->device->operations->queue_free(arena->queue);
    arena_init(arena);
}

static bool bytes_of(int64_t count, size_t size, size_t *bytes)
{
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, bytes) || *bytes > SIZE_MAX / 2)
        return false;
    *bytes = (*bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return true;
}

/* Aligned to a cache line, in huge pages as far as it fills them and the system has them. What is left over is in small ones:
 * a 7B has hundreds of matrices. */
static void *get_memory(size_t bytes)
{
    size_t whole = bytes >= 2 * HUGE_PAGE ? bytes / HUGE_PAGE * HUGE_PAGE : 0;
    void *memory;
    if (posix_memalign(&memory, whole ? HUGE_PAGE : ALIGNMENT, bytes ? bytes : ALIGNMENT) != 0)
        return NULL;
    if (whole)
        madvise(memory, whole, MADV_HUGEPAGE);
    return memory;
}

/* Adds a block after the current one. */
static struct arena_block *add_block(struct arena_stack *stack, const struct device *device, size_t bytes)
{
    struct arena_block *block = calloc(1, sizeof *block);
    if (!block)
        return NULL;
    block->size = bytes > BLOCK_SIZE ? bytes : BLOCK_SIZE;
    block->data = device ? device->operations->allocate(device, block->size) : get_memory(block->size);
    if (!block->data) {
        free(block);
        return NULL;
    }
    struct arena_block **link = stack->current ? &stack->current->next : &stack->first;
    block->next = *link;
    *link = block;
    return block;
}

/* Frees the empty blocks after the current one, which a larger one replaces. A device's stay: what it replays knows them. */
static void drop_empty(struct arena_stack *stack, const struct device *device)
{
    struct arena_block **link = stack->current ? &stack->current->next : &stack->first;
    if (device)
        return;
    free_blocks(*link, device);
    *link = NULL;
}

static struct arena_block *block_with(struct arena_stack *stack, const struct device *device, size_t bytes)
{
    for (struct arena_block *block = stack->current ? stack->current : stack->first; block; block = block->next)
        if (block->size - block->used >= bytes)
            return block;
    drop_empty(stack, device);
    return add_block(stack, device, bytes);
}

static void *push(struct arena_stack *stack, const struct device *device, int64_t count, size_t size)
{
    size_t bytes;
    if (!bytes_of(count, size, &bytes))
        return NULL;
    struct arena_block *block = block_with(stack, device, bytes);
    if (!block)
        return NULL;
    stack->current = block;
    void *memory = block->data + block->used;
    block->used += bytes;
    return memory;
}

void *arena_alloc(struct arena *arena, int64_t count, size_t size)
{
    return push(&arena->host, NULL, count, size);
}

float *arena_floats(struct arena *arena, int64_t count)
{
    return push(&arena->memory, owner(arena->device), count, sizeof(float));
}

operand *arena_operands(struct arena *arena, int64_t count)
{
    return push(&arena->memory, owner(arena->device), count, dtype_size(arena->operand_dtype));
}

operand *operand_at(const struct arena *arena, const operand *x, int64_t elements)
{
    return (operand *)((const char *)x + elements * (int64_t)dtype_size(arena->operand_dtype));
}

const operand *arena_converted(struct arena *arena, const float *x, int64_t count)
{
    if (arena->operand_dtype == F32)
        return (const operand *)x;
    operand *converted = arena_operands(arena, count);
    if (converted)
        arena->device->operations->convert(arena, count, 1, x, converted);
    return converted;
}

const operand *arena_sent(struct arena *arena, const float *x, int64_t count)
{
    const float *sent = arena_sent_floats(arena, x, count);
    return sent ? arena_converted(arena, sent, count) : NULL;
}

const float *arena_sent_floats(struct arena *arena, const float *x, int64_t count)
{
    if (!owner(arena->device))
        return x;
    float *sent = arena_floats(arena, count);
    if (sent)
        arena->device->operations->write(arena, sent, x, (size_t)count * sizeof *x);
    return sent;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    const struct arena_block *host = arena->host.current, *memory = arena->memory.current;
    return (struct arena_mark){{arena->host.current, host ? host->used : 0},
                               {arena->memory.current, memory ? memory->used : 0}};
}

static void pop(struct arena_stack *stack, struct arena_block *last, size_t used)
{
    for (struct arena_block *block = last ? last->next : stack->first; block; block = block->next)
        block->used = 0;
    if (last)
        last->used = used;
    stack->current = last;
}

void arena_release(struct arena *arena, struct arena_mark mark)
{
    pop(&arena->host, mark.host.block, mark.host.used);
    pop(&arena->memory, mark.memory.block, mark.memory.used);
}

static size_t stack_bytes(const struct arena_stack *stack)
{
    size_t bytes = 0;
    for (const struct arena_block *block = stack->first; block; block = block->next)
        bytes += block->size;
    return bytes;
}

int64_t arena_bytes(const struct arena *arena)
{
    return (int64_t)(stack_bytes(&arena->host) + stack_bytes(&arena->memory));
}

static void merge(struct arena_stack *stack, const struct device *device)
{
    size_t bytes = stack_bytes(stack);
    if (!stack->first || !stack->first->next)
        return;
    stack_finish(stack, device);
    add_block(stack, device, bytes); /* if it fails, smaller blocks are added as they are needed */
}

void arena_reset(struct arena *arena)
{
    merge(&arena->host, NULL);
    merge(&arena->memory, owner(arena->device));
    arena_release(arena, (struct arena_mark){0});
}

void *aligned_zeroed(int64_t count, size_t size)
{
    size_t bytes;
    if (!bytes_of(count, size, &bytes))
        return NULL;
    char *memory = get_memory(bytes);
    if (!memory)
        return NULL;
/* The system clears pages, too, as they are first touched: for a large model it takes seconds. */
#pragma omp parallel for schedule(static) if (bytes >= 4 * HUGE_PAGE)
    for (size_t at = 0; at < bytes; at += HUGE_PAGE)
        memset(memory + at, 0, bytes - at < HUGE_PAGE ? bytes - at : HUGE_PAGE);
    return memory;
}
