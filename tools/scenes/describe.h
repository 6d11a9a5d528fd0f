/* Descriptions of an image, in one sentence or several. */
#ifndef LMVR_TOOLS_SCENES_DESCRIBE_H
#define LMVR_TOOLS_SCENES_DESCRIBE_H

#include "tools/scenes/view.h"

/* One line that names all the objects and nothing else, like captions on the web: "a dog and two cats on grass". */
void describe_caption(const struct view *view, struct random *r, struct text *text);

/* A sentence that names all the objects, and more about their places, their looks and the background. */
void describe_scene(const struct view *view, struct random *r, struct text *text);
/* A request for it, such as "Describe the image." */
const char *describe_request(struct random *r);

/* Adds a sentence on the background. */
void describe_background(const struct view *view, struct random *r, struct text *text);

#endif
