/*
 * Pillow's resampling (its Resample.c): along the rows, rounded to 8 bits, then along the columns, rounded again, or the other
 * way round, both in 22-bit fixed point. Integer sums do not depend on their order, so the work is arranged differently here:
 * each input row is added to all the output rows it contributes to at once, which needs no intermediate picture, and the part
 * of the canvas outside the image is a single product.
 */
#include "image/resize.h"

#include "image/weights.h"

#include <stdlib.h>
#include <string.h>

/* Beyond this Pillow's single-precision coordinates are no longer exact, and our tables would become large. */
#define MAX_SIDE (1 << 24)

static uint8_t to_byte(int32_t sum)
{
    int32_t value = (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* ---- along the rows -------------------------------------------------------------------------------------------------- */

/* Rows resampled together: they share each weight, and their samples are interleaved to fill vector registers. */
#define ROWS 16
/* Columns gathered at a time, few enough for the cache; or the taps of four outputs, if those are more. */
#define BLOCK 1024

struct row_pass {
    struct weights weights;
    int begin, end;            /* the image columns that contribute */
    const uint8_t *rows[ROWS]; /* those columns of the input rows; all pointers are readable, even if there are fewer rows */
    int32_t fill[3 * ROWS];    /* (3, ROWS) color of each row outside the image */
    int block;
    uint8_t *samples; /* (block, 3, ROWS) */
};

static void gather_samples(const struct row_pass *pass, int first, int columns)
{
    const uint8_t *const *rows = pass->rows;
    uint8_t *out = pass->samples;
    size_t from = (size_t)(first - pass->begin) * 3, to = from + (size_t)columns * 3;
    for (size_t i = from; i < to; i++, out += ROWS)
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; r++)
            out[r] = rows[r][i];
}

/* One output pixel in all rows: `in` is (taps, 3, ROWS), `fill` and `sums` are (3, ROWS). */
static void weigh(const uint8_t *in, const int32_t *weights, int taps, const int32_t *fill, int32_t outside, int32_t *sums)
{
    int32_t totals[3 * ROWS];
    for (int i = 0; i < 3 * ROWS; i++)
        totals[i] = outside * fill[i];
    for (int t = 0; t < taps; t++, in += 3 * ROWS)
        for (int i = 0; i < 3 * ROWS; i++)
            totals[i] += weights[t] * in[i];
    memcpy(sums, totals, sizeof totals);
}

/* How many outputs, starting at `x`, need no more than one block of columns; at least one does. */
static int outputs_in_block(const struct row_pass *pass, int x)
{
    const struct weights *w = &pass->weights;
    int count = 1;
    while (x + count < w->count && weights_end(w, x + count) - w->first[x] <= pass->block)
        count++;
    return count;
}

static void resample_block(const struct row_pass *pass, int x, int outputs, int rows, uint8_t *out, size_t stride)
{
    const struct weights *w = &pass->weights;
    int first = w->first[x], last = x + outputs - 1;
    gather_samples(pass, first, weights_end(w, last) - first);
    for (; x <= last; x++) {
        int32_t sums[3 * ROWS];
        const uint8_t *in = pass->samples + (size_t)(w->first[x] - first) * 3 * ROWS;
        weigh(in, w->weights + x * w->stride, w->taps[x], pass->fill, w->outside[x], sums);
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < 3; c++)
                out[r * stride + 3 * (size_t)x + c] = to_byte(sums[c * ROWS + r]);
    }
}

/* Resamples the first `count` of pass->rows to weights.count pixels each, `stride` bytes apart. */
static void resample_rows(const struct row_pass *pass, int count, uint8_t *out, size_t stride)
{
    for (int x = 0, outputs; x < pass->weights.count; x += outputs) {
        outputs = outputs_in_block(pass, x);
        resample_block(pass, x, outputs, count, out, stride);
    }
}

static void set_fill(struct row_pass *pass, int row, int channel, uint8_t value)
{
    pass->fill[channel * ROWS + row] = value;
}

