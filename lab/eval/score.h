/* Fits a probe per task to a representation of a data set's training split, and scores the probes on its test split. */
#ifndef LMVR_LAB_EVAL_SCORE_H
#define LMVR_LAB_EVAL_SCORE_H

#include "lab/eval/results.h"
#include "lab/probe/probe.h"

/* One representation's probes. */
struct probes {
    struct probe *items; /* (tasks) */
    bool *fitted;        /* (tasks) false: the task has too few labels to train on, as a warning in the results says */
    int count;
};

struct score_options {
    double c;      /* 0: chosen on held-out data */
    uint64_t seed; /* of the held-out split */
    /* While a probe is fitted. Nonzero return: stop. NULL: not called. */
    int (*on_fit)(void *user, const char *representation, const char *task);
    void *user;
};

/* Where in the results a probe's scores go. `set` is results->set or another split of the same images; image i of it is image i
 * of `features`. */
struct score_place {
    struct results *results;
    int representation, seed;
    const struct dataset *set;
    const struct feature_set *features;
};

/* Fits a representation's probes on the set's training split. The features are stored under the representation's key. */
lmvr_status score_fit(const struct score_options *options, const struct score_place *place, struct probes *probes,
                      lmvr_error *error);
void probes_finish(struct probes *probes);

/* Scores the probes on the set's test split, whose images begin at index `begun` of the features, and fills the results' scores
 * for the condition, bootstrapped with `seed`. If the condition is not 0, place->set may be another set with the same tasks and
 * classes. */
lmvr_status score_test(const struct score_place *place, const struct probes *probes, int64_t begun, int condition,
                       uint64_t seed, lmvr_error *error);

/* The index of a split's first image, and how many images it has. */
void dataset_part_range(const struct dataset *set, enum dataset_part part, int64_t *first, int64_t *count);

#endif
