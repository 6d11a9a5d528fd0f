#include "layout.h"

static void test_a_label_column_has_one_class_each(void **state)
{
    (void)state;
    put_text("d/l.csv",
             "path,label,part,width\na.jpg,dog,train,1\n\"b, c.jpg\",cat,test,2\nsub/d.jpg,\"a \"\"cat\"\"\",train,3\n");
    put_images("d/a.jpg d/sub/d.jpg");
    put_text("d/b, c.jpg", "x");
    struct dataset set = open_set("csv", "d/l.csv");
    assert_paths(&set, "d/a.jpg d/sub/d.jpg | d/b, c.jpg");
    assert_classes(&set, 0, "a \"cat\",cat,dog");
    assert_single(&set, 0, "2 0 1");
    dataset_finish(&set);
}

static void test_labels_that_are_numbers_come_in_their_order(void **state)
{
    (void)state;
    put_text("l.csv", "path,part,label\na.jpg,train,10\nb.jpg,test,9\nc.jpg,test,-1\n");
    put_images("a.jpg b.jpg c.jpg");
    struct dataset set = open_set("csv", "l.csv");
    assert_paths(&set, "a.jpg | b.jpg c.jpg");
    assert_classes(&set, 0, "-1,9,10");
    assert_single(&set, 0, "2 1 0");
    dataset_finish(&set);
    put_text("l.csv", "path,part,label\na.jpg,train,10\nb.jpg,test,9\nc.jpg,test,x\n");
    set = open_set("csv", "l.csv");
    assert_classes(&set, 0, "10,9,x");
    dataset_finish(&set);
}

static void test_other_columns_are_a_class_each(void **state)
{
    (void)state;
    put_text("l.csv", "dog,path,cat,part\n1,a.jpg,-1,train\n0,b.jpg,1,test\n");
    put_images("a.jpg b.jpg");
    struct dataset set = open_set("csv", "./l.csv");
    assert_paths(&set, "./a.jpg | ./b.jpg");
    assert_classes(&set, 0, "dog,cat");
    assert_multi(&set, 0, "1 0");
    assert_multi(&set, 1, "-1 1");
    dataset_finish(&set);
}

static void test_without_parts_a_fifth_is_tested_on(void **state)
{
    (void)state;
    static char single[4096] = "path,label\n", multi[4096] = "path,x\n";
    char path[32];
    for (int i = 0; i < 30; i++) {
        snprintf(path, sizeof path, "%d.jpg", i);
        put_text(path, "x");
        snprintf(single + strlen(single), 64, "%d.jpg,%s\n", i, i < 20 ? "a" : "b");
        snprintf(multi + strlen(multi), 64, "%d.jpg,1\n", i);
    }
    put_text("s.csv", single);
    put_text("m.csv", multi);
    struct dataset set = open_set("csv", "s.csv");
    assert_int_equal(set.train_count, 24);
    int of_a = 0;
    for (int64_t i = 24; i < 30; i++)
        of_a += set.tasks[0].labels.single[i] == 0;
    assert_int_equal(of_a, 4);
    dataset_finish(&set);
    set = open_set("csv", "m.csv");
    assert_int_equal(set.train_count, 24);
    dataset_finish(&set);
}

static void test_absolute_paths_stand_for_themselves(void **state)
{
    char text[256], folder[128];
    snprintf(folder, sizeof folder, "%s", (const char *)*state);
    snprintf(text, sizeof text, "path,part,label\n%s/a.jpg,train,1\nb.jpg,test,1\n", folder);
    put_text("d/l.csv", text);
    put_images("a.jpg d/b.jpg");
    struct dataset set = open_set("csv", "d/l.csv");
    snprintf(text, sizeof text, "%s/a.jpg | d/b.jpg", folder);
    assert_paths(&set, text);
    dataset_finish(&set);
}

static void test_what_cannot_be_used_is_left_out_and_counted(void **state)
{
    (void)state;
    put_text("l.csv",
             "path,part,label\nno.jpg,train,1\na.jpg,train,2\na.jpg,test,3\nb.jpg,test,\nb.jpg,test,4\nc.jpg,test,5\n");
    put_images("a.jpg b.jpg c.jpg");
    struct dataset set = open_set("csv", "l.csv");
    assert_paths(&set, "a.jpg | c.jpg");
    assert_classes(&set, 0, "2,5");
    assert_int_equal(set.left_out, 4);
    assert_words(set.left_out_why, "l.csv|there is no no.jpg");
    dataset_finish(&set);
}

static void test_tables_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "is empty"},
        {"label,part\n", "no column 'path'"},
        {"path,part\na.jpg,train\n", "no column 'label'"},
        {"path,label\n", "no image to train on"},
        {"path,part,label\na.jpg,val,1\n", "line 2|train or test"},
        {"path,part,label\na.jpg,train,1\n", "no image to test on"},
        {"path,label\n,1\n", "line 2|path is empty"},
        {"path,dog\na.jpg,2\n", "line 2|'dog' is '2'"},
        {"path,dog\na.jpg,\n", "line 2|'dog' is ''"},
        {"path,dog,cat\na.jpg,1\n", "line 2|2 fields where the header has 3"},
        {"path,dog,dog\na.jpg,1,1\n", "'dog'"},
        {"path,label\na.jpg,\"1\n", "line 2|quote"},
    };
    put_images("a.jpg");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text("l.csv", cases[i].text);
        assert_refused("csv", "l.csv", "l.csv");
        assert_refused("csv", "l.csv", cases[i].words);
    }
    assert_refused("csv", "no.csv", "no.csv is missing|path, part");
    assert_refused("csv", ".", "is a folder, expected a file");
}

static void test_odd_bytes_stay_in_paths_and_leave_class_names(void **state)
{
    (void)state;
    put_text("l.csv", "path,part,label\na\xff.jpg,train,\xfe\nb.jpg,test,x\n");
    put_images("a\xff.jpg b.jpg");
    struct dataset set = open_set("csv", "l.csv");
    assert_string_equal(set.paths[0], "a\xff.jpg");
    assert_classes(&set, 0, "x,\xef\xbf\xbd");
    dataset_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_a_label_column_has_one_class_each),     IN_SCRATCH(test_labels_that_are_numbers_come_in_their_order),
        IN_SCRATCH(test_other_columns_are_a_class_each),        IN_SCRATCH(test_without_parts_a_fifth_is_tested_on),
        IN_SCRATCH(test_absolute_paths_stand_for_themselves),   IN_SCRATCH(test_what_cannot_be_used_is_left_out_and_counted),
        IN_SCRATCH(test_tables_that_make_no_sense_are_refused), IN_SCRATCH(test_odd_bytes_stay_in_paths_and_leave_class_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
