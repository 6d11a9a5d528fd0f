/* Standardizes features to mean 0 and deviation 1, value by value, like scikit-learn's StandardScaler. */
#ifndef LMVR_LAB_PROBE_STANDARDIZE_H
#define LMVR_LAB_PROBE_STANDARDIZE_H

#include "error.h"

/* Computes the mean and population standard deviation of each value of `features` (rows, dim), both (dim); the deviation is 1
 * if all rows are the same. rows >= 1, all finite. Sums are double. */
void standardize_measure(const float *features, int64_t rows, int64_t dim, float *mean, float *deviation);

/* out (rows, dim) = (features - mean) / deviation; `out` may be `features`. */
void standardize_apply(const float *features, int64_t rows, int64_t dim, const float *mean, const float *deviation, float *out);

/* The first row with NaN or an infinity, -1: none. */
int64_t standardize_find_bad_row(const float *features, int64_t rows, int64_t dim);

#endif
