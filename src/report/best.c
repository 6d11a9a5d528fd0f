/* Which cells are shown bold. What people see decides: numbers that are rounded to the same digits tie. */
#include "report/document.h"
#include "report/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The cells that compete: a column's rows [begin, end) of one kind, or a row's columns. */
struct contest {
    const struct report_table *table;
    bool *best;
    size_t count; /* of numbers that take part */
    double winner;
    char shown[NUMBER_SIZE]; /* the winner's digits */
    bool differ;             /* the digits of some of them do */
};

static const struct cell *contestant(const struct report_table *table, size_t row, size_t column)
{
    const struct cell *cell = &table->rows[row].cells[column];
    bool takes_part = table->columns[column].better != REPORT_NO_BEST && cell->kind == REPORT_CELL_NUMBER;
    return takes_part && isfinite(cell->number) ? cell : NULL;
}

static void enter(struct contest *contest, size_t row, size_t column)
{
    const struct cell *cell = contestant(contest->table, row, column);
    const struct column *c = &contest->table->columns[column];
    if (!cell)
        return;
    bool wins = c->better == REPORT_HIGHER ? cell->number > contest->winner : cell->number < contest->winner;
    char shown[NUMBER_SIZE];
    number_format(cell->number, c->decimals, false, NUMBER_PLAIN, shown);
    contest->differ = contest->differ || (contest->count > 0 && strcmp(shown, contest->shown) != 0);
    if (contest->count++ == 0 || wins) {
        contest->winner = cell->number;
        memcpy(contest->shown, shown, sizeof shown);
    }
}

/* One alone is not the best of anything, nor are all of them. */
static void decide(struct contest *contest, size_t row, size_t column)
{
    char shown[NUMBER_SIZE];
    const struct cell *cell = contestant(contest->table, row, column);
    if (!cell || !contest->differ)
        return;
    number_format(cell->number, contest->table->columns[column].decimals, false, NUMBER_PLAIN, shown);
    if (strcmp(shown, contest->shown) == 0)
        contest->best[row * contest->table->column_count + column] = true;
}

static void compare_rows(const struct report_table *table, size_t begin, size_t end, size_t column, enum report_row_kind kind,
                         bool *best)
{
    struct contest contest = {.table = table, .best = best};
    for (size_t i = begin; i < end; i++)
        if (table->rows[i].kind == kind)
            enter(&contest, i, column);
    for (size_t i = begin; i < end; i++)
        if (table->rows[i].kind == kind)
            decide(&contest, i, column);
}

static void compare_group(const struct report_table *table, size_t begin, size_t end, bool *best)
{
    for (size_t column = 0; column < table->column_count; column++)
        for (enum report_row_kind kind = REPORT_MEASURED; kind <= REPORT_SUMMARY; kind++)
            compare_rows(table, begin, end, column, kind, best);
}

static bool competes(const struct report_table *table, size_t a, size_t b)
{
    const struct column *x = &table->columns[a], *y = &table->columns[b];
    return x->kind == y->kind && x->better == y->better && strcmp(x->over, y->over) == 0;
}

static void compare_columns(const struct report_table *table, size_t row, bool *best)
{
    for (size_t column = 0; column < table->column_count; column++) {
        struct contest contest = {.table = table, .best = best};
        for (size_t other = 0; other < table->column_count; other++)
            if (competes(table, column, other))
                enter(&contest, row, other);
        decide(&contest, row, column);
    }
}

bool *report_table_best(const struct report_table *table)
{
    size_t cells;
    if (__builtin_mul_overflow(table->row_count, table->column_count, &cells))
        return NULL;
    bool *best = calloc(cells + 1, sizeof *best);
    size_t begin = 0;
    for (size_t i = 0; best && i < table->row_count; i++) {
        bool ends = i + 1 == table->row_count || table->rows[i + 1].group != table->rows[i].group;
        if (table->compare == REPORT_COMPARE_COLUMNS)
            compare_columns(table, i, best);
        if (table->compare == REPORT_COMPARE_ROWS && ends)
            compare_group(table, begin, i + 1, best);
        begin = ends ? i + 1 : begin;
    }
    return best;
}
