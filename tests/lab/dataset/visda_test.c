#include "layout.h"

static void put_set(void)
{
    put_text("train/image_list.txt", "aeroplane/src_1.png 0\ntruck/src 2.png 11\r\nhorse/src_3.png\t4\n\n");
    put_text("validation/image_list.txt", "bus/1.jpg 2\n");
    put_text("test/image_list.txt", "trunk01/a.jpg 7\ntrunk02/b.jpg 0\n");
    put_images("train/aeroplane/src_1.png train/horse/src_3.png validation/bus/1.jpg test/trunk01/a.jpg test/trunk02/b.jpg");
    put_text("train/truck/src 2.png", "x");
}

static void test_lists_become_labels(void **state)
{
    (void)state;
    put_set();
    struct dataset set = open_set("visda", ".");
    assert_paths(&set, "./train/aeroplane/src_1.png ./train/truck/src 2.png ./train/horse/src_3.png | ./test/trunk01/a.jpg "
                       "./test/trunk02/b.jpg");
    assert_classes(&set, 0, "aeroplane,bicycle,bus,car,horse,knife,motorcycle,person,plant,skateboard,train,truck");
    assert_single(&set, 0, "0 11 4 7 0");
    dataset_finish(&set);
}

static void test_validation_is_tested_on_where_the_test_list_has_no_labels(void **state)
{
    (void)state;
    put_set();
    put_text("test/image_list.txt", "trunk01/a.jpg\ntrunk02/b.jpg\n");
    struct dataset set = open_set("visda", ".");
    assert_string_equal(set.paths[3], "./validation/bus/1.jpg");
    assert_int_equal(set.count, 4);
    dataset_finish(&set);
    struct dataset_options options = with_test("test");
    assert_refused_with("visda", ".", &options, "test/image_list.txt|line 1|no class|taskcv-2017-public");
    remove_tree("test");
    set = open_set("visda", ".");
    assert_int_equal(set.count, 4);
    dataset_finish(&set);
}

static void test_the_part_to_test_on_can_be_chosen(void **state)
{
    (void)state;
    put_set();
    struct dataset_options options = with_test("validation");
    struct dataset set = open_with("visda", ".", &options);
    assert_string_equal(set.paths[3], "./validation/bus/1.jpg");
    assert_single(&set, 0, "0 11 4 2");
    dataset_finish(&set);
    options = with_test("val");
    assert_refused_with("visda", ".", &options, "'val'|test or validation");
}

static void test_missing_lists_say_where_to_get_them(void **state)
{
    (void)state;
    assert_refused("visda", ".", "train/image_list.txt is missing|csr.bu.edu");
    put_set();
    remove_tree("test");
    remove("validation/image_list.txt");
    assert_refused("visda", ".", "validation/image_list.txt is missing|validation.tar");
}

static void test_lines_that_make_no_sense_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"aeroplane/src_1.png 12\n", "line 1|from 0 to 11"},
        {"a 1\naeroplane/src_1.png -1\n", "line 2|from 0 to 11"},
        {"aeroplane/src_1.png one\n", "line 1|from 0 to 11"},
        {"aeroplane/src_1.png 0x1\n", "line 1"},
        {"aeroplane/src_1.png 1\nhorse/src_3.png\n", "line 2|no class"},
        {"aeroplane/src_1.png 99999999999999999999\n", "line 1"},
        {"", "no image to train on"},
    };
    put_set();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text("train/image_list.txt", cases[i].text);
        assert_refused("visda", ".", cases[i].words);
    }
}

static void test_images_that_are_missing_are_counted(void **state)
{
    (void)state;
    put_set();
    put_text("train/image_list.txt", "aeroplane/no.png 0\nnowhere/src_2.png 11\nhorse/src_3.png 4\n./horse/ 1\n");
    struct dataset set = open_set("visda", ".");
    assert_single(&set, 0, "4 7 0");
    assert_int_equal(set.left_out, 3);
    assert_words(set.left_out_why, "train/image_list.txt|train/aeroplane/no.png");
    dataset_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_lists_become_labels),
        IN_SCRATCH(test_validation_is_tested_on_where_the_test_list_has_no_labels),
        IN_SCRATCH(test_the_part_to_test_on_can_be_chosen),
        IN_SCRATCH(test_missing_lists_say_where_to_get_them),
        IN_SCRATCH(test_lines_that_make_no_sense_are_named),
        IN_SCRATCH(test_images_that_are_missing_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
