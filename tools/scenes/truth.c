#include "tools/scenes/truth.h"

#include <string.h>

static const char *const part_names[SET_PARTS] = {[SET_TRAIN] = "train", [SET_TEST] = "test", [SET_VALIDATION] = "validation"};

static json_t *object_json(const struct view *view, int object)
{
    const struct object *o = &view->scene->objects[object];
    const char *color = view_color_word(view, object), *size = view_size_word(view, object);
    return json_pack("{s:s, s:[i,i,i,i], s:s?, s:s, s:s, s:f}", "name", kinds[o->kind].name, "box", o->box.left, o->box.top,
                     o->box.right - o->box.left, o->box.bottom - o->box.top, "color", color, "size", size ? size : "medium",
                     "position", view_place(view, object), "visible", o->visible);
}

static json_t *scene_json(const struct view *view, const struct picture *p)
{
    const struct scene *scene = view->scene;
    const char *name = strrchr(p->path, '/') + 1;
    json_t *objects = json_array();
    for (int i = 0; i < scene->count; i++)
        json_array_append_new(objects, object_json(view, i));
    return json_pack("{s:s%, s:s, s:s, s:i, s:i, s:s, s:s*, s:o}", "id", name, strcspn(name, "."), "image", p->path, "part",
                     part_names[p->part], "width", view->size, "height", view->size, "background",
                     background_kinds[scene->background.kind].name, "manner",
                     scene->manner == MANNER_COLORS ? NULL : manner_names[scene->manner], "objects", objects);
}

void truth_begin(struct set *set)
{
    listing_add(listing_named(&set->lists, TRUTH_FILE), "[\n");
}

void truth_add(struct set *set, const struct picture *p)
{
    struct random r = p->scene.words;
    struct view view;
    view_init(&view, &p->scene, set->options->size, false, &r);
    listing_add_element(listing_named(&set->lists, TRUTH_FILE), scene_json(&view, p));
}

void truth_end(struct set *set)
{
    listing_add(listing_named(&set->lists, TRUTH_FILE), "]\n");
}
