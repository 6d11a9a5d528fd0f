#include "tensor/cpu/kv_store.h"
#include "tensor/cpu/operations.h"
#include "tensor/cpu/product.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)16 << 10) /* bytes that one thread clears at a time */

static void close_device(const struct device *device)
{
    (void)device;
}

/* Memory that can be used without swapping, by the system's own estimate. */
static uint64_t available(const struct device *device)
{
    (void)device;
    FILE *file = fopen("/proc/meminfo", "re");
    char line[256];
    unsigned long long kilobytes = 0;
    while (file && !kilobytes && fgets(line, sizeof line, file))
        if (strncmp(line, "MemAvailable:", 13) == 0)
            kilobytes = strtoull(line + 13, NULL, 10);
    if (file)
        fclose(file);
    return (uint64_t)kilobytes << 10;
}

/* calloc's pages take no memory until they are used. */
static void *allocate(const struct device *device, size_t bytes)
{
    (void)device;
    return calloc(bytes ? bytes : 1, 1);
}

static void release(const struct device *device, void *memory)
{
    (void)device;
    free(memory);
}

static lmvr_status send_bytes(const struct device *device, void *to, const void *from, size_t bytes, lmvr_error *error)
{
    (void)device, (void)error;
    memcpy(to, from, bytes);
    return LMVR_OK;
}

static lmvr_status queue_create(const struct device *device, struct queue **queue, lmvr_error *error)
{
    (void)device, (void)error;
    *queue = NULL;
    return LMVR_OK;
}

static void queue_free(struct queue *queue)
{
    (void)queue;
}

static enum dtype operand_dtype(enum dtype weights)
{
    (void)weights;
    return F32;
}

static void copy(struct arena *arena, void *to, const void *from, size_t bytes)
{
    (void)arena;
    if (bytes)
        memcpy(to, from, bytes);
}

static lmvr_status read_back(struct arena *arena, void *to, const void *from, size_t bytes, lmvr_error *error)
{
    (void)error;
    copy(arena, to, from, bytes);
    return LMVR_OK;
}

static void zero(struct arena *arena, void *to, size_t bytes)
{
    (void)arena;
#pragma omp parallel for schedule(static) if (bytes > 4 * PIECE)
    for (size_t at = 0; at < bytes; at += PIECE)
        memset((char *)to + at, 0, bytes - at < PIECE ? bytes - at : PIECE);
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

/* A packed matrix, with the size that products are called with. */
struct matrix {
    int64_t out, in;
    struct product *product;
};

static void matrix_free(void *matrix)
{
    struct matrix *m = matrix;
    if (m)
        product_free(m->product);
    free(m);
}

static lmvr_status matrix_create(const struct device *device, int64_t out, int64_t in, enum dtype dtype, void **matrix,
                                 lmvr_error *error)
{
    (void)device;
    struct matrix *m = *matrix = calloc(1, sizeof *m);
    if (!m)
        return error_no_memory(error, "a weight matrix");
    m->out = out;
    m->in = in;
    lmvr_status status = product_create(out, in, dtype, &m->product, error);
    if (status != LMVR_OK) {
        matrix_free(m);
        *matrix = NULL;
    }
    return status;
}

static lmvr_status matrix_set(void *matrix, int64_t first, int64_t count, const float *rows, lmvr_error *error)
{
    const struct matrix *m = matrix;
    return product_set(m->product, first, count, rows, error);
}

static lmvr_status matrix_seal(void *matrix, lmvr_error *notice, lmvr_error *error)
{
    const struct matrix *m = matrix;
    return product_seal(m->product, notice, error);
}

static lmvr_status matrix_import(void *matrix, int64_t first, int64_t count, const void *rows, const float *factors,
                                 lmvr_error *error)
{
    const struct matrix *m = matrix;
    return product_import(m->product, first, count, rows, factors, error);
}

static void matrix_export(const void *matrix, int64_t first, int64_t count, void *rows)
{
    const struct matrix *m = matrix;
    product_export(m->product, first, count, rows);
}

static const float *matrix_factors(const void *matrix)
{
    const struct matrix *m = matrix;
    return product_factors(m->product);
}

static lmvr_status multiply(struct arena *arena, const void *matrix, int64_t rows, const operand *x, const float *bias,
                            enum product_result result, void *y, lmvr_error *error)
{
    const struct matrix *m = matrix;
    return product_run(m->product, arena, rows, (const float *)x, m->in, bias, result == RESULT_ADDED, y, m->out, error);
}

static lmvr_status recover(struct arena *arena, lmvr_error *error)
{
    (void)arena, (void)error;
    return LMVR_OK;
}

static bool is_lost(const struct device *device)
{
    (void)device;
    return false;
}

static bool take_notice(const struct device *device, lmvr_error *notice)
{
    (void)device, (void)notice;
    return false;
}

/* Operations run at once, but a product may be another (tensor/cpu/quantized.h). */
static void step_begin(struct arena *arena)
{
    arena->in_step = true;
}

static void step_end(struct arena *arena)
{
    arena->in_step = false;
}

const struct device *device_cpu(void)
{
    static const struct device_operations operations = {.close = close_device,
                                                        .available = available,
                                                        .allocate = allocate,
                                                        .release = release,
                                                        .send = send_bytes,
                                                        .queue_create = queue_create,
                                                        .queue_free = queue_free,
                                                        .operand_dtype = operand_dtype,
                                                        .write = copy,
                                                        .read = read_back,
                                                        .copy = copy,
                                                        .zero = zero,
                                                        .recover = recover,
                                                        .is_lost = is_lost,
                                                        .take_notice = take_notice,
                                                        .step_begin = step_begin,
                                                        .step_end = step_end,
                                                        .matrix_create = matrix_create,
                                                        .matrix_free = matrix_free,
                                                        .matrix_set = matrix_set,
                                                        .matrix_seal = matrix_seal,
                                                        .matrix_import = matrix_import,
                                                        .matrix_export = matrix_export,
                                                        .matrix_factors = matrix_factors,
                                                        .multiply = multiply,
                                                        .norm = cpu_norm,
                                                        .activate = cpu_activate,
                                                        .gate = cpu_gate,
                                                        .convert = cpu_convert,
                                                        .embed = cpu_embed,
                                                        .gather = cpu_gather,
                                                        .add_rows = cpu_add_rows,
                                                        .add_table = cpu_add_table,
                                                        .pool = cpu_pool,
                                                        .argmax = cpu_argmax,
                                                        .heads = cpu_heads,
                                                        .attend_groups = cpu_attend_groups,
                                                        .attend_cache = cpu_attend_cache,
                                                        .weigh_cache = cpu_weigh_cache,
                                                        .kv_panel = kv_panel,
                                                        .kv_keys_size = kv_keys_size,
                                                        .kv_values_size = kv_values_size,
                                                        .kv_copy = cpu_kv_copy};
    static const struct device device = {&operations,  &cpu_gradients,  .name = "cpu",
                                         .rows = 2048, .sequences = 16, .thread_weights = 32 << 20};
    return &device;
}
