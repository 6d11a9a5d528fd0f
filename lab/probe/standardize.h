/* Features brought to mean 0 and deviation 1, value by value, as scikit-learn's StandardScaler does. */
#ifndef LMVR_LAB_PROBE_STANDARDIZE_H
#define LMVR_LAB_PROBE_STANDARDIZE_H

#include "error.h"

/* The mean and the deviation (of the rows themselves, not of what they are a sample of) of each value of `features` (rows,
 * dim), both (dim); deviation 1 where a value is the same in all rows. rows >= 1, and all is finite. Sums are double. */
void standardize_measure(const float *features, int64_t rows, int64_t dim, float *mean, float *deviation);

/* out (rows, dim) = (features - mean) / deviation; `out` may be `features`. */
void standardize_apply(const float *features, int64_t rows, int64_t dim, const float *mean, const float *deviation, float *out);

/* The first row that holds NaN or an infinity, -1 where there is none. */
int64_t standardize_find_bad_row(const float *features, int64_t rows, int64_t dim);

#endif
