/* Reads from COCO's instances_*.json which objects are in which image. The file is streamed: most of its 450 MB are
 * polygons. */
#ifndef LMVR_LAB_DATASET_COCO_JSON_H
#define LMVR_LAB_DATASET_COCO_JSON_H

#include "error.h"

struct coco_image {
    int64_t id;
    size_t name; /* offset of its file name in `names` */
};

struct coco_category {
    int64_t id;
    size_t name;
};

struct coco_annotation {
    int64_t image, category; /* ids */
};

struct coco_json {
    struct coco_image *images; /* in the file's order */
    struct coco_category *categories;
    struct coco_annotation *annotations;
    int64_t image_count, category_count, annotation_count;
    int64_t image_space, category_space, annotation_space;
    char *names; /* NUL-terminated, one after the other */
    size_t name_size, name_space;
};

/* LMVR_ERROR_INVALID: it is not JSON, or a section or field is missing or has the wrong type. Ids are not checked: they may
 * refer to nothing. On failure *json is empty. */
lmvr_status coco_json_read(const char *path, struct coco_json *json, lmvr_error *error);
void coco_json_finish(struct coco_json *json);

#endif
