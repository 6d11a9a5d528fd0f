/*
 * Pillow's resampling: along the rows, rounded to 8 bits, then along the columns, rounded again, or the other way round, both
 * in 22-bit fixed point (its Resample.c). Integer sums do not depend on their order, so the work is arranged otherwise than
 * there: each input row is at once added to all output rows it belongs to; there is no intermediate picture.
 */
#include "image/resize.h"

#include "image/weights.h"

#include <stdlib.h>
#include <string.h>

/* Pillow's single-precision coordinates end to be exact here, and our tables would become large. */
#define MAX_SIDE (1 << 24)

/* ---- the canvas ------------------------------------------------------------------------------------------------------ */

static void fill_pixels(const uint8_t color[3], int count, uint8_t *rgb)
{
    for (int x = 0; x < count; x++)
        memcpy(rgb + 3 * (size_t)x, color, 3);
}

static int clamp(int64_t value, int low, int high)
{
    return value < low ? low : value > high ? high : (int)value;
}

/* Whether the image has pixels in this row of the canvas. */
static bool row_has_image(const struct canvas *in, int y)
{
    return y >= in->top && y - in->top < in->image->height;
}

void canvas_row(const struct canvas *in, int y, int begin, int end, uint8_t *rgb)
{
    if (!row_has_image(in, y)) {
        fill_pixels(in->fill, end - begin, rgb);
        return;
    }
    int image_begin = clamp(in->left, begin, end), image_end = clamp((int64_t)in->left + in->image->width, begin, end);
    const uint8_t *row = in->image->rgb + (size_t)(y - in->top) * in->image->width * 3;
    fill_pixels(in->fill, image_begin - begin, rgb);
    memcpy(rgb + 3 * (size_t)(image_begin - begin), row + 3 * (size_t)(image_begin - in->left),
           3 * (size_t)(image_end - image_begin));
    fill_pixels(in->fill, end - image_end, rgb + 3 * (size_t)(image_end - begin));
}

/* ---- nearest --------------------------------------------------------------------------------------------------------- */

/* Pillow steps through the input by repeated addition (its Geometry.c), so the rounding errors are part of the result. The
 * index is that of output `begin` + i; -1 where it falls off the input, which leaves black. */
static int *nearest_indices(int in_size, int out_size, int begin, int count)
{
    int *indices = malloc(sizeof *indices * count);
    double step = (double)(float)in_size / out_size, at = step * 0.5;
    for (int i = 0; indices && i < begin + count; i++, at += step)
        if (i >= begin)
            indices[i - begin] = (int)at < in_size ? (int)at : -1;
    return indices;
}

static void nearest_row(const struct canvas *in, int y, const int *columns, const struct window *window, uint8_t *row,
                        uint8_t *rgb)
{
    canvas_row(in, y, 0, in->width, row);
    for (int x = 0; x < window->width; x++)
        if (columns[x] >= 0)
            memcpy(rgb + 3 * (size_t)x, row + 3 * (size_t)columns[x], 3);
}

static lmvr_status resize_nearest(const struct canvas *in, int width, int height, const struct window *window, uint8_t *rgb,
                                  size_t stride, lmvr_error *error)
{
    int *columns = nearest_indices(in->width, width, window->x, window->width);
    int *rows = nearest_indices(in->height, height, window->y, window->height);
    uint8_t *row = malloc((size_t)in->width * 3);
    bool ready = columns && rows && row;
    for (int y = 0; ready && y < window->height; y++) {
        memset(rgb + y * stride, 0, (size_t)window->width * 3);
        if (rows[y] >= 0)
            nearest_row(in, rows[y], columns, window, row, rgb + y * stride);
    }
    free(columns);
    free(rows);
    free(row);
    return ready ? LMVR_OK : error_no_memory(error, "resizing an image");
}

/* ---- along the rows -------------------------------------------------------------------------------------------------- */

/* Rows resampled at once: they share each weight, and their samples lie side by side for the processor's vectors. */
#define ROWS  16
#define BLOCK 1024

