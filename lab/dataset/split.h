/* Seeded choices among images. They hang on the images' names alone, so that another order, or more images beside them, changes
 * little, and the same images are chosen from two sets that hold the same names. */
#ifndef LMVR_LAB_DATASET_SPLIT_H
#define LMVR_LAB_DATASET_SPLIT_H

#include "error.h"

/* A random number that depends on seed and text. */
uint64_t split_key(uint64_t seed, const char *text);

/* The same for an image's path: of its last two names, "CLASS/FILE". */
uint64_t split_path_key(uint64_t seed, const char *path);

#define SPLIT_A_FIFTH 0
#define SPLIT_AS_MANY (-1)

/* Among the rows of each stratum, those with the lowest keys: `most` of them; or SPLIT_A_FIFTH, to the nearest, but of two rows
 * or more at least one; or SPLIT_AS_MANY as `chosen` has before. chosen is (count). */
lmvr_status split_choose(int64_t count, const int32_t *strata, const uint64_t *keys, int64_t most, bool *chosen,
                         lmvr_error *error);

#endif
