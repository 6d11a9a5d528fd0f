/*
 * Made data sets: pictures with known contents, drawn from the color emoji font, in the layouts of public sets. Which files a
 * layout has, and what is drawn, docs/scenes.md says.
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
    const char *output; /* a folder; made where it is missing */
    int64_t count;      /* pictures to train on, from 1 to SCENES_MOST */
    int64_t test_count; /* pictures to test on; 0: a quarter of count, at least one */
    uint64_t seed;
    unsigned manners; /* scenes_manners(): how scenes are painted; 0: in colors */
    int size;         /* of a picture's sides, pixels, from 112 to 2048; 0: SCENES_DEFAULT_SIZE */
    int threads;      /* 0: one a processor */
    bool force;       /* remove a set that was made there before */
    int (*progress)(int64_t done, int64_t total, void *user); /* after some pictures; non-zero stops. NULL: none */
    void *user;
};

/* "colors,gray" as bits for scenes_options.manners; LMVR_ERROR_INVALID names what is no painted manner. */
lmvr_status scenes_manners(const char *list, unsigned *manners, lmvr_error *error);

/*
 * Makes the set. The same options give the same bytes, whatever the threads, with the same version of the font; picture i of a
 * part does not depend on how many there are. LMVR_ERROR_INVALID: options out of range, the font is missing, or the folder
 * holds something; nothing was written. LMVR_STOPPED: by `progress`; the folder then has pictures and a made.json that says
 * "complete": false, but none of the layout's lists.
 */
lmvr_status scenes_make(const struct scenes_options *options, lmvr_error *error);

#endif
