#include "lab/report/markup.h"
#include "lab/report/render.h"
#include "lab/report/shown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const char report_page[]; /* page.html, with placeholders of the form {{name}} */

static const char *const kinds[] = {"section", "text", "notice", "table", "chart", "pictures"};

/* ---- contents ---- */

static bool is_listed(const struct block *b)
{
    return b->kind == BLOCK_SECTION || (b->kind >= BLOCK_TABLE && *b->title);
}

/* Blocks before the first section are on the sections' level. */
static void put_contents(const struct report *report, FILE *out)
{
    bool in_section = false, in_list = false;
    size_t entries = 0;
    for (size_t i = 0; i < report->block_count; i++)
        entries += is_listed(report->blocks[i]);
    if (entries < 2)
        return;
    fputs("<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n", out);
    for (size_t i = 0; i < report->block_count; i++) {
        const struct block *b = report->blocks[i];
        if (!is_listed(b))
            continue;
        if (b->kind == BLOCK_SECTION) {
            fprintf(out, "%s%s", in_list ? "</ol>" : "", in_section ? "</li>\n" : "");
            markup(out, "<li><a href=\"#section-%zu\">%s</a>", i, b->title);
            in_section = true;
            in_list = false;
        } else {
            fputs(in_section && !in_list ? "\n<ol>\n" : "", out);
            in_list = in_section;
            markup(out, "<li><a href=\"#%s-%s\">%s</a></li>\n", kinds[b->kind], b->name, b->title);
        }
    }
    fprintf(out, "%s%s</ol>\n</nav>\n", in_list ? "</ol>" : "", in_section ? "</li>\n" : "");
}

/* ---- text ---- */

static void put_paragraphs(const char *text, FILE *out)
{
    for (text += strspn(text, "\n"); *text; text += strspn(text, "\n")) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        fputs("<p dir=\"auto\">", out);
        markup_range(out, text, 0, length);
        fputs("</p>\n", out);
        text += length;
    }
}

static void put_facts(const struct report *report, FILE *out)
{
    fputs(report->fact_count > 0 ? "<dl class=\"facts\">\n" : "", out);
    for (size_t i = 0; i < report->fact_count; i++)
        markup(out, "<dt dir=\"auto\">%s</dt><dd dir=\"auto\">%s</dd>\n", report->facts[i].name, report->facts[i].value);
    fputs(report->fact_count > 0 ? "</dl>\n" : "", out);
}

static void begin_figure(const struct block *b, FILE *out)
{
    markup(out, "<figure id=\"%s-%s\">\n", kinds[b->kind], b->name);
    if (!*b->title && !*b->caption)
        return;
    fputs("<figcaption>", out);
    if (*b->title)
        markup(out, "<h3 dir=\"auto\">%s</h3>", b->title);
    if (*b->caption)
        markup(out, "<p dir=\"auto\">%s</p>", b->caption);
    fputs("</figcaption>\n", out);
}

/* ---- tables ---- */

static const char *const aligns[] = {"", "l", "c", "r"}, *const column_classes[] = {"", " paper", " note"};

static void put_column_head(const struct shown_column *c, bool two_rows, FILE *out)
{
    markup(out, "<th scope=\"col\" class=\"%s%s\"", aligns[c->align], column_classes[c->kind]);
    markup(out, two_rows ? " rowspan=\"2\">%s" : ">%s", c->name);
    if (*c->unit)
        markup(out, " <span class=\"unit\">(%s)</span>", c->unit);
    fputs("</th>", out);
}

/* The row of headings over several columns; columns without one span both rows. */
static void put_over(const struct shown *v, FILE *out)
{
    fputs("<tr>", out);
    for (size_t i = 0; i < v->columns; i += v->heads[i].span) {
        const struct shown_column *c = &v->heads[i];
        size_t paper = 0;
        for (size_t k = i; k < i + c->span; k++)
            paper += v->heads[k].kind == REPORT_COLUMN_PAPER;
        if (*c->over)
            markup(out, "<th scope=\"colgroup\" colspan=\"%zu\" class=\"over%s\"><span>%s</span></th>", c->span,
                   paper == c->span ? " paper" : "", c->over);
        else
            put_column_head(c, true, out);
    }
    fputs("</tr>\n", out);
}

