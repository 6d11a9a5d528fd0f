/* The operations on rows: what comes as the host's arrays is sent, and the module's kernels are launched. */
#include "tensor/cuda/device_queue.h"

#include <string.h>

static enum dtype dtype_of(const struct arena *arena, enum product_result result)
{
    return result == RESULT_OPERANDS ? arena->operand_dtype : F32;
}

static void norm(struct arena *arena, const struct norm *n, int64_t rows, int64_t width, const float *x,
                 enum product_result result, void *y)
{
    struct cuda_norm norm;
    memset(&norm, 0, sizeof norm); /* padding is compared, too */
    norm.weight = n->weight;
    norm.bias = n->bias;
    norm.eps = n->eps;
    norm.rms = n->rms;
    api_of(arena)->norm(stream_of(arena), &norm, rows, width, x, dtype_of(arena, result), y);
}

static void activate(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *x)
{
    api_of(arena)->activate(stream_of(arena), activation, rows * width, arena->operand_dtype, x);
}

static void gate(struct arena *arena, enum activation activation, int64_t rows, int64_t width, operand *both, operand *y)
{
    api_of(arena)->gate(stream_of(arena), activation, rows, width, arena->operand_dtype, both, y);
}

static void convert(struct arena *arena, int64_t count, float factor, const float *x, operand *y)
{
    api_of(arena)->convert(stream_of(arena), count, factor, x, arena->operand_dtype, y);
}

static void embed(struct arena *arena, enum dtype dtype, const void *table, int64_t width, int64_t count, const int32_t *tokens,
                  float *x)
{
    const int32_t *ids = cuda_sent(arena, tokens, (size_t)count * sizeof *tokens);
    if (ids)
        api_of(arena)->embed(stream_of(arena), dtype, table, width, count, ids, x);
}

static void gather(struct arena *arena, int64_t count, int64_t width, const int64_t *rows, const float *from,
                   int64_t from_stride, enum product_result result, void *to, int64_t to_stride)
{
    const int64_t *places = cuda_sent(arena, rows, (size_t)count * sizeof *rows);
    if (places)
        api_of(arena)->gather(stream_of(arena), count, width, places, from, from_stride, dtype_of(arena, result), to,
                              to_stride);
}

static void add_rows(struct arena *arena, int64_t count, int64_t width, const int64_t *rows, const float *from, float *to)
{
    const int64_t *places = cuda_sent(arena, rows, (size_t)count * sizeof *rows);
    if (places)
        api_of(arena)->add_rows(stream_of(arena), count, width, places, from, to);
}

static void add_table(struct arena *arena, int64_t count, int64_t width, const struct table_rows *rows, float *x)
{
    size_t terms = (size_t)count * (size_t)rows->terms;
    const int32_t *indexes = cuda_sent(arena, rows->indexes, terms * sizeof *rows->indexes);
    const float *weights = rows->weights ? cuda_sent(arena, rows->weights, terms * sizeof *rows->weights) : NULL;
    if (indexes && (weights || !rows->weights))
        api_of(arena)->add_table(stream_of(arena), count, width, rows->terms, indexes, weights, rows->table, x);
}

static void pool(struct arena *arena, int64_t count, const struct pooling_task *tasks)
{
    static const enum cuda_pool kinds[] = {CUDA_POOL_SUM, CUDA_POOL_MAX, CUDA_POOL_LAST};
    struct arena_mark mark = arena_mark(arena);
    struct cuda_pool_task *list = arena_alloc(arena, count, sizeof *list);
    int64_t dim = 0;
    if (!list) {
        arena->queue->failed = true;
        return;
    }
    memset(list, 0, (size_t)count * sizeof *list); /* padding is compared, too */
    for (int64_t i = 0; i < count; i++) {
        const struct pooling_task *t = &tasks[i];
        list[i].states = t->states;
        list[i].value = t->value;
        list[i].rows = t->rows;
        list[i].stride = t->stride;
        list[i].dim = t->dim;
        list[i].kind = kinds[t->kind];
        list[i].begin = t->begin;
        dim = t->dim > dim ? t->dim : dim;
    }
    const struct cuda_pool_task *there = cuda_sent(arena, list, (size_t)count * sizeof *list);
    if (there)
        api_of(arena)->pool(stream_of(arena), count, dim, there);
    arena_release(arena, mark);
}

static lmvr_status argmax(struct arena *arena, int64_t rows, int64_t width, const float *logits, int32_t *tokens,
                          lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int32_t *found = (int32_t *)arena_floats(arena, rows);
    if (!found)
        return error_no_memory(error, "the tokens");
    api_of(arena)->argmax(stream_of(arena), rows, width, logits, found);
    TRY(cuda_read(arena, tokens, found, (size_t)rows * sizeof *tokens, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

static lmvr_status draw(struct arena *arena, int64_t rows, int64_t width, const float *logits, float temperature, float top_p,
                        const double *points, int32_t *tokens, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    int32_t *drawn = (int32_t *)arena_floats(arena, rows);
    const double *there = cuda_sent(arena, points, (size_t)rows * sizeof *points);
    if (!drawn)
        return error_no_memory(error, "the tokens");
    if (there)
        api_of(arena)->sample(stream_of(arena), rows, width, logits, temperature, top_p, there, drawn);
    TRY(cuda_read(arena, tokens, drawn, (size_t)rows * sizeof *tokens, error));
    arena_release(arena, mark);
    return LMVR_OK;
}

void cuda_add_row_operations(struct device_operations *operations)
{
    operations->norm = norm;
    operations->activate = activate;
    operations->gate = gate;
    operations->convert = convert;
    operations->embed = embed;
    operations->gather = gather;
    operations->add_rows = add_rows;
    operations->add_table = add_table;
    operations->pool = pool;
    operations->argmax = argmax;
    operations->draw = draw;
}
