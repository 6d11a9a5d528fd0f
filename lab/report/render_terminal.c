/*
 * A table as text. Columns are as wide as their cells; if they do not fit, text is wrapped, and if that is not enough the table
 * is split into parts, one below the other, each with the first column.
 */
#include "lab/report/shown.h"
#include "lab/report/terminal_line.h"

#include <string.h>

#define GAP        2  /* between columns */
#define LEAST_TEXT 16 /* the least width of a column of text */
#define BOLD       "\x1b[1m"
#define DIM        "\x1b[2m"
#define SLANTED    "\x1b[3m"

struct grid {
    struct shown shown;
    int width;
    bool styled;
    FILE *out;
    const char **heads; /* (columns) */
    const char **cells; /* (rows, columns) */
    int *widths;        /* (columns) */
};

static void repeat(const char *text, int count, FILE *out)
{
    for (int i = 0; i < count; i++)
        fputs(text, out);
}

/* ---- texts and widths ---- */

/* The paper's numbers are in parentheses. `room`: the space to reserve after the column's numbers, for intervals or the closing
 * parenthesis, so that they line up. */
static const char *cell_text(struct region *region, const struct shown_cell *c, int room)
{
    if (*c->mark)
        return region_print(region, "%s %s%s%s", c->text, c->paper ? "(" : "[", c->mark, c->paper ? ")" : "]");
    if (*c->interval)
        return region_print(region, "%s %-*s", c->text, room - 1, c->interval);
    return c->paper ? region_print(region, "(%s)%*s", c->text, room - 1, "") : region_print(region, "%s%*s", c->text, room, "");
}

static void fill_column(struct grid *g, size_t column)
{
    struct shown *s = &g->shown;
    const struct shown_column *c = &s->heads[column];
    int room = 0;
    for (size_t i = 0; i < s->table->row_count && c->align == REPORT_RIGHT; i++) {
        const struct shown_cell *cell = &s->cells[i * s->columns + column];
        int needed = *cell->interval ? 1 + (int)strlen(cell->interval) : cell->paper;
        room = needed > room ? needed : room;
    }
    g->heads[column] = *c->unit ? region_print(&s->region, "%s%s(%s)", c->name, *c->name ? " " : "", c->unit) : c->name;
    int widest = line_widest(g->heads[column], " \n");
    for (size_t i = 0; i < s->table->row_count; i++) {
        const char **shown = &g->cells[i * s->columns + column];
        *shown = cell_text(&s->region, &s->cells[i * s->columns + column], room);
        int width = line_widest(*shown, "\n");
        widest = width > widest ? width : widest;
    }
    g->widths[column] = widest > 1 ? widest : 1;
}

/* The width of columns begin .. end - 1 with gaps, counting those in `shown`; NULL: all of them. */
static int width_of(const struct grid *g, size_t begin, size_t end, const bool *shown)
{
    int width = -GAP;
    for (size_t i = begin; i < end; i++)
        width += !shown || shown[i] ? g->widths[i] + GAP : 0;
    return width;
}

/* Narrows the widest text columns, one character at a time. */
static void shrink(struct grid *g)
{
    size_t columns = g->shown.columns;
    for (int excess = width_of(g, 0, columns, NULL) - g->width; excess > 0; excess--) {
        size_t widest = columns;
        for (size_t i = 0; i < columns; i++) {
            bool candidate = g->shown.heads[i].align != REPORT_RIGHT && g->widths[i] > LEAST_TEXT;
            if (candidate && (widest == columns || g->widths[i] > g->widths[widest]))
                widest = i;
        }
        if (widest == columns)
            break;
        g->widths[widest]--;
    }
    for (size_t i = 0; i < columns; i++) /* so that two of the widest fit next to each other */
        g->widths[i] = g->widths[i] > g->width / 2 - GAP ? g->width / 2 - GAP : g->widths[i];
}

/* Makes room for headings over several columns: the last of the columns gets what is missing. */
static void make_room_for_over(struct grid *g)
{
    for (size_t i = 0; i < g->shown.columns; i += g->shown.heads[i].span) {
        size_t end = i + g->shown.heads[i].span;
        int lacks = line_widest(g->shown.heads[i].over, "\n") - width_of(g, i, end, NULL);
        g->widths[end - 1] += lacks > 0 ? lacks : 0;
    }
}

/* ---- lines ---- */

static void put_padded(const struct grid *g, struct line line, int width, bool right, const char *escape)
{
    int pad = width - line_width(line.text, line.size);
    bool styled = g->styled && *escape;
    repeat(" ", right ? pad : 0, g->out);
    fputs(styled ? escape : "", g->out);
    line_put(line.text, line.size, g->out);
    fputs(styled ? "\x1b[0m" : "", g->out);
    repeat(" ", right ? 0 : pad, g->out);
}

static void put_wrapped(const struct grid *g, const char *text, int width, const char *escape)
{
    while (*text) {
        struct line line = line_first(text, width, &text);
        put_padded(g, line, 0, false, escape);
        putc('\n', g->out);
    }
}

static void put_rule(const struct grid *g, const char *dash, int width)
{
    fputs(g->styled ? DIM : "", g->out);
    repeat(dash, width, g->out);
    fputs(g->styled ? "\x1b[0m\n" : "\n", g->out);
}