struct row_pass {
    struct weights weights;
    int begin, end;      /* columns of the input that count */
    uint8_t *rows[ROWS]; /* room for those of the input rows; the last ones may share theirs */
    int block;           /* columns that are gathered at once: enough for some outputs, little enough for the cache */
    uint8_t *samples;    /* the same as (block, 3, ROWS) */
};

static uint8_t to_byte(int32_t sum)
{
    return (uint8_t)clamp((sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS, 0, 255);
}

static void gather_samples(const struct row_pass *pass, int first, int columns)
{
    uint8_t *const *rows = pass->rows;
    uint8_t *out = pass->samples;
    size_t from = (size_t)(first - pass->begin) * 3, to = from + (size_t)columns * 3;
    for (size_t i = from; i < to; i++, out += ROWS)
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++)
            out[r] = rows[r][i];
}

/* One output pixel of all rows: `in` is (taps, 3, ROWS), `sums` (3, ROWS). */
static void weigh(const uint8_t *in, const int32_t *weights, int taps, int32_t sums[3 * ROWS])
{
    int32_t totals[3 * ROWS] = {0};
    for (int t = 0; t < taps; t++, in += 3 * ROWS)
        for (int i = 0; i < 3 * ROWS; i++)
            totals[i] += weights[t] * in[i];
    memcpy(sums, totals, sizeof totals);
}

/* The outputs from `x` on whose inputs fit into one block; at least one's do. */
static int outputs_in_block(const struct row_pass *pass, int x)
{
    const struct weights *w = &pass->weights;
    int count = 1;
    while (x + count < w->count && w->first[x + count] + w->taps[x + count] - w->first[x] <= pass->block)
        count++;
    return count;
}

static void resample_block(const struct row_pass *pass, int x, int outputs, int rows, uint8_t *out, size_t stride)
{
    const struct weights *w = &pass->weights;
    int first = w->first[x], last = x + outputs - 1;
    gather_samples(pass, first, w->first[last] + w->taps[last] - first);
    for (; x <= last; x++) {
        int32_t sums[3 * ROWS];
        weigh(pass->samples + (size_t)(w->first[x] - first) * 3 * ROWS, w->weights + x * w->stride, w->taps[x], sums);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < 3; c++)
                out[r * stride + 3 * (size_t)x + c] = to_byte(sums[c * ROWS + r]);
    }
}

/* The first `count` of pass->rows become rows of weights.count pixels, `stride` bytes apart. */
static void resample_rows(const struct row_pass *pass, int count, uint8_t *out, size_t stride)
{
    for (int x = 0, outputs; x < pass->weights.count; x += outputs) {
        outputs = outputs_in_block(pass, x);
        resample_block(pass, x, outputs, count, out, stride);
    }
}

/* `rows`: how many there will be in all. */
static lmvr_status row_pass_init(struct row_pass *pass, const struct canvas *in, int width, enum image_filter filter,
                                 const struct window *window, int rows, lmvr_error *error)
{
    struct weights *w = &pass->weights;
    TRY(weights_init(w, in->width, width, filter, window->x, window->width, error));
    pass->begin = w->first[0];
    pass->end = w->first[w->count - 1] + w->taps[w->count - 1];
    pass->block = w->stride > BLOCK / 4 ? (int)w->stride * 4 : BLOCK;
    size_t row = (size_t)(pass->end - pass->begin) * 3 + 1;
    rows = rows < ROWS ? rows : ROWS;
    pass->samples = malloc((size_t)pass->block * 3 * ROWS);
    pass->rows[0] = calloc(rows, row);
    if (!pass->samples || !pass->rows[0])
        return error_no_memory(error, "resizing an image");
    for (int r = 1; r < ROWS; r++)
        pass->rows[r] = pass->rows[r - 1] + (r < rows ? row : 0);
    return LMVR_OK;
}

static void row_pass_finish(struct row_pass *pass)
{
    weights_finish(&pass->weights);
    free(pass->samples);
    free(pass->rows[0]);
}

/* ---- along the columns ----------------------------------------------------------------------------------------------- */

/* Rows are summed in steps of a constant size, which compilers make vectors of. */
#define LANES 16

