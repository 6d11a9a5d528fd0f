#include "represent/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void pool_finish(struct pool *pool)
{
    device_release(pool->device, pool->value);
    free(pool->rows);
    *pool = (struct pool){0};
}

void pool_reset(struct pool *pool)
{
    pool->count = 0;
    pool->failed = false;
}

/* Makes room for `rows` more rows of the host. */
static bool make_room(struct pool *pool, size_t dim, int64_t rows)
{
    int64_t count = pool->count + rows;
    if (count <= pool->room)
        return true;
    int64_t room = count > 2 * pool->room ? count : 2 * pool->room;
    float *larger = realloc(pool->rows, (size_t)room * dim * sizeof *larger);
    pool->failed |= !larger;
    if (!larger)
        return false;
    pool->rows = larger;
    pool->room = room;
    return true;
}

/* Appends rows to those kept. */
static void keep(struct pool *pool, struct arena *arena, size_t dim, int64_t rows, size_t width, const float *states)
{
    if (rows == 0 || !make_room(pool, dim, rows))
        return;
    bool whole = dim == width;
    for (int64_t r = 0; r < rows; r += whole ? rows : 1) {
        size_t count = whole ? (size_t)rows * dim : dim;
        pool->failed |= arena->device->operations->read(arena, pool->rows + (size_t)(pool->count + r) * dim,
                                                        states + (size_t)r * width, count * sizeof *states, NULL) != LMVR_OK;
    }
    pool->count += rows;
}

void pool_copy(struct pool *pool, struct arena *arena, enum feature_pool kind, size_t dim, const struct pool *from)
{
    pool_reset(pool);
    pool->failed = from->failed;
    if (from->count == 0)
        return;
    if (kind != POOL_NONE)
        arena->device->operations->copy(arena, pool->value, from->value, dim * sizeof *from->value);
    else if (make_room(pool, dim, from->count))
        memcpy(pool->rows, from->rows, (size_t)from->count * dim * sizeof *from->rows);
    pool->count = from->count;
}

struct pooling_task pool_task(struct pool *pool, enum feature_pool kind, size_t dim, int64_t rows, size_t width,
                              const float *states)
{
    struct pooling_task task = {.kind = kind == POOL_MEAN  ? POOLING_SUM
                                        : kind == POOL_MAX ? POOLING_MAX
                                                           : POOLING_LAST,
                                .value = pool->value,
                                .begin = pool->count == 0,
                                .states = states,
                                .rows = rows,
                                .stride = (int64_t)width,
                                .dim = (int64_t)dim};
    pool->count += rows;
    return task;
}

void pool_add(struct pool *pool, struct arena *arena, enum feature_pool kind, size_t dim, int64_t rows, size_t width,
              const float *states)
{
    if (kind == POOL_NONE) {
        keep(pool, arena, dim, rows, width, states);
        return;
    }
    struct pooling_task task = pool_task(pool, kind, dim, rows, width, states);
    arena->device->operations->pool(arena, 1, &task);
}

size_t pool_rows(const struct pool *pool, enum feature_pool kind)
{
    return kind == POOL_NONE ? (size_t)pool->count : 1;
}

lmvr_status pool_read(const struct pool *pool, struct arena *arena, enum feature_pool kind, size_t dim, float *rows,
                      lmvr_error *error)
{
    if (kind == POOL_NONE && pool->count > 0)
        memcpy(rows, pool->rows, (size_t)pool->count * dim * sizeof *rows);
    if (kind == POOL_NONE)
        return LMVR_OK;
    struct arena_mark mark = arena_mark(arena);
    double *value = arena_alloc(arena, (int64_t)dim, sizeof *value), scale = 1;
    if (!value)
        return error_no_memory(error, "the features");
    if (pool->count)
        TRY(arena->device->operations->read(arena, value, pool->value, dim * sizeof *value, error));
    if (kind == POOL_MEAN && pool->count)
        scale = 1.0 / (double)pool->count;
    for (size_t i = 0; i < dim; i++)
        rows[i] = pool->count ? (float)(value[i] * scale) : 0.0F;
    arena_release(arena, mark);
    return LMVR_OK;
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
