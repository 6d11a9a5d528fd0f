/* Seeded random choices of images. They depend only on the images' names, so a different order or more images changes little,
 * and two sets with the same names get the same choice. */
#ifndef LMVR_LAB_DATASET_SPLIT_H
#define LMVR_LAB_DATASET_SPLIT_H

#include "error.h"

/* A pseudorandom number that depends on seed and text. */
uint64_t split_key(uint64_t seed, const char *text);

/* The same for an image's path: of its last two components, "CLASS/FILE". */
uint64_t split_path_key(uint64_t seed, const char *path);

#define SPLIT_A_FIFTH 0
#define SPLIT_AS_MANY (-1)

/* Sets chosen (count) for the rows with the lowest keys in each stratum: `most` of them; or SPLIT_A_FIFTH, rounded, but at
 * least one if there are two rows or more; or SPLIT_AS_MANY as `chosen` had before. */
lmvr_status split_choose(int64_t count, const int32_t *strata, const uint64_t *keys, int64_t most, bool *chosen,
                         lmvr_error *error);

#endif
