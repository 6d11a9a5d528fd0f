#include "report/clean.h"
#include "report/document.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static bool is_table_name(const struct report *report, const char *name)
{
    for (size_t i = 0; i < report->block_count; i++) {
        const struct report_table *table = report->blocks[i].table;
        if (table && table->name && strcmp(table->name, name) == 0)
            return true;
    }
    return false;
}

static bool is_key(const struct report_table *table, const char *key)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].key && strcmp(table->columns[i].key, key) == 0)
            return true;
    return false;
}

/* `slug`, or with a number behind it the first that is free; takes the slug. NULL, and the report failed: out of memory. */
static char *table_name(struct report *report, char *slug)
{
    char *name = slug ? strdup(slug) : NULL;
    for (int n = 2; name && is_table_name(report, name); n++) {
        free(name);
        name = asprintf(&name, "%s-%d", slug, n) < 0 ? NULL : name;
    }
    free(slug);
    report->failed |= !name;
    return name;
}

static char *column_key(struct report_table *table, const struct report_column *c)
{
    static const char *const kinds[] = {"", "_paper", ""};
    char *words = NULL, *key = NULL;
    if (asprintf(&words, "%s_%s%s", c->over ? c->over : "", c->name ? c->name : "", kinds[c->kind]) < 0)
        words = NULL;
    char *slug = words ? report_slug(c->key ? c->key : words + (words[0] == '_'), '_', "column") : NULL;
    free(words);
    key = slug ? strdup(slug) : NULL;
    for (int n = 2; key && is_key(table, key); n++) {
        free(key);
        key = asprintf(&key, "%s_%d", slug, n) < 0 ? NULL : key;
    }
    free(slug);
    table->report->failed |= !key;
    return key;
}

/* ---- create and free ---- */

struct report_table *report_add_table(struct report *report, const char *name, const char *title, const char *caption)
{
    struct block *block = report_add_block(report, BLOCK_TABLE);
    if (!block)
        return NULL;
    struct report_table *table = calloc(1, sizeof *table);
    if (!table) {
        report->failed = true;
        return NULL;
    }
    table->report = report;
    table->name = table_name(report, report_slug(name ? name : "", '-', "table"));
    table->title = report_copy(report, title);
    table->caption = report_copy(report, caption);
    block->table = table;
    return table;
}

static void free_strings(char **strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(strings[i]);
    free(strings);
}

static void free_row(const struct report_table *table, struct row *row)
{
    for (size_t i = 0; row->cells && i < table->column_count; i++)
        free(row->cells[i].text);
    free(row->cells);
}

void report_table_free(struct report_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->row_count; i++)
        free_row(table, &table->rows[i]);
    for (size_t i = 0; i < table->column_count; i++) {
        const struct column *c = &table->columns[i];
        free(c->key);
        free(c->over);
        free(c->name);
        free(c->unit);
    }
    free_strings(table->groups, table->group_count);
    free_strings(table->reasons, table->reason_count);
    free(table->rows);
    free(table->columns);
    free(table->name);
    free(table->title);
    free(table->caption);
    free(table);
}

/* ---- fill ---- */

static bool is_usable(const struct report_table *table)
{
    return table && !table->report->failed;
}

void report_table_compare(struct report_table *table, enum report_compare compare)
{
    if (table)
        table->compare = compare;
}

void report_table_add_column(struct report_table *table, const struct report_column *column)
{
    if (!is_usable(table) || table->row_count > 0)
        return;
    struct column *columns = report_grow(table->report, table->columns, table->column_count, sizeof *columns);
    if (!columns)
        return;
    table->columns = columns;
    struct column *c = &columns[table->column_count];
    *c = (struct column){.decimals = column->decimals,
                         .plus = column->plus,
                         .align = column->align,
                         .better = column->better,
                         .kind = column->kind};
    c->key = column_key(table, column);
    c->over = report_copy(table->report, column->over);
    c->name = report_copy(table->report, column->name);
    c->unit = report_copy(table->report, column->unit);
    table->column_count++;
}

