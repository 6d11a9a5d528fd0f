#include "layout.h"

static void put_set(const char *root)
{
    char path[128];
    for (int i = 0; i < 60; i++) {
        snprintf(path, sizeof path, "%s/%s/c%d/%02d.jpg", root, i < 40 ? "train" : "test", i % 3, i);
        put_text(path, "x");
    }
}

static void test_a_set_that_is_not_known_is_refused_with_those_that_are(void **state)
{
    (void)state;
    assert_refused("cifar", ".", "'cifar'|voc2007, coco, visda, imagenet, imagenet-c, deepfashion, folder, csv");
    assert_refused("", ".", "voc2007");
    char names[256];
    snprintf(names, sizeof names, "%s", dataset_names);
    for (char *rest, *name = strtok_r(names, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest))
        assert_refused(name, "nowhere", "nowhere is missing; ");
}

static void test_a_limit_holds_for_each_part_and_keeps_the_order(void **state)
{
    (void)state;
    put_set("d");
    struct dataset_options options = {.limit = 10, .seed = 4};
    struct dataset set = open_with("folder", "d", &options);
    assert_int_equal(set.train_count, 10);
    assert_int_equal(set.count, 20);
    for (int64_t i = 1; i < set.count; i++)
        if (i != set.train_count)
            assert_true(strcmp(set.paths[i - 1], set.paths[i]) < 0);
    for (int64_t i = 0; i < set.count; i++)
        assert_int_equal(set.tasks[0].labels.single[i], strstr(set.paths[i], "/c")[2] - '0');
    dataset_finish(&set);
    options.limit = 1000;
    set = open_with("folder", "d", &options);
    assert_int_equal(set.count, 60);
    dataset_finish(&set);
}

static void test_the_choice_hangs_on_the_seed(void **state)
{
    (void)state;
    put_set("d");
    struct dataset_options options = {.limit = 10, .seed = 4};
    struct dataset a = open_with("folder", "d", &options), b = open_with("folder", "d", &options);
    options.seed = 5;
    struct dataset c = open_with("folder", "d", &options);
    assert_int_equal(a.fingerprint, b.fingerprint);
    assert_int_not_equal(a.fingerprint, c.fingerprint);
    dataset_finish(&a);
    dataset_finish(&b);
    dataset_finish(&c);
}

static uint64_t fingerprint(const char *path)
{
    struct dataset set = open_set("folder", path);
    uint64_t hash = set.fingerprint;
    dataset_finish(&set);
    return hash;
}

static void test_the_fingerprint_is_of_names_parts_and_labels(void **state)
{
    (void)state;
    put_set("d");
    put_set("elsewhere/d");
    uint64_t first = fingerprint("d");
    assert_int_equal(fingerprint("elsewhere/d/"), first);
    put_text("d/train/c0/00.jpg", "another picture");
    assert_int_equal(fingerprint("d"), first);
    assert_int_equal(rename("d/train/c0/00.jpg", "d/train/c0/000.jpg"), 0);
    assert_int_not_equal(fingerprint("d"), first);
    assert_int_equal(rename("d/train/c0/000.jpg", "d/train/c1/00.jpg"), 0);
    assert_int_not_equal(fingerprint("d"), first);
    assert_int_equal(rename("d/train/c1/00.jpg", "d/train/c0/00.jpg"), 0);
    assert_int_equal(fingerprint("d"), first);
    put_images("d/train/none/readme.txt"); /* another class, but without images */
    assert_int_not_equal(fingerprint("d"), first);
}

/* A table, so that two images can have the same labels except for one. */
static uint64_t table_fingerprint(const char *text)
{
    put_text("l.csv", text);
    struct dataset set = open_set("csv", "l.csv");
    uint64_t hash = set.fingerprint;
    dataset_finish(&set);
    return hash;
}

static void test_the_fingerprint_tells_parts_and_labels_apart(void **state)
{
    (void)state;
    put_images("a.jpg b.jpg c.jpg");
    uint64_t first = table_fingerprint("path,part,x,y\na.jpg,train,1,-1\nb.jpg,test,1,1\nc.jpg,test,1,1\n");
    assert_int_equal(table_fingerprint("part,path,x,y\ntrain,a.jpg,1,-1\ntest,b.jpg,1,1\ntest,c.jpg,1,1\n"), first);
    assert_int_not_equal(table_fingerprint("path,part,x,y\na.jpg,train,1,-1\nb.jpg,train,1,1\nc.jpg,test,1,1\n"), first);
    assert_int_not_equal(table_fingerprint("path,part,x,y\na.jpg,train,1,0\nb.jpg,test,1,1\nc.jpg,test,1,1\n"), first);
    assert_int_not_equal(table_fingerprint("path,part,x,z\na.jpg,train,1,-1\nb.jpg,test,1,1\nc.jpg,test,1,1\n"), first);
}

static void test_it_can_be_finished_twice(void **state)
{
    (void)state;
    put_set("d");
    struct dataset set = open_set("folder", "d");
    dataset_finish(&set);
    dataset_finish(&set);
    assert_null(set.paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_a_set_that_is_not_known_is_refused_with_those_that_are),
        IN_SCRATCH(test_a_limit_holds_for_each_part_and_keeps_the_order),
        IN_SCRATCH(test_the_choice_hangs_on_the_seed),
        IN_SCRATCH(test_the_fingerprint_is_of_names_parts_and_labels),
        IN_SCRATCH(test_the_fingerprint_tells_parts_and_labels_apart),
        IN_SCRATCH(test_it_can_be_finished_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
