/* Lays results out as a report: the experiment's tables next to the paper's numbers, and charts. */
#ifndef LMVR_LAB_EVAL_TABLES_H
#define LMVR_LAB_EVAL_TABLES_H

#include "lab/eval/results.h"
#include "lab/report/report.h"

/* Appends them. Returns the experiment's main table, which is also printed to the terminal; NULL: out of memory, which report.h
 * remembers. */
struct report_table *tables_add(struct report *report, const struct results *results, uint64_t seed);

/* A column of values in %: a representation's, under its model's name if there are several. */
void tables_add_score_column(struct report_table *table, const char *over, const char *name);
void tables_add_representation_column(struct report_table *table, const struct results *results, int representation,
                                      const char *over);

/* A note under the table that explains its brackets and bold values. */
void tables_add_interval_note(struct report_table *table, const struct results *results);

/* A chart's series for one representation, with a value for each of the chart's categories. */
void tables_add_series(struct report_chart *chart, const struct results *results, int representation,
                       const struct estimate *estimates, int count);

/* "LMVR", or with several models "lmvr-small: LMVR". */
#define TABLES_LABEL_SIZE 160
void tables_label(const struct results *results, int representation, char label[TABLES_LABEL_SIZE]);

/* Whether the paper reports any comparable result. */
bool tables_have_paper(const struct results *results);

/* tables_add() for EXPERIMENT_CORRUPTION (tables_corruption.c). */
struct report_table *tables_add_corruptions(struct report *report, const struct results *results, uint64_t seed);

#endif
