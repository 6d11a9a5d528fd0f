/* The layout of lmvr.h, of today and of its oldest version that is still to work. */
#ifndef LMVR_TESTS_ABI_LAYOUT_H
#define LMVR_TESTS_ABI_LAYOUT_H

#include <stddef.h>

struct layout {
    const char *name;
    size_t offset, size; /* of a constant its value, and 0 */
};

extern const struct layout layout_today[], layout_then[];
extern const size_t layout_count; /* of each */
extern const struct layout layout_since[];
extern const size_t layout_since_count;

#endif
