/*
 * The paper's experiments, from a data set to a report: one pass of the model for all representations that are compared, kept
 * on disk; a linear probe each, fitted on the training part; scores on the test part, as it is or corrupted.
 */
#ifndef LMVR_LAB_EVAL_EVAL_H
#define LMVR_LAB_EVAL_EVAL_H

#include "lab/dataset/dataset.h"
#include "lab/eval/experiment.h"
#include "lab/report/report.h"
#include "lmvr.h"
#include "store/store.h"

/* What happens on the way; each may be NULL. */
struct eval_watch {
    /* A pass over images begins: the `number`th of `passes`, counted from 1. */
    void (*on_pass)(void *user, const char *what, int number, int passes, int64_t images);
    /* After each image; `failure` is the sentence of one that cannot be used, else NULL. Not 0: stop. */
    int (*on_image)(void *user, int64_t done, int64_t total, const char *failure);
    /* While a probe is fitted. Not 0: stop. */
    int (*on_fit)(void *user, const char *representation, const char *task);
    void *user;
};

struct eval_model {
    const lmvr_model *model;
    const char *folder; /* for the report; NULL: the one that ships */
};

#define EVAL_MOST_MODELS 16

struct eval_options {
    const struct experiment *experiment;
    const struct eval_model *models; /* (model_count) each has its rows */
    int model_count;
    const lmvr_model *finetuned;  /* "attributes": another model, for the last row; NULL: none */
    lmvr_session_options session; /* prompt, generation, batch and threads; features are the experiment's */
    const struct dataset *set;
    const char *data_name; /* for the report: its folder */
    const char *corrupted; /* "corruption": ImageNet-C's folder; NULL: pictures are corrupted on the way */
    const char *textures;  /* of frost; NULL: made ones */
    unsigned types; /* "corruption": which types and severities, as corruption_parse_types() has them; 0: the benchmark's */
    unsigned severities;  /* or what ImageNet-C's folder holds, and all */
    int corrupt_size;     /* ImageNet-C's own crop of this size before a corruption; 0: none */
    int64_t limit;        /* at most so many images of a corruption of ImageNet-C; 0: all */
    double c;             /* of the probes; 0: chosen on a held-out part */
    uint64_t seed;        /* of the probes, the corruptions and the bootstrap */
    int seeds;            /* so many seeds, from that one on, each with its own split where that is random; at least 1 */
    const char *output;   /* the report's folder; features lie in features/ below it */
    enum store_mode mode; /* of the features: STORE_RESUME continues with what is there */
    struct eval_watch watch;
};

/* What was left out. */
struct eval_counts {
    int64_t images, failed; /* over all passes: images, and those of them that could not be used */
    int warnings;           /* of the probes, all in the report */
};

/*
 * Runs the experiment. *report is the caller's, to be written and freed; *main is its main table, for the terminal.
 * LMVR_STOPPED: the watch asked to stop. After that, and after LMVR_ERROR_RESOURCE, the features that are done are kept.
 */
lmvr_status eval_run(const struct eval_options *options, struct report **report, struct report_table **main,
                     struct eval_counts *counts, lmvr_error *error);

#endif
