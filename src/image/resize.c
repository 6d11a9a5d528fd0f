/*
 * Pillow's resampling (its Resample.c): along the rows, rounded to 8 bits, then along the columns, rounded again, or the other
 * way round, both in 22-bit fixed point. Integer sums do not depend on their order, so the work is arranged differently here:
 * only what the second pass needs next lies between the two, rows are taken RESAMPLE_ROWS at a time and interleaved, so that
 * both passes are the same sum of rows of bytes, and the part of the canvas outside the image is a single product.
 */
#include "image/resize.h"

#include "image/pages.h"
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

/* Output `i` of the weights, of inputs `stride` bytes apart of which `rows` is the first one of the output. */
static struct weighted_sum sum_of(const struct weights *w, int i, const uint8_t *rows, size_t stride, const uint8_t *fill)
{
    return (struct weighted_sum){
        .rows = rows,
        .stride = stride,
        .taps = w->taps[i],
        .weights = w->pairs + i * w->stride,
        .fill = w->outside[i] != 0 ? fill : NULL,
        .fill_weight = weight_pair(w->outside[i], 0),
    };
}

/* ---- along the rows -------------------------------------------------------------------------------------------------- */

/* Bytes of an interleaved pixel. */
#define PIXEL (3 * RESAMPLE_ROWS)
/* Columns interleaved at a time, and outputs computed at a time: few enough for the cache. */
#define COLUMNS 256
#define OUTPUTS 128

struct row_pass {
    const struct resample_kernels *kernels;
    struct weights weights;
    int begin, end;                     /* the image columns that contribute */
    const uint8_t *rows[RESAMPLE_ROWS]; /* those columns of the input rows; all are readable, even if there are fewer rows */
    uint8_t fill[PIXEL];                /* the color of each row outside the image */
    int columns;                        /* COLUMNS, or four times the taps, if those are more */
    uint8_t *samples;                   /* (columns, 3, RESAMPLE_ROWS) */
    uint8_t outputs[OUTPUTS * PIXEL];
};

/* How many outputs, starting at `x`, are computed at a time; at least one is. */
static int outputs_in_block(const struct row_pass *pass, int x)
{
    const struct weights *w = &pass->weights;
    int count = 1;
    while (count < OUTPUTS && x + count < w->count && weights_end(w, x + count) - w->first[x] <= pass->columns)
        count++;
    return count;
}

/* Outputs x to x + count - 1 of the first `rows` rows. */
static void resample_block(struct row_pass *pass, int x, int count, int rows, uint8_t *out, size_t stride)
{
    const struct weights *w = &pass->weights;
    int first = w->first[x], end = weights_end(w, x + count - 1);
    const uint8_t *in[RESAMPLE_ROWS];
    for (int r = 0; r < RESAMPLE_ROWS; r++)
        in[r] = pass->rows[r] + (size_t)(first - pass->begin) * 3;
    pass->kernels->interleave(in, (size_t)(end - first) * 3, pass->samples);
    for (int i = 0; i < count; i++) {
        const uint8_t *samples = pass->samples + (size_t)(w->first[x + i] - first) * PIXEL;
        struct weighted_sum sum = sum_of(w, x + i, samples, PIXEL, pass->fill);
        pass->kernels->weigh(&sum, PIXEL, pass->outputs + (size_t)i * PIXEL);
    }
    pass->kernels->separate(pass->outputs, (size_t)count * 3, rows, out + (size_t)x * 3, stride);
}

/* Resamples the first `rows` of pass->rows to weights.count pixels each, `stride` bytes apart. */
static void resample_rows(struct row_pass *pass, int rows, uint8_t *out, size_t stride)
{
    for (int x = 0, count; x < pass->weights.count; x += count) {
        count = outputs_in_block(pass, x);
        resample_block(pass, x, count, rows, out, stride);
    }
}

static void set_fill(struct row_pass *pass, int row, int channel, uint8_t value)
{
    pass->fill[channel * RESAMPLE_ROWS + row] = value;
}

static lmvr_status row_pass_init(struct row_pass *pass, const struct canvas *in, int width, enum image_filter filter,
                                 const struct window *window, lmvr_error *error)
{
    struct weights *w = &pass->weights;
    struct axis axis = {in->width, in->left, in->image->width};
    pass->kernels = resample_kernels_get();
    TRY(weights_init(w, &axis, width, filter, window->x, window->width, error));
    pass->begin = w->first[0];
    pass->end = weights_end(w, w->count - 1);
    pass->columns = w->most_taps > COLUMNS / 4 ? w->most_taps * 4 : COLUMNS;
    pass->samples = malloc((size_t)pass->columns * PIXEL);
    if (!pass->samples)
        return error_no_memory(error, "resizing an image");
    for (int r = 0; r < RESAMPLE_ROWS; r++)
        for (int c = 0; c < 3; c++)
            set_fill(pass, r, c, in->fill[c]);
    return LMVR_OK;
}

static void row_pass_finish(struct row_pass *pass)
{
    weights_finish(&pass->weights);
    free(pass->samples);
}

/* ---- along the columns, and both ------------------------------------------------------------------------------------- */

struct resampling {
    const struct canvas *in;
    struct row_pass rows;
    struct weights columns;
    uint8_t *rgb;
    size_t stride;
    size_t samples;    /* bytes of a row that goes through the column pass */
    uint8_t *fill_row; /* such a row outside the image */

