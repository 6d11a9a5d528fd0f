#include "lab/figure/comparison.h"

#include "image/encode.h"
#include "lab/figure/picture.h"
#include "lab/figure/surface.h"
#include "lab/figure/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pixels. */
#define MARGIN        28
#define GAP           24
#define TITLE_SIZE    16
#define RESPONSE_SIZE 16
#define BETWEEN       8 /* between an image, its title and its response */
#define MOST_LINES    16

static const char out_of_memory[] = "a sheet of pictures";

/* The width of a panel, by the number of columns. */
static int panel_width(const struct comparison *c)
{
    static const int widths[COMPARISON_MOST_COLUMNS + 1] = {0, 480, 420, 360, 320, 280};
    return widths[c->columns];
}

static int most_height(const struct comparison *c)
{
    return panel_width(c) * 6 / 5;
}

lmvr_status comparison_add(struct comparison *c, const struct image *image, const char *title, const char *response,
                           bool new_row, lmvr_error *error)
{
    const struct comparison_panel *last = c->count > 0 ? &c->panels[c->count - 1] : NULL;
    struct comparison_panel panel = {.row = last ? last->row : 0, .column = last ? last->column + 1 : 0};
    if (last && (new_row || panel.column == c->columns)) {
        panel.row++;
        panel.column = 0;
    }
    if (panel.row == COMPARISON_MOST_ROWS)
        return error_set(error, LMVR_ERROR_INVALID, "a sheet has room for %d rows of images", COMPARISON_MOST_ROWS);
    struct comparison_panel *longer = realloc(c->panels, (c->count + 1) * sizeof *longer);
    if (!longer)
        return error_no_memory(error, out_of_memory);
    c->panels = longer;
    TRY(picture_fit(image, panel_width(c), most_height(c), true, &panel.picture, error));
    panel.title = strdup(title);
    panel.response = strdup(response);
    c->panels[c->count++] = panel;
    return panel.title && panel.response ? LMVR_OK : error_no_memory(error, out_of_memory);
}

void comparison_finish(struct comparison *c)
{
    for (size_t i = 0; i < c->count; i++) {
        image_finish(&c->panels[i].picture);
        free(c->panels[i].title);
        free(c->panels[i].response);
    }
    free(c->panels);
    *c = (struct comparison){0};
}

/* ---- layout ---------------------------------------------------------------------------------------------------------- */

struct texts {
    PangoLayout *title, *response;
};

/* Shared by all panels of a row. */
struct row {
    int top, picture, title, response; /* top edge; the largest heights */
};

struct layout {
    const struct comparison *comparison;
    PangoContext *fonts;
    struct texts *texts; /* (panels) */
    struct row rows[COMPARISON_MOST_ROWS];
    int width, height;
};

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static lmvr_status create_texts(struct layout *l, size_t i, lmvr_error *error)
{
    const struct comparison_panel *p = &l->comparison->panels[i];
    static const double black[3] = {0, 0, 0};
    struct texts *t = &l->texts[i];
    t->title = text_create(l->fonts, p->title, TITLE_SIZE, panel_width(l->comparison));
    t->response = text_create(l->fonts, p->response, RESPONSE_SIZE, panel_width(l->comparison));
    if (!t->title || !t->response)
        return error_no_memory(error, out_of_memory);
    text_keep_to_a_line(t->title);
    pango_layout_set_ellipsize(t->title, PANGO_ELLIPSIZE_MIDDLE);
    text_mark(t->title, 0, UINT32_MAX, black);
    pango_layout_set_height(t->response, -MOST_LINES);
    pango_layout_set_ellipsize(t->response, PANGO_ELLIPSIZE_END);
    return LMVR_OK;
}

static lmvr_status lay_out(struct layout *l, lmvr_error *error)
{
    const struct comparison *c = l->comparison;
    int rows = c->panels[c->count - 1].row + 1, title, response;
    for (size_t i = 0; i < c->count; i++) {
        struct row *row = &l->rows[c->panels[i].row];
        TRY(create_texts(l, i, error));
        text_size(l->texts[i].title, NULL, &title);
        text_size(l->texts[i].response, NULL, &response);
        row->picture = larger(row->picture, c->panels[i].picture.height);
        row->title = larger(row->title, title);
        row->response = larger(row->response, response);
    }
    l->width = 2 * MARGIN + c->columns * (panel_width(c) + GAP) - GAP;
    l->height = MARGIN;
    for (int i = 0; i < rows; i++) {
        struct row *row = &l->rows[i];
        row->top = l->height;
        l->height += row->picture + BETWEEN + row->title + BETWEEN + row->response + (i + 1 < rows ? GAP : MARGIN);
    }
    return LMVR_OK;
}

/* ---- drawing --------------------------------------------------------------------------------------------------------- */

/* Images are aligned at the bottom of their row and centered in their column. */
static lmvr_status draw_panel(const struct layout *l, size_t i, cairo_t *cairo, lmvr_error *error)
{
    const struct comparison_panel *p = &l->comparison->panels[i];
    const struct row *row = &l->rows[p->row];
    int width = panel_width(l->comparison), left = MARGIN + p->column * (width + GAP), bottom = row->top + row->picture;
    cairo_surface_t *picture;
    TRY(surface_from_image(&p->picture, &picture, error));
    cairo_set_source_surface(cairo, picture, left + floor((width - p->picture.width) / 2.0), bottom - p->picture.height);
    cairo_paint(cairo);
    cairo_surface_destroy(picture);
    text_show(cairo, l->texts[i].title, left, bottom + BETWEEN, 0);
    text_show(cairo, l->texts[i].response, left, bottom + BETWEEN + row->title + BETWEEN, 0.12);
    return LMVR_OK;
}

static lmvr_status draw(const struct layout *l, uint8_t **png, size_t *size, lmvr_error *error)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, l->width, l->height);
    cairo_t *cairo = cairo_create(surface);
    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < l->comparison->count && status == LMVR_OK; i++)
        status = draw_panel(l, i, cairo, error);
    if (status == LMVR_OK)
        status = surface_status(cairo_status(cairo), out_of_memory, error);
    if (status == LMVR_OK)
        status = surface_to_png(surface, png, size, error);
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return status;
}

lmvr_status comparison_draw(const struct comparison *c, uint8_t **png, size_t *size, lmvr_error *error)
{
    *png = NULL;
    *size = 0;
    if (c->count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "there is no image to show");
    struct layout l = {.comparison = c, .fonts = text_fonts_create(), .texts = calloc(c->count, sizeof *l.texts)};
    lmvr_status status = l.fonts && l.texts ? lay_out(&l, error) : error_no_memory(error, out_of_memory);
    if (status == LMVR_OK)
        status = draw(&l, png, size, error);
    for (size_t i = 0; l.texts && i < c->count; i++) {
        text_free(l.texts[i].title);
        text_free(l.texts[i].response);
    }
    free(l.texts);
    text_fonts_free(l.fonts);
    return status;
}

lmvr_status comparison_write(const struct comparison *comparison, const char *path, lmvr_error *error)
{
    struct encoded png = {0};
    lmvr_status status = comparison_draw(comparison, &png.bytes, &png.size, error);
    if (status == LMVR_OK)
        status = encoded_write(&png, path, error);
    encoded_finish(&png);
    return status;
}
