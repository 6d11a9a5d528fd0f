/* Results laid out as a report: the experiment's tables, with the paper's numbers beside them, and charts. */
#ifndef LMVR_LAB_EVAL_TABLES_H
#define LMVR_LAB_EVAL_TABLES_H

#include "lab/eval/results.h"
#include "lab/report/report.h"

/* Appends them. Returns the experiment's main table, which stands on the terminal too; NULL: no memory, as report.h has it. */
struct report_table *tables_add(struct report *report, const struct results *results, uint64_t seed);

/* A column of figures in %; of a representation, below its model's name where there are several. */
void tables_add_score_column(struct report_table *table, const char *over, const char *name);
void tables_add_representation_column(struct report_table *table, const struct results *results, int representation,
                                      const char *over);

/* Below a table: what its brackets and its bold figures are. */
void tables_add_interval_note(struct report_table *table, const struct results *results);

/* A chart's series of one representation: its figures in the chart's categories. */
void tables_add_series(struct report_chart *chart, const struct results *results, int representation,
                       const struct estimate *estimates, int count);

/* "LMVR", or with several models "lmvr-small: LMVR". */
#define TABLES_LABEL_SIZE 160
void tables_label(const struct results *results, int representation, char label[TABLES_LABEL_SIZE]);

/* Whether the paper reports anything that can be set beside. */
bool tables_have_paper(const struct results *results);

/* tables_add()'s part for EXPERIMENT_CORRUPTION (tables_corruption.c). */
struct report_table *tables_add_corruptions(struct report *report, const struct results *results, uint64_t seed);

#endif
