/* Frost: a crop of a texture blended over the image. */
#include "lab/corrupt/corrupt_frost.h"

#include "image/kinds.h"
#include "image/resize.h"
#include "lab/corrupt/corrupt_parts.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_TEXTURES 256

/* ---- textures ---- */

static int is_image(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && image_is_named(entry->d_name);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static lmvr_status add_texture(struct frost *frost, const char *folder, const char *name, lmvr_error *error)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return error_no_memory(error, "the textures of frost");
    lmvr_status status = image_read(path, &frost->textures[frost->count], NULL, error);
    free(path);
    if (status == LMVR_OK)
        frost->count++;
    return status == LMVR_ERROR_INPUT ? LMVR_ERROR_INVALID : status;
}

static lmvr_status read_textures(struct frost *frost, const char *folder, lmvr_error *error)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_image, by_name);
    if (count < 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read as a folder of textures: %s", folder, strerror(errno));
    lmvr_status status = LMVR_OK;
    if (count == 0)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has no image to use as a texture", folder);
    else if (count > MOST_TEXTURES)
        status = error_set(error, LMVR_ERROR_INVALID, "%s: has %d images, expected at most %d frost textures", folder, count,
                           MOST_TEXTURES);
    else if (!(frost->textures = calloc((size_t)count, sizeof *frost->textures)))
        status = error_no_memory(error, "the textures of frost");
    for (int i = 0; i < count; i++) {
        if (status == LMVR_OK)
            status = add_texture(frost, folder, entries[i]->d_name, error);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static lmvr_status draw_textures(struct frost *frost, lmvr_error *error)
{
    frost->textures = calloc(FROST_MADE, sizeof *frost->textures);
    if (!frost->textures)
        return error_no_memory(error, "the textures of frost");
    for (; frost->count < FROST_MADE; frost->count++)
        TRY(frost_draw(frost->count, &frost->textures[frost->count], error));
    return LMVR_OK;
}

lmvr_status frost_create(const char *folder, struct frost **frost, lmvr_error *error)
{
    *frost = calloc(1, sizeof **frost);
    if (!*frost)
        return error_no_memory(error, "the textures of frost");
    lmvr_status status = folder ? read_textures(*frost, folder, error) : draw_textures(*frost, error);
    if (status == LMVR_OK)
        return LMVR_OK;
    frost_free(*frost);
    *frost = NULL;
    return status;
}

void frost_free(struct frost *frost)
{
    for (int i = 0; frost && i < frost->count; i++)
        image_finish(&frost->textures[i]);
    if (frost)
        free(frost->textures);
    free(frost);
}

/* ---- the corruption ---- */

/* A random crop of the texture, as large as the image. The texture is scaled like the image, and more if it would not cover
 * it. */
static lmvr_status cut_piece(struct corrupting *work, const struct image *texture, uint8_t *rgb, lmvr_error *error)
{
    const struct image *image = work->image;
    double scale = fmax(work->scale, fmax((double)image->width / texture->width, (double)image->height / texture->height));
    int width = (int)lround(texture->width * scale), height = (int)lround(texture->height * scale);
    width = width < image->width ? image->width : width;
    height = height < image->height ? image->height : height;
    uint64_t bits = random_next(&work->random);
    int x = width - image->width, y = height - image->height;
    struct window window = {x ? random_below((uint32_t)bits, x) : 0, y ? random_below((uint32_t)(bits >> 32), y) : 0,
                            image->width, image->height};
    struct canvas canvas = {.image = texture, .width = texture->width, .height = texture->height};
    return resize_window(&canvas, width, height, FILTER_BILINEAR, &window, rgb, 3 * (size_t)image->width, error);
}

lmvr_status corrupt_frost(struct corrupting *work, lmvr_error *error)
{
    static const struct {
        double picture, frost;
    } parameters[] = {{1, 0.4}, {0.8, 0.6}, {0.7, 0.7}, {0.65, 0.7}, {0.6, 0.75}};
    double picture = parameters[work->level].picture, frost = parameters[work->level].frost;
    size_t n = image_bytes(work->image);
    uint8_t *rgb = work->image->rgb, *piece = malloc(n);
    if (!piece)
        return error_no_memory(error, "frost");
    int index = random_below((uint32_t)random_next(&work->random), work->frost->count);
    lmvr_status status = cut_piece(work, &work->frost->textures[index], piece, error);
    for (size_t i = 0; i < n && status == LMVR_OK; i++) {
        double value = picture * rgb[i] + frost * piece[i];
        rgb[i] = (uint8_t)(value < 255 ? value : 255);
    }
    free(piece);
    return status;
}
