/* COCO 2014 and 2017: annotations/instances_trainYEAR.json and instances_valYEAR.json, with the images in trainYEAR/ and
 * valYEAR/. An image has a class if any annotation says so, including crowds. */
#include "format/input.h"
#include "lab/dataset/coco_json.h"
#include "lab/dataset/layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An id in the file and the index it is mapped to. */
struct id {
    int64_t id, number;
};

static int by_id(const void *left, const void *right)
{
    const struct id *a = left, *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Looks an id up among `count` sorted ones; -2: there is no such id. */
static int64_t find_id(const struct id *ids, int64_t count, int64_t id)
{
    const struct id key = {.id = id};
    const struct id *found = bsearch(&key, ids, (size_t)count, sizeof *ids, by_id);
    return found ? found->number : -2;
}

static lmvr_status sort_ids(struct id *ids, int64_t count, const char *path, const char *what, lmvr_error *error)
{
    qsort(ids, (size_t)count, sizeof *ids, by_id);
    for (int64_t i = 1; i < count; i++)
        if (ids[i].id == ids[i - 1].id)
            return error_set(error, LMVR_ERROR_INVALID, "%s: two %s have the same id, %lld", path, what, (long long)ids[i].id);
    return LMVR_OK;
}

/* An annotation file and its folder of images. */
struct part {
    const char *folder; /* "train2014" */
    const char *path;   /* of the annotations */
    enum dataset_part part;
    struct coco_json json;
    struct id *categories; /* sorted; their numbers are classes */
    struct id *images;     /* sorted; their numbers are rows of the draft, -1: left out */
};

/* Classes are in order of id; ids have gaps, 1 to 90 for 80 classes. */
static lmvr_status number_categories(struct part *p, lmvr_error *error)
{
    p->categories = calloc((size_t)p->json.category_count + 1, sizeof *p->categories);
    if (!p->categories)
        return error_no_memory(error, p->path);
    for (int64_t i = 0; i < p->json.category_count; i++)
        p->categories[i] = (struct id){p->json.categories[i].id, i};
    return sort_ids(p->categories, p->json.category_count, p->path, "categories", error);
}

static lmvr_status add_classes(struct part *p, struct draft *draft, lmvr_error *error)
{
    if (p->json.category_count < 1 || p->json.category_count > 100000)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %lld categories", p->path, (long long)p->json.category_count);
    const char **classes = calloc((size_t)p->json.category_count, sizeof *classes);
    if (!classes)
        return error_no_memory(error, p->path);
    for (int64_t i = 0; i < p->json.category_count; i++)
        classes[i] = p->json.names + p->json.categories[p->categories[i].number].name;
    lmvr_status status = draft_add_task(draft, "classes", "coco", LABELS_MULTI, classes, (int)p->json.category_count, error);
    free(classes);
    return status;
}

/* Checks that the second file has the same classes as the first, in order of id. */
static lmvr_status check_classes(struct part *p, const struct draft *draft, lmvr_error *error)
{
    const struct labels *labels = &draft->tasks[0].labels;
    bool same = p->json.category_count == labels->class_count;
    for (int i = 0; i < labels->class_count && same; i++)
        same = strcmp(p->json.names + p->json.categories[p->categories[i].number].name, labels->classes[i]) == 0;
    if (same)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: its categories differ from those of the training images", p->path);
}

static lmvr_status add_image(struct part *p, int64_t i, struct draft *draft, lmvr_error *error)
{
    bool added;
    const struct coco_image *image = &p->json.images[i];
    char *path = input_path(p->folder, p->json.names + image->name);
    if (!path)
        return error_no_memory(error, p->path);
    lmvr_status status = draft_add_present(draft, path, p->part, p->path, &added, error);
    free(path);
    p->images[i] = (struct id){image->id, status == LMVR_OK && added ? draft->count - 1 : -1};
    return status;
}

static lmvr_status add_images(struct part *p, struct draft *draft, lmvr_error *error)
{
    p->images = calloc((size_t)p->json.image_count + 1, sizeof *p->images);
    if (!p->images)
        return error_no_memory(error, p->path);
    for (int64_t i = 0; i < p->json.image_count; i++)
        TRY(add_image(p, i, draft, error));
    return sort_ids(p->images, p->json.image_count, p->path, "images", error);
}

static lmvr_status add_annotations(const struct part *p, struct draft *draft, lmvr_error *error)
{
    const struct coco_json *json = &p->json;
    int classes = draft->tasks[0].labels.class_count;
    for (int64_t i = 0; i < classes; i++) /* from here on a category's number is its class */
        p->categories[i].number = i;
    for (int64_t i = 0; i < json->annotation_count; i++) {
        const struct coco_annotation *a = &json->annotations[i];
        int64_t row = find_id(p->images, json->image_count, a->image);
        int64_t class = find_id(p->categories, json->category_count, a->category);
        if (row < -1 || class < 0)
            return error_set(error, LMVR_ERROR_INVALID, "%s: annotations[%lld].%s is %lld, which does not exist", p->path,
                             (long long)i, row < -1 ? "image_id" : "category_id",
                             (long long)(row < -1 ? a->image : a->category));
        if (row >= 0)
            draft_row(draft, 0, row)[class] = 1;
    }
    return LMVR_OK;
}

static lmvr_status take_part(struct part *p, struct draft *draft, lmvr_error *error)
{
    TRY(coco_json_read(p->path, &p->json, error));
    TRY(number_categories(p, error));
    if (p->part == DATASET_TRAIN)
        TRY(add_classes(p, draft, error));
    else
        TRY(check_classes(p, draft, error));
    TRY(add_images(p, draft, error));
    return add_annotations(p, draft, error);
}

static char *annotations_path(const char *root, const char *split, int year)
{
    char *path;
    return asprintf(&path, "%s/annotations/instances_%s%d.json", root, split, year) < 0 ? NULL : path;
}

static lmvr_status need_files(const char *root, const char *path, const char *folder, int year, lmvr_error *error)
{
    char where[160];
    snprintf(where, sizeof where, "unpack http://images.cocodataset.org/annotations/annotations_trainval%d.zip there", year);
    TRY(draft_need(path, where, error));
    char *images = input_path(root, folder);
    if (!images)
        return error_no_memory(error, folder);
    snprintf(where, sizeof where, "unpack http://images.cocodataset.org/zips/%s.zip there", folder);
    lmvr_status status = draft_need(images, where, error);
    free(images);
    return status;
}

static lmvr_status read_part(const char *split, int year, enum dataset_part part, struct draft *draft, lmvr_error *error)
{
    char folder[32];
    snprintf(folder, sizeof folder, "%s%d", split, year);
    char *path = annotations_path(draft->folder, split, year);
    struct part p = {.folder = folder, .path = path, .part = part};
    lmvr_status status = path ? need_files(draft->folder, path, folder, year, error) : error_no_memory(error, folder);
    if (status == LMVR_OK)
        status = take_part(&p, draft, error);
    coco_json_finish(&p.json);
    free(p.categories);
    free(p.images);
    free(path);
    return status;
}

/* 2014, which the paper uses, unless only 2017 is there or was asked for. */
static lmvr_status choose_year(const char *root, const char *test_part, int *year, lmvr_error *error)
{
    if (test_part && strcmp(test_part, "val2014") != 0 && strcmp(test_part, "val2017") != 0)
        return error_set(error, LMVR_ERROR_INVALID, "coco has no test split '%s': expected val2014 or val2017", test_part);
    char *of_2014 = annotations_path(root, "train", 2014), *of_2017 = annotations_path(root, "train", 2017);
    bool has_2014 = of_2014 && input_exists(of_2014), has_2017 = of_2017 && input_exists(of_2017);
    lmvr_status status = of_2014 && of_2017 ? LMVR_OK : error_no_memory(error, root);
    *year = test_part ? (strcmp(test_part, "val2017") == 0 ? 2017 : 2014) : has_2017 && !has_2014 ? 2017 : 2014;
    free(of_2014);
    free(of_2017);
    return status;
}

lmvr_status coco_read(const char *path, const struct dataset_options *options, struct draft *draft, lmvr_error *error)
{
    int year;
    TRY(choose_year(path, options->test_part, &year, error));
    TRY(draft_set_folder(draft, path, NULL, error));
    TRY(read_part("train", year, DATASET_TRAIN, draft, error));
    return read_part("val", year, DATASET_TEST, draft, error);
}
