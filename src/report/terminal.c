/*
 * A table in characters. Columns are as wide as their cells; where all together are too wide, text is wrapped, and if that is
 * not enough the columns stand in several parts below each other, each with the first column.
 */
#include "report/render.h"

#include "report/memory.h"
#include "report/terminal_line.h"

#include <stdlib.h>
#include <string.h>

#define GAP        2  /* between columns */
#define LEAST_TEXT 14 /* a column of text is not made narrower */

static void repeat(const char *text, int count, FILE *out)
{
    for (int i = 0; i < count; i++)
        fputs(text, out);
}

/* ---- the texts of a table ---- */

struct grid {
    const struct report_table *table;
    int width;
    bool styled;
    FILE *out;
    bool *best;
    char **heads; /* (columns) */
    char **cells; /* (rows, columns) as they are shown */
    int *widths;  /* (columns) */
    bool *hidden; /* (columns) that are not shown as columns */
    bool *right;  /* (columns) */
    bool good;
};

/* What the paper reports stands in parentheses; numbers beside it leave room for the second one. */
static char *cell_text(const struct report_table *table, size_t row, size_t column, bool pad)
{
    char space[NUMBER_SIZE], mark[REPORT_REASON_SIZE] = "";
    const char *text = render_cell(table, row, column, NUMBER_TEXT, space);
    const struct cell *cell = &table->rows[row].cells[column];
    bool paper = report_table_cell_is_paper(table, row, column) && *text && cell->kind != REPORT_CELL_MISSING;
    if (cell->reason > 0)
        report_reason_mark(cell->reason, mark);
    char *shown = NULL;
    const char *open = paper ? "(" : *mark ? "[" : "", *close = paper ? ")" : *mark ? "]" : pad ? " " : "";
    if (*mark)
        return asprintf(&shown, "%s %s%s%s", text, open, mark, close) < 0 ? NULL : shown;
    return asprintf(&shown, "%s%s%s", open, text, close) < 0 ? NULL : shown;
}

static char *head_text(const struct column *c)
{
    char *text = NULL;
    const char *name = render_name(c);
    int length = *c->unit ? asprintf(&text, "%s%s(%s)", name, *name ? " " : "", c->unit) : asprintf(&text, "%s", name);
    return length < 0 ? NULL : text;
}

static bool has_paper_cell(const struct report_table *table, size_t column)
{
    for (size_t i = 0; i < table->row_count; i++)
        if (report_table_cell_is_paper(table, i, column))
            return true;
    return false;
}

static void fill_column(struct grid *g, size_t column)
{
    const struct report_table *table = g->table;
    const struct column *c = &table->columns[column];
    bool text = report_table_is_text(table, column);
    bool pad = !text && has_paper_cell(table, column);
    size_t row;
    g->right[column] = c->align == REPORT_ALIGN_DEFAULT ? !text : c->align == REPORT_RIGHT;
    g->hidden[column] = column > 0 && report_table_is_shared(table, column, &row);
    g->heads[column] = head_text(c);
    g->good = g->good && g->heads[column];
    int widest = g->heads[column] ? line_widest_word(g->heads[column]) : 0;
    for (size_t i = 0; i < table->row_count && g->good; i++) {
        char *shown = cell_text(table, i, column, pad);
        g->cells[i * table->column_count + column] = shown;
        g->good = shown;
        int width = shown ? line_widest(shown) : 0;
        widest = width > widest ? width : widest;
    }
    g->widths[column] = widest > 1 ? widest : 1;
}

static bool grid_init(struct grid *g, const struct report_table *table, int width, bool styled, FILE *out)
{
    size_t columns = table->column_count, cells;
    *g = (struct grid){.table = table, .width = width < 40 ? 40 : width, .styled = styled, .out = out};
    if (__builtin_mul_overflow(table->row_count, columns, &cells))
        return false;
    g->best = report_table_best(table);
    g->heads = calloc(columns + 1, sizeof *g->heads);
    g->cells = calloc(cells + 1, sizeof *g->cells);
    g->widths = calloc(columns + 1, sizeof *g->widths);
    g->hidden = calloc(columns + 1, sizeof *g->hidden);
    g->right = calloc(columns + 1, sizeof *g->right);
    g->good = g->best && g->heads && g->cells && g->widths && g->hidden && g->right;
    for (size_t i = 0; i < columns && g->good; i++)
        fill_column(g, i);
    return g->good;
}

static void grid_finish(struct grid *g)
{
    for (size_t i = 0; g->cells && i < g->table->row_count * g->table->column_count; i++)
        free(g->cells[i]);
    for (size_t i = 0; g->heads && i < g->table->column_count; i++)
        free(g->heads[i]);
    free(g->best);
    free((void *)g->heads);
    free((void *)g->cells);
    free(g->widths);
    free(g->hidden);
    free(g->right);
}