/* Output rows [first, next) have begun and are not finished; row i has its sums at i modulo `ring`. */
struct column_pass {
    struct weights weights;
    int first, next, ring;
    size_t samples; /* in a row */
    size_t stride;  /* from one row to the next: a multiple of LANES */
    int32_t *sums;
};

static int32_t *sums_of(const struct column_pass *pass, int row)
{
    return pass->sums + (size_t)(row % pass->ring) * pass->stride;
}

/* How many output rows are in the making at once: those that a single input row belongs to. */
static int most_rows_at_once(const struct weights *w)
{
    int most = 1;
    for (int i = 0, oldest = 0; i < w->count; i++) {
        while (w->first[oldest] + w->taps[oldest] <= w->first[i] && oldest < i)
            oldest++;
        most = i - oldest + 1 > most ? i - oldest + 1 : most;
    }
    return most;
}

static lmvr_status column_pass_init(struct column_pass *pass, const struct canvas *in, int height, enum image_filter filter,
                                    const struct window *window, int columns, lmvr_error *error)
{
    TRY(weights_init(&pass->weights, in->height, height, filter, window->y, window->height, error));
    pass->ring = most_rows_at_once(&pass->weights);
    pass->samples = (size_t)columns * 3;
    pass->stride = (pass->samples + LANES - 1) / LANES * LANES;
    pass->sums = calloc(pass->ring * pass->stride, sizeof *pass->sums);
    return pass->sums ? LMVR_OK : error_no_memory(error, "resizing an image");
}

static void column_pass_finish(struct column_pass *pass)
{
    weights_finish(&pass->weights);
    free(pass->sums);
}

static void add_row(const struct column_pass *pass, int output, int y, const uint8_t *row)
{
    int32_t weight = pass->weights.weights[output * pass->weights.stride + (y - pass->weights.first[output])];
    int32_t *sums = sums_of(pass, output);
    for (size_t i = 0; i < pass->stride; i += LANES)
        for (size_t lane = i; lane < i + LANES; lane++)
            sums[lane] += weight * row[lane];
}

static void finish_row(struct column_pass *pass, uint8_t *row)
{
    int32_t *sums = sums_of(pass, pass->first++);
    for (size_t i = 0; i < pass->samples; i++)
        row[i] = to_byte(sums[i]);
    memset(sums, 0, pass->stride * sizeof *sums);
}

/* ---- both ------------------------------------------------------------------------------------------------------------ */

struct resampling {
    const struct canvas *in;
    struct row_pass rows;
    struct column_pass columns;
    bool columns_first;
    /* Rows that the column pass takes in: one that is all canvas, and ROWS of the image from row `batch` on. */
    uint8_t *fill_row, *batch_rows;
    int batch;
    /* Rows that it gives out, when they still have to go through the row pass. */
    int pending;
    uint8_t *rgb;
    size_t stride;
};

/* Pillow 13's choice: along the columns first where that takes away many more lines than rows first would columns. */
static bool does_columns_first(const struct canvas *in, int width, int height)
{
    return in->height > height && (int64_t)in->height - height > 2 * ((int64_t)in->width - width);
}

/* Rows y to y + count of the canvas as the column pass takes them in. */
static void read_rows(struct resampling *r, int y, int count, uint8_t *out)
{
    size_t stride = r->columns.stride;
    for (int i = 0; i < count; i++)
        canvas_row(r->in, y + i, r->rows.begin, r->rows.end, r->columns_first ? out + i * stride : r->rows.rows[i]);
    if (!r->columns_first)
        resample_rows(&r->rows, count, out, stride);
}

static const uint8_t *input_row(struct resampling *r, int y)
{
    if (!row_has_image(r->in, y))
        return r->fill_row;
    if (y >= r->batch + ROWS) {
        int left = r->in->top + r->in->image->height - y;
        read_rows(r, y, left < ROWS ? left : ROWS, r->batch_rows);
        r->batch = y;
    }
    return r->batch_rows + (y - r->batch) * r->columns.stride;
}

