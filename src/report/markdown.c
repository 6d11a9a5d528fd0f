#include "report/render.h"

#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

/* Characters that CommonMark or GitHub's extensions give a meaning, wherever they stand. */
static bool is_special(char c)
{
    return c && strchr("\\`*_{}[]<>&|~#$@^", c);
}

/* "- ", "+ ", "===" and "1. " or "1) " begin something at a line's beginning. */
static bool begins_block(const char *text, const char *at)
{
    bool ends = at[1] == ' ' || !at[1];
    if (at == text)
        return *at == '=' || ((*at == '-' || *at == '+') && (ends || at[1] == '-'));
    return (*at == '.' || *at == ')') && ends && strspn(text, "0123456789") == (size_t)(at - text);
}

/* Text within a line: white space is one space, an address is no link. */
static void put_range(const char *text, size_t begin, size_t end, FILE *out)
{
    for (size_t i = begin; i < end; i++) {
        const char *c = &text[i];
        if (*c == ' ' || *c == '\t' || *c == '\n') {
            if (i > 0 && !strchr(" \t\n", c[-1]))
                putc(' ', out);
            continue;
        }
        bool address = (*c == ':' && strncmp(c, "://", 3) == 0) || strncasecmp(c, "www.", 4) == 0;
        if (address && *c != ':')
            fputs("&#8203;", out); /* a zero-width space */
        else if (address || is_special(*c) || begins_block(text, c))
            putc('\\', out);
        putc(*c, out);
    }
}

static void put_text(const char *text, FILE *out)
{
    put_range(text, 0, strlen(text), out);
}

/* Lines stay lines, by <br>, which a table's cell takes too. Key words are bold. */
static void put_response(const struct picture *p, FILE *out)
{
    size_t at = 0;
    for (size_t i = 0; i < p->mark_count; i++) {
        put_range(p->text, at, p->marks[i].begin, out);
        fputs("<b>", out);
        put_range(p->text, p->marks[i].begin, p->marks[i].end, out);
        fputs("</b>", out);
        at = p->marks[i].end;
    }
    put_range(p->text, at, strlen(p->text), out);
}

/* Paragraphs, each line after `before`. */
static void put_paragraphs(const char *text, const char *before, FILE *out)
{
    for (text += strspn(text, "\n"); *text;) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        fputs(before, out);
        put_range(text, 0, length, out);
        fprintf(out, "\n%s\n", end ? before : "");
        text += length + (end ? 2 : 0);
        text += strspn(text, "\n");
    }
}

static void put_caption(const char *title, const char *caption, FILE *out)
{
    if (*title) {
        fputs("### ", out);
        put_text(title, out);
        fputs("\n\n", out);
    }
    if (*caption) {
        put_text(caption, out);
        fputs("\n\n", out);
    }
}

/* ---- tables ---- */

static void put_heading(const struct column *c, FILE *out)
{
    put_text(c->over, out);
    fputs(*c->over && *render_name(c) ? ": " : "", out);
    put_text(render_name(c), out);
    if (*c->unit) {
        fputs(" (", out);
        put_text(c->unit, out);
        putc(')', out);
    }
    putc(' ', out);
}

static void put_rule(const struct report_table *table, size_t column, FILE *out)
{
    static const char *const rules[] = {"", ":---", ":---:", "---:"};
    enum report_align align = table->columns[column].align;
    if (align == REPORT_ALIGN_DEFAULT)
        align = report_table_is_text(table, column) ? REPORT_LEFT : REPORT_RIGHT;
    fprintf(out, " %s |", rules[align]);
}

static void put_head(const struct report_table *table, const bool *hidden, FILE *out)
{
    putc('|', out);
    for (size_t i = 0; i < table->column_count; i++) {
        if (hidden[i])
            continue;
        putc(' ', out);
        put_heading(&table->columns[i], out);
        putc('|', out);
    }
    fputs("\n|", out);
    for (size_t i = 0; i < table->column_count; i++)
        if (!hidden[i])
            put_rule(table, i, out);
    putc('\n', out);
}

/* A group's heading is a row of its own; GitHub's tables have no other place for it. */
static void put_group(const struct report_table *table, size_t group, const bool *hidden, FILE *out)
{
    if (!*table->groups[group - 1])
        return;
    fputs("| <i>", out);
    put_text(table->groups[group - 1], out);
    fputs("</i> |", out);
    for (size_t i = 1; i < table->column_count; i++)
        fputs(hidden[i] ? "" : " |", out);
    putc('\n', out);
}

static void put_cell(const struct report_table *table, size_t row, size_t column, bool best, FILE *out)
{
    char space[NUMBER_SIZE], mark[REPORT_REASON_SIZE];
    const char *text = render_cell(table, row, column, NUMBER_TYPESET, space);
    const struct cell *cell = &table->rows[row].cells[column];
    bool paper = report_table_cell_is_paper(table, row, column) && *text && cell->kind != REPORT_CELL_MISSING;
    bool number = cell->kind == REPORT_CELL_NUMBER; /* text may begin with a space, which asterisks do not take */
    fprintf(out, " %s%s", best ? "**" : "", !paper ? "" : number ? "*" : "<i>");
    put_text(text, out);
    fprintf(out, "%s%s", !paper ? "" : number ? "*" : "</i>", best ? "**" : "");
    if (cell->reason > 0) {
        report_reason_mark(cell->reason, mark);
        fprintf(out, "<sup>%s</sup>", mark);
    }
    fputs(" |", out);
}

