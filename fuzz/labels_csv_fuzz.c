/* Bytes as a CSV file of labels, read line by line and joined with an index; what is read must be consistent. */
#include "lab/dataset/labels_csv.h"
#include "memory_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const struct labels *labels)
{
    size_t names = 0;
    if (labels->rows < 1 || labels->class_count < 1)
        abort();
    for (int k = 0; k < labels->class_count; k++)
        names += strlen(labels->classes[k]);
    for (int64_t i = 0; i < labels->rows; i++) {
        if (labels->single && (labels->single[i] < 0 || labels->single[i] >= labels->class_count))
            abort();
        for (int k = 0; k < labels->class_count && labels->multi; k++)
            if (labels->multi[i * labels->class_count + k] < -1 || labels->multi[i * labels->class_count + k] > 1)
                abort();
    }
    if (names == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char index[] =
        "{\"path\": \"a\", \"row\": 0}\n{\"path\": \"b\", \"row\": null}\n{\"path\": \"c\", \"row\": 1}\n";
    char path[MEMORY_FILE_PATH], index_path[MEMORY_FILE_PATH];
    struct labels labels;
    struct labels_join join;
    lmvr_error error;
    int fd = memory_file(bytes, size, path), index_fd = memory_file(index, strlen(index), index_path);
    if (labels_csv_read(path, &labels, &error) == LMVR_OK) {
        check(&labels);
        labels_finish(&labels);
    }
    if (labels_csv_join(path, index_path, &labels, &join, &error) == LMVR_OK) {
        check(&labels);
        if (labels.rows + join.rows_without_label != 2)
            abort();
        labels_finish(&labels);
        labels_join_finish(&join);
    }
    close(fd);
    close(index_fd);
    return 0;
}