/* Prints a row of the table from one text per column; headings are aligned at the bottom of their row, cells at the top. */
static void put_texts(const struct grid *g, const char *const *texts, const bool *shown, const struct shown_cell *cells,
                      const char *all)
{
    struct line lines[LINE_MOST];
    int height = 1;
    for (size_t i = 0; i < g->shown.columns; i++) {
        int count = shown[i] ? line_wrap(texts[i], g->widths[i], lines) : 0;
        height = count > height ? count : height;
    }
    for (int l = 0; l < height; l++) {
        for (size_t i = 0; i < g->shown.columns; i++) {
            if (!shown[i])
                continue;
            int count = line_wrap(texts[i], g->widths[i], lines), at = cells ? l : l - (height - count);
            repeat(" ", i > 0 ? GAP : 0, g->out);
            put_padded(g, at >= 0 && at < count ? lines[at] : (struct line){"", 0}, g->widths[i],
                       g->shown.heads[i].align == REPORT_RIGHT, cells && cells[i].best ? BOLD : all);
        }
        putc('\n', g->out);
    }
}

/* The headings over several columns, each underlined. */
static void put_over(const struct grid *g, const bool *shown)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < g->shown.columns; i += g->shown.heads[i].span) {
            const char *over = g->shown.heads[i].over, *rest;
            int width = width_of(g, i, i + g->shown.heads[i].span, shown);
            if (width < 0)
                continue;
            struct line line = line_first(over, width, &rest);
            int left = (width - line_width(line.text, line.size)) / 2;
            repeat(" ", i > 0 ? GAP : 0, g->out);
            repeat(" ", pass == 0 ? left : 0, g->out);
            if (pass == 0)
                put_padded(g, line, width - left, false, "");
            else
                repeat(*over ? "\xE2\x94\x80" : " ", width, g->out);
        }
        putc('\n', g->out);
    }
}

static void put_part(const struct grid *g, const bool *shown)
{
    const struct report_table *t = g->shown.table;
    size_t group = 0, columns = g->shown.columns;
    int width = width_of(g, 0, columns, shown);
    put_rule(g, "\xE2\x94\x81", width);
    if (g->shown.has_over)
        put_over(g, shown);
    put_texts(g, g->heads, shown, NULL, "");
    put_rule(g, "\xE2\x94\x80", width);
    for (size_t i = 0; i < t->row_count; i++) {
        const struct row *row = &t->rows[i];
        const char *title = row->group != group ? t->groups[row->group - 1] : "";
        if (row->group != group && i > 0)
            put_rule(g, "\xE2\x94\x80", width);
        put_wrapped(g, title, width, SLANTED);
        group = row->group;
        put_texts(g, &g->cells[i * columns], shown, &g->shown.cells[i * columns], row->kind == REPORT_PAPER ? DIM : "");
    }
    put_rule(g, "\xE2\x94\x81", width);
}

/* Chooses the first column, and those from *next on that fit next to it. */
static void choose_columns(const struct grid *g, size_t *next, bool *shown)
{
    memset(shown, 0, g->shown.columns);
    shown[0] = true;
    int width = g->widths[0];
    for (bool any = false; *next < g->shown.columns; (*next)++) {
        width += GAP + g->widths[*next];
        if (any && width > g->width)
            break;
        shown[*next] = any = true;
    }
}

static void put_notes(struct grid *g)
{
    struct shown *v = &g->shown;
    if (v->has_paper)
        put_wrapped(g, "(In parentheses): the paper's numbers.", g->width, DIM);
    for (size_t i = 0; i < v->note_count; i++) {
        const struct shown_note *n = &v->notes[i];
        put_wrapped(g, *n->mark ? region_print(&v->region, "[%s] %s", n->mark, n->text) : n->text, g->width, DIM);
    }
}

static bool render(const struct report_table *table, int width, bool styled, FILE *out)
{
    struct grid g = {.width = width < 40 ? 40 : width, .styled = styled, .out = out};
    bool good = shown_init(&g.shown, table, NUMBER_TEXT);
    size_t columns = g.shown.columns, next = 1;
    g.heads = region_take(&g.shown.region, columns + 1, sizeof *g.heads);
    g.cells = region_take(&g.shown.region, table->row_count * columns + 1, sizeof *g.cells);
    g.widths = region_take(&g.shown.region, columns + 1, sizeof *g.widths);
    bool *shown = region_take(&g.shown.region, columns + 1, sizeof *shown);
    if (good && !g.shown.region.failed) {
        for (size_t i = 0; i < columns; i++)
            fill_column(&g, i);
        make_room_for_over(&g);
        shrink(&g);
        put_wrapped(&g, table->block.title, g.width, BOLD);
        put_wrapped(&g, table->block.caption, g.width, "");
        for (int part = 0; columns > 0 && (part == 0 || next < columns); part++) {
            fputs(part > 0 ? "\n" : "", out);
            choose_columns(&g, &next, shown);
            put_part(&g, shown);
        }
        put_notes(&g);
    }
    good = !g.shown.region.failed;
    shown_finish(&g.shown);
    return good;
}

lmvr_status report_table_print(const struct report_table *table, int width, bool styled, FILE *out, lmvr_error *error)
{
    bool good = table && !table->block.report->region.failed && render(table, width, styled, out);
    return good ? LMVR_OK : error_no_memory(error, "the table");
}
