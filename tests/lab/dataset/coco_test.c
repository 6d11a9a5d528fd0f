#include "layout.h"

#define CATEGORIES                                                                                                             \
    "\"categories\": [{\"supercategory\": \"animal\", \"id\": 18, \"name\": \"dog\"}, {\"id\": 1, \"name\": \"person\"}, "     \
    "{\"id\": 90, \"name\": \"toothbrush\"}]"

static const char train[] =
    "{\"info\": {\"year\": 2014, \"images\": [1, 2]}, \"images\": [{\"license\": 5, \"file_name\": \"COCO_train2014_3.jpg\", "
    "\"height\": 480, \"id\": 57870}, {\"file_name\": \"COCO_train2014_1.jpg\", \"id\": 1, \"extra\": {\"id\": \"x\"}}, "
    "{\"id\": 9, \"file_name\": \"COCO_train2014_9.jpg\"}], \"licenses\": [{\"id\": 1}],\n"
    "\"annotations\": [{\"segmentation\": [[239.97, 260.24, 1e3]], \"area\": 2.5, \"iscrowd\": 0, \"image_id\": 57870, "
    "\"bbox\": [1], "
    "\"category_id\": 18, \"id\": 1768}, {\"image_id\": 57870, \"category_id\": 18}, {\"segmentation\": {\"counts\": [1], "
    "\"size\": [2]}, "
    "\"iscrowd\": 1, \"image_id\": 1, \"category_id\": 90}, {\"image_id\": 57870, \"category_id\": 1}], " CATEGORIES "}";

static const char val[] = "{" CATEGORIES ", \"annotations\": [{\"image_id\": -7, \"category_id\": 1}], "
                          "\"images\": [{\"file_name\": \"COCO_val2014_7.jpg\", \"id\": -7}]}";

static void put_set(void)
{
    put_text("annotations/instances_train2014.json", train);
    put_text("annotations/instances_val2014.json", val);
    put_images("train2014/COCO_train2014_3.jpg train2014/COCO_train2014_1.jpg train2014/COCO_train2014_9.jpg "
               "val2014/COCO_val2014_7.jpg");
}

static void test_a_class_is_in_an_image_if_any_annotation_says_so(void **state)
{
    (void)state;
    put_set();
    struct dataset set = open_set("coco", ".");
    assert_paths(&set, "./train2014/COCO_train2014_3.jpg ./train2014/COCO_train2014_1.jpg ./train2014/COCO_train2014_9.jpg | "
                       "./val2014/COCO_val2014_7.jpg");
    assert_classes(&set, 0, "person,dog,toothbrush"); /* in the order of their ids */
    assert_multi(&set, 0, "1 -1 -1 1");
    assert_multi(&set, 1, "1 -1 -1 -1");
    assert_multi(&set, 2, "-1 1 -1 -1"); /* a crowd */
    assert_int_equal(set.left_out, 0);
    assert_string_equal(set.tasks[0].group, "coco");
    dataset_finish(&set);
}

static void test_2017_is_taken_where_it_is_alone_or_asked_for(void **state)
{
    (void)state;
    put_text("annotations/instances_train2017.json", train);
    put_text("annotations/instances_val2017.json", val);
    put_images("train2017/COCO_train2014_3.jpg val2017/COCO_val2014_7.jpg");
    struct dataset set = open_set("coco", ".");
    assert_paths(&set, "./train2017/COCO_train2014_3.jpg | ./val2017/COCO_val2014_7.jpg");
    assert_int_equal(set.left_out, 2);
    dataset_finish(&set);
    put_set();
    set = open_set("coco", ".");
    assert_string_equal(set.paths[0], "./train2014/COCO_train2014_3.jpg");
    dataset_finish(&set);
    struct dataset_options options = with_test("val2017");
    set = open_with("coco", ".", &options);
    assert_string_equal(set.paths[0], "./train2017/COCO_train2014_3.jpg");
    dataset_finish(&set);
    options = with_test("test2015");
    assert_refused_with("coco", ".", &options, "'test2015'|val2014");
}

static void test_images_that_are_missing_are_counted(void **state)
{
    (void)state;
    put_set();
    remove("train2014/COCO_train2014_3.jpg");
    struct dataset set = open_set("coco", ".");
    assert_int_equal(set.count, 3);
    assert_multi(&set, 0, "-1 -1 1");
    assert_int_equal(set.left_out, 1);
    assert_words(set.left_out_why, "instances_train2014.json|train2014/COCO_train2014_3.jpg");
    dataset_finish(&set);
}

static void test_missing_files_say_where_to_get_them(void **state)
{
    (void)state;
    assert_refused("coco", ".", "annotations/instances_train2014.json is missing|annotations_trainval2014.zip");
    put_set();
    remove_tree("val2014");
    assert_refused("coco", ".", "val2014 is missing|http://images.cocodataset.org/zips/val2014.zip");
    remove("annotations/instances_val2014.json");
    assert_refused("coco", ".", "instances_val2014.json is missing|annotations_trainval2014.zip");
}

