#include "report/html.h"

#include "report/escape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void html_put_caption(const char *title, const char *caption, FILE *out)
{
    if (!*title && !*caption)
        return;
    fputs("<figcaption>", out);
    if (*title) {
        fputs("<h3 dir=\"auto\">", out);
        put_escaped(out, title);
        fputs("</h3>", out);
    }
    if (*caption) {
        fputs("<p dir=\"auto\">", out);
        put_escaped(out, caption);
        fputs("</p>", out);
    }
    fputs("</figcaption>\n", out);
}

/* ---- contents ---- */

static void put_entry(const char *kind, const char *name, const char *title, FILE *out)
{
    fprintf(out, "<li><a href=\"#%s-%s\">", kind, name);
    put_escaped(out, title);
    fputs("</a>", out);
}

static void put_figure_entry(const struct block *b, FILE *out)
{
    const char *kind = b->table ? "table" : b->chart ? "chart" : "pictures";
    const char *name = b->table ? b->table->name : b->chart ? b->chart->name : b->gallery->name;
    const char *title = b->table ? b->table->title : b->chart ? b->chart->title : b->gallery->title;
    if (!*title)
        return;
    put_entry(kind, name, title, out);
    fputs("</li>\n", out);
}

static bool has_title(const struct block *b)
{
    return (b->table && *b->table->title) || (b->chart && *b->chart->title) || (b->gallery && *b->gallery->title);
}

/* What stands before the first section is on the sections' level. */
static void put_contents(const struct report *report, FILE *out)
{
    bool in_section = false, in_list = false;
    fputs("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n", out);
    for (size_t i = 0; i < report->block_count; i++) {
        const struct block *b = &report->blocks[i];
        if (b->kind == BLOCK_SECTION) {
            char name[32];
            snprintf(name, sizeof name, "%zu", i);
            fprintf(out, "%s%s", in_list ? "</ol>" : "", in_section ? "</li>\n" : "");
            put_entry("section", name, b->text, out);
            in_section = true;
            in_list = false;
        } else if (has_title(b)) {
            fputs(in_section && !in_list ? "\n<ol>\n" : "", out);
            in_list = in_section;
            put_figure_entry(b, out);
        }
    }
    fprintf(out, "%s%s</ol>\n</nav>\n", in_list ? "</ol>" : "", in_section ? "</li>\n" : "");
}

static bool has_contents(const struct report *report)
{
    size_t entries = 0;
    for (size_t i = 0; i < report->block_count; i++)
        entries += report->blocks[i].kind == BLOCK_SECTION || has_title(&report->blocks[i]);
    return entries > 1;
}

/* ---- text ---- */

static void put_paragraphs(const char *text, FILE *out)
{
    for (text += strspn(text, "\n"); *text;) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        fputs("<p dir=\"auto\">", out);
        put_escaped_range(out, text, 0, length);
        fputs("</p>\n", out);
        text += length;
        text += strspn(text, "\n");
    }
}

static void put_head(const struct report *report, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
          "style-src 'unsafe-inline'\">\n<meta name=\"generator\" content=\"lmvr " LMVR_VERSION "\">\n<title>",
          out);
    put_escaped(out, report->title);
    fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n", html_style);
}

static void put_facts(const struct report *report, FILE *out)
{
    if (report->fact_count == 0)
        return;
    fputs("<dl class=\"facts\">\n", out);
    for (size_t i = 0; i < report->fact_count; i++) {
        fputs("<dt dir=\"auto\">", out);
        put_escaped(out, report->facts[i].name);
        fputs("</dt><dd dir=\"auto\">", out);
        put_escaped(out, report->facts[i].value);
        fputs("</dd>\n", out);
    }
    fputs("</dl>\n", out);
}

/* ---- figures ---- */

static void put_chart(const struct report_chart *chart, FILE *out)
{
    fprintf(out, "<figure id=\"chart-%s\">\n", chart->name);
    html_put_caption(chart->title, chart->caption, out);
    fputs("<div class=\"scroll\">\n", out);
    render_svg(chart, true, out);
    fputs("</div>\n</figure>\n", out);
}

/* `shape`: the gallery's, width over height; in it every picture is shown whole. */
static void put_image(const struct picture *p, const char *shape, FILE *out)
{
    if (p->type == PICTURE_NONE) {
        fprintf(out, "<div class=\"none\" style=\"aspect-ratio:%s\">no picture</div>\n", shape);
        return;
    }
    fputs("<img alt=\"", out);
    put_escaped(out, *p->title ? p->title : p->label);
    fprintf(out, "\" style=\"aspect-ratio:%s\" src=\"data:image/%s;base64,", shape, p->type == PICTURE_PNG ? "png" : "jpeg");
    put_base64(out, p->bytes, p->size);
    fputs("\">\n", out);
}

