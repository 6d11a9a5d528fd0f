/* Whole sets on disk: the files of each layout, the same bytes for the same seed, and consistent labels. */
#include "scratch.h"

#include "tools/scenes/kind.h"
#include "tools/scenes/scenes.h"

#include <dirent.h>
#include <jansson.h>

static struct scenes_options options_of(enum scenes_layout layout, const char *output)
{
    return (struct scenes_options){.layout = layout, .output = output, .count = 40, .seed = 6, .size = 112, .threads = 2};
}

static void make(const struct scenes_options *options)
{
    lmvr_error error;
    if (scenes_make(options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

static json_t *read_json(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    if (!json)
        fail_msg("%s: %s", path, error.text);
    return json;
}

/* ---- all layouts ---- */

static int compared;
static const char *other_root;
static size_t root_length;

static int compare_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)ftw;
    char other[512];
    if (type != FTW_F)
        return 0;
    snprintf(other, sizeof other, "%s%s", other_root, path + root_length);
    assert_same_file(path, other);
    assert_null(strstr(path, ".part"));
    compared++;
    return 0;
}

/* Every file of `a` is in `b`, with the same bytes. */
static int compare_trees(const char *a, const char *b)
{
    compared = 0;
    other_root = b;
    root_length = strlen(a);
    assert_int_equal(nftw(a, compare_file, 16, FTW_PHYS), 0);
    return compared;
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    for (int layout = 1; layout < SCENES_LAYOUTS; layout++) {
        struct scenes_options o = options_of((enum scenes_layout)layout, "one");
        o.threads = 1;
        make(&o);
        o.output = "four";
        o.threads = 4;
        make(&o);
        int files = compare_trees("one", "four");
        assert_true(files >= 52); /* 40 and 10 pictures, the record, the synonyms */
        assert_int_equal(files, compare_trees("four", "one"));
        remove_tree("one");
        remove_tree("four");
    }
}

static void test_pictures_do_not_depend_on_how_many_there_are(void **state)
{
    (void)state;
    struct scenes_options o = options_of(SCENES_LLAVA, "few");
    make(&o);
    o.output = "many";
    o.count = 100;
    make(&o);
    assert_same_file("few/images/000000.jpg", "many/images/000000.jpg");
    assert_same_file("few/images/000039.jpg", "many/images/000039.jpg");
    assert_same_file("few/images/test_000009.jpg", "many/images/test_000009.jpg");
    o.seed = 7;
    o.output = "other";
    make(&o);
    assert_false(is_same_file("few/images/000000.jpg", "other/images/000000.jpg"));
    assert_false(is_same_file("few/images/000000.jpg", "few/images/test_000000.jpg"));
}

/* ---- VOC ---- */

static void read_list(const char *class, const char *list, int from, int count, int *labels)
{
    char path[256];
    int number, value;
    snprintf(path, sizeof path, "voc/VOCdevkit/VOC2007/ImageSets/Main/%s_%s.txt", class, list);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    for (int i = 0; i < count; i++) {
        assert_int_equal(fscanf(file, "%d %d", &number, &value), 2);
        assert_int_equal(number, from + i);
        labels[i] = value;
    }
    assert_int_equal(fscanf(file, "%d", &number), EOF);
    fclose(file);
}

/* A class's label according to the annotation: 1, 0 if all its objects are difficult, -1 if there are none. */
static int label_of(const char *xml, const char *class)
{
    char name[64];
    int label = -1;
    snprintf(name, sizeof name, "<name>%s</name>", class);
    for (const char *at = xml; (at = strstr(at, name)) != NULL; at++) {
        const char *difficult = strstr(at, "<difficult>");
        assert_non_null(difficult);
        label = difficult[11] == '0' ? 1 : label < 0 ? 0 : label;
    }
    return label;
}

static void assert_boxes_inside(const char *xml)
{
    int x0, y0, x1, y1;
    for (const char *at = xml; (at = strstr(at, "<bndbox>")) != NULL; at++) {
        assert_int_equal(
            sscanf(at, "<bndbox> <xmin>%d</xmin> <ymin>%d</ymin> <xmax>%d</xmax> <ymax>%d</ymax>", &x0, &y0, &x1, &y1), 4);
        assert_true(1 <= x0 && x0 < x1 && x1 <= 112 && 1 <= y0 && y0 < y1 && y1 <= 112);
    }
}

static void test_the_truth_of_every_layout_lists_its_pictures(void **state)
{
    static const enum scenes_layout layouts[] = {SCENES_VOC2007, SCENES_COCO, SCENES_VISDA, SCENES_IMAGENET, SCENES_LLAVA};
    static const char *const parts[] = {"train", "test", "validation"};
    (void)state;
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        json_t *scene;
        size_t number;
        struct scenes_options o = options_of(layouts[i], "set");
        o.force = true;
        make(&o);
        json_t *truth = read_json("set/scenes.json");
        assert_int_equal(json_array_size(truth), layouts[i] == SCENES_VISDA ? 60 : 50);
        json_array_foreach(truth, number, scene)
        {
            char path[256];
            const char *image = json_string_value(json_object_get(scene, "image"));
            snprintf(path, sizeof path, "set/%s", image);
            assert_true(exists(path));
            assert_string_equal(json_string_value(json_object_get(scene, "part")), parts[number < 40   ? 0
                                                                                         : number < 50 ? 1
                                                                                                       : 2]);
            json_t *first = json_array_get(json_object_get(scene, "objects"), 0);
            const char *name = json_string_value(json_object_get(first, "name"));
            assert_true(kind_find(name) >= 0);
            if (layouts[i] == SCENES_IMAGENET && !strchr(name, ' '))
                assert_non_null(strstr(image, name));
        }
        json_decref(truth);
    }
}

