#include "lab/figure/text.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FONT "DejaVu Sans, sans-serif"

char *text_showable(const char *text, size_t most)
{
    size_t length = strnlen(text, most);
    while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    char *copy = malloc(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    const char *wrong;
    while (!g_utf8_validate(copy, -1, &wrong))
        copy[wrong - copy] = '?';
    for (char *c = copy; *c; c++)
        if (((unsigned char)*c < ' ' && *c != '\n') || *c == 127)
            *c = ' ';
    return copy;
}

PangoContext *text_fonts_create(void)
{
    PangoFontMap *map = pango_cairo_font_map_new();
    PangoContext *fonts = map ? pango_font_map_create_context(map) : NULL;
    if (map)
        g_object_unref(map);
    return fonts;
}

void text_fonts_free(PangoContext *fonts)
{
    if (fonts)
        g_object_unref(fonts);
}

PangoLayout *text_create(PangoContext *fonts, const char *text, int size, int width)
{
    char *copy = text_showable(text, TEXT_MOST);
    if (!copy)
        return NULL;
    PangoLayout *layout = pango_layout_new(fonts);
    PangoFontDescription *font = pango_font_description_from_string(FONT);
    pango_font_description_set_absolute_size(font, size * (double)PANGO_SCALE);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    pango_layout_set_width(layout, width * PANGO_SCALE);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_text(layout, copy, -1);
    free(copy);
    return layout;
}

void text_free(PangoLayout *text)
{
    if (text)
        g_object_unref(text);
}

void text_keep_to_a_line(PangoLayout *text)
{
    pango_layout_set_height(text, -1);
    pango_layout_set_ellipsize(text, PANGO_ELLIPSIZE_END);
    pango_layout_set_single_paragraph_mode(text, TRUE);
}

static void insert(PangoAttrList *list, PangoAttribute *attribute, guint begin, guint end)
{
    attribute->start_index = begin;
    attribute->end_index = end;
    pango_attr_list_insert(list, attribute);
}

static guint16 to_16_bits(double value)
{
    return (guint16)lround(value * 65535);
}

void text_mark(PangoLayout *text, uint32_t begin, uint32_t end, const double rgb[3])
{
    PangoAttrList *list = pango_layout_get_attributes(text);
    list = list ? pango_attr_list_copy(list) : pango_attr_list_new();
    insert(list, pango_attr_weight_new(PANGO_WEIGHT_BOLD), begin, end);
    insert(list, pango_attr_foreground_new(to_16_bits(rgb[0]), to_16_bits(rgb[1]), to_16_bits(rgb[2])), begin, end);
    pango_layout_set_attributes(text, list);
    pango_attr_list_unref(list);
}

void text_size(PangoLayout *text, int *width, int *height)
{
    pango_layout_get_pixel_size(text, width, height);
}

void text_show(cairo_t *cairo, PangoLayout *text, double x, double y, double gray)
{
    cairo_set_source_rgb(cairo, gray, gray, gray);
    cairo_move_to(cairo, x, y);
    pango_cairo_show_layout(cairo, text);
}
