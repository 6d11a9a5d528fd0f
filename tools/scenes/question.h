/* Questions about an image, with answers. */
#ifndef LMVR_TOOLS_SCENES_QUESTION_H
#define LMVR_TOOLS_SCENES_QUESTION_H

#include "tools/scenes/view.h"

struct question {
    const struct view *view;
    struct random *r;
    struct text *asked, *answered; /* empty at first */
};

/* A type of question: asks and answers one; false if there is none for the scene. */
typedef bool question_maker(struct question *question);

extern question_maker *const question_makers[];
extern const int question_count;

/* Makes a random question that the scene has an answer for. */
void question_make(const struct view *view, struct random *r, struct text *asked, struct text *answered);

#endif
