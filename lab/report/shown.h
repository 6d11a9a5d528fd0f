/* A table as every format shows it: the columns that remain once uniform notes are moved below it, each cell's digits, and the
 * sentences below. The formats differ only in the markup. */
#ifndef LMVR_LAB_REPORT_SHOWN_H
#define LMVR_LAB_REPORT_SHOWN_H

#include "lab/report/document.h"
#include "lab/report/number.h"

struct shown_column {
    const char *over, *name, *unit; /* "" for none */
    size_t span; /* how many shown columns, from this one on, share `over`; 0: an earlier one's span includes this one */
    enum report_align align; /* never the default */
    enum report_column_kind kind;
};

struct shown_cell {
    const char *text;
    const char *interval; /* "[40.1, 58.7]"; "" for none */
    const char *mark;     /* refers to the reason why it is missing: "a", ..., "z", "aa"; "" for none */
    bool best, paper;     /* bold; a number of the paper's */
};

struct shown_note {
    const char *mark; /* of the cells that it explains; "" for none */
    const char *text;
};

struct shown {
    const struct report_table *table;
    struct region region;
    size_t columns;
    struct shown_column *heads;
    struct shown_cell *cells; /* (rows, columns) */
    bool has_over, has_paper;
    struct shown_note *notes; /* below the table: its notes, what all rows share, and why cells are missing */
    size_t note_count;
};

/* False: out of memory. Call shown_finish() either way. */
bool shown_init(struct shown *shown, const struct report_table *table, enum number_style style);
void shown_finish(struct shown *shown);

/* The mark of a reason (1 + its index): 1: "a", 26: "z", 27: "aa"; 0: "". */
const char *shown_mark(struct region *region, size_t reason);

#endif
