/*
 * Pillow's resampling: along the rows, rounded to 8 bits, then along the columns, rounded again, or the other way round, both
 * in 22-bit fixed point (its Resample.c). Integer sums do not depend on their order, so the work is arranged otherwise than
 * there: each input row is at once added to all output rows it belongs to; there is no intermediate picture.
 */
#include "image/resize.h"

#include "image/weights.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- along a row ----------------------------------------------------------------------------------------------------- */

/* A 22-bit weight as high * 2^12 + low, so that processors' 16-bit multiply-add does the sums. */
#define LOW_BITS 12
#define LANES    8
/* Taps whose sums stay within 32 bits: |low| <= 2^11, pixels < 2^8. */
#define MAX_TAPS 2048

struct row_pass {
    struct weights weights;
    int16_t *high, *low; /* weights.stride for each output */
    int begin, end;      /* columns of the input that count */
    uint8_t *rgb;        /* room for those of one row */
    int16_t *planes[3];  /* the same by color, with room for a last vector */
};

static uint8_t to_byte(int64_t sum)
{
    return (uint8_t)clamp((sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS, 0, 255);
}

static int64_t weigh(const int16_t *pixels, const int16_t *high, const int16_t *low, int taps)
{
    int64_t sum = 0;
    for (int done = 0; done < taps; done += MAX_TAPS) {
        int count = taps - done < MAX_TAPS ? taps - done : MAX_TAPS;
        int32_t high_sum = 0, low_sum = 0;
#pragma omp simd reduction(+ : high_sum, low_sum)
        for (int t = done; t < done + count; t++) {
            high_sum += pixels[t] * high[t];
            low_sum += pixels[t] * low[t];
        }
        sum += (int64_t)high_sum * (1 << LOW_BITS) + low_sum;
    }
    return sum;
}

static void split_planes(const struct row_pass *pass, const uint8_t *rgb)
{
    int16_t *red = pass->planes[0], *green = pass->planes[1], *blue = pass->planes[2];
    for (int x = 0; x < pass->end - pass->begin; x++, rgb += 3) {
        red[x] = rgb[0];
        green[x] = rgb[1];
        blue[x] = rgb[2];
    }
}

/* `in` holds columns begin to end of one row, `out` weights.count pixels. */
static void resample_row(const struct row_pass *pass, const uint8_t *in, uint8_t *out)
{
    const struct weights *w = &pass->weights;
    split_planes(pass, in);
    for (int x = 0; x < w->count; x++) {
        int taps = (w->taps[x] + LANES - 1) / LANES * LANES, first = w->first[x] - pass->begin;
        const int16_t *high = pass->high + x * w->stride, *low = pass->low + x * w->stride;
        for (int c = 0; c < 3; c++)
            out[3 * x + c] = to_byte(weigh(pass->planes[c] + first, high, low, taps));
    }
}

static void split_weights(struct row_pass *pass)
{
    const struct weights *w = &pass->weights;
    for (size_t i = 0; i < w->count * w->stride; i++) {
        int32_t high = (w->weights[i] + (1 << (LOW_BITS - 1))) >> LOW_BITS;
        pass->high[i] = (int16_t)high;
        pass->low[i] = (int16_t)(w->weights[i] - high * (1 << LOW_BITS));
    }
}

static lmvr_status row_pass_init(struct row_pass *pass, const struct canvas *in, int width, enum image_filter filter,
                                 const struct window *window, lmvr_error *error)
{
    struct weights *w = &pass->weights;
    TRY(weights_init(w, in->width, width, filter, window->x, window->width, LANES, error));
    pass->begin = w->first[0];
    pass->end = w->first[w->count - 1] + w->taps[w->count - 1];
    size_t columns = (size_t)(pass->end - pass->begin), weights = w->count * w->stride;
    pass->high = malloc(weights * sizeof *pass->high);
    pass->low = malloc(weights * sizeof *pass->low);
    pass->rgb = malloc(columns * 3 + 1);
    bool ready = pass->high && pass->low && pass->rgb;
    for (int c = 0; c < 3; c++) {
        pass->planes[c] = calloc(columns + LANES, sizeof *pass->planes[c]);
        ready = ready && pass->planes[c];
    }
    if (!ready)
        return error_no_memory(error, "resizing an image");
    split_weights(pass);
    return LMVR_OK;
}

static void row_pass_finish(struct row_pass *pass)
{
    weights_finish(&pass->weights);
    free(pass->high);
    free(pass->low);
    free(pass->rgb);
    for (int c = 0; c < 3; c++)
        free(pass->planes[c]);
}

/* ---- along the columns ----------------------------------------------------------------------------------------------- */

/* Output rows [first, next) have begun and are not finished; row i has its sums at i modulo `ring`. */
struct column_pass {
    struct weights weights;
    int first, next, ring;
    size_t samples; /* in a row */
    int32_t *sums;
    uint8_t *row, *fill_row; /* an input row, and one that is all canvas */
    bool fill_row_done;
};

static int32_t *sums_of(const struct column_pass *pass, int row)
{
    return pass->sums + (size_t)(row % pass->ring) * pass->samples;
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
    TRY(weights_init(&pass->weights, in->height, height, filter, window->y, window->height, 1, error));
    pass->ring = most_rows_at_once(&pass->weights);
    pass->samples = (size_t)columns * 3;
    pass->sums = calloc(pass->ring * pass->samples, sizeof *pass->sums);
    pass->row = malloc(pass->samples);
    pass->fill_row = malloc(pass->samples);
    if (!pass->sums || !pass->row || !pass->fill_row)
        return error_no_memory(error, "resizing an image");
    return LMVR_OK;
}

static void column_pass_finish(struct column_pass *pass)
{
    weights_finish(&pass->weights);
    free(pass->sums);
    free(pass->row);
    free(pass->fill_row);
}

static void add_row(const struct column_pass *pass, int output, int y, const uint8_t *row)
{
    int32_t weight = pass->weights.weights[output * pass->weights.stride + (y - pass->weights.first[output])];
    int32_t *sums = sums_of(pass, output);
#pragma omp simd
    for (size_t i = 0; i < pass->samples; i++)
        sums[i] += weight * row[i];
}

static void finish_row(struct column_pass *pass, uint8_t *row)
{
    int32_t *sums = sums_of(pass, pass->first++);
    for (size_t i = 0; i < pass->samples; i++)
        row[i] = to_byte(sums[i]);
    memset(sums, 0, pass->samples * sizeof *sums);
}

/* ---- both ------------------------------------------------------------------------------------------------------------ */

struct resampling {
    const struct canvas *in;
    struct row_pass rows;
    struct column_pass columns;
    bool columns_first;
    uint8_t *rgb;
    size_t stride;
};

/* Pillow 13's choice: along the columns first where that takes away many more lines than rows first would columns. */
static bool does_columns_first(const struct canvas *in, int width, int height)
{
    return in->height > height && (int64_t)in->height - height > 2 * ((int64_t)in->width - width);
}

/* Row y as the column pass takes it in. */
static void read_row(struct resampling *r, int y, uint8_t *row)
{
    if (r->columns_first) {
        canvas_row(r->in, y, r->rows.begin, r->rows.end, row);
        return;
    }
    canvas_row(r->in, y, r->rows.begin, r->rows.end, r->rows.rgb);
    resample_row(&r->rows, r->rows.rgb, row);
}

/* The same, with all rows beside the image made once. */
static const uint8_t *input_row(struct resampling *r, int y)
{
    struct column_pass *columns = &r->columns;
    if (row_has_image(r->in, y)) {
        read_row(r, y, columns->row);
        return columns->row;
    }
    if (!columns->fill_row_done)
        read_row(r, y, columns->fill_row);
    columns->fill_row_done = true;
    return columns->fill_row;
}

static void write_row(struct resampling *r)
{
    uint8_t *out = r->rgb + r->columns.first * r->stride;
    if (r->columns_first) {
        finish_row(&r->columns, r->rows.rgb);
        resample_row(&r->rows, r->rows.rgb, out);
    } else
        finish_row(&r->columns, out);
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

lmvr_status resize_window(const struct canvas *in, int width, int height, enum image_filter filter, const struct window *window,
                          uint8_t *rgb, size_t stride, lmvr_error *error)
{
    if (filter == FILTER_NEAREST)
        return resize_nearest(in, width, height, window, rgb, stride, error);
    struct resampling r = {.in = in, .rgb = rgb, .stride = stride, .columns_first = does_columns_first(in, width, height)};
    lmvr_status status = row_pass_init(&r.rows, in, width, filter, window, error);
    if (status == LMVR_OK) {
        int columns = r.columns_first ? r.rows.end - r.rows.begin : window->width;
        status = column_pass_init(&r.columns, in, height, filter, window, columns, error);
    }
    if (status == LMVR_OK)
        resample(&r);
    row_pass_finish(&r.rows);
    column_pass_finish(&r.columns);
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
