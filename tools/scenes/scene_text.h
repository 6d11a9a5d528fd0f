/* Builds English text: a string, the sentences of sentences.txt, and the grammar that they need. */
#ifndef LMVR_TOOLS_SCENES_SCENE_TEXT_H
#define LMVR_TOOLS_SCENES_SCENE_TEXT_H

#include "tools/scenes/scenes_random.h"
#include "tools/scenes/sentences.h"

#include <stddef.h>

#define TEXT_SIZE 8192

/* All zeros is an empty text. What does not fit is left out; no scene's words come near that. */
struct text {
    size_t length;
    char bytes[TEXT_SIZE]; /* NUL-terminated */
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_clear(struct text *text);

/* One of the ways to say it; where there is only one, without drawing a number. */
const char *text_choose(enum sentence sentence, struct random *r);
/* Adds one of sentences.txt's patterns with the words in their places. */
void text_fill(struct text *text, const char *pattern, const struct sentence_words *words);
/* Both, and capitalizes what was added. `words` may be NULL where the sentence has none. */
void text_say(struct text *text, enum sentence sentence, struct random *r, const struct sentence_words *words);

/* Capitalizes the letter at `from`. */
void text_capitalize(struct text *text, size_t from);

/* "a" or "an". */
const char *text_article(const char *word);

/* "no", "one", "two" ... "five": a scene has no more objects. */
const char *text_number(int number);

/* Adds `count` items as "a", "a and b", "a, b and c", or with `serial` "a, b, and c". */
void text_list(struct text *text, const struct text *items, int count, bool serial);

#endif
