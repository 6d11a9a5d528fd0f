#include "represent/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void pool_finish(struct pool *pool)
{
    free(pool->value);
    free(pool->rows);
    *pool = (struct pool){0};
}

void pool_reset(struct pool *pool)
{
    pool->count = 0;
    pool->failed = false;
}

/* Appends rows to those kept. */
static void keep(struct pool *pool, size_t dim, int64_t rows, size_t width, const float *states)
{
    int64_t count = pool->count + rows;
    if (count > pool->room) {
        int64_t room = count > 2 * pool->room ? count : 2 * pool->room;
        float *larger = realloc(pool->rows, (size_t)room * dim * sizeof *larger);
        pool->failed |= !larger;
        if (!larger)
            return;
        pool->rows = larger;
        pool->room = room;
    }
    for (; pool->count < count; pool->count++, states += width)
        memcpy(pool->rows + (size_t)pool->count * dim, states, dim * sizeof *states);
}

void pool_copy(struct pool *pool, enum feature_pool kind, size_t dim, const struct pool *from)
{
    pool_reset(pool);
    pool->failed = from->failed;
    if (from->count == 0)
        return;
    if (kind == POOL_NONE) {
        keep(pool, dim, from->count, dim, from->rows);
        return;
    }
    memcpy(pool->value, from->value, dim * sizeof *from->value);
    pool->count = from->count;
}

void pool_add(struct pool *pool, enum feature_pool kind, size_t dim, int64_t rows, size_t width, const float *states)
{
    if (kind == POOL_NONE) {
        keep(pool, dim, rows, width, states);
        return;
    }
    for (int64_t r = 0; r < rows; r++, states += width, pool->count++)
        for (size_t i = 0; i < dim; i++) {
            double x = (double)states[i], *value = &pool->value[i];
            if (kind == POOL_MEAN && pool->count > 0)
                *value += x;
            else if (kind != POOL_MAX || pool->count == 0 || !(x <= *value)) /* NaN propagates */
                *value = x;
        }
}

size_t pool_rows(const struct pool *pool, enum feature_pool kind)
{
    return kind == POOL_NONE ? (size_t)pool->count : 1;
}

void pool_read(const struct pool *pool, enum feature_pool kind, size_t dim, float *rows)
{
    if (kind == POOL_NONE && pool->count > 0)
        memcpy(rows, pool->rows, (size_t)pool->count * dim * sizeof *rows);
    if (kind == POOL_NONE)
        return;
    double scale = kind == POOL_MEAN && pool->count ? 1.0 / (double)pool->count : 1.0;
    for (size_t i = 0; i < dim; i++)
        rows[i] = pool->count ? (float)(pool->value[i] * scale) : 0.0F;
}

void rows_normalize(float *rows, size_t count, size_t dim)
{
    for (size_t r = 0; r < count; r++, rows += dim) {
        double sum = 0;
        for (size_t i = 0; i < dim; i++)
            sum += (double)rows[i] * (double)rows[i];
        double norm = sqrt(sum);
        for (size_t i = 0; i < dim && norm != 0; i++)
            rows[i] = (float)((double)rows[i] / norm);
    }
}
