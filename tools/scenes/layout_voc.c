/* PASCAL VOC 2007: JPEGImages, Annotations, and ImageSets/Main with a list per class: 1 if the class is in the image, -1 if
 * not, 0 if only as difficult objects. */
#include "tools/scenes/kind.h"
#include "tools/scenes/set.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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

struct state {
    struct kind_lists kinds;
    int8_t *labels; /* (count + test_count, CLASSES), values as in the lists */
};

static bool has_class(int kind)
{
    return kinds[kind].voc != NULL;
}

static int class_of(int kind)
{
    for (int i = 0; kinds[kind].voc && i < CLASSES; i++)
        if (strcmp(kinds[kind].voc, class_names[i]) == 0)
            return i;
    return -1;
}

/* Training images come first, as in VOC; numbers start at 1. */
static int64_t number_of(const struct scenes_options *o, enum set_part part, int64_t index)
{
    return 1 + index + (part == SET_TEST ? o->count : 0);
}

static lmvr_status begin(struct set *set, lmvr_error *error)
{
    struct state *s = calloc(1, sizeof *s);
    set->state = s;
    if (!s)
        return error_no_memory(error, "the lists");
    s->labels = calloc((size_t)(set->options->count + set->options->test_count), CLASSES);
    if (!s->labels)
        return error_no_memory(error, "the lists");
    return kind_lists_init(&s->kinds, has_class, error);
}

static void plan(const struct set *set, struct picture *p)
{
    const struct state *s = set->state;
    snprintf(p->path, sizeof p->path, FOLDER "JPEGImages/%06" PRId64 ".jpg", number_of(set->options, p->part, p->index));
    struct scene_rules rules = {.kinds = s->kinds.with,
                                .kind_count = s->kinds.with_count,
                                .others = s->kinds.without,
                                .other_count = s->kinds.without_count,
                                .least = 2,
                                .most = SCENE_MAX_OBJECTS};
    scene_choose(&set->glyphs, &rules, set_random(set, p), &p->scene);
}

/* ---- images ---- */

static bool is_difficult(const struct object *o, int size)
{
    double side = fmax(o->box.right - o->box.left, o->box.bottom - o->box.top) / size;
    return o->visible < DIFFICULT_VISIBLE || side < DIFFICULT_SIDE;
}

/* Boxes count from 1 and include their last pixel. */
static void add_object(struct text *xml, const struct object *o, int size)
{
    char text[512];
    snprintf(text, sizeof text,
             "\t<object>\n\t\t<name>%s</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>%d</truncated>\n"
             "\t\t<difficult>%d</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>%d</xmin>\n\t\t\t<ymin>%d</ymin>\n"
             "\t\t\t<xmax>%d</xmax>\n\t\t\t<ymax>%d</ymax>\n\t\t</bndbox>\n\t</object>\n",
             kinds[o->kind].voc, o->cut, is_difficult(o, size), o->box.left + 1, o->box.top + 1, o->box.right, o->box.bottom);
    text_add(xml, text);
}

static void write_annotation(struct text *xml, const struct scene *scene, int64_t number, int size)
{
    char text[512];
    snprintf(text, sizeof text,
             "<annotation>\n\t<folder>VOC2007</folder>\n\t<filename>%06" PRId64 ".jpg</filename>\n\t<source>\n"
             "\t\t<database>lmvr scenes</database>\n\t\t<annotation>PASCAL VOC2007</annotation>\n\t\t<image>drawn</image>\n"
             "\t</source>\n\t<size>\n\t\t<width>%d</width>\n\t\t<height>%d</height>\n\t\t<depth>3</depth>\n\t</size>\n"
             "\t<segmented>0</segmented>\n",
             number, size, size);
    text_add(xml, text);
    for (int i = 0; i < scene->count; i++)
        if (kinds[scene->objects[i].kind].voc)
            add_object(xml, &scene->objects[i], size);
    text_add(xml, "</annotation>\n");
}

static lmvr_status add(struct set *set, const struct picture *p, lmvr_error *error)
{
    struct state *s = set->state;
    int64_t number = number_of(set->options, p->part, p->index);
    int8_t *labels = s->labels + (number - 1) * CLASSES;
    int size = set->options->size;
    memset(labels, -1, CLASSES);
    for (int i = 0; i < p->scene.count; i++) {
        int class = class_of(p->scene.objects[i].kind);
        bool difficult = is_difficult(&p->scene.objects[i], size);
        if (class >= 0 && labels[class] < 1)
            labels[class] = !difficult;
    }
    char name[128];
    struct text xml = {0};
    write_annotation(&xml, &p->scene, number, size);
    snprintf(name, sizeof name, FOLDER "Annotations/%06" PRId64 ".xml", number);
    lmvr_status status = xml.failed ? error_no_memory(error, name)
                                    : listing_write_file(set->options->output, name, text_get(&xml), xml.length, error);
    text_finish(&xml);
    return status;
}

/* ---- the lists ---- */

/* Every other training image is in train, the rest in val. */
static const struct list {
    const char *name;
    enum set_part part;
    int from, step;
} lists[] = {{"train", SET_TRAIN, 0, 2}, {"val", SET_TRAIN, 1, 2}, {"trainval", SET_TRAIN, 0, 1}, {"test", SET_TEST, 0, 1}};

/* Writes a class's list, or if class is -1 the list of all images. */
static lmvr_status write_list(const struct set *set, const struct list *list, int class, lmvr_error *error)
{
    const struct scenes_options *o = set->options;
    const struct state *s = set->state;
    char name[128], line[64];
    struct listing out;
    snprintf(name, sizeof name, FOLDER "ImageSets/Main/%s%s%s.txt", class < 0 ? "" : class_names[class], class < 0 ? "" : "_",
             list->name);
    TRY(listing_open(&out, o->output, name, error));
    int64_t count = list->part == SET_TRAIN ? o->count : o->test_count;
    lmvr_status status = LMVR_OK;
    for (int64_t i = list->from; i < count && status == LMVR_OK; i += list->step) {
        int64_t number = number_of(o, list->part, i);
        if (class < 0)
            snprintf(line, sizeof line, "%06" PRId64 "\n", number);
        else
            snprintf(line, sizeof line, "%06" PRId64 " %2d\n", number, s->labels[(number - 1) * CLASSES + class]);
        status = listing_add(&out, line, error);
    }
    if (status == LMVR_OK)
        status = listing_close(&out, error);
    listing_drop(&out);
    return status;
}

static lmvr_status end(struct set *set, lmvr_error *error)
{
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (int class = -1; class < CLASSES; class ++)
            TRY(write_list(set, &lists[i], class, error));
    return LMVR_OK;
}

static void finish(struct set *set)
{
    struct state *s = set->state;
    if (!s)
        return;
    kind_lists_finish(&s->kinds);
    free(s->labels);
    free(s);
    set->state = NULL;
}

const struct layout layout_voc2007 = {
    .name = "voc2007", .entries = entries, .begin = begin, .plan = plan, .add = add, .end = end, .finish = finish};
