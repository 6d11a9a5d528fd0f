/* VIEWS_ANY_SIZE: Qwen2VLImageProcessor. The view keeps the image's aspect as far as multiples of patch * merge allow it. */
#include "image/ways.h"

#include <limits.h>
#include <math.h>

#define MAX_ASPECT 200

/* Python's round(): a half goes to the even neighbor. */
static int64_t round_half_even(double value)
{
    double below = floor(value), part = value - below;
    bool up = part > 0.5 || (part == 0.5 && fmod(below, 2) != 0);
    return (int64_t)below + up;
}

static int64_t at_least(int64_t value, int64_t least)
{
    return value > least ? value : least;
}

struct limits {
    int64_t least, most; /* pixels */
    bool whole_steps;
};

/* transformers' smart_resize, or with whole steps qwen_vl_utils', in their order of operations. */
static struct pixel_size smart_resize(const struct preprocess *p, const struct limits *limits, struct pixel_size size)
{
    int factor = p->patch * p->merge;
    int64_t least = limits->whole_steps ? factor : 0;
    double pixels = (double)((int64_t)size.width * size.height);
    int64_t w = at_least(round_half_even((double)size.width / factor) * factor, least);
    int64_t h = at_least(round_half_even((double)size.height / factor) * factor, least);
    if (w * h > limits->most) {
        double beta = sqrt(pixels / (double)limits->most);
        w = at_least((int64_t)floor(size.width / beta / factor) * factor, factor);
        h = at_least((int64_t)floor(size.height / beta / factor) * factor, factor);
    } else if (w * h < limits->least) {
        double beta = sqrt((double)limits->least / pixels);
        w = (int64_t)ceil(size.width * beta / factor) * factor;
        h = (int64_t)ceil(size.height * beta / factor) * factor;
    }
    return (struct pixel_size){w < INT_MAX ? (int)w : INT_MAX, h < INT_MAX ? (int)h : INT_MAX};
}

/* The size after the first of two resizes, in which an aspect beyond the limit is cut down to it. */
static struct pixel_size first_size(const struct preprocess *p, struct pixel_size size)
{
    struct limits limits = {p->first_min_pixels, p->first_max_pixels, true};
    if (!p->first_max_pixels)
        return size;
    size = smart_resize(p, &limits, size);
    if (size.height / size.width > MAX_ASPECT || (size.height / size.width == MAX_ASPECT && size.height % size.width))
        size.height = size.width * MAX_ASPECT;
    else if (size.width / size.height > MAX_ASPECT || (size.width / size.height == MAX_ASPECT && size.width % size.height))
        size.width = size.height * MAX_ASPECT;
    return size;
}

static lmvr_status size_of(const struct preprocess *p, const struct picture *picture, struct pixel_size *size,
                           lmvr_error *error)
{
    int factor = p->patch * p->merge;
    *size = (struct pixel_size){picture->width, picture->height};
    if (!p->do_resize) {
        if (picture->width % factor == 0 && picture->height % factor == 0)
            return LMVR_OK;
        return error_set(error, LMVR_ERROR_INPUT,
                         "an image of %d x %d pixels, expected multiples of %d, because do_resize is false", picture->width,
                         picture->height, factor);
    }
    *size = first_size(p, *size);
    int longer = size->width > size->height ? size->width : size->height, shorter = size->width + size->height - longer;
    if ((double)longer / shorter > MAX_ASPECT)
        return error_set(error, LMVR_ERROR_INPUT,
                         "an image of %d x %d pixels is too elongated: one side is more than %d times the other",
                         picture->width, picture->height, MAX_ASPECT);
    struct limits limits = {p->min_pixels, p->max_pixels, p->whole_steps};
    *size = smart_resize(p, &limits, *size);
    return LMVR_OK;
}

static lmvr_status plan(const struct preprocess *p, struct picture *picture, lmvr_error *error)
{
    struct pixel_size size;
    TRY(size_of(p, picture, &size, error));
    TRY(picture_check_size(picture, size.width, size.height, error));
    TRY(picture_make_views(picture, 0, 0, 1, error));
    picture->views[0].width = size.width;
    picture->views[0].height = size.height;
    return LMVR_OK;
}

static lmvr_status draw(const struct preprocess *p, const struct image *in, const struct picture *picture, lmvr_error *error)
{
    const struct view *view = &picture->views[0];
    struct raster raster = raster_of(in);
    struct pixel_size first = first_size(p, (struct pixel_size){in->width, in->height});
    lmvr_status status = LMVR_OK;
    if (p->first_max_pixels)
        status = raster_resize(&raster, first.width, first.height, p->filter, error);
    if (status == LMVR_OK)
        status = raster_resize(&raster, view->width, view->height, p->filter, error);
    if (status == LMVR_OK)
        normalize(p, raster.image.rgb, (size_t)view->width * 3, view->width, view->height, picture->pixels);
    raster_finish(&raster);
    return status;
}

const struct way way_any_size = {plan, draw};
