/* leaks: it recognizes images whatever was done to them, by their looks or by their contents, and no others; and says where it
 * cannot look. */
#include "scratch.h"

#include "image/encode.h"
#include "image/preprocess.h"
#include "tools/scenes/scenes.h"

#include <sys/wait.h>

#define CHECK(call) assert_int_equal(call, LMVR_OK)

static void make(const struct scenes_options *options)
{
    lmvr_error error;
    if (scenes_make(options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

static void draw(enum scenes_layout layout, const char *folder, int count, uint64_t seed, int size)
{
    make(&(struct scenes_options){
        .layout = layout, .output = folder, .count = count, .test_count = 1, .seed = seed, .size = size});
}

/* Runs leaks; returns its exit status and its output, valid until the next call. */
static int run(const char *arguments, const char **output)
{
    static char *text;
    char command[1024];
    snprintf(command, sizeof command, LEAKS " %s >output 2>&1", arguments);
    int status = system(command);
    free(text);
    text = read_bytes("output", NULL);
    assert_non_null(text);
    assert_true(WIFEXITED(status));
    *output = text;
    return WEXITSTATUS(status);
}

static void expect(const char *arguments, int status, const char *sentence)
{
    const char *output;
    int got = run(arguments, &output);
    if (got != status || !strstr(output, sentence))
        fail_msg("leaks %s: status %d, expected %d and \"%s\" in\n%s", arguments, got, status, sentence, output);
}

static struct image read_scene(const char *name)
{
    char path[64];
    struct image image;
    snprintf(path, sizeof path, "trained/images/%s.jpg", name);
    CHECK(image_read(path, &image, NULL, NULL));
    return image;
}

static void plant_jpeg(struct image image, int quality, const char *path)
{
    struct encoded encoded;
    CHECK(image_encode_jpeg(&image, quality, false, &encoded, NULL));
    write_bytes(path, encoded.bytes, encoded.size);
    encoded_finish(&encoded);
    image_finish(&image);
}

static void plant_png(struct image image, const char *path)
{
    struct encoded encoded;
    CHECK(image_encode_png(&image, &encoded, NULL));
    write_bytes(path, encoded.bytes, encoded.size);
    encoded_finish(&encoded);
    image_finish(&image);
}

static struct image resized(struct image image, int width, int height)
{
    struct image other;
    CHECK(image_resize(&image, width, height, FILTER_BICUBIC, &other, NULL));
    image_finish(&image);
    return other;
}

/* Crops `cut` pixels from every side. */
static struct image cropped(struct image image, int cut)
{
    int width = image.width - 2 * cut, height = image.height - 2 * cut;
    for (int y = 0; y < height; y++)
        memmove(image.rgb + (size_t)3 * width * y, image.rgb + (size_t)3 * ((size_t)image.width * (y + cut) + cut),
                (size_t)3 * width);
    return (struct image){width, height, image.rgb};
}

static struct image darker(struct image image)
{
    for (int i = 0; i < 3 * image.width * image.height; i++)
        image.rgb[i] = (uint8_t)(image.rgb[i] * 3 / 4);
    return image;
}

/* Twenty training scenes, and as many test scenes from another seed. */
static int draw_both(void **state)
{
    if (enter_folder(state) != 0)
        return -1;
    draw(SCENES_LLAVA, "trained", 20, 1, 128);
    draw(SCENES_LLAVA, "tested", 20, 2, 224);
    return 0;
}

static void test_scenes_of_another_seed_are_not_found(void **state)
{
    (void)state;
    draw(SCENES_IMAGENET, "classes", 20, 3, 224);
    draw(SCENES_COCO, "coco", 20, 4, 160);
    expect("trained -- tested", 0, "pictures trained on: 21, tested on: 21, in both: 0\n");
    expect("trained tested -- coco classes", 0, "pictures trained on: 42, tested on: 42, in both: 0\n");
}

/* Each is hidden among scenes that are not training scenes. */
static void test_a_picture_is_found_whatever_became_of_it(void **state)
{
    static const char *const names[] = {"deep/er/a.JPEG", "b.jpg", "c.dat", "d.Png", "deep/e.jpg", "f", "g.jpg"};
    char line[256];
    (void)state;
    assert_int_equal(mkdir("tested/deep", 0777) | mkdir("tested/deep/er", 0777), 0);
    assert_int_equal(system("cp trained/images/000000.jpg tested/deep/er/a.JPEG"), 0);
    plant_jpeg(read_scene("000001"), 30, "tested/b.jpg");
    plant_png(read_scene("000002"), "tested/c.dat");
    plant_png(resized(read_scene("000003"), 300, 300), "tested/d.Png");
    plant_jpeg(resized(read_scene("000004"), 70, 90), 80, "tested/deep/e.jpg");
    plant_jpeg(cropped(read_scene("000005"), 1), 90, "tested/f");
    plant_jpeg(darker(read_scene("000006")), 90, "tested/g.jpg");
    expect("trained -- tested", 1, "pictures trained on: 21, tested on: 28, in both: 7\n");
    for (int i = 0; i < 7; i++) {
        snprintf(line, sizeof line, "trained/images/%06d.jpg\ttested/%s\tdistance ", i, names[i]);
        expect("trained -- tested", 1, line);
    }
}

static void test_scenes_drawn_again_at_another_size_are_found(void **state)
{
    (void)state;
    draw(SCENES_LLAVA, "again", 20, 1, 192);
    expect("trained -- again tested", 1, "pictures trained on: 21, tested on: 42, in both: 21\n");
    expect("trained -- again tested", 1, "trained/images/000011.jpg\tagain/images/000011.jpg\tsame contents, distance ");
    assert_int_equal(unlink("again/scenes.json"), 0);
    expect("trained -- again tested", 1, "trained/images/000011.jpg\tagain/images/000011.jpg\tdistance ");
}

/* Their looks alone would not reveal all of them. */
static void test_scenes_painted_in_another_manner_are_found(void **state)
{
    unsigned manners;
    (void)state;
    assert_int_equal(scenes_manners("flat,pencil", &manners, NULL), LMVR_OK);
    make(&(struct scenes_options){
        .layout = SCENES_LLAVA, .output = "again", .count = 20, .test_count = 1, .seed = 1, .size = 224, .manners = manners});
    expect("trained -- again", 1, "in both: 21\n");
    assert_int_equal(unlink("again/scenes.json"), 0);
    const char *output;
    run("trained -- again", &output);
    assert_null(strstr(output, "in both: 21\n"));
}

static void test_contents_are_known_of_every_layout_of_scenes(void **state)
{
    static const enum scenes_layout layouts[] = {SCENES_VOC2007, SCENES_COCO, SCENES_VISDA, SCENES_IMAGENET};
    char arguments[64];
    (void)state;
    for (int i = 0; i < 4; i++) {
        snprintf(arguments, sizeof arguments, "large%d -- small%d", i, i);
        draw(layouts[i], strstr(arguments, "small"), 6, 7, 112);
        *strchr(arguments, ' ') = '\0';
        draw(layouts[i], arguments, 6, 7, 200);
        arguments[strlen(arguments)] = ' ';
        const char *output;
        assert_int_equal(run(arguments, &output), 1);
        int count = 0, pictures = layouts[i] == SCENES_VISDA ? 8 : 7;
        for (; (output = strstr(output, "same contents")); output++)
            count++;
        assert_int_equal(count, pictures);
    }
}

static void test_a_folder_that_is_absent_or_empty_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(mkdir("empty", 0777), 0);
    write_text("empty/notes.txt", "no picture\n");
    expect("trained absent -- tested", 2, "absent: No such file or directory");
    expect("trained -- tested absent", 2, "absent: No such file or directory");
    expect("empty trained -- tested", 2, "there is none in empty");
    expect("trained -- tested empty", 2, "there is none in empty");
    expect("trained -- trained/images/000000.jpg", 2, "000000.jpg: not a folder");
    expect("trained tested", 2, "call it as");
    expect("trained --", 2, "call it as");
}

static void test_what_cannot_be_read_is_an_error_and_stops_nothing(void **state)
{
    (void)state;
    write_text("tested/broken.jpg", "no picture");
    expect("trained -- tested", 2, "tested/broken.jpg: not a JPEG");
    expect("trained -- tested", 2, "pictures trained on: 21, tested on: 21, in both: 0\n");
    write_text("trained/scenes.json", "[\n{\"image\":\"images/000000.jpg\"}\n]\n");
    expect("trained -- tested", 2, "trained/scenes.json: ");
    write_text("trained/scenes.json", "{\"image\":");
    expect("trained -- tested", 2, "trained/scenes.json: ");
}

/* The call in models/recipe/evaluate.sh. */
static void test_an_evaluation_stops_where_it_finds_pictures_again_or_cannot_look(void **state)
{
    (void)state;
    assert_int_equal(system("mkdir -p w build && mv tested w/sets && ln -s " LEAKS " build/leaks && ln -s " ROOT "/models ."),
                     0);
    write_text("check.sh",
               "set -eu\nwork=w model=m\n. models/recipe/evaluate-common.sh\ncheck_pictures \"$@\"\necho went on\n");
    assert_int_equal(system("sh check.sh trained >output 2>&1 && grep -q 'went on' output"), 0);
    assert_int_not_equal(system("sh check.sh trained absent >output 2>&1"), 0);
    assert_int_equal(system("cp trained/images/000003.jpg w/sets/000003.JPEG"), 0);
    assert_int_not_equal(system("sh check.sh trained >output 2>&1"), 0);
    assert_int_equal(system("grep -q 'in both: 1' output"), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, draw_both, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_scenes_of_another_seed_are_not_found),
        TEST(test_a_picture_is_found_whatever_became_of_it),
        TEST(test_scenes_drawn_again_at_another_size_are_found),
        TEST(test_scenes_painted_in_another_manner_are_found),
        TEST(test_contents_are_known_of_every_layout_of_scenes),
        TEST(test_a_folder_that_is_absent_or_empty_is_an_error),
        TEST(test_what_cannot_be_read_is_an_error_and_stops_nothing),
        TEST(test_an_evaluation_stops_where_it_finds_pictures_again_or_cannot_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
