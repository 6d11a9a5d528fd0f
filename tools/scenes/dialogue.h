/* Dialogues about an image between a user and an assistant, and similar plain text for language pretraining. */
#ifndef LMVR_TOOLS_SCENES_DIALOGUE_H
#define LMVR_TOOLS_SCENES_DIALOGUE_H

#include "tools/scenes/view.h"

#define CONVERSATION_MAX_TURNS 5

struct turn {
    struct text question, answer;
};

struct dialogue {
    int count;
    struct turn turns[CONVERSATION_MAX_TURNS];
};

/* Two of three begin with a description; the first question has "<image>" on a line of its own. No question is repeated. */
void dialogue_init(struct dialogue *conversation, const struct view *view, struct random *r);

/* Adds three lines: a description; another one with questions that it answers, between "USER:" and "ASSISTANT:"; and a general
 * fact about a kind. */
void dialogue_write_text(const struct view *view, struct random *r, struct text *text);

#endif
