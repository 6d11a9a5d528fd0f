/* What a picture shows, in one sentence or in several. */
#ifndef LMVR_TOOLS_SCENES_DESCRIBE_H
#define LMVR_TOOLS_SCENES_DESCRIBE_H

#include "tools/scenes/view.h"

/* One line that names all the objects and nothing else, as captions on the web do: "a dog and two cats on grass". */
void describe_caption(const struct view *view, struct random *r, struct text *text);

/* A sentence that names all the objects, and some more on where and how they are, and on the background. */
void describe_scene(const struct view *view, struct random *r, struct text *text);

/* What a person asks for such a description: "Describe the image." and its like. */
const char *describe_request(struct random *r);
/* The same for a caption. */
const char *describe_caption_request(struct random *r);

/* Adds the sentence "The dog is to the left of the car." about two mentions of one object each, where one is clearly so. */
bool describe_relation(const struct view *view, const struct mention *a, const struct mention *b, struct random *r,
                       struct text *text);

/* Adds a sentence on where the mention's objects are. */
void describe_place(const struct view *view, const struct mention *mention, struct random *r, struct text *text);

/* Adds a sentence on the background. */
void describe_background(const struct view *view, struct random *r, struct text *text);

#endif
