/* Images in one folder per class, the layout of ImageNet and of many custom data sets. */
#ifndef LMVR_LAB_DATASET_CLASS_FOLDERS_H
#define LMVR_LAB_DATASET_CLASS_FOLDERS_H

#include "lab/dataset/draft.h"

/* Adds the names of the folders in "ROOT/FOLDER" (folder = NULL: "ROOT") to `classes`; *images: the number of image files
 * directly in it. */
lmvr_status class_folders_find(const char *root, const char *folder, struct names *classes, int64_t *images, lmvr_error *error);

/* Adds the images in "FOLDER/CLASS/", relative to the draft's folder, for every class that exists, labelled in the first task,
 * which is single-label. Within a class they are in order of name. Other files are counted in
 * draft->passed_over. */
lmvr_status class_folders_add(struct draft *draft, const char *folder, enum dataset_part part, const struct names *classes,
                              lmvr_error *error);

#endif
