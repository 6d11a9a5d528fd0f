#include "tools/scenes/scene_text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(text->bytes + text->length, TEXT_SIZE - text->length, format, args);
    va_end(args);
    text->length += strlen(text->bytes + text->length);
}

void text_clear(struct text *text)
{
    text->length = 0;
    text->bytes[0] = '\0';
}

const char *text_choose(enum sentence sentence, struct random *r)
{
    int count = 1;
    while (sentences[sentence][count])
        count++;
    return sentences[sentence][count == 1 ? 0 : random_below(r, count)];
}

void text_fill(struct text *text, const char *pattern, const struct sentence_words *words)
{
    while (*pattern) {
        int plain = (int)strcspn(pattern, "$");
        text_add(text, "%.*s", plain, pattern);
        pattern += plain;
        if (*pattern) {
            text_add(text, "%s", ((const char *const *)(const void *)words)[pattern[1] - 'A']);
            pattern += 2;
        }
    }
}

void text_say(struct text *text, enum sentence sentence, struct random *r, const struct sentence_words *words)
{
    size_t from = text->length;
    text_fill(text, text_choose(sentence, r), words);
    text_capitalize(text, from);
}

void text_capitalize(struct text *text, size_t from)
{
    text->bytes[from] = (char)toupper((unsigned char)text->bytes[from]);
}

const char *text_article(const char *word)
{
    /* no noun or adjective of the tables has a silent first consonant, or a vowel spoken as a consonant */
    return strchr("aeiouAEIOU", *word) ? "an" : "a";
}

const char *text_number(int number)
{
    static const char *const words[] = {"no", "one", "two", "three", "four", "five"};
    return words[number];
}

void text_list(struct text *text, const struct text *items, int count, bool serial)
{
    for (int i = 0; i < count; i++) {
        bool last = i == count - 1;
        text_add(text, "%s%s", i == 0 ? "" : !last ? ", " : serial && count > 2 ? ", and " : " and ", items[i].bytes);
    }
}
