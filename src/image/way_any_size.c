/* VIEWS_ANY_SIZE: Qwen2VLImageProcessor. The view keeps the image's aspect as far as multiples of patch * merge allow it. */
#include "image/ways.h"

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

/* transformers' smart_resize, in its order of operations. */
static void smart_resize(const struct preprocess *p, int width, int height, int64_t *out_width, int64_t *out_height)
{
    int factor = p->patch * p->merge;
    double pixels = (double)((int64_t)width * height);
    int64_t w = round_half_even((double)width / factor) * factor, h = round_half_even((double)height / factor) * factor;
    if (w * h > p->max_pixels) {
        double beta = sqrt(pixels / p->max_pixels);
        w = at_least((int64_t)floor(width / beta / factor) * factor, factor);
        h = at_least((int64_t)floor(height / beta / factor) * factor, factor);
    } else if (w * h < p->min_pixels) {
        double beta = sqrt(p->min_pixels / pixels);
        w = (int64_t)ceil(width * beta / factor) * factor;
        h = (int64_t)ceil(height * beta / factor) * factor;
    }
    *out_width = w;
    *out_height = h;
}

static lmvr_status size_of(const struct preprocess *p, const struct picture *picture, int64_t *width, int64_t *height,
                           lmvr_error *error)
{
    int longer = picture->width > picture->height ? picture->width : picture->height;
    int shorter = picture->width + picture->height - longer, factor = p->patch * p->merge;
    *width = picture->width;
    *height = picture->height;
    if (!p->do_resize) {
        if (picture->width % factor == 0 && picture->height % factor == 0)
            return LMVR_OK;
        return error_set(error, LMVR_ERROR_INPUT,
                         "an image of %d x %d pixels, expected multiples of %d, because do_resize is false", picture->width,
                         picture->height, factor);
    }
    if ((double)longer / shorter > MAX_ASPECT)
        return error_set(error, LMVR_ERROR_INPUT,
                         "an image of %d x %d pixels is too elongated: one side is more than %d times the other",
                         picture->width, picture->height, MAX_ASPECT);
    smart_resize(p, picture->width, picture->height, width, height);
    return LMVR_OK;
}

static lmvr_status plan(const struct preprocess *p, struct picture *picture, lmvr_error *error)
{
    int64_t width, height;
    TRY(size_of(p, picture, &width, &height, error));
    TRY(picture_check_size(picture, width, height, error));
    TRY(picture_make_views(picture, 0, 0, 1, error));
    picture->views[0].width = (int)width;
    picture->views[0].height = (int)height;
    return LMVR_OK;
}

static lmvr_status draw(const struct preprocess *p, const struct image *in, const struct picture *picture, lmvr_error *error)
{
    const struct view *view = &picture->views[0];
    struct raster raster = raster_of(in);
    TRY(raster_resize(&raster, view->width, view->height, p->filter, error));
    normalize(p, raster.image.rgb, (size_t)view->width * 3, view->width, view->height, picture->pixels);
    raster_finish(&raster);
    return LMVR_OK;
}

const struct way way_any_size = {plan, draw};
