/* VisDA-2017: train/ in colors; validation/ and test/ drawn in ink on paper, as the domain shift. */
#include "tools/scenes/kind.h"
#include "tools/scenes/set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES 12

/* In the challenge's order. */
static const char *const class_names[CLASSES] = {"aeroplane",  "bicycle", "bus",   "car",        "horse", "knife",
                                                 "motorcycle", "person",  "plant", "skateboard", "train", "truck"};
static const char *const folders[SET_PARTS] = {"train", "test", "validation"};
static const char *const entries[] = {"train", "test", "validation", NULL};

/* Images per folder of the test split. */
#define TRUNK 4000

struct state {
    struct listing lists[SET_PARTS];
};

static int64_t count(const struct scenes_options *options, enum set_part part)
{
    return part == SET_TRAIN ? options->count : options->test_count;
}

static lmvr_status begin(struct set *set, lmvr_error *error)
{
    struct state *s = calloc(1, sizeof *s);
    set->state = s;
    if (!s)
        return error_no_memory(error, "the lists");
    for (int part = 0; part < SET_PARTS; part++) {
        char name[64];
        snprintf(name, sizeof name, "%s/image_list.txt", folders[part]);
        TRY(listing_open(&s->lists[part], set->options->output, name, error));
    }
    return LMVR_OK;
}

/* Chooses a kind of the class. */
static int choose_kind(struct random *r, int class)
{
    int found[16], found_count = 0;
    for (int i = 0; i < kind_count && found_count < 16; i++)
        if (kinds[i].visda && strcmp(kinds[i].visda, class_names[class]) == 0)
            found[found_count++] = i;
    return found[random_below(r, found_count)];
}

static void plan(const struct set *set, struct picture *p)
{
    struct random r = set_random(set, p);
    p->class = set_class(set, p->index, CLASSES);
    if (p->part == SET_TEST)
        snprintf(p->path, sizeof p->path, "test/trunk%02" PRId64 "/%06" PRId64 ".jpg", p->index / TRUNK, p->index);
    else
        snprintf(p->path, sizeof p->path, "%s/%s/%06" PRId64 ".jpg", folders[p->part], class_names[p->class], p->index);
    struct random copy = r;
    random_next(&copy); /* used by the scene */
    int kind = choose_kind(&copy, p->class);
    struct scene_rules rules = {
        .kinds = &kind, .kind_count = 1, .least = 1, .most = 1, .least_side = 0.35, .drawn = p->part != SET_TRAIN};
    scene_choose(&set->glyphs, &rules, r, &p->scene);
}

static lmvr_status add(struct set *set, const struct picture *picture, lmvr_error *error)
{
    char line[200];
    struct state *s = set->state;
    snprintf(line, sizeof line, "%s %d\n", strchr(picture->path, '/') + 1, picture->class);
    return listing_add(&s->lists[picture->part], line, error);
}

static lmvr_status end(struct set *set, lmvr_error *error)
{
    struct state *s = set->state;
    for (int part = 0; part < SET_PARTS; part++)
        TRY(listing_close(&s->lists[part], error));
    return LMVR_OK;
}

static void finish(struct set *set)
{
    struct state *s = set->state;
    for (int part = 0; s && part < SET_PARTS; part++)
        listing_drop(&s->lists[part]);
    free(s);
    set->state = NULL;
}

const struct layout layout_visda = {.name = "visda",
                                    .entries = entries,
                                    .count = count,
                                    .begin = begin,
                                    .plan = plan,
                                    .add = add,
                                    .end = end,
                                    .finish = finish};
