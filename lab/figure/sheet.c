#include "lab/figure/sheet.h"

#include "lab/figure/picture.h"
#include "lab/figure/surface.h"
#include "lab/figure/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pixels. */
#define MARGIN         36
#define GAP            20
#define TITLE_SIZE     24
#define CAPTION_SIZE   18
#define RESPONSE_SIZE  20
#define NOTE_SIZE      14
#define CAPTION_HEIGHT 54 /* two lines below a panel */
#define LEAST_WIDTH    760
#define BAR_WIDTH      180
#define LEGEND_WIDTH   400 /* room for the color bar and its labels in the last line */
#define BAR_HEIGHT     12
#define MOST_HEIGHT    32000 /* cairo's limit is 32767 */

static const char out_of_memory[] = "a contact sheet";

void sheet_word_color(size_t place, double rgb[3])
{
    /* Okabe and Ito's colors, darkened if too light for text on white, and two more */
    static const uint8_t colors[][3] = {{0, 114, 178}, {204, 76, 0},   {0, 130, 95},   {176, 60, 128},
                                        {150, 105, 0}, {120, 40, 160}, {30, 130, 190}, {20, 20, 20}};
    const uint8_t *color = colors[place % (sizeof colors / sizeof *colors)];
    for (int c = 0; c < 3; c++)
        rgb[c] = color[c] / 255.0;
}

/* ---- layout ---------------------------------------------------------------------------------------------------------- */

struct layout {
    const struct sheet *sheet;
    PangoContext *fonts;
    cairo_t *cairo;
    int columns, rows;             /* of panels */
    int panel_width, panel_height; /* of their pictures */
    int width, height;             /* of the sheet */
    int grid_top, response_top, note_top;
    PangoLayout *title, *response, *note;
};

/* The more panels, the smaller they are. */
static void choose_columns(struct layout *l)
{
    static const struct {
        size_t panels;
        int columns, width;
    } steps[] = {{3, 3, 440},
                 {4, 4, 400},
                 {5, 5, 340},
                 {6, 3, 440},
                 {8, 4, 400},
                 {10, 5, 340},
                 {12, 4, 400},
                 {20, 5, 340},
                 {24, 6, 300},
                 {42, 7, 280},
                 {64, 8, 260},
                 {120, 12, 200},
                 {SHEET_MOST_WORDS + 1, 20, 150}};
    size_t panels = l->sheet->word_count + 1, i = 0;
    while (steps[i].panels < panels)
        i++;
    l->columns = panels < (size_t)steps[i].columns ? (int)panels : steps[i].columns;
    l->rows = (int)((panels + (size_t)l->columns - 1) / (size_t)l->columns);
    l->panel_width = steps[i].width;
}

/* Panels have the image's aspect ratio unless it is extreme; upright images get narrower panels. */
static void choose_panel(struct layout *l)
{
    const struct image *image = l->sheet->image;
    int box = l->panel_width;
    picture_fit_size(image->width, image->height, box, box + box / 5, true, &l->panel_width, &l->panel_height);
    l->panel_width = l->panel_width < box / 2 ? box / 2 : l->panel_width;
    l->panel_height = l->panel_height < box / 4 ? box / 4 : l->panel_height;
    l->width = l->columns * (l->panel_width + GAP) - GAP + 2 * MARGIN;
    l->width = l->width < LEAST_WIDTH ? LEAST_WIDTH : l->width;
}

/* Lays out the texts, and positions everything. */
static lmvr_status lay_out(struct layout *l, lmvr_error *error)
{
    const struct sheet *s = l->sheet;
    int width = l->width - 2 * MARGIN, title_height, response_height, note_height;
    double color[3];
    l->title = text_create(l->fonts, s->title, TITLE_SIZE, width);
    l->response = text_create(l->fonts, s->response ? s->response : "", RESPONSE_SIZE, width);
    l->note = text_create(l->fonts, s->note ? s->note : "", NOTE_SIZE, width - LEGEND_WIDTH);
    if (!l->title || !l->response || !l->note)
        return error_no_memory(error, out_of_memory);
    text_keep_to_a_line(l->title);
    pango_layout_set_ellipsize(l->title, PANGO_ELLIPSIZE_MIDDLE);
    pango_layout_set_line_spacing(l->response, 1.25f);
    for (size_t i = s->word_count; i-- > 0;) { /* where words overlap, the first one's color shows */
        sheet_word_color(i, color);
        if (s->words[i].begin < s->words[i].end)
            text_mark(l->response, s->words[i].begin, s->words[i].end, color);
    }
    text_size(l->title, NULL, &title_height);
    text_size(l->response, NULL, &response_height);
    text_size(l->note, NULL, &note_height);
    l->grid_top = MARGIN + title_height + GAP;
    l->response_top = l->grid_top + l->rows * (l->panel_height + CAPTION_HEIGHT + GAP);
    l->note_top = l->response_top + response_height + GAP;
    l->height = l->note_top + (BAR_HEIGHT > note_height ? BAR_HEIGHT : note_height) + MARGIN;
    l->height = l->height < MOST_HEIGHT ? l->height : MOST_HEIGHT;
    return LMVR_OK;
}

