#include "report/render.h"

#include <string.h>

static void put_text(const char *text, FILE *out)
{
    if (!strpbrk(text, ",\"\n\r") && *text != ' ' && (!*text || text[strlen(text) - 1] != ' ')) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (const char *c = text; *c; c++) {
        if (*c == '"')
            putc('"', out);
        putc(*c, out);
    }
    putc('"', out);
}

static void put_cell(const struct cell *cell, FILE *out)
{
    char digits[NUMBER_SIZE];
    if (cell->kind == REPORT_CELL_TEXT)
        put_text(cell->text, out);
    if (cell->kind != REPORT_CELL_NUMBER)
        return;
    number_exact(cell->number, digits);
    fputs(digits, out);
}

static bool has_paper_rows(const struct report_table *table)
{
    for (size_t i = 0; i < table->row_count; i++)
        if (table->rows[i].kind == REPORT_PAPER)
            return true;
    return false;
}

static void put_row(const struct report_table *table, const struct row *row, bool reported, FILE *out)
{
    if (table->group_count > 0) {
        put_text(row->group > 0 ? table->groups[row->group - 1] : "", out);
        putc(',', out);
    }
    if (reported)
        fputs(row->kind == REPORT_PAPER ? "1," : "0,", out);
    for (size_t i = 0; i < table->column_count; i++) {
        if (i > 0)
            putc(',', out);
        put_cell(&row->cells[i], out);
    }
    fputs("\r\n", out);
}

void render_csv(const struct report_table *table, FILE *out)
{
    bool reported = has_paper_rows(table);
    if (table->group_count > 0)
        fputs("group,", out);
    if (reported)
        fputs("reported,", out);
    for (size_t i = 0; i < table->column_count; i++) {
        if (i > 0)
            putc(',', out);
        put_text(table->columns[i].key, out);
    }
    fputs("\r\n", out);
    for (size_t i = 0; i < table->row_count; i++)
        put_row(table, &table->rows[i], reported, out);
}
