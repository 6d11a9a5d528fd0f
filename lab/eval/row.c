#include "lab/eval/row.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void row_number(struct row *row, double value)
{
    if (row->count < ROW_MOST_CELLS)
        row->cells[row->count++] = isnan(value) ? report_missing(NULL) : report_number(value);
}

void row_estimate(struct row *row, struct estimate e)
{
    if (row->count < ROW_MOST_CELLS)
        row->cells[row->count++] = isnan(e.value) ? report_missing(NULL) : report_number_within(e.value, e.low, e.high);
}

void row_text(struct row *row, const char *format, ...)
{
    va_list args;
    if (row->count >= ROW_MOST_CELLS)
        return;
    char *text = row->texts[row->count];
    va_start(args, format);
    vsnprintf(text, ROW_MOST_TEXT, format, args);
    va_end(args);
    row->cells[row->count++] = report_text(text);
}
