#include "format/hash.h"
#include "format/input.h"
#include "format/utf8.h"
#include "lab/dataset/layouts.h"
#include "lab/dataset/split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char dataset_names[] = "voc2007, coco, visda, imagenet, imagenet-c, deepfashion, folder, csv";

struct layout {
    const char *name;
    layout_read *read;
    bool test_only;  /* has no training images */
    bool named_test; /* takes options.test_part */
    const char *where;
};

static const struct layout layouts[] = {
    {"voc2007", voc2007_read, false, false, "VOC2007 comes from http://host.robots.ox.ac.uk/pascal/VOC/voc2007/"},
    {"coco", coco_read, false, true, "COCO comes from https://cocodataset.org/#download"},
    {"visda", visda_read, false, true,
     "VisDA-2017 comes from https://github.com/VisionLearningGroup/taskcv-2017-public/tree/master/classification"},
    {"imagenet", imagenet_read, false, false, "ImageNet comes from https://image-net.org/challenges/LSVRC/2012/"},
    {"imagenet-c", imagenet_c_read, true, true, "ImageNet-C comes from https://zenodo.org/record/2235448"},
    {"deepfashion", deepfashion_read, false, false,
     "DeepFashion-MultiModal comes from https://github.com/yumingj/DeepFashion-MultiModal"},
    {"folder", folder_read, false, true, "it must have a folder of images per class, optionally inside train/ and test/"},
    {"csv", csv_read, false, false, "it must be a CSV file with the columns path, part, and label or one per class"},
};

static lmvr_status find_layout(const char *name, const struct layout **found, lmvr_error *error)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        *found = &layouts[i];
        if (strcmp(layouts[i].name, name) == 0)
            return LMVR_OK;
    }
    return error_set(error, LMVR_ERROR_INVALID, "there is no data set '%s': expected one of %s", name, dataset_names);
}

/* ---- from the draft's rows to images ---- */

/* Chooses the rows of at most `limit` images per split. */
static lmvr_status choose(const struct draft *draft, const struct dataset_options *options, bool *chosen, lmvr_error *error)
{
    size_t count = (size_t)draft->count;
    int32_t *strata = malloc((count + 1) * sizeof *strata);
    uint64_t *keys = calloc(count + 1, sizeof *keys);
    lmvr_status status = strata && keys ? LMVR_OK : error_no_memory(error, "the list of images");
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        strata[i] = (int32_t)draft->parts[i];
        keys[i] = split_path_key(options->seed, draft->paths[i]);
    }
    if (status == LMVR_OK)
        status = split_choose(draft->count, strata, keys, options->limit, chosen, error);
    free(strata);
    free(keys);
    return status;
}

/* *rows: the chosen rows, training images first, set->count of them; to be freed. */
static lmvr_status put_in_order(const struct draft *draft, const struct dataset_options *options, struct dataset *set,
                                int64_t **rows, lmvr_error *error)
{
    size_t count = (size_t)draft->count;
    bool *chosen = malloc(count + 1);
    *rows = malloc((count + 1) * sizeof **rows);
    lmvr_status status = chosen && *rows ? LMVR_OK : error_no_memory(error, "the list of images");
    if (status == LMVR_OK && options->limit > 0)
        status = choose(draft, options, chosen, error);
    else if (status == LMVR_OK)
        memset(chosen, true, count);
    for (int part = DATASET_TRAIN; part <= DATASET_TEST && status == LMVR_OK; part++) {
        for (size_t i = 0; i < count; i++)
            if (chosen[i] && (int)draft->parts[i] == part)
                (*rows)[set->count++] = (int64_t)i;
        if (part == DATASET_TRAIN)
            set->train_count = set->count;
    }
    free(chosen);
    return status;
}

static lmvr_status take_paths(struct draft *draft, const int64_t *rows, struct dataset *set, lmvr_error *error)
{
    set->paths = calloc((size_t)set->count + 1, sizeof *set->paths);
    set->parts = calloc((size_t)set->count + 1, sizeof *set->parts);
    if (!set->paths || !set->parts)
        return error_no_memory(error, "the list of images");
    for (int64_t i = 0; i < set->count; i++) {
        const char *path = draft->paths[rows[i]];
        set->fingerprint = hash_bytes(set->fingerprint, path, strlen(path) + 1);
        set->parts[i] = draft->parts[rows[i]];
        set->paths[i] = path[0] == '/' ? strdup(path) : input_path(draft->folder, path);
        if (!set->paths[i])
            return error_no_memory(error, "the list of images");
        free(draft->paths[rows[i]]);
        draft->paths[rows[i]] = NULL;
    }
    return LMVR_OK;
}

/* Moves the labels to new arrays, in the order of `rows`. */
static lmvr_status take_labels(const int64_t *rows, int64_t count, struct labels *labels, lmvr_error *error)
{
    bool is_single = labels->kind == LABELS_SINGLE;
    size_t unit = is_single ? sizeof *labels->single : (size_t)labels->class_count;
    const char *from = is_single ? (const char *)labels->single : (const char *)labels->multi;
    char *to = malloc((size_t)count * unit + 1);
    if (!to)
        return error_no_memory(error, "the labels");
    for (int64_t i = 0; i < count; i++)
        memcpy(to + (size_t)i * unit, from + (size_t)rows[i] * unit, unit);
    free(is_single ? (void *)labels->single : (void *)labels->multi);
    if (is_single)
        labels->single = (int32_t *)(void *)to;
    else
        labels->multi = (int8_t *)to;
    labels->rows = count;
    return LMVR_OK;
}

