/* What ImageNet and ImageNet-C have in common: classes that are folders named by WordNet ids. */
#ifndef LMVR_LAB_DATASET_IMAGENET_H
#define LMVR_LAB_DATASET_IMAGENET_H

#include "lab/dataset/draft.h"

/* Adds the task "classes" of the folders' names, in the order of their bytes. Where one of `roots` (root_count) has a file
 * LOC_synset_mapping.txt of lines "n01440764 tench, Tinca tinca", a class that is in it is called "n01440764 tench". */
lmvr_status imagenet_add_task(struct draft *draft, const char *group, const struct names *folders, const char *const *roots,
                              int root_count, lmvr_error *error);

#endif
