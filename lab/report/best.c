/* Chooses the cells shown in bold, by what readers see: numbers that round to the same digits tie, and a number inside
 * another's interval is not known to be better. */
#include "lab/report/document.h"
#include "lab/report/number.h"

#include <math.h>
#include <string.h>

static const struct cell *contestant(const struct report_table *table, size_t row, size_t column)
{
    const struct cell *cell = &table->rows[row].cells[column];
    bool takes_part = table->columns[column].better != REPORT_NO_BEST && cell->kind == REPORT_CELL_NUMBER;
    return takes_part && isfinite(cell->number) ? cell : NULL;
}

static bool look_equal(const struct report_column *column, double a, double b)
{
    char x[NUMBER_SIZE], y[NUMBER_SIZE];
    number_format(a, column->decimals, false, NUMBER_PLAIN, x);
    number_format(b, column->decimals, false, NUMBER_PLAIN, y);
    return strcmp(x, y) == 0;
}

/* Cells compete if they are of the same kind and share a column and group, or a row and heading. */
static bool compete(const struct report_table *table, size_t row, size_t column, size_t other_row, size_t other_column)
{
    const struct row *a = &table->rows[row], *b = &table->rows[other_row];
    const struct report_column *x = &table->columns[column], *y = &table->columns[other_column];
    if (table->compare == REPORT_COMPARE_COLUMNS)
        return x->kind == y->kind && x->better == y->better && strcmp(x->over, y->over) == 0;
    return a->group == b->group && a->kind == b->kind;
}

/* A cell without competitors is not the best, nor is one that ties with all of them. */
static bool is_best(const struct report_table *table, size_t row, size_t column)
{
    const struct cell *cell = contestant(table, row, column);
    const struct report_column *c = &table->columns[column];
    bool by_row = table->compare == REPORT_COMPARE_COLUMNS, beats_one = false;
    for (size_t i = 0; cell && i < (by_row ? table->column_count : table->row_count); i++) {
        size_t other_row = by_row ? row : i, other_column = by_row ? i : column;
        const struct cell *other = contestant(table, other_row, other_column);
        if (!other || other == cell || !compete(table, row, column, other_row, other_column))
            continue;
        bool equal = look_equal(c, cell->number, other->number), higher = c->better == REPORT_HIGHER;
        if (!equal && (higher ? cell->number < other->number : cell->number > other->number))
            return false;
        if (other->within && (higher ? cell->number <= other->high : cell->number >= other->low))
            return false;
        beats_one |= !equal;
    }
    return beats_one;
}

bool *report_table_best(const struct report_table *table, struct region *region)
{
    bool *best = region_take(region, table->row_count * table->column_count, sizeof *best);
    for (size_t row = 0; best && row < table->row_count; row++)
        for (size_t column = 0; column < table->column_count; column++)
            best[row * table->column_count + column] = is_best(table, row, column);
    return best;
}
