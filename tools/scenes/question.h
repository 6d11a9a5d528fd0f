/* Questions about a picture and their answers. */
#ifndef LMVR_TOOLS_SCENES_QUESTION_H
#define LMVR_TOOLS_SCENES_QUESTION_H

#include "tools/scenes/view.h"

/* Adds a question and its answer to the two empty texts; false where this kind of question has none for this scene. */
typedef bool question_maker(const struct view *view, struct random *r, struct text *question, struct text *answer);

extern question_maker *const question_makers[];
extern const int question_count;

/* A random one that the scene has an answer for. */
void question_make(const struct view *view, struct random *r, struct text *question, struct text *answer);

#endif