    /* Rows between the passes, `line` bytes apart. With the rows first: image rows first_row to end_row - 1, resampled, of
     * at most `space`, and one more for a result. With the columns first: up to RESAMPLE_ROWS sums that are still to be
     * resampled. */
    uint8_t *between;
    size_t line;
    int first_row, end_row, space;
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

static uint8_t *between_row(const struct resampling *r, int y)
{
    return r->between + (size_t)(y - r->first_row) * r->line;
}

/* Drops the rows before `y`, which may lie beyond the last row that is there. */
static void drop_rows(struct resampling *r, int y)
{
    int left = r->end_row > y ? r->end_row - y : 0;
    if (left > 0)
        memmove(r->between, between_row(r, y), left * r->line);
    r->first_row = y;
    r->end_row = y + left;
}

/* Resamples the next RESAMPLE_ROWS image rows, or as many as there are. */
static void add_rows(struct resampling *r)
{
    int left = r->in->image->height - r->end_row, count = left < RESAMPLE_ROWS ? left : RESAMPLE_ROWS;
    for (int i = 0; i < RESAMPLE_ROWS; i++)
        r->rows.rows[i] = image_row(r, r->end_row + (i < count ? i : 0));
    resample_rows(&r->rows, count, between_row(r, r->end_row), r->line);
    r->end_row += count;
}

static void resample_rows_first(struct resampling *r)
{
    const struct weights *w = &r->columns;
    uint8_t *result = r->between + r->space * r->line;
    r->first_row = r->end_row = w->first[0];
    for (int i = 0; i < w->count; i++) {
        while (w->taps[i] > 0 && r->end_row < weights_end(w, i)) {
            if (r->end_row < w->first[i] || r->end_row - r->first_row + RESAMPLE_ROWS > r->space)
                drop_rows(r, w->first[i]);
            add_rows(r);
        }
        struct weighted_sum sum = sum_of(w, i, between_row(r, w->first[i]), r->line, r->fill_row);
        r->rows.kernels->weigh(&sum, r->line, result);
        memcpy(r->rgb + i * r->stride, result, r->samples);
    }
}

static void resample_columns_first(struct resampling *r)
{
    const struct weights *w = &r->columns;
    size_t image_stride = (size_t)r->in->image->width * 3;
    for (int i = 0; i < w->count; i++) {
        int row = i % RESAMPLE_ROWS;
        struct weighted_sum sum = sum_of(w, i, image_row(r, w->first[i]), image_stride, r->fill_row);
        r->rows.kernels->weigh(&sum, r->samples, r->between + row * r->line);
        for (int c = 0; c < 3; c++)
            set_fill(&r->rows, row, c, to_byte(w->total[i] * r->in->fill[c]));
        if (row == RESAMPLE_ROWS - 1 || i == w->count - 1)
            resample_rows(&r->rows, row + 1, r->rgb + (i - row) * r->stride, r->stride);
    }
}

/* What the passes leave of a row of the fill color. */
static void make_fill_row(struct resampling *r, bool columns_first)
{
    for (size_t i = 0; i < r->samples; i++) {
        uint8_t fill = r->in->fill[i % 3];
        r->fill_row[i] = columns_first ? fill : to_byte(r->rows.weights.total[i / 3] * fill);
    }
}

static lmvr_status resampling_init(struct resampling *r, int width, int height, enum image_filter filter,
                                   const struct window *window, bool columns_first, lmvr_error *error)
{
    struct axis axis = {r->in->height, r->in->top, r->in->image->height};
    TRY(row_pass_init(&r->rows, r->in, width, filter, window, error));
    TRY(weights_init(&r->columns, &axis, height, filter, window->y, window->height, error));
    r->samples = 3 * (size_t)(columns_first ? r->rows.end - r->rows.begin : window->width);
    r->line = (r->samples + 31) / 32 * 32; /* no row's end is computed byte by byte */
    r->space = columns_first ? RESAMPLE_ROWS : r->columns.most_taps + r->columns.most_taps / 4 + 2 * RESAMPLE_ROWS;
    r->between = calloc(r->space + 1, r->line);
    r->fill_row = calloc(r->line, 1);
    if (!r->between || !r->fill_row)
        return error_no_memory(error, "resizing an image");
    for (int i = 0; i < RESAMPLE_ROWS; i++)
        r->rows.rows[i] = r->between + i * r->line;
    make_fill_row(r, columns_first);
    return LMVR_OK;
}

static void resampling_finish(struct resampling *r)
{
    row_pass_finish(&r->rows);
    weights_finish(&r->columns);
    free(r->between);
    free(r->fill_row);
}

lmvr_status resize_window(const struct canvas *in, int width, int height, enum image_filter filter, const struct window *window,
                          uint8_t *rgb, size_t stride, lmvr_error *error)
{
    if (in->width > MAX_SIDE || in->height > MAX_SIDE)
        return error_set(error, LMVR_ERROR_INPUT, "an image with a side of more than %d pixels", MAX_SIDE);
    if (filter == FILTER_NEAREST)
        return canvas_resize_nearest(in, width, height, window, rgb, stride, error);
    struct resampling r = {.in = in, .rgb = rgb, .stride = stride};
    bool columns_first = does_columns_first(in, width, height);
    lmvr_status status = resampling_init(&r, width, height, filter, window, columns_first, error);
    if (status == LMVR_OK)
        (columns_first ? resample_columns_first : resample_rows_first)(&r);
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
    uint8_t *rgb = pages_alloc(stride * height);
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
