/* VIEWS_TILES: Idefics3ImageProcessor and SmolVLMImageProcessor, whose code is the same. The image is resized to a longest
 * edge, then to multiples of the tile, then, for the view of the whole, to one tile; Pillow rounds to bytes each time. */
#include "image/ways.h"

#define MAX_EDGE 4096

struct size {
    int64_t width, height;
};

static int64_t at_least(int64_t value, int64_t least)
{
    return value > least ? value : least;
}

/* A longest edge of `edge`, keeping the aspect: _resize_output_size_rescale_to_max_len, which makes the other edge even. */
static struct size scale_to(struct size in, int edge)
{
    double aspect = (double)in.width / (double)in.height;
    int64_t other = in.width >= in.height ? (int64_t)(edge / aspect) : (int64_t)(edge * aspect);
    other = at_least(other + other % 2, 1);
    return in.width >= in.height ? (struct size){edge, other} : (struct size){other, edge};
}

/* _resize_output_size_scale_below_upper_bound */
static struct size scale_below(struct size in, int edge)
{
    double aspect = (double)in.width / (double)in.height;
    if (in.width >= in.height && in.width > edge)
        in = (struct size){edge, (int64_t)(edge / aspect)};
    else if (in.height > in.width && in.height > edge)
        in = (struct size){(int64_t)(edge * aspect), edge};
    return (struct size){at_least(in.width, 1), at_least(in.height, 1)};
}

static int64_t round_up(int64_t value, int factor)
{
    return (value + factor - 1) / factor * factor;
}

/* resize_for_vision_encoder: both sides multiples of the tile, the longer one first. */
static struct size fit_tiles(struct size in, int tile)
{
    double aspect = (double)in.width / (double)in.height;
    struct size out;
    if (in.width >= in.height) {
        out.width = round_up(in.width, tile);
        out.height = round_up((int64_t)((double)out.width / aspect), tile);
    } else {
        out.height = round_up(in.height, tile);
        out.width = round_up((int64_t)((double)out.height * aspect), tile);
    }
    return out;
}

/* The sizes that the image takes one after the other, and the tiles of the last. */
struct steps {
    struct size resized, fitted;
    int rows, columns;
};

static lmvr_status steps_of(const struct preprocess *p, const struct picture *picture, struct steps *steps, lmvr_error *error)
{
    struct size size = {picture->width, picture->height};
    if (p->do_resize && p->longest_edge > 0)
        size = scale_below(scale_to(size, p->longest_edge), MAX_EDGE);
    else if (p->do_resize)
        size = (struct size){p->width, p->height};
    *steps = (struct steps){size, {p->tile, p->tile}, 0, 0};
    if (p->do_resize)
        TRY(picture_check_size(picture, size.width, size.height, error));
    if (!p->do_split)
        return LMVR_OK;
    steps->fitted = fit_tiles(size, p->tile);
    TRY(picture_check_size(picture, steps->fitted.width, steps->fitted.height, error));
    if (steps->fitted.width > p->tile || steps->fitted.height > p->tile) {
        steps->rows = (int)(steps->fitted.height / p->tile);
        steps->columns = (int)(steps->fitted.width / p->tile);
    }
    return LMVR_OK;
}

static void place_tile(const struct picture *picture, int row, int column, struct view *view)
{
    view->row = row;
    view->column = column;
    view->area[2] = (double)picture->width / picture->tile_columns;
    view->area[3] = (double)picture->height / picture->tile_rows;
    view->area[0] = column * view->area[2];
    view->area[1] = row * view->area[3];
}

static lmvr_status plan(const struct preprocess *p, struct picture *picture, lmvr_error *error)
{
    struct steps steps;
    TRY(steps_of(p, picture, &steps, error));
    TRY(picture_make_views(picture, steps.rows, steps.columns, 1, error));
    for (int row = 0; row < steps.rows; row++)
        for (int column = 0; column < steps.columns; column++)
            place_tile(picture, row, column, &picture->views[row * steps.columns + column]);
    for (int i = 0; i < picture->view_count; i++)
        picture->views[i].width = picture->views[i].height = p->tile;
    return LMVR_OK;
}

static void draw_tiles(const struct preprocess *p, const struct image *fitted, const struct picture *picture)
{
    size_t stride = (size_t)fitted->width * 3;
    for (int i = 0; i < picture->view_count - 1; i++) {
        const struct view *view = &picture->views[i];
        const uint8_t *corner = fitted->rgb + view->row * p->tile * stride + (size_t)view->column * p->tile * 3;
        normalize(p, corner, stride, p->tile, p->tile, picture->pixels + view->first);
    }
}

static lmvr_status draw_all(const struct preprocess *p, struct raster *raster, const struct picture *picture, lmvr_error *error)
{
    const struct view *whole = &picture->views[picture->view_count - 1];
    struct steps steps;
    TRY(steps_of(p, picture, &steps, error));
    TRY(raster_resize(raster, (int)steps.resized.width, (int)steps.resized.height, p->filter, error));
    TRY(raster_resize(raster, (int)steps.fitted.width, (int)steps.fitted.height, p->filter, error));
    draw_tiles(p, &raster->image, picture);
    TRY(raster_resize(raster, p->tile, p->tile, p->filter, error));
    normalize(p, raster->image.rgb, (size_t)p->tile * 3, p->tile, p->tile, picture->pixels + whole->first);
    return LMVR_OK;
}

static lmvr_status draw(const struct preprocess *p, const struct image *in, const struct picture *picture, lmvr_error *error)
{
    struct raster raster = raster_of(in);
    lmvr_status status = draw_all(p, &raster, picture, error);
    raster_finish(&raster);
    return status;
}

const struct way way_tiles = {plan, draw};
