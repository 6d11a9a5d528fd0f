#include "image/picture.h"

#include "image/pages.h"
#include "image/ways.h"

#include <stdlib.h>

/* More tiles than any model takes. */
#define MAX_VIEWS 4096

static const struct way *const ways[] = {
    [VIEWS_FIXED] = &way_fixed,
    [VIEWS_ANY_SIZE] = &way_any_size,
    [VIEWS_TILES] = &way_tiles,
    [VIEWS_ANYRES] = &way_anyres,
};

lmvr_status picture_check_size(const struct picture *picture, int64_t width, int64_t height, lmvr_error *error)
{
    if (width < 1 || height < 1)
        return error_set(error, LMVR_ERROR_INPUT, "an image of %d x %d pixels is too elongated: it would become %lld x %lld",
                         picture->width, picture->height, (long long)width, (long long)height);
    if (width > PICTURE_MAX_PIXELS / height)
        return error_set(error, LMVR_ERROR_INPUT,
                         "an image of %d x %d pixels would become %lld x %lld, more than the limit of %d pixels",
                         picture->width, picture->height, (long long)width, (long long)height, PICTURE_MAX_PIXELS);
    return LMVR_OK;
}

lmvr_status picture_make_views(struct picture *picture, int rows, int columns, int whole, lmvr_error *error)
{
    if ((int64_t)rows * columns + whole > MAX_VIEWS)
        return error_set(error, LMVR_ERROR_INPUT, "an image of %d x %d pixels would be cut into %d x %d tiles, more than %d",
                         picture->width, picture->height, columns, rows, MAX_VIEWS);
    int count = rows * columns + whole;
    picture->views = calloc(count, sizeof *picture->views);
    if (!picture->views)
        return error_no_memory(error, "an image's views");
    picture->view_count = count;
    picture->tile_rows = rows;
    picture->tile_columns = columns;
    for (int i = 0; i < count; i++)
        picture->views[i] = (struct view){
            .row = -1,
            .column = -1,
            .area = {0, 0, picture->width, picture->height},
        };
    return LMVR_OK;
}

/* Lays the views' floats out one after the other. */
static lmvr_status lay_out(struct picture *picture, lmvr_error *error)
{
    for (int i = 0; i < picture->view_count; i++) {
        struct view *view = &picture->views[i];
        TRY(picture_check_size(picture, view->width, view->height, error));
        view->first = picture->pixel_count;
        picture->pixel_count += (size_t)view->width * view->height * 3;
    }
    if (picture->pixel_count <= (size_t)3 * PICTURE_MAX_PIXELS)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INPUT,
                     "an image of %d x %d pixels would be cut into %d views of %zu pixels, more than %d", picture->width,
                     picture->height, picture->view_count, picture->pixel_count / 3, PICTURE_MAX_PIXELS);
}

static lmvr_status plan_views(const struct preprocess *p, struct picture *picture, lmvr_error *error)
{
    TRY(ways[p->way]->plan(p, picture, error));
    return lay_out(picture, error);
}

lmvr_status preprocess_plan(const struct preprocess *p, int width, int height, struct picture *plan, lmvr_error *error)
{
    *plan = (struct picture){.width = width, .height = height};
    lmvr_status status = plan_views(p, plan, error);
    if (status != LMVR_OK)
        picture_finish(plan);
    return status;
}

lmvr_status preprocess_picture(const struct preprocess *p, const struct image *in, struct picture *picture, lmvr_error *error)
{
    TRY(preprocess_plan(p, in->width, in->height, picture, error));
    picture->pixels = pages_alloc(picture->pixel_count * sizeof *picture->pixels);
    lmvr_status status =
        picture->pixels ? ways[p->way]->draw(p, in, picture, error) : error_no_memory(error, "an image's pixels");
    if (status != LMVR_OK)
        picture_finish(picture);
    return status;
}

void picture_finish(struct picture *picture)
{
    free(picture->views);
    free(picture->pixels);
    *picture = (struct picture){0};
}

lmvr_status preprocess_limit(struct preprocess *p, int min_pixels, int max_pixels, lmvr_error *error)
{
    if (!min_pixels && !max_pixels)
        return LMVR_OK;
    if (p->way != VIEWS_ANY_SIZE)
        return error_set(error, LMVR_ERROR_INVALID, "min_pixels and max_pixels are for models that take pictures of any size");
    p->min_pixels = min_pixels ? min_pixels : p->min_pixels;
    p->max_pixels = max_pixels ? max_pixels : p->max_pixels;
    if (p->min_pixels <= p->max_pixels)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "min_pixels is %d, more than max_pixels, %d", p->min_pixels, p->max_pixels);
}