static lmvr_status row_pass_init(struct row_pass *pass, const struct canvas *in, int width, enum image_filter filter,
                                 const struct window *window, lmvr_error *error)
{
    struct weights *w = &pass->weights;
    struct axis axis = {in->width, in->left, in->image->width};
    TRY(weights_init(w, &axis, width, filter, window->x, window->width, error));
    pass->begin = w->first[0];
    pass->end = weights_end(w, w->count - 1);
    pass->block = w->stride > BLOCK / 4 ? (int)w->stride * 4 : BLOCK;
    pass->samples = malloc((size_t)pass->block * 3 * ROWS);
    if (!pass->samples)
        return error_no_memory(error, "resizing an image");
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < 3; c++)
            set_fill(pass, r, c, in->fill[c]);
    return LMVR_OK;
}

static void row_pass_finish(struct row_pass *pass)
{
    weights_finish(&pass->weights);
    free(pass->samples);
}

/* ---- along the columns ----------------------------------------------------------------------------------------------- */

/* Rows are summed in steps of a constant size, which compilers vectorize. */
#define LANES 16

/* Output rows [first, next) are in progress; the sums of row i are at i modulo `ring`. */
struct column_pass {
    struct weights weights;
    int first, next, ring;
    size_t samples; /* in a row */
    size_t stride;  /* samples from one row to the next: a multiple of LANES */
    int32_t *sums;
    uint8_t *fill_row; /* a canvas row outside the image */
};

static int32_t *sums_of(const struct column_pass *pass, int row)
{
    return pass->sums + (size_t)(row % pass->ring) * pass->stride;
}

/* How many output rows are in progress at once: the most that a single input row contributes to. */
static int most_rows_at_once(const struct weights *w)
{
    int most = 1;
    for (int i = 0, oldest = 0; i < w->count; i++) {
        while (oldest < i && weights_end(w, oldest) <= w->first[i])
            oldest++;
        most = i - oldest + 1 > most ? i - oldest + 1 : most;
    }
    return most;
}

static lmvr_status column_pass_init(struct column_pass *pass, const struct canvas *in, int height, enum image_filter filter,
                                    const struct window *window, int columns, lmvr_error *error)
{
    struct axis axis = {in->height, in->top, in->image->height};
    TRY(weights_init(&pass->weights, &axis, height, filter, window->y, window->height, error));
    pass->ring = most_rows_at_once(&pass->weights);
    pass->samples = (size_t)columns * 3;
    pass->stride = pass->samples / LANES * LANES + LANES;
    pass->sums = calloc(pass->ring * pass->stride, sizeof *pass->sums);
    pass->fill_row = calloc(pass->stride, 1);
    return pass->sums && pass->fill_row ? LMVR_OK : error_no_memory(error, "resizing an image");
}

static void column_pass_finish(struct column_pass *pass)
{
    weights_finish(&pass->weights);
    free(pass->sums);
    free(pass->fill_row);
}

static void add_row(const struct column_pass *pass, int output, int32_t weight, const uint8_t *row)
{
    int32_t *sums = sums_of(pass, output);
    for (size_t i = 0; i < pass->stride; i += LANES)
        for (size_t lane = i; lane < i + LANES; lane++)
            sums[lane] += weight * row[lane];
}

/* Adds row y of the image to the outputs it contributes to. */
static void add_to_all(const struct column_pass *pass, int y, const uint8_t *row)
{
    const struct weights *w = &pass->weights;
    for (int i = pass->first; i < pass->next; i++)
        if (y < weights_end(w, i))
            add_row(pass, i, w->weights[i * w->stride + (y - w->first[i])], row);
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
    /* ROWS rows, columns.stride bytes apart: resampled image rows starting with row `batch`; or, with columns first, `pending`
     * summed rows that are still to be resampled. One more row then holds an image row. */
    uint8_t *between;
    int batch, pending;
    uint8_t *rgb;
    size_t stride;
};

/* Pillow 13's choice: along the columns first where that removes far more rows than the other order would remove columns. */
static bool does_columns_first(const struct canvas *in, int width, int height)
{
    return in->height > height && (int64_t)in->height - height > 2 * ((int64_t)in->width - width);
}

static const uint8_t *image_row(const struct resampling *r, int y)
{
    return r->in->image->rgb + ((size_t)y * r->in->image->width + r->rows.begin) * 3;
}

/* Resamples image rows y to y + ROWS - 1, or as many as there are. */
static void read_batch(struct resampling *r, int y)
{
    int left = r->in->image->height - y, count = left < ROWS ? left : ROWS;
    for (int i = 0; i < ROWS; i++)
        r->rows.rows[i] = image_row(r, i < count ? y + i : y);
    resample_rows(&r->rows, count, r->between, r->columns.stride);
    r->batch = y;
}

