/* Memory that is freed all at once. A failed allocation is remembered, so that it need be asked about only at the end. */
#ifndef LMVR_LAB_REPORT_REGION_H
#define LMVR_LAB_REPORT_REGION_H

#include <stdbool.h>
#include <stddef.h>

struct region_chunk;

/* All zero is an empty region. */
struct region {
    struct region_chunk *chunks;
    bool failed;
};

/* Zeroed; NULL: out of memory, now or before. */
void *region_take(struct region *region, size_t count, size_t size);

/* A string; "" where memory ran out. */
char *region_print(struct region *region, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `items`, of which there are `count`, with room for another one at its end, zeroed. NULL: out of memory. */
void *region_grow(struct region *region, void *items, size_t count, size_t size);

void region_free(struct region *region);

#endif