/* ---- widths ---- */

static int total_width(const struct grid *g)
{
    int total = -GAP;
    for (size_t i = 0; i < g->table->column_count; i++)
        total += g->hidden[i] ? 0 : g->widths[i] + GAP;
    return total;
}

/* Takes what is too much from the widest columns of text, one character after the other. */
static void shrink(struct grid *g)
{
    for (int excess = total_width(g) - g->width; excess > 0; excess--) {
        size_t widest = g->table->column_count;
        for (size_t i = 0; i < g->table->column_count; i++) {
            bool candidate = !g->hidden[i] && !g->right[i] && g->widths[i] > LEAST_TEXT;
            if (candidate && (widest == g->table->column_count || g->widths[i] > g->widths[widest]))
                widest = i;
        }
        if (widest == g->table->column_count)
            break;
        g->widths[widest]--;
    }
    for (size_t i = 0; i < g->table->column_count; i++) /* two of the widest always fit beside each other */
        g->widths[i] = g->widths[i] > g->width / 2 - GAP ? g->width / 2 - GAP : g->widths[i];
}

/* A heading over several columns must find room: what it lacks goes to the last of them. */
static void make_room_for_over(struct grid *g)
{
    const struct report_table *table = g->table;
    for (size_t i = 0, span; i < table->column_count; i += span) {
        span = report_table_over_width(table, i);
        int have = -GAP, need = line_widest(table->columns[i].over);
        size_t last = table->column_count;
        for (size_t k = i; k < i + span; k++) {
            have += g->hidden[k] ? 0 : g->widths[k] + GAP;
            last = g->hidden[k] ? last : k;
        }
        if (last < table->column_count && have < need)
            g->widths[last] += need - have;
    }
}

/* ---- rows ---- */

static void put_style(const struct grid *g, const char *escape)
{
    if (g->styled)
        fputs(escape, g->out);
}

static void put_padded(const struct grid *g, struct line line, int width, bool right, const char *escape)
{
    int pad = width - line_width(line.text, line.size);
    pad = pad > 0 ? pad : 0;
    repeat(" ", right ? pad : 0, g->out);
    if (*escape)
        put_style(g, escape);
    line_put(line.text, line.size, g->out);
    if (*escape)
        put_style(g, "\x1b[0m");
    repeat(" ", right ? 0 : pad, g->out);
}

/* A line of the table out of a text a column; headings stand at the foot of their row, cells at its head. */
static void put_texts(const struct grid *g, char *const *texts, const bool *shown, const bool *bold, const char *all, bool foot)
{
    struct line lines[LINE_MOST];
    int height = 1;
    for (size_t i = 0; i < g->table->column_count; i++) {
        int count = shown[i] ? line_wrap(texts[i], g->widths[i], lines) : 0;
        height = count > height ? count : height;
    }
    for (int l = 0; l < height; l++) {
        const char *gap = "";
        for (size_t i = 0; i < g->table->column_count; i++) {
            if (!shown[i])
                continue;
            int count = line_wrap(texts[i], g->widths[i], lines);
            int at = foot ? l - (height - count) : l;
            fputs(gap, g->out);
            put_padded(g, at >= 0 && at < count ? lines[at] : (struct line){"", 0}, g->widths[i], g->right[i],
                       bold && bold[i] ? "\x1b[1m" : all);
            gap = "  ";
        }
        putc('\n', g->out);
    }
}

static void put_wrapped(const struct grid *g, const char *text, int width, const char *escape)
{
    while (*text) {
        struct line line = line_first(text, width, &text);
        put_padded(g, line, 0, false, escape);
        putc('\n', g->out);
    }
}

static int part_width(const struct grid *g, const bool *shown)
{
    int width = -GAP;
    for (size_t i = 0; i < g->table->column_count; i++)
        width += shown[i] ? g->widths[i] + GAP : 0;
    return width;
}

static void put_line(const struct grid *g, const char *dash, int width)
{
    put_style(g, "\x1b[2m");
    repeat(dash, width, g->out);
    put_style(g, "\x1b[0m");
    putc('\n', g->out);
}

/* The headings over several columns, each with a line below it as wide as they are. */
static void put_over(const struct grid *g, const bool *shown)
{
    const struct report_table *table = g->table;
    for (int pass = 0; pass < 2; pass++) {
        const char *gap = "";
        for (size_t i = 0, span; i < table->column_count; i += span) {
            span = report_table_over_width(table, i);
            int width = -GAP;
            for (size_t k = i; k < i + span; k++)
                width += shown[k] ? g->widths[k] + GAP : 0;
            if (width < 0)
                continue;
            const char *over = table->columns[i].over, *rest;
            struct line line = line_first(over, width, &rest);
            int left = (width - line_width(line.text, line.size)) / 2;
            fputs(gap, g->out);
            if (pass == 0) {
                repeat(" ", left, g->out);
                put_padded(g, line, width - left, false, "");
            } else {
                repeat(*over ? "\xE2\x94\x80" : " ", width, g->out);
            }
            gap = "  ";
        }
        putc('\n', g->out);
    }
}

