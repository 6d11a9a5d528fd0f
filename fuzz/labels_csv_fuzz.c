/* Bytes as a CSV file of labels, read line by line and joined with an index; what is read must be consistent. */
#include "lab/dataset/labels_csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int make_file(const void *bytes, size_t size, char *path, size_t space)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, space, "/proc/self/fd/%d", fd);
    return fd;
}

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
    char path[64], index_path[64];
    struct labels labels;
    struct labels_join join;
    lmvr_error error;
    int fd = make_file(bytes, size, path, sizeof path),
        index_fd = make_file(index, strlen(index), index_path, sizeof index_path);
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
