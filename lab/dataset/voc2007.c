/* PASCAL VOC 2007, classification: ImageSets/Main/CLASS_trainval.txt and CLASS_test.txt have one line per image, "000012  1": 1
 * if it contains the class, -1 if not, 0 if only objects marked difficult (the devkit's readme, section 6). */
#include "format/input.h"
#include "format/lines.h"
#include "lab/dataset/layouts.h"
#include "lab/dataset/roster.h"

#include <stdio.h>
#include <stdlib.h>

#define CLASSES 20

static const char *const class_names[CLASSES] = {
    "aeroplane",   "bicycle", "bird",  "boat",      "bottle", "bus",         "car",   "cat",  "chair", "cow",
    "diningtable", "dog",     "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
};

/* A split's images, while its 20 lists are read. */
struct part {
    const char *list;  /* "trainval" */
    const char *where; /* where to get it */
    enum dataset_part part;
    struct roster images;
};

static lmvr_status line_error(const struct lines *lines, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: %s", lines->path, lines->number, what);
}

/* Adds an image of the first list, which defines the set of images. */
static lmvr_status add_image(struct part *p, const char *id, const struct lines *lines, struct draft *draft, lmvr_error *error)
{
    char path[512];
    bool added, is_new;
    int64_t number;
    TRY(roster_add(&p->images, id, &number, &is_new, error));
    if (!is_new)
        return line_error(lines, "has a duplicate image", error);
    if (snprintf(path, sizeof path, "JPEGImages/%s.jpg", id) >= (int)sizeof path)
        return line_error(lines, "has an image number that is too long", error);
    TRY(draft_add_present(draft, path, p->part, lines->path, &added, error));
    if (added)
        p->images.rows[number] = draft->count - 1;
    return LMVR_OK;
}

static lmvr_status read_line(struct part *p, int class, char *line, const struct lines *lines, struct draft *draft,
                             lmvr_error *error)
{
    int value;
    const char *id = lines_word(&line), *label = lines_word(&line);
    if (!id || !label || lines_word(&line) || !lines_int(label, -1, 1, &value))
        return line_error(lines, "expected an image number and 1, -1 or 0", error);
    if (class == 0)
        TRY(add_image(p, id, lines, draft, error));
    int64_t number = names_find(&p->images.names, id);
    if (number < 0)
        return line_error(lines, "has an image that the list of aeroplanes does not have", error);
    if (!roster_mark(&p->images, number, class))
        return line_error(lines, "has a duplicate image", error);
    if (p->images.rows[number] >= 0)
        draft_row(draft, 0, p->images.rows[number])[class] = (int8_t)value;
    return LMVR_OK;
}

static lmvr_status read_list(struct part *p, int class, const char *path, struct draft *draft, lmvr_error *error)
{
    struct lines lines;
    int64_t count = 0;
    lmvr_status status = LMVR_OK;
    TRY(lines_open(path, &lines, error));
    for (char *line; status == LMVR_OK && (line = lines_next(&lines)); count++)
        status = read_line(p, class, line, &lines, draft, error);
    if (status == LMVR_OK && count != p->images.names.count)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has %lld images, but the list of aeroplanes has %lld", path,
                           (long long)count, (long long)p->images.names.count);
    lines_close(&lines);
    return status;
}

static lmvr_status read_part(struct part *p, struct draft *draft, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (int class = 0; class < CLASSES && status == LMVR_OK; class ++) {
        char name[64];
        snprintf(name, sizeof name, "ImageSets/Main/%s_%s.txt", class_names[class], p->list);
        char *path = input_path(draft->folder, name);
        status = path ? draft_need(path, p->where, error) : error_no_memory(error, name);
        if (status == LMVR_OK)
            status = read_list(p, class, path, draft, error);
        free(path);
    }
    roster_finish(&p->images);
    return status;
}

/* The given folder may be VOC2007, VOCdevkit, or the one that contains VOCdevkit. */
static lmvr_status find_folder(const char *path, struct draft *draft, lmvr_error *error)
{
    static const char *const below[] = {NULL, "VOC2007", "VOCdevkit/VOC2007"};
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        TRY(draft_set_folder(draft, path, below[i], error));
        char *lists = input_path(draft->folder, "ImageSets");
        if (!lists)
            return error_no_memory(error, path);
        bool found = input_exists(lists);
        free(lists);
        if (found)
            return LMVR_OK;
    }
    return error_set(
        error, LMVR_ERROR_INVALID,
        "%s: has no ImageSets, VOC2007/ImageSets or VOCdevkit/VOC2007/ImageSets; unpack VOCtrainval_06-Nov-2007.tar and "
        "VOCtest_06-Nov-2007.tar from http://host.robots.ox.ac.uk/pascal/VOC/voc2007/ there",
        path);
}

lmvr_status voc2007_read(const char *path, const struct dataset_options *options, struct draft *draft, lmvr_error *error)
{
    (void)options;
    struct part train = {.list = "trainval",
                         .where = "unpack http://host.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtrainval_06-Nov-2007.tar",
                         .part = DATASET_TRAIN};
    struct part test = {.list = "test",
                        .where = "unpack http://host.robots.ox.ac.uk/pascal/VOC/voc2007/VOCtest_06-Nov-2007.tar next to it",
                        .part = DATASET_TEST};
    TRY(find_folder(path, draft, error));
    TRY(draft_add_task(draft, "classes", "voc2007", LABELS_MULTI, class_names, CLASSES, error));
    TRY(read_part(&train, draft, error));
    return read_part(&test, draft, error);
}
