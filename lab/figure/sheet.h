/*
 * A contact sheet: the image, next to it each word's heat map over the image, and below the response with those words in bold
 * in their colors.
 */
#ifndef LMVR_LAB_FIGURE_SHEET_H
#define LMVR_LAB_FIGURE_SHEET_H

#include "lab/figure/heat.h"

#define SHEET_MOST_WORDS 400

struct sheet_word {
    const char *label;    /* shown below the map */
    const float *weights; /* (rows, columns) of the sheet */
    uint32_t begin, end;  /* its bytes in the response; none if equal */
};

/* All strings are UTF-8; invalid bytes are shown as '?', control characters as spaces. */
struct sheet {
    const char *title;         /* such as the file's name */
    const char *note;          /* about the maps, in small print at the bottom; NULL: none */
    const struct image *image; /* may be scaled down, for speed */
    int width, height;         /* of the original image, in pixels */
    const char *response;      /* NULL: none; longer than 8000 bytes: cut */
    int rows, columns;         /* of every map */
    lmvr_view view;            /* what a map covers, in pixels of the original image */
    const struct sheet_word *words;
    size_t word_count; /* 0 to SHEET_MOST_WORDS */
};

/* Draws the sheet; `*png` is a complete PNG file, to be freed. Pango lays out the text, in any script with an installed
 * font. */
lmvr_status sheet_draw(const struct sheet *sheet, uint8_t **png, size_t *size, lmvr_error *error);

/* A word's color (0 to 1 each) by its position: eight colors in turn, mostly from Okabe and Ito's palette for color-blind
 * readers, darkened to be legible on white. */
void sheet_word_color(size_t place, double rgb[3]);

#endif
