#include "tensor/cpu/quantized.h"

#include "tensor/cpu/kernel_quantized.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

struct quantized {
    const struct quantized_kernels *kernels;
    int64_t out, in;
    int bits;
    float *rows;     /* (out, in), from quantized_set() to quantized_seal(); else NULL */
    float *factors;  /* (in); all 0: none yet */
    float *sums;     /* (out) of each row, in 8 bits */
    uint8_t *panels; /* panel j holds rows j * panel and up, as in kernel_quantized.h */
};

static int64_t panel_count(const struct quantized *q)
{
    return (q->out + q->kernels->panel - 1) / q->kernels->panel;
}

static uint8_t *panel_of(const struct quantized *q, int64_t row)
{
    return q->panels + (size_t)(row / q->kernels->panel) * q->kernels->panel_bytes(q->bits, q->in);
}

static lmvr_status no_memory(lmvr_error *error)
{
    return error_no_memory(error, "a weight matrix");
}

lmvr_status quantized_create_by(int64_t out, int64_t in, int bits, const struct quantized_kernels *kernels,
                                struct quantized **quantized, lmvr_error *error)
{
    struct quantized *q = *quantized = calloc(1, sizeof *q);
    if (!q)
        return no_memory(error);
    *q = (struct quantized){.kernels = kernels, .out = out, .in = in, .bits = bits};
    q->factors = calloc((size_t)in, sizeof *q->factors);
    q->sums = calloc((size_t)out, sizeof *q->sums);
    q->panels = aligned_zeroed(panel_count(q), kernels->panel_bytes(bits, in)); /* rows whose scales are 0, and minimums */
    if (!q->factors || !q->sums || !q->panels) {
        quantized_free(q);
        *quantized = NULL;
        return no_memory(error);
    }
    return LMVR_OK;
}

lmvr_status quantized_create(int64_t out, int64_t in, int bits, struct quantized **quantized, lmvr_error *error)
{
    return quantized_create_by(out, in, bits, quantized_kernels_get(), quantized, error);
}

void quantized_free(struct quantized *quantized)
{
    if (!quantized)
        return;
    free(quantized->rows);
    free(quantized->factors);
    free(quantized->sums);
    free(quantized->panels);
    free(quantized);
}

lmvr_status quantized_set(struct quantized *quantized, int64_t first, int64_t count, const float *rows, lmvr_error *error)
{
    if (!quantized->rows)
        quantized->rows = aligned_zeroed(quantized->out * quantized->in, sizeof *rows);
    if (!quantized->rows)
        return no_memory(error);
    memcpy(quantized->rows + first * quantized->in, rows, (size_t)(count * quantized->in) * sizeof *rows);
    return LMVR_OK;
}

/* Lays rows of one panel out, and notes their sums. */
static void pack_rows(struct quantized *q, int64_t row, int64_t count, const uint8_t *records)
{
    q->kernels->pack(q->bits, q->in, records, row % q->kernels->panel, count, panel_of(q, row));
    for (int64_t r = row; q->bits == 8 && r < row + count; r++, records += record_bytes(8, q->in)) {
        float scale;
        const int8_t *bytes = (const int8_t *)records + sizeof scale;
        int64_t sum = 0;
        memcpy(&scale, records, sizeof scale);
        for (int64_t i = 0; i < q->in; i++)
            sum += bytes[i];
        q->sums[r] = scale * (float)sum;
    }
}

static bool is_power_of_two(float x)
{
    int exponent;
    return isfinite(x) && frexpf(x, &exponent) == 0.5f;
}

lmvr_status quantized_take_factors(int64_t in, float *known, const float *factors, lmvr_error *error)
{
    for (int64_t i = 0; i < in; i++) {
        if (!is_power_of_two(factors[i]))
            return error_set(error, LMVR_ERROR_INVALID, "the factor of column %lld, %g, is not a power of two", (long long)i,
                             (double)factors[i]);
        if (known[i] != 0 && known[i] != factors[i])
            return error_set(error, LMVR_ERROR_INVALID, "the factor of column %lld is %g here, and %g in weights beside it",
                             (long long)i, (double)factors[i], (double)known[i]);
    }
    memcpy(known, factors, (size_t)in * sizeof *factors);
    return LMVR_OK;
}

lmvr_status quantized_import(struct quantized *quantized, int64_t first, int64_t count, const void *records,
                             const float *factors, lmvr_error *error)
{
    TRY(quantized_take_factors(quantized->in, quantized->factors, factors, error));
    size_t size = record_bytes(quantized->bits, quantized->in);
    int64_t panel = quantized->kernels->panel, end = first + count;
#pragma omp parallel for schedule(static) if (count * quantized->in > 65536)
    for (int64_t j = first / panel; j < (end + panel - 1) / panel; j++) {
        int64_t from = j * panel > first ? j * panel : first, to = (j + 1) * panel < end ? (j + 1) * panel : end;
        pack_rows(quantized, from, to - from, (const uint8_t *)records + (size_t)(from - first) * size);
    }
    return LMVR_OK;
}

