/* A made data set while it is written: what a layout has to say about its pictures. */
#ifndef LMVR_TOOLS_SCENES_SET_H
#define LMVR_TOOLS_SCENES_SET_H

#include "tools/scenes/garment.h"
#include "tools/scenes/scenes.h"
#include "tools/scenes/scenes_listing.h"
#include "tools/scenes/view.h"

/* The number of a part is that of its generators: scenes of two parts are never the same. */
enum set_part { SET_TRAIN, SET_TEST, SET_VALIDATION, SET_PARTS };

/* One picture, while it is made. */
struct picture {
    enum set_part part;
    int64_t index;  /* in its part, from 0 */
    char path[160]; /* below the set's folder */
    int class;      /* of a layout with one class a picture */
    struct scene scene;
    struct outfit outfit; /* of the layout that has clothes */
};

struct set;

/* The methods of a layout. A set calls them in this order: begin, then for each part in turn plan and draw for every picture,
 * on any thread, and add in the pictures' order; then end. finish comes in any case. */
struct layout {
    const char *name;
    const char *const *entries; /* what stands in the set's folder; ends with NULL */
    int64_t (*count)(const struct scenes_options *options, enum set_part part); /* NULL: count, test_count and no validation */
    lmvr_status (*begin)(struct set *set, lmvr_error *error);
    void (*plan)(const struct set *set, struct picture *picture); /* fills path, class, and scene or outfit */
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
    void *state; /* of the layout; finish() frees it */
};

extern const struct layout layout_voc2007, layout_coco, layout_visda, layout_imagenet, layout_deepfashion, layout_llava;

/* The generator of a picture. */
struct random set_random(const struct set *set, const struct picture *picture);

/* Kinds by what `class_of` says of them: (kind_count) with a class in `with`, the others in `without`. */
struct kind_lists {
    int *with, *without; /* owned */
    int with_count, without_count;
};
lmvr_status kind_lists_init(struct kind_lists *lists, bool (*has)(int kind), lmvr_error *error);
void kind_lists_finish(struct kind_lists *lists);

/* The class of picture `index` where `count` classes take turns: each run of `count` pictures has each class once, in an order
 * that depends on the seed. All parts have the same order, so that a part does not test a class that a longer one does not
 * have. */
int set_class(const struct set *set, int64_t index, int count);

#endif
