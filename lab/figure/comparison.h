/*
 * Images side by side, each with a title and a response below it: an image clean and corrupted, or images of two domains (the
 * paper's Figures 5 and 6).
 */
#ifndef LMVR_LAB_FIGURE_COMPARISON_H
#define LMVR_LAB_FIGURE_COMPARISON_H

#include "image/image.h"

#include <stddef.h>

#define COMPARISON_MOST_COLUMNS 5
#define COMPARISON_MOST_ROWS    32

struct comparison_panel {
    struct image picture;   /* as shown */
    char *title, *response; /* owned */
    int row, column;
};

/* Initialized as {.columns = N}, 1 to COMPARISON_MOST_COLUMNS. */
struct comparison {
    int columns;
    struct comparison_panel *panels;
    size_t count;
};

/* Adds an image to the right of the last one, or at the left of a new row if asked for or if the last row is full. Keeps it no
 * larger than it is shown. LMVR_ERROR_INVALID: there would be more than COMPARISON_MOST_ROWS rows. */
lmvr_status comparison_add(struct comparison *comparison, const struct image *image, const char *title, const char *response,
                           bool new_row, lmvr_error *error);

/* `*png` is a complete PNG file, to be freed. Responses are wrapped, and cut after 16 lines. */
lmvr_status comparison_draw(const struct comparison *comparison, uint8_t **png, size_t *size, lmvr_error *error);
/* Writes it to a file, as encoded_write() does. */
lmvr_status comparison_write(const struct comparison *comparison, const char *path, lmvr_error *error);
void comparison_finish(struct comparison *comparison);

#endif
