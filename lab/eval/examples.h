/*
 * The report's pictures: test images with their responses, the true classes' names marked in them (the paper's Figures 5 and
 * 6), and where the words of some responses look (Figure 4).
 */
#ifndef LMVR_LAB_EVAL_EXAMPLES_H
#define LMVR_LAB_EVAL_EXAMPLES_H

#include "lab/eval/corrupting.h"
#include "lab/eval/eval.h"
#include "lab/eval/results.h"

struct example {
    char *path, *response; /* owned */
    char *label;           /* the true classes, with the names of their tasks where there are several; owned */
    char **words;          /* (word_count) what the true classes are called, as a response may say it, owned */
    int word_count;
    struct condition condition;
    const char *role; /* said before the file's name, such as "clean"; NULL: none */
};

struct examples {
    struct example *items;
    int count;
    const char *title; /* of all */
};

/* Some of the set's test images, spread over it. */
lmvr_status examples_take_test(struct examples *examples, const struct dataset *set, const struct feature_set *features,
                               lmvr_error *error);

/* Some of the set's test images, each after a training image of its class: with a set of two domains, one of each (Figure 5). A
 * set of several classes per image gives test images alone. */
lmvr_status examples_take_domains(struct examples *examples, const struct dataset *set, const struct feature_set *features,
                                  lmvr_error *error);

/* The images of a pass over a set: image `first` of the set is image 0 of the features. */
struct examples_pass {
    const struct dataset *set;
    int64_t first;
    const struct feature_set *features;
};

/* One image of a pass under a condition, after the same image clean, where that is in the other pass (Figure 6). */
lmvr_status examples_take_corrupted(struct examples *examples, const struct examples_pass *corrupted,
                                    const struct condition *condition, const struct examples_pass *clean, lmvr_error *error);
void examples_finish(struct examples *examples);

/* Appends them to the report, with attention maps of a few where the first model, called `model` ("": it is the only one), has
 * a language model. An image that can no longer be read is left out. */
lmvr_status examples_add(struct report *report, const struct examples *examples, const struct eval_options *options,
                         struct corrupting *corrupting, const char *model, lmvr_error *error);

/* The picture of an example as the model saw it, corruption and all. */
lmvr_status example_read(const struct example *example, struct corrupting *corrupting, struct image *image, lmvr_error *error);

/* The attention part of examples_add() (examples_attention.c). */
lmvr_status examples_add_attention(struct report *report, const struct examples *examples, const struct eval_options *options,
                                   struct corrupting *corrupting, lmvr_error *error);

#endif
