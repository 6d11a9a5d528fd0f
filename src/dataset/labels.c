#include "dataset/labels.h"

#include <stdlib.h>

void labels_finish(struct labels *labels)
{
    for (int i = 0; labels->classes && i < labels->class_count; i++)
        free(labels->classes[i]);
    free(labels->classes);
    free(labels->single);
    free(labels->multi);
    *labels = (struct labels){0};
}
