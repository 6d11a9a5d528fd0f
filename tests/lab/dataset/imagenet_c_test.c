#include "layout.h"

static void put_set(void)
{
    put_images("weather/fog/3/n01440764/a.JPEG weather/fog/3/n02084071/b.JPEG weather/fog/5/n02084071/b.JPEG "
               "noise/gaussian_noise/1/n01440764/a.JPEG pixelate/2/n01440764/a.JPEG extra/spatter/1/n01440764/a.JPEG "
               "fog/6/n01440764/a.JPEG");
}

static void test_the_corruptions_that_are_there_are_listed(void **state)
{
    (void)state;
    struct dataset_corruption list[DATASET_MAX_CORRUPTIONS];
    lmvr_error error;
    int count;
    put_set();
    assert_int_equal(dataset_list_corruptions(".", list, &count, &error), LMVR_OK);
    assert_int_equal(count, 5);
    assert_string_equal(list[0].name, "gaussian_noise");
    assert_int_equal(list[0].severity, 1);
    assert_string_equal(list[1].name, "fog");
    assert_int_equal(list[1].severity, 3);
    assert_string_equal(list[2].name, "fog");
    assert_int_equal(list[2].severity, 5);
    assert_string_equal(list[3].name, "pixelate");
    assert_int_equal(list[3].severity, 2);
    assert_string_equal(list[4].name, "spatter"); /* of the extra set */
    assert_int_equal(list[4].severity, 1);
    assert_int_equal(dataset_list_corruptions("weather/fog", list, &count, &error), LMVR_ERROR_INVALID);
    assert_words(error.message, "weather/fog|fog/3|https://zenodo.org/record/2235448");
}

static void test_one_folder_is_opened_with_or_without_its_group(void **state)
{
    (void)state;
    put_set();
    struct dataset_options options = with_test("fog/3");
    struct dataset set = open_with("imagenet-c", ".", &options);
    assert_paths(&set, "| ./weather/fog/3/n01440764/a.JPEG ./weather/fog/3/n02084071/b.JPEG");
    assert_classes(&set, 0, "n01440764,n02084071");
    assert_single(&set, 0, "0 1");
    uint64_t fingerprint = set.fingerprint;
    dataset_finish(&set);
    options = with_test("pixelate/2");
    set = open_with("imagenet-c", ".", &options);
    assert_paths(&set, "| ./pixelate/2/n01440764/a.JPEG");
    assert_int_not_equal(set.fingerprint, fingerprint);
    dataset_finish(&set);
}

static void test_all_folders_are_opened_where_none_is_chosen(void **state)
{
    (void)state;
    put_set();
    struct dataset set = open_set("imagenet-c", ".");
    assert_paths(&set, "| ./noise/gaussian_noise/1/n01440764/a.JPEG ./weather/fog/3/n01440764/a.JPEG "
                       "./weather/fog/3/n02084071/b.JPEG ./weather/fog/5/n02084071/b.JPEG ./pixelate/2/n01440764/a.JPEG "
                       "./extra/spatter/1/n01440764/a.JPEG");
    assert_single(&set, 0, "0 0 1 1 0 0");
    dataset_finish(&set);
}

static void test_a_choice_that_is_not_there_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"fog", "fog/", "fog/0", "fog/6", "fog/3/n01440764", "smoke/1", "/3", "fo/3", ""};
    put_set();
    struct dataset_options options;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        options = with_test(wrong[i]);
        assert_refused_with("imagenet-c", ".", &options, "imagenet-c has no test split|such as fog/3");
    }
    options = with_test("fog/4");
    assert_refused_with("imagenet-c", ".", &options, "fog/4 is missing|weather.tar");
    assert_refused("imagenet-c", "pixelate", "has none of ImageNet-C's folders");
    assert_refused("imagenet-c", "nowhere", "nowhere is missing|https://zenodo.org/record/2235448");
}

/* Every corruption of an experiment must be measured on the same images, those of the clean set. */
static void test_a_limit_chooses_the_same_pictures_everywhere(void **state)
{
    (void)state;
    char path[128];
    struct dataset sets[3];
    static const char *const folders[] = {"clean/val", "c/fog/1", "c/weather/snow/4"};
    for (int i = 0; i < 40; i++)
        for (int f = 0; f < 3; f++) {
            snprintf(path, sizeof path, "%s/n0144076%d/ILSVRC2012_val_000000%02d.JPEG", folders[f], i % 4, i);
            put_text(path, "x");
        }
    put_images("clean/train/n01440760/a.JPEG");
    struct dataset_options options = {.limit = 7, .seed = 3};
    sets[0] = open_with("imagenet", "clean", &options);
    options.test_part = "fog/1";
    sets[1] = open_with("imagenet-c", "c", &options);
    options.test_part = "snow/4";
    sets[2] = open_with("imagenet-c", "c", &options);
    for (int f = 0; f < 3; f++)
        assert_int_equal(sets[f].count - sets[f].train_count, 7);
    for (int i = 0; i < 7; i++)
        for (int f = 1; f < 3; f++)
            assert_string_equal(strstr(sets[0].paths[1 + i], "n0144"), strstr(sets[f].paths[i], "n0144"));
    for (int f = 0; f < 3; f++)
        dataset_finish(&sets[f]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCRATCH(test_the_corruptions_that_are_there_are_listed),
        IN_SCRATCH(test_one_folder_is_opened_with_or_without_its_group),
        IN_SCRATCH(test_all_folders_are_opened_where_none_is_chosen),
        IN_SCRATCH(test_a_choice_that_is_not_there_is_refused),
        IN_SCRATCH(test_a_limit_chooses_the_same_pictures_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
