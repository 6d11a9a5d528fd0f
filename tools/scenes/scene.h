/* A scene: which objects are in an image, where and how they look, and the background. */
#ifndef LMVR_TOOLS_SCENES_SCENE_H
#define LMVR_TOOLS_SCENES_SCENE_H

#include "tools/scenes/background.h"
#include "tools/scenes/color.h"
#include "tools/scenes/glyphs.h"
#include "tools/scenes/manner.h"

#define SCENE_MAX_OBJECTS 5

/* Lengths are in units of the image's side; (0, 0) is its upper left corner. */
#define SCENE_LEAST_SIDE   0.15
#define SCENE_MOST_SIDE    0.6
#define SCENE_MOST_OVERLAP 0.3        /* of two boxes: intersection over the smaller one */
#define SCENE_MOST_TURN    (M_PI / 6) /* in either direction */

/* In pixels; right and bottom are exclusive. */
struct box {
    int left, top, right, bottom;
};

struct object {
    int kind, glyph;
    double x, y; /* the center of its visible part */
    double side; /* the longer side of its box, before clipping */
    double angle;
    bool mirrored;
    double turn, brightness; /* of its colors */
    enum paint paint;

    /* set by scene_draw() */
    struct box box; /* of the visible glyph, clipped to the image, including what other objects hide */
    double visible; /* the share of its pixels hidden neither by other objects nor by the image's edge */
    bool cut;       /* clipped by the image's edge */
};

struct scene {
    struct background background;
    enum manner manner;
    float ink[3]; /* of a drawing */
    bool shadows;
    int count;
    struct object objects[SCENE_MAX_OBJECTS]; /* later ones hide earlier ones */
    struct random words;                      /* for texts about the scene */
};

/* Constraints on a scene. */
struct scene_rules {
    const int *kinds; /* (kind_count) to choose from */
    int kind_count;
    const int *others; /* (other_count) kinds added for variety; NULL: none */
    int other_count;
    int least, most;   /* number of objects */
    double least_side; /* of the longer side; 0: SCENE_LEAST_SIDE */
    bool drawn;        /* in ink on paper: outlines, hatching or dots */
};

/*
 * Chooses a scene with a generator (random_of() has one for each seed, split and index). It depends on nothing else but the
 * rules and the font. The generator's first number seeds the background's noise and determines all that follows; it is
 * different in every scene of a seed, so no test scene is also a training scene.
 */
void scene_choose(const struct glyphs *glyphs, const struct scene_rules *rules, struct random r, struct scene *scene);

/* Chooses one of the painted manners in `manners` (bit m is manner m) for a scene that is not a drawing; 0: leaves it
 * unchanged. Nothing else in the scene changes. */
void scene_choose_manner(struct scene *scene, unsigned manners);

/* The overlap of two boxes: intersection over the smaller one. */
double scene_overlap(const struct rectangle *a, const struct rectangle *b);

#endif