static void test_voc_lists_agree_with_annotations(void **state)
{
    (void)state;
    static const char *const classes[] = {"aeroplane", "bicycle",     "bird",  "boat",        "bottle", "bus",      "car",
                                          "cat",       "chair",       "cow",   "diningtable", "dog",    "horse",    "motorbike",
                                          "person",    "pottedplant", "sheep", "sofa",        "train",  "tvmonitor"};
    struct scenes_options o = options_of(SCENES_VOC2007, "voc");
    int labels[50], ones = 0, zeros = 0;
    o.count = 40;
    make(&o);
    for (int c = 0; c < 20; c++) {
        read_list(classes[c], "trainval", 1, 40, labels);
        read_list(classes[c], "test", 41, 10, labels + 40);
        for (int i = 0; i < 50; i++) {
            char path[256];
            snprintf(path, sizeof path, "voc/VOCdevkit/VOC2007/Annotations/%06d.xml", i + 1);
            char *xml = read_bytes(path, NULL);
            assert_non_null(xml);
            assert_int_equal(label_of(xml, classes[c]), labels[i]);
            assert_boxes_inside(xml);
            ones += labels[i] == 1;
            zeros += labels[i] == 0;
            free(xml);
            snprintf(path, sizeof path, "voc/VOCdevkit/VOC2007/JPEGImages/%06d.jpg", i + 1);
            assert_true(size_of_file(path) > 1000);
        }
    }
    assert_true(ones > 50);
    assert_true(zeros > 0);
    assert_false(exists("voc/VOCdevkit/VOC2007/JPEGImages/000051.jpg"));
}

/* ---- COCO ---- */

