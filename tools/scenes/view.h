/* A drawn scene as text describes it: objects of the same name grouped, from left to right, with what can be said about
 * them. */
#ifndef LMVR_TOOLS_SCENES_VIEW_H
#define LMVR_TOOLS_SCENES_VIEW_H

#include "tools/scenes/scene.h"
#include "tools/scenes/scene_text.h"

/* Objects with the same name. */
struct mention {
    int kind, count;
    int members[SCENE_MAX_OBJECTS]; /* indices in scene->objects, from left to right */
    const char *one, *many;         /* "pair of jeans", "pairs of jeans" */
};

struct view {
    const struct scene *scene;
    int size; /* of the image, pixels */
    int count;
    struct mention mentions[SCENE_MAX_OBJECTS]; /* from left to right */
};

/* If `varied`, some names are replaced by synonyms or narrower words such as "woman". */
void view_init(struct view *view, const struct scene *scene, int size, bool varied, struct random *r);

/* The center of an object's box, in units of the image's side. */
double view_x(const struct view *view, int object);
double view_y(const struct view *view, int object);
/* Its longer side, in the same units. */
double view_side(const struct view *view, int object);

/* "small", "large", or NULL between. */
const char *view_size_word(const struct view *view, int object);
/* "red": its painted color, else its kind's own; NULL: none worth mentioning. */
const char *view_color_word(const struct view *view, int object);
/* The common color of the mention's objects; NULL: none. */
const char *view_common_color(const struct view *view, const struct mention *mention);
/* "on the left", "in the top right corner", "in the middle". */
const char *view_place(const struct view *view, int object);

/* Whether the first object is clearly to the left of the second; clearly above it. */
bool view_left_of(const struct view *view, int a, int b);
bool view_above(const struct view *view, int a, int b);

/* "a small red car", "two dogs": with some adjectives at random, or with none. */
enum adjectives { ADJECTIVES_NONE, ADJECTIVES_SOME };
void view_add_mention(const struct view *view, const struct mention *mention, enum adjectives adjectives, struct random *r,
                      struct text *text);

/* "a dog, two cats and a red car": every mention. */
void view_add_all(const struct view *view, enum adjectives adjectives, struct random *r, struct text *text);

/* The mention that includes the object. */
const struct mention *view_mention_of(const struct view *view, int object);

#endif