void report_table_add_group(struct report_table *table, const char *title)
{
    if (!is_usable(table))
        return;
    char **groups = report_grow(table->report, table->groups, table->group_count, sizeof *groups);
    if (!groups)
        return;
    table->groups = groups;
    groups[table->group_count++] = report_copy(table->report, title);
}

/* 1 + the reason's index; 0 where memory ran out. */
static size_t find_reason(struct report_table *table, const char *why)
{
    char *reason = report_copy(table->report, why);
    if (!reason)
        return 0;
    for (size_t i = 0; i < table->reason_count; i++)
        if (strcmp(table->reasons[i], reason) == 0) {
            free(reason);
            return i + 1;
        }
    char **reasons = report_grow(table->report, table->reasons, table->reason_count, sizeof *reasons);
    if (!reasons) {
        free(reason);
        return 0;
    }
    table->reasons = reasons;
    reasons[table->reason_count++] = reason;
    return table->reason_count;
}

void report_table_add_row(struct report_table *table, enum report_row_kind kind, const struct report_cell *cells, size_t count)
{
    if (!is_usable(table))
        return;
    struct row *rows = report_grow(table->report, table->rows, table->row_count, sizeof *rows);
    if (!rows)
        return;
    table->rows = rows;
    struct row *row = &rows[table->row_count];
    *row = (struct row){.kind = kind, .group = table->group_count};
    row->cells = calloc(table->column_count + 1, sizeof *row->cells);
    if (!row->cells) {
        table->report->failed = true;
        return;
    }
    table->row_count++;
    for (size_t i = 0; i < table->column_count; i++) {
        struct report_cell given = i < count ? cells[i] : report_missing(NULL);
        bool reasoned = given.kind == REPORT_CELL_MISSING && given.text && *given.text;
        row->cells[i].kind = given.kind;
        row->cells[i].number = given.number;
        row->cells[i].text = report_copy(table->report, given.kind == REPORT_CELL_TEXT ? given.text : "");
        row->cells[i].reason = reasoned ? find_reason(table, given.text) : 0;
    }
}

/* ---- what follows from the rows ---- */

static bool is_same_cell(const struct cell *a, const struct cell *b)
{
    if (a->kind != b->kind)
        return false;
    bool same_number = a->number == b->number || (isnan(a->number) && isnan(b->number));
    return a->kind == REPORT_CELL_TEXT ? strcmp(a->text, b->text) == 0 : same_number;
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

bool report_table_cell_is_paper(const struct report_table *table, size_t row, size_t column)
{
    bool by_row = table->rows[row].kind == REPORT_PAPER && column > 0;
    return by_row || table->columns[column].kind == REPORT_COLUMN_PAPER;
}

bool report_table_has_paper(const struct report_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].kind == REPORT_COLUMN_PAPER)
            return true;
    for (size_t i = 0; i < table->row_count; i++)
        if (table->rows[i].kind == REPORT_PAPER)
            return true;
    return false;
}

bool report_table_has_over(const struct report_table *table)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (*table->columns[i].over)
            return true;
    return false;
}

size_t report_table_over_width(const struct report_table *table, size_t column)
{
    size_t end = column + 1;
    const char *over = table->columns[column].over;
    while (*over && end < table->column_count && strcmp(table->columns[end].over, over) == 0)
        end++;
    return end - column;
}

void report_reason_mark(size_t reason, char mark[REPORT_REASON_SIZE])
{
    char letters[REPORT_REASON_SIZE];
    size_t n = 0, length = 0;
    for (; reason > 0 && n + 1 < sizeof letters; reason = (reason - 1) / 26)
        letters[n++] = (char)('a' + (reason - 1) % 26);
    while (n > 0)
        mark[length++] = letters[--n];
    mark[length] = '\0';
}
