/* Conditions of the corruption experiment: which there are, and the change that makes a picture one of them on its way in. */
#ifndef LMVR_LAB_EVAL_CORRUPTING_H
#define LMVR_LAB_EVAL_CORRUPTING_H

#include "lab/eval/eval.h"
#include "lab/eval/results.h"

#include <jansson.h>

/* What a session's filter does at the moment. It changes only while no image is on its way. */
struct corrupting {
    bool active;
    struct corruption corruption;
    int size; /* of ImageNet-C's crop before; 0: none */
    struct frost *frost;
    int64_t limit;
    unsigned types, severities; /* eval_options */
};

/* Frost's textures are read or made where the experiment needs them. */
lmvr_status corrupting_init(struct corrupting *corrupting, const struct eval_options *options, lmvr_error *error);
void corrupting_finish(struct corrupting *corrupting);

/* Appends to `conditions`, which hold *count and have room for all: the corruptions and severities that were asked for, or
 * those of them that ImageNet-C's folder holds. LMVR_ERROR_INVALID: it holds none of them. */
lmvr_status corrupting_list(const struct corrupting *corrupting, const char *folder, struct condition *conditions, int *count,
                            lmvr_error *error);

/* The images of one of its folders, labelled with the classes of `like`. */
lmvr_status corrupting_open(const struct corrupting *corrupting, const char *folder, const struct condition *condition,
                            const struct dataset *like, struct dataset *set, lmvr_error *error);

/* From here on the filter corrupts, if asked to. The object says what rows depend on, for run.json; NULL: no memory. */
json_t *corrupting_begin(struct corrupting *corrupting, const struct condition *condition, bool active);
void corrupting_end(struct corrupting *corrupting);

/* As a session's filter, with the struct as its user: the picture becomes what `lmvr corrupt --format jpg` would have written,
 * which is ImageNet-C's own way. */
lmvr_status corrupting_filter(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error);

#endif
