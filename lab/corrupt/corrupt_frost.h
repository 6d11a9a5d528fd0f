/* Textures of frost, as frost_create() keeps them. */
#ifndef LMVR_LAB_CORRUPT_CORRUPT_FROST_H
#define LMVR_LAB_CORRUPT_CORRUPT_FROST_H

#include "image/image.h"

#define FROST_MADE 5   /* textures, where the user has none; the authors' code draws from as many */
#define FROST_SIDE 512 /* pixels of a made one */

struct frost {
    struct image *textures;
    int count;
};

/* Draws made texture `index`: ferns of ice that grow in from the edges and from seeds on the pane, whiter where they are dense,
 * over a cloudy blue gray. The same picture on every machine. */
lmvr_status frost_draw(int index, struct image *texture, lmvr_error *error);

#endif
