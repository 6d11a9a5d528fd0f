/* An arena: memory that is freed all at once. A failed allocation is remembered, so callers need to check only at the end. */
#ifndef LMVR_LAB_REPORT_REGION_H
#define LMVR_LAB_REPORT_REGION_H

#include <stdbool.h>
#include <stddef.h>

struct region_chunk;

/* All zeros is an empty region. */
struct region {
    struct region_chunk *chunks;
    bool failed;
};

/* Returns zeroed memory; NULL: out of memory, now or earlier. */
void *region_take(struct region *region, size_t count, size_t size);

/* A formatted string; "" if memory ran out. */
char *region_print(struct region *region, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Returns `items`, of which there are `count`, with room for one more, zeroed. NULL: out of memory. */
void *region_grow(struct region *region, void *items, size_t count, size_t size);

void region_free(struct region *region);

#endif
