#include "lab/report/number.h"
#include "lab/report/render.h"

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

static void put_number(bool is_there, double number, FILE *out)
{
    char digits[NUMBER_SIZE];
    number_exact(number, digits);
    fputs(is_there ? digits : "", out);
}

static bool has_paper_rows(const struct report_table *table)
{
    for (size_t i = 0; i < table->row_count; i++)
        if (table->rows[i].kind == REPORT_PAPER)
            return true;
    return false;
}

static void put_head(const struct report_table *table, bool reported, FILE *out)
{
    fprintf(out, "%s%s", table->group_count > 0 ? "group," : "", reported ? "reported," : "");
    for (size_t i = 0; i < table->column_count; i++) {
        const char *key = table->columns[i].key;
        fprintf(out, "%s%s", i > 0 ? "," : "", key);
        if (report_table_has_intervals(table, i))
            fprintf(out, ",%s_low,%s_high", key, key);
    }
    fputs("\r\n", out);
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
        const struct cell *cell = &row->cells[i];
        fputs(i > 0 ? "," : "", out);
        put_text(cell->text, out);
        put_number(cell->kind == REPORT_CELL_NUMBER, cell->number, out);
        if (!report_table_has_intervals(table, i))
            continue;
        putc(',', out);
        put_number(cell->within, cell->low, out);
        putc(',', out);
        put_number(cell->within, cell->high, out);
    }
    fputs("\r\n", out);
}

void render_csv(const struct report_table *table, FILE *out)
{
    bool reported = has_paper_rows(table);
    put_head(table, reported, out);
    for (size_t i = 0; i < table->row_count; i++)
        put_row(table, &table->rows[i], reported, out);
}
