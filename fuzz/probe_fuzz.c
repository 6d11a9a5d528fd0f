/* Bytes as a probe: if it can be read, it can be used. */
#include "lab/probe/probe_file.h"
#include "memory_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void use(const struct probe *probe)
{
    lmvr_error error;
    float *features = calloc((size_t)probe->dim, sizeof *features),
          *scores = calloc((size_t)probe->class_count, sizeof *scores);
    if (!features || !scores || probe_scores(probe, features, 1, scores, &error) != LMVR_OK)
        abort();
    probe_probabilities(probe, 1, scores);
    free(features);
    free(scores);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[MEMORY_FILE_PATH];
    struct probe probe;
    lmvr_error error;
    int fd = memory_file(bytes, size, path);
    if (probe_read(path, &probe, &error) == LMVR_OK) {
        use(&probe);
        probe_finish(&probe);
    }
    close(fd);
    return 0;
}
