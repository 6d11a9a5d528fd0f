/* Matches the classes of two data sets that number them differently. */
#include "lab/dataset/dataset.h"
#include "lab/dataset/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDNET_ID 9 /* bytes: an 'n' and eight digits */

/* What identifies a class: the WordNet id at the beginning of its name, or the whole name. */
static char *identity(const char *name)
{
    size_t digits = name[0] == 'n' ? strspn(name + 1, "0123456789") : 0;
    bool has_id = digits == WORDNET_ID - 1 && (name[WORDNET_ID] == '\0' || name[WORDNET_ID] == ' ');
    return has_id ? strndup(name, WORDNET_ID) : strdup(name);
}

static lmvr_status add_identity(struct names *names, const char *class, lmvr_error *error)
{
    int64_t number;
    char *name = identity(class);
    lmvr_status status = name ? names_add(names, name, &number, error) : error_no_memory(error, "a class");
    if (status == LMVR_OK && number != names->count - 1)
        status = error_set(error, LMVR_ERROR_INVALID, "two classes are named '%.200s'", name);
    free(name);
    return status;
}

/* numbers (labels->class_count): each class's index in `known`, or -1. */
static lmvr_status look_up(const struct labels *labels, const struct names *known, int32_t *numbers, lmvr_error *error)
{
    for (int i = 0; i < labels->class_count; i++) {
        char *name = identity(labels->classes[i]);
        if (!name)
            return error_no_memory(error, "a class");
        numbers[i] = (int32_t)names_find(known, name);
        free(name);
    }
    return LMVR_OK;
}

static char **copy_classes(const struct labels *labels)
{
    char **classes = calloc((size_t)labels->class_count + 1, sizeof *classes);
    for (int i = 0; classes && i < labels->class_count; i++) {
        classes[i] = strdup(labels->classes[i]);
        if (classes[i])
            continue;
        while (i-- > 0)
            free(classes[i]);
        free((void *)classes);
        return NULL;
    }
    return classes;
}

static void renumber_single(struct dataset *set, struct labels *labels, const int32_t *numbers)
{
    for (int64_t i = 0; i < labels->rows; i++) {
        if (labels->single[i] < 0)
            continue;
        int32_t class = labels->single[i];
        labels->single[i] = numbers[class];
        if (numbers[class] < 0 && set->left_out++ == 0)
            snprintf(set->left_out_why, sizeof set->left_out_why,
                     "%.600s: has the class '%.300s', which is not among those trained on", set->paths[i],
                     labels->classes[class]);
    }
}

/* Classes missing in `labels` become difficult in every row, and so are ignored. */
static lmvr_status renumber_multi(struct labels *labels, const int32_t *numbers, int class_count, lmvr_error *error)
{
    size_t size;
    if (__builtin_mul_overflow((size_t)labels->rows, (size_t)class_count, &size))
        return error_no_memory(error, "the labels");
    int8_t *multi = calloc(size + 1, 1);
    if (!multi)
        return error_no_memory(error, "the labels");
    for (int64_t i = 0; i < labels->rows; i++)
        for (int c = 0; c < labels->class_count; c++)
            if (numbers[c] >= 0)
                multi[i * class_count + numbers[c]] = labels->multi[i * labels->class_count + c];
    free(labels->multi);
    labels->multi = multi;
    return LMVR_OK;
}

static lmvr_status renumber(struct dataset *set, struct labels *labels, const struct labels *like, const int32_t *numbers,
                            lmvr_error *error)
{
    char **classes = copy_classes(like);
    if (!classes)
        return error_no_memory(error, "the classes");
    lmvr_status status = LMVR_OK;
    if (labels->kind == LABELS_SINGLE)
        renumber_single(set, labels, numbers);
    else
        status = renumber_multi(labels, numbers, like->class_count, error);
    char **old = status == LMVR_OK ? labels->classes : classes;
    int old_count = status == LMVR_OK ? labels->class_count : like->class_count;
    for (int i = 0; i < old_count; i++)
        free(old[i]);
    free((void *)old);
    if (status == LMVR_OK) {
        labels->classes = classes;
        labels->class_count = like->class_count;
    }
    return status;
}

static lmvr_status match_task(struct dataset *set, struct labels *labels, const struct labels *like, lmvr_error *error)
{
    struct names known = {0};
    lmvr_status status = LMVR_OK;
    int32_t *numbers = malloc(((size_t)labels->class_count + 1) * sizeof *numbers);
    if (!numbers)
        return error_no_memory(error, "the classes");
    for (int i = 0; i < like->class_count && status == LMVR_OK; i++)
        status = add_identity(&known, like->classes[i], error);
    if (status == LMVR_OK)
        status = look_up(labels, &known, numbers, error);
    if (status == LMVR_OK)
        status = renumber(set, labels, like, numbers, error);
    names_finish(&known);
    free(numbers);
    return status;
}

lmvr_status dataset_match_classes(struct dataset *set, const struct dataset *like, lmvr_error *error)
{
    if (set->task_count != like->task_count)
        return error_set(error, LMVR_ERROR_INVALID, "%s has %d tasks and %s has %d, so their classes cannot be matched",
                         set->name, set->task_count, like->name, like->task_count);
    for (int i = 0; i < set->task_count; i++) {
        if (set->tasks[i].labels.kind != like->tasks[i].labels.kind)
            return error_set(error, LMVR_ERROR_INVALID, "one of %s and %s is single-label, the other multi-label", set->name,
                             like->name);
        TRY(match_task(set, &set->tasks[i].labels, &like->tasks[i].labels, error));
    }
    return LMVR_OK;
}
