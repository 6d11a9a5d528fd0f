#include "search_page.h"

#include "error.h"
#include "lab/figure/picture.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PICTURE_WIDTH 160 /* CSS pixels */
#define PICTURE_SIDE  320 /* of what is kept */

lmvr_status search_page_check(const struct options *options, lmvr_error *error)
{
    struct stat st;
    const char *path = options->page;
    if (!path)
        return LMVR_OK;
    bool there = stat(path, &st) == 0;
    if (there && !S_ISREG(st.st_mode))
        return error_set(error, LMVR_ERROR_INVALID, "%s: is not a file, --html has to name one", path);
    if (there && !options->force)
        return error_set(error, LMVR_ERROR_INVALID, "%s: already exists; --force replaces it", path);
    char *copy = strdup(path);
    if (!copy)
        return error_no_memory(error, "a file name");
    lmvr_status status = access(dirname(copy), W_OK | X_OK) == 0 ? LMVR_OK : file_error(error, path, "write");
    free(copy);
    return status;
}

struct report *search_page_begin(const struct stored *stored, bool dot)
{
    struct report *page = report_create("Nearest neighbors");
    report_add_fact(page, "Folder", "%s", stored->place.output);
    report_add_fact(page, "Feature", "%s", stored->spec);
    report_add_fact(page, "Score", "%s", dot ? "dot product" : "cosine");
    report_add_fact(page, "Rows", "%llu", (unsigned long long)stored->rows);
    return page;
}

/* Adds a picture, empty if it cannot be read; none where `path` is NULL. */
static lmvr_status add_picture(struct report_gallery *gallery, const char *path, struct report_picture picture,
                               lmvr_error *error)
{
    struct image image;
    uint64_t hash;
    uint8_t *bytes = NULL;
    lmvr_error ignored;
    lmvr_status status = path ? image_read(path, &image, &hash, &ignored) : LMVR_ERROR_INPUT;
    if (status == LMVR_OK) {
        status = thumbnail(&image, PICTURE_SIDE, THUMBNAIL_JPEG, &bytes, &picture.size, error);
        picture.width = image.width;
        picture.height = image.height;
        image_finish(&image);
    } else {
        status = LMVR_OK;
    }
    picture.bytes = bytes;
    if (status == LMVR_OK)
        report_gallery_add(gallery, &picture);
    free(bytes);
    return status;
}

static const char *last_part(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

lmvr_status search_page_add(struct report *page, const struct search_query *query, const json_t *answer, lmvr_error *error)
{
    char title[64];
    size_t i;
    json_t *one;
    bool is_image = query->kind == QUERY_IMAGE;
    snprintf(title, sizeof title, query->kind == QUERY_ROW ? "Row " : "");
    size_t length = strlen(title) + strlen(query->value) + 1;
    char *heading = malloc(length);
    if (!heading)
        return error_no_memory(error, "the page");
    snprintf(heading, length, "%s%s", title, query->value);
    struct report_gallery *gallery = report_add_gallery(page, "neighbors", heading, NULL, PICTURE_WIDTH);
    free(heading);
    if (is_image)
        TRY(add_picture(gallery, query->value, (struct report_picture){.title = "query", .label = last_part(query->value)},
                        error));
    json_array_foreach(answer, i, one)
    {
        const char *path = json_string_value(json_object_get(one, "path")),
                   *text = json_string_value(json_object_get(one, "text"));
        snprintf(title, sizeof title, "%zu: %.4f", i + 1, json_real_value(json_object_get(one, "score")));
        struct report_picture picture = {.title = title,
                                         .label = path ? last_part(path) : text,
                                         .text = json_string_value(json_object_get(one, "response"))};
        TRY(add_picture(gallery, path, picture, error));
    }
    return LMVR_OK;
}