static void put_rows(const struct report_table *table, const bool *hidden, const bool *best, FILE *out)
{
    size_t group = 0;
    for (size_t row = 0; row < table->row_count; row++) {
        if (table->rows[row].group != group)
            put_group(table, group = table->rows[row].group, hidden, out);
        putc('|', out);
        for (size_t i = 0; i < table->column_count; i++)
            if (!hidden[i])
                put_cell(table, row, i, best[row * table->column_count + i], out);
        putc('\n', out);
    }
    putc('\n', out);
}

/* What stands below: notes that are the same everywhere, what the slanted numbers are, and why cells are missing. */
static void put_notes(const struct report_table *table, FILE *out)
{
    char space[NUMBER_SIZE], mark[REPORT_REASON_SIZE];
    const char *before = "Every row: ";
    size_t row;
    for (size_t i = 0; i < table->column_count; i++) {
        if (!report_table_is_shared(table, i, &row) || row == table->row_count)
            continue;
        fputs(before, out);
        put_heading(&table->columns[i], out);
        put_text(render_cell(table, row, i, NUMBER_TYPESET, space), out);
        before = ", ";
    }
    if (*before == ',')
        fputs(".\n\n", out);
    if (report_table_has_paper(table))
        fputs("*Slanted*: as the paper reports it.\n\n", out);
    for (size_t i = 0; i < table->reason_count; i++) {
        report_reason_mark(i + 1, mark);
        fprintf(out, "<sup>%s</sup> ", mark);
        put_text(table->reasons[i], out);
        fputs(i + 1 < table->reason_count ? "<br>\n" : "\n\n", out);
    }
}

static bool put_table(const struct report_table *table, FILE *out)
{
    size_t row;
    bool *best = report_table_best(table), *hidden = calloc(table->column_count + 1, sizeof *hidden);
    bool good = best && hidden;
    put_caption(table->title, table->caption, out);
    for (size_t i = 0; good && i < table->column_count; i++)
        hidden[i] = i > 0 && report_table_is_shared(table, i, &row);
    if (good && table->column_count > 0) {
        put_head(table, hidden, out);
        put_rows(table, hidden, best, out);
        put_notes(table, out);
    }
    free(best);
    free(hidden);
    return good;
}

/* ---- figures ---- */

static void put_chart(const struct report_chart *chart, FILE *out)
{
    put_caption(chart->title, chart->caption, out);
    fputs("![", out);
    put_text(chart->title, out);
    fprintf(out, "](figures/%s.svg)\n\n", chart->name);
}

static void put_picture(const struct report_gallery *gallery, size_t index, FILE *out)
{
    const struct picture *p = &gallery->pictures[index];
    fputs("| ", out);
    if (p->type == PICTURE_NONE)
        fputs("*no picture*", out);
    else
        fprintf(out, "<img src=\"figures/%s-%zu.%s\" width=\"%d\" alt=\"\">", gallery->name, index + 1,
                report_picture_suffix(p), gallery->width);
    fputs(" | ", out);
    if (*p->title) {
        fputs("<b>", out);
        put_text(p->title, out);
        fputs("</b>", out);
    }
    if (*p->label) {
        fputs(*p->title ? "<br><i>" : "<i>", out);
        put_text(p->label, out);
        fputs("</i>", out);
    }
    fputs(*p->text && (*p->title || *p->label) ? "<br>" : "", out);
    put_response(p, out);
    fputs(" |\n", out);
}

static void put_gallery(const struct report_gallery *gallery, FILE *out)
{
    put_caption(gallery->title, gallery->caption, out);
    if (gallery->picture_count == 0)
        return;
    fputs("| | |\n| :---: | :--- |\n", out);
    for (size_t i = 0; i < gallery->picture_count; i++)
        put_picture(gallery, i, out);
    putc('\n', out);
}

/* ---- the whole ---- */

static bool put_block(const struct block *b, FILE *out)
{
    switch (b->kind) {
    case BLOCK_SECTION:
        fputs("## ", out);
        put_text(b->text, out);
        fputs("\n\n", out);
        return true;
    case BLOCK_TEXT:
        put_paragraphs(b->text, "", out);
        return true;
    case BLOCK_NOTICE:
        put_paragraphs(b->text, "> ", out);
        return true;
    case BLOCK_TABLE:
        return put_table(b->table, out);
    case BLOCK_CHART:
        put_chart(b->chart, out);
        return true;
    case BLOCK_GALLERY:
        put_gallery(b->gallery, out);
        return true;
    }
    return true;
}

bool render_markdown(const struct report *report, FILE *out)
{
    bool good = true;
    fputs("# ", out);
    put_text(report->title, out);
    fputs("\n\n", out);
    for (size_t i = 0; i < report->fact_count; i++) {
        fputs("- **", out);
        put_text(report->facts[i].name, out);
        fputs(":** ", out);
        put_text(report->facts[i].value, out);
        putc('\n', out);
    }
    if (report->fact_count > 0)
        putc('\n', out);
    for (size_t i = 0; i < report->block_count && good; i++)
        good = put_block(&report->blocks[i], out);
    return good;
}
