/* The report's opening, which says what was run, and its end, which says what was left out. */
#ifndef LMVR_LAB_EVAL_REPORT_HEAD_H
#define LMVR_LAB_EVAL_REPORT_HEAD_H

#include "lab/eval/eval.h"
#include "lab/eval/results.h"

/* `sessions` and their clean passes `clean`: one per model, then the fine-tuned model's. */
void head_add(struct report *report, const struct eval_options *options, const struct results *results,
              const lmvr_session *const *sessions, const struct feature_set *const *clean);

void head_add_left_out(struct report *report, const struct eval_options *options, const struct results *results,
                       const struct feature_set *const *clean, const struct eval_counts *counts);

#endif
