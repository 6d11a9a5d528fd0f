/* Results laid out as a report: the experiment's tables, with the paper's numbers beside them, and charts. */
#ifndef LMVR_SRC_EVAL_TABLES_H
#define LMVR_SRC_EVAL_TABLES_H

#include "eval/results.h"
#include "report/report.h"

/* Appends them. Returns the experiment's main table, which stands on the terminal too; NULL: no memory, as report.h has it. */
struct report_table *tables_add(struct report *report, const struct results *results, uint64_t seed);

/* tables_add()'s part for EXPERIMENT_CORRUPTION (tables_corruption.c). */
struct report_table *tables_add_corruptions(struct report *report, const struct results *results, uint64_t seed);

#endif
