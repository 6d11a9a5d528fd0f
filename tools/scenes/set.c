#include "tools/scenes/set.h"

const struct layout *const layouts[SCENES_LAYOUTS] = {
    [SCENES_VOC2007] = &layout_voc2007,
    [SCENES_COCO] = &layout_coco,
    [SCENES_VISDA] = &layout_visda,
    [SCENES_IMAGENET] = &layout_imagenet,
    [SCENES_DEEPFASHION] = &layout_deepfashion,
    [SCENES_LLAVA] = &layout_llava,
};

void set_init(struct set *set, const struct scenes_options *options)
{
    *set = (struct set){.options = options, .layout = layouts[options->layout], .lists.folder = options->output};
    for (int i = 0; i < kind_count; i++) {
        if (!set->layout->class_of || set->layout->class_of(&kinds[i]))
            set->with[set->with_count++] = i;
        else
            set->without[set->without_count++] = i;
    }
}

struct random set_random(const struct set *set, const struct picture *picture)
{
    return random_of(set->options->seed, (int)picture->part, (uint64_t)picture->index);
}

void set_choose_scene(const struct set *set, struct picture *picture)
{
    struct scene_rules rules = {.kinds = set->with,
                                .kind_count = set->with_count,
                                .others = set->without_count > 0 ? set->without : NULL,
                                .other_count = set->without_count,
                                .least = 2,
                                .most = SCENE_MAX_OBJECTS};
    scene_choose(&set->glyphs, &rules, set_random(set, picture), &picture->scene);
}

int set_class(const struct set *set, int64_t index, int count)
{
    int order[SET_MOST_KINDS];
    struct random r = random_of(set->options->seed, 3, 0);
    for (int i = 0; i < count && i < SET_MOST_KINDS; i++)
        order[i] = i;
    random_shuffle(&r, order, count < SET_MOST_KINDS ? count : SET_MOST_KINDS);
    return order[index % count];
}
