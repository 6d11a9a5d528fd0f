/* A data set being generated: the interface between the set and its layout. */
#ifndef LMVR_TOOLS_SCENES_SET_H
#define LMVR_TOOLS_SCENES_SET_H

#include "tools/scenes/garment.h"
#include "tools/scenes/kind.h"
#include "tools/scenes/scenes.h"
#include "tools/scenes/scenes_listing.h"
#include "tools/scenes/view.h"

/* A split's number selects its generators, so scenes of two splits are never the same. */
enum set_part { SET_TRAIN, SET_TEST, SET_VALIDATION, SET_PARTS };

/* An image being made. */
struct picture {
    enum set_part part;
    int64_t index;  /* within its split, from 0 */
    char path[160]; /* relative to the set's folder */
    int class;      /* for layouts with one class per image */
    struct scene scene;
    struct outfit outfit; /* for the layout with clothes */
};

struct set;

/* A layout's methods. They are called in this order: begin, then for each split plan and draw for every image, on any thread,
 * and add in order; then end. What they write goes to set->lists, which keep failures. */
struct layout {
    const char *name;
    const char *const *entries;                            /* the entries of the set's folder; ends with NULL */
    const char *(*class_of)(const struct kind *kind);      /* a kind's class, or NULL; NULL: scenes have any kinds */
    bool has_validation, has_outfits;                      /* a third split, as large as the test split; clothes, not scenes */
    void (*begin)(struct set *set);                        /* opens the lists; NULL: there are none */
    void (*plan)(const struct set *set, struct picture *); /* sets path, class, and scene or outfit */
    void (*add)(struct set *set, const struct picture *);  /* NULL: nothing but the image */
    void (*end)(struct set *set);                          /* ends the lists; NULL: they have no end */
};

#define SET_MOST_KINDS 256

struct set {
    const struct scenes_options *options;
    const struct layout *layout;
    struct glyphs glyphs;
    struct listings lists;
    int with[SET_MOST_KINDS], without[SET_MOST_KINDS]; /* kinds with a class, and others */
    int with_count, without_count;
};

extern const struct layout layout_voc2007, layout_coco, layout_visda, layout_imagenet, layout_deepfashion, layout_llava;
/* By enum scenes_layout, from 1 on. */
extern const struct layout *const layouts[SCENES_LAYOUTS];

/* Sorts the kinds. */
void set_init(struct set *set, const struct scenes_options *options);

/* The image's generator. */
struct random set_random(const struct set *set, const struct picture *picture);

/* Chooses a scene of 2 to SCENE_MAX_OBJECTS objects with a class, and perhaps others. */
void set_choose_scene(const struct set *set, struct picture *picture);

/* The class of image `index` when `count` classes take turns: each run of `count` images has each class once, in an order that
 * depends on the seed. All splits have the same order, so a shorter one never has a class that a longer one lacks. */
int set_class(const struct set *set, int64_t index, int count);

#endif