static void put_rows(const struct grid *g, const bool *shown)
{
    const struct report_table *table = g->table;
    size_t group = 0, columns = table->column_count;
    for (size_t i = 0; i < table->row_count; i++) {
        const struct row *row = &table->rows[i];
        if (row->group != group && (i > 0 || *table->groups[row->group - 1])) {
            const char *title = table->groups[row->group - 1];
            if (i > 0)
                put_line(g, "\xE2\x94\x80", part_width(g, shown));
            put_wrapped(g, title, part_width(g, shown), "\x1b[3m");
        }
        group = row->group;
        put_texts(g, &g->cells[i * columns], shown, &g->best[i * columns], row->kind == REPORT_PAPER ? "\x1b[2m" : "", false);
    }
}

/* The columns that fit, from *next on, and the first one before them. */
static void choose_columns(const struct grid *g, size_t *next, bool *shown)
{
    size_t columns = g->table->column_count;
    memset(shown, 0, columns);
    shown[0] = true;
    int width = g->widths[0];
    bool any = false;
    for (; *next < columns; (*next)++) {
        if (g->hidden[*next])
            continue;
        width += GAP + g->widths[*next];
        if (any && width > g->width)
            break;
        shown[*next] = any = true;
    }
}

static void put_part(const struct grid *g, const bool *shown)
{
    int width = part_width(g, shown);
    put_line(g, "\xE2\x94\x81", width);
    if (report_table_has_over(g->table))
        put_over(g, shown);
    put_texts(g, g->heads, shown, NULL, "", true);
    put_line(g, "\xE2\x94\x80", width);
    put_rows(g, shown);
    put_line(g, "\xE2\x94\x81", width);
}

/* ---- around them ---- */

/* Is false where memory ran out. */
static bool put_notes(const struct grid *g)
{
    const struct report_table *table = g->table;
    char space[NUMBER_SIZE], mark[REPORT_REASON_SIZE];
    size_t row;
    struct memory text;
    FILE *notes = memory_open(&text);
    if (!notes)
        return false;
    const char *before = "Every row: ";
    for (size_t i = 1; i < table->column_count; i++) {
        if (!report_table_is_shared(table, i, &row) || row == table->row_count)
            continue;
        fprintf(notes, "%s%s %s", before, g->heads[i], render_cell(table, row, i, NUMBER_TEXT, space));
        before = ", ";
    }
    fputs(*before == ',' ? ".\n" : "", notes);
    if (report_table_has_paper(table))
        fputs("(In parentheses): as the paper reports it.\n", notes);
    for (size_t i = 0; i < table->reason_count; i++) {
        report_reason_mark(i + 1, mark);
        fprintf(notes, "[%s] %s\n", mark, table->reasons[i]);
    }
    bool good = memory_close(&text, notes);
    if (good)
        put_wrapped(g, text.bytes, g->width, "\x1b[2m");
    free(text.bytes);
    return good;
}

static bool render(const struct report_table *table, int width, bool styled, FILE *out)
{
    struct grid g;
    bool good = grid_init(&g, table, width, styled, out);
    bool *shown = calloc(table->column_count + 1, sizeof *shown);
    good = good && shown;
    if (good) {
        put_wrapped(&g, table->title, g.width, "\x1b[1m");
        put_wrapped(&g, table->caption, g.width, "");
        make_room_for_over(&g);
        shrink(&g);
    }
    size_t next = 1;
    for (int part = 0; good && table->column_count > 0 && (part == 0 || next < table->column_count); part++) {
        if (part > 0)
            putc('\n', out);
        choose_columns(&g, &next, shown);
        put_part(&g, shown);
        while (next < table->column_count && g.hidden[next])
            next++;
    }
    good = good && put_notes(&g);
    free(shown);
    grid_finish(&g);
    return good;
}

lmvr_status report_table_to_terminal(const struct report_table *table, int width, bool styled, char **text, lmvr_error *error)
{
    struct memory memory = {.bytes = NULL};
    FILE *out = table && !table->report->failed ? memory_open(&memory) : NULL;
    bool good = out && render(table, width, styled, out);
    good = memory_close(&memory, out) && good;
    *text = good ? memory.bytes : NULL;
    if (good)
        return LMVR_OK;
    free(memory.bytes);
    return error_no_memory(error, "the table");
}
