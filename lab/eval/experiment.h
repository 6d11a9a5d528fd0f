/*
 * The paper's experiments as data: which representations are compared, and what the paper reports of each (tables 1 to 8).
 */
#ifndef LMVR_LAB_EVAL_EXPERIMENT_H
#define LMVR_LAB_EVAL_EXPERIMENT_H

#include "error.h"

enum experiment_kind {
    EXPERIMENT_COMPARE,    /* one score a representation: design, components, domain shift */
    EXPERIMENT_CORRUPTION, /* a score a corruption and severity */
    EXPERIMENT_ATTRIBUTES  /* a score a group of tasks, and a row of a fine-tuned model */
};

#define EXPERIMENT_MOST_PAPER 4

/* A representation. `paper` has a number for each of the experiment's paper columns, in %; NAN: none is reported. */
struct variant {
    const char *label, *key; /* to people; in file names */
    const char *spec;
    bool language; /* needs a language model */
    double paper[EXPERIMENT_MOST_PAPER];
};

/* A column of what the paper reports, "VOC07" over "LLaVA". Figures of the same data set and kind of model can be set beside.
 */
struct paper_column {
    const char *over, *name, *dataset, *family;
};

struct experiment {
    const char *name; /* on the command line */
    const char *title, *question;
    enum experiment_kind kind;
    const char *dataset; /* that the paper used, and the default */
    const struct variant *variants;
    int variant_count;
    bool two_domains;       /* training images are of one, test images of another */
    int baseline, proposed; /* the variants that charts and examples set side by side */
    struct paper_column paper[EXPERIMENT_MOST_PAPER];
    int paper_count;
};

/* The names that experiment_find() knows, for messages. */
extern const char experiment_names[];

/* NULL: there is no such experiment. */
const struct experiment *experiment_find(const char *name);

/* What the paper reports for ImageNet-C by group of corruptions (tables 4 and 5), in %. */
struct paper_group {
    const char *group; /* "weather"; "all" for the mean of all */
    double encoder, proposed;
};

extern const struct paper_group experiment_paper_groups[5];

#endif
