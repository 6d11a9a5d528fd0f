/* Descriptions of an image, in one sentence or several. */
#ifndef LMVR_TOOLS_SCENES_DESCRIBE_H
#define LMVR_TOOLS_SCENES_DESCRIBE_H

#include "tools/scenes/view.h"

/* One line that names all the objects and nothing else, like captions on the web: "a dog and two cats on grass". */
void describe_caption(const struct view *view, struct random *r, struct text *text);

/* A sentence that names all the objects, and more about their places, their looks and the background. */
void describe_scene(const struct view *view, struct random *r, struct text *text);

/* A request for such a description, such as "Describe the image." */
const char *describe_request(struct random *r);
/* The same for a caption. */
const char *describe_caption_request(struct random *r);

/* Adds a sentence like "The dog is to the left of the car." about two mentions of one object each; false if neither relation is
 * clear. */
bool describe_relation(const struct view *view, const struct mention *a, const struct mention *b, struct random *r,
                       struct text *text);

/* Adds a sentence on where the mention's objects are. */
void describe_place(const struct view *view, const struct mention *mention, struct random *r, struct text *text);

/* Adds a sentence on the background. */
void describe_background(const struct view *view, struct random *r, struct text *text);

#endif
