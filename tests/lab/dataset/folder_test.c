#include "layout.h"

static void test_train_and_test_are_taken_where_both_are_there(void **state)
{
    (void)state;
    static const char *const tests[] = {"validation", "val", "test"};
    put_images("d/train/dog/b.jpg d/train/dog/a.PNG d/train/cat/c.webp d/train/notes.txt d/train/dog/.hidden.jpg "
               "d/train/dog/notes.txt");
    for (int i = 0; i < 3; i++) { /* the ones that were there before count for less */
        char path[64], expected[128];
        snprintf(path, sizeof path, "d/%s/dog/z.jpeg", tests[i]);
        put_text(path, "x");
        struct dataset set = open_set("folder", "d");
        snprintf(expected, sizeof expected, "d/train/cat/c.webp d/train/dog/a.PNG d/train/dog/b.jpg | d/%s/dog/z.jpeg",
                 tests[i]);
        assert_paths(&set, expected);
        assert_classes(&set, 0, "cat,dog");
        assert_single(&set, 0, "0 1 1 1");
        dataset_finish(&set);
    }
    struct dataset_options options = with_test("val");
    struct dataset set = open_with("folder", "d", &options);
    assert_string_equal(set.paths[3], "d/val/dog/z.jpeg");
    dataset_finish(&set);
    options = with_test("x");
    assert_refused_with("folder", "d", &options, "no test folder 'x'");
}

static void put_classes(void)
{
    char path[64];
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "d/%s/%d.jpg", i < 10 ? "cat" : i < 15 ? "train" : i < 19 ? "dog" : "one", i);
        put_text(path, "x");
    }
}

/* The number of test images in the class. */
static int count_tested(const struct dataset *set, int class)
{
    int count = 0;
    for (int64_t i = set->train_count; i < set->count; i++)
        count += set->tasks[0].labels.single[i] == class;
    return count;
}

static void test_else_a_fifth_of_each_class_is_tested_on(void **state)
{
    (void)state;
    put_classes();
    struct dataset set = open_set("folder", "d");
    assert_classes(&set, 0, "cat,dog,one,train");
    assert_int_equal(set.count, 20);
    assert_int_equal(count_tested(&set, 0), 2); /* of 10 */
    assert_int_equal(count_tested(&set, 1), 1); /* of 4 */
    assert_int_equal(count_tested(&set, 2), 0); /* of 1 */
    assert_int_equal(count_tested(&set, 3), 1); /* of 5 */
    dataset_finish(&set);
}

static void test_the_seed_decides_and_the_same_one_decides_alike(void **state)
{
    (void)state;
    put_classes();
    int same = 0;
    struct dataset first = open_set("folder", "d");
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct dataset_options options = {.seed = seed};
        struct dataset set = open_with("folder", "d/", &options);
        same += set.fingerprint == first.fingerprint;
        if (seed == 0)
            assert_int_equal(same, 1);
        dataset_finish(&set);
    }
    assert_in_range(same, 1, 3);
    dataset_finish(&first);
}

static void test_more_images_leave_the_others_where_they_are(void **state)
{
    (void)state;
    put_classes();
    struct dataset before = open_set("folder", "d");
    put_images("d/bird/1.jpg d/bird/2.jpg");
    struct dataset after = open_set("folder", "d");
    for (int64_t i = before.train_count; i < before.count; i++) {
        bool found = false;
        for (int64_t j = after.train_count; j < after.count; j++)
            found = found || strcmp(before.paths[i], after.paths[j]) == 0;
        assert_true(found);
    }
    dataset_finish(&before);
    dataset_finish(&after);
}

static void test_what_cannot_be_used_is_refused(void **state)
{
    (void)state;
    assert_refused("folder", "nowhere", "nowhere is missing");
    assert_refused("folder", ".", "no image to train on|a folder of images per class");
    put_images("d/train/cat/a.jpg");
    assert_refused("folder", "d", "no image to train on");
    put_images("e/a/a.jpg");
    assert_refused("folder", "e", "no image to test on");
    assert_refused("folder", "e/a/a.jpg", "e/a/a.jpg: cannot read: Not a directory");
    struct dataset_options options = with_test("a");
    assert_refused_with("folder", "e", &options, "no folder train");
}

static void test_links_to_nowhere_and_folders_named_like_images_are_passed_over(void **state)
{
    (void)state;
    put_images("d/train/a/1.jpg d/test/a/2.jpg d/train/a/deep.jpg/3.jpg");
    assert_int_equal(symlink("nowhere", "d/train/a/0.jpg"), 0);
    assert_int_equal(symlink("1.jpg", "d/train/a/4.jpg"), 0);
    struct dataset set = open_set("folder", "d");
    assert_paths(&set, "d/train/a/1.jpg d/train/a/4.jpg | d/test/a/2.jpg");
    dataset_finish(&set);
}

static void test_other_files_in_class_folders_are_counted_and_named(void **state)
{
    (void)state;
    put_images("d/train/a/1.jpg d/test/a/2.jpg");
    struct dataset set = open_set("folder", "d");
    assert_null(set.passed_over);
    dataset_finish(&set);
    put_images(
        "d/train/a/3.heic d/test/a/4.HEIC d/train/a/notes.txt d/test/a/.hidden d/README.md"); /* the last is in no class */
    set = open_set("folder", "d");
    assert_string_equal(set.passed_over, "d/: 2 .heic, 1 .txt");
    assert_int_equal(set.count, 2);
    dataset_finish(&set);
    put_images("e/train/a/1.jpg e/test/a/2.heic");
    assert_refused("folder", "e", "no image to test on|passed over in e/: 1 .heic");
}

static void test_odd_bytes_stay_in_paths_and_leave_class_names(void **state)
{
    (void)state;
    put_images("d/train/b\xffx/1\xfe.jpg d/test/b\xffx/2.jpg");
    struct dataset set = open_set("folder", "d");
    assert_string_equal(set.paths[0], "d/train/b\xffx/1\xfe.jpg");
    assert_classes(&set, 0, "b\xef\xbf\xbdx");
    dataset_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_train_and_test_are_taken_where_both_are_there),
        IN_SCRATCH(test_else_a_fifth_of_each_class_is_tested_on),
        IN_SCRATCH(test_the_seed_decides_and_the_same_one_decides_alike),
        IN_SCRATCH(test_more_images_leave_the_others_where_they_are),
        IN_SCRATCH(test_what_cannot_be_used_is_refused),
        IN_SCRATCH(test_links_to_nowhere_and_folders_named_like_images_are_passed_over),
        IN_SCRATCH(test_other_files_in_class_folders_are_counted_and_named),
        IN_SCRATCH(test_odd_bytes_stay_in_paths_and_leave_class_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
