#include "describe_views.h"

#include "error.h"
#include "lab/corrupt/pixels.h"
#include "lab/figure/comparison.h"

#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAIN_COLUMNS 4 /* of a sheet without corruptions */

lmvr_status views_init(struct views *views, const struct options *options, lmvr_error *error)
{
    bool needs_frost = false;
    *views = (struct views){.count = 1, .seed = options->session.seed};
    if (!options->corrupt)
        return LMVR_OK;
    TRY(corruption_parse_pairs(options->corrupt, &views->corruptions, error));
    views->count = 1 + views->corruptions.count;
    for (int i = 0; i < views->corruptions.count; i++)
        needs_frost = needs_frost || views->corruptions.items[i].type == CORRUPT_FROST;
    return needs_frost ? frost_create(options->textures, &views->frost, error) : LMVR_OK;
}

void views_finish(struct views *views)
{
    frost_free(views->frost);
    views->frost = NULL;
}

void views_name(const struct views *views, int view, char *name, size_t size)
{
    if (view == 0) {
        snprintf(name, size, "clean");
        return;
    }
    const struct corruption_choice *c = &views->corruptions.items[view - 1];
    snprintf(name, size, "%s:%d", corruption_names[c->type], c->severity);
}

static lmvr_status show(const struct views *views, int view, uint64_t hash, struct image *image, lmvr_error *error)
{
    if (view == 0)
        return LMVR_OK;
    const struct corruption_choice *c = &views->corruptions.items[view - 1];
    struct corruption corruption = {c->type, c->severity, NAN, views->seed, views->frost};
    return image_corrupt(&corruption, hash, image, error);
}

lmvr_status views_filter(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error)
{
    const struct views *views = user;
    int view = (int)(index % (size_t)views->count);
    struct image image;
    if (view == 0)
        return LMVR_OK;
    TRY(pixels_copy(pixels, &image, error));
    lmvr_status status = show(views, view, hash, &image, error);
    return pixels_put_back(pixels, &image, status, error);
}

/* ---- the sheet ---- */

static int columns_of(const struct views *views, size_t inputs)
{
    if (views->count > 1)
        return views->count < COMPARISON_MOST_COLUMNS ? views->count : COMPARISON_MOST_COLUMNS;
    return inputs < PLAIN_COLUMNS ? (int)inputs : PLAIN_COLUMNS;
}

/* With corruptions each input starts a row. */
static size_t rows_of(const struct views *views, size_t inputs)
{
    size_t columns = (size_t)columns_of(views, inputs), count = (size_t)views->count;
    return count > 1 ? inputs * ((count + columns - 1) / columns) : (inputs + columns - 1) / columns;
}

lmvr_status views_check_sheet(const struct views *views, const struct options *options, size_t inputs, lmvr_error *error)
{
    struct stat st;
    const char *path = options->sheet;
    if (!path)
        return LMVR_OK;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return error_set(error, LMVR_ERROR_INVALID, "%s: is not a file, --sheet has to name one", path);
    if (stat(path, &st) == 0 && !options->force)
        return error_set(error, LMVR_ERROR_INVALID, "%s: already exists; --force replaces it", path);
    if (rows_of(views, inputs) > COMPARISON_MOST_ROWS)
        return error_set(error, LMVR_ERROR_INVALID, "--sheet has room for %d rows of images, but %zu are needed",
                         COMPARISON_MOST_ROWS, rows_of(views, inputs));
    char *copy = strdup(path);
    if (!copy)
        return error_no_memory(error, "a file name");
    lmvr_status status = access(dirname(copy), W_OK | X_OK) == 0 ? LMVR_OK : file_error(error, path, "write");
    free(copy);
    return status;
}

static lmvr_status add_view(const struct views *views, struct comparison *comparison, const struct image *image, uint64_t hash,
                            const char *path, int view, const char *response, lmvr_error *error)
{
    struct image copy;
    const char *slash = strrchr(path, '/');
    char name[64];
    TRY(pixels_copy(&(lmvr_pixels){image->width, image->height, image->rgb}, &copy, error));
    lmvr_status status = show(views, view, hash, &copy, error);
    views_name(views, view, name, sizeof name);
    if (status == LMVR_OK)
        status = comparison_add(comparison, &copy, view == 0 ? (slash ? slash + 1 : path) : name, response,
                                view == 0 && views->count > 1, error);
    image_finish(&copy);
    return status;
}

static lmvr_status add_input(const struct views *views, struct comparison *comparison, const char *path, char *const *responses,
                             lmvr_error *error)
{
    struct image image;
    uint64_t hash;
    for (int view = 0; view < views->count; view++)
        if (!responses[view])
            return LMVR_OK;
    TRY(image_read(path, &image, &hash, error));
    lmvr_status status = LMVR_OK;
    for (int view = 0; view < views->count && status == LMVR_OK; view++)
        status = add_view(views, comparison, &image, hash, path, view, responses[view], error);
    image_finish(&image);
    return status;
}

lmvr_status views_write_sheet(const struct views *views, const char *path, char *const *inputs, size_t input_count,
                              char *const *responses, lmvr_error *error)
{
    struct comparison comparison = {.columns = columns_of(views, input_count)};
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < input_count && status == LMVR_OK; i++)
        status = add_input(views, &comparison, inputs[i], responses + i * (size_t)views->count, error);
    if (status == LMVR_OK)
        status = comparison_write(&comparison, path, error);
    comparison_finish(&comparison);
    return status;
}
