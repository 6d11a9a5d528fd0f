/* Rendering styles ("manners"): painted ones for training scenes, or ink on paper for VisDA's other domain. */
#ifndef LMVR_TOOLS_SCENES_MANNER_H
#define LMVR_TOOLS_SCENES_MANNER_H

#include <stdbool.h>
#include <stdint.h>

enum manner {
    MANNER_COLORS, /* the font's own colors */
    MANNER_PHOTO,  /* uneven light, rough surfaces, a tint, grain */
    MANNER_FLAT,   /* each object in three tones of one color */
    MANNER_GRAY,   /* without colors */
    MANNER_PENCIL, /* soft shading and contours on white */
    MANNER_OUTLINE,
    MANNER_HATCHING,
    MANNER_DITHER,
    MANNERS
};
#define MANNERS_PAINTED MANNER_OUTLINE /* painted manners come first; those from here on are ink on paper */
extern const char *const manner_names[MANNERS];

/* Whether objects have the colors that texts say. */
bool manner_keeps_colors(enum manner manner);

/* A part of the image with one object: premultiplied RGBA floats, (height, width, 4). */
struct layer {
    int left, top, width, height; /* position in the image, pixels */
    float *pixels;
};

/* How much ink, 0 to 1, a drawing in this manner puts on pixel (x, y) of the layer. `pitch` is the distance between hatching
 * lines, in pixels. */
float manner_ink(enum manner manner, const struct layer *layer, int x, int y, float pitch);

/* A painted manner, whose randomness depends only on `seed`. `size` is the image's side, in pixels. */
struct painted {
    enum manner manner;
    uint32_t seed;
    int size;
};

/* Paints the background, (size, size, 3), before anything else. */
void painted_background(const struct painted *painted, float *rgb);

/* Paints a layer, which has the object's own colors. `scratch` has room for width * height floats. */
void painted_layer(const struct painted *painted, const struct layer *layer, float *scratch);

/* Post-processes the finished image, (size, size, 3). */
void painted_picture(const struct painted *painted, float *rgb);

#endif
