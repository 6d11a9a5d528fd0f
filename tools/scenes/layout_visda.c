/* VisDA-2017: train/ in colors; validation/ and test/ drawn in ink on paper, as the domain shift. */
#include "tools/scenes/set.h"

#include <inttypes.h>
#include <string.h>

#define CLASSES 12

/* In the challenge's order. */
static const char *const class_names[CLASSES] = {"aeroplane",  "bicycle", "bus",   "car",        "horse", "knife",
                                                 "motorcycle", "person",  "plant", "skateboard", "train", "truck"};
static const char *const entries[] = {"train", "test", "validation", NULL}; /* in the order of the splits */

/* Images per folder of the test split. */
#define TRUNK 4000

static struct listing *list_of(struct set *set, int part)
{
    return listing_named(&set->lists, "%s/image_list.txt", entries[part]);
}

static void begin(struct set *set)
{
    for (int part = 0; part < SET_PARTS; part++)
        list_of(set, part);
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
        snprintf(p->path, sizeof p->path, "%s/%s/%06" PRId64 ".jpg", entries[p->part], class_names[p->class], p->index);
    struct random copy = r;
    random_next(&copy); /* used by the scene */
    int kind = choose_kind(&copy, p->class);
    struct scene_rules rules = {
        .kinds = &kind, .kind_count = 1, .least = 1, .most = 1, .least_side = 0.35, .drawn = p->part != SET_TRAIN};
    scene_choose(&set->glyphs, &rules, r, &p->scene);
}

static void add(struct set *set, const struct picture *p)
{
    listing_add(list_of(set, p->part), "%s %d\n", strchr(p->path, '/') + 1, p->class);
}

const struct layout layout_visda = {
    .name = "visda", .entries = entries, .has_validation = true, .begin = begin, .plan = plan, .add = add};
