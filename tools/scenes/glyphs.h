/* The glyphs of every kind, rendered once from the color emoji font. */
#ifndef LMVR_TOOLS_SCENES_GLYPHS_H
#define LMVR_TOOLS_SCENES_GLYPHS_H

#include "tools/scenes/sprite.h"

#define GLYPHS_FONT    "Noto Color Emoji"
#define GLYPHS_PACKAGE "fonts-noto-color-emoji"

struct glyphs {
    int *first;             /* (kind_count) index of each kind's first sprite; its other glyphs follow */
    struct sprite *sprites; /* (count) */
    int count;
    struct sprite *garments; /* (garment_count), in the order of garments[] */
};

/* LMVR_ERROR_INVALID: the font is missing, or lacks one of the glyphs in color. */
lmvr_status glyphs_load(struct glyphs *glyphs, lmvr_error *error);
void glyphs_finish(struct glyphs *glyphs);

const struct sprite *glyphs_get(const struct glyphs *glyphs, int kind, int glyph);

#endif
