/* Frost textures, as frost_create() keeps them. */
#ifndef LMVR_LAB_CORRUPT_CORRUPT_FROST_H
#define LMVR_LAB_CORRUPT_CORRUPT_FROST_H

#include "image/image.h"

#define FROST_MADE 5   /* textures generated if the user has none; the authors' code has as many */
#define FROST_SIDE 512 /* side of a generated texture, in pixels */

struct frost {
    struct image *textures;
    int count;
};

/* Draws generated texture `index`: ice ferns that grow in from the edges and from seeds on the pane, whiter where they are
 * dense, over a cloudy blue gray. The same bytes on every machine. */
lmvr_status frost_draw(int index, struct image *texture, lmvr_error *error);

#endif