/* Row y of the image, as input for the column pass. */
static const uint8_t *input_row(struct resampling *r, int y)
{
    if (r->columns_first)
        return memcpy(r->between + ROWS * r->columns.stride, image_row(r, y), r->columns.samples);
    if (y >= r->batch + ROWS)
        read_batch(r, y);
    return r->between + (y - r->batch) * r->columns.stride;
}

/* Puts the pending rows, which come from the column pass and end before columns.first, through the row pass. */
static void write_pending(struct resampling *r)
{
    resample_rows(&r->rows, r->pending, r->rgb + (r->columns.first - r->pending) * r->stride, r->stride);
    r->pending = 0;
}

static void write_row(struct resampling *r)
{
    struct column_pass *columns = &r->columns;
    if (!r->columns_first) {
        finish_row(columns, r->rgb + columns->first * r->stride);
        return;
    }
    int32_t total = weights_total(&columns->weights, columns->first);
    for (int c = 0; c < 3; c++)
        set_fill(&r->rows, r->pending, c, to_byte(total * r->in->fill[c]));
    finish_row(columns, r->between + r->pending++ * columns->stride);
    if (r->pending == ROWS || columns->first == columns->weights.count)
        write_pending(r);
}

/* Writes the output rows that need no input from row y on. */
static void write_finished(struct resampling *r, int y)
{
    struct column_pass *columns = &r->columns;
    while (columns->first < columns->next && weights_end(&columns->weights, columns->first) <= y)
        write_row(r);
}

static void begin_row(struct resampling *r)
{
    struct column_pass *columns = &r->columns;
    const struct weights *w = &columns->weights;
    write_finished(r, w->first[columns->next]);
    int row = columns->next++;
    if (w->outside[row] != 0)
        add_row(columns, row, w->outside[row], columns->fill_row);
}

/* Streams the image's rows through both passes, from top to bottom. */
static void resample(struct resampling *r)
{
    struct column_pass *columns = &r->columns;
    const struct weights *w = &columns->weights;
    for (int y = w->first[0]; y < weights_end(w, w->count - 1); y++) {
        while (columns->next < w->count && w->first[columns->next] <= y)
            begin_row(r);
        add_to_all(columns, y, input_row(r, y));
        write_finished(r, y + 1);
    }
    while (columns->next < w->count)
        begin_row(r);
    write_finished(r, r->in->image->height);
}

static void make_fill_row(struct resampling *r)
{
    for (size_t i = 0; i < r->columns.samples; i++) {
        uint8_t fill = r->in->fill[i % 3];
        r->columns.fill_row[i] = r->columns_first ? fill : to_byte(weights_total(&r->rows.weights, (int)(i / 3)) * fill);
    }
}

static lmvr_status resampling_init(struct resampling *r, int width, int height, enum image_filter filter,
                                   const struct window *window, lmvr_error *error)
{
    r->columns_first = does_columns_first(r->in, width, height);
    TRY(row_pass_init(&r->rows, r->in, width, filter, window, error));
    int columns = r->columns_first ? r->rows.end - r->rows.begin : window->width;
    TRY(column_pass_init(&r->columns, r->in, height, filter, window, columns, error));
    r->batch = -ROWS;
    r->between = calloc(r->columns.stride, ROWS + 1);
    if (!r->between)
        return error_no_memory(error, "resizing an image");
    for (int i = 0; i < ROWS; i++)
        r->rows.rows[i] = r->between + i * r->columns.stride;
    make_fill_row(r);
    return LMVR_OK;
}

static void resampling_finish(struct resampling *r)
{
    row_pass_finish(&r->rows);
    column_pass_finish(&r->columns);
    free(r->between);
}

lmvr_status resize_window(const struct canvas *in, int width, int height, enum image_filter filter, const struct window *window,
                          uint8_t *rgb, size_t stride, lmvr_error *error)
{
    if (in->width > MAX_SIDE || in->height > MAX_SIDE)
        return error_set(error, LMVR_ERROR_INPUT, "an image with a side of more than %d pixels", MAX_SIDE);
    if (filter == FILTER_NEAREST)
        return canvas_resize_nearest(in, width, height, window, rgb, stride, error);
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
