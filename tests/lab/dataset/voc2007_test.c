#include "layout.h"

static const char *const names[20] = {
    "aeroplane",   "bicycle", "bird",  "boat",      "bottle", "bus",         "car",   "cat",  "chair", "cow",
    "diningtable", "dog",     "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
};

static void put_list(const char *root, const char *class, const char *part, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/ImageSets/Main/%s_%s.txt", root, class, part);
    put_text(path, text);
}

/* Three training and two test images without any class, unless a test overwrites a list. */
static void put_set(const char *root)
{
    char path[256];
    const char *const ids[] = {"000005", "000007", "000009", "000001", "000002"};
    for (int i = 0; i < 20; i++) {
        put_list(root, names[i], "trainval", "000005 -1\n000007 -1\n000009 -1\n");
        put_list(root, names[i], "test", "000001 -1\n000002 -1\n");
    }
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/JPEGImages/%s.jpg", root, ids[i]);
        put_text(path, "x");
    }
}

static void test_the_lists_of_the_devkit_become_labels(void **state)
{
    (void)state;
    put_set("VOCdevkit/VOC2007");
    put_list("VOCdevkit/VOC2007", "horse", "trainval", "000005 -1\n000007  1\n000009  0\n");
    put_list("VOCdevkit/VOC2007", "dog", "trainval", "000009  1\r\n000005  0\r\n000007 -1\r\n");
    put_list("VOCdevkit/VOC2007", "dog", "test", "000001  1\n000002 -1");
    struct dataset set = open_set("voc2007", ".");
    assert_paths(&set, "./VOCdevkit/VOC2007/JPEGImages/000005.jpg ./VOCdevkit/VOC2007/JPEGImages/000007.jpg "
                       "./VOCdevkit/VOC2007/JPEGImages/000009.jpg | ./VOCdevkit/VOC2007/JPEGImages/000001.jpg "
                       "./VOCdevkit/VOC2007/JPEGImages/000002.jpg");
    assert_classes(&set, 0,
                   "aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,"
                   "pottedplant,sheep,sofa,train,tvmonitor");
    assert_multi(&set, 12, "-1 1 0 -1 -1");
    assert_multi(&set, 11, "0 -1 1 1 -1");
    assert_multi(&set, 19, "-1 -1 -1 -1 -1");
    assert_int_equal(set.left_out, 0);
    assert_string_equal(set.left_out_why, "");
    dataset_finish(&set);
}

static void test_the_folder_may_be_any_of_the_three(void **state)
{
    (void)state;
    put_set("data/VOCdevkit/VOC2007");
    struct dataset a = open_set("voc2007", "data"), b = open_set("voc2007", "data/VOCdevkit/"),
                   c = open_set("voc2007", "data/VOCdevkit/VOC2007");
    assert_string_equal(a.paths[4], b.paths[4]);
    assert_string_equal(a.paths[4], c.paths[4]);
    assert_int_equal(a.fingerprint, b.fingerprint);
    assert_int_equal(a.fingerprint, c.fingerprint);
    dataset_finish(&a);
    dataset_finish(&b);
    dataset_finish(&c);
}

static void test_images_that_are_missing_are_counted_and_the_first_is_named(void **state)
{
    (void)state;
    put_set("VOC2007");
    put_list("VOC2007", "dog", "trainval", "000005 -1\n000007 0\n000009 1\n");
    remove("VOC2007/JPEGImages/000005.jpg");
    remove("VOC2007/JPEGImages/000002.jpg");
    struct dataset set = open_set("voc2007", ".");
    assert_paths(&set, "./VOC2007/JPEGImages/000007.jpg ./VOC2007/JPEGImages/000009.jpg | ./VOC2007/JPEGImages/000001.jpg");
    assert_multi(&set, 11, "0 1 -1");
    assert_int_equal(set.left_out, 2);
    assert_words(set.left_out_why, "aeroplane_trainval.txt|there is no|JPEGImages/000005.jpg");
    dataset_finish(&set);
}

static void test_a_missing_list_says_what_to_download(void **state)
{
    (void)state;
    assert_refused("voc2007", "nowhere", "nowhere is missing|http://host.robots.ox.ac.uk/pascal/VOC/voc2007/");
    assert_refused("voc2007", ".", "ImageSets|VOCtrainval_06-Nov-2007.tar");
    put_set("VOC2007");
    remove("VOC2007/ImageSets/Main/cow_test.txt");
    assert_refused("voc2007", ".", "cow_test.txt is missing|VOCtest_06-Nov-2007.tar");
    remove("VOC2007/ImageSets/Main/cow_trainval.txt");
    assert_refused("voc2007", ".", "cow_trainval.txt is missing|VOCtrainval_06-Nov-2007.tar");
}

static void test_without_any_picture_it_is_refused(void **state)
{
    (void)state;
    put_set("VOC2007");
    remove("VOC2007/JPEGImages/000001.jpg");
    remove("VOC2007/JPEGImages/000002.jpg");
    assert_refused("voc2007", ".", "no image to test on|2 could not be used|000001.jpg");
    remove_tree("VOC2007/JPEGImages");
    assert_refused("voc2007", ".", "no image to train on|000005.jpg");
}

static void test_lines_that_make_no_sense_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"000005 -1\n000007\n000009 -1\n", "line 2|1, -1 or 0"},
        {"000005 -1\n000007 2\n000009 -1\n", "line 2|1, -1 or 0"},
        {"000005 -1\n000007 -1\n000009 -1 1\n", "line 3|1, -1 or 0"},
        {"000005 -1\n\n000009 -1\n", "line 2|1, -1 or 0"},
        {"000005 -1\n000007 1x\n000009 -1\n", "line 2"},
        {"000005 -1\n000007 -1\n000011 -1\n", "line 3|list of aeroplanes"},
        {"000005 -1\n000007 -1\n", "has 2 images, but|has 3"},
        {"000005 -1\n000007 -1\n000007 1\n", "line 3|duplicate image"},
        {"", "has 0 images"},
    };
    put_set("VOC2007");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_list("VOC2007", "sheep", "trainval", cases[i].text);
        assert_refused("voc2007", ".", "sheep_trainval.txt");
        assert_refused("voc2007", ".", cases[i].words);
    }
    write_bytes("VOC2007/ImageSets/Main/sheep_trainval.txt", "000005 -1\n\0", 11);
    assert_refused("voc2007", ".", "sheep_trainval.txt|zero byte");
    put_set("VOC2007");
    put_list("VOC2007", "aeroplane", "test", "000001 -1\n000001 -1\n");
    assert_refused("voc2007", ".", "aeroplane_test.txt|line 2|duplicate image");
}

static void test_it_has_one_part_to_test_on(void **state)
{
    (void)state;
    put_set("VOC2007");
    struct dataset_options options = with_test("val");
    assert_refused_with("voc2007", ".", &options, "voc2007|'val'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_the_lists_of_the_devkit_become_labels),
        IN_SCRATCH(test_the_folder_may_be_any_of_the_three),
        IN_SCRATCH(test_images_that_are_missing_are_counted_and_the_first_is_named),
        IN_SCRATCH(test_a_missing_list_says_what_to_download),
        IN_SCRATCH(test_without_any_picture_it_is_refused),
        IN_SCRATCH(test_lines_that_make_no_sense_are_named),
        IN_SCRATCH(test_it_has_one_part_to_test_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
