#include "bench.h"

#include "model/load.h"
#include "tensor/cpu/dnnl.h"
#include "tensor/cpu/product.h"
#include "tensor/cuda/device.h"

#include <stdlib.h>

#define BANDWIDTH_BYTES ((int64_t)1 << 30)
#define PIECE           ((int64_t)1 << 20)
#define LEAST_SECONDS   0.4                  /* least time to measure a value */
#define MANY_ROWS       512                  /* with which a product is at full speed */
#define SPREAD_BYTES    ((int64_t)400 << 20) /* of weights to cycle through, so that none is in the cache */

/* ---- bandwidth ---------------------------------------------------------------------------------------------------------- */

/* memchr() for a byte that is not there: the C library's fastest pass over memory. */
static double measure_bandwidth(void)
{
    unsigned char *memory = aligned_zeroed(BANDWIDTH_BYTES, 1);
    if (!memory)
        return 0;
    double best = 1e9;
    for (int round = 0; round < 4; round++) {
        double start = bench_now();
        int found = 0;
#pragma omp parallel for schedule(static) reduction(+ : found)
        for (int64_t i = 0; i < BANDWIDTH_BYTES; i += PIECE)
            found += memchr(memory + i, 1, PIECE) != NULL;
        memory[0] = (unsigned char)(2 * found); /* so that the search is not optimized away */
        double seconds = bench_now() - start;
        best = seconds < best ? seconds : best;
    }
    free(memory);
    return (double)BANDWIDTH_BYTES / best;
}

/* Bytes read and written by a copy. */
static lmvr_status measure_gpu_bandwidth(const struct device *device, double *bandwidth, lmvr_error *error)
{
    double seconds;
    TRY(cuda_device_measure_copy(device, BANDWIDTH_BYTES, &seconds, error));
    *bandwidth = 2.0 * (double)BANDWIDTH_BYTES / seconds;
    return LMVR_OK;
}

static bool is_integer(enum dtype dtype)
{
    return dtype == INT8 || dtype == INT4;
}

/* The library's, for weights of this type. */
static enum dtype library_dtype(const struct device *device, enum dtype weights)
{
    if (device != device_cpu())
        return is_integer(weights) ? BF16 : weights;
    if (is_integer(weights))
        return INT8;
    return weights == BF16 && !product_computes_bf16() ? F32 : weights;
}

lmvr_status limit_init(struct limit *limit, const struct device *device, const struct dtypes *dtypes, lmvr_error *error)
{
    *limit = (struct limit){.device = device, .dtypes = *dtypes, .dtype = library_dtype(device, dtypes->weights)};
    arena_init(&limit->arena);
    if (device != device_cpu())
        return measure_gpu_bandwidth(device, &limit->bandwidth, error);
    limit->bandwidth = measure_bandwidth();
    return LMVR_OK;
}

void limit_finish(struct limit *limit)
{
    arena_finish(&limit->arena);
}

/* ---- linear products ---------------------------------------------------------------------------------------------------- */

/* A layer of this shape, in the layout picked for `layout_rows`, in enough copies to overflow the cache. */
struct products {
    struct dnnl_product *copies[64];
    int count;
};

static void products_free(struct products *p)
{
    for (int i = 0; i < p->count; i++)
        dnnl_product_free(p->copies[i]);
}

static lmvr_status products_create(enum dtype dtype, int64_t out, int64_t in, int64_t layout_rows, int uses, struct products *p,
                                   lmvr_error *error)
{
    int64_t bytes = out * in * (int64_t)dtype_size(dtype), wanted = SPREAD_BYTES / bytes + 1;
    wanted = wanted > uses ? uses : wanted;
    wanted = wanted > 64 ? 64 : wanted;
    *p = (struct products){0};
    for (; p->count < wanted; p->count++) {
        TRY(dnnl_product_create(out, in, dtype, &p->copies[p->count], error));
        dnnl_product_set_layout_rows(p->copies[p->count], layout_rows);
        lmvr_status status = dnnl_product_seal(p->copies[p->count], error);
        if (status != LMVR_OK) {
            p->count++;
            return status;
        }
    }
    return LMVR_OK;
}

/* Lowers *seconds to the time of one such layer for `rows` rows, if that is less. */
static lmvr_status time_products(struct limit *limit, const struct products *p, int64_t rows, int64_t out, int64_t in,
                                 double *seconds, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(&limit->arena);
    float *x = arena_floats(&limit->arena, rows * in), *y = arena_floats(&limit->arena, rows * out);
    if (!x || !y)
        return error_no_memory(error, "the limit");
    memset(x, 0, (size_t)(rows * in) * sizeof *x);
    TRY(dnnl_product_run_bare(p->copies[0], &limit->arena, rows, x, y, error));
    double begin = bench_now();
    for (int round = 0; round < 2 || (bench_now() - begin < LEAST_SECONDS && round < 1000); round++) {
        double start = bench_now(), spent = 0;
        int done = 0;
        for (; done < p->count && spent < LEAST_SECONDS; done++) {
            TRY(dnnl_product_run_bare(p->copies[done], &limit->arena, rows, x, y, error));
            spent = bench_now() - start;
        }
        *seconds = spent / done < *seconds ? spent / done : *seconds;
    }
    arena_release(&limit->arena, mark);
    return LMVR_OK;
}

