/* Charts and galleries: what goes into report/figures/. */
#include "report/clean.h"
#include "report/document.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VALUE     1e15
#define DEFAULT_WIDTH 280 /* CSS pixels */

/* ---- names ---- */

static bool is_figure_name(const struct report *report, const char *name)
{
    for (size_t i = 0; i < report->block_count; i++) {
        const struct block *b = &report->blocks[i];
        const char *taken = b->chart ? b->chart->name : b->gallery ? b->gallery->name : NULL;
        if (taken && strcmp(taken, name) == 0)
            return true;
    }
    return false;
}

/* NULL, and the report failed: out of memory. */
static char *figure_name(struct report *report, const char *text, const char *instead)
{
    char *slug = report_slug(text ? text : "", '-', instead);
    char *name = slug ? strdup(slug) : NULL;
    for (int n = 2; name && is_figure_name(report, name); n++) {
        free(name);
        name = asprintf(&name, "%s-%d", slug, n) < 0 ? NULL : name;
    }
    free(slug);
    report->failed |= !name;
    return name;
}

/* ---- charts ---- */

struct report_chart *report_add_chart(struct report *report, const char *name, const char *title, const char *caption,
                                      const struct report_chart_options *options)
{
    struct block *block = report_add_block(report, BLOCK_CHART);
    if (!block)
        return NULL;
    struct report_chart *chart = calloc(1, sizeof *chart);
    if (!chart) {
        report->failed = true;
        return NULL;
    }
    *chart = (struct report_chart){.report = report, .kind = options->kind, .decimals = options->decimals};
    chart->name = figure_name(report, name, "chart");
    chart->title = report_copy(report, title);
    chart->caption = report_copy(report, caption);
    chart->category_title = report_copy(report, options->category_title);
    chart->value_title = report_copy(report, options->value_title);
    chart->unit = report_copy(report, options->unit);
    block->chart = chart;
    return chart;
}

void report_chart_free(struct report_chart *chart)
{
    if (!chart)
        return;
    for (size_t i = 0; i < chart->category_count; i++) {
        free(chart->categories[i].name);
        free(chart->categories[i].group);
    }
    for (size_t i = 0; i < chart->series_count; i++) {
        free(chart->series[i].name);
        free(chart->series[i].values);
    }
    free(chart->categories);
    free(chart->series);
    free(chart->name);
    free(chart->title);
    free(chart->caption);
    free(chart->category_title);
    free(chart->value_title);
    free(chart->unit);
    free(chart);
}

void report_chart_add_category(struct report_chart *chart, const char *name, const char *group)
{
    if (!chart || chart->report->failed || chart->series_count > 0)
        return;
    struct category *categories = report_grow(chart->report, chart->categories, chart->category_count, sizeof *categories);
    if (!categories)
        return;
    chart->categories = categories;
    struct category *c = &categories[chart->category_count++];
    c->name = report_copy(chart->report, name);
    c->group = report_copy(chart->report, group);
}

void report_chart_add_series(struct report_chart *chart, const struct report_series *series, const double *values, size_t count)
{
    if (!chart || chart->report->failed)
        return;
    struct series *all = report_grow(chart->report, chart->series, chart->series_count, sizeof *all);
    if (!all)
        return;
    chart->series = all;
    struct series *s = &all[chart->series_count++];
    *s = (struct series){.paper = series->paper, .color = series->color};
    s->name = report_copy(chart->report, series->name);
    s->values = calloc(chart->category_count + 1, sizeof *s->values);
    if (!s->values)
        chart->report->failed = true;
    for (size_t i = 0; s->values && i < chart->category_count; i++)
        s->values[i] = i < count && fabs(values[i]) <= MAX_VALUE ? values[i] : (double)NAN;
}

/* ---- galleries ---- */

struct report_gallery *report_add_gallery(struct report *report, const char *name, const char *title, const char *caption,
                                          int width)
{
    struct block *block = report_add_block(report, BLOCK_GALLERY);
    if (!block)
        return NULL;
    struct report_gallery *gallery = calloc(1, sizeof *gallery);
    if (!gallery) {
        report->failed = true;
        return NULL;
    }
    *gallery = (struct report_gallery){.report = report, .width = width > 0 ? width : DEFAULT_WIDTH};
    gallery->name = figure_name(report, name, "picture");
    gallery->title = report_copy(report, title);
    gallery->caption = report_copy(report, caption);
    block->gallery = gallery;
    return gallery;
}

void report_gallery_free(struct report_gallery *gallery)
{
    if (!gallery)
        return;
    for (size_t i = 0; i < gallery->picture_count; i++) {
        struct picture *p = &gallery->pictures[i];
        free(p->bytes);
        free(p->title);
        free(p->label);
        free(p->text);
        free(p->marks);
    }
    free(gallery->pictures);
    free(gallery->name);
    free(gallery->title);
    free(gallery->caption);
    free(gallery);
}

static void copy_bytes(struct report *report, const struct report_picture *from, struct picture *to)
{
    report_picture_inspect(to, from->bytes, from->size);
    if (to->type == PICTURE_NONE)
        return;
    to->bytes = malloc(from->size);
    if (to->bytes)
        memcpy(to->bytes, from->bytes, from->size);
    else
        report->failed = true;
    to->size = from->size;
}

void report_gallery_add(struct report_gallery *gallery, const struct report_picture *picture)
{
    if (!gallery || gallery->report->failed)
        return;
    struct report *report = gallery->report;
    struct picture *pictures = report_grow(report, gallery->pictures, gallery->picture_count, sizeof *pictures);
    if (!pictures)
        return;
    gallery->pictures = pictures;
    struct picture *p = &pictures[gallery->picture_count++];
    copy_bytes(report, picture, p);
    p->title = report_copy(report, picture->title);
    p->label = report_copy(report, picture->label);
    p->text =
        report_clean_marked(picture->text ? picture->text : "", picture->marks, picture->mark_count, &p->marks, &p->mark_count);
    if (!p->text)
        report->failed = true;
}
