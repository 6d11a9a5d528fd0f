/* Talk about a picture between a person and an assistant, and plain text of the same kind to learn the language from. */
#ifndef LMVR_SRC_SCENES_CONVERSATION_H
#define LMVR_SRC_SCENES_CONVERSATION_H

#include "scenes/view.h"

#define CONVERSATION_MAX_TURNS 5

struct turn {
    struct text question, answer;
};

struct conversation {
    int count;
    struct turn turns[CONVERSATION_MAX_TURNS];
};

/* Two of three begin with a description; "<image>" stands in the first question, on a line of its own. No question comes twice.
 */
void conversation_init(struct conversation *conversation, const struct view *view, struct random *r);
void conversation_finish(struct conversation *conversation);

/* Whether memory ran out. */
bool conversation_failed(const struct conversation *conversation);

/* Adds three lines: a description; another one with questions that it answers, between "USER:" and "ASSISTANT:"; and what one
 * can know about a kind. */
void conversation_write_text(const struct view *view, struct random *r, struct text *text);

#endif
