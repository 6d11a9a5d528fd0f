/*
 * What an experiment measured, before it is laid out as tables: a score for each representation, condition and task.
 */
#ifndef LMVR_LAB_EVAL_RESULTS_H
#define LMVR_LAB_EVAL_RESULTS_H

#include "lab/corrupt/corrupt.h"
#include "lab/dataset/dataset.h"
#include "lab/eval/experiment.h"
#include "lab/eval/features.h"
#include "lab/probe/bootstrap.h"

/* A figure in %, and the 95 % interval that the bootstrap over test images gives it. NAN: there is none. */
struct estimate {
    double value, low, high;
};

/* A probe's result on one task under one condition. */
struct score {
    double measures[MEASURES];  /* from 0 to 1; NAN where one does not apply */
    float *draws[MEASURES];     /* (BOOTSTRAP_DRAWS) of each; NULL where it does not apply */
    struct estimate *per_class; /* (classes of the task): average precision or accuracy; NULL under corruptions */
    int64_t rows;               /* that were scored */
};

/* What pictures were tested on: as they are, or one corruption. */
struct condition {
    bool corrupted;
    enum corruption_type type;
    int severity;
};

/* A representation, in a row of the tables. */
struct representation {
    const struct variant *variant;
    const char *model;    /* its name; "" where the report has one model alone */
    const char *family;   /* whose figures in the paper it can be set beside: "LLaVA", "BLIP-2", "" */
    char fingerprint[17]; /* of the model, in hexadecimal */
    double *c;            /* (seeds, tasks) the regularization that was chosen; NAN: none could be fitted */
    bool c_is_at_an_end;  /* of the values tried, for a task or a seed: a better one may lie beyond */
    int64_t *train_rows;  /* (tasks) */
    double seconds;       /* of fitting and scoring */
    struct score *scores; /* (seeds, conditions, tasks) */
};

/* What a probe warned of. Those of several representations mostly warn of the same. */
struct warning {
    char *sentence;
    int representation, last, count; /* the first and the last that it came from; of how many */
};

struct results {
    const struct experiment *experiment;
    const struct dataset *set;
    int seed_count, condition_count, representation_count;
    struct condition *conditions; /* the first is the pictures as they are */
    double *seconds;              /* (conditions) of this run: features, probes and scores */
    struct representation *representations;
    struct warning *warnings; /* each sentence once */
    int warning_count;
};

lmvr_status results_create(const struct experiment *experiment, const struct dataset *set, int seeds, int conditions,
                           int representations, struct results *results, lmvr_error *error);
void results_finish(struct results *results);
lmvr_status results_warn(struct results *results, int representation, const char *sentence, lmvr_error *error);

struct score *results_score(const struct results *results, int representation, int seed, int condition, int task);

/* Whether mAP is VOC2007's 11-point one, rather than the all-points one that the other sets use. */
bool results_count_11_points(const struct results *results);

/* How a task's quality is told in one number: mAP or accuracy. VOC's mAP is the 11-point one, the others' all-points. */
enum measure results_main(const struct results *results, int task);
/* That measure's name: "mAP, 11 points", "mAP", "accuracy". */
const char *results_main_name(const struct results *results);

/* ---- figures: means over the seeds, with the means of the ends of each seed's interval ---- */

/* Of the pictures as they are, on the first task. */
struct estimate results_measure(const struct results *results, int representation, enum measure measure);
struct estimate results_class(const struct results *results, int representation, int task, int class);

/* The mean of the main measure over the tasks of a group (NULL: all) that have one. */
struct estimate results_mean(const struct results *results, int representation, int condition, const char *group);
struct estimate results_task(const struct results *results, int representation, int task);

/* The main measure of pictures as they are with one seed; seed_count of them have a spread. */
double results_with_seed(const struct results *results, int representation, int seed);

/* The mean over severities, of the conditions of a type. */
struct estimate results_corruption(const struct results *results, int representation, enum corruption_type type);

/* The mean of those over the types of a group ("noise", ...; NULL: the benchmark, which leaves "extra" out). */
struct estimate results_corruption_group(const struct results *results, int representation, const char *group);

/* The mean over the benchmark's conditions of a severity; 0: pictures as they are. */
struct estimate results_severity(const struct results *results, int representation, int severity);

#endif