static void test_json_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
#define I "\"images\": [{\"id\": 1, \"file_name\": \"a.jpg\"}]"
#define A "\"annotations\": [{\"image_id\": 1, \"category_id\": 1}]"
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "not valid JSON near byte 0"},
        {"{", "not valid JSON near byte 1"},
        {"{} {}", "not valid JSON"},
        {"{\"images\": [{\"id\": 1, \"file_name\": \"\xff\"}]}", "not valid JSON near byte"},
        {"[]", "does not contain a JSON object"},
        {"7", "does not contain a JSON object"},
        {"null", "does not contain a JSON object"},
        {"{}", "no \"images\"|instances_*.json"},
        {"{" I ", " A "}", "no \"categories\""},
        {"{" I ", " CATEGORIES "}", "no \"annotations\""},
        {"{" I ", " I ", " A ", " CATEGORIES "}", "\"images\" is a duplicate"},
        {"{\"images\": {}}", "\"images\" must be a list"},
        {"{\"images\": 7}", "\"images\" must be a list"},
        {"{\"annotations\": null}", "\"annotations\" must be a list"},
        {"{\"images\": [7]}", "\"images\" must be a list of objects"},
        {"{\"images\": [[]]}", "\"images\" must be a list of objects"},
        {"{\"images\": [{\"id\": 1}]}", "images[0].file_name is missing"},
        {"{\"images\": [{\"id\": 1, \"file_name\": \"a\"}, {\"file_name\": \"a\"}]}", "images[1].id is missing"},
        {"{\"images\": [{\"id\": \"1\", \"file_name\": \"a\"}]}", "images[0].id is not an integer"},
        {"{\"images\": [{\"id\": 1.5, \"file_name\": \"a\"}]}", "images[0].id is not an integer"},
        {"{\"images\": [{\"id\": 99999999999999999999, \"file_name\": \"a\"}]}", "images[0].id is not an integer"},
        {"{\"images\": [{\"id\": 999999999999999999999999999999, \"file_name\": \"a\"}]}", "images[0].id is not an integer"},
        {"{\"images\": [{\"id\": null, \"file_name\": \"a\"}]}", "images[0].id is not an integer"},
        {"{\"images\": [{\"id\": [1], \"file_name\": \"a\"}]}", "images[0].id is not an integer"},
        {"{\"images\": [{\"id\": {}, \"file_name\": \"a\"}]}", "images[0].id is not an integer"},
        {"{\"images\": [{\"id\": 1, \"file_name\": 3}]}", "images[0].file_name is not a string"},
        {"{\"images\": [{\"id\": 1, \"file_name\": true}]}", "images[0].file_name is not a string"},
        {"{\"images\": [{\"id\": 1, \"file_name\": \"\"}]}", "images[0].file_name is empty"},
        {"{\"images\": [{\"id\": 1, \"file_name\": \"a\\u0000\"}]}",
         "images[0].file_name is empty, too long, or contains a zero byte"},
        {"{" I ", \"annotations\": [{\"image_id\": 1, \"caption\": \"x\"}]}", "annotations[0].category_id is missing"},
        {"{" I ", \"annotations\": [{\"image_id\": 2, \"category_id\": 1}], " CATEGORIES "}", "annotations[0].image_id is 2"},
        {"{" I ", \"annotations\": [{\"image_id\": 1, \"category_id\": 5}], " CATEGORIES "}",
         "annotations[0].category_id is 5"},
        {"{\"images\": [{\"id\": 1, \"file_name\": \"a\"}, {\"id\": 1, \"file_name\": \"b\"}], " A ", " CATEGORIES "}",
         "two images have the same id, 1"},
        {"{" I ", " A ", \"categories\": [{\"id\": 1, \"name\": \"a\"}, {\"id\": 1, \"name\": \"b\"}]}",
         "two categories have the same id, 1"},
        {"{" I ", " A ", \"categories\": []}", "has 0 categories"},
    };
    put_set();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text("annotations/instances_train2014.json", cases[i].text);
        assert_refused("coco", ".", "instances_train2014.json");
        assert_refused("coco", ".", cases[i].words);
    }
}

static void test_both_files_have_to_have_the_same_categories(void **state)
{
    (void)state;
    put_set();
    put_text("annotations/instances_val2014.json",
             "{\"categories\": [{\"id\": 1, \"name\": \"person\"}], \"annotations\": [], \"images\": []}");
    assert_refused("coco", ".", "instances_val2014.json|categories");
}

/* Tokens that span the blocks in which the file is read. */
static void test_a_file_of_several_parts_is_read_as_one(void **state)
{
    (void)state;
    char path[64];
    put_set();
    FILE *file = fopen("annotations/instances_train2014.json", "we");
    assert_non_null(file);
    fputs("{\"annotations\": [", file);
    for (int i = 0; i < 40000; i++)
        fprintf(file, "%s{\"image_id\": %d, \"segmentation\": [[%d.125, 17.25, 3]], \"category_id\": %d}", i ? ", " : "",
                1000000 + i % 500, i,
                i % 3 == 0   ? 1
                : i % 3 == 1 ? 18
                             : 90);
    fputs("], \"images\": [", file);
    for (int i = 0; i < 500; i++) {
        fprintf(file, "%s{\"file_name\": \"a%d.jpg\", \"id\": %d}", i ? ", " : "", i, 1000000 + i);
        snprintf(path, sizeof path, "train2014/a%d.jpg", i);
        put_text(path, "x");
    }
    fputs("], " CATEGORIES "}", file);
    assert_int_equal(fclose(file), 0);
    assert_true(size_of_file("annotations/instances_train2014.json") > 2 << 20);
    struct dataset set = open_set("coco", ".");
    assert_int_equal(set.train_count, 500);
    for (int i = 0; i < 500 * 3; i++)
        assert_int_equal(set.tasks[0].labels.multi[i], 1);
    dataset_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_a_class_is_in_an_image_if_any_annotation_says_so),
        IN_SCRATCH(test_2017_is_taken_where_it_is_alone_or_asked_for),
        IN_SCRATCH(test_images_that_are_missing_are_counted),
        IN_SCRATCH(test_missing_files_say_where_to_get_them),
        IN_SCRATCH(test_json_that_makes_no_sense_is_refused),
        IN_SCRATCH(test_both_files_have_to_have_the_same_categories),
        IN_SCRATCH(test_a_file_of_several_parts_is_read_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
