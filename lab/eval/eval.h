/*
 * The experiments, from a data set to a report: one forward pass per image for all compared representations, cached on
 * disk; a linear probe per representation, fitted on the training split; scores on the test split, clean or corrupted.
 */
#ifndef LMVR_LAB_EVAL_EVAL_H
#define LMVR_LAB_EVAL_EVAL_H

#include "lab/dataset/dataset.h"
#include "lab/eval/experiment.h"
#include "lab/eval/zero_shot.h"
#include "lab/report/report.h"
#include "lmvr.h"
#include "store/store.h"

/* Progress callbacks; each may be NULL. */
struct eval_watch {
    /* A pass over the images begins: number `number` of `passes`, counted from 1. */
    void (*on_pass)(void *user, const char *what, int number, int passes, int64_t images);
    /* After each image; `failure` says why it cannot be used, NULL: it can. Nonzero return: stop. */
    int (*on_image)(void *user, int64_t done, int64_t total, const char *failure);
    /* While a probe is fitted. Nonzero return: stop. */
    int (*on_fit)(void *user, const char *representation, const char *task);
    void *user;
};

struct eval_model {
    const lmvr_model *model;
    const char *folder; /* for the report; NULL: the model that ships with lmvr */
};

#define EVAL_MOST_MODELS 16

struct eval_options {
    const struct experiment *experiment;
    const struct eval_model *models; /* (model_count) each gets its own rows */
    int model_count;
    const lmvr_model *finetuned;  /* "attributes": a fine-tuned model for the last row; NULL: none */
    lmvr_session_options session; /* prompt, generation, batch and threads; the experiment chooses the features */
    const struct dataset *set;
    const char *data_name; /* the data set's folder, for the report */
    const char *corrupted; /* "corruption": ImageNet-C's folder; NULL: images are corrupted as they are read */
    const char *textures;  /* for frost; NULL: generated ones */
    unsigned types;        /* "corruption": bit masks from corruption_parse_types(); 0: the benchmark's types, or all that */
    unsigned severities;   /* ImageNet-C's folder has, and all severities */
    int corrupt_size;      /* size of ImageNet-C's crop, applied before a corruption; 0: none */
    int64_t limit;         /* most images per corruption of ImageNet-C; 0: all */
    const struct templates *templates; /* "zero-shot": of its texts */
    double c;                          /* the probes' C; 0: chosen on held-out data */
    uint64_t seed;                     /* for the probes, the corruptions and the bootstrap */
    int seeds; /* how many seeds, counting up from `seed`, each with its own split where the split is random; at least 1 */
    const char *output;   /* the report's folder; features are in its features/ */
    bool any_device;      /* as in store/store.h */
    enum store_mode mode; /* for the features: STORE_RESUME continues with those already there */
    struct eval_watch watch;
};

/* What was skipped, and what was warned of. */
struct eval_counts {
    int64_t images, failed; /* over all passes: images, and how many of them could not be used */
    int warnings;           /* from the probes; the report has them all */
};

/*
 * Runs the experiment. The caller writes and frees *report; *main is its main table, for the terminal. LMVR_STOPPED: the watch
 * asked to stop. After that, and after LMVR_ERROR_RESOURCE, the finished features are kept.
 */
lmvr_status eval_run(const struct eval_options *options, struct report **report, struct report_table **main,
                     struct eval_counts *counts, lmvr_error *error);

#endif
