/* The conditions of the corruption experiment, and the session filter that corrupts images as they are read. */
#ifndef LMVR_LAB_EVAL_CORRUPTING_H
#define LMVR_LAB_EVAL_CORRUPTING_H

#include "lab/eval/eval.h"
#include "lab/eval/results.h"

#include <jansson.h>

/* The filter's current state. It changes only between passes, while no image is being processed. */
struct corrupting {
    bool active;
    struct corruption corruption;
    int size; /* size of ImageNet-C's crop, applied before the corruption; 0: none */
    struct frost *frost;
    int64_t limit;
    unsigned types, severities; /* eval_options */
};

/* Loads or generates frost's textures if the experiment needs them. */
lmvr_status corrupting_init(struct corrupting *corrupting, const struct eval_options *options, lmvr_error *error);
void corrupting_finish(struct corrupting *corrupting);

/* Appends the conditions to run to `conditions`, which holds *count and has room for all: the requested corruptions and
 * severities, or those of them found in ImageNet-C's folder. LMVR_ERROR_INVALID: the folder has none of them. */
lmvr_status corrupting_list(const struct corrupting *corrupting, const char *folder, struct condition *conditions, int *count,
                            lmvr_error *error);

/* Opens the images of one of the folder's corruptions, labelled with the classes of `like`. */
lmvr_status corrupting_open(const struct corrupting *corrupting, const char *folder, const struct condition *condition,
                            const struct dataset *like, struct dataset *set, lmvr_error *error);

/* Sets the condition; `active` turns corruption on. Returns what the rows depend on, for run.json; NULL: out of memory. */
json_t *corrupting_begin(struct corrupting *corrupting, const struct condition *condition, bool active);
void corrupting_end(struct corrupting *corrupting);

/* Turns an image, the hash of whose bytes is given, into what `lmvr corrupt --format jpg` would have written, as ImageNet-C
 * itself does. */
lmvr_status corrupting_apply(const struct corrupting *corrupting, uint64_t hash, struct image *image, lmvr_error *error);
/* The same as a session's filter, with the struct as its user. */
lmvr_status corrupting_filter(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error);

#endif
