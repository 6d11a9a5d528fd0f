/* What `lmvr corrupt` will write: which corruptions of which inputs, to which paths. */
#ifndef LMVR_CLI_CORRUPT_PLAN_H
#define LMVR_CLI_CORRUPT_PLAN_H

#include "corruption_list.h"
#include "lab/dataset/inputs.h"
#include "options.h"

/* A corruption at one severity, and the folder for its results. */
struct variant {
    enum corruption_type type;
    int severity;
    char folder[32]; /* "TYPE/SEVERITY/" if there are several, else empty */
};

struct corrupt_plan {
    struct variant variants[CORRUPTION_LIST_MOST];
    int variant_count;
    char *output; /* the folder, with a trailing slash */
    const char *ending;
    struct inputs inputs;
};

/* Reads the options and collects the inputs. LMVR_ERROR_INVALID: two inputs have the same output, an output is one of the
 * inputs or, without --resume or --force, an output exists; nothing was written. Call corrupt_plan_finish() in any case. */
lmvr_status corrupt_plan_init(struct corrupt_plan *plan, const struct options *options, lmvr_error *error);
void corrupt_plan_finish(struct corrupt_plan *plan);

/* The path of a result, to be freed; NULL: out of memory. */
char *corrupt_plan_path(const struct corrupt_plan *plan, size_t input, int variant);

/* Creates the folder of a file's path, and its parents. */
lmvr_status make_folders_of(const char *path, lmvr_error *error);

#endif
