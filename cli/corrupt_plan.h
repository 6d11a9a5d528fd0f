/* What `lmvr corrupt` is to write: which corruptions, of which inputs, to which paths. */
#ifndef LMVR_CLI_CORRUPT_PLAN_H
#define LMVR_CLI_CORRUPT_PLAN_H

#include "corruption_list.h"
#include "inputs.h"
#include "options.h"

/* A corruption at one severity, and where its results go. */
struct variant {
    enum corruption_type type;
    int severity;
    char folder[32]; /* "TYPE/SEVERITY/" where there are several, else empty */
};

struct corrupt_plan {
    struct variant variants[CORRUPTION_LIST_MOST];
    int variant_count;
    char *output; /* the folder, with a slash at its end */
    const char *ending;
    struct inputs inputs;
};

/* Reads the options and collects the inputs. Refused (LMVR_ERROR_INVALID, nothing written) are two inputs for one output, an
 * output that is one of the inputs, and, without --resume or --force, an output that is there already. corrupt_plan_finish() is
 * due in either case. */
lmvr_status corrupt_plan_init(struct corrupt_plan *plan, const struct options *options, lmvr_error *error);
void corrupt_plan_finish(struct corrupt_plan *plan);

/* Where the result goes, to be freed; NULL: no memory. */
char *corrupt_plan_path(const struct corrupt_plan *plan, size_t input, int variant);

/* Makes the folder of a file's path, and those above it. */
lmvr_status make_folders_of(const char *path, lmvr_error *error);

#endif
