#include "report/html.h"

#include "report/escape.h"

#include <stdlib.h>

struct shown {
    const struct report_table *table;
    FILE *out;
    bool *best;
    bool *hidden; /* (columns) notes that stand below the table */
    size_t columns;
};

static const char *align_of(const struct report_table *table, size_t column)
{
    static const char *const classes[] = {"", "l", "c", "r"};
    enum report_align align = table->columns[column].align;
    if (align == REPORT_ALIGN_DEFAULT)
        align = report_table_is_text(table, column) ? REPORT_LEFT : REPORT_RIGHT;
    return classes[align];
}

static const char *kind_class(const struct report_table *table, size_t column)
{
    static const char *const classes[] = {"", " paper", " note"};
    return classes[table->columns[column].kind];
}

/* ---- head ---- */

static void put_heading(const struct column *c, FILE *out)
{
    put_escaped(out, render_name(c));
    if (*c->unit) {
        fputs(" <span class=\"unit\">(", out);
        put_escaped(out, c->unit);
        fputs(")</span>", out);
    }
}

static void put_column_head(const struct shown *s, size_t column, bool two_rows)
{
    fprintf(s->out, "<th scope=\"col\" class=\"%s%s\"%s>", align_of(s->table, column), kind_class(s->table, column),
            two_rows ? " rowspan=\"2\"" : "");
    put_heading(&s->table->columns[column], s->out);
    fputs("</th>", s->out);
}

static size_t shown_columns(const struct shown *s, size_t begin, size_t end)
{
    size_t count = 0;
    for (size_t i = begin; i < end; i++)
        count += !s->hidden[i];
    return count;
}

static bool is_all_paper(const struct report_table *table, size_t begin, size_t end)
{
    while (begin < end && table->columns[begin].kind == REPORT_COLUMN_PAPER)
        begin++;
    return begin == end;
}

/* The row of headings over several columns; the columns without one reach over both rows. */
static void put_over(const struct shown *s)
{
    fputs("<tr>", s->out);
    for (size_t i = 0, span; i < s->table->column_count; i += span) {
        const struct column *c = &s->table->columns[i];
        span = report_table_over_width(s->table, i);
        size_t width = shown_columns(s, i, i + span);
        if (width == 0)
            continue;
        if (!*c->over) {
            put_column_head(s, i, true);
            continue;
        }
        fprintf(s->out, "<th scope=\"colgroup\" colspan=\"%zu\" class=\"over%s\"><span>", width,
                is_all_paper(s->table, i, i + span) ? " paper" : "");
        put_escaped(s->out, c->over);
        fputs("</span></th>", s->out);
    }
    fputs("</tr>\n", s->out);
}

static void put_head(const struct shown *s)
{
    bool over = report_table_has_over(s->table);
    fputs("<thead>\n", s->out);
    if (over)
        put_over(s);
    fputs("<tr>", s->out);
    for (size_t i = 0; i < s->table->column_count; i++)
        if (!s->hidden[i] && (!over || *s->table->columns[i].over))
            put_column_head(s, i, false);
    fputs("</tr>\n</thead>\n", s->out);
}

/* ---- body ---- */

static void put_cell(const struct shown *s, size_t row, size_t column)
{
    char space[NUMBER_SIZE], mark[REPORT_REASON_SIZE];
    const struct report_table *table = s->table;
    bool best = s->best[row * table->column_count + column];
    size_t reason = table->rows[row].cells[column].reason;
    const char *paper = table->rows[row].kind == REPORT_PAPER && column > 0 && !*kind_class(table, column) ? " paper" : "";
    if (column == 0)
        fputs("<th scope=\"row\" dir=\"auto\">", s->out);
    else
        fprintf(s->out, "<td class=\"%s%s%s\" dir=\"auto\">", align_of(table, column), kind_class(table, column), paper);
    fputs(best ? "<b>" : "", s->out);
    put_escaped(s->out, render_cell(table, row, column, NUMBER_TYPESET, space));
    fputs(best ? "</b>" : "", s->out);
    if (reason > 0) {
        report_reason_mark(reason, mark);
        fprintf(s->out, "<sup>%s</sup>", mark);
    }
    fputs(column == 0 ? "</th>" : "</td>", s->out);
}

