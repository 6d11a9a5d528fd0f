/* Compiled twice, with the header of today and with the old one, LAYOUT_NAME being what the list is called. */
#include "layout.h"

#include <lmvr.h>

#include "layout_list.h"

#define MEMBER(type, member) {#type "." #member, offsetof(type, member), sizeof((type *)NULL)->member},
#define CONSTANT(name)       {#name, (size_t)(name), 0},

const struct layout LAYOUT_NAME[] = {LAYOUT};

#ifdef LAYOUT_COUNT
const size_t layout_count = sizeof LAYOUT_NAME / sizeof *LAYOUT_NAME;
const struct layout layout_since[] = {LAYOUT_SINCE};
const size_t layout_since_count = sizeof layout_since / sizeof *layout_since;
#endif