/* Rows up to columns.first, as they come out of the column pass, go through the row pass. */
static void write_pending(struct resampling *r)
{
    resample_rows(&r->rows, r->pending, r->rgb + (r->columns.first - r->pending) * r->stride, r->stride);
    r->pending = 0;
}

static void write_row(struct resampling *r)
{
    if (!r->columns_first) {
        finish_row(&r->columns, r->rgb + r->columns.first * r->stride);
        return;
    }
    finish_row(&r->columns, r->rows.rows[r->pending++]);
    if (r->pending == ROWS || r->columns.first == r->columns.weights.count)
        write_pending(r);
}

/* Takes the input rows from top to bottom. */
static void resample(struct resampling *r)
{
    struct column_pass *columns = &r->columns;
    const struct weights *w = &columns->weights;
    for (int y = w->first[0]; y < r->in->height && columns->first < w->count; y++) {
        while (columns->next < w->count && w->first[columns->next] <= y)
            columns->next++;
        const uint8_t *row = input_row(r, y);
        for (int i = columns->first; i < columns->next; i++)
            add_row(columns, i, y, row);
        while (columns->first < columns->next && w->first[columns->first] + w->taps[columns->first] <= y + 1)
            write_row(r);
    }
    while (columns->first < w->count) /* only where there was nothing to sum */
        write_row(r);
}

static lmvr_status resampling_init(struct resampling *r, int width, int height, enum image_filter filter,
                                   const struct window *window, lmvr_error *error)
{
    r->columns_first = does_columns_first(r->in, width, height);
    int rows = r->columns_first ? window->height : r->in->image->height;
    TRY(row_pass_init(&r->rows, r->in, width, filter, window, rows, error));
    int columns = r->columns_first ? r->rows.end - r->rows.begin : window->width;
    TRY(column_pass_init(&r->columns, r->in, height, filter, window, columns, error));
    r->batch = -ROWS;
    r->fill_row = calloc(r->columns.stride, 1);
    r->batch_rows = calloc(r->columns.stride, ROWS);
    if (!r->fill_row || !r->batch_rows)
        return error_no_memory(error, "resizing an image");
    if (r->in->height > r->in->image->height)
        read_rows(r, row_has_image(r->in, 0) ? r->in->height - 1 : 0, 1, r->fill_row);
    return LMVR_OK;
}

static void resampling_finish(struct resampling *r)
{
    row_pass_finish(&r->rows);
    column_pass_finish(&r->columns);
    free(r->fill_row);
    free(r->batch_rows);
}

lmvr_status resize_window(const struct canvas *in, int width, int height, enum image_filter filter, const struct window *window,
                          uint8_t *rgb, size_t stride, lmvr_error *error)
{
    if (in->width > MAX_SIDE || in->height > MAX_SIDE)
        return error_set(error, LMVR_ERROR_INPUT, "an image with a side of more than %d pixels", MAX_SIDE);
    if (filter == FILTER_NEAREST)
        return resize_nearest(in, width, height, window, rgb, stride, error);
    struct resampling r = {.in = in, .rgb = rgb, .stride = stride};
    lmvr_status status = resampling_init(&r, width, height, filter, window, error);
    if (status == LMVR_OK)
        resample(&r);
    resampling_finish(&r);
    return status;
}

lmvr_status image_resize(const struct image *in, int width, int height, enum image_filter filter, struct image *out,
                         lmvr_error *error)
{
    *out = (struct image){0};
    if (width < 1 || height < 1)
        return error_set(error, LMVR_ERROR_INPUT, "cannot resize an image to %d x %d pixels", width, height);
    size_t stride = (size_t)width * 3;
    uint8_t *rgb = malloc(stride * height);
    if (!rgb)
        return error_no_memory(error, "resizing an image");
    struct canvas canvas = {.image = in, .width = in->width, .height = in->height};
    struct window all = {0, 0, width, height};
    lmvr_status status = resize_window(&canvas, width, height, filter, &all, rgb, stride, error);
    if (status != LMVR_OK) {
        free(rgb);
        return status;
    }
    *out = (struct image){width, height, rgb};
    return LMVR_OK;
}
