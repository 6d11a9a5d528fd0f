/* A small picture with a transparent ground, kept at several sizes so that it can be drawn at any. */
#ifndef LMVR_TOOLS_SCENES_SPRITE_H
#define LMVR_TOOLS_SCENES_SPRITE_H

#include "error.h"

#include <stdbool.h>

#define SPRITE_LEVELS 6

/* Pixels are RGBA, the colors multiplied by alpha: (height, width, 4). */
struct sprite_level {
    int width, height;
    uint8_t *pixels;
};

struct sprite_point {
    float x, y;
};

struct sprite {
    struct sprite_level levels[SPRITE_LEVELS]; /* each half as wide and high as the one before */
    int left, top, right, bottom;              /* of what shows, right and bottom behind the last pixel */
    struct sprite_point *edge;                 /* (edge_count) corners of pixels that show, from the middle of that box */
    int edge_count;
};

/* Alpha from which on a pixel counts as showing, of 1. */
#define SPRITE_SHOWS 0.25F

/* Takes cairo's premultiplied ARGB32 (`stride` bytes a row). Nothing showing: LMVR_ERROR_INVALID, without a sentence. */
lmvr_status sprite_init(struct sprite *sprite, const unsigned char *argb, int width, int height, int stride, lmvr_error *error);
void sprite_finish(struct sprite *sprite);

/* Where a sprite lies in a picture. The middle of what shows goes to (x, y), in pixels; `scale` is picture pixels a sprite
 * pixel. */
struct pose {
    double x, y, scale, angle; /* radians, clockwise */
    bool mirrored;
};

struct rectangle {
    double left, top, right, bottom;
};

/* The box around what shows in this pose, to a fraction of a pixel. */
struct rectangle sprite_bounds(const struct sprite *sprite, const struct pose *pose);

/* A way from picture pixels to the sprite's. */
struct sprite_map {
    const struct sprite *sprite;
    float xx, xy, x0, yx, yy, y0; /* of the full-size level */
    int level;
    bool single; /* one sample a pixel is enough */
};

struct sprite_map sprite_map(const struct sprite *sprite, const struct pose *pose);

/* `level` at (u, v) of the full size, between its neighboring pixels: RGBA from 0 to 1, multiplied; transparent outside. */
void sprite_sample(const struct sprite *sprite, int level, float u, float v, float rgba[4]);

/* The same for the picture's pixel (column, row), the mean of four samples in it where the sprite gets smaller. */
void sprite_pixel(const struct sprite_map *map, int column, int row, float rgba[4]);

#endif
