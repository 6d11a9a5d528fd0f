/* A table as every form shows it: the columns that are left once notes that say the same of all rows stand below, each cell's
 * digits, and the sentences below. The forms differ only in what they put around these. */
#ifndef LMVR_LAB_REPORT_SHOWN_H
#define LMVR_LAB_REPORT_SHOWN_H

#include "lab/report/document.h"
#include "lab/report/number.h"

struct shown_column {
    const char *over, *name, *unit; /* "" for none */
    size_t span;                    /* shown columns from this one on below the same `over`; 0: one before it began them */
    enum report_align align;        /* never the default */
    enum report_column_kind kind;
};

struct shown_cell {
    const char *text;
    const char *interval; /* "[40.1, 58.7]"; "" for none */
    const char *mark;     /* of the reason why it is missing: "a", ..., "z", "aa"; "" for none */
    bool best, paper;     /* bold; reported by the paper and there */
};

struct shown {
    const struct report_table *table;
    struct region region;
    size_t columns;
    struct shown_column *heads;
    struct shown_cell *cells; /* (rows, columns) */
    bool has_over, has_paper;
    const char *shared;   /* "images 9963, seed 0"; "" for none */
    const char **reasons; /* (table->reason_count) the marks of them */
};

/* False: out of memory. To be finished either way. */
bool shown_init(struct shown *shown, const struct report_table *table, enum number_style style);
void shown_finish(struct shown *shown);

/* 1: "a", 26: "z", 27: "aa": the mark of a reason (1 + its index); 0: "". */
const char *shown_mark(struct region *region, size_t reason);

#endif
