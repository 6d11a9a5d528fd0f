/* A small image with a transparent background, stored at several sizes so that it can be drawn at any. */
#ifndef LMVR_TOOLS_SCENES_SPRITE_H
#define LMVR_TOOLS_SCENES_SPRITE_H

#include "error.h"

#include <stdbool.h>

#define SPRITE_LEVELS 6

/* Pixels are premultiplied RGBA: (height, width, 4). */
struct sprite_level {
    int width, height;
    uint8_t *pixels;
};

struct sprite_point {
    float x, y;
};

struct sprite {
    struct sprite_level levels[SPRITE_LEVELS]; /* each half as wide and high as the one before */
    int left, top, right, bottom;              /* bounds of the visible part; right and bottom are exclusive */
    struct sprite_point *edge; /* (edge_count) corners of visible pixels, relative to the center of those bounds */
    int edge_count;
};

/* The lowest alpha, 0 to 1, that counts as visible. */
#define SPRITE_SHOWS 0.25F

/* From cairo's premultiplied ARGB32 (`stride` bytes per row). LMVR_ERROR_INVALID, without a message: nothing is visible. */
lmvr_status sprite_init(struct sprite *sprite, const unsigned char *argb, int width, int height, int stride, lmvr_error *error);
void sprite_finish(struct sprite *sprite);

/* Where a sprite is in an image. The center of its visible part is at (x, y), in pixels; `scale` is image pixels per sprite
 * pixel. */
struct pose {
    double x, y, scale, angle; /* radians, clockwise */
    bool mirrored;
};

struct rectangle {
    double left, top, right, bottom;
};

/* The fractional bounding box of the visible part in this pose. */
struct rectangle sprite_bounds(const struct sprite *sprite, const struct pose *pose);

/* The pose whose center is at (x, y) and whose bounding box has this longer side, in pixels. */
struct pose sprite_pose(const struct sprite *sprite, double x, double y, double side, double angle, bool mirrored);

/* Maps image pixels to sprite pixels. */
struct sprite_map {
    const struct sprite *sprite;
    float xx, xy, x0, yx, yy, y0; /* to the full-size level */
    int level;
    bool single; /* one sample per pixel is enough */
};

struct sprite_map sprite_map(const struct sprite *sprite, const struct pose *pose);

/* Interpolates `level` at (u, v) of the full size: premultiplied RGBA from 0 to 1; transparent outside. */
void sprite_sample(const struct sprite *sprite, int level, float u, float v, float rgba[4]);

/* The same for the image's pixel (column, row): the mean of four samples if the sprite is scaled down. */
void sprite_pixel(const struct sprite_map *map, int column, int row, float rgba[4]);

#endif