static void check_coco(const char *part, int count)
{
    char path[256];
    snprintf(path, sizeof path, "coco/annotations/instances_%s2017.json", part);
    json_t *json = read_json(path), *images = json_object_get(json, "images"), *image, *annotation;
    json_int_t last = 0;
    size_t i;
    assert_int_equal(json_array_size(images), count);
    assert_true(json_array_size(json_object_get(json, "categories")) >= 50);
    json_array_foreach(images, i, image)
    {
        snprintf(path, sizeof path, "coco/%s2017/%s", part, json_string_value(json_object_get(image, "file_name")));
        assert_true(size_of_file(path) > 1000);
    }
    assert_true(json_array_size(json_object_get(json, "annotations")) > (size_t)count);
    json_array_foreach(json_object_get(json, "annotations"), i, annotation)
    {
        int x, y, width, height;
        json_t *box = json_object_get(annotation, "bbox");
        assert_int_equal(json_unpack(box, "[i,i,i,i]", &x, &y, &width, &height), 0);
        assert_true(x >= 0 && y >= 0 && width > 0 && height > 0 && x + width <= 112 && y + height <= 112);
        assert_int_equal(json_integer_value(json_object_get(annotation, "area")), width * height);
        assert_true(json_integer_value(json_object_get(annotation, "id")) > last);
        last = json_integer_value(json_object_get(annotation, "id"));
    }
    json_decref(json);
    snprintf(path, sizeof path, "coco/annotations/captions_%s2017.json", part);
    json = read_json(path);
    assert_int_equal(json_array_size(json_object_get(json, "annotations")), 5 * count);
    json_decref(json);
}

static void test_coco(void **state)
{
    (void)state;
    struct scenes_options o = options_of(SCENES_COCO, "coco");
    make(&o);
    check_coco("train", 40);
    check_coco("val", 10);
}

/* ---- VisDA, ImageNet ---- */

static void test_the_truth_has_the_boxes_that_coco_has(void **state)
{
    (void)state;
    struct scenes_options o = options_of(SCENES_COCO, "coco");
    make(&o);
    json_t *truth = read_json("coco/scenes.json"), *instances = read_json("coco/annotations/instances_train2017.json");
    json_t *annotations = json_object_get(instances, "annotations"), *scene, *object;
    size_t i, j, at = 0;
    json_array_foreach(truth, i, scene)
    {
        if (strcmp(json_string_value(json_object_get(scene, "part")), "train") != 0)
            continue;
        json_array_foreach(json_object_get(scene, "objects"), j, object)
        {
            if (!kinds[kind_find(json_string_value(json_object_get(object, "name")))].coco)
                continue;
            json_t *annotation = json_array_get(annotations, at++);
            assert_true(json_equal(json_object_get(object, "box"), json_object_get(annotation, "bbox")));
            assert_int_equal(json_integer_value(json_object_get(annotation, "image_id")),
                             atoi(json_string_value(json_object_get(scene, "id"))));
        }
    }
    assert_int_equal(at, json_array_size(annotations));
    json_decref(instances);
    json_decref(truth);
}

static void test_visda_lists_hold_every_class_in_turn(void **state)
{
    (void)state;
    static const struct {
        const char *part;
        int count;
    } parts[] = {{"train", 40}, {"validation", 12}, {"test", 12}};
    struct scenes_options o = options_of(SCENES_VISDA, "visda");
    o.test_count = 12;
    make(&o);
    for (int p = 0; p < 3; p++) {
        char path[512], name[256];
        int class, classes[12] = {0}, count = 0;
        snprintf(path, sizeof path, "visda/%s/image_list.txt", parts[p].part);
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        while (fscanf(file, "%255s %d", name, &class) == 2) {
            assert_in_range(class, 0, 11);
            classes[class]++;
            count++;
            snprintf(path, sizeof path, "visda/%s/%s", parts[p].part, name);
            assert_true(size_of_file(path) > 500);
        }
        fclose(file);
        assert_int_equal(count, parts[p].count);
        for (int c = 0; c < 12; c++)
            assert_in_range(classes[c], count / 12, count / 12 + 1);
    }
}

static void test_imagenet_tests_only_classes_that_it_trains(void **state)
{
    (void)state;
    struct scenes_options o = options_of(SCENES_IMAGENET, "imagenet");
    make(&o);
    DIR *dir = opendir("imagenet/val");
    assert_non_null(dir);
    int classes = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        char path[512];
        if (*e->d_name == '.')
            continue;
        snprintf(path, sizeof path, "imagenet/train/%s", e->d_name);
        assert_true(exists(path));
        classes++;
    }
    closedir(dir);
    assert_int_equal(classes, 10);
}