/* The mean square of the finite weights of each row. */
static void find_row_squares(const struct quantized *q, double *squares)
{
#pragma omp parallel for schedule(static) if (q->out * q->in > 65536)
    for (int64_t r = 0; r < q->out; r++) {
        double sum = 0;
        for (int64_t i = 0; i < q->in; i++) {
            float w = q->rows[r * q->in + i];
            sum += isfinite(w) ? (double)w * (double)w : 0;
        }
        squares[r] = sum / (double)q->in;
    }
}

/* And of each column, were all rows of one size: each has scales of its own, and a few that are large say nothing of others. */
static void find_column_squares(const struct quantized *q, const double *row_squares, double *squares)
{
#pragma omp parallel for schedule(static) if (q->out * q->in > 65536)
    for (int64_t block = 0; block < q->in; block += 64) {
        int64_t end = block + 64 < q->in ? block + 64 : q->in;
        for (int64_t r = 0; r < q->out; r++) {
            double share = row_squares[r] > 0 ? 1 / (row_squares[r] * (double)q->out) : 0;
            for (int64_t i = block; i < end; i++) {
                float w = q->rows[r * q->in + i];
                squares[i] += isfinite(w) ? (double)w * (double)w * share : 0;
            }
        }
    }
}

/* The power of two nearest to the size of each column. */
static lmvr_status find_factors(struct quantized *q, lmvr_error *error)
{
    double *rows = calloc((size_t)q->out, sizeof *rows), *columns = calloc((size_t)q->in, sizeof *columns), all = 0;
    lmvr_status status = rows && columns ? LMVR_OK : no_memory(error);
    if (status == LMVR_OK) {
        find_row_squares(q, rows);
        find_column_squares(q, rows, columns);
        for (int64_t r = 0; r < q->out; r++)
            all += rows[r] / (double)q->out;
        for (int64_t i = 0; i < q->in; i++) {
            double size = sqrt(columns[i] * all);
            int exponent = size > 0 ? (int)lrint(log2(size)) : 0;
            q->factors[i] = ldexpf(1, exponent < -60 ? -60 : exponent > 60 ? 60 : exponent);
        }
    }
    free(rows);
    free(columns);
    return status;
}

lmvr_status quantized_seal(struct quantized *quantized, lmvr_error *error)
{
    if (!quantized->rows)
        return LMVR_OK;
    TRY(find_factors(quantized, error));
    const struct quantized_kernels *kernels = quantized->kernels;
    int64_t in = quantized->in;
    size_t size = (record_bytes(quantized->bits, in) + 63) / 64 * 64;
    uint8_t *records = malloc((size_t)omp_get_max_threads() * size);
    if (!records)
        return no_memory(error);
#pragma omp parallel for schedule(static) if (quantized->out * in > 4096)
    for (int64_t r = 0; r < quantized->out; r++) {
        uint8_t *record = records + (size_t)omp_get_thread_num() * size;
        float *row = quantized->rows + r * in;
        for (int64_t i = 0; i < in; i++)
            row[i] /= quantized->factors[i];
        kernels->quantize(quantized->bits, in, row, record);
        pack_rows(quantized, r, 1, record);
    }
    free(records);
    free(quantized->rows);
    quantized->rows = NULL;
    return LMVR_OK;
}

static bool allocate(const struct quantized *q, int bits, struct arena *arena, int64_t rows, struct activations *x)
{
    int64_t words = (block_count(q->in) * rows + ROWS_BEHIND) * q->kernels->block_words(bits);
    int64_t groups = (block_count(q->in) * rows + ROWS_BEHIND) * block_groups(bits);
    *x = (struct activations){.words = arena_alloc(arena, words, sizeof *x->words),
                              .low_words = arena_alloc(arena, words, sizeof *x->low_words),
                              .scales = arena_alloc(arena, groups, sizeof *x->scales),
                              .sums = arena_alloc(arena, groups, sizeof *x->sums),
                              .low_sums = arena_alloc(arena, groups, sizeof *x->low_sums),
                              .wide = arena_alloc(arena, groups, sizeof *x->wide)};
    return x->words && x->low_words && x->scales && x->sums && x->low_sums && x->wide;
}

