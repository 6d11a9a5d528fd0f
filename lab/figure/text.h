/* Text in figures, laid out by Pango: wrapped, in any script with an installed font. */
#ifndef LMVR_LAB_FIGURE_TEXT_H
#define LMVR_LAB_FIGURE_TEXT_H

#include <pango/pangocairo.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MOST 8000 /* bytes; longer texts are cut */

/* The first `most` bytes, without a partial character at the end, made acceptable to Pango byte for byte: invalid UTF-8 becomes
 * '?', and control characters other than newlines become spaces. To be freed; NULL: out of memory. */
char *text_showable(const char *text, size_t most);

/* A figure's own fonts: not shared, so that any thread can draw, and freed with the figure. NULL: out of memory. */
PangoContext *text_fonts_create(void);
void text_fonts_free(PangoContext *fonts);

/* Text wrapped to `width` pixels, in a font of `size` pixels; NULL: out of memory. */
PangoLayout *text_create(PangoContext *fonts, const char *text, int size, int width);
void text_free(PangoLayout *text);

/* Limits the text to one line, ending in an ellipsis if it does not fit. */
void text_keep_to_a_line(PangoLayout *text);

/* Shows the bytes from `begin` to `end` in bold and in a color (0 to 1). The first call for a byte wins. */
void text_mark(PangoLayout *text, uint32_t begin, uint32_t end, const double rgb[3]);

/* In pixels; NULL is allowed. */
void text_size(PangoLayout *text, int *width, int *height);

/* Draws the text with its upper left corner at (x, y), in this gray unless marked otherwise. */
void text_show(cairo_t *cairo, PangoLayout *text, double x, double y, double gray);

#endif