/* ---- DeepFashion ---- */

static void test_deepfashion_lists_have_a_line_per_image(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int numbers;
    } lists[] = {{"df/labels/shape/shape_anno_all.txt", 12},
                 {"df/labels/texture/fabric_ann.txt", 3},
                 {"df/labels/texture/pattern_ann.txt", 3}};
    struct scenes_options o = options_of(SCENES_DEEPFASHION, "df");
    make(&o);
    json_t *captions = read_json("df/captions.json");
    assert_int_equal(json_object_size(captions), 50);
    for (int l = 0; l < 3; l++) {
        char name[256], path[512];
        int count = 0, number;
        FILE *file = fopen(lists[l].path, "re");
        assert_non_null(file);
        while (fscanf(file, "%255s", name) == 1) {
            for (int i = 0; i < lists[l].numbers; i++)
                assert_int_equal(fscanf(file, "%d", &number), 1);
            snprintf(path, sizeof path, "df/images/%s", name);
            assert_true(size_of_file(path) > 1000);
            assert_non_null(strstr(name, "-id_"));
            assert_true(json_is_string(json_object_get(captions, name)));
            count++;
        }
        fclose(file);
        assert_int_equal(count, 50);
    }
    json_decref(captions);
}

/* ---- LLaVA ---- */

static int count_lines(const char *path)
{
    char *text = read_bytes(path, NULL);
    int lines = 0;
    assert_non_null(text);
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    free(text);
    return lines;
}

static void check_conversations(const char *path, size_t count)
{
    json_t *json = read_json(path), *entry, *turn;
    size_t i, j;
    assert_int_equal(json_array_size(json), count);
    json_array_foreach(json, i, entry)
    {
        char picture[256];
        json_t *turns = json_object_get(entry, "conversations");
        snprintf(picture, sizeof picture, "llava/%s", json_string_value(json_object_get(entry, "image")));
        assert_true(size_of_file(picture) > 1000);
        assert_true(json_array_size(turns) >= 2 && json_array_size(turns) % 2 == 0);
        json_array_foreach(turns, j, turn)
        {
            const char *value = json_string_value(json_object_get(turn, "value"));
            assert_string_equal(json_string_value(json_object_get(turn, "from")), j % 2 ? "gpt" : "human");
            assert_int_equal(strstr(value, "<image>") != NULL, j == 0);
        }
    }
    json_decref(json);
}

static void check_captions(const char *path)
{
    char *text = read_bytes(path, NULL), *line = text;
    assert_non_null(text);
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        json_t *json = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_true(json_is_string(json_object_get(json, "image")) && json_is_string(json_object_get(json, "caption")));
        json_decref(json);
    }
    free(text);
}

static void test_llava(void **state)
{
    (void)state;
    struct scenes_options o = options_of(SCENES_LLAVA, "llava");
    make(&o);
    check_conversations("llava/llava.json", 40);
    check_conversations("llava/llava_test.json", 10);
    check_captions("llava/captions.jsonl");
    assert_int_equal(count_lines("llava/captions.jsonl"), 40);
    assert_int_equal(count_lines("llava/captions_test.jsonl"), 10);
    assert_int_equal(count_lines("llava/text.txt"), 120);
    assert_int_equal(count_lines("llava/text_test.txt"), 30);
    json_t *truth = read_json("llava/scenes.json"), *scene, *object;
    size_t i, j;
    assert_int_equal(json_array_size(truth), 50);
    json_array_foreach(truth, i, scene)
    {
        assert_string_equal(json_string_value(json_object_get(scene, "part")), i < 40 ? "train" : "test");
        assert_in_range(json_array_size(json_object_get(scene, "objects")), 2, 5);
        json_array_foreach(json_object_get(scene, "objects"), j, object)
            assert_true(kind_find(json_string_value(json_object_get(object, "name"))) >= 0);
    }
    json_decref(truth);
    json_t *synonyms = read_json("llava/synonyms.json");
    assert_int_equal(json_object_size(synonyms), kind_count);
    assert_string_equal(json_string_value(json_array_get(json_object_get(synonyms, "dog"), 1)), "dogs");
    json_decref(synonyms);
}

