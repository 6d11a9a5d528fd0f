/*
 * What an experiment measured, before it is laid out as tables: a score for each representation, condition and task.
 */
#ifndef LMVR_SRC_EVAL_RESULTS_H
#define LMVR_SRC_EVAL_RESULTS_H

#include "dataset/dataset.h"
#include "eval/experiment.h"
#include "eval/features.h"
#include "image/corrupt.h"

/* A probe's result on one task under one condition. All from 0 to 1, NAN where a measure does not apply. */
struct score {
    double map_11point, map, accuracy;
    double *per_class; /* (classes of the task): average precision or accuracy; NULL under corruptions */
    int64_t rows;      /* that were scored */
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
    const char *label, *key; /* the variant's, unless another model computed it */
    const double *paper;
    char model[17]; /* fingerprint, in hexadecimal */
    double *c;      /* (tasks) the regularization that was chosen */
    int64_t *train_rows;
    double seconds;       /* of fitting and scoring */
    struct score *scores; /* (conditions, tasks) */
};

/* What a probe warned of. Those of several representations mostly warn of the same. */
struct warning {
    char *sentence;
    int representation, count; /* the first that it came from; of how many */
};

struct results {
    const struct experiment *experiment;
    const struct dataset *set;
    int condition_count, representation_count;
    struct condition *conditions; /* the first is the pictures as they are */
    double *seconds;              /* (conditions) of this run: features, probes and scores */
    struct representation *representations;
    struct warning *warnings; /* each sentence once */
    int warning_count;
};

lmvr_status results_create(const struct experiment *experiment, const struct dataset *set, int conditions, int representations,
                           struct results *results, lmvr_error *error);
void results_finish(struct results *results);
lmvr_status results_warn(struct results *results, int representation, const char *sentence, lmvr_error *error);

struct score *results_score(const struct results *results, int representation, int condition, int task);

/* Whether mAP is VOC2007's 11-point one, rather than the all-points one that the other sets use. */
bool results_count_11_points(const struct results *results);

/* How a task's quality is told in one number: mAP or accuracy, in %. VOC's mAP is the 11-point one, the others' all-points. */
double results_main(const struct results *results, const struct score *score, int task);
/* That measure's name: "mAP, 11 points", "mAP", "accuracy". */
const char *results_main_name(const struct results *results);

/* The mean of it over the tasks of a group (NULL: all) that have one; NAN: none has. */
double results_mean(const struct results *results, int representation, int condition, const char *group);

/* The mean over severities, of the conditions of a type; NAN: it was not measured. */
double results_corruption(const struct results *results, int representation, enum corruption_type type);

/* The mean of those over the types of a group ("noise", ...; NULL: the benchmark, which
 * leaves "extra" out). */
double results_corruption_group(const struct results *results, int representation, const char *group);

#endif
