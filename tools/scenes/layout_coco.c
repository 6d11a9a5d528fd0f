/* COCO 2017: train2017/, val2017/, and annotations/ with instances and captions for each. Of COCO's 80 categories it has those
 * that can be drawn. */
#include "tools/scenes/describe.h"
#include "tools/scenes/set.h"

#include <inttypes.h>
#include <string.h>

#define CAPTIONS 5 /* per image, as in COCO */

static const char *const entries[] = {"annotations", "train2017", "val2017", NULL};

static const char *category_of(const struct kind *kind)
{
    return kind->coco;
}

static const char *part_name(int part)
{
    return part == SET_TRAIN ? "train" : "val";
}

/* The annotation file, whose images are written as they come. */
static struct listing *file_of(struct set *set, const char *what, int part)
{
    return listing_named(&set->lists, "annotations/%s_%s2017.json", what, part_name(part));
}

/* Its annotations, which come after all images. */
static struct listing *annotations_of(struct set *set, const char *what, int part)
{
    return listing_in_memory(&set->lists, "%s of %s", what, part_name(part));
}

/* Ids go on from one split to the next. */
static json_int_t next_id(struct set *set, const char *what)
{
    return 1 + annotations_of(set, what, SET_TRAIN)->elements + annotations_of(set, what, SET_TEST)->elements;
}

static void begin_file(struct set *set, const char *what, int part)
{
    struct listing *file = file_of(set, what, part);
    listing_add(file, "{\"info\":");
    listing_add_json(file, json_pack("{s:s, s:s}", "description", "made by lmvr scenes", "version", lmvr_version()));
    listing_add(file, ",\"licenses\":[],\n\"images\":[\n");
}

static void begin(struct set *set)
{
    for (int part = SET_TRAIN; part <= SET_TEST; part++) {
        begin_file(set, "instances", part);
        begin_file(set, "captions", part);
    }
}

/* Odd ids for training, even ones for testing. */
static json_int_t id_of(const struct picture *p)
{
    return 2 * p->index + (p->part == SET_TRAIN ? 1 : 2);
}

static void plan(const struct set *set, struct picture *p)
{
    snprintf(p->path, sizeof p->path, "%s2017/%012lld.jpg", part_name(p->part), id_of(p));
    set_choose_scene(set, p);
}

/* ---- pictures ---- */

static void add_image(struct listing *file, const struct set *set, const struct picture *p)
{
    int size = set->options->size;
    listing_add_element(file, json_pack("{s:i, s:s, s:i, s:i, s:I}", "license", 0, "file_name", strchr(p->path, '/') + 1,
                                        "height", size, "width", size, "id", id_of(p)));
}

/* The segment is the box, as the set is only for classification and detection. */
static void add_object(struct set *set, const struct picture *p, const struct object *o)
{
    int x = o->box.left, y = o->box.top, width = o->box.right - x, height = o->box.bottom - y;
    listing_add_element(annotations_of(set, "instances", p->part),
                        json_pack("{s:[[i,i,i,i,i,i,i,i]], s:i, s:i, s:I, s:[i,i,i,i], s:i, s:I}", "segmentation", x, y,
                                  x + width, y, x + width, y + height, x, y + height, "area", width * height, "iscrowd", 0,
                                  "image_id", id_of(p), "bbox", x, y, width, height, "category_id",
                                  coco_category_id(kinds[o->kind].coco), "id", next_id(set, "instances")));
}

static void add(struct set *set, const struct picture *p)
{
    struct random r = p->scene.words;
    add_image(file_of(set, "instances", p->part), set, p);
    add_image(file_of(set, "captions", p->part), set, p);
    for (int i = 0; i < p->scene.count; i++)
        if (kinds[p->scene.objects[i].kind].coco)
            add_object(set, p, &p->scene.objects[i]);
    for (int i = 0; i < CAPTIONS; i++) {
        struct view view;
        struct text caption = {0};
        view_init(&view, &p->scene, set->options->size, true, &r);
        describe_caption(&view, &r, &caption);
        listing_add_element(
            annotations_of(set, "captions", p->part),
            json_pack("{s:I, s:I, s:s}", "image_id", id_of(p), "id", next_id(set, "captions"), "caption", caption.bytes));
    }
}

/* ---- the files' ends ---- */

static bool is_drawn(const struct coco_category *category)
{
    for (int k = 0; k < kind_count; k++)
        if (kinds[k].coco && strcmp(kinds[k].coco, category->name) == 0)
            return true;
    return false;
}

static void add_categories(struct listing *file)
{
    listing_add(file, ",\n\"categories\":[\n");
    file->elements = 0;
    for (const struct coco_category *c = coco_categories; c < coco_categories + coco_category_count; c++)
        if (is_drawn(c))
            listing_add_element(file,
                                json_pack("{s:s, s:i, s:s}", "supercategory", c->supercategory, "id", c->id, "name", c->name));
    listing_add(file, "]");
}

static void end_file(struct set *set, const char *what, int part, bool has_categories)
{
    struct listing *file = file_of(set, what, part);
    listing_add(file, "],\n\"annotations\":[\n");
    listing_append(file, annotations_of(set, what, part));
    listing_add(file, "]");
    if (has_categories)
        add_categories(file);
    listing_add(file, "}\n");
}

static void end(struct set *set)
{
    for (int part = SET_TRAIN; part <= SET_TEST; part++) {
        end_file(set, "instances", part, true);
        end_file(set, "captions", part, false);
    }
}

const struct layout layout_coco = {
    .name = "coco", .entries = entries, .class_of = category_of, .begin = begin, .plan = plan, .add = add, .end = end};
