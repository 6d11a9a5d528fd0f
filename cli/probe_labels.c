#include "probe_labels.h"

#include "error.h"
#include "hints.h"
#include "lab/dataset/labels_index.h"

#include <stdlib.h>
#include <string.h>

static lmvr_status find_task(const struct options *o, const struct dataset *set, const struct dataset_task **task,
                             lmvr_error *error)
{
    *task = &set->tasks[0];
    if (!o->task && set->task_count == 1)
        return LMVR_OK;
    if (!o->task)
        return error_set(error, LMVR_ERROR_INVALID, "%s has %d tasks: --task has to name one, such as \"%s\"", o->dataset,
                         set->task_count, set->tasks[0].name);
    for (int t = 0; t < set->task_count; t++) {
        *task = &set->tasks[t];
        if (strcmp(set->tasks[t].name, o->task) == 0)
            return LMVR_OK;
    }
    return error_set(error, LMVR_ERROR_INVALID, "%s has no task \"%s\"; one is \"%s\"", o->dataset, o->task,
                     set->tasks[0].name);
}

/* The labels of a split's images, in order. */
static lmvr_status take_part(const struct labels *all, int64_t first, int64_t count, struct labels *labels, lmvr_error *error)
{
    int64_t *rows = calloc((size_t)count + 1, sizeof *rows);
    if (!rows)
        return error_no_memory(error, "the labels");
    for (int64_t i = 0; i < count; i++)
        rows[i] = first + i;
    lmvr_status status = labels_select(all, rows, count, labels, error);
    free(rows);
    return status;
}

static lmvr_status join_part(const struct options *o, const struct dataset *set, enum dataset_part part, struct labels *labels,
                             struct labels_join *join, lmvr_error *error)
{
    const struct dataset_task *task;
    struct labels own;
    int64_t first = part == DATASET_TRAIN ? 0 : set->train_count;
    int64_t count = part == DATASET_TRAIN ? set->train_count : set->count - set->train_count;
    TRY(find_task(o, set, &task, error));
    if (count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s has no training images", o->dataset);
    TRY(take_part(&task->labels, first, count, &own, error));
    lmvr_status status = labels_join_index(&own, set->paths + first, o->data, o->index, labels, join, error);
    labels_finish(&own);
    return status;
}

static lmvr_status read_set(const struct options *o, enum dataset_part part, struct labels *labels, struct labels_join *join,
                            lmvr_error *error)
{
    struct dataset_options options = {.seed = o->session.seed, .test_part = o->test_part};
    struct dataset set;
    if (o->labels)
        return error_set(error, LMVR_ERROR_INVALID, "--labels and --dataset cannot be combined");
    if (!o->data)
        return error_set(error, LMVR_ERROR_INVALID, "no data: --data has to name the folder of %s", o->dataset);
    if (!o->index)
        return error_set(error, LMVR_ERROR_INVALID, "no index: --index has to name the index.jsonl of the features");
    TRY(dataset_open(o->dataset, o->data, &options, &set, error));
    hint_passed_over_in_set(set.passed_over, o->quiet);
    lmvr_status status = join_part(o, &set, part, labels, join, error);
    dataset_finish(&set);
    return status;
}

lmvr_status probe_labels_read(const struct options *o, enum dataset_part part, struct labels *labels, struct labels_join *join,
                              const char **name, lmvr_error *error)
{
    *name = o->dataset ? o->data : o->labels;
    if (o->dataset)
        return read_set(o, part, labels, join, error);
    if (!o->labels)
        return error_set(error, LMVR_ERROR_INVALID, "no labels: --labels has to name a CSV file, or --dataset a data set");
    return o->index ? labels_csv_join(o->labels, o->index, labels, join, error) : labels_csv_read(o->labels, labels, error);
}
