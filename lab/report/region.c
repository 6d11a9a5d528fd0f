#include "lab/report/region.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct region_chunk {
    struct region_chunk *next;
    max_align_t bytes[];
};

void *region_take(struct region *region, size_t count, size_t size)
{
    size_t bytes;
    struct region_chunk *chunk = NULL;
    if (!region->failed && !__builtin_mul_overflow(count, size, &bytes) &&
        !__builtin_add_overflow(bytes, sizeof *chunk + 1, &bytes))
        chunk = calloc(1, bytes);
    if (!chunk) {
        region->failed = true;
        return NULL;
    }
    chunk->next = region->chunks;
    region->chunks = chunk;
    return chunk->bytes;
}

char *region_print(struct region *region, const char *format, ...)
{
    static char empty[1];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    char *text = length < 0 ? NULL : region_take(region, (size_t)length + 1, 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    region->failed |= !text;
    va_end(again);
    va_end(args);
    return text ? text : empty;
}

/* Capacity doubles: it is full whenever the count is a power of two. The old items stay in the region. */
void *region_grow(struct region *region, void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return items;
    void *grown = region_take(region, count ? 2 * count : 1, size);
    if (grown && count)
        memcpy(grown, items, count * size);
    return grown;
}

void region_free(struct region *region)
{
    for (struct region_chunk *next; region->chunks; region->chunks = next) {
        next = region->chunks->next;
        free(region->chunks);
    }
}