static void put_cell(const struct shown *v, size_t row, size_t column, FILE *out)
{
    const struct shown_cell *cell = &v->cells[row * v->columns + column];
    const struct shown_column *c = &v->heads[column];
    bool paper_row = v->table->rows[row].kind == REPORT_PAPER && c->kind == REPORT_COLUMN_VALUE;
    if (column == 0)
        fputs("<th scope=\"row\" dir=\"auto\">", out);
    else
        markup(out, "<td class=\"%s%s%s\" dir=\"auto\">", aligns[c->align], column_classes[c->kind], paper_row ? " paper" : "");
    markup(out, cell->best ? "<b>%s</b>" : "%s", cell->text);
    if (*cell->interval)
        markup(out, "<span class=\"interval\">%s</span>", cell->interval);
    if (*cell->mark)
        markup(out, "<sup>%s</sup>", cell->mark);
    fputs(column == 0 ? "</th>" : "</td>", out);
}

static void put_body(const struct shown *v, FILE *out)
{
    static const char *const rows[] = {"<tr>", "<tr class=\"paper\">", "<tr class=\"summary\">"};
    const struct report_table *t = v->table;
    for (size_t row = 0; row < t->row_count; row++) {
        size_t group = t->rows[row].group;
        bool begins = row == 0 || group != t->rows[row - 1].group;
        fputs(begins && row > 0 ? "</tbody>\n" : "", out);
        fputs(begins ? "<tbody>\n" : "", out);
        if (begins && group > 0 && *t->groups[group - 1])
            markup(out, "<tr class=\"group\"><th colspan=\"%zu\" scope=\"rowgroup\" dir=\"auto\">%s</th></tr>\n", v->columns,
                   t->groups[group - 1]);
        fputs(rows[t->rows[row].kind], out);
        for (size_t i = 0; i < v->columns; i++)
            put_cell(v, row, i, out);
        fputs("</tr>\n", out);
    }
    fputs(t->row_count > 0 ? "</tbody>\n" : "", out);
}

static void put_notes(const struct shown *v, FILE *out)
{
    fputs("<div class=\"notes\">\n", out);
    if (v->has_paper)
        fputs("<p><span class=\"key\"></span><i>Shaded</i>: the paper's numbers.</p>\n", out);
    for (size_t i = 0; i < v->note_count; i++) {
        bool marked = *v->notes[i].mark;
        markup(out, marked ? "<p><sup>%s</sup> <bdi>" : "<p dir=\"auto\">%s", v->notes[i].mark);
        markup(out, marked ? "%s</bdi></p>\n" : "%s</p>\n", v->notes[i].text);
    }
    fputs("</div>\n", out);
}

static bool put_table(const struct report_table *table, FILE *out)
{
    struct shown v;
    bool good = shown_init(&v, table, NUMBER_TYPESET);
    begin_figure(&table->block, out);
    if (good && v.columns > 0) {
        markup(out, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">\n<table>\n<thead>\n",
               *table->block.title ? table->block.title : table->block.name);
        if (v.has_over)
            put_over(&v, out);
        fputs("<tr>", out);
        for (size_t i = 0; i < v.columns; i++)
            if (!v.has_over || *v.heads[i].over)
                put_column_head(&v.heads[i], false, out);
        fputs("</tr>\n</thead>\n", out);
        put_body(&v, out);
        fputs("</table>\n</div>\n", out);
        put_notes(&v, out);
    }
    fputs("</figure>\n", out);
    shown_finish(&v);
    return good;
}

/* ---- figures ---- */

static void put_chart(const struct report_chart *chart, FILE *out)
{
    begin_figure(&chart->block, out);
    fputs("<div class=\"scroll\">\n", out);
    render_svg(chart, true, out);
    fputs("</div>\n</figure>\n", out);
}

