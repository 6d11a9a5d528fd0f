/* Writes a whole float32 array as a .npy file. */
#ifndef LMVR_SRC_STORE_NPY_ARRAY_H
#define LMVR_SRC_STORE_NPY_ARRAY_H

#include "error.h"

/* Writes `values`, of this shape in C order, atomically. There are 1 to 8 dimensions, whose sizes may be 0. */
lmvr_status npy_array_write(const char *path, const float *values, const size_t *shape, size_t dimensions, lmvr_error *error);

#endif