/* ---- panels ---------------------------------------------------------------------------------------------------------- */

/* Centered in the panel whose upper left corner is (x, y). */
static lmvr_status show_picture(const struct layout *l, const struct image *image, double x, double y, lmvr_error *error)
{
    cairo_surface_t *picture;
    TRY(surface_from_image(image, &picture, error));
    double left = x + floor((l->panel_width - image->width) / 2.0), top = y + floor((l->panel_height - image->height) / 2.0);
    cairo_set_source_surface(l->cairo, picture, left, top);
    cairo_paint(l->cairo);
    cairo_surface_destroy(picture);
    return LMVR_OK;
}

/* A line in bold and its color, and one in small gray letters. */
static lmvr_status show_caption(const struct layout *l, const char *first, const char *second, const double rgb[3], double x,
                                double y, lmvr_error *error)
{
    int height;
    PangoLayout *label = text_create(l->fonts, first, CAPTION_SIZE, l->panel_width);
    PangoLayout *detail = text_create(l->fonts, second, NOTE_SIZE, l->panel_width);
    if (label && detail) {
        text_keep_to_a_line(label);
        text_keep_to_a_line(detail);
        text_mark(label, 0, UINT32_MAX, rgb);
        text_size(label, NULL, &height);
        text_show(l->cairo, label, x, y + 6, 0);
        text_show(l->cairo, detail, x, y + 8 + height, 0.35);
    }
    lmvr_status status = label && detail ? LMVR_OK : error_no_memory(error, out_of_memory);
    text_free(label);
    text_free(detail);
    return status;
}

/* `small` is the sheet's image scaled to the panels. */
static lmvr_status show_word(const struct layout *l, const struct image *small, size_t word, double x, double y,
                             lmvr_error *error)
{
    const struct sheet *s = l->sheet;
    struct heat heat = {s->words[word].weights, s->rows, s->columns, s->view};
    struct image overlay;
    char peak[64];
    double color[3];
    snprintf(peak, sizeof peak, "peak %.3g", (double)heat_peak(&heat, s->width, s->height).weight);
    heat = heat_resized(&heat, s->width, s->height, small->width, small->height);
    TRY(heat_overlay(small, &heat, &overlay, error));
    lmvr_status status = show_picture(l, &overlay, x, y, error);
    image_finish(&overlay);
    sheet_word_color(word, color);
    if (status == LMVR_OK)
        status = show_caption(l, s->words[word].label, peak, color, x, y + l->panel_height, error);
    return status;
}

static lmvr_status show_panels(const struct layout *l, lmvr_error *error)
{
    static const double gray[3] = {0.35, 0.35, 0.35};
    const struct sheet *s = l->sheet;
    struct image small;
    char size[64];
    snprintf(size, sizeof size, "%d × %d pixels", s->width, s->height);
    TRY(picture_fit(s->image, l->panel_width, l->panel_height, true, &small, error));
    lmvr_status status = show_picture(l, &small, MARGIN, l->grid_top, error);
    if (status == LMVR_OK)
        status = show_caption(l, "image", size, gray, MARGIN, l->grid_top + l->panel_height, error);
    for (size_t i = 0; i < s->word_count && status == LMVR_OK; i++) {
        int place = (int)i + 1, column = place % l->columns, row = place / l->columns;
        status = show_word(l, &small, i, MARGIN + column * (l->panel_width + GAP),
                           l->grid_top + row * (l->panel_height + CAPTION_HEIGHT + GAP), error);
    }
    image_finish(&small);
    return status;
}

