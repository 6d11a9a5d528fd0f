/*
 * The experiments as data: which representations are compared, and the paper's results for each (Tables 1 to 8). Zero-shot
 * classification is not the paper's.
 */
#ifndef LMVR_LAB_EVAL_EXPERIMENT_H
#define LMVR_LAB_EVAL_EXPERIMENT_H

#include "error.h"

enum experiment_kind {
    EXPERIMENT_COMPARE,    /* one score per representation: design, components, domain shift */
    EXPERIMENT_CORRUPTION, /* one score per corruption and severity */
    EXPERIMENT_ATTRIBUTES, /* one score per group of tasks, and a row for a fine-tuned model */
    EXPERIMENT_ZERO_SHOT   /* as EXPERIMENT_COMPARE, but images are compared with texts; nothing is trained */
};

#define EXPERIMENT_MOST_PAPER 4

/* A representation. `paper` has its result, in %, for each of the experiment's paper columns; NAN: not reported. */
struct variant {
    const char *label, *key; /* for people; for file names */
    const char *spec;        /* "joint" needs a dual encoder */
    bool language;           /* needs a language model */
    double paper[EXPERIMENT_MOST_PAPER];
};

/* A column of the paper's results, "VOC07" over "LLaVA". Only results of the same data set and model family are comparable. */
struct paper_column {
    const char *over, *name, *dataset, *family;
};

struct experiment {
    const char *name; /* on the command line */
    const char *title, *question;
    enum experiment_kind kind;
    const char *dataset; /* the paper's, if it has the experiment, and the default */
    const struct variant *variants;
    int variant_count;
    bool two_domains;       /* training and test images come from different domains */
    int baseline, proposed; /* the variants compared in charts and examples */
    struct paper_column paper[EXPERIMENT_MOST_PAPER];
    int paper_count;
};

/* The names that experiment_find() knows, for error messages. */
extern const char experiment_names[];

/* NULL: no such experiment. */
const struct experiment *experiment_find(const char *name);

/* The paper's ImageNet-C results per group of corruptions (Tables 4 and 5), in %. */
struct paper_group {
    const char *group; /* "weather"; "all": the mean over all */
    double encoder, proposed;
};

extern const struct paper_group experiment_paper_groups[5];

#endif
