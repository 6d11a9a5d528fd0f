#include "lab/dataset/draft.h"

#include "format/input.h"
#include "format/utf8.h"
#include "lab/dataset/split.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static lmvr_status no_memory(lmvr_error *error)
{
    return error_no_memory(error, "the list of images");
}

lmvr_status draft_set_folder(struct draft *draft, const char *root, const char *name, lmvr_error *error)
{
    char *folder = name ? input_path(root, name) : strdup(root);
    if (!folder)
        return no_memory(error);
    free(draft->folder);
    draft->folder = folder;
    return LMVR_OK;
}

/* ---- tasks ---- */

lmvr_status draft_add_task(struct draft *draft, const char *name, const char *group, enum labels_kind kind,
                           const char *const *classes, int class_count, lmvr_error *error)
{
    struct dataset_task *tasks = realloc(draft->tasks, ((size_t)draft->task_count + 1) * sizeof *tasks);
    if (!tasks)
        return no_memory(error);
    draft->tasks = tasks;
    struct dataset_task *task = &tasks[draft->task_count++];
    *task = (struct dataset_task){.name = strdup(name), .group = strdup(group), .labels.kind = kind};
    task->labels.classes = calloc((size_t)class_count + 1, sizeof(char *));
    if (!task->name || !task->group || !task->labels.classes)
        return no_memory(error);
    task->labels.class_count = class_count;
    for (int i = 0; i < class_count; i++) {
        task->labels.classes[i] = utf8_clean(classes[i]);
        if (!task->labels.classes[i])
            return no_memory(error);
    }
    return LMVR_OK;
}

lmvr_status draft_add_named_task(struct draft *draft, const char *name, const char *group, enum labels_kind kind,
                                 const struct names *classes, lmvr_error *error)
{
    const char **list = malloc(((size_t)classes->count + 1) * sizeof *list);
    if (!list)
        return no_memory(error);
    for (int64_t i = 0; i < classes->count; i++)
        list[i] = names_get(classes, i);
    lmvr_status status = draft_add_task(draft, name, group, kind, list, (int)classes->count, error);
    free(list);
    return status;
}

/* ---- rows ---- */

static lmvr_status grow_labels(struct labels *labels, int64_t space, lmvr_error *error)
{
    size_t size, unit = labels->kind == LABELS_SINGLE ? sizeof *labels->single : (size_t)labels->class_count;
    if (__builtin_mul_overflow((size_t)space, unit, &size))
        return no_memory(error);
    void *values = labels->kind == LABELS_SINGLE ? (void *)labels->single : (void *)labels->multi;
    void *grown = realloc(values, size + 1);
    if (!grown)
        return no_memory(error);
    if (labels->kind == LABELS_SINGLE)
        labels->single = grown;
    else
        labels->multi = grown;
    return LMVR_OK;
}

static lmvr_status grow(struct draft *draft, lmvr_error *error)
{
    int64_t space = draft->space ? draft->space * 2 : 256;
    char **paths = realloc(draft->paths, (size_t)space * sizeof *paths);
    draft->paths = paths ? paths : draft->paths;
    enum dataset_part *parts = realloc(draft->parts, (size_t)space * sizeof *parts);
    draft->parts = parts ? parts : draft->parts;
    if (!paths || !parts)
        return no_memory(error);
    for (int i = 0; i < draft->task_count; i++)
        TRY(grow_labels(&draft->tasks[i].labels, space, error));
    draft->space = space;
    return LMVR_OK;
}

int8_t *draft_row(const struct draft *draft, int task, int64_t row)
{
    const struct labels *labels = &draft->tasks[task].labels;
    return labels->multi + row * labels->class_count;
}

lmvr_status draft_add(struct draft *draft, const char *path, enum dataset_part part, lmvr_error *error)
{
    if (draft->count == draft->space)
        TRY(grow(draft, error));
    int64_t row = draft->count;
    draft->paths[row] = strdup(path);
    if (!draft->paths[row])
        return no_memory(error);
    draft->parts[row] = part;
    for (int i = 0; i < draft->task_count; i++) {
        struct labels *labels = &draft->tasks[i].labels;
        if (labels->kind == LABELS_SINGLE)
            labels->single[row] = -1;
        else
            memset(draft_row(draft, i, row), -1, (size_t)labels->class_count);
    }
    draft->count++;
    return LMVR_OK;
}

lmvr_status draft_add_present(struct draft *draft, const char *path, enum dataset_part part, const char *who, bool *added,
                              lmvr_error *error)
{
    char *whole = path[0] == '/' ? strdup(path) : input_path(draft->folder, path);
    if (!whole)
        return no_memory(error);
    lmvr_status status = present_ask(&draft->present, whole, added, error);
    if (status == LMVR_OK && !*added)
        draft_leave_out(draft, "%s: there is no %s", who, whole);
    free(whole);
    return status == LMVR_OK && *added ? draft_add(draft, path, part, error) : status;
}

void draft_leave_out(struct draft *draft, const char *format, ...)
{
    lmvr_error sentence;
    char text[sizeof sentence.message];
    if (draft->left_out++ > 0)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_write(&sentence, "%s", text);
    snprintf(draft->left_out_why, sizeof draft->left_out_why, "%s", sentence.message);
}

lmvr_status draft_split(struct draft *draft, uint64_t seed, lmvr_error *error)
{
    size_t count = (size_t)draft->count;
    const int32_t *classes = draft->task_count > 0 ? draft->tasks[0].labels.single : NULL; /* NULL if it is multi-label */
    int32_t *strata = calloc(count + 1, sizeof *strata);
    uint64_t *keys = calloc(count + 1, sizeof *keys);
    bool *chosen = malloc(count + 1);
    lmvr_status status = strata && keys && chosen ? LMVR_OK : no_memory(error);
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        strata[i] = classes ? classes[i] : 0;
        keys[i] = split_path_key(seed, draft->paths[i]);
    }
    if (status == LMVR_OK)
        status = split_choose(draft->count, strata, keys, SPLIT_A_FIFTH, chosen, error);
    for (size_t i = 0; i < count && status == LMVR_OK; i++)
        draft->parts[i] = chosen[i] ? DATASET_TEST : DATASET_TRAIN;
    draft->split_by_seed = true;
    free(strata);
    free(keys);
    free(chosen);
    return status;
}

lmvr_status draft_need(const char *path, const char *where, lmvr_error *error)
{
    if (input_exists(path))
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s is missing; %s", path, where);
}

void draft_finish(struct draft *draft)
{
    free(draft->folder);
    for (int64_t i = 0; i < draft->count; i++)
        free(draft->paths[i]);
    free(draft->paths);
    free(draft->parts);
    for (int i = 0; i < draft->task_count; i++) {
        free(draft->tasks[i].name);
        free(draft->tasks[i].group);
        labels_finish(&draft->tasks[i].labels);
    }
    free(draft->tasks);
    present_finish(&draft->present);
    passed_over_finish(&draft->passed_over);
    *draft = (struct draft){0};
}
