#include "lab/dataset/labels.h"

#include <stdlib.h>
#include <string.h>

void labels_finish(struct labels *labels)
{
    for (int i = 0; labels->classes && i < labels->class_count; i++)
        free(labels->classes[i]);
    free(labels->classes);
    free(labels->single);
    free(labels->multi);
    *labels = (struct labels){0};
}

static bool copy_names(const struct labels *labels, struct labels *selected)
{
    selected->classes = calloc((size_t)labels->class_count + 1, sizeof *selected->classes);
    if (!selected->classes)
        return false;
    for (int i = 0; i < labels->class_count; i++) {
        selected->class_count = i + 1;
        if (!(selected->classes[i] = strdup(labels->classes[i])))
            return false;
    }
    return true;
}

static bool copy_rows(const struct labels *labels, const int64_t *rows, int64_t count, struct labels *selected)
{
    size_t width = (size_t)labels->class_count;
    if (labels->kind == LABELS_SINGLE) {
        selected->single = calloc((size_t)count + 1, sizeof *selected->single);
        for (int64_t i = 0; selected->single && i < count; i++)
            selected->single[i] = labels->single[rows[i]];
        return selected->single;
    }
    selected->multi = calloc((size_t)count + 1, width + 1);
    for (int64_t i = 0; selected->multi && i < count; i++)
        memcpy(selected->multi + (size_t)i * width, labels->multi + (size_t)rows[i] * width, width);
    return selected->multi;
}

lmvr_status labels_select(const struct labels *labels, const int64_t *rows, int64_t count, struct labels *selected,
                          lmvr_error *error)
{
    *selected = (struct labels){.kind = labels->kind, .rows = count};
    if (copy_names(labels, selected) && copy_rows(labels, rows, count, selected))
        return LMVR_OK;
    labels_finish(selected);
    return error_no_memory(error, "the labels");
}