/* ---- the sheet ------------------------------------------------------------------------------------------------------- */

/* All weights from lowest to highest as they look on a gray image. */
static lmvr_status draw_bar(const struct layout *l, double left, double top, lmvr_error *error)
{
    float weights[BAR_WIDTH];
    uint8_t gray[BAR_WIDTH * BAR_HEIGHT * 3];
    struct image strip = {BAR_WIDTH, BAR_HEIGHT, gray}, overlay;
    struct heat heat = {weights, 1, BAR_WIDTH, {0, 0, BAR_WIDTH, BAR_HEIGHT}};
    cairo_surface_t *picture;
    memset(gray, 150, sizeof gray);
    for (int i = 0; i < BAR_WIDTH; i++)
        weights[i] = (float)i;
    TRY(heat_overlay(&strip, &heat, &overlay, error));
    lmvr_status status = surface_from_image(&overlay, &picture, error);
    image_finish(&overlay);
    if (status != LMVR_OK)
        return status;
    cairo_set_source_surface(l->cairo, picture, left, top);
    cairo_paint(l->cairo);
    cairo_surface_destroy(picture);
    return LMVR_OK;
}

/* At the right end of the last line. */
static lmvr_status show_legend(const struct layout *l, lmvr_error *error)
{
    int low_width, high_width, height;
    PangoLayout *low = text_create(l->fonts, "least", NOTE_SIZE, BAR_WIDTH);
    PangoLayout *high = text_create(l->fonts, "most of each map", NOTE_SIZE, BAR_WIDTH);
    lmvr_status status = low && high ? LMVR_OK : error_no_memory(error, out_of_memory);
    if (status == LMVR_OK) {
        text_size(low, &low_width, NULL);
        text_size(high, &high_width, &height);
        double right = l->width - MARGIN - high_width - 8, left = right - BAR_WIDTH;
        text_show(l->cairo, high, right + 8, l->note_top, 0.35);
        text_show(l->cairo, low, left - 8 - low_width, l->note_top, 0.35);
        status = draw_bar(l, left, l->note_top + floor((height - BAR_HEIGHT) / 2.0), error);
    }
    text_free(low);
    text_free(high);
    return status;
}

static lmvr_status draw(struct layout *l, lmvr_error *error)
{
    cairo_set_source_rgb(l->cairo, 1, 1, 1);
    cairo_paint(l->cairo);
    text_show(l->cairo, l->title, MARGIN, MARGIN, 0);
    text_show(l->cairo, l->response, MARGIN, l->response_top, 0.12);
    text_show(l->cairo, l->note, MARGIN, l->note_top, 0.35);
    TRY(show_panels(l, error));
    if (l->sheet->word_count > 0)
        TRY(show_legend(l, error));
    return surface_status(cairo_status(l->cairo), out_of_memory, error);
}

static lmvr_status draw_on_surface(struct layout *l, uint8_t **png, size_t *size, lmvr_error *error)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, l->width, l->height);
    l->cairo = cairo_create(surface);
    lmvr_status status = surface_status(cairo_status(l->cairo), out_of_memory, error);
    if (status == LMVR_OK)
        status = draw(l, error);
    if (status == LMVR_OK)
        status = surface_to_png(surface, png, size, error);
    cairo_destroy(l->cairo);
    cairo_surface_destroy(surface);
    return status;
}

lmvr_status sheet_draw(const struct sheet *sheet, uint8_t **png, size_t *size, lmvr_error *error)
{
    struct layout l = {.sheet = sheet};
    *png = NULL;
    *size = 0;
    if (sheet->word_count > SHEET_MOST_WORDS)
        return error_set(error, LMVR_ERROR_INVALID, "%zu words do not fit on a contact sheet, which has room for %d",
                         sheet->word_count, SHEET_MOST_WORDS);
    l.fonts = text_fonts_create();
    if (!l.fonts)
        return error_no_memory(error, out_of_memory);
    choose_columns(&l);
    choose_panel(&l);
    lmvr_status status = lay_out(&l, error);
    if (status == LMVR_OK)
        status = draw_on_surface(&l, png, size, error);
    text_free(l.title);
    text_free(l.response);
    text_free(l.note);
    text_fonts_free(l.fonts);
    return status;
}
