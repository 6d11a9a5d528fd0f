#include "tools/scenes/glyphs.h"

#include "tools/scenes/garment.h"
#include "tools/scenes/kind.h"

#include <pango/pangocairo.h>
#include <stdlib.h>
#include <string.h>

/* The font's bitmaps are 136 x 128 pixels, for a font size of 109: at that size nothing is scaled. */
#define LETTER_SIZE 109
#define WIDTH       136
#define HEIGHT      128

struct pen {
    PangoFontMap *map;
    PangoContext *context;
    PangoFontDescription *font;
    cairo_surface_t *surface;
    cairo_t *cairo;
};

/* ---- the font ---- */

static bool map_has_font(PangoFontMap *map)
{
    PangoFontFamily **families = NULL;
    int count = 0;
    bool found = false;
    pango_font_map_list_families(map, &families, &count);
    for (int i = 0; i < count && !found; i++)
        found = strcmp(pango_font_family_get_name(families[i]), GLYPHS_FONT) == 0;
    g_free((void *)families);
    return found;
}

static lmvr_status pen_init(struct pen *pen, lmvr_error *error)
{
    *pen = (struct pen){.map = pango_cairo_font_map_new()};
    if (!map_has_font(pen->map))
        return error_set(error, LMVR_ERROR_INVALID,
                         "the font \"" GLYPHS_FONT
                         "\" is missing, from which scenes are drawn: Debian has it in the package " GLYPHS_PACKAGE);
    pen->context = pango_font_map_create_context(pen->map);
    pen->font = pango_font_description_new();
    pango_font_description_set_family(pen->font, GLYPHS_FONT);
    pango_font_description_set_absolute_size(pen->font, LETTER_SIZE * (double)PANGO_SCALE);
    pen->surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, WIDTH, HEIGHT);
    pen->cairo = cairo_create(pen->surface);
    return cairo_status(pen->cairo) == CAIRO_STATUS_SUCCESS ? LMVR_OK : error_no_memory(error, "drawing glyphs");
}

static void pen_finish(struct pen *pen)
{
    cairo_destroy(pen->cairo);
    cairo_surface_destroy(pen->surface);
    if (pen->font)
        pango_font_description_free(pen->font);
    if (pen->context)
        g_object_unref(pen->context);
    g_object_unref(pen->map);
}

/* Pango falls back to another font for missing glyphs. */
static bool is_our_font(PangoLayout *layout)
{
    const PangoLayoutRun *run = pango_layout_get_line_readonly(layout, 0)->runs->data;
    PangoFontDescription *found = pango_font_describe(run->item->analysis.font);
    bool ours = strcmp(pango_font_description_get_family(found), GLYPHS_FONT) == 0;
    pango_font_description_free(found);
    return ours;
}

/* ---- a glyph ---- */

/* Draws `text` with its upper left corner at the origin. */
static lmvr_status show(struct pen *pen, const char *text, lmvr_error *error)
{
    PangoRectangle ink;
    PangoLayout *layout = pango_layout_new(pen->context);
    pango_layout_set_font_description(layout, pen->font);
    pango_layout_set_text(layout, text, -1);
    pango_layout_get_pixel_extents(layout, &ink, NULL);
    /* a missing glyph is a box, and a sequence that the font does not combine is wider */
    bool there = pango_layout_get_unknown_glyphs_count(layout) == 0 && is_our_font(layout) && ink.width > 0 &&
                 ink.width <= ink.height * 5 / 4;
    if (there) {
        cairo_save(pen->cairo);
        cairo_scale(pen->cairo, (double)WIDTH / ink.width, (double)HEIGHT / ink.height);
        cairo_move_to(pen->cairo, -ink.x, -ink.y);
        pango_cairo_show_layout(pen->cairo, layout);
        cairo_restore(pen->cairo);
    }
    g_object_unref(layout);
    if (there)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "the font \"" GLYPHS_FONT "\" has no glyph for %s: a newer " GLYPHS_PACKAGE " is needed", text);
}

static void fill_polygon(cairo_t *cairo, const double *points, int count, double red, double green, double blue)
{
    for (int i = 0; i < count; i++)
        cairo_line_to(cairo, points[2 * i], points[2 * i + 1]);
    cairo_close_path(cairo);
    cairo_set_source_rgb(cairo, red, green, blue);
    cairo_fill(cairo);
}

