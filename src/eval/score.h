/* Fits probes to a representation of a data set's training part, one a task, and scores them on its test part. */
#ifndef LMVR_SRC_EVAL_SCORE_H
#define LMVR_SRC_EVAL_SCORE_H

#include "eval/results.h"
#include "probe/probe.h"

/* One representation's probes. */
struct probes {
    struct probe *items; /* (tasks) */
    bool *fitted;        /* (tasks) false: a task has too few labels to learn from, as a warning of the results says */
    int count;
};

struct score_options {
    double c; /* 0: chosen on a held-out part */
    uint64_t seed;
    /* While a probe is fitted: `task` of `tasks`, trial of C so far. Not 0: stop. NULL: not called. */
    int (*on_fit)(void *user, const char *representation, const char *task);
    void *user;
};

/* Fits the probes of results->representations[representation] on the training part of the set, whose rows are those of
 * `features` under the representation's key. */
lmvr_status score_fit(const struct score_options *options, const struct feature_set *features, struct results *results,
                      int representation, struct probes *probes, lmvr_error *error);
void probes_finish(struct probes *probes);

/* Scores them on the test part of `set`, whose images are images first .. of `features`; fills the results' scores of the
 * condition. `set` is results->set or one with the same tasks and classes. */
lmvr_status score_test(const struct feature_set *features, const struct dataset *set, int64_t first,
                       const struct probes *probes, struct results *results, int representation, int condition,
                       lmvr_error *error);

/* Where a part of the set begins, and how many images it has. */
void dataset_part_range(const struct dataset *set, enum dataset_part part, int64_t *first, int64_t *count);

#endif
