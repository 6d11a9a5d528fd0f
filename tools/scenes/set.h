/* A data set being generated: the interface between the set and its layout. */
#ifndef LMVR_TOOLS_SCENES_SET_H
#define LMVR_TOOLS_SCENES_SET_H

#include "tools/scenes/garment.h"
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
 * and add in order; then end. finish is called in any case. */
struct layout {
    const char *name;
    const char *const *entries; /* the entries of the set's folder; ends with NULL */
    int64_t (*count)(const struct scenes_options *options,
                     enum set_part part); /* NULL: count, test_count and no validation split */
    lmvr_status (*begin)(struct set *set, lmvr_error *error);
    void (*plan)(const struct set *set, struct picture *picture); /* sets path, class, and scene or outfit */
    bool has_outfits;
    lmvr_status (*add)(struct set *set, const struct picture *picture, lmvr_error *error);
    lmvr_status (*end)(struct set *set, lmvr_error *error);
    void (*finish)(struct set *set);
};

struct set {
    const struct scenes_options *options;
    const struct layout *layout;
    struct glyphs glyphs;
    struct listing truth;
    void *state; /* the layout's; finish() frees it */
};

extern const struct layout layout_voc2007, layout_coco, layout_visda, layout_imagenet, layout_deepfashion, layout_llava;

/* The image's generator. */
struct random set_random(const struct set *set, const struct picture *picture);

/* Kinds partitioned by `class_of`: (kind_count) those with a class in `with`, the others in `without`. */
struct kind_lists {
    int *with, *without; /* owned */
    int with_count, without_count;
};
lmvr_status kind_lists_init(struct kind_lists *lists, bool (*has)(int kind), lmvr_error *error);
void kind_lists_finish(struct kind_lists *lists);

/* The class of image `index` when `count` classes take turns: each run of `count` images has each class once, in an order that
 * depends on the seed. All splits have the same order, so a shorter one never has a class that a longer one lacks. */
int set_class(const struct set *set, int64_t index, int count);

#endif
