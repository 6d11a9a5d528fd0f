/* VisDA-2017, classification: train/ (rendered), validation/ (COCO's photographs) and test/ (YouTube's), each with
 * image_list.txt of lines "aeroplane/x.png 0". The challenge's test list has no labels; they were published later. */
#include "format/input.h"
#include "format/lines.h"
#include "lab/dataset/layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 12

/* In the challenge's order; also the folders' names. */
static const char *const class_names[CLASSES] = {"aeroplane",  "bicycle", "bus",   "car",        "horse", "knife",
                                                 "motorcycle", "person",  "plant", "skateboard", "train", "truck"};

static const char where_images[] =
    "unpack train.tar, validation.tar and test.tar from http://csr.bu.edu/ftp/visda17/clf/ there";
static const char where_test_list[] =
    "the list with labels is "
    "https://raw.githubusercontent.com/VisionLearningGroup/taskcv-2017-public/master/classification/data/image_list.txt";

/* Cuts the label off the end of the line, if there is one; -1: none. Paths may have spaces. */
static lmvr_status cut_label(char *line, const struct lines *lines, int *label, lmvr_error *error)
{
    size_t length = strlen(line);
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
        line[--length] = '\0';
    size_t begin = length;
    while (begin > 0 && line[begin - 1] != ' ' && line[begin - 1] != '\t')
        begin--;
    *label = -1;
    if (begin == 0)
        return LMVR_OK;
    if (!lines_int(line + begin, 0, CLASSES - 1, label))
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: expected a path and a class from 0 to %d", lines->path,
                         lines->number, CLASSES - 1);
    while (begin > 0 && (line[begin - 1] == ' ' || line[begin - 1] == '\t'))
        line[--begin] = '\0';
    return LMVR_OK;
}

static lmvr_status read_line(char *line, const char *folder, enum dataset_part part, const struct lines *lines,
                             struct draft *draft, lmvr_error *error)
{
    int label;
    bool added;
    TRY(cut_label(line, lines, &label, error));
    if (!*line)
        return LMVR_OK;
    if (label < 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: has no class after the path; %s", lines->path, lines->number,
                         part == DATASET_TEST ? where_test_list : where_images);
    char *path = input_path(folder, line);
    if (!path)
        return error_no_memory(error, "a path");
    lmvr_status status = draft_add_present(draft, path, part, lines->path, &added, error);
    free(path);
    if (status == LMVR_OK && added)
        draft->tasks[0].labels.single[draft->count - 1] = label;
    return status;
}

static char *list_path(const char *root, const char *folder)
{
    char *path;
    return asprintf(&path, "%s/%s/image_list.txt", root, folder) < 0 ? NULL : path;
}

static lmvr_status read_part(const char *folder, enum dataset_part part, struct draft *draft, lmvr_error *error)
{
    struct lines lines = {0};
    char *path = list_path(draft->folder, folder);
    lmvr_status status = path ? draft_need(path, where_images, error) : error_no_memory(error, folder);
    if (status == LMVR_OK)
        status = lines_open(path, &lines, error);
    for (char *line; status == LMVR_OK && (line = lines_next(&lines));)
        status = read_line(line, folder, part, &lines, draft, error);
    lines_close(&lines);
    free(path);
    return status;
}

/* Whether there is a test list and its first line has a label. */
static lmvr_status has_labelled_test(const char *root, bool *labelled, lmvr_error *error)
{
    struct lines lines = {0};
    int label = -1;
    *labelled = false;
    char *path = list_path(root, "test");
    lmvr_status status = path ? LMVR_OK : error_no_memory(error, root);
    if (status == LMVR_OK && input_exists(path))
        status = lines_open(path, &lines, error);
    char *line = status == LMVR_OK ? lines_next(&lines) : NULL;
    if (line)
        status = cut_label(line, &lines, &label, error);
    *labelled = label >= 0;
    lines_close(&lines);
    free(path);
    return status;
}

lmvr_status visda_read(const char *path, const struct dataset_options *options, struct draft *draft, lmvr_error *error)
{
    bool labelled;
    const char *test = options->test_part;
    if (test && strcmp(test, "test") != 0 && strcmp(test, "validation") != 0)
        return error_set(error, LMVR_ERROR_INVALID, "visda has no test split '%s': expected test or validation", test);
    TRY(has_labelled_test(path, &labelled, error));
    if (!test)
        test = labelled ? "test" : "validation";
    TRY(draft_set_folder(draft, path, NULL, error));
    TRY(draft_add_task(draft, "classes", "visda", LABELS_SINGLE, class_names, CLASSES, error));
    TRY(read_part("train", DATASET_TRAIN, draft, error));
    return read_part(test, DATASET_TEST, draft, error);
}
