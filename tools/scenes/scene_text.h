/* Builds English text: a growing string, and the grammar that the sentences need. */
#ifndef LMVR_TOOLS_SCENES_SCENE_TEXT_H
#define LMVR_TOOLS_SCENES_SCENE_TEXT_H

#include "tools/scenes/scenes_random.h"

#include <stddef.h>

/* All zeros is an empty text. If memory runs out, `failed` is set and nothing more is added. */
struct text {
    char *bytes; /* NUL-terminated; NULL while empty */
    size_t length, space;
    bool failed;
};

void text_add(struct text *text, const char *words);
void text_clear(struct text *text);
void text_finish(struct text *text);

/* The text so far, "" at first. */
const char *text_get(const struct text *text);

/* Adds a pattern in which $1 to $9 are replaced by values[0] to values[8]. */
void text_fill(struct text *text, const char *pattern, const char *const *values);

/* Capitalizes the letter at `from`. */
void text_capitalize(struct text *text, size_t from);

/* "a" or "an". */
const char *text_article(const char *word);

/* "no", "one", "two" ... "twenty"; digits above. Valid until the next call with the same buffer. */
const char *text_number(int number, char buffer[16]);

/* Adds `count` items as "a", "a and b", "a, b and c", or with `serial` "a, b, and c". */
void text_list(struct text *text, const struct text *items, int count, bool serial);

/* A random element of an array of patterns. */
#define TEXT_PICK(random, patterns) ((patterns)[random_below((random), (int)(sizeof(patterns) / sizeof *(patterns)))])

#endif
