/*
 * run.json: everything that an output's bytes depend on, so that --resume can tell whether it would continue the same run. A
 * flat object: "lmvr" (the version), the caller's options in their order, "dtype_out" where it is not f32, "layout" where it is
 * clip-retrieval's, then "features", "inputs" (how many) and "inputs_hash", and where the results are in parts how many, and
 * perhaps "rows_per_part". It holds no time and no location, so that a resumed run gives the same files as an uninterrupted
 * one.
 */
#ifndef LMVR_SRC_STORE_MANIFEST_H
#define LMVR_SRC_STORE_MANIFEST_H

#include "error.h"
#include "store/npy.h"

#include <jansson.h>

struct store_feature {
    const char *name, *spec;
    size_t dim;
    bool multi_vector;  /* an input has any number of rows */
    enum npy_type type; /* of the values on disk; the same for all features of a run */
};

/* A new reference; NULL: out of memory. */
json_t *manifest_make(const json_t *options, const struct store_feature *features, size_t feature_count, size_t input_count,
                      uint64_t inputs_hash);

/* Adds "parts" and, if it is not 0, "rows_per_part"; false: out of memory. */
bool manifest_add_parts(json_t *manifest, size_t parts, size_t rows_per_part);

/* Whether results are in clip-retrieval's layout, by "layout"; to say so, false: out of memory. */
bool manifest_is_clip(const json_t *manifest);
bool manifest_add_clip(json_t *manifest);

/* The type of the rows on disk, by "dtype_out". */
lmvr_status manifest_type(const json_t *manifest, const char *path, enum npy_type *type, lmvr_error *error);

/* The file's bytes, without a terminating NUL, to be freed; NULL: out of memory. */
char *manifest_text(const json_t *manifest, size_t *length);

/* Rewrites the file from its beginning. */
lmvr_status manifest_write(const json_t *manifest, int fd, const char *path, lmvr_error *error);

/* Reads the file. *manifest is NULL where it is empty or truncated, as a run that was killed at its very start leaves it. A
 * file that lmvr has not written is refused. */
lmvr_status manifest_read(int fd, const char *path, json_t **manifest, lmvr_error *error);

/* LMVR_ERROR_INVALID, naming the first option that differs, with its old and new value. */
lmvr_status manifest_compare_options(const json_t *begun, const json_t *now, bool any_device, const char *output,
                                     lmvr_error *error);

/* The same for the list of inputs as a whole; `same` is the number of leading inputs known to agree. */
lmvr_status manifest_compare_inputs(const json_t *begun, const json_t *now, size_t same, const char *output, lmvr_error *error);

#endif
