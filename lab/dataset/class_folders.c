#include "lab/dataset/class_folders.h"

#include "format/input.h"
#include "image/kinds.h"

#include <stdlib.h>
#include <string.h>

lmvr_status class_folders_find(const char *root, const char *folder, struct names *classes, int64_t *images, lmvr_error *error)
{
    struct listing listing = {0};
    int64_t number;
    char *path = folder ? input_path(root, folder) : strdup(root);
    lmvr_status status = path ? listing_read(path, &listing, error) : error_no_memory(error, root);
    for (int64_t i = 0; i < listing.folders.count && status == LMVR_OK; i++)
        status = names_add(classes, names_get(&listing.folders, i), &number, error);
    *images = 0;
    for (int64_t i = 0; i < listing.files.count; i++)
        *images += image_is_named(names_get(&listing.files, i));
    listing_finish(&listing);
    free(path);
    return status;
}

static lmvr_status add_files(struct draft *draft, const char *folder, const struct names *files, enum dataset_part part,
                             int32_t class, lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (int64_t i = 0; i < files->count && status == LMVR_OK; i++) {
        const char *name = names_get(files, i);
        if (!image_is_named(name)) {
            status = passed_over_add(&draft->passed_over, name, error);
            continue;
        }
        char *path = input_path(folder, name);
        status = path ? draft_add(draft, path, part, error) : error_no_memory(error, name);
        free(path);
        if (status == LMVR_OK)
            draft->tasks[0].labels.single[draft->count - 1] = class;
    }
    return status;
}

/* `folder` is the class's own folder, relative to the draft's. It may be missing in one split. */
static lmvr_status add_class(struct draft *draft, const char *folder, enum dataset_part part, int32_t class, lmvr_error *error)
{
    struct listing listing = {0};
    char *path = input_path(draft->folder, folder);
    if (!path)
        return error_no_memory(error, folder);
    lmvr_status status = input_exists(path) ? listing_read(path, &listing, error) : LMVR_OK;
    free(path);
    if (status == LMVR_OK)
        status = add_files(draft, folder, &listing.files, part, class, error);
    listing_finish(&listing);
    return status;
}

lmvr_status class_folders_add(struct draft *draft, const char *folder, enum dataset_part part, const struct names *classes,
                              lmvr_error *error)
{
    lmvr_status status = LMVR_OK;
    for (int64_t i = 0; i < classes->count && status == LMVR_OK; i++) {
        char *path = input_path(folder ? folder : "", names_get(classes, i));
        status = path ? add_class(draft, path, part, (int32_t)i, error) : error_no_memory(error, "a path");
        free(path);
    }
    return status;
}
