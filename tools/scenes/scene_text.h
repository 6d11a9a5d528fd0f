/* English in the making: a growing text, and the little grammar that the sentences need. */
#ifndef LMVR_TOOLS_SCENES_SCENE_TEXT_H
#define LMVR_TOOLS_SCENES_SCENE_TEXT_H

#include "tools/scenes/scenes_random.h"

#include <stddef.h>

/* All zero is an empty text. Where memory ran out, `failed` is set and stays, and nothing more is added. */
struct text {
    char *bytes; /* ends with a NUL; NULL while nothing was added */
    size_t length, space;
    bool failed;
};

void text_add(struct text *text, const char *words);
void text_clear(struct text *text);
void text_finish(struct text *text);

/* What was added, "" at first. */
const char *text_get(const struct text *text);

/* Adds a sentence or part of one, with $1 to $9 in it replaced by values[0] to values[8]. */
void text_fill(struct text *text, const char *pattern, const char *const *values);

/* Makes the letter at `from` a capital. */
void text_capitalize(struct text *text, size_t from);

/* "a" or "an". */
const char *text_article(const char *word);

/* "no", "one", "two" ... "twenty"; digits above. Lives until the next call with the same buffer. */
const char *text_number(int number, char buffer[16]);

/* Adds `count` items as "a", "a and b", "a, b and c", or with `serial` "a, b, and c". */
void text_list(struct text *text, const struct text *items, int count, bool serial);

/* One of an array's patterns. */
#define TEXT_PICK(random, patterns) ((patterns)[random_below((random), (int)(sizeof(patterns) / sizeof *(patterns)))])

#endif
