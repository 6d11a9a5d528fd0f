/* COCO 2017: train2017/, val2017/, and annotations/ with instances and captions for each. Of COCO's 80 categories it has those
 * that can be drawn. */
#include "tools/scenes/coco_categories.h"
#include "tools/scenes/describe.h"
#include "tools/scenes/kind.h"
#include "tools/scenes/set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPTIONS 5 /* per image, as in COCO */

static const char *const entries[] = {"annotations", "train2017", "val2017", NULL};

/* An annotation file: images are written as they come, and their annotations kept to be written after them. */
struct file {
    struct listing out;
    struct text annotations;
    int64_t annotation_id; /* of the last one */
};

struct state {
    struct kind_lists kinds;
    struct file instances, captions;
    enum set_part part;
    bool open;
};

static bool has_category(int kind)
{
    return kinds[kind].coco != NULL;
}

static lmvr_status begin(struct set *set, lmvr_error *error)
{
    struct state *s = calloc(1, sizeof *s);
    set->state = s;
    if (!s)
        return error_no_memory(error, "the annotations");
    return kind_lists_init(&s->kinds, has_category, error);
}

/* Odd ids for training, even ones for testing. */
static int64_t id_of(const struct picture *p)
{
    return 2 * p->index + (p->part == SET_TRAIN ? 1 : 2);
}

static void plan(const struct set *set, struct picture *p)
{
    const struct state *s = set->state;
    snprintf(p->path, sizeof p->path, "%s2017/%012" PRId64 ".jpg", p->part == SET_TRAIN ? "train" : "val", id_of(p));
    struct scene_rules rules = {.kinds = s->kinds.with,
                                .kind_count = s->kinds.with_count,
                                .others = s->kinds.without,
                                .other_count = s->kinds.without_count,
                                .least = 2,
                                .most = SCENE_MAX_OBJECTS};
    scene_choose(&set->glyphs, &rules, set_random(set, p), &p->scene);
}

/* ---- files ---- */

static lmvr_status open_file(const struct set *set, struct file *file, const char *what, enum set_part part, lmvr_error *error)
{
    char name[64];
    text_clear(&file->annotations);
    snprintf(name, sizeof name, "annotations/%s_%s2017.json", what, part == SET_TRAIN ? "train" : "val");
    TRY(listing_open(&file->out, set->options->output, name, error));
    TRY(listing_add(&file->out, "{\"info\":", error));
    TRY(listing_add_json(&file->out, json_pack("{s:s, s:s}", "description", "made by lmvr scenes", "version", lmvr_version()),
                         error));
    return listing_add(&file->out, ",\"licenses\":[],\n\"images\":[\n", error);
}

static lmvr_status add_categories(struct file *file, lmvr_error *error)
{
    TRY(listing_add(&file->out, ",\n\"categories\":[\n", error));
    file->out.begun = false;
    for (int i = 0; i < coco_category_count; i++) {
        const struct coco_category *c = &coco_categories[i];
        bool drawn = false;
        for (int k = 0; k < kind_count; k++)
            drawn |= kinds[k].coco && strcmp(kinds[k].coco, c->name) == 0;
        if (drawn)
            TRY(listing_add_element(
                &file->out, json_pack("{s:s, s:i, s:s}", "supercategory", c->supercategory, "id", c->id, "name", c->name),
                error));
    }
    return listing_add(&file->out, "]", error);
}

static lmvr_status close_file(struct file *file, bool categories, lmvr_error *error)
{
    if (file->annotations.failed)
        return error_no_memory(error, file->out.path);
    TRY(listing_add(&file->out, "],\n\"annotations\":[\n", error));
    TRY(listing_add(&file->out, text_get(&file->annotations), error));
    TRY(listing_add(&file->out, "]", error));
    if (categories)
        TRY(add_categories(file, error));
    TRY(listing_add(&file->out, "}\n", error));
    return listing_close(&file->out, error);
}

static lmvr_status close_part(struct state *s, lmvr_error *error)
{
    if (!s->open)
        return LMVR_OK;
    s->open = false;
    TRY(close_file(&s->instances, true, error));
    return close_file(&s->captions, false, error);
}

