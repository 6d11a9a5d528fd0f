/* A whole float32 array of any number of dimensions as a .npy file. */
#ifndef LMVR_SRC_STORE_NPY_ARRAY_H
#define LMVR_SRC_STORE_NPY_ARRAY_H

#include "error.h"

/* Writes `values`, of this shape in C order, at once: a temporary file beside `path` that takes its name when it is whole.
 * Sizes may be 0; there are 1 to 8 of them. */
lmvr_status npy_array_write(const char *path, const float *values, const size_t *shape, size_t dimensions, lmvr_error *error);

#endif
