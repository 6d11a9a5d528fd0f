/*
 * Matrices of weights. Those in F32 and BF16 are the module's. Those in INT8 and INT4 have two ways: in a step of decoding,
 * which waits for the weights, our own kernel reads them as they are; elsewhere, where a pass has many rows, they are widened
 * to BF16 for each product, which is then the library's. Which way it is does not depend on the number of rows.
 */
#include "tensor/cuda/device_queue.h"

#include "tensor/cpu/quantized.h"

#include <stdlib.h>

#define HEAD_RATIO 16                 /* a matrix that has so many times as many rows as columns is a head: it meets few rows */
#define BAND       ((size_t)16 << 20) /* bytes of quantized rows on their way */

struct matrix {
    const struct cuda_device *device;
    struct cuda_matrix *matrix;    /* in INT8 and INT4 without weights; then the next ones are used, too */
    int64_t stride;                /* of rows widened for it */
    struct cuda_quantized weights; /* `panels` is NULL in F32 and BF16 */
    float *factors;                /* those of `weights`, of the host */
    struct quantized *set;         /* from matrix_set() to matrix_seal(), of the host; else NULL */
};

static int bits_of(const struct matrix *m)
{
    return m->weights.dtype == INT8 ? 8 : 4;
}

static void matrix_free(void *matrix)
{
    struct matrix *m = matrix;
    if (!m)
        return;
    m->device->api->matrix_free(m->matrix);
    m->device->api->release(m->device->gpu, m->weights.panels);
    m->device->api->release(m->device->gpu, m->weights.scales);
    m->device->api->release(m->device->gpu, (void *)m->weights.factors);
    quantized_free(m->set);
    free(m->factors);
    free(m);
}

static lmvr_status no_memory(const struct matrix *m, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_RESOURCE, "%s is out of memory for the weights", m->device->device.name);
}

static lmvr_status create_quantized(struct matrix *m, lmvr_error *error)
{
    const struct cuda_device *d = m->device;
    struct cuda_quantized *w = &m->weights;
    TRY(d->api->matrix_create_lent(d->gpu, w->out, w->in, &m->matrix, &m->stride, error));
    m->factors = calloc((size_t)w->in, sizeof *m->factors);
    if (!m->factors)
        return error_no_memory(error, "a weight matrix");
    w->panels = d->api->allocate(d->gpu, d->api->quantized_bytes(w->dtype, w->out, w->in));
    w->scales = d->api->allocate(d->gpu, (size_t)w->out * sizeof *w->scales);
    w->factors = d->api->allocate(d->gpu, (size_t)w->in * sizeof *w->factors);
    return w->panels && w->scales && w->factors ? LMVR_OK : no_memory(m, error);
}

