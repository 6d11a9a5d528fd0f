/* The data sets' readers: each fills an empty draft from `path`. docs/datasets.md says which files they read. */
#ifndef LMVR_LAB_DATASET_LAYOUTS_H
#define LMVR_LAB_DATASET_LAYOUTS_H

#include "lab/dataset/draft.h"

typedef lmvr_status layout_read(const char *path, const struct dataset_options *options, struct draft *draft,
                                lmvr_error *error);

layout_read voc2007_read, coco_read, visda_read, imagenet_read, imagenet_c_read, deepfashion_read, folder_read, csv_read;

#endif