static void put_line(const char *class, const char *text, FILE *out)
{
    if (!*text)
        return;
    fprintf(out, "<p class=\"%s\" dir=\"auto\">", class);
    put_escaped(out, text);
    fputs("</p>\n", out);
}

static void put_response(const struct picture *p, FILE *out)
{
    size_t at = 0;
    if (!*p->text)
        return;
    fputs("<p class=\"text\" dir=\"auto\">", out);
    for (size_t i = 0; i < p->mark_count; i++) {
        put_escaped_range(out, p->text, at, p->marks[i].begin);
        fputs("<mark>", out);
        put_escaped_range(out, p->text, p->marks[i].begin, p->marks[i].end);
        fputs("</mark>", out);
        at = p->marks[i].end;
    }
    put_escaped_range(out, p->text, at, strlen(p->text));
    fputs("</p>\n", out);
}

static int compare_shapes(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The middle one of its pictures' shapes, so that most fill their place; 4:3 where none is known. Is false where memory ran
 * out. */
static bool find_shape(const struct report_gallery *gallery, char shape[NUMBER_SIZE])
{
    double *shapes = calloc(gallery->picture_count + 1, sizeof *shapes), middle = 4.0 / 3;
    size_t known = 0;
    if (!shapes)
        return false;
    for (size_t i = 0; i < gallery->picture_count; i++)
        if (gallery->pictures[i].width > 0)
            shapes[known++] = (double)gallery->pictures[i].width / gallery->pictures[i].height;
    qsort(shapes, known, sizeof *shapes, compare_shapes);
    if (known > 0)
        middle = fmin(fmax(shapes[known / 2], 0.5), 4);
    number_format(middle, 4, false, NUMBER_PLAIN, shape);
    free(shapes);
    return true;
}

static bool put_gallery(const struct report_gallery *gallery, FILE *out)
{
    char shape[NUMBER_SIZE];
    if (!find_shape(gallery, shape))
        return false;
    fprintf(out, "<figure id=\"pictures-%s\">\n", gallery->name);
    html_put_caption(gallery->title, gallery->caption, out);
    fprintf(out, "<div class=\"grid\" style=\"grid-template-columns:repeat(auto-fill,minmax(min(100%%,%dpx),1fr))\">\n",
            gallery->width);
    for (size_t i = 0; i < gallery->picture_count; i++) {
        const struct picture *p = &gallery->pictures[i];
        fputs("<div class=\"picture\">\n", out);
        put_image(p, shape, out);
        put_line("title", p->title, out);
        put_line("label", p->label, out);
        put_response(p, out);
        fputs("</div>\n", out);
    }
    fputs("</div>\n</figure>\n", out);
    return true;
}

/* ---- the whole ---- */

static bool put_block(const struct report *report, size_t index, FILE *out)
{
    const struct block *b = &report->blocks[index];
    switch (b->kind) {
    case BLOCK_SECTION:
        fprintf(out, "<h2 id=\"section-%zu\" dir=\"auto\">", index);
        put_escaped(out, b->text);
        fputs("</h2>\n", out);
        return true;
    case BLOCK_TEXT:
        put_paragraphs(b->text, out);
        return true;
    case BLOCK_NOTICE:
        fputs("<div class=\"notice\" role=\"note\">\n", out);
        put_paragraphs(b->text, out);
        fputs("</div>\n", out);
        return true;
    case BLOCK_TABLE:
        return html_put_table(b->table, out);
    case BLOCK_CHART:
        put_chart(b->chart, out);
        return true;
    case BLOCK_GALLERY:
        return put_gallery(b->gallery, out);
    }
    return true;
}

bool render_html(const struct report *report, FILE *out)
{
    bool good = true;
    put_head(report, out);
    fputs("<body>\n<div class=\"page\">\n<header>\n<h1 dir=\"auto\">", out);
    put_escaped(out, report->title);
    fputs("</h1>\n", out);
    put_facts(report, out);
    fputs("</header>\n", out);
    if (has_contents(report))
        put_contents(report, out);
    fputs("<main>\n", out);
    for (size_t i = 0; i < report->block_count && good; i++)
        good = put_block(report, i, out);
    fputs("</main>\n<footer>Written by lmvr " LMVR_VERSION ".</footer>\n</div>\n</body>\n</html>\n", out);
    return good;
}
