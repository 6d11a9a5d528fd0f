/* Shared by ImageNet and ImageNet-C: classes that are folders named by WordNet ids. */
#ifndef LMVR_LAB_DATASET_IMAGENET_H
#define LMVR_LAB_DATASET_IMAGENET_H

#include "lab/dataset/draft.h"

/* Adds the task "classes" with the folders' names in byte order. If one of `roots` (root_count) has a file
 * LOC_synset_mapping.txt with lines "n01440764 tench, Tinca tinca", the classes listed there get names like "n01440764
 * tench". */
lmvr_status imagenet_add_task(struct draft *draft, const char *group, const struct names *folders, const char *const *roots,
                              int root_count, lmvr_error *error);

#endif
