#include "lab/dataset/inputs.h"

#include "error.h"
#include "lab/dataset/input_list.h"

#include <stdlib.h>
#include <string.h>

static lmvr_status take_all(struct inputs *inputs, struct input_list *list, lmvr_error *error)
{
    bool found;
    struct input input;
    inputs->paths = calloc(list->count + 1, sizeof *inputs->paths);
    inputs->below = calloc(list->count + 1, sizeof *inputs->below);
    while (inputs->paths && inputs->below) {
        TRY(input_list_next(list, &input, &found, error));
        if (!found)
            return LMVR_OK;
        if (input.tar)
            return error_set(error, LMVR_ERROR_INVALID, "%s: a tar is read by lmvr embed and lmvr describe only", input.path);
        char *path = strdup(input.path);
        if (!path)
            break;
        inputs->below[inputs->count] = input.below;
        inputs->paths[inputs->count++] = path;
    }
    return error_no_memory(error, "the list of inputs");
}

lmvr_status inputs_collect(char *const *arguments, size_t count, struct inputs *inputs, lmvr_error *error)
{
    struct input_list list;
    *inputs = (struct inputs){0};
    TRY(input_list_open(arguments, count, 0, &list, error));
    lmvr_status status = take_all(inputs, &list, error);
    inputs->passed_over = list.passed_over;
    list.passed_over = (struct passed_over){0};
    input_list_close(&list);
    if (status != LMVR_OK)
        inputs_finish(inputs);
    return status;
}

void inputs_finish(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        free(inputs->paths[i]);
    free(inputs->paths);
    free(inputs->below);
    passed_over_finish(&inputs->passed_over);
    *inputs = (struct inputs){0};
}