static lmvr_status matrix_create(const struct device *device, int64_t out, int64_t in, enum dtype dtype, void **matrix,
                                 lmvr_error *error)
{
    struct matrix *m = *matrix = calloc(1, sizeof *m);
    if (!m)
        return error_no_memory(error, "a weight matrix");
    m->device = device_of(device);
    m->weights.out = out;
    m->weights.in = in;
    m->weights.dtype = dtype;
    lmvr_status status = dtype == INT8 || dtype == INT4
                             ? create_quantized(m, error)
                             : m->device->api->matrix_create(m->device->gpu, out, in, dtype, &m->matrix, error);
    if (status != LMVR_OK) {
        matrix_free(m);
        *matrix = NULL;
    }
    return status;
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

struct packing {
    const struct matrix *matrix;
    int64_t first, count;
    const void *records;
};

static void pack(cuda_stream stream, void *user)
{
    const struct packing *p = user;
    p->matrix->device->api->quantized_pack(stream, &p->matrix->weights, p->first, p->count, p->records);
}

static lmvr_status send_records(const struct matrix *m, int64_t first, int64_t count, const void *records, lmvr_error *error)
{
    const struct cuda_device *d = m->device;
    size_t bytes = (size_t)count * quantized_record_bytes(m->weights.in, bits_of(m));
    void *there = d->api->allocate(d->gpu, bytes);
    if (!there)
        return no_memory(m, error);
    struct packing packing = {m, first, count, there};
    lmvr_status status = cuda_load(d, there, records, bytes, pack, &packing, error);
    d->api->release(d->gpu, there);
    return status;
}

static lmvr_status matrix_set(void *matrix, int64_t first, int64_t count, const float *rows, lmvr_error *error)
{
    struct matrix *m = matrix;
    if (!m->weights.panels)
        return m->device->api->matrix_set(m->matrix, first, count, rows, error);
    if (!m->set)
        TRY(quantized_create(m->weights.out, m->weights.in, bits_of(m), &m->set, error));
    return quantized_set(m->set, first, count, rows, error);
}

static lmvr_status matrix_import(void *matrix, int64_t first, int64_t count, const void *rows, const float *factors,
                                 lmvr_error *error)
{
    struct matrix *m = matrix;
    TRY(quantized_take_factors(m->weights.in, m->factors, factors, error));
    return send_records(m, first, count, rows, error);
}

/* Moves what was set, and is now quantized by the processor, to the GPU. */
static lmvr_status move_rows(struct matrix *m, lmvr_error *error)
{
    size_t size = quantized_record_bytes(m->weights.in, bits_of(m));
    int64_t out = m->weights.out, band = BAND / size > 0 ? (int64_t)(BAND / size) : 1;
    band = band < out ? band : out;
    char *records = malloc((size_t)band * size);
    lmvr_status status = records ? LMVR_OK : error_no_memory(error, "a weight matrix");
    for (int64_t first = 0; first < out && status == LMVR_OK; first += band) {
        int64_t count = out - first < band ? out - first : band;
#pragma omp parallel for schedule(static) if (count * (int64_t)size > 65536)
        for (int64_t r = 0; r < count; r++)
            quantized_export(m->set, first + r, 1, records + (size_t)r * size);
        status = matrix_import(m, first, count, records, quantized_factors(m->set), error);
    }
    free(records);
    return status;
}

static lmvr_status seal_quantized(struct matrix *m, lmvr_error *error)
{
    if (m->set) {
        TRY(quantized_seal(m->set, error));
        TRY(move_rows(m, error));
        quantized_free(m->set);
        m->set = NULL;
    }
    return cuda_load(m->device, (void *)m->weights.factors, m->factors, (size_t)m->weights.in * sizeof *m->factors, NULL, NULL,
                     error);
}

static lmvr_status matrix_seal(void *matrix, lmvr_error *notice, lmvr_error *error)
{
    (void)notice;
    struct matrix *m = matrix;
    if (m->weights.panels)
        TRY(seal_quantized(m, error));
    return m->device->api->matrix_seal(m->matrix, m->device->device.fast, error);
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

static lmvr_status multiply_narrow(struct arena *arena, const struct matrix *m, int64_t rows, const operand *x,
                                   const float *bias, enum product_result result, void *y, lmvr_error *error)
{
    size_t bytes = m->device->api->quantized_scratch(&m->weights, rows);
    float *scratch = arena_floats(arena, (int64_t)(bytes / sizeof *scratch));
    if (!scratch)
        return error_no_memory(error, "a matrix product");
    api_of(arena)->quantized_multiply(stream_of(arena), &m->weights, rows, x, bias,
                                      result == RESULT_OPERANDS ? arena->operand_dtype : F32, result == RESULT_ADDED, y,
                                      scratch);
    return LMVR_OK;
}

static lmvr_status multiply_widened(struct arena *arena, const struct matrix *m, int64_t rows, const operand *x,
                                    const float *bias, enum cuda_result result, void *y, lmvr_error *error)
{
    char *room = (char *)arena_operands(arena, m->weights.out * m->stride + (int64_t)CUDA_WEIGHTS_ALIGNMENT);
    if (!room)
        return error_no_memory(error, "a matrix product");
    void *wide = room + -(uintptr_t)room % CUDA_WEIGHTS_ALIGNMENT;
    api_of(arena)->quantized_widen(stream_of(arena), &m->weights, m->stride, wide);
    return api_of(arena)->multiply_lent(queue_of(arena), m->matrix, wide, rows, x, bias, result, y, error);
}

static lmvr_status multiply(struct arena *arena, const void *matrix, int64_t rows, const operand *x, const float *bias,
                            enum product_result result, void *y, lmvr_error *error)
{
    static const enum cuda_result results[] = {CUDA_RESULT_OPERANDS, CUDA_RESULT_FLOATS, CUDA_RESULT_ADDED};
    const struct matrix *m = matrix;
    TRY(cuda_failure(arena, error));
    if (rows == 0)
        return LMVR_OK;
    if (!m->weights.panels)
        return api_of(arena)->multiply(queue_of(arena), m->matrix, rows, x, bias, results[result], y, error);
    struct arena_mark mark = arena_mark(arena);
    bool is_head = m->weights.out > HEAD_RATIO * m->weights.in;
    lmvr_status status = arena->in_step || is_head ? multiply_narrow(arena, m, rows, x, bias, result, y, error)
                                                   : multiply_widened(arena, m, rows, x, bias, results[result], y, error);
    arena_release(arena, mark);
    return status;
}

void cuda_add_product_operations(struct device_operations *operations)
{
    operations->matrix_create = matrix_create;
    operations->matrix_free = matrix_free;
    operations->matrix_set = matrix_set;
    operations->matrix_seal = matrix_seal;
    operations->matrix_import = matrix_import;
    operations->multiply = multiply;
}
