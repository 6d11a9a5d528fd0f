/* Questions about an image, with answers. */
#ifndef LMVR_TOOLS_SCENES_QUESTION_H
#define LMVR_TOOLS_SCENES_QUESTION_H

#include "tools/scenes/view.h"

/* Fills the two empty texts with a question and its answer; false if this type of question has none for the scene. */
typedef bool question_maker(const struct view *view, struct random *r, struct text *question, struct text *answer);

extern question_maker *const question_makers[];
extern const int question_count;

/* Makes a random question that the scene has an answer for. */
void question_make(const struct view *view, struct random *r, struct text *question, struct text *answer);

#endif
