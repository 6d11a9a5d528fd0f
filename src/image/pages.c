#include "image/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)1 << 21)

void *pages_alloc(size_t bytes)
{
    if (bytes < 2 * HUGE_PAGE || bytes > SIZE_MAX - HUGE_PAGE)
        return malloc(bytes);
    size_t whole = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *memory = aligned_alloc(HUGE_PAGE, whole);
    if (memory)
        madvise(memory, whole, MADV_HUGEPAGE);
    return memory;
}

/* calloc() knows whether memory is fresh, and then does not touch it; but it does not align. */
void *pages_zeroed(size_t bytes)
{
    char *memory = calloc(bytes, 1);
    size_t skip = -(uintptr_t)memory % HUGE_PAGE; /* up to the first whole page */
    if (memory && bytes >= skip + HUGE_PAGE)
        madvise(memory + skip, (bytes - skip) / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    return memory;
}
