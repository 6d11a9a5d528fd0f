/*
 * Generated data sets: images with known contents, drawn from the color emoji font, in the layouts of public data sets.
 * docs/scenes.md says which files a layout has, and what is drawn.
 */
#ifndef LMVR_TOOLS_SCENES_SCENES_H
#define LMVR_TOOLS_SCENES_SCENES_H

#include "error.h"

#include <stdbool.h>

enum scenes_layout {
    SCENES_VOC2007 = 1,
    SCENES_COCO,
    SCENES_VISDA,
    SCENES_IMAGENET,
    SCENES_DEEPFASHION,
    SCENES_LLAVA,
    SCENES_LAYOUTS
};

#define SCENES_DEFAULT_SIZE 224
#define SCENES_MOST         10000000

struct scenes_options {
    enum scenes_layout layout;
    const char *output; /* a folder; created if missing */
    int64_t count;      /* training images, from 1 to SCENES_MOST */
    int64_t test_count; /* test images; 0: a quarter of count, at least one */
    uint64_t seed;
    unsigned manners; /* from scenes_manners(): how scenes are painted; 0: in colors */
    int size;         /* the images' sides in pixels, from 112 to 2048; 0: SCENES_DEFAULT_SIZE */
    int threads;      /* 0: one per processor */
    bool force;       /* remove an earlier generated set in the folder */
    int (*progress)(int64_t done, int64_t total, void *user); /* called now and then; nonzero stops. NULL: none */
    void *user;
};

/* Parses "colors,gray" into bits for scenes_options.manners; LMVR_ERROR_INVALID names what is not a painted manner. */
lmvr_status scenes_manners(const char *list, unsigned *manners, lmvr_error *error);

/*
 * Generates the set. The same options give the same bytes for any number of threads, with the same version of the font; image i
 * of a split does not depend on the number of images. LMVR_ERROR_INVALID: options out of range, the font is missing, or the
 * folder is not empty; nothing was written. LMVR_STOPPED: by `progress`; the folder then has images and a made.json with
 * "complete": false, but none of the layout's lists.
 */
lmvr_status scenes_make(const struct scenes_options *options, lmvr_error *error);

#endif
