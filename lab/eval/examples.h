/*
 * The report's pictures: test images with their responses, in which the names of the true classes are marked (the paper's
 * Figures 5 and 6), and attention maps of the words of a few responses (Figure 4).
 */
#ifndef LMVR_LAB_EVAL_EXAMPLES_H
#define LMVR_LAB_EVAL_EXAMPLES_H

#include "lab/eval/corrupting.h"
#include "lab/eval/eval.h"
#include "lab/eval/results.h"

struct example {
    char *path, *response; /* owned */
    char *label;           /* the true classes, with task names if there are several tasks; owned */
    char **words;          /* (word_count) names by which a response may call the true classes; owned */
    int word_count;
    struct condition condition;
    const char *role; /* shown before the file name, such as "clean"; NULL: none */
};

struct examples {
    struct example *items;
    int count;
    const char *title; /* of the whole gallery */
};

/* Adds a few of the set's test images, spread evenly over it. */
lmvr_status examples_take_test(struct examples *examples, const struct dataset *set, const struct feature_set *features,
                               lmvr_error *error);

/* Adds a few of the set's test images, each after a training image of the same class: one of each domain if the set has two
 * (Figure 5). A multi-label set gives test images alone. */
lmvr_status examples_take_domains(struct examples *examples, const struct dataset *set, const struct feature_set *features,
                                  lmvr_error *error);

/* The images of one pass over a set: the set's image `first` is image 0 of the features. */
struct examples_pass {
    const struct dataset *set;
    int64_t first;
    const struct feature_set *features;
};

/* Adds an image of a corrupted pass, after the same clean image if the other pass has it (Figure 6). */
lmvr_status examples_take_corrupted(struct examples *examples, const struct examples_pass *corrupted,
                                    const struct condition *condition, const struct examples_pass *clean, lmvr_error *error);
void examples_finish(struct examples *examples);

/* Appends the gallery to the report, with attention maps of a few images if the first model, called `model` ("": the only one),
 * has a language model. Images that can no longer be read are left out. */
lmvr_status examples_add(struct report *report, const struct examples *examples, const struct eval_options *options,
                         struct corrupting *corrupting, const char *model, lmvr_error *error);

/* Reads an example's image as the model saw it, corruption included. */
lmvr_status example_read(const struct example *example, struct corrupting *corrupting, struct image *image, lmvr_error *error);

/* The attention part of examples_add() (examples_attention.c). */
lmvr_status examples_add_attention(struct report *report, const struct examples *examples, const struct eval_options *options,
                                   struct corrupting *corrupting, lmvr_error *error);

#endif
