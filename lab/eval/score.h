/* Fits probes to a representation of a data set's training part, one a task, and scores them on its test part. */
#ifndef LMVR_LAB_EVAL_SCORE_H
#define LMVR_LAB_EVAL_SCORE_H

#include "lab/eval/results.h"
#include "lab/probe/probe.h"

/* One representation's probes. */
struct probes {
    struct probe *items; /* (tasks) */
    bool *fitted;        /* (tasks) false: a task has too few labels to learn from, as a warning of the results says */
    int count;
};

struct score_options {
    double c;      /* 0: chosen on a held-out part */
    uint64_t seed; /* of the held-out part */
    /* While a probe is fitted: `task` of `tasks`, trial of C so far. Not 0: stop. NULL: not called. */
    int (*on_fit)(void *user, const char *representation, const char *task);
    void *user;
};

/* Which of the results a probe belongs to. `set` is results->set, or another split of its images; image i of it is image i of
 * `features`. */
struct score_place {
    struct results *results;
    int representation, seed;
    const struct dataset *set;
    const struct feature_set *features;
};

/* Fits the probes of a representation on the training part of the set, whose rows are those of the features under the
 * representation's key. */
lmvr_status score_fit(const struct score_options *options, const struct score_place *place, struct probes *probes,
                      lmvr_error *error);
void probes_finish(struct probes *probes);

/* Scores them on the test part of the set, of which the features begin with image `begun`; fills the results' scores of the
 * condition, bootstrapped by `seed`. Where the condition is not 0, place->set may be another one with the same tasks and
 * classes. */
lmvr_status score_test(const struct score_place *place, const struct probes *probes, int64_t begun, int condition,
                       uint64_t seed, lmvr_error *error);

/* Where a part of the set begins, and how many images it has. */
void dataset_part_range(const struct dataset *set, enum dataset_part part, int64_t *first, int64_t *count);

#endif
