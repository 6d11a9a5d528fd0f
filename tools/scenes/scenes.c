#include "tools/scenes/scenes.h"

#include "tools/scenes/jpeg.h"
#include "tools/scenes/scenes_folder.h"
#include "tools/scenes/set.h"
#include "tools/scenes/truth.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Images made between two progress reports. */
#define CHUNK 64

static const struct layout *find_layout(enum scenes_layout layout)
{
    static const struct layout *const layouts[SCENES_LAYOUTS] = {
        [SCENES_VOC2007] = &layout_voc2007,
        [SCENES_COCO] = &layout_coco,
        [SCENES_VISDA] = &layout_visda,
        [SCENES_IMAGENET] = &layout_imagenet,
        [SCENES_DEEPFASHION] = &layout_deepfashion,
        [SCENES_LLAVA] = &layout_llava,
    };
    return layout > 0 && layout < SCENES_LAYOUTS ? layouts[layout] : NULL;
}

static lmvr_status check(const struct scenes_options *o, lmvr_error *error)
{
    if (!find_layout(o->layout))
        return error_set(error, LMVR_ERROR_INVALID, "no layout: expected voc2007, coco, visda, imagenet, deepfashion or llava");
    if (!o->output || !*o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: expected a folder");
    if (o->count < 1 || o->count > SCENES_MOST || o->test_count < 0 || o->test_count > SCENES_MOST)
        return error_set(error, LMVR_ERROR_INVALID, "cannot make %lld and %lld images: expected 1 to %d of each",
                         (long long)o->count, (long long)o->test_count, SCENES_MOST);
    if (o->manners && find_layout(o->layout)->has_outfits)
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

static lmvr_status make_picture(const struct set *set, struct picture *p, lmvr_error *error)
{
    int size = set->options->size;
    unsigned char *bytes = NULL;
    size_t length;
    set->layout->plan(set, p);
    scene_choose_manner(&p->scene, set->options->manners);
    uint8_t *rgb = malloc((size_t)size * size * 3);
    lmvr_status status = rgb ? LMVR_OK : error_no_memory(error, "an image");
    if (status == LMVR_OK)
        status = set->layout->has_outfits ? outfit_draw(&set->glyphs, &p->outfit, size, rgb, error)
                                          : scene_draw(&set->glyphs, &p->scene, size, rgb, error);
    if (status == LMVR_OK)
        status = jpeg_encode(rgb, size, size, &bytes, &length, error);
    if (status == LMVR_OK)
        status = listing_write_file(set->options->output, p->path, bytes, length, error);
    free(bytes);
    free(rgb);
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
        TRY(set->layout->add(set, &c->pictures[i], error));
        TRY(truth_add(set, &c->pictures[i], error));
    }
    return LMVR_OK;
}

static int64_t part_count(const struct set *set, enum set_part part)
{
    if (set->layout->count)
        return set->layout->count(set->options, part);
    return part == SET_TRAIN ? set->options->count : part == SET_TEST ? set->options->test_count : 0;
}

static lmvr_status make_pictures(struct set *set, struct chunk *chunk, lmvr_error *error)
{
    const struct scenes_options *o = set->options;
    int64_t done = 0, total = 0;
    for (int part = 0; part < SET_PARTS; part++)
        total += part_count(set, (enum set_part)part);
    for (int part = 0; part < SET_PARTS; part++) {
        int64_t count = part_count(set, (enum set_part)part);
        for (int64_t i = 0; i < count; i += CHUNK) {
            int now = count - i < CHUNK ? (int)(count - i) : CHUNK;
            TRY(make_chunk(set, (enum set_part)part, i, now, chunk, error));
            done += now;
            if (o->progress && o->progress(done, total, o->user) && done < total)
                return error_set(error, LMVR_STOPPED, "stopped after %lld of %lld images", (long long)done, (long long)total);
        }
    }
    return LMVR_OK;
}

/* ---- the set ---- */

static lmvr_status make_set(struct set *set, lmvr_error *error)
{
    struct chunk *chunk = malloc(sizeof *chunk);
    lmvr_status status = chunk ? LMVR_OK : error_no_memory(error, "the images");
    if (status == LMVR_OK)
        status = set->layout->begin(set, error);
    if (status == LMVR_OK)
        status = truth_open(set, error);
    if (status == LMVR_OK)
        status = make_pictures(set, chunk, error);
    if (status == LMVR_OK)
        status = set->layout->end(set, error);
    if (status == LMVR_OK)
        status = truth_close(set, error);
    if (status == LMVR_OK)
        status = folder_write_record(set->options, set->layout->name, true, error);
    set->layout->finish(set);
    truth_drop(set);
    free(chunk);
    return status;
}

static lmvr_status prepare(const struct set *set, lmvr_error *error)
{
    TRY(folder_prepare(set->options, error));
    TRY(folder_write_record(set->options, set->layout->name, false, error));
    return folder_write_synonyms(set->options, error);
}

lmvr_status scenes_make(const struct scenes_options *options, lmvr_error *error)
{
    struct scenes_options o = *options;
    o.size = o.size ? o.size : SCENES_DEFAULT_SIZE;
    o.threads = o.threads > 0 ? o.threads : omp_get_num_procs();
    o.test_count = o.test_count ? o.test_count : o.count < 8 ? 1 : o.count / 4;
    TRY(check(&o, error));
    struct set set = {.options = &o, .layout = find_layout(o.layout)};
    TRY(glyphs_load(&set.glyphs, error));
    lmvr_status status = prepare(&set, error);
    if (status == LMVR_OK) {
        status = make_set(&set, error);
        status = status == LMVR_ERROR_INVALID ? LMVR_ERROR_RESOURCE : status; /* something has been written by now */
    }
    glyphs_finish(&set.glyphs);
    return status;
}
