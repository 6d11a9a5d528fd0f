/* Parses corruptions in options. */
#ifndef LMVR_CLI_CORRUPTION_LIST_H
#define LMVR_CLI_CORRUPTION_LIST_H

#include "lab/corrupt/corrupt.h"

#define CORRUPTION_LIST_MOST (CORRUPTION_TYPES * CORRUPTION_SEVERITIES)

struct corruption_choice {
    enum corruption_type type;
    int severity;
};

/* Without repeats. */
struct corruption_list {
    struct corruption_choice items[CORRUPTION_LIST_MOST];
    int count;
};

/* --type NAME[,NAME...], where "all" is the benchmark and "extra" the extra set; *types has bit 1 << type for each. */
lmvr_status corruption_parse_types(const char *text, unsigned *types, lmvr_error *error);

/* --severity N[,N...] or all; *severities has bit 1 << severity for each. */
lmvr_status corruption_parse_severities(const char *text, unsigned *severities, lmvr_error *error);

void corruption_list_fill(unsigned types, unsigned severities, struct corruption_list *list);

/* --corrupt NAME:SEVERITY[,NAME:SEVERITY...]; both parts as for --type and --severity. */
lmvr_status corruption_parse_pairs(const char *text, struct corruption_list *list, lmvr_error *error);

#endif
