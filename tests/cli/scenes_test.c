/* lmvr scenes on the command line. */
#include "program.h"

static void test_wrong_calls(void **state)
{
    (void)state;
    static const struct {
        const char *call, *sentence;
    } wrong[] = {
        {"", "no layout: --layout has to be voc2007, coco, visda, imagenet, deepfashion or llava"},
        {"--layout voc2008 --count 3 -o d", "--layout takes voc2007|coco|visda|imagenet|deepfashion|llava, not \"voc2008\""},
        {"--layout voc2007 -o d", "no count: --count must give the number of training images"},
        {"--layout voc2007 --count 0 -o d", "--count takes an integer from 1 to 10000000, not \"0\""},
        {"--layout voc2007 --count 3", "no output: -o has to name a folder"},
        {"--layout voc2007 --count 3 --size 64 -o d", "--size takes an integer from 112 to 2048, not \"64\""},
        {"--layout voc2007 --count 3 --manners gray,ink -o d", "there is no manner \"ink\": expected a comma-separated list"},
        {"--layout voc2007 --count 3 --manners outline -o d", "there is no manner \"outline\""},
        {"--layout deepfashion --count 3 --manners gray -o d", "outfits have only one manner"},
        {"--layout voc2007 --count 3 -o d x.jpg", "takes no inputs, so not \"x.jpg\""},
        {"--layout voc2007 --count 3 -o /proc/none", "/proc/none: cannot make the folder"},
        {"--layout voc2007 --count 3 -o full", "full: contains a.txt, which is not part of"},
        {"--layout voc2007 --count 3 --force -o full", "full: contains a.txt, which is not part of"},
    };
    assert_int_equal(mkdir("full", 0777), 0);
    write_text("full/a.txt", "a");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_ended(lmvr("scenes %s", wrong[i].call), 2, wrong[i].sentence);
    assert_false(exists("d"));
    assert_true(exists("full/a.txt"));
}

static void test_a_set_is_made(void **state)
{
    (void)state;
    assert_ended(lmvr("scenes --layout llava --count 6 --test-count 2 --seed 5 --size 112 --threads 2 -o a/b"), 0, NULL);
    assert_string_equal(run_done.out, "");
    assert_true(exists("a/b/images/000005.jpg") && exists("a/b/images/test_000001.jpg"));
    assert_false(exists("a/b/images/000006.jpg") || exists("a/b/images/test_000002.jpg"));
    assert_ended(lmvr("scenes --layout llava --count 6 --test-count 2 --seed 5 --size 112 --threads 1 -o c"), 0, NULL);
    assert_same_file("a/b/llava.json", "c/llava.json");
    assert_same_file("a/b/scenes.json", "c/scenes.json");
    assert_same_file("a/b/images/000003.jpg", "c/images/000003.jpg");
    assert_ended(lmvr("scenes --layout llava --count 6 -o c"), 2, "c: already has a generated data set; --force removes it");
    assert_ended(lmvr("scenes --layout voc2007 --count 1 --size 112 --force -o c"), 0, NULL);
    assert_true(exists("c/VOCdevkit/VOC2007/JPEGImages/000002.jpg"));
    assert_false(exists("c/images"));
}

static void test_a_missing_font_is_said(void **state)
{
    char path[256];
    snprintf(path, sizeof path, "%s/fonts.conf", (const char *)*state); /* a relative path would be searched elsewhere */
    write_text(path, "<?xml version=\"1.0\"?><fontconfig></fontconfig>\n");
    assert_int_equal(setenv("FONTCONFIG_FILE", path, 1), 0);
    assert_ended(lmvr("scenes --layout coco --count 1 -o d"), 2, "fonts-noto-color-emoji");
    assert_int_equal(unsetenv("FONTCONFIG_FILE"), 0);
    assert_false(exists("d"));
}

static void test_a_disk_that_is_full_stops_it(void **state)
{
    (void)state;
    setting.largest_file = 2000;
    assert_ended(lmvr("scenes --layout coco --count 4 -o d"), 3, "File too large");
    assert_ended(lmvr("scenes --layout coco --count 4 -o d --force"), 0, NULL);
}

static void test_a_signal_stops_it(void **state)
{
    (void)state;
    char *arguments[] = {(char *)"lmvr",  (char *)"scenes",  (char *)"--layout",
                         (char *)"llava", (char *)"--count", (char *)"100000",
                         (char *)"-o",    (char *)"d",       NULL};
    pid_t pid = start(arguments);
    while (!exists("d/images/000000.jpg"))
        usleep(10000);
    kill(pid, SIGTERM);
    assert_int_equal(finish(pid), 3);
    char *said = read_bytes("stderr", NULL);
    assert_non_null(strstr(said, "stopped after "));
    free(said);
    assert_false(exists("d/llava.json"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_wrong_calls),
        IN_FOLDER(test_a_set_is_made),
        IN_FOLDER(test_a_missing_font_is_said),
        IN_FOLDER(test_a_disk_that_is_full_stops_it),
        IN_FOLDER(test_a_signal_stops_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
