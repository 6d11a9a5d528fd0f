#include "lab/report/shown.h"

#include <string.h>

#define DASH "\xE2\x80\x93"

const char *shown_mark(struct region *region, size_t reason)
{
    if (reason == 0)
        return "";
    return region_print(region, "%s%c", shown_mark(region, (reason - 1) / 26), (char)('a' + (reason - 1) % 26));
}

static struct shown_cell make_cell(struct shown *v, size_t row, size_t column, bool best, enum number_style style)
{
    const struct report_column *c = &v->table->columns[column];
    const struct cell *cell = &v->table->rows[row].cells[column];
    char digits[NUMBER_SIZE], low[NUMBER_SIZE], high[NUMBER_SIZE];
    bool reported = c->kind == REPORT_COLUMN_PAPER || (v->table->rows[row].kind == REPORT_PAPER && column > 0);
    struct shown_cell shown = {.text = cell->kind == REPORT_CELL_TEXT ? cell->text : DASH, .interval = "", .best = best};
    if (cell->kind == REPORT_CELL_NUMBER) {
        number_format(cell->number, c->decimals, c->plus, style, digits);
        shown.text = region_print(&v->region, "%s", digits);
    }
    if (cell->within) {
        number_format(cell->low, c->decimals, c->plus, style, low);
        number_format(cell->high, c->decimals, c->plus, style, high);
        shown.interval = region_print(&v->region, "[%s, %s]", low, high);
    }
    shown.mark = shown_mark(&v->region, cell->reason);
    shown.paper = reported && *shown.text && cell->kind != REPORT_CELL_MISSING;
    v->has_paper |= reported;
    return shown;
}

static struct shown_column make_column(const struct report_table *table, size_t column)
{
    const struct report_column *c = &table->columns[column];
    bool named = *c->name || c->kind != REPORT_COLUMN_PAPER, left = report_table_is_text(table, column);
    enum report_align natural = left ? REPORT_LEFT : REPORT_RIGHT;
    return (struct shown_column){.over = c->over,
                                 .name = named ? c->name : "paper",
                                 .unit = c->unit,
                                 .align = c->align == REPORT_ALIGN_DEFAULT ? natural : c->align,
                                 .kind = c->kind};
}

static void count_spans(struct shown *v)
{
    for (size_t i = 0, end; i < v->columns; i = end) {
        const char *over = v->heads[i].over;
        for (end = i + 1; *over && end < v->columns && strcmp(v->heads[end].over, over) == 0;)
            end++;
        v->heads[i].span = end - i;
        v->has_over |= *over;
    }
}

/* "images 9963, seed 0": appends what the column shares. */
static const char *add_shared(struct shown *v, const char *shared, size_t column, size_t row, enum number_style style)
{
    if (row == v->table->row_count)
        return shared;
    struct shown_column head = make_column(v->table, column);
    struct shown_cell cell = make_cell(v, row, column, false, style);
    const char *unit = *head.unit ? region_print(&v->region, " (%s)", head.unit) : "";
    return region_print(&v->region, "%s%s%s%s %s", shared, *shared ? ", " : "", head.name, unit, cell.text);
}

static void add_notes(struct shown *v, const char *shared)
{
    const struct report_table *t = v->table;
    v->notes = region_take(&v->region, t->note_count + 1 + t->reason_count, sizeof *v->notes);
    for (size_t i = 0; i < t->note_count && v->notes; i++)
        v->notes[v->note_count++] = (struct shown_note){"", t->notes[i]};
    if (v->notes && *shared)
        v->notes[v->note_count++] = (struct shown_note){"", region_print(&v->region, "All rows: %s.", shared)};
    for (size_t i = 0; i < t->reason_count && v->notes; i++)
        v->notes[v->note_count++] = (struct shown_note){shown_mark(&v->region, i + 1), t->reasons[i]};
}

bool shown_init(struct shown *v, const struct report_table *table, enum number_style style)
{
    const char *shared = "";
    *v = (struct shown){.table = table};
    v->heads = region_take(&v->region, table->column_count + 1, sizeof *v->heads);
    size_t *places = region_take(&v->region, table->column_count + 1, sizeof *places), row;
    const bool *best = report_table_best(table, &v->region);
    for (size_t i = 0; i < table->column_count && !v->region.failed; i++) {
        if (i > 0 && report_table_is_shared(table, i, &row)) {
            shared = add_shared(v, shared, i, row, style);
            continue;
        }
        v->heads[v->columns] = make_column(table, i);
        places[v->columns++] = i;
    }
    v->cells = region_take(&v->region, table->row_count * v->columns + 1, sizeof *v->cells);
    if (v->region.failed)
        return false;
    count_spans(v);
    for (size_t i = 0; i < table->row_count; i++)
        for (size_t k = 0; k < v->columns; k++)
            v->cells[i * v->columns + k] = make_cell(v, i, places[k], best[i * table->column_count + places[k]], style);
    add_notes(v, shared);
    for (size_t i = 0; i < v->columns; i++)
        v->has_paper |= v->heads[i].kind == REPORT_COLUMN_PAPER;
    return !v->region.failed;
}

void shown_finish(struct shown *shown)
{
    region_free(&shown->region);
}
