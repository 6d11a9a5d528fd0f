/* ImageNet (ILSVRC2012): train/CLASS/ and val/CLASS/, as in PyTorch's examples. */
#include "format/input.h"
#include "format/lines.h"
#include "lab/dataset/class_folders.h"
#include "lab/dataset/imagenet.h"
#include "lab/dataset/layouts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char where[] = "ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar come from "
                            "https://image-net.org/challenges/LSVRC/2012/; train/ and val/ must have a folder per class";
static const char where_sorted[] =
    "https://raw.githubusercontent.com/soumith/imagenetloader.torch/master/valprep.sh, run in it, sorts them into folders";

/* ---- readable class names ---- */

/* titles (folders->count): names for those folders that the file lists, each to be freed. */
static lmvr_status read_titles(const char *path, const struct names *folders, char **titles, lmvr_error *error)
{
    struct lines lines;
    lmvr_status status = LMVR_OK;
    TRY(lines_open(path, &lines, error));
    for (char *line; status == LMVR_OK && (line = lines_next(&lines));) {
        const char *id = lines_word(&line);
        if (!id)
            continue;
        if (!*line)
            status = error_set(error, LMVR_ERROR_INVALID, "%s: line %zu: expected a WordNet id and a name", path, lines.number);
        int64_t folder = status == LMVR_OK ? names_find(folders, id) : -1;
        if (folder < 0 || titles[folder])
            continue;
        line[strcspn(line, ",")] = '\0';
        if (asprintf(&titles[folder], "%s %s", id, line) < 0) {
            titles[folder] = NULL;
            status = error_no_memory(error, path);
        }
    }
    lines_close(&lines);
    return status;
}

/* Takes the names from the first root that has the file. */
static lmvr_status find_titles(const struct names *folders, const char *const *roots, int root_count, char **titles,
                               lmvr_error *error)
{
    for (int i = 0; i < root_count; i++) {
        char *path = input_path(roots[i], "LOC_synset_mapping.txt");
        if (!path)
            return error_no_memory(error, roots[i]);
        bool found = input_exists(path);
        lmvr_status status = found ? read_titles(path, folders, titles, error) : LMVR_OK;
        free(path);
        if (found)
            return status;
    }
    return LMVR_OK;
}

lmvr_status imagenet_add_task(struct draft *draft, const char *group, const struct names *folders, const char *const *roots,
                              int root_count, lmvr_error *error)
{
    size_t count = (size_t)folders->count;
    char **titles = calloc(count + 1, sizeof *titles);
    const char **classes = calloc(count + 1, sizeof *classes);
    lmvr_status status = titles && classes ? LMVR_OK : error_no_memory(error, "the classes");
    if (status == LMVR_OK)
        status = find_titles(folders, roots, root_count, titles, error);
    for (size_t i = 0; i < count && status == LMVR_OK; i++)
        classes[i] = titles[i] ? titles[i] : names_get(folders, (int64_t)i);
    if (status == LMVR_OK)
        status = draft_add_task(draft, "classes", group, LABELS_SINGLE, classes, (int)count, error);
    for (size_t i = 0; titles && i < count; i++)
        free(titles[i]);
    free((void *)titles);
    free((void *)classes);
    return status;
}

/* ---- the images ---- */

/* The given folder has train/ and val/, or is the one that Kaggle's archive was unpacked in. */
static lmvr_status find_folder(const char *path, struct draft *draft, lmvr_error *error)
{
    static const char *const below[] = {"ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", NULL};
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
        TRY(draft_set_folder(draft, path, below[i], error));
        if (input_exists(draft->folder))
            return LMVR_OK;
    }
    return LMVR_OK;
}

static lmvr_status find_classes(const struct draft *draft, const char *folder, struct names *classes, lmvr_error *error)
{
    struct names found = {0};
    int64_t images, number;
    char *path = input_path(draft->folder, folder);
    lmvr_status status = path ? draft_need(path, where, error) : error_no_memory(error, folder);
    if (status == LMVR_OK)
        status = class_folders_find(draft->folder, folder, &found, &images, error);
    if (status == LMVR_OK && found.count == 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has %lld images but no class folders; %s", path, (long long)images,
                           images > 0 ? where_sorted : where);
    for (int64_t i = 0; i < found.count && status == LMVR_OK; i++)
        status = names_add(classes, names_get(&found, i), &number, error);
    names_finish(&found);
    free(path);
    return status;
}

static lmvr_status read_folders(const char *path, struct names *classes, struct draft *draft, lmvr_error *error)
{
    TRY(find_folder(path, draft, error));
    TRY(find_classes(draft, "train", classes, error));
    TRY(find_classes(draft, "val", classes, error));
    TRY(names_sort(classes, error));
    const char *roots[] = {path, draft->folder};
    TRY(imagenet_add_task(draft, "imagenet", classes, roots, 2, error));
    TRY(class_folders_add(draft, "train", DATASET_TRAIN, classes, error));
    return class_folders_add(draft, "val", DATASET_TEST, classes, error);
}

lmvr_status imagenet_read(const char *path, const struct dataset_options *options, struct draft *draft, lmvr_error *error)
{
    (void)options;
    struct names classes = {0};
    lmvr_status status = read_folders(path, &classes, draft, error);
    names_finish(&classes);
    return status;
}
