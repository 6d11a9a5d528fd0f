#include "image/preprocess.h"

#include "image/resize.h"
#include "image/ways.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The longest side that is padded to a square. LLaVA's own code would take terabytes for a square of this size; ours takes
 * seconds. */
#define MAX_SQUARE (1 << 20)

void preprocess_init_clip(struct preprocess *p)
{
    *p = (struct preprocess){
        .do_resize = true,
        .do_center_crop = true,
        .do_rescale = true,
        .do_normalize = true,
        .shortest_edge = 224,
        .crop_width = 224,
        .crop_height = 224,
        .filter = FILTER_BICUBIC,
        .rescale_factor = 1.0 / 255,
        .mean = {0.48145466, 0.4578275, 0.40821073},
        .std = {0.26862954, 0.26130258, 0.27577711},
    };
}

/* ---- sizes ----------------------------------------------------------------------------------------------------------- */

/* The longer edge when the shorter one becomes `edge`, truncated as in transformers' get_resize_output_image_size. */
static int longer_edge(int edge, int shorter, int longer)
{
    double length = (double)((int64_t)edge * longer) / shorter;
    return length < INT_MAX ? (int)length : INT_MAX;
}

static void padded_size(const struct preprocess *p, int *width, int *height)
{
    if (p->pad_to_square)
        *width = *height = *width > *height ? *width : *height;
}

static void resized_size(const struct preprocess *p, int *width, int *height)
{
    if (!p->do_resize)
        return;
    int w = *width, h = *height, edge = p->shortest_edge;
    if (edge == 0) {
        *width = p->width;
        *height = p->height;
    } else {
        *width = w <= h ? edge : longer_edge(edge, h, w);
        *height = w <= h ? longer_edge(edge, w, h) : edge;
    }
}

void preprocess_output_size(const struct preprocess *p, int width, int height, int *out_width, int *out_height)
{
    *out_width = width;
    *out_height = height;
    padded_size(p, out_width, out_height);
    resized_size(p, out_width, out_height);
    if (p->do_center_crop) {
        *out_width = p->crop_width;
        *out_height = p->crop_height;
    }
}

/* ---- the canvas ------------------------------------------------------------------------------------------------------ */

/* LLaVA's expand2square: the image in the middle of a square of the mean color. */
static struct canvas place(const struct preprocess *p, const struct image *in)
{
    struct canvas canvas = {.image = in, .width = in->width, .height = in->height};
    padded_size(p, &canvas.width, &canvas.height);
    canvas.left = (canvas.width - in->width) / 2;
    canvas.top = (canvas.height - in->height) / 2;
    for (int c = 0; c < 3; c++) {
        double value = p->mean[c] * 255;
        canvas.fill[c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    return canvas;
}

/* Along one axis: the crop shows [from, from + size) of the resized picture, starting at `to`; everything else is black. */
struct overlap {
    int from, to, size;
};

static struct overlap overlap_of(int resized, int crop)
{
    int margin = resized - crop;
    if (margin >= 0)
        return (struct overlap){margin / 2, 0, crop};
    return (struct overlap){0, (1 - margin) / 2, resized}; /* transformers rounds the padding up */
}

/* Along one axis: where the output begins in the image, and how far it extends, in the image's pixels. */
static void view_axis(int left, int canvas, int resized, int crop, bool crops, double *begin, double *length)
{
    struct overlap o = crops ? overlap_of(resized, crop) : (struct overlap){0, 0, resized};
    double scale = (double)canvas / resized;
    *begin = (o.from - o.to) * scale - left;
    *length = (crops ? crop : resized) * scale;
}

void fixed_area(const struct preprocess *p, const struct canvas *canvas, double area[4])
{
    int width = canvas->width, height = canvas->height;
    resized_size(p, &width, &height);
    view_axis(canvas->left, canvas->width, width, p->crop_width, p->do_center_crop, &area[0], &area[2]);
    view_axis(canvas->top, canvas->height, height, p->crop_height, p->do_center_crop, &area[1], &area[3]);
}

void preprocess_view(const struct preprocess *p, int width, int height, double view[4])
{
    struct image image = {width, height, NULL};
    struct canvas canvas = place(p, &image);
    fixed_area(p, &canvas, view);
}

/* ---- pixels ---------------------------------------------------------------------------------------------------------- */

lmvr_status fixed_size(const struct preprocess *p, const struct canvas *canvas, struct pixel_size *size, lmvr_error *error)
{
    struct pixel_size resized = {canvas->width, canvas->height};
    resized_size(p, &resized.width, &resized.height);
    if (resized.width == INT_MAX || resized.height == INT_MAX || (p->pad_to_square && canvas->width > MAX_SQUARE))
        return error_set(error, LMVR_ERROR_INPUT, "an image of %d x %d pixels is too elongated to be resized",
                         canvas->image->width, canvas->image->height);
    *size = p->do_center_crop ? (struct pixel_size){p->crop_width, p->crop_height} : resized;
    if (size->width < 1 || size->height < 1)
        return error_set(error, LMVR_ERROR_INVALID, "preprocessing would give %d x %d pixels, expected at least 1 x 1",
                         size->width, size->height);
    return LMVR_OK;
}

/* Writes what the crop shows into `rgb`, pixels that are black so far. */
static lmvr_status make_crop(const struct preprocess *p, const struct canvas *canvas, const struct pixel_size *size,
                             uint8_t *rgb, lmvr_error *error)
{
    int width = canvas->width, height = canvas->height;
    resized_size(p, &width, &height);
    struct overlap x = overlap_of(width, size->width), y = overlap_of(height, size->height);
    struct window window = {x.from, y.from, x.size, y.size};
    size_t stride = (size_t)size->width * 3;
    rgb += y.to * stride + (size_t)x.to * 3;
    if (p->do_resize)
        return resize_window(canvas, width, height, p->filter, &window, rgb, stride, error);
    canvas_copy(canvas, &window, rgb, stride);
    return LMVR_OK;
}

lmvr_status fixed_draw(const struct preprocess *p, const struct canvas *canvas, const struct pixel_size *size, float *pixels,
                       lmvr_error *error)
{
    uint8_t *rgb = calloc((size_t)size->width * size->height, 3);
    if (!rgb)
        return error_no_memory(error, "preparing an image");
    lmvr_status status = make_crop(p, canvas, size, rgb, error);
    if (status == LMVR_OK)
        normalize(p, rgb, (size_t)size->width * 3, size->width, size->height, pixels);
    free(rgb);
    return status;
}

lmvr_status preprocess_image(const struct preprocess *p, const struct image *in, float *pixels, lmvr_error *error)
{
    struct canvas canvas = place(p, in);
    struct pixel_size size;
    TRY(fixed_size(p, &canvas, &size, error));
    return fixed_draw(p, &canvas, &size, pixels, error);
}

/* ---- one of the ways ------------------------------------------------------------------------------------------------- */

static lmvr_status plan(const struct preprocess *p, struct picture *picture, lmvr_error *error)
{
    struct image image = {picture->width, picture->height, NULL};
    struct canvas canvas = place(p, &image);
    struct pixel_size size;
    TRY(fixed_size(p, &canvas, &size, error));
    TRY(picture_make_views(picture, 0, 0, 1, error));
    picture->views[0].width = size.width;
    picture->views[0].height = size.height;
    fixed_area(p, &canvas, picture->views[0].area);
    return LMVR_OK;
}

static lmvr_status draw(const struct preprocess *p, const struct image *in, const struct picture *picture, lmvr_error *error)
{
    return preprocess_image(p, in, picture->pixels, error);
}

const struct way way_fixed = {plan, draw};
