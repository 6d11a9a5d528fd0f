/* Renders scenes to pixels. */
#ifndef LMVR_TOOLS_SCENES_DRAW_H
#define LMVR_TOOLS_SCENES_DRAW_H

#include "tools/scenes/scene.h"

#define DRAW_LEAST_SIZE 112 /* pixels */
#define DRAW_MOST_SIZE  2048

/* A square image being painted: RGB floats from 0 to 1, (size, size, 3), and which object owns each pixel: an object's number
 * from 1 on, 0 for the background. */
struct painting {
    int size;
    float *rgb;
    uint8_t *owner;
};

lmvr_status painting_init(struct painting *canvas, int size, lmvr_error *error);
void painting_finish(struct painting *canvas);

/* 8-bit pixels, (size, size, 3). */
void painting_to_bytes(const struct painting *canvas, uint8_t *rgb);

void painting_background(struct painting *canvas, const struct background *background);

/* Draws the sprite's shadow, offset down and to the right by `distance` pixels. */
void painting_shadow(struct painting *canvas, const struct sprite *sprite, const struct pose *pose, double distance);

/* Renders the sprite in that pose as a layer as large as its bounds, clipped to the canvas; the caller owns its pixels. */
lmvr_status painting_layer(const struct painting *canvas, const struct sprite *sprite, const struct pose *pose,
                           struct layer *layer, lmvr_error *error);

/* Composites the layer onto the canvas, as object number `owner`. */
void painting_over(struct painting *canvas, const struct layer *layer, int owner);

/* The bounding box of the layer's visible pixels, in canvas coordinates; empty if there are none. */
struct box layer_box(const struct layer *layer);

/* Draws the scene into `rgb`, 8-bit (size, size, 3), and fills in the objects' boxes. */
lmvr_status scene_draw(const struct glyphs *glyphs, struct scene *scene, int size, uint8_t *rgb, lmvr_error *error);

#endif
