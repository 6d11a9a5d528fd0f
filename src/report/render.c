#include "report/render.h"

const char *render_cell(const struct report_table *table, size_t row, size_t column, enum number_style style,
                        char space[NUMBER_SIZE])
{
    const struct cell *cell = &table->rows[row].cells[column];
    const struct column *c = &table->columns[column];
    if (cell->kind == REPORT_CELL_TEXT)
        return cell->text;
    if (cell->kind == REPORT_CELL_MISSING)
        return "\xE2\x80\x93"; /* an en dash */
    number_format(cell->number, c->decimals, c->plus, style, space);
    return space;
}

const char *render_name(const struct column *column)
{
    return !*column->name && column->kind == REPORT_COLUMN_PAPER ? "paper" : column->name;
}