/* Lowers *seconds to the time of one such layer. Also tries the layout that the library picks for 32 rows, in case its choice
 * for few rows is poor. */
static lmvr_status time_layouts(struct limit *limit, enum dtype dtype, int64_t rows, int64_t out, int64_t in, int uses,
                                double *seconds, lmvr_error *error)
{
    const int64_t layouts[] = {rows, 32};
    for (int i = 0; i < (rows == 32 ? 1 : 2); i++) {
        struct products p;
        lmvr_status status = products_create(dtype, out, in, layouts[i], uses, &p, error);
        if (status == LMVR_OK)
            status = time_products(limit, &p, rows, out, in, seconds, error);
        products_free(&p);
        TRY(status);
    }
    return LMVR_OK;
}

/* The type of a layer's weights. */
static enum dtype weights_of(const struct dtypes *dtypes, const struct work_product *p)
{
    switch (p->weights) {
    case WORK_OUTER:
        return model_outer_dtype(dtypes->weights);
    case WORK_WIDE:
        return model_wide_dtype(dtypes);
    case WORK_COMPUTE:
        return dtypes->compute;
    default:
        return dtypes->weights;
    }
}

/* Those that the model leaves to cuBLASLt are noted. */
static lmvr_status time_on_gpu(struct limit *limit, const struct work_product *p, enum dtype weights, int64_t rows,
                               double *seconds, lmvr_error *error)
{
    struct cuda_times times;
    TRY(cuda_device_measure_product(limit->device, p->out, p->in, weights, rows, &times, error));
    if (rows == p->rows) {
        limit->steady += times.steady * p->uses;
        limit->fast += times.fast * p->uses;
    }
    *seconds = times.least;
    return LMVR_OK;
}

/* *seconds receives the time of one such layer by the library, with weights in `dtype`. */
static lmvr_status time_library(struct limit *limit, const struct work_product *p, enum dtype dtype, int64_t rows,
                                double *seconds, lmvr_error *error)
{
    if (limit->device != device_cpu())
        return time_on_gpu(limit, p, dtype, rows, seconds, error);
    *seconds = 1e9;
    if (dtype == INT8)
        TRY(time_layouts(limit, F32, rows, p->out, p->in, p->uses, seconds, error));
    return time_layouts(limit, dtype, rows, p->out, p->in, p->uses, seconds, error);
}

/* The same of weights in 8 or 4 bits. */
static lmvr_status time_integers(struct limit *limit, const struct work_product *p, enum dtype weights, double *seconds,
                                 lmvr_error *error)
{
    bool few = p->rows < MANY_ROWS;
    int64_t rows = few ? MANY_ROWS : p->rows;
    double many, reading = (double)(p->out * p->in) * product_element_bytes(weights) / limit->bandwidth;
    TRY(time_library(limit, p, library_dtype(limit->device, weights), rows, &many, error));
    many *= (double)p->rows / (double)rows;
    *seconds = few && reading > many ? reading : many;
    return LMVR_OK;
}

/* Adds the time of a product's layers to *total, and their operations to *operations. */
static lmvr_status add_products(struct limit *limit, const struct work_product *p, double *total, double *operations,
                                lmvr_error *error)
{
    double seconds;
    enum dtype weights = weights_of(&limit->dtypes, p);
    if (is_integer(weights))
        TRY(time_integers(limit, p, weights, &seconds, error));
    else
        TRY(time_library(limit, p, library_dtype(limit->device, weights), p->rows, &seconds, error));
    *total += seconds * p->uses;
    *operations += 2.0 * (double)p->rows * (double)p->out * (double)p->in * p->uses;
    return LMVR_OK;
}

/* ---- the rows ----------------------------------------------------------------------------------------------------------- */

lmvr_status limit_work(struct limit *limit, const struct work *work, double *seconds, lmvr_error *error)
{
    double products = 0, operations = 0, single_row = 0, ignored = 0;
    limit->steady = limit->fast = 0;
    for (int i = 0; i < work->count; i++) {
        const struct work_product *p = &work->products[i];
        TRY(add_products(limit, p, p->single_row ? &single_row : &products, p->single_row ? &ignored : &operations, error));
    }
    *seconds = products * (1 + work->attention / operations) + single_row;
    *seconds += work->cache_values * (double)dtype_size(limit->dtypes.cache) / limit->bandwidth;
    return LMVR_OK;
}
