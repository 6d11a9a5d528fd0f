#include "tensor/cpu/product.h"

#include "tensor/cpu/dnnl.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/quantized.h"
#include "tensor/cpu/tiled.h"

#include <omp.h>
#include <stdlib.h>

struct product {
    int64_t out, in;
    enum dtype dtype;
    struct quantized *quantized;  /* in INT8 and INT4; else NULL, as the next two where others multiply */
    struct tiled *tiled;          /* in BF16 on processors with AMX */
    struct dnnl_product *library; /* where it packs; all NULL: our own kernels multiply, from `panels` */
    void *panels;                 /* panel j holds output columns j * panel and up, as in kernels.h */
};

bool product_computes_bf16(void)
{
    return dnnl_packs(BF16);
}

static int64_t panel_count(int64_t columns)
{
    int64_t panel = kernels_get()->panel;
    return (columns + panel - 1) / panel;
}

static lmvr_status create_panels(struct product *p, lmvr_error *error)
{
    p->panels = aligned_zeroed(panel_count(p->out) * kernels_get()->panel * p->in, dtype_size(p->dtype));
    return p->panels ? LMVR_OK : error_no_memory(error, "a weight matrix");
}

lmvr_status product_create_by(int64_t out, int64_t in, enum dtype dtype, enum product_maker maker, struct product **product,
                              lmvr_error *error)
{
    struct product *p = *product = calloc(1, sizeof *p);
    if (!p)
        return error_no_memory(error, "a weight matrix");
    *p = (struct product){.out = out, .in = in, .dtype = dtype};
    lmvr_status status = maker == QUANTIZED ? quantized_create(out, in, dtype == INT8 ? 8 : 4, &p->quantized, error)
                         : maker == TILED   ? tiled_create(out, in, &p->tiled, error)
                         : maker == LIBRARY ? dnnl_product_create(out, in, dtype, &p->library, error)
                                            : create_panels(p, error);
    if (status != LMVR_OK) {
        product_free(p);
        *product = NULL;
    }
    return status;
}

enum product_maker product_maker(enum dtype dtype)
{
    if (dtype == INT8 || dtype == INT4)
        return QUANTIZED;
    if (!dnnl_packs(dtype))
        return PANELS;
    return dtype == BF16 && tiled_available() ? TILED : LIBRARY;
}

lmvr_status product_create(int64_t out, int64_t in, enum dtype dtype, struct product **product, lmvr_error *error)
{
    return product_create_by(out, in, dtype, product_maker(dtype), product, error);
}

void product_free(struct product *product)
{
    if (!product)
        return;
    quantized_free(product->quantized);
    tiled_free(product->tiled);
    dnnl_product_free(product->library);
    free(product->panels);
    free(product);
}

/* Sets rows from .. to - 1, which all belong to one panel. */
static void set_panel(struct product *product, int64_t panel, int64_t from, int64_t to, const float *rows)
{
    int64_t in = product->in, at = from / panel * panel * in + from % panel;
    for (int64_t i = 0; i < in; i++, at += panel)
        for (int64_t r = 0; r < to - from; r++) {
            if (product->dtype == F32)
                ((float *)product->panels)[at + r] = rows[r * in + i];
            else
                ((bf16 *)product->panels)[at + r] = bf16_from_f32(rows[r * in + i]);
        }
}

static void set_panels(struct product *product, int64_t first, int64_t count, const float *rows)
{
    int64_t panel = kernels_get()->panel, end = first + count;
#pragma omp parallel for schedule(static)
    for (int64_t j = first / panel; j < (end + panel - 1) / panel; j++) {
        int64_t from = j * panel > first ? j * panel : first, to = (j + 1) * panel < end ? (j + 1) * panel : end;
        set_panel(product, panel, from, to, rows + (from - first) * product->in);
    }
}

lmvr_status product_set(struct product *product, int64_t first, int64_t count, const float *rows, lmvr_error *error)
{
    if (product->quantized)
        return quantized_set(product->quantized, first, count, rows, error);
    if (product->tiled)
        tiled_set(product->tiled, first, count, rows);
    else if (product->library)
        dnnl_product_set(product->library, first, count, rows);
    else
        set_panels(product, first, count, rows);
    return LMVR_OK;
}

lmvr_status product_import(struct product *product, int64_t first, int64_t count, const void *rows, const float *factors,
                           lmvr_error *error)
{
    return quantized_import(product->quantized, first, count, rows, factors, error);
}