/* Divides the work by columns, or by rows if there are too few columns for the threads. */
static void multiply(const struct quantized *q, const struct quantized_product *p, int threads, uint8_t *scratch,
                     size_t scratch_size)
{
    int64_t panels = panel_count(q);
    bool by_rows = panels < 2 * threads && p->rows >= 2 * threads;
#pragma omp parallel for schedule(static) if (p->rows * p->n * p->in > 65536)
    for (int part = 0; part < threads; part++) {
        struct quantized_product mine = *p;
        int64_t first = panels * part / threads, last = panels * (part + 1) / threads;
        if (by_rows) {
            mine.first_row = p->rows * part / threads;
            mine.rows = p->rows * (part + 1) / threads - mine.first_row;
            first = 0;
            last = panels;
        }
        q->kernels->multiply(&mine, first, last, scratch + (size_t)part * scratch_size);
    }
}

lmvr_status quantized_run(const struct quantized *quantized, struct arena *arena, int64_t rows, const float *x,
                          int64_t x_stride, const float *bias, bool accumulate, float *y, int64_t y_stride, lmvr_error *error)
{
    int threads = omp_get_max_threads();
    size_t scratch_size = (quantized->kernels->scratch() + 63) / 64 * 64;
    bool widens = quantized->bits == 4 && quantized->kernels->widens && !arena->in_step;
    struct quantized_product p = {.bits = quantized->bits,
                                  .widens = widens,
                                  .all_wide = quantized->bits == 8 && arena->in_step,
                                  .rows = rows,
                                  .all_rows = rows,
                                  .n = quantized->out,
                                  .in = quantized->in,
                                  .panels = quantized->panels,
                                  .sums = quantized->sums,
                                  .bias = bias,
                                  .accumulate = accumulate,
                                  .c = y,
                                  .ldc = y_stride};
    struct arena_mark mark = arena_mark(arena);
    uint8_t *scratch = arena_alloc(arena, threads, scratch_size);
    p.offsets = arena_alloc(arena, rows, sizeof *p.offsets);
    if (!scratch || !p.offsets || !allocate(quantized, input_bits(&p), arena, rows, &p.x)) {
        arena_release(arena, mark);
        return error_no_memory(error, "a matrix product");
    }
#pragma omp parallel for schedule(static) if (rows > 1 && rows * quantized->in > 16384)
    for (int64_t r = 0; r < rows; r++)
        quantized->kernels->take_row(&p, x + r * x_stride, quantized->factors, r);
    multiply(quantized, &p, threads, scratch, scratch_size);
    arena_release(arena, mark);
    return LMVR_OK;
}

/* A value is rounded to 256ths of its group's scale, which is most / 127: by half of one, or by a whole one beyond 127 of them.
 * The rest is rounding on the way there. Groups of the smallest values are lost. */
double quantized_step_loss(int64_t in, const float *x)
{
    double sum = 0;
    for (int64_t first = 0; first < in; first += GROUP_8) {
        int64_t end = first + GROUP_8 < in ? first + GROUP_8 : in;
        double most = 0;
        for (int64_t i = first; i < end; i++)
            most = fmax(most, fabs((double)x[i]));
        double each = 1.02 / 256 * most / 127 + 0x1p-92;
        sum += (double)(end - first) * each * each;
    }
    return sqrt(sum);
}

void quantized_get(const struct quantized *quantized, int64_t first, int64_t count, float *rows)
{
    int panel = quantized->kernels->panel;
    int64_t in = quantized->in;
    uint8_t *record = malloc(record_bytes(quantized->bits, in));
    for (int64_t r = first; record && r < first + count; r++, rows += in) {
        quantized->kernels->unpack(quantized->bits, in, panel_of(quantized, r), r % panel, record);
        quantized->kernels->restore(quantized->bits, in, record, rows);
        for (int64_t i = 0; i < in; i++)
            rows[i] *= quantized->factors[i];
    }
    free(record);
}

size_t quantized_record_bytes(int64_t in, int bits)
{
    return record_bytes(bits, in);
}

void quantized_export(const struct quantized *quantized, int64_t first, int64_t count, void *records)
{
    size_t size = record_bytes(quantized->bits, quantized->in);
    int panel = quantized->kernels->panel;
    for (int64_t r = first; r < first + count; r++)
        quantized->kernels->unpack(quantized->bits, quantized->in, panel_of(quantized, r), r % panel,
                                   (uint8_t *)records + (size_t)(r - first) * size);
}

void quantized_write_record(int64_t in, int bits, const float *row, void *record)
{
    quantized_kernels_get()->quantize(bits, in, row, record);
}

void quantized_read_record(int64_t in, int bits, const void *record, float *row)
{
    quantized_kernels_get()->restore(bits, in, record, row);
}

const float *quantized_factors(const struct quantized *quantized)
{
    return quantized->factors;
}

int quantized_bits(const struct quantized *quantized)
{
    return quantized->bits;
}

int64_t quantized_bytes(const struct quantized *quantized)
{
    return panel_count(quantized) * (int64_t)quantized->kernels->panel_bytes(quantized->bits, quantized->in) +
           quantized->in * (int64_t)sizeof *quantized->factors + quantized->out * (int64_t)sizeof *quantized->sums;
}