/* A wooden table, seen from the front and slightly from above; the font has none. */
static void draw_table(cairo_t *cairo)
{
    static const double top[] = {26, 50, 110, 50, 132, 74, 4, 74}, front[] = {4, 74, 132, 74, 132, 82, 4, 82};
    static const double legs[4][8] = {{32, 82, 39, 82, 38, 108, 33, 108},
                                      {97, 82, 104, 82, 103, 108, 98, 108},
                                      {10, 82, 20, 82, 18, 125, 12, 125},
                                      {116, 82, 126, 82, 124, 125, 118, 125}};
    for (int i = 0; i < 4; i++)
        fill_polygon(cairo, legs[i], 4, i < 2 ? 0.40 : 0.52, i < 2 ? 0.25 : 0.33, i < 2 ? 0.15 : 0.20);
    fill_polygon(cairo, top, 4, 0.76, 0.54, 0.34);
    fill_polygon(cairo, front, 4, 0.58, 0.38, 0.24);
}

static lmvr_status show_on_table(struct pen *pen, const char *text, lmvr_error *error)
{
    draw_table(pen->cairo);
    cairo_save(pen->cairo);
    cairo_translate(pen->cairo, 35, 6);
    cairo_scale(pen->cairo, 0.48, 0.48);
    lmvr_status status = show(pen, text, error);
    cairo_restore(pen->cairo);
    return status;
}

static lmvr_status load(struct pen *pen, const char *text, struct sprite *sprite, lmvr_error *error)
{
    cairo_set_operator(pen->cairo, CAIRO_OPERATOR_CLEAR);
    cairo_paint(pen->cairo);
    cairo_set_operator(pen->cairo, CAIRO_OPERATOR_OVER);
    TRY(*text == GLYPH_ON_TABLE ? show_on_table(pen, text + 1, error) : show(pen, text, error));
    cairo_surface_flush(pen->surface);
    if (cairo_status(pen->cairo) != CAIRO_STATUS_SUCCESS)
        return error_no_memory(error, "drawing glyphs");
    error_write(error, "the font \"" GLYPHS_FONT "\" draws nothing for %s: a newer " GLYPHS_PACKAGE " is needed", text);
    return sprite_init(sprite, cairo_image_surface_get_data(pen->surface), WIDTH, HEIGHT,
                       cairo_image_surface_get_stride(pen->surface), error);
}

/* ---- all of them ---- */

static lmvr_status load_all(struct glyphs *g, struct pen *pen, lmvr_error *error)
{
    int at = 0;
    for (int k = 0; k < kind_count; k++) {
        g->first[k] = at;
        for (int i = 0; i < kind_glyph_count(&kinds[k]); i++)
            TRY(load(pen, kinds[k].glyphs[i], &g->sprites[at++], error));
    }
    for (int i = 0; i < garment_count; i++)
        TRY(load(pen, garments[i].glyph, &g->garments[i], error));
    return LMVR_OK;
}

lmvr_status glyphs_load(struct glyphs *glyphs, lmvr_error *error)
{
    struct pen pen;
    *glyphs = (struct glyphs){0};
    for (int k = 0; k < kind_count; k++)
        glyphs->count += kind_glyph_count(&kinds[k]);
    glyphs->first = calloc((size_t)kind_count, sizeof *glyphs->first);
    glyphs->sprites = calloc((size_t)glyphs->count, sizeof *glyphs->sprites);
    glyphs->garments = calloc((size_t)garment_count, sizeof *glyphs->garments);
    lmvr_status status = glyphs->first && glyphs->sprites && glyphs->garments ? LMVR_OK : error_no_memory(error, "the glyphs");
    if (status == LMVR_OK) {
        status = pen_init(&pen, error);
        if (status == LMVR_OK)
            status = load_all(glyphs, &pen, error);
        pen_finish(&pen);
    }
    if (status != LMVR_OK)
        glyphs_finish(glyphs);
    return status;
}

void glyphs_finish(struct glyphs *glyphs)
{
    for (int i = 0; glyphs->sprites && i < glyphs->count; i++)
        sprite_finish(&glyphs->sprites[i]);
    for (int i = 0; glyphs->garments && i < garment_count; i++)
        sprite_finish(&glyphs->garments[i]);
    free(glyphs->first);
    free(glyphs->sprites);
    free(glyphs->garments);
    *glyphs = (struct glyphs){0};
}

const struct sprite *glyphs_get(const struct glyphs *glyphs, int kind, int glyph)
{
    return &glyphs->sprites[glyphs->first[kind] + glyph];
}
