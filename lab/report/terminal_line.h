/* Text on a terminal: character widths and line breaks. All text is UTF-8. */
#ifndef LMVR_LAB_REPORT_TERMINAL_LINE_H
#define LMVR_LAB_REPORT_TERMINAL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define LINE_MOST 64 /* most lines of one text; the rest is dropped */

/* A part of a text. */
struct line {
    const char *text;
    size_t size;
};

/* Width in columns: wide characters take two, combining ones none. */
int line_width(const char *text, size_t size);

/* Prints the text without characters that would disturb what is next to it: bidirectional and invisible ones. Tabs become
 * spaces. */
void line_put(const char *text, size_t size, FILE *out);

/* The first line of `text`, at most `width` wide: up to a newline, else the last space that fits, else as much as fits, which
 * is at least one character. */
struct line line_first(const char *text, int width, const char **rest);

/* Returns how many lines; at least one. */
int line_wrap(const char *text, int width, struct line lines[LINE_MOST]);

/* The width of the widest part of the unwrapped text between any of `ends`, such as "\n" or " \n". */
int line_widest(const char *text, const char *ends);

#endif
