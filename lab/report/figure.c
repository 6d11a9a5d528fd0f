/* Charts and galleries: the contents of the report's figures/. */
#include "lab/report/clean.h"
#include "lab/report/document.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUE     1e15
#define DEFAULT_WIDTH 280 /* CSS pixels */

/* ---- charts ---- */

struct report_chart *report_add_chart(struct report *report, const char *name, const char *title, const char *caption,
                                      const struct report_chart_options *options)
{
    struct report_chart *chart = report_add_block(report, BLOCK_CHART, sizeof *chart, name, title, caption);
    if (!chart)
        return NULL;
    chart->kind = options->kind;
    chart->decimals = options->decimals;
    chart->category_title = report_copy(report, options->category_title);
    chart->value_title = report_copy(report, options->value_title);
    chart->unit = report_copy(report, options->unit);
    return chart;
}

void report_chart_add_category(struct report_chart *chart, const char *name, const char *group)
{
    struct report *report = chart ? chart->block.report : NULL;
    if (!chart || chart->series_count > 0)
        return;
    struct category *all = region_grow(&report->region, chart->categories, chart->category_count, sizeof *all);
    if (!all)
        return;
    chart->categories = all;
    all[chart->category_count++] = (struct category){report_copy(report, name), report_copy(report, group)};
}

static double *copy_values(struct report_chart *chart, const double *values, size_t count)
{
    double *copy = region_take(&chart->block.report->region, chart->category_count, sizeof *copy);
    for (size_t i = 0; copy && i < chart->category_count; i++)
        copy[i] = values && i < count && fabs(values[i]) <= MAX_VALUE ? values[i] : (double)NAN;
    return copy;
}

void report_chart_add_series(struct report_chart *chart, const struct report_series *series, const double *values, size_t count)
{
    struct report *report = chart ? chart->block.report : NULL;
    struct series *all = chart ? region_grow(&report->region, chart->series, chart->series_count, sizeof *all) : NULL;
    if (!all)
        return;
    struct series s = {.paper = series->paper, .color = series->color, .name = report_copy(report, series->name)};
    s.values = copy_values(chart, values, count);
    s.low = copy_values(chart, series->low, count);
    s.high = copy_values(chart, series->high, count);
    chart->series = all;
    all[chart->series_count++] = s;
}

/* ---- galleries ---- */

struct report_gallery *report_add_gallery(struct report *report, const char *name, const char *title, const char *caption,
                                          int width)
{
    struct report_gallery *gallery = report_add_block(report, BLOCK_GALLERY, sizeof *gallery, name, title, caption);
    if (gallery)
        gallery->width = width > 0 ? width : DEFAULT_WIDTH;
    return gallery;
}

static enum picture_type type_of(const void *bytes, size_t size)
{
    if (bytes && size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) == 0)
        return PICTURE_PNG;
    return bytes && size >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0 ? PICTURE_JPEG : PICTURE_NONE;
}

void report_gallery_add(struct report_gallery *gallery, const struct report_picture *picture)
{
    struct report *report = gallery ? gallery->block.report : NULL;
    struct picture *all = gallery ? region_grow(&report->region, gallery->pictures, gallery->picture_count, sizeof *all) : NULL;
    if (!all)
        return;
    struct picture p = {.type = type_of(picture->bytes, picture->size), .width = picture->width, .height = picture->height};
    p.size = p.type == PICTURE_NONE ? 0 : picture->size;
    p.bytes = region_take(&report->region, p.size, 1);
    if (p.bytes && p.size > 0)
        memcpy(p.bytes, picture->bytes, p.size);
    p.title = report_copy(report, picture->title);
    p.label = report_copy(report, picture->label);
    p.text = report_clean_marked(&report->region, picture->text ? picture->text : "", picture->marks, picture->mark_count,
                                 &p.marks, &p.mark_count);
    gallery->pictures = all;
    all[gallery->picture_count++] = p;
}

char *report_picture_path(const struct report_gallery *gallery, size_t index, struct region *region)
{
    const char *suffix = gallery->pictures[index].type == PICTURE_PNG ? "png" : "jpg";
    return region_print(region, "figures/%s-%zu.%s", gallery->block.name, index + 1, suffix);
}