static int compare_shapes(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of the pictures' aspect ratios, so that most fill their frames; 4:3 if none is known. */
static double find_shape(const struct report_gallery *g, struct region *region)
{
    double *shapes = region_take(region, g->picture_count, sizeof *shapes);
    size_t known = 0;
    for (size_t i = 0; shapes && i < g->picture_count; i++)
        if (g->pictures[i].width > 0 && g->pictures[i].height > 0)
            shapes[known++] = (double)g->pictures[i].width / g->pictures[i].height;
    if (known == 0)
        return 4.0 / 3;
    qsort(shapes, known, sizeof *shapes, compare_shapes);
    return fmin(fmax(shapes[known / 2], 0.5), 4);
}

static void put_picture(const struct picture *p, int shape, FILE *out)
{
    size_t at = 0;
    fputs("<div class=\"picture\">\n", out);
    if (p->type == PICTURE_NONE) {
        markup(out, "<div class=\"none\" style=\"aspect-ratio:%d/100\">no picture</div>\n", shape);
    } else {
        markup(out, "<img alt=\"%s\" style=\"aspect-ratio:%d/100\" src=\"data:image/%s;base64,",
               *p->title ? p->title : p->label, shape, p->type == PICTURE_PNG ? "png" : "jpeg");
        markup_base64(out, p->bytes, p->size);
        fputs("\">\n", out);
    }
    if (*p->title)
        markup(out, "<p class=\"title\" dir=\"auto\">%s</p>\n", p->title);
    if (*p->label)
        markup(out, "<p class=\"label\" dir=\"auto\">%s</p>\n", p->label);
    fputs(*p->text ? "<p class=\"text\" dir=\"auto\">" : "", out);
    for (size_t i = 0; i < p->mark_count; i++) {
        markup_range(out, p->text, at, p->marks[i].begin);
        fputs("<mark>", out);
        markup_range(out, p->text, p->marks[i].begin, p->marks[i].end);
        fputs("</mark>", out);
        at = p->marks[i].end;
    }
    markup_range(out, p->text, at, strlen(p->text));
    fputs(*p->text ? "</p>\n</div>\n" : "</div>\n", out);
}

static bool put_gallery(const struct report_gallery *gallery, FILE *out)
{
    struct region region = {0};
    int shape = (int)lround(100 * find_shape(gallery, &region));
    begin_figure(&gallery->block, out);
    markup(out, "<div class=\"grid\" style=\"grid-template-columns:repeat(auto-fill,minmax(min(100%%,%dpx),1fr))\">\n",
           gallery->width);
    for (size_t i = 0; i < gallery->picture_count; i++)
        put_picture(&gallery->pictures[i], shape, out);
    fputs("</div>\n</figure>\n", out);
    region_free(&region);
    return !region.failed;
}

/* ---- the whole ---- */

static bool put_block(const struct block *b, size_t index, FILE *out)
{
    switch (b->kind) {
    case BLOCK_SECTION:
        markup(out, "<h2 id=\"section-%zu\" dir=\"auto\">%s</h2>\n", index, b->title);
        return true;
    case BLOCK_TEXT:
        put_paragraphs(b->title, out);
        return true;
    case BLOCK_NOTICE:
        fputs("<div class=\"notice\" role=\"note\">\n", out);
        put_paragraphs(b->title, out);
        fputs("</div>\n", out);
        return true;
    case BLOCK_TABLE:
        return put_table((const struct report_table *)b, out);
    case BLOCK_CHART:
        put_chart((const struct report_chart *)b, out);
        return true;
    case BLOCK_GALLERY:
        return put_gallery((const struct report_gallery *)b, out);
    }
    return true;
}

/* Fills the page's placeholder of this name. */
static bool put_place(const struct report *report, const char *name, FILE *out)
{
    bool good = true;
    if (strncmp(name, "title", 5) == 0)
        markup(out, "%s", report->title);
    else if (strncmp(name, "version", 7) == 0)
        fputs(LMVR_VERSION, out);
    else if (strncmp(name, "facts", 5) == 0)
        put_facts(report, out);
    else if (strncmp(name, "contents", 8) == 0)
        put_contents(report, out);
    else
        for (size_t i = 0; i < report->block_count && good; i++)
            good = put_block(report->blocks[i], i, out);
    return good;
}

bool render_html(const struct report *report, FILE *out)
{
    bool good = true;
    const char *page = report_page;
    for (const char *place; (place = strstr(page, "{{")) && good; page = strstr(place, "}}") + 2) {
        fwrite(page, 1, (size_t)(place - page), out);
        good = put_place(report, place + 2, out);
    }
    fputs(page, out);
    return good;
}
