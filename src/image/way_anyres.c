/* VIEWS_ANYRES: LlavaNextImageProcessor. The image is fitted into the best of the given sizes and cut into tiles; these, and
 * the whole picture, are then resized and cropped as in VIEWS_FIXED. */
#include "image/ways.h"

#include <math.h>

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* transformers' select_best_resolution: the size that keeps most of the image's pixels, of those the one that wastes least. */
static struct pixel_size best_grid(const struct preprocess *p, int width, int height)
{
    int64_t best_used = 0, best_wasted = INT64_MAX;
    struct pixel_size best = p->grids[0];
    for (int i = 0; i < p->grid_count; i++) {
        const struct pixel_size *grid = &p->grids[i];
        double scale = fmin((double)grid->width / width, (double)grid->height / height);
        int64_t scaled = (int64_t)(width * scale) * (int64_t)(height * scale);
        int64_t used = smaller(scaled, (int64_t)width * height), wasted = (int64_t)grid->width * grid->height - used;
        if (used < best_used || (used == best_used && wasted >= best_wasted))
            continue;
        best_used = used;
        best_wasted = wasted;
        best = *grid;
    }
    return best;
}

/* transformers' get_patch_output_size: as large as fits into the grid. */
static struct pixel_size fit(const struct pixel_size *grid, int width, int height)
{
    double scale_x = (double)grid->width / width, scale_y = (double)grid->height / height;
    if (scale_x < scale_y)
        return (struct pixel_size){grid->width, (int)fmin(ceil(height * scale_x), grid->height)};
    return (struct pixel_size){(int)fmin(ceil(width * scale_y), grid->width), grid->height};
}

/* The size of the whole picture's view, before VIEWS_FIXED. */
static struct pixel_size whole_size(const struct preprocess *p)
{
    if (p->shortest_edge > 0)
        return (struct pixel_size){p->shortest_edge, p->shortest_edge};
    return (struct pixel_size){p->width, p->height};
}

/* The tile of a view: a part of the black grid that has `fitted` in its middle. The last row and column may be smaller. */
static struct canvas tile_of(const struct preprocess *p, const struct pixel_size *grid, const struct image *fitted,
                             const struct view *view)
{
    int x = view->column * p->tile, y = view->row * p->tile;
    return (struct canvas){
        .image = fitted,
        .width = (int)smaller(p->tile, grid->width - x),
        .height = (int)smaller(p->tile, grid->height - y),
        .left = (grid->width - fitted->width) / 2 - x,
        .top = (grid->height - fitted->height) / 2 - y,
    };
}

static struct canvas whole_of(const struct image *whole)
{
    return (struct canvas){.image = whole, .width = whole->width, .height = whole->height};
}

static lmvr_status plan_view(const struct preprocess *p, const struct canvas *canvas, const struct picture *picture,
                             struct view *view, lmvr_error *error)
{
    struct pixel_size size;
    TRY(fixed_size(p, canvas, &size, error));
    view->width = size.width;
    view->height = size.height;
    fixed_area(p, canvas, view->area);
    for (int i = 0; i < 4; i++)
        view->area[i] *=
            i % 2 == 0 ? (double)picture->width / canvas->image->width : (double)picture->height / canvas->image->height;
    return LMVR_OK;
}

static lmvr_status plan(const struct preprocess *p, struct picture *picture, lmvr_error *error)
{
    struct pixel_size grid = best_grid(p, picture->width, picture->height), size = whole_size(p);
    struct pixel_size fitted = fit(&grid, picture->width, picture->height);
    TRY(picture_check_size(picture, grid.width, grid.height, error));
    TRY(picture_check_size(picture, size.width, size.height, error));
    TRY(picture_make_views(picture, (grid.height + p->tile - 1) / p->tile, (grid.width + p->tile - 1) / p->tile, 1, error));
    struct image image = {size.width, size.height, NULL};
    struct canvas canvas = whole_of(&image);
    TRY(plan_view(p, &canvas, picture, &picture->views[0], error));
    image = (struct image){fitted.width, fitted.height, NULL};
    struct view *view = &picture->views[1];
    for (int row = 0; row < picture->tile_rows; row++)
        for (int column = 0; column < picture->tile_columns; column++, view++) {
            view->row = row;
            view->column = column;
            canvas = tile_of(p, &grid, &image, view);
            TRY(plan_view(p, &canvas, picture, view, error));
        }
    return LMVR_OK;
}

static lmvr_status draw_view(const struct preprocess *p, const struct canvas *canvas, const struct picture *picture,
                             const struct view *view, lmvr_error *error)
{
    struct pixel_size size = {view->width, view->height};
    return fixed_draw(p, canvas, &size, picture->pixels + view->first, error);
}

static lmvr_status draw_whole(const struct preprocess *p, struct raster *raster, const struct picture *picture,
                              lmvr_error *error)
{
    struct pixel_size size = whole_size(p);
    TRY(raster_resize(raster, size.width, size.height, p->filter, error));
    struct canvas canvas = whole_of(&raster->image);
    return draw_view(p, &canvas, picture, &picture->views[0], error);
}

static lmvr_status draw_tiles(const struct preprocess *p, struct raster *raster, const struct picture *picture,
                              lmvr_error *error)
{
    struct pixel_size grid = best_grid(p, picture->width, picture->height);
    struct pixel_size fitted = fit(&grid, picture->width, picture->height);
    TRY(raster_resize(raster, fitted.width, fitted.height, p->filter, error));
    for (int i = 1; i < picture->view_count; i++) {
        struct canvas canvas = tile_of(p, &grid, &raster->image, &picture->views[i]);
        TRY(draw_view(p, &canvas, picture, &picture->views[i], error));
    }
    return LMVR_OK;
}

static lmvr_status draw(const struct preprocess *p, const struct image *in, const struct picture *picture, lmvr_error *error)
{
    struct raster whole = raster_of(in), tiles = raster_of(in);
    lmvr_status status = draw_whole(p, &whole, picture, error);
    if (status == LMVR_OK)
        status = draw_tiles(p, &tiles, picture, error);
    raster_finish(&whole);
    raster_finish(&tiles);
    return status;
}

const struct way way_anyres = {plan, draw};
