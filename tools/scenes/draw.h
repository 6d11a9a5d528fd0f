/* From a scene to pixels. */
#ifndef LMVR_TOOLS_SCENES_DRAW_H
#define LMVR_TOOLS_SCENES_DRAW_H

#include "tools/scenes/scene.h"

#define DRAW_LEAST_SIZE 112 /* pixels */
#define DRAW_MOST_SIZE  2048

/* A square picture in the making: RGB floats from 0 to 1, (size, size, 3), and whose each pixel is: the number of an object
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

/* Darkens where the shadow of the sprite falls, down and to the right by `distance` pixels. */
void painting_shadow(struct painting *canvas, const struct sprite *sprite, const struct pose *pose, double distance);

/* The sprite in that pose as a layer as large as its bounds, clipped to the canvas; its pixels are owned by the caller. */
lmvr_status painting_layer(const struct painting *canvas, const struct sprite *sprite, const struct pose *pose,
                           struct layer *layer, lmvr_error *error);

/* Lays it over the canvas, as object number `owner`. */
void painting_over(struct painting *canvas, const struct layer *layer, int owner);

/* The box of what shows in the layer, in the canvas's pixels; empty where nothing does. */
struct box layer_box(const struct layer *layer);

/* Draws the scene in `rgb`, 8-bit (size, size, 3), and fills the objects' boxes. */
lmvr_status scene_draw(const struct glyphs *glyphs, struct scene *scene, int size, uint8_t *rgb, lmvr_error *error);

#endif
