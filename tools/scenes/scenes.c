#include "tools/scenes/scenes.h"

#include "image/encode.h"
#include "tools/scenes/scenes_folder.h"
#include "tools/scenes/truth.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Images made between two progress reports. */
#define CHUNK 64

/* libjpeg's, with chroma at half resolution like most photographs. */
#define JPEG_QUALITY 90

static lmvr_status check(const struct scenes_options *o, lmvr_error *error)
{
    if (o->layout < 1 || o->layout >= SCENES_LAYOUTS)
        return error_set(error, LMVR_ERROR_INVALID, "no layout: expected voc2007, coco, visda, imagenet, deepfashion or llava");
    if (!o->output || !*o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: expected a folder");
    if (o->count < 1 || o->count > SCENES_MOST || o->test_count < 0 || o->test_count > SCENES_MOST)
        return error_set(error, LMVR_ERROR_INVALID, "cannot make %lld and %lld images: expected 1 to %d of each",
                         (long long)o->count, (long long)o->test_count, SCENES_MOST);
    if (o->manners && layouts[o->layout]->has_outfits)
        return error_set(error, LMVR_ERROR_INVALID, "outfits have only one manner; manners are for other layouts");
    if (o->size < DRAW_LEAST_SIZE || o->size > DRAW_MOST_SIZE)
        return error_set(error, LMVR_ERROR_INVALID, "cannot make images of %d pixels: expected %d to %d", o->size,
                         DRAW_LEAST_SIZE, DRAW_MOST_SIZE);
    return LMVR_OK;
}

lmvr_status scenes_manners(const char *list, unsigned *manners, lmvr_error *error)
{
    *manners = 0;
    for (;; list++) {
        size_t length = strcspn(list, ",");
        int m = 0;
        while (m < MANNERS_PAINTED && (strlen(manner_names[m]) != length || memcmp(manner_names[m], list, length) != 0))
            m++;
        if (m == MANNERS_PAINTED)
            return error_set(
                error, LMVR_ERROR_INVALID,
                "there is no manner \"%.*s\": expected a comma-separated list of colors, photo, flat, gray and pencil",
                (int)length, list);
        *manners |= 1U << m;
        list += length;
        if (!*list)
            return LMVR_OK;
    }
}

/* ---- images ---- */

static lmvr_status draw(const struct set *set, struct picture *p, const struct image *image, lmvr_error *error)
{
    if (set->layout->has_outfits)
        return outfit_draw(&set->glyphs, &p->outfit, image->width, image->rgb, error);
    return scene_draw(&set->glyphs, &p->scene, image->width, image->rgb, error);
}

static lmvr_status make_picture(const struct set *set, struct picture *p, lmvr_error *error)
{
    int size = set->options->size;
    struct encoded jpeg = {0};
    set->layout->plan(set, p);
    scene_choose_manner(&p->scene, set->options->manners);
    struct image image = {size, size, malloc((size_t)size * size * 3)};
    lmvr_status status = image.rgb ? draw(set, p, &image, error) : error_no_memory(error, "an image");
    if (status == LMVR_OK)
        status = image_encode_jpeg(&image, JPEG_QUALITY, false, &jpeg, error);
    if (status == LMVR_OK)
        status = listing_write_file(set->options->output, p->path, jpeg.bytes, jpeg.size, error);
    encoded_finish(&jpeg);
    image_finish(&image);
    return status;
}

struct chunk {
    struct picture pictures[CHUNK];
    lmvr_status statuses[CHUNK];
    lmvr_error errors[CHUNK];
};

/* Makes `count` images from `from` on: all threads draw, then they are added in order. */
static lmvr_status make_chunk(struct set *set, enum set_part part, int64_t from, int count, struct chunk *c, lmvr_error *error)
{
#pragma omp parallel for schedule(dynamic) num_threads(set->options->threads)
    for (int i = 0; i < count; i++) {
        c->pictures[i] = (struct picture){.part = part, .index = from + i};
        c->statuses[i] = make_picture(set, &c->pictures[i], &c->errors[i]);
    }
    for (int i = 0; i < count; i++) {
        if (c->statuses[i] != LMVR_OK) {
            if (error)
                *error = c->errors[i];
            return c->statuses[i];
        }
        if (set->layout->add)
            set->layout->add(set, &c->pictures[i]);
        if (!set->layout->has_outfits)
            truth_add(set, &c->pictures[i]);
    }
    return listings_check(&set->lists, error);
}

static lmvr_status make_pictures(struct set *set, struct chunk *chunk, lmvr_error *error)
{
    const struct scenes_options *o = set->options;
    const int64_t counts[SET_PARTS] = {o->count, o->test_count, set->layout->has_validation ? o->test_count : 0};
    int64_t done = 0, total = counts[SET_TRAIN] + counts[SET_TEST] + counts[SET_VALIDATION];
    for (int part = 0; part < SET_PARTS; part++)
        for (int64_t i = 0; i < counts[part]; i += CHUNK) {
            int now = counts[part] - i < CHUNK ? (int)(counts[part] - i) : CHUNK;
            TRY(make_chunk(set, (enum set_part)part, i, now, chunk, error));
            done += now;
            if (o->progress && o->progress(done, total, o->user) && done < total)
                return error_set(error, LMVR_STOPPED, "stopped after %lld of %lld images", (long long)done, (long long)total);
        }
    return LMVR_OK;
}

/* ---- the set ---- */

static lmvr_status make_set(struct set *set, struct chunk *chunk, lmvr_error *error)
{
    if (set->layout->begin)
        set->layout->begin(set);
    if (!set->layout->has_outfits)
        truth_begin(set);
    TRY(listings_check(&set->lists, error));
    TRY(make_pictures(set, chunk, error));
    if (set->layout->end)
        set->layout->end(set);
    if (!set->layout->has_outfits)
        truth_end(set);
    TRY(listings_close(&set->lists, error));
    return folder_write_record(set->options, true, error);
}

static lmvr_status prepare(const struct scenes_options *options, lmvr_error *error)
{
    TRY(folder_prepare(options, error));
    TRY(folder_write_record(options, false, error));
    return folder_write_synonyms(options, error);
}

lmvr_status scenes_make(const struct scenes_options *options, lmvr_error *error)
{
    struct scenes_options o = *options;
    struct set set;
    o.size = o.size ? o.size : SCENES_DEFAULT_SIZE;
    o.threads = o.threads > 0 ? o.threads : omp_get_num_procs();
    o.test_count = o.test_count ? o.test_count : o.count < 8 ? 1 : o.count / 4;
    TRY(check(&o, error));
    set_init(&set, &o);
    TRY(glyphs_load(&set.glyphs, error));
    struct chunk *chunk = malloc(sizeof *chunk);
    lmvr_status status = chunk ? prepare(&o, error) : error_no_memory(error, "the images");
    if (status == LMVR_OK) {
        status = make_set(&set, chunk, error);
        status = status == LMVR_ERROR_INVALID ? LMVR_ERROR_RESOURCE : status; /* something has been written by now */
    }
    listings_drop(&set.lists);
    glyphs_finish(&set.glyphs);
    free(chunk);
    return status;
}