static void put_group(const struct shown *s, size_t group)
{
    const char *title = group > 0 ? s->table->groups[group - 1] : "";
    fputs("<tbody>\n", s->out);
    if (!*title)
        return;
    fprintf(s->out, "<tr class=\"group\"><th colspan=\"%zu\" scope=\"rowgroup\" dir=\"auto\">", s->columns);
    put_escaped(s->out, title);
    fputs("</th></tr>\n", s->out);
}

static void put_body(const struct shown *s)
{
    static const char *const kinds[] = {"<tr>", "<tr class=\"paper\">", "<tr class=\"summary\">"};
    const struct report_table *table = s->table;
    for (size_t row = 0; row < table->row_count; row++) {
        bool begins = row == 0 || table->rows[row].group != table->rows[row - 1].group;
        bool ends = row + 1 == table->row_count || table->rows[row].group != table->rows[row + 1].group;
        if (begins)
            put_group(s, table->rows[row].group);
        fputs(kinds[table->rows[row].kind], s->out);
        for (size_t i = 0; i < table->column_count; i++)
            if (!s->hidden[i])
                put_cell(s, row, i);
        fputs("</tr>\n", s->out);
        if (ends)
            fputs("</tbody>\n", s->out);
    }
}

/* ---- below ---- */

static void put_shared_notes(const struct report_table *table, FILE *out)
{
    char space[NUMBER_SIZE];
    const char *before = "<p>Every row: ";
    size_t row;
    for (size_t i = 1; i < table->column_count; i++) {
        if (!report_table_is_shared(table, i, &row) || row == table->row_count)
            continue;
        fputs(before, out);
        put_heading(&table->columns[i], out);
        fputs(" <bdi>", out);
        put_escaped(out, render_cell(table, row, i, NUMBER_TYPESET, space));
        fputs("</bdi>", out);
        before = ", ";
    }
    fputs(*before == ',' ? ".</p>\n" : "", out);
}

static void put_notes(const struct report_table *table, FILE *out)
{
    char mark[REPORT_REASON_SIZE];
    fputs("<div class=\"notes\">\n", out);
    if (report_table_has_paper(table))
        fputs("<p><span class=\"key\"></span><i>Shaded</i>: as the paper reports it.</p>\n", out);
    put_shared_notes(table, out);
    for (size_t i = 0; i < table->reason_count; i++) {
        report_reason_mark(i + 1, mark);
        fprintf(out, "<p><sup>%s</sup> <bdi>", mark);
        put_escaped(out, table->reasons[i]);
        fputs("</bdi></p>\n", out);
    }
    fputs("</div>\n", out);
}

static void put_grid(const struct shown *s)
{
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", s->out);
    put_escaped(s->out, *s->table->title ? s->table->title : s->table->name);
    fputs("\">\n<table>\n", s->out);
    put_head(s);
    put_body(s);
    fputs("</table>\n</div>\n", s->out);
}

bool html_put_table(const struct report_table *table, FILE *out)
{
    size_t row;
    struct shown s = {.table = table, .out = out, .best = report_table_best(table)};
    s.hidden = calloc(table->column_count + 1, sizeof *s.hidden);
    bool good = s.best && s.hidden;
    for (size_t i = 0; good && i < table->column_count; i++) {
        s.hidden[i] = i > 0 && report_table_is_shared(table, i, &row);
        s.columns += !s.hidden[i];
    }
    fprintf(out, "<figure id=\"table-%s\">\n", table->name);
    html_put_caption(table->title, table->caption, out);
    if (good && table->column_count > 0) {
        put_grid(&s);
        put_notes(table, out);
    }
    fputs("</figure>\n", out);
    free(s.best);
    free(s.hidden);
    return good;
}
