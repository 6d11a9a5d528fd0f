#include "train/head.h"

#include "format/file.h"
#include "format/input.h"
#include "format/safetensors.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME "head.safetensors"

static json_t *task_json(const struct dataset_task *task)
{
    const struct labels *labels = &task->labels;
    json_t *classes = json_array();
    for (int c = 0; c < labels->class_count; c++)
        json_array_append_new(classes, json_string(labels->classes[c]));
    return json_pack("{s:s, s:s, s:o}", "name", task->name, "kind", labels->kind == LABELS_SINGLE ? "single" : "multi",
                     "classes", classes);
}

char *head_tasks(const struct dataset *set)
{
    json_t *tasks = json_array();
    for (int t = 0; t < set->task_count; t++)
        json_array_append_new(tasks, task_json(&set->tasks[t]));
    char *text = json_array_size(tasks) == (size_t)set->task_count ? json_dumps(tasks, JSON_COMPACT) : NULL;
    json_decref(tasks);
    return text;
}

lmvr_status head_write(const struct net_linear *head, const struct head_about *about, const char *folder, lmvr_error *error)
{
    const char *const metadata[] = {"format",  "lmvr-head",
                                    "version", "1",
                                    "dataset", about->dataset,
                                    "tasks",   about->tasks,
                                    "output",  about->single_label ? "softmax" : "sigmoid",
                                    "feature", "llm:all:mean:-1 before generation",
                                    "prompt",  about->prompt,
                                    NULL};
    const struct parameter *weight = head->weight, *bias = head->bias;
    struct safetensors_write tensors[] = {
        {.name = "score.weight", .dtype = ST_F32, .dims = 2, .shape = {weight->rows, weight->columns}},
        {.name = "score.bias", .dtype = ST_F32, .dims = 1, .shape = {weight->rows}},
    };
    parameter_describe(weight, weight->value, &tensors[0]);
    parameter_describe(bias, bias->value, &tensors[1]);
    char *path = input_path(folder, NAME);
    lmvr_status status = path ? safetensors_write(path, tensors, 2, metadata, error) : error_no_memory(error, NAME);
    free(path);
    return status;
}

lmvr_status head_remove(const char *folder, lmvr_error *error)
{
    char *path = input_path(folder, NAME);
    if (!path)
        return error_no_memory(error, NAME);
    lmvr_status status = unlink(path) == 0 || errno == ENOENT ? LMVR_OK : file_error(error, path, "remove");
    free(path);
    return status;
}