static void hash_task(const struct dataset_task *task, uint64_t *hash)
{
    const struct labels *labels = &task->labels;
    size_t rows = (size_t)labels->rows;
    *hash = hash_bytes(*hash, task->name, strlen(task->name) + 1);
    for (int i = 0; i < labels->class_count; i++)
        *hash = hash_bytes(*hash, labels->classes[i], strlen(labels->classes[i]) + 1);
    if (labels->kind == LABELS_SINGLE)
        *hash = hash_bytes(*hash, labels->single, rows * sizeof *labels->single);
    else
        *hash = hash_bytes(*hash, labels->multi, rows * (size_t)labels->class_count);
}

static lmvr_status say_passed_over(struct draft *draft, struct dataset *set, lmvr_error *error)
{
    char line[PASSED_OVER_LINE];
    if (passed_over_count(&draft->passed_over) == 0)
        return LMVR_OK;
    TRY(passed_over_note_folder(&draft->passed_over, draft->folder, error));
    passed_over_format(&draft->passed_over, line, sizeof line);
    set->passed_over = utf8_clean(line);
    return set->passed_over ? LMVR_OK : error_no_memory(error, "the data set");
}

/* Turns the draft into the data set. */
static lmvr_status take(struct draft *draft, const struct dataset_options *options, struct dataset *set, lmvr_error *error)
{
    int64_t *rows;
    TRY(say_passed_over(draft, set, error));
    set->fingerprint = HASH_START;
    set->split_by_seed = draft->split_by_seed;
    set->left_out = draft->left_out;
    memcpy(set->left_out_why, draft->left_out_why, sizeof set->left_out_why);
    lmvr_status status = put_in_order(draft, options, set, &rows, error);
    if (status == LMVR_OK)
        status = take_paths(draft, rows, set, error);
    for (int i = 0; i < draft->task_count && status == LMVR_OK; i++)
        status = take_labels(rows, set->count, &draft->tasks[i].labels, error);
    free(rows);
    if (status != LMVR_OK)
        return status;
    set->fingerprint = hash_bytes(set->fingerprint, &set->train_count, sizeof set->train_count);
    for (int i = 0; i < draft->task_count; i++)
        hash_task(&draft->tasks[i], &set->fingerprint);
    set->tasks = draft->tasks;
    set->task_count = draft->task_count;
    draft->tasks = NULL;
    draft->task_count = 0;
    return LMVR_OK;
}

/* ---- opening ---- */

static lmvr_status check_parts(const struct layout *layout, const char *path, const struct dataset *set, lmvr_error *error)
{
    bool no_train = set->train_count == 0 && !layout->test_only;
    if (!no_train && set->count > set->train_count)
        return LMVR_OK;
    if (set->left_out > 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no image to %s: %lld could not be used; %.300s; %s", path,
                         no_train ? "train on" : "test on", (long long)set->left_out, set->left_out_why, layout->where);
    return error_set(error, LMVR_ERROR_INVALID, "%s: has no image to %s; %s%s%s%s", path, no_train ? "train on" : "test on",
                     set->passed_over ? "passed over in " : "", set->passed_over ? set->passed_over : "",
                     set->passed_over ? "; " : "", layout->where);
}

static lmvr_status open_layout(const struct layout *layout, const char *path, const struct dataset_options *options,
                               struct draft *draft, struct dataset *set, lmvr_error *error)
{
    if (options->test_part && !layout->named_test)
        return error_set(error, LMVR_ERROR_INVALID, "%s has only one test split, so '%s' cannot be chosen", layout->name,
                         options->test_part);
    TRY(draft_need(path, layout->where, error));
    TRY(layout->read(path, options, draft, error));
    set->name = strdup(layout->name);
    if (!set->name)
        return error_no_memory(error, "the data set");
    TRY(take(draft, options, set, error));
    return check_parts(layout, path, set, error);
}

lmvr_status dataset_open(const char *name, const char *path, const struct dataset_options *options, struct dataset *set,
                         lmvr_error *error)
{
    static const struct dataset_options usual;
    const struct layout *layout;
    struct draft draft = {0};
    *set = (struct dataset){0};
    TRY(find_layout(name, &layout, error));
    lmvr_status status = open_layout(layout, path, options ? options : &usual, &draft, set, error);
    draft_finish(&draft);
    if (status != LMVR_OK)
        dataset_finish(set);
    return status;
}

void dataset_finish(struct dataset *set)
{
    free(set->name);
    free(set->passed_over);
    for (int64_t i = 0; set->paths && i < set->count; i++)
        free(set->paths[i]);
    free(set->paths);
    free(set->parts);
    for (int i = 0; i < set->task_count; i++) {
        free(set->tasks[i].name);
        free(set->tasks[i].group);
        labels_finish(&set->tasks[i].labels);
    }
    free(set->tasks);
    *set = (struct dataset){0};
}
