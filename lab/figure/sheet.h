/*
 * A contact sheet: the image, and beside it once for each word with the word's heat map; below, the response with the words
 * in it in bold and in their colors.
 */
#ifndef LMVR_LAB_FIGURE_SHEET_H
#define LMVR_LAB_FIGURE_SHEET_H

#include "lab/figure/heat.h"

#define SHEET_MOST_WORDS 400

struct sheet_word {
    const char *label;    /* what stands below the map */
    const float *weights; /* (rows, columns) of the sheet */
    uint32_t begin, end;  /* its bytes in the response; none where they are equal */
};

/* All strings are UTF-8; what is not, and control characters, are shown as '?' and spaces. */
struct sheet {
    const char *title;         /* such as the file's name */
    const char *note;          /* what the maps are, in small print at the bottom; NULL: none */
    const struct image *image; /* may be made smaller, for speed */
    int width, height;         /* pixels of the image as it came */
    const char *response;      /* NULL: none; one of more than 8000 bytes is cut */
    int rows, columns;         /* of every map */
    lmvr_view view;            /* what a map covers, in pixels of the image as it came */
    const struct sheet_word *words;
    size_t word_count; /* 0 to SHEET_MOST_WORDS */
};

/* Draws the sheet; `*png` is a whole PNG file, to be freed. Text is set by Pango, in any script that there is a font for. */
lmvr_status sheet_draw(const struct sheet *sheet, uint8_t **png, size_t *size, lmvr_error *error);

/* The color, 0 to 1 each, that the sheet gives to a word by its place: eight in turn, most of them from Okabe and Ito's palette
 * for color-blind eyes, darkened to be read on white. */
void sheet_word_color(size_t place, double rgb[3]);

#endif
