#include "represent/pool.h"

#include <string.h>

void pool_reset(struct pool *pool)
{
    pool->count = 0;
}

void pool_add(struct pool *pool, enum feature_pool kind, size_t dim, int64_t rows, const float *states)
{
    for (int64_t r = 0; r < rows; r++, states += dim, pool->count++)
        for (size_t i = 0; i < dim; i++) {
            double x = (double)states[i], *value = &pool->value[i];
            if (kind == POOL_MEAN && pool->count > 0)
                *value += x;
            else if (kind != POOL_MAX || pool->count == 0 || !(x <= *value)) /* NaN propagates */
                *value = x;
        }
}

void pool_read(const struct pool *pool, enum feature_pool kind, size_t dim, float *vector)
{
    double scale = kind == POOL_MEAN && pool->count ? 1.0 / (double)pool->count : 1.0;
    for (size_t i = 0; i < dim; i++)
        vector[i] = (float)(pool->value[i] * scale);
}
