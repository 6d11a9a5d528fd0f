#include "tools/scenes/scene_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_bytes(struct text *t, const char *bytes, size_t count)
{
    if (t->failed)
        return;
    if (t->length + count + 1 > t->space) {
        size_t space = 2 * (t->length + count + 1);
        char *more = realloc(t->bytes, space);
        t->failed = !more;
        if (!more)
            return;
        t->bytes = more;
        t->space = space;
    }
    memcpy(t->bytes + t->length, bytes, count);
    t->length += count;
    t->bytes[t->length] = '\0';
}

void text_add(struct text *text, const char *words)
{
    add_bytes(text, words, strlen(words));
}

void text_clear(struct text *text)
{
    text->length = 0;
    if (text->bytes)
        text->bytes[0] = '\0';
}

void text_finish(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

const char *text_get(const struct text *text)
{
    return text->bytes ? text->bytes : "";
}

void text_fill(struct text *text, const char *pattern, const char *const *values)
{
    while (*pattern) {
        size_t plain = strcspn(pattern, "$");
        add_bytes(text, pattern, plain);
        pattern += plain;
        if (*pattern) {
            text_add(text, values[pattern[1] - '1']);
            pattern += 2;
        }
    }
}

void text_capitalize(struct text *text, size_t from)
{
    if (from < text->length)
        text->bytes[from] = (char)toupper((unsigned char)text->bytes[from]);
}

const char *text_article(const char *word)
{
    /* no noun or adjective of the tables has a silent first consonant, or a vowel spoken as a consonant */
    return strchr("aeiouAEIOU", *word) ? "an" : "a";
}

const char *text_number(int number, char buffer[16])
{
    static const char *const words[] = {"no",       "one",     "two",     "three",     "four",     "five",     "six",
                                        "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
                                        "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};
    if (number >= 0 && number <= 20)
        return words[number];
    snprintf(buffer, 16, "%d", number);
    return buffer;
}

void text_list(struct text *text, const struct text *items, int count, bool serial)
{
    for (int i = 0; i < count; i++) {
        bool last = i == count - 1;
        if (i > 0)
            text_add(text, !last ? ", " : serial && count > 2 ? ", and " : " and ");
        text_add(text, text_get(&items[i]));
    }
}
