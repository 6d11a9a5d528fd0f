/* Sequence-level aggregation: pools the hidden states of chosen positions into one vector, as they are computed. */
#ifndef LMVR_SRC_REPRESENT_POOL_H
#define LMVR_SRC_REPRESENT_POOL_H

#include "represent/feature.h"
#include "tensor/device.h"

/* A pool's running value, on a device: (dim) sums, maxima, or the last row; and the number of rows added so far. */
struct pool {
    const struct device *device;
    double *value;
    int64_t count;
    float *rows; /* (count, dim), of the host: of POOL_NONE, which keeps them */
    int64_t room;
    bool failed; /* there was no memory for some of them, or they could not be read */
};

/* Frees the pool's memory. A zeroed one is allowed. */
void pool_finish(struct pool *pool);
void pool_reset(struct pool *pool);
/* Makes the pool the same as `from`. */
void pool_copy(struct pool *pool, struct arena *arena, enum feature_pool kind, size_t dim, const struct pool *from);

/* Adds the first `dim` of the `width` floats of each of `rows` rows, in the order of their positions. */
void pool_add(struct pool *pool, struct arena *arena, enum feature_pool kind, size_t dim, int64_t rows, size_t width,
              const float *states);
/* The same, to be done by the device's operation pool(); not for POOL_NONE. */
struct pooling_task pool_task(struct pool *pool, enum feature_pool kind, size_t dim, int64_t rows, size_t width,
                              const float *states);

/* The rows that pool_read() writes: those added for POOL_NONE, else one. */
size_t pool_rows(const struct pool *pool, enum feature_pool kind);
/* rows (pool_rows, dim), of the host: the sums divided by the count, the maxima, or the last row; zeros if there are no rows;
 * or all rows. */
lmvr_status pool_read(const struct pool *pool, struct arena *arena, enum feature_pool kind, size_t dim, float *rows,
                      lmvr_error *error);

/* Divides each row by its L2 norm, which is a double; a row of zeros stays one. */
void rows_normalize(float *rows, size_t count, size_t dim);

#endif
