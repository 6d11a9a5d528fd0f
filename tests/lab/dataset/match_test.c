#include "layout.h"

static void test_classes_of_imagenet_c_get_the_numbers_that_imagenet_has(void **state)
{
    (void)state;
    put_images("i/train/n01440764/a.JPEG i/train/n02084071/a.JPEG i/train/n03000000/a.JPEG i/val/n02084071/b.JPEG "
               "c/fog/3/n02084071/a.JPEG c/fog/3/n03000000/b.JPEG c/fog/3/n09999999/c.JPEG");
    put_text("i/LOC_synset_mapping.txt", "n01440764 tench\nn02084071 dog\nn03000000 x\n");
    struct dataset clean = open_set("imagenet", "i"), corrupted = open_set("imagenet-c", "c");
    lmvr_error error;
    assert_single(&corrupted, 0, "0 1 2");
    assert_int_equal(dataset_match_classes(&corrupted, &clean, &error), LMVR_OK);
    assert_single(&corrupted, 0, "1 2 -1");
    assert_classes(&corrupted, 0, "n01440764 tench,n02084071 dog,n03000000 x");
    assert_int_equal(corrupted.left_out, 1);
    assert_words(corrupted.left_out_why, "c/fog/3/n09999999/c.JPEG|'n09999999'");
    dataset_finish(&clean);
    dataset_finish(&corrupted);
}

static void test_classes_that_are_not_there_are_left_out_of_several_labels(void **state)
{
    (void)state;
    put_text("a.csv", "path,part,dog,cat,cow\na.jpg,train,1,-1,1\nb.jpg,test,-1,1,1\n");
    put_text("b.csv", "path,part,cow,horse,dog\na.jpg,train,1,1,-1\nb.jpg,test,0,1,1\n");
    put_images("a.jpg b.jpg");
    struct dataset a = open_set("csv", "a.csv"), b = open_set("csv", "b.csv");
    lmvr_error error;
    assert_int_equal(dataset_match_classes(&b, &a, &error), LMVR_OK);
    assert_classes(&b, 0, "dog,cat,cow");
    assert_multi(&b, 0, "-1 1");
    assert_multi(&b, 1, "0 0");
    assert_multi(&b, 2, "1 0");
    dataset_finish(&a);
    dataset_finish(&b);
}

static void test_sets_of_another_kind_are_refused_and_stay_as_they_are(void **state)
{
    (void)state;
    put_text("a.csv", "path,part,dog,cat\na.jpg,train,1,-1\nb.jpg,test,-1,1\n");
    put_text("b.csv", "path,part,label\na.jpg,train,cat\nb.jpg,test,dog\n");
    put_images("a.jpg b.jpg");
    struct dataset a = open_set("csv", "a.csv"), b = open_set("csv", "b.csv");
    lmvr_error error;
    assert_int_equal(dataset_match_classes(&b, &a, &error), LMVR_ERROR_INVALID);
    assert_single(&b, 0, "0 1");
    assert_classes(&b, 0, "cat,dog");
    b.task_count = 0;
    assert_int_equal(dataset_match_classes(&b, &a, &error), LMVR_ERROR_INVALID);
    assert_words(error.message, "0 tasks|1");
    b.task_count = 1;
    dataset_finish(&a);
    dataset_finish(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_classes_of_imagenet_c_get_the_numbers_that_imagenet_has),
        IN_SCRATCH(test_classes_that_are_not_there_are_left_out_of_several_labels),
        IN_SCRATCH(test_sets_of_another_kind_are_refused_and_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
