/*
 * Labelled images in the layouts in which people download them. A data set is a list of images, each in the training or the
 * test split, with labels for one or more tasks: VOC has one task of 20 classes, any of which may be in an image;
 * DeepFashion-MultiModal has one per attribute. docs/datasets.md says which files are read.
 */
#ifndef LMVR_LAB_DATASET_DATASET_H
#define LMVR_LAB_DATASET_DATASET_H

#include "lab/dataset/labels.h"

enum dataset_part { DATASET_TRAIN, DATASET_TEST };

/* A question about every image. */
struct dataset_task {
    char *name;  /* "classes", or an attribute's such as "sleeve length" */
    char *group; /* tasks of a group are averaged: DeepFashion's "object", "fabric", "texture"; else the data set's name */
    struct labels labels; /* one row per image of the data set, in its order */
};

struct dataset {
    char *name; /* as given to dataset_open(): "voc2007" */
    int64_t count;
    int64_t train_count;      /* the first train_count images are the training split */
    char **paths;             /* (count) of image files, including the folder that was opened */
    enum dataset_part *parts; /* (count); a split's images are contiguous, DATASET_TRAIN first, each in the set's own order */
    struct dataset_task *tasks;
    int task_count;
    bool split_by_seed;      /* it has no splits of its own: a seeded fifth is the test split */
    int64_t left_out;        /* entries that could not be used: no such file, no label */
    char left_out_why[1024]; /* the first one's reason, as a sentence; "" */
    char *passed_over;       /* "photos/: 3 .heic, 2 .txt": files in class folders that are no images; NULL: none */
    uint64_t fingerprint;    /* of relative paths, splits and labels; not of image contents */
};

struct dataset_options {
    int64_t limit; /* most images per split; 0: all. The choice depends only on the seed and the images' names */
    uint64_t seed; /* of that choice, and of the split if the set has none of its own */
    const char
        *test_part; /* NULL: the default; else the test split's name if the set has several, such as VisDA's "validation",
                       COCO's "val2017" or ImageNet-C's "fog/3" (the default: all of them, one after the other) */
};

/* The names that dataset_open() takes, for error messages: "voc2007, coco, visda, ...". */
extern const char dataset_names[];

/* Opens the set `name` (voc2007, coco, visda, imagenet, imagenet-c, deepfashion, folder, csv) in the folder (csv: the file)
 * `path`. `options` may be NULL. Every set has images in both splits, except that imagenet-c has none to train on.
 * LMVR_ERROR_INVALID: there is no such set, or one of its files is missing or malformed; the message says which, and where to
 * get the set. On failure *set is empty. */
lmvr_status dataset_open(const char *name, const char *path, const struct dataset_options *options, struct dataset *set,
                         lmvr_error *error);
void dataset_finish(struct dataset *set);

/* Another random split of a set that is split by seed: as many test images, per class if images have one class each, drawn with
 * another seed. Image i of *again is image (*order)[i] of `set`; the caller frees *order. */
lmvr_status dataset_split_again(const struct dataset *set, uint64_t seed, struct dataset *again, int64_t **order,
                                lmvr_error *error);

/* Renumbers the classes of each task of `set` to match the same task of `like`, by name; if both names begin with a WordNet id
 * (n01440764), by id. Images of other classes get the label -1 and are counted in left_out. Thus a probe fitted on ImageNet can
 * be tested on ImageNet-C. */
lmvr_status dataset_match_classes(struct dataset *set, const struct dataset *like, lmvr_error *error);

/* A folder of ImageNet-C, which dataset_open("imagenet-c") takes as the test_part "CORRUPTION/SEVERITY". */
struct dataset_corruption {
    const char *name; /* "gaussian_noise"; a static string */
    int severity;     /* 1 to 5 */
};
#define DATASET_MAX_CORRUPTIONS 95

/* Lists the corruptions that are there, in the paper's order. LMVR_ERROR_INVALID: there are none. */
lmvr_status dataset_list_corruptions(const char *path, struct dataset_corruption list[DATASET_MAX_CORRUPTIONS], int *count,
                                     lmvr_error *error);

#endif
