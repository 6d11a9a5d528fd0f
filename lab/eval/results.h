/*
 * What an experiment measured, before it is laid out in tables: a score per representation, condition and task.
 */
#ifndef LMVR_LAB_EVAL_RESULTS_H
#define LMVR_LAB_EVAL_RESULTS_H

#include "lab/corrupt/corrupt.h"
#include "lab/dataset/dataset.h"
#include "lab/eval/experiment.h"
#include "lab/eval/features.h"
#include "lab/probe/bootstrap.h"

/* A value in %, with its 95 % confidence interval from bootstrapping the test images. NAN: none. */
struct estimate {
    double value, low, high;
};

/* A probe's result on one task under one condition. */
struct score {
    double measures[MEASURES];  /* 0 to 1; NAN: not applicable */
    float *draws[MEASURES];     /* (BOOTSTRAP_DRAWS) per measure; NULL: not applicable */
    struct estimate *per_class; /* (classes of the task): average precision or accuracy; NULL under corruptions */
    int64_t rows;               /* rows scored */
};

/* What the test images were: clean, or one corruption. */
struct condition {
    bool corrupted;
    enum corruption_type type;
    int severity;
};

/* A representation: a row of the tables. */
struct representation {
    const struct variant *variant;
    const char *model;    /* the model's name; "" if the report has only one model */
    const char *family;   /* the paper's model family it is comparable with: "LLaVA", "BLIP-2", "" */
    char fingerprint[17]; /* the model's, in hexadecimal */
    double *c;            /* (seeds, tasks) the chosen inverse regularization strength; NAN: no probe could be fitted */
    bool c_is_at_an_end;  /* for some task or seed C is the smallest or largest value tried: a better one may lie beyond */
    int64_t *train_rows;  /* (tasks) */
    double seconds;       /* spent fitting and scoring */
    struct score *scores; /* (seeds, conditions, tasks) */
};

/* A warning from a probe. Several representations usually give the same ones. */
struct warning {
    char *sentence;
    int representation, last, count; /* the first and the last representation that gave it; how many did */
};

struct results {
    const struct experiment *experiment;
    const struct dataset *set;
    int seed_count, condition_count, representation_count;
    struct condition *conditions; /* the first is clean images */
    double *seconds;              /* (conditions) in this run: features, probes and scores */
    struct representation *representations;
    struct warning *warnings; /* each sentence once */
    int warning_count;
};

lmvr_status results_create(const struct experiment *experiment, const struct dataset *set, int seeds, int conditions,
                           int representations, struct results *results, lmvr_error *error);
void results_finish(struct results *results);
lmvr_status results_warn(struct results *results, int representation, const char *sentence, lmvr_error *error);

struct score *results_score(const struct results *results, int representation, int seed, int condition, int task);

/* Whether mAP is VOC2007's 11-point one rather than the all-points one used for other sets. */
bool results_count_11_points(const struct results *results);

/* The measure that sums up a task: mAP or accuracy. VOC's mAP is the 11-point one, others' the all-points one. */
enum measure results_main(const struct results *results, int task);
/* That measure's name: "mAP, 11 points", "mAP", "accuracy". */
const char *results_main_name(const struct results *results);

/* ---- estimates: values and interval ends are averaged over the seeds ---- */

/* Clean images, first task. */
struct estimate results_measure(const struct results *results, int representation, enum measure measure);
struct estimate results_class(const struct results *results, int representation, int task, int class);

/* The mean of the main measure over the tasks of a group (NULL: all) that have one. */
struct estimate results_mean(const struct results *results, int representation, int condition, const char *group);
struct estimate results_task(const struct results *results, int representation, int task);

/* The main measure on clean images with one seed, for the spread over seed_count seeds. */
double results_with_seed(const struct results *results, int representation, int seed);

/* The mean over a type's severities. */
struct estimate results_corruption(const struct results *results, int representation, enum corruption_type type);

/* The mean of those over a group's types ("noise", ...; NULL: the benchmark, which leaves out "extra"). */
struct estimate results_corruption_group(const struct results *results, int representation, const char *group);

/* The mean over the benchmark's conditions of one severity; 0: clean images. */
struct estimate results_severity(const struct results *results, int representation, int severity);

#endif
