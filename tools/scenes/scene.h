/* A scene: what is in a picture, where, how, and before what. */
#ifndef LMVR_TOOLS_SCENES_SCENE_H
#define LMVR_TOOLS_SCENES_SCENE_H

#include "tools/scenes/background.h"
#include "tools/scenes/color.h"
#include "tools/scenes/glyphs.h"
#include "tools/scenes/manner.h"

#define SCENE_MAX_OBJECTS 5

/* Lengths are in pictures: the picture is the unit square, (0, 0) its upper left corner. */
#define SCENE_LEAST_SIDE   0.15
#define SCENE_MOST_SIDE    0.6
#define SCENE_MOST_OVERLAP 0.3        /* of two boxes: what they share over the smaller one */
#define SCENE_MOST_TURN    (M_PI / 6) /* to either side */

/* Pixels; right and bottom are behind the last one. */
struct box {
    int left, top, right, bottom;
};

struct object {
    int kind, glyph;
    double x, y; /* the middle of what shows */
    double side; /* the longer one of its box, before the picture cuts it */
    double angle;
    bool mirrored;
    double turn, brightness; /* of its colors */
    enum paint paint;

    /* filled by scene_draw() */
    struct box box; /* of what shows of its glyph, within the picture; what other objects hide of it is counted in */
    double visible; /* the share of its pixels that neither another object nor the picture's edge hides */
    bool cut;       /* by the picture's edge */
};

struct scene {
    struct background background;
    enum manner manner;
    float ink[3]; /* of a drawing */
    bool shadows;
    int count;
    struct object objects[SCENE_MAX_OBJECTS]; /* a later one hides an earlier one */
    struct random words;                      /* for what is said of it */
};

/* What may be in a scene. */
struct scene_rules {
    const int *kinds; /* (kind_count) to choose from */
    int kind_count;
    const int *others; /* (other_count) kinds that are there for variety; NULL: none */
    int other_count;
    int least, most;   /* objects */
    double least_side; /* of the longer side; 0: SCENE_LEAST_SIDE */
    bool drawn;        /* on paper: outlines, hatching or dots */
};

/*
 * Chooses the scene of a generator (random_of() gives one for each seed, part and index): it depends on nothing else but the
 * rules and the font. The first number that its generator gives is the seed of the background's noise and the order of all that
 * follows; it differs between any two scenes of a seed, so that no test scene is one of the training scenes.
 */
void scene_choose(const struct glyphs *glyphs, const struct scene_rules *rules, struct random r, struct scene *scene);

/* Chooses one of the painted manners, bit m of `manners` being manner m, for a scene that is not a drawing; 0: it stays as it
 * is. Nothing else in the scene changes. */
void scene_choose_manner(struct scene *scene, unsigned manners);

/* How far two boxes overlap: what they share over the smaller one. */
double scene_overlap(const struct rectangle *a, const struct rectangle *b);

#endif
