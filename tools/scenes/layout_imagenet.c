/* ImageNet's folders: train/CLASS/ and val/CLASS/, with one object per image. */
#include "tools/scenes/set.h"

#include <inttypes.h>

static const char *const entries[] = {"train", "val", NULL};

/* Every kind is a class; spaces in its name become underscores. */
static void plan(const struct set *set, struct picture *p)
{
    char class[64];
    p->class = set_class(set, p->index, kind_count);
    snprintf(class, sizeof class, "%s", kinds[p->class].name);
    for (char *c = class; *c; c++)
        *c = *c == ' ' ? '_' : *c;
    snprintf(p->path, sizeof p->path, "%s/%s/%s_%06" PRId64 ".JPEG", p->part == SET_TRAIN ? "train" : "val", class, class,
             p->index);
    struct scene_rules rules = {.kinds = &p->class, .kind_count = 1, .least = 1, .most = 1, .least_side = 0.35};
    scene_choose(&set->glyphs, &rules, set_random(set, p), &p->scene);
}

const struct layout layout_imagenet = {.name = "imagenet", .entries = entries, .plan = plan};
