#include "lab/report/clean.h"
#include "lab/report/document.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- filling ---- */

struct report_table *report_add_table(struct report *report, const char *name, const char *title, const char *caption)
{
    return report_add_block(report, BLOCK_TABLE, sizeof(struct report_table), name, title, caption);
}

void report_table_compare(struct report_table *table, enum report_compare compare)
{
    if (table)
        table->compare = compare;
}

static bool is_key(const struct report_table *table, const char *key)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].key, key) == 0)
            return true;
    return false;
}

static char *column_key(struct report_table *table, const struct report_column *c)
{
    struct region *region = &table->block.report->region;
    const char *over = c->over ? c->over : "", *name = c->name ? c->name : "";
    const char *words =
        region_print(region, "%s%s%s%s", over, *over ? "_" : "", name, c->kind == REPORT_COLUMN_PAPER ? "_paper" : "");
    char *slug = report_slug(region, c->key ? c->key : words, '_', "column"), *key = slug;
    for (int n = 2; !region->failed && is_key(table, key); n++)
        key = region_print(region, "%s_%d", slug, n);
    return key;
}

void report_table_add_column(struct report_table *table, const struct report_column *column)
{
    struct report *report = table ? table->block.report : NULL;
    if (!table || table->row_count > 0)
        return;
    struct report_column *all = region_grow(&report->region, table->columns, table->column_count, sizeof *all);
    if (!all)
        return;
    table->columns = all;
    struct report_column c = *column;
    c.key = column_key(table, column);
    c.over = report_copy(report, column->over);
    c.name = report_copy(report, column->name);
    c.unit = report_copy(report, column->unit);
    all[table->column_count++] = c;
}

static void append(struct report *report, char ***strings, size_t *count, const char *text)
{
    char **all = region_grow(&report->region, *strings, *count, sizeof *all);
    if (!all)
        return;
    *strings = all;
    all[(*count)++] = report_copy(report, text);
}

void report_table_add_group(struct report_table *table, const char *title)
{
    if (table)
        append(table->block.report, &table->groups, &table->group_count, title);
}

void report_table_add_note(struct report_table *table, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (table)
        append(table->block.report, &table->notes, &table->note_count, text);
}

/* 1 + the reason's index. */
static size_t find_reason(struct report_table *table, const char *why)
{
    const char *reason = report_copy(table->block.report, why);
    for (size_t i = 0; i < table->reason_count; i++)
        if (strcmp(table->reasons[i], reason) == 0)
            return i + 1;
    append(table->block.report, &table->reasons, &table->reason_count, reason);
    return table->reason_count;
}

static struct cell take_cell(struct report_table *table, const struct report_cell *given)
{
    bool text = given->kind == REPORT_CELL_TEXT;
    bool reasoned = given->kind == REPORT_CELL_MISSING && given->text && *given->text;
    return (struct cell){.kind = given->kind,
                         .number = given->number,
                         .within = given->within && isfinite(given->low) && isfinite(given->high),
                         .low = given->low,
                         .high = given->high,
                         .text = report_copy(table->block.report, text ? given->text : ""),
                         .reason = reasoned ? find_reason(table, given->text) : 0};
}

void report_table_add_row(struct report_table *table, enum report_row_kind kind, const struct report_cell *cells, size_t count)
{
    static const struct report_cell missing = {.kind = REPORT_CELL_MISSING};
    struct region *region = table ? &table->block.report->region : NULL;
    struct row *all = table ? region_grow(region, table->rows, table->row_count, sizeof *all) : NULL;
    struct cell *taken = all ? region_take(region, table->column_count, sizeof *taken) : NULL;
    if (!taken)
        return;
    for (size_t i = 0; i < table->column_count; i++)
        taken[i] = take_cell(table, i < count ? &cells[i] : &missing);
    table->rows = all;
    all[table->row_count++] = (struct row){kind, table->group_count, taken};
}

/* ---- derived from the rows ---- */

static bool is_same_cell(const struct cell *a, const struct cell *b)
{
    bool same_number = a->number == b->number || (isnan(a->number) && isnan(b->number));
    return a->kind == b->kind && (a->kind == REPORT_CELL_TEXT ? strcmp(a->text, b->text) == 0 : same_number);
}

bool report_table_is_shared(const struct report_table *table, size_t column, size_t *row)
{
    size_t first = table->row_count;
    *row = first;
    if (table->columns[column].kind != REPORT_COLUMN_NOTE)
        return false;
    for (size_t i = 0; i < table->row_count; i++) {
        if (table->rows[i].kind != REPORT_MEASURED)
            continue;
        first = first < table->row_count ? first : i;
        if (!is_same_cell(&table->rows[i].cells[column], &table->rows[first].cells[column]))
            return false;
    }
    if (first < table->row_count && table->rows[first].cells[column].kind != REPORT_CELL_MISSING)
        *row = first;
    return true;
}

bool report_table_is_text(const struct report_table *table, size_t column)
{
    bool number = false;
    for (size_t i = 0; i < table->row_count; i++) {
        if (table->rows[i].cells[column].kind == REPORT_CELL_TEXT)
            return true;
        number |= table->rows[i].cells[column].kind == REPORT_CELL_NUMBER;
    }
    return !number && column == 0;
}

bool report_table_has_intervals(const struct report_table *table, size_t column)
{
    for (size_t i = 0; i < table->row_count; i++)
        if (table->rows[i].cells[column].within)
            return true;
    return false;
}
