/* Text on a terminal: how wide characters are, and where lines break. All text is UTF-8. */
#ifndef LMVR_LAB_REPORT_TERMINAL_LINE_H
#define LMVR_LAB_REPORT_TERMINAL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LINE_MOST 64 /* lines of one text; the rest is left out */

/* A part of a text. */
struct line {
    const char *text;
    size_t size;
};

/* In columns: wide characters have two, those that combine with others none. */
int line_width(const char *text, size_t size);

/* Without the characters that would move what stands beside them: directions, invisible ones. Tabs become spaces. */
void line_put(const char *text, size_t size, FILE *out);

/* The first line of `text` at most `width` wide: up to a line's end, else the last space that fits, else what fits, which is at
 * least one character. */
struct line line_first(const char *text, int width, const char **rest);

/* Is how many; at least one. */
int line_wrap(const char *text, int width, struct line lines[LINE_MOST]);

/* The width of the widest line of a text that is not wrapped, and of its widest word. */
int line_widest(const char *text);
int line_widest_word(const char *text);

#endif
