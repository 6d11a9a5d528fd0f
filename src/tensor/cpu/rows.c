/* Rows copied, added, pooled and searched. */
#include "tensor/cpu/operations.h"
#include "tensor/cpu/quantized.h"

#include <math.h>
#include <string.h>

#define FEW 16384 /* below this many elements, one thread is faster than two */

void cpu_convert(struct arena *arena, int64_t count, float factor, const float *x, operand *y)
{
    (void)arena;
    for (int64_t i = 0; i < count; i++)
        ((float *)y)[i] = x[i] * factor;
}

void cpu_embed(struct arena *arena, enum dtype dtype, const void *table, int64_t width, int64_t count, const int32_t *tokens,
               float *x)
{
    (void)arena;
    for (int64_t r = 0; r < count; r++) {
        int64_t at = tokens[r] * width;
        if (dtype == F32)
            memcpy(x + r * width, (const float *)table + at, (size_t)width * sizeof *x);
        else if (dtype == INT8)
            quantized_read_record(width, 8, (const char *)table + (size_t)tokens[r] * quantized_record_bytes(width, 8),
                                  x + r * width);
        else
            for (int64_t i = 0; i < width; i++)
                x[r * width + i] = bf16_to_f32(((const bf16 *)table)[at + i]);
    }
}

void cpu_gather(struct arena *arena, int64_t count, int64_t width, const int64_t *rows, const float *from, int64_t from_stride,
                enum product_result result, void *to, int64_t to_stride)
{
    (void)arena, (void)result;
    float *out = to;
    for (int64_t i = 0; i < count; i++)
        memcpy(out + i * to_stride, from + rows[i] * from_stride, (size_t)width * sizeof *out);
}

void cpu_add_rows(struct arena *arena, int64_t count, int64_t width, const int64_t *rows, const float *from, float *to)
{
    (void)arena;
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < width; j++)
            to[rows[i] * width + j] += from[i * width + j];
}

/* x (width) += the sum of the row's terms. */
static void add_terms(const struct table_rows *rows, int64_t row, int64_t width, float *x)
{
    const int32_t *indexes = rows->indexes + row * rows->terms;
    const float *weights = rows->weights ? rows->weights + row * rows->terms : NULL;
    for (int64_t i = 0; i < width; i++) {
        float sum = 0;
        for (int t = 0; t < rows->terms; t++)
            if (indexes[t] >= 0)
                sum += (weights ? weights[t] : 1.0f) * rows->table[indexes[t] * width + i];
        x[i] += sum;
    }
}

void cpu_add_table(struct arena *arena, int64_t count, int64_t width, const struct table_rows *rows, float *x)
{
    (void)arena;
#pragma omp parallel for schedule(static) if (count * width > FEW)
    for (int64_t r = 0; r < count; r++)
        add_terms(rows, r, width, x + r * width);
}

static void pool_row(const struct pooling_task *task, bool begin, const float *row)
{
    for (int64_t i = 0; i < task->dim; i++) {
        double x = (double)row[i], *value = &task->value[i];
        if (task->kind == POOLING_SUM && !begin)
            *value += x;
        else if (task->kind != POOLING_MAX || begin || x > *value || isnan(x)) /* NaN comes and stays */
            *value = x;
    }
}

void cpu_pool(struct arena *arena, int64_t count, const struct pooling_task *tasks)
{
    (void)arena;
    for (int64_t i = 0; i < count; i++)
        for (int64_t r = 0; r < tasks[i].rows; r++)
            pool_row(&tasks[i], tasks[i].begin && r == 0, tasks[i].states + r * tasks[i].stride);
}

lmvr_status cpu_argmax(struct arena *arena, int64_t rows, int64_t width, const float *logits, int32_t *tokens,
                       lmvr_error *error)
{
    (void)arena, (void)error;
    for (int64_t r = 0; r < rows; r++, logits += width) {
        tokens[r] = 0;
        for (int32_t i = 1; i < width; i++)
            if (logits[i] > logits[tokens[r]])
                tokens[r] = i;
    }
    return LMVR_OK;
}
