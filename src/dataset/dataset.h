/*
 * Labelled images in the layouts in which people download them. A data set is a list of images, each in the part to train on or
 * in the part to test on, and one or more tasks: VOC has one of 20 classes, any of which may be in an image;
 * DeepFashion-MultiModal has one an attribute.
 */
#ifndef LMVR_SRC_DATASET_DATASET_H
#define LMVR_SRC_DATASET_DATASET_H

#include "dataset/labels.h"

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
    char **paths;             /* (count) of image files, below the folder that was opened, which is part of them */
    enum dataset_part *parts; /* (count); images of a part stand together, DATASET_TRAIN first, each in the set's own order */
    struct dataset_task *tasks;
    int task_count;
    int64_t left_out;       /* entries that the set has but which could not be used: no such file, no label */
    char left_out_why[256]; /* the first of them, as a sentence; "" */
    uint64_t fingerprint;   /* of paths below the folder, parts and labels; not of the pictures' bytes */
};

struct dataset_options {
    int64_t limit; /* at most so many images of each part; 0: all. A seeded choice, the same for the same seed */
    uint64_t seed;
    const char *test_part; /* NULL: the usual one; a set that has several names one, as VisDA's "validation" */
};

/* The names that dataset_open() takes, for messages: "voc2007, coco, visda, ...". */
extern const char dataset_names[];

/* Opens the set `name` (voc2007, coco, visda, imagenet, imagenet-c, deepfashion, folder, csv) in the folder (csv: the file)
 * `path`. LMVR_ERROR_INVALID: there is no such set, or a file of it is missing or makes no sense; the sentence says which, and
 * where to get the set. On failure *set is empty. */
lmvr_status dataset_open(const char *name, const char *path, const struct dataset_options *options, struct dataset *set,
                         lmvr_error *error);
void dataset_finish(struct dataset *set);

#endif
