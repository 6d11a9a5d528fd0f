/* Bytes as COCO's instances_*.json: either refused, or all names are inside the stored text. */
#include "lab/dataset/coco_json.h"
#include "memory_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check_name(const struct coco_json *json, size_t name)
{
    if (name >= json->name_size || strlen(json->names + name) == 0 || name + strlen(json->names + name) >= json->name_size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[MEMORY_FILE_PATH];
    struct coco_json json;
    lmvr_error error;
    int fd = memory_file(bytes, size, path);
    if (coco_json_read(path, &json, &error) == LMVR_OK) {
        for (int64_t i = 0; i < json.image_count; i++)
            check_name(&json, json.images[i].name);
        for (int64_t i = 0; i < json.category_count; i++)
            check_name(&json, json.categories[i].name);
        coco_json_finish(&json);
    }
    close(fd);
    return 0;
}
