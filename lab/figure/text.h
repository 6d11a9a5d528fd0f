/* Text in figures, set by Pango: any script that there is a font for, wrapped. */
#ifndef LMVR_LAB_FIGURE_TEXT_H
#define LMVR_LAB_FIGURE_TEXT_H

#include <pango/pangocairo.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_MOST 8000 /* bytes; longer ones are cut */

/* The first `most` bytes, less a character that is cut, as Pango takes them and byte for byte: what is not UTF-8 is '?',
 * control characters but new lines are spaces. To be freed; NULL: out of memory. */
char *text_showable(const char *text, size_t most);

/* Fonts of one figure. They are not shared, so that any thread can draw, and nothing is kept when the figure is done. NULL: out
 * of memory. */
PangoContext *text_fonts_create(void);
void text_fonts_free(PangoContext *fonts);

/* Text that is wrapped to `width` pixels, in letters of `size` pixels; NULL: out of memory. */
PangoLayout *text_create(PangoContext *fonts, const char *text, int size, int width);
void text_free(PangoLayout *text);

/* Cuts what does not fit into one line, with an ellipsis. */
void text_keep_to_a_line(PangoLayout *text);

/* Shows the bytes from `begin` to `end` in bold and a color (0 to 1). The first call for a byte counts. */
void text_mark(PangoLayout *text, uint32_t begin, uint32_t end, const double rgb[3]);

/* Pixels; NULL is allowed. */
void text_size(PangoLayout *text, int *width, int *height);

/* Draws it with its upper left corner there, in this gray where no color is marked. */
void text_show(cairo_t *cairo, PangoLayout *text, double x, double y, double gray);

#endif