static lmvr_status open_part(const struct set *set, enum set_part part, lmvr_error *error)
{
    struct state *s = set->state;
    if (s->open && s->part == part)
        return LMVR_OK;
    TRY(close_part(s, error));
    s->part = part;
    s->open = true;
    TRY(open_file(set, &s->instances, "instances", part, error));
    return open_file(set, &s->captions, "captions", part, error);
}

/* ---- pictures ---- */

static lmvr_status keep(struct file *file, json_t *annotation, lmvr_error *error)
{
    char *text = annotation ? json_dumps(annotation, JSON_COMPACT) : NULL;
    json_decref(annotation);
    if (!text)
        return error_no_memory(error, "the annotations");
    if (file->annotations.length > 0)
        text_add(&file->annotations, ",");
    text_add(&file->annotations, text);
    text_add(&file->annotations, "\n");
    free(text);
    return LMVR_OK;
}

/* The segment is the box, as the set is only for classification and detection. */
static lmvr_status add_object(struct file *file, const struct object *o, int64_t image, lmvr_error *error)
{
    int x = o->box.left, y = o->box.top, width = o->box.right - x, height = o->box.bottom - y;
    if (!kinds[o->kind].coco)
        return LMVR_OK;
    return keep(file,
                json_pack("{s:[[i,i,i,i,i,i,i,i]], s:i, s:i, s:I, s:[i,i,i,i], s:i, s:I}", "segmentation", x, y, x + width, y,
                          x + width, y + height, x, y + height, "area", width * height, "iscrowd", 0, "image_id",
                          (json_int_t)image, "bbox", x, y, width, height, "category_id", coco_category_id(kinds[o->kind].coco),
                          "id", (json_int_t)++file->annotation_id),
                error);
}

static lmvr_status add_captions(struct file *file, const struct set *set, const struct picture *p, lmvr_error *error)
{
    struct random r = p->scene.words;
    struct text caption = {0};
    lmvr_status status = LMVR_OK;
    for (int i = 0; i < CAPTIONS && status == LMVR_OK; i++) {
        struct view view;
        text_clear(&caption);
        view_init(&view, &p->scene, set->options->size, true, &r);
        describe_caption(&view, &r, &caption);
        status = keep(file,
                      json_pack("{s:I, s:I, s:s}", "image_id", (json_int_t)id_of(p), "id", (json_int_t)++file->annotation_id,
                                "caption", text_get(&caption)),
                      error);
    }
    status = status == LMVR_OK && caption.failed ? error_no_memory(error, "a caption") : status;
    text_finish(&caption);
    return status;
}

static json_t *image_json(const struct set *set, const struct picture *p)
{
    return json_pack("{s:i, s:s, s:i, s:i, s:I}", "license", 0, "file_name", strchr(p->path, '/') + 1, "height",
                     set->options->size, "width", set->options->size, "id", (json_int_t)id_of(p));
}

static lmvr_status add(struct set *set, const struct picture *p, lmvr_error *error)
{
    struct state *s = set->state;
    TRY(open_part(set, p->part, error));
    TRY(listing_add_element(&s->instances.out, image_json(set, p), error));
    TRY(listing_add_element(&s->captions.out, image_json(set, p), error));
    for (int i = 0; i < p->scene.count; i++)
        TRY(add_object(&s->instances, &p->scene.objects[i], id_of(p), error));
    return add_captions(&s->captions, set, p, error);
}

static lmvr_status end(struct set *set, lmvr_error *error)
{
    return close_part(set->state, error);
}

static void finish(struct set *set)
{
    struct state *s = set->state;
    if (!s)
        return;
    kind_lists_finish(&s->kinds);
    listing_drop(&s->instances.out);
    listing_drop(&s->captions.out);
    text_finish(&s->instances.annotations);
    text_finish(&s->captions.annotations);
    free(s);
    set->state = NULL;
}

const struct layout layout_coco = {
    .name = "coco", .entries = entries, .begin = begin, .plan = plan, .add = add, .end = end, .finish = finish};
