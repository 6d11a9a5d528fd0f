/* How a picture is made: painted, as the scenes that are trained on, or drawn in ink on paper, as those of VisDA's other
 * domain. */
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
#define MANNERS_PAINTED MANNER_OUTLINE /* the first ones; those from here on are ink on paper */
extern const char *const manner_names[MANNERS];

/* Whether things have the colors that are said of them. */
bool manner_keeps_colors(enum manner manner);

/* A piece of the picture with one object in it: RGBA floats whose colors are multiplied by alpha, (height, width, 4). */
struct layer {
    int left, top, width, height; /* in the picture, pixels */
    float *pixels;
};

/* How much ink, from 0 to 1, a drawing in this manner puts on pixel (x, y) of the layer. `pitch` is the distance of hatching's
 * lines, in pixels. */
float manner_ink(enum manner manner, const struct layer *layer, int x, int y, float pitch);

/* A painted manner; all that is random in it hangs on `seed`. `size` is the picture's side, in pixels. */
struct painted {
    enum manner manner;
    uint32_t seed;
    int size;
};

/* Paints the background, (size, size, 3), before there is anything on it. */
void painted_background(const struct painted *painted, float *rgb);

/* Paints a layer that holds the object's own colors. `scratch` has room for width * height floats. */
void painted_layer(const struct painted *painted, const struct layer *layer, float *scratch);

/* Paints the whole picture, (size, size, 3), when all is on it. */
void painted_picture(const struct painted *painted, float *rgb);

#endif