void product_export(const struct product *product, int64_t first, int64_t count, void *rows)
{
    quantized_export(product->quantized, first, count, rows);
}

const float *product_factors(const struct product *product)
{
    return quantized_factors(product->quantized);
}

#define BAND 64 /* rows copied at a time */

/* Moves the matrix from the library to our own panels. */
static lmvr_status fall_back(struct product *product, lmvr_error *error)
{
    struct dnnl_product *library = product->library;
    float *rows = aligned_zeroed(BAND * product->in, sizeof *rows);
    lmvr_status status = rows ? create_panels(product, error) : error_no_memory(error, "a weight matrix");
    if (status == LMVR_OK) {
        product->library = NULL;
        for (int64_t r = 0; r < product->out; r += BAND) {
            int64_t count = product->out - r < BAND ? product->out - r : BAND;
            dnnl_product_get(library, r, count, rows);
            set_panels(product, r, count, rows);
        }
        dnnl_product_free(library);
    }
    free(rows);
    return status;
}

lmvr_status product_seal(struct product *product, lmvr_error *notice, lmvr_error *error)
{
    lmvr_error why;
    if (product->quantized)
        return quantized_seal(product->quantized, error);
    if (!product->library || dnnl_product_seal(product->library, &why) == LMVR_OK)
        return LMVR_OK;
    TRY(fall_back(product, error));
    error_write(notice, "%s; lmvr's own, slower kernels are used instead", why.message);
    return LMVR_OK;
}

/* Divides the work by columns, or by rows if there are too few columns for the threads. */
static lmvr_status run_panels(const struct gemm *g, int64_t panels, struct arena *arena, lmvr_error *error)
{
    const struct kernels *kernels = kernels_get();
    int threads = omp_get_max_threads();
    bool by_rows = panels < 2 * threads && g->m >= 2 * threads;
    int64_t parts = threads, each = by_rows ? (g->m + parts - 1) / parts : g->m;
    size_t scratch_size = kernels->gemm_scratch(each, g->k);
    struct arena_mark mark = arena_mark(arena);
    float *scratch = arena_floats(arena, parts * (int64_t)scratch_size);
    if (!scratch)
        return error_no_memory(error, "a matrix product");
#pragma omp parallel for schedule(static) if (g->m * panels * g->k > 65536)
    for (int64_t part = 0; part < parts; part++) {
        struct gemm mine = *g;
        int64_t first = panels * part / parts, last = panels * (part + 1) / parts;
        if (by_rows) {
            int64_t row = part * each, end = row + each < g->m ? row + each : g->m;
            mine.a += row * g->lda;
            mine.c += row * g->ldc;
            mine.m = end - row;
            first = 0;
            last = mine.m > 0 ? panels : 0;
        }
        kernels->gemm(&mine, first, last, scratch + (size_t)part * scratch_size);
    }
    arena_release(arena, mark);
    return LMVR_OK;
}

lmvr_status product_run(const struct product *product, struct arena *arena, int64_t rows, const float *x, int64_t x_stride,
                        const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error)
{
    if (product->quantized)
        return quantized_run(product->quantized, arena, rows, x, x_stride, bias, accumulate, y, y_stride, error);
    if (product->tiled)
        return tiled_run(product->tiled, arena, rows, x, x_stride, bias, accumulate, y, y_stride, error);
    if (product->library)
        return dnnl_product_run(product->library, arena, rows, x, x_stride, bias, accumulate, y, y_stride, error);
    int64_t panel = kernels_get()->panel;
    struct gemm g = {.m = rows,
                     .n = product->out,
                     .k = product->in,
                     .a = x,
                     .lda = x_stride,
                     .b = {product->panels, product->dtype, panel * product->in, panel},
                     .bias = bias,
                     .accumulate = accumulate,
                     .c = y,
                     .ldc = y_stride};
    return run_panels(&g, panel_count(product->out), arena, error);
}

enum dtype product_dtype(const struct product *product)
{
    return product->dtype;
}

double product_element_bytes(enum dtype dtype)
{
    const int64_t width = 4096;
    bool quantized = dtype == INT8 || dtype == INT4;
    return quantized ? (double)quantized_record_bytes(width, dtype == INT8 ? 8 : 4) / (double)width : (double)dtype_size(dtype);
}