/* ---- the folder ---- */

static void assert_refused(const struct scenes_options *o, const char *part)
{
    lmvr_error error;
    assert_int_equal(scenes_make(o, &error), LMVR_ERROR_INVALID);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" should be said, but: %s", part, error.message);
}

static void test_a_folder_that_holds_something_is_kept(void **state)
{
    (void)state;
    struct scenes_options o = options_of(SCENES_VOC2007, "set");
    assert_int_equal(mkdir("set", 0777), 0);
    write_text("set/notes.txt", "mine");
    assert_refused(&o, "set: contains notes.txt, which is not part of");
    o.force = true;
    assert_refused(&o, "set: contains notes.txt, which is not part of");
    assert_true(exists("set/notes.txt"));
    assert_false(exists("set/made.json"));
    assert_int_equal(unlink("set/notes.txt"), 0);
    o.force = false;
    o.count = 1;
    make(&o);
    assert_refused(&o, "set: already has a generated data set; --force removes it");
    o.force = true;
    o.layout = SCENES_IMAGENET;
    make(&o);
    assert_false(exists("set/VOCdevkit"));
    assert_true(exists("set/train"));
    write_text("set/notes.txt", "mine");
    assert_refused(&o, "set: contains notes.txt");
    assert_true(exists("set/train"));
}

static void test_options_out_of_range_are_refused(void **state)
{
    (void)state;
    struct scenes_options o = options_of(SCENES_LLAVA, "set");
    o.size = 64;
    assert_refused(&o, "112 to 2048");
    o = options_of(SCENES_LLAVA, "set");
    o.count = 0;
    assert_refused(&o, "1 to 10000000");
    o = options_of((enum scenes_layout)0, "set");
    assert_refused(&o, "no layout");
    assert_false(exists("set"));
}

static int stop_at_once(int64_t done, int64_t total, void *user)
{
    (void)user;
    return done < total;
}

static void test_a_stopped_run_says_so_and_can_be_made_anew(void **state)
{
    (void)state;
    lmvr_error error;
    struct scenes_options o = options_of(SCENES_LLAVA, "set");
    o.count = 200;
    o.progress = stop_at_once;
    assert_int_equal(scenes_make(&o, &error), LMVR_STOPPED);
    assert_string_equal(error.message, "stopped after 64 of 250 images");
    assert_false(exists("set/llava.json") || exists("set/scenes.json"));
    json_t *record = read_json("set/made.json");
    assert_true(json_is_false(json_object_get(record, "complete")));
    json_decref(record);
    o.progress = NULL;
    o.force = true;
    o.count = 5;
    make(&o);
    record = read_json("set/made.json");
    assert_true(json_is_true(json_object_get(record, "complete")));
    json_decref(record);
    assert_false(exists("set/images/000005.jpg"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_threads_change_nothing),
        IN_FOLDER(test_pictures_do_not_depend_on_how_many_there_are),
        IN_FOLDER(test_the_truth_of_every_layout_lists_its_pictures),
        IN_FOLDER(test_voc_lists_agree_with_annotations),
        IN_FOLDER(test_coco),
        IN_FOLDER(test_the_truth_has_the_boxes_that_coco_has),
        IN_FOLDER(test_visda_lists_hold_every_class_in_turn),
        IN_FOLDER(test_imagenet_tests_only_classes_that_it_trains),
        IN_FOLDER(test_deepfashion_lists_have_a_line_per_image),
        IN_FOLDER(test_llava),
        IN_FOLDER(test_a_folder_that_holds_something_is_kept),
        IN_FOLDER(test_options_out_of_range_are_refused),
        IN_FOLDER(test_a_stopped_run_says_so_and_can_be_made_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
