/*
 * Labelled images in the layouts in which people download them. A data set is a list of images, each in the part to train on or
 * in the part to test on, and one or more tasks: VOC has one of 20 classes, any of which may be in an image;
 * DeepFashion-MultiModal has one an attribute. docs/datasets.md says what is taken from which files.
 */
#ifndef LMVR_LAB_DATASET_DATASET_H
#define LMVR_LAB_DATASET_DATASET_H

#include "lab/dataset/labels.h"

enum dataset_part { DATASET_TRAIN, DATASET_TEST };

/* One question about every image. */
struct dataset_task {
    char *name;  /* "classes", or an attribute's such as "sleeve length" */
    char *group; /* tasks whose scores are averaged: DeepFashion's "object", "fabric", "texture"; else the data set's name */
    struct labels labels; /* a row an image of the data set, in its order */
};

struct dataset {
    char *name; /* as it was asked for: "voc2007" */
    int64_t count;
    int64_t train_count;      /* how many of them are to train on: the first so many */
    char **paths;             /* (count) of image files, below the folder that was opened, which is part of them */
    enum dataset_part *parts; /* (count); images of a part stand together, DATASET_TRAIN first, each in the set's own order */
    struct dataset_task *tasks;
    int task_count;
    bool split_by_seed;      /* it has no parts of its own: a fifth is tested on, by the seed */
    int64_t left_out;        /* entries that the set has but which could not be used: no such file, no label */
    char left_out_why[1024]; /* the first of them, as a sentence; "" */
    uint64_t fingerprint;    /* of paths below the folder, parts and labels; not of the pictures' bytes */
};

struct dataset_options {
    int64_t limit; /* at most so many images of each part; 0: all. A seeded choice, the same for the same seed and names */
    uint64_t seed; /* of that choice, and of the split where a set has none of its own */
    const char *test_part; /* NULL: the usual one; a set that has several names one, as VisDA's "validation", COCO's "val2017",
                            * or ImageNet-C's "fog/3" (the usual: all there are, one after the other) */
};

/* The names that dataset_open() takes, for messages: "voc2007, coco, visda, ...". */
extern const char dataset_names[];

/* Opens the set `name` (voc2007, coco, visda, imagenet, imagenet-c, deepfashion, folder, csv) in the folder (csv: the file)
 * `path`. `options` may be NULL. Every set has images of both parts, only imagenet-c none to train on. LMVR_ERROR_INVALID:
 * there is no such set, or a file of it is missing or makes no sense; the sentence says which, and where to get the set. On
 * failure *set is empty. */
lmvr_status dataset_open(const char *name, const char *path, const struct dataset_options *options, struct dataset *set,
                         lmvr_error *error);
void dataset_finish(struct dataset *set);

/* Another split of a set that is split by a seed: as many images to test on, of each class where an image has one, drawn by
 * another seed. Image i of *again is image (*order)[i] of `set`; the order is to be freed. */
lmvr_status dataset_split_again(const struct dataset *set, uint64_t seed, struct dataset *again, int64_t **order,
                                lmvr_error *error);

/* Numbers the classes of each task of `set` as those of the same task of `like` are numbered, by name; where both names begin
 * with a WordNet id (n01440764), by that. Images of other classes get the label -1, and are counted in left_out. So what was
 * learned on ImageNet can be tested on ImageNet-C. */
lmvr_status dataset_match_classes(struct dataset *set, const struct dataset *like, lmvr_error *error);

/* One of ImageNet-C's folders. dataset_open("imagenet-c") takes it as the test_part "CORRUPTION/SEVERITY". */
struct dataset_corruption {
    const char *name; /* "gaussian_noise"; it lives forever */
    int severity;     /* 1 to 5 */
};
#define DATASET_MAX_CORRUPTIONS 95

/* Those that are there, in the paper's order. LMVR_ERROR_INVALID: there is none. */
lmvr_status dataset_list_corruptions(const char *path, struct dataset_corruption list[DATASET_MAX_CORRUPTIONS], int *count,
                                     lmvr_error *error);

#endif
