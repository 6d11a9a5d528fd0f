/* PASCAL VOC 2007: JPEGImages, Annotations, and ImageSets/Main with a list per class: 1 if the class is in the image, -1 if
 * not, 0 if only as difficult objects. */
#include "tools/scenes/set.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define FOLDER  "VOCdevkit/VOC2007/"
#define CLASSES 20

static const char *const class_names[CLASSES] = {
    "aeroplane",   "bicycle", "bird",  "boat",      "bottle", "bus",         "car",   "cat",  "chair", "cow",
    "diningtable", "dog",     "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
};
static const char *const entries[] = {"VOCdevkit", NULL};

/* Objects that are mostly hidden, or hardly larger than the minimum, are difficult. */
#define DIFFICULT_VISIBLE 0.65
#define DIFFICULT_SIDE    0.2

static const char *class_of(const struct kind *kind)
{
    return kind->voc;
}

/* Training images come first, as in VOC; numbers start at 1. */
static int64_t number_of(const struct set *set, const struct picture *p)
{
    return 1 + p->index + (p->part == SET_TEST ? set->options->count : 0);
}

static void plan(const struct set *set, struct picture *p)
{
    snprintf(p->path, sizeof p->path, FOLDER "JPEGImages/%06" PRId64 ".jpg", number_of(set, p));
    set_choose_scene(set, p);
}

/* ---- annotations ---- */

static bool is_difficult(const struct object *o, int size)
{
    double side = fmax(o->box.right - o->box.left, o->box.bottom - o->box.top) / size;
    return o->visible < DIFFICULT_VISIBLE || side < DIFFICULT_SIDE;
}

/* Boxes count from 1 and include their last pixel. */
static void add_object(struct text *xml, const struct object *o, int size)
{
    text_add(xml,
             "\t<object>\n\t\t<name>%s</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>%d</truncated>\n"
             "\t\t<difficult>%d</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>%d</xmin>\n\t\t\t<ymin>%d</ymin>\n"
             "\t\t\t<xmax>%d</xmax>\n\t\t\t<ymax>%d</ymax>\n\t\t</bndbox>\n\t</object>\n",
             kinds[o->kind].voc, o->cut, is_difficult(o, size), o->box.left + 1, o->box.top + 1, o->box.right, o->box.bottom);
}

static void add_annotation(struct listings *lists, const struct scene *scene, int64_t number, int size)
{
    struct text xml = {0};
    char name[128];
    text_add(&xml,
             "<annotation>\n\t<folder>VOC2007</folder>\n\t<filename>%06" PRId64 ".jpg</filename>\n\t<source>\n"
             "\t\t<database>lmvr scenes</database>\n\t\t<annotation>PASCAL VOC2007</annotation>\n\t\t<image>drawn</image>\n"
             "\t</source>\n\t<size>\n\t\t<width>%d</width>\n\t\t<height>%d</height>\n\t\t<depth>3</depth>\n\t</size>\n"
             "\t<segmented>0</segmented>\n",
             number, size, size);
    for (int i = 0; i < scene->count; i++)
        if (kinds[scene->objects[i].kind].voc)
            add_object(&xml, &scene->objects[i], size);
    text_add(&xml, "</annotation>\n");
    snprintf(name, sizeof name, FOLDER "Annotations/%06" PRId64 ".xml", number);
    if (lists->status == LMVR_OK)
        lists->status = listing_write_file(lists->folder, name, xml.bytes, xml.length, &lists->error);
}

/* ---- the lists ---- */

/* Every other training image is in train, the rest in val. */
static const struct list {
    const char *name;
    enum set_part part;
    int from, step;
} lists[] = {{"train", SET_TRAIN, 0, 2}, {"val", SET_TRAIN, 1, 2}, {"trainval", SET_TRAIN, 0, 1}, {"test", SET_TEST, 0, 1}};
#define LISTS (sizeof lists / sizeof *lists)

static struct listing *class_list(struct set *set, const struct list *list, int class)
{
    return listing_named(&set->lists, FOLDER "ImageSets/Main/%s_%s.txt", class_names[class], list->name);
}

static struct listing *list_of_all(struct set *set, const struct list *list)
{
    return listing_named(&set->lists, FOLDER "ImageSets/Main/%s.txt", list->name);
}

static void begin(struct set *set)
{
    for (size_t i = 0; i < LISTS; i++) {
        list_of_all(set, &lists[i]);
        for (int class = 0; class < CLASSES; class ++)
            class_list(set, &lists[i], class);
    }
}

/* The class's value in its lists. */
static int label_of(const struct scene *scene, const char *class, int size)
{
    int label = -1;
    for (int i = 0; i < scene->count; i++) {
        const struct object *o = &scene->objects[i];
        if (label < 1 && kinds[o->kind].voc && strcmp(kinds[o->kind].voc, class) == 0)
            label = !is_difficult(o, size);
    }
    return label;
}

static void add(struct set *set, const struct picture *p)
{
    int64_t number = number_of(set, p);
    int size = set->options->size;
    add_annotation(&set->lists, &p->scene, number, size);
    for (const struct list *l = lists; l < lists + LISTS; l++) {
        if (p->part != l->part || p->index % l->step != l->from)
            continue;
        listing_add(list_of_all(set, l), "%06" PRId64 "\n", number);
        for (int class = 0; class < CLASSES; class ++)
            listing_add(class_list(set, l, class), "%06" PRId64 " %2d\n", number,
                        label_of(&p->scene, class_names[class], size));
    }
}

const struct layout layout_voc2007 = {
    .name = "voc2007", .entries = entries, .class_of = class_of, .begin = begin, .plan = plan, .add = add};
