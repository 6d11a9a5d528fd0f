/* A table row being filled. */
#ifndef LMVR_LAB_EVAL_ROW_H
#define LMVR_LAB_EVAL_ROW_H

#include "lab/eval/results.h"
#include "lab/report/report.h"

#include <stddef.h>

#define ROW_MOST_CELLS 128
#define ROW_MOST_TEXT  128 /* bytes; longer text is cut */

struct row {
    struct report_cell cells[ROW_MOST_CELLS];
    char texts[ROW_MOST_CELLS][ROW_MOST_TEXT];
    size_t count;
};

/* NAN: missing. */
void row_number(struct row *row, double value);
void row_estimate(struct row *row, struct estimate estimate);
void row_text(struct row *row, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
