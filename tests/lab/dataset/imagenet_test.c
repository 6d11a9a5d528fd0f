#include "layout.h"

static void put_set(void)
{
    put_images(
        "train/n02084071/n02084071_2.JPEG train/n02084071/n02084071_10.JPEG train/n01440764/n01440764_1.JPEG "
        "train/n01440764/Thumbs.db val/n01440764/ILSVRC2012_val_00000293.JPEG val/n02084071/ILSVRC2012_val_00000001.JPEG");
}

static void test_folders_are_classes_in_the_order_of_their_names(void **state)
{
    (void)state;
    put_set();
    struct dataset set = open_set("imagenet", ".");
    assert_paths(&set, "./train/n01440764/n01440764_1.JPEG ./train/n02084071/n02084071_10.JPEG "
                       "./train/n02084071/n02084071_2.JPEG | ./val/n01440764/ILSVRC2012_val_00000293.JPEG "
                       "./val/n02084071/ILSVRC2012_val_00000001.JPEG");
    assert_classes(&set, 0, "n01440764,n02084071");
    assert_single(&set, 0, "0 1 1 0 1");
    dataset_finish(&set);
}

static void test_the_mapping_names_classes(void **state)
{
    (void)state;
    put_set();
    put_text("LOC_synset_mapping.txt", "n02084071 dog, domestic dog, Canis familiaris\r\nn09999999 other\n");
    struct dataset set = open_set("imagenet", ".");
    assert_classes(&set, 0, "n01440764,n02084071 dog");
    dataset_finish(&set);
    put_text("LOC_synset_mapping.txt", "n02084071 dog\nn01440764\n");
    assert_refused("imagenet", ".", "LOC_synset_mapping.txt|line 2");
}

static void test_the_archive_of_kaggle_is_found(void **state)
{
    (void)state;
    put_images("ILSVRC/Data/CLS-LOC/train/n01440764/a.JPEG ILSVRC/Data/CLS-LOC/val/n01440764/b.JPEG");
    put_text("LOC_synset_mapping.txt", "n01440764 tench, Tinca tinca\n");
    struct dataset set = open_set("imagenet", ".");
    assert_paths(&set, "./ILSVRC/Data/CLS-LOC/train/n01440764/a.JPEG | ./ILSVRC/Data/CLS-LOC/val/n01440764/b.JPEG");
    assert_classes(&set, 0, "n01440764 tench");
    dataset_finish(&set);
}

static void test_a_flat_val_says_how_to_sort_it(void **state)
{
    (void)state;
    put_images("train/n01440764/a.JPEG val/ILSVRC2012_val_00000001.JPEG val/ILSVRC2012_val_00000002.JPEG");
    assert_refused("imagenet", ".", "val: has 2 images but no class folders|valprep.sh");
}

static void test_what_is_missing_is_named(void **state)
{
    (void)state;
    assert_refused("imagenet", ".", "train is missing|https://image-net.org");
    put_images("train/n01440764/a.JPEG");
    assert_refused("imagenet", ".", "val is missing|https://image-net.org");
    put_text("val/readme.txt", "x");
    assert_refused("imagenet", ".", "val: has 0 images but no class folders|https://image-net.org");
    put_text("val/n01440764/readme.txt", "x");
    assert_refused("imagenet", ".", "no image to test on|https://image-net.org");
}

static void test_a_class_may_be_in_one_part_only(void **state)
{
    (void)state;
    put_images("train/n1/a.JPEG val/n0/b.JPEG");
    struct dataset set = open_set("imagenet", ".");
    assert_classes(&set, 0, "n0,n1");
    assert_single(&set, 0, "1 0");
    dataset_finish(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_folders_are_classes_in_the_order_of_their_names),
        IN_SCRATCH(test_the_mapping_names_classes),
        IN_SCRATCH(test_the_archive_of_kaggle_is_found),
        IN_SCRATCH(test_a_flat_val_says_how_to_sort_it),
        IN_SCRATCH(test_what_is_missing_is_named),
        IN_SCRATCH(test_a_class_may_be_in_one_part_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
