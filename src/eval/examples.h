/*
 * The report's pictures: test images with their responses, the true classes' names marked in them (the paper's Figures 5 and
 * 6), and where the words of some responses look (Figure 4).
 */
#ifndef LMVR_SRC_EVAL_EXAMPLES_H
#define LMVR_SRC_EVAL_EXAMPLES_H

#include "eval/corrupting.h"
#include "eval/eval.h"
#include "eval/results.h"

struct example {
    char *path, *response; /* owned */
    char *label;           /* the true classes, with the names of their tasks where there are several; owned */
    char **words;          /* (word_count) what the true classes are called, as a response may say it, owned */
    int word_count;
    struct condition condition;
};

struct examples {
    struct example *items;
    int count;
};

/* Some of the set's test images, spread over it. */
lmvr_status examples_take_test(struct examples *examples, const struct dataset *set, const struct feature_set *features,
                               lmvr_error *error);

/* One image of those under a condition, image `first` of the set being image 0 of the features; of each corruption the third
 * severity is shown, so that most conditions add nothing. */
lmvr_status examples_take_corrupted(struct examples *examples, const struct dataset *set, int64_t first,
                                    const struct feature_set *features, const struct condition *condition, lmvr_error *error);
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
