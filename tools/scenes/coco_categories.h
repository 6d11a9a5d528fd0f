/* COCO's 80 categories. */
#ifndef LMVR_TOOLS_SCENES_COCO_CATEGORIES_H
#define LMVR_TOOLS_SCENES_COCO_CATEGORIES_H

struct coco_category {
    int id; /* from 1 to 90, with gaps */
    const char *supercategory, *name;
};

extern const struct coco_category coco_categories[];
extern const int coco_category_count;

/* The id of that name; 0: there is none. */
int coco_category_id(const char *name);

#endif
