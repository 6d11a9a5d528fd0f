#include "lab/dataset/dataset.h"
#include "lab/dataset/split.h"

#include <stdlib.h>
#include <string.h>

/* test (count): whether each image is in the test split. */
static lmvr_status choose(const struct dataset *set, uint64_t seed, bool *test, lmvr_error *error)
{
    size_t count = (size_t)set->count;
    const struct labels *labels = &set->tasks[0].labels;
    int32_t *strata = calloc(count + 1, sizeof *strata);
    uint64_t *keys = calloc(count + 1, sizeof *keys);
    lmvr_status status = strata && keys ? LMVR_OK : error_no_memory(error, "the split");
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        strata[i] = labels->kind == LABELS_SINGLE ? labels->single[i] : 0;
        keys[i] = split_path_key(seed, set->paths[i]);
        test[i] = set->parts[i] == DATASET_TEST;
    }
    if (status == LMVR_OK)
        status = split_choose(set->count, strata, keys, SPLIT_AS_MANY, test, error);
    free(strata);
    free(keys);
    return status;
}

static lmvr_status take_images(const struct dataset *set, const int64_t *order, struct dataset *again, lmvr_error *error)
{
    for (int64_t i = 0; i < set->count; i++) {
        again->paths[i] = strdup(set->paths[order[i]]);
        again->parts[i] = i < again->train_count ? DATASET_TRAIN : DATASET_TEST;
        if (!again->paths[i])
            return error_no_memory(error, "the split");
    }
    for (int t = 0; t < set->task_count; t++) {
        const struct dataset_task *from = &set->tasks[t];
        struct dataset_task *to = &again->tasks[again->task_count++];
        to->name = strdup(from->name);
        to->group = strdup(from->group);
        if (!to->name || !to->group)
            return error_no_memory(error, "the split");
        TRY(labels_select(&from->labels, order, set->count, &to->labels, error));
    }
    return LMVR_OK;
}

lmvr_status dataset_split_again(const struct dataset *set, uint64_t seed, struct dataset *again, int64_t **order,
                                lmvr_error *error)
{
    size_t count = (size_t)set->count;
    int64_t placed = 0;
    bool *test = calloc(count + 1, sizeof *test);
    *order = calloc(count + 1, sizeof **order);
    *again = (struct dataset){.name = strdup(set->name),
                              .count = set->count,
                              .train_count = set->train_count,
                              .paths = calloc(count + 1, sizeof *again->paths),
                              .parts = calloc(count + 1, sizeof *again->parts),
                              .tasks = calloc((size_t)set->task_count + 1, sizeof *again->tasks),
                              .split_by_seed = true,
                              .fingerprint = set->fingerprint};
    bool good = test && *order && again->name && again->paths && again->parts && again->tasks;
    lmvr_status status = good ? choose(set, seed, test, error) : error_no_memory(error, "the split");
    for (int part = 0; part < 2 && status == LMVR_OK; part++)
        for (int64_t i = 0; i < set->count; i++)
            if (test[i] == (part == 1))
                (*order)[placed++] = i;
    if (status == LMVR_OK)
        status = take_images(set, *order, again, error);
    free(test);
    if (status == LMVR_OK)
        return LMVR_OK;
    dataset_finish(again);
    free(*order);
    *order = NULL;
    return status;
}
