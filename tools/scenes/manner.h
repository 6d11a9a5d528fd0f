/* How a picture is made: in colors, or drawn with ink on paper. */
#ifndef LMVR_TOOLS_SCENES_MANNER_H
#define LMVR_TOOLS_SCENES_MANNER_H

enum manner { MANNER_COLORS, MANNER_OUTLINE, MANNER_HATCHING, MANNER_DITHER, MANNERS };
extern const char *const manner_names[MANNERS];

/* A piece of the picture with one object in it: RGBA floats whose colors are multiplied by alpha, (height, width, 4). */
struct layer {
    int left, top, width, height; /* in the picture, pixels */
    float *pixels;
};

/* How much ink, from 0 to 1, a drawing in this manner puts on pixel (x, y) of the layer. `pitch` is the distance of hatching's
 * lines, in pixels. */
float manner_ink(enum manner manner, const struct layer *layer, int x, int y, float pitch);

#endif
