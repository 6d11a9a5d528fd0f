/* lmvr corrupt: which files it writes, their contents, how it ends, and what it refuses. Uses real images. */
#include "program.h"

#include "image/encode.h"
#include "lab/corrupt/corrupt.h"

#include <math.h>

/* ---- pictures ---- */

static struct image picture(int width, int height, int phase)
{
    size_t size = (size_t)width * height * 3;
    struct image image = {width, height, malloc(size)};
    assert_non_null(image.rgb);
    for (size_t i = 0; i < size; i++)
        image.rgb[i] = (uint8_t)(128 + 100 * sin((double)(i / 3 % width + phase) / 5) * cos((double)(i / 3 / width) / 7));
    return image;
}

static void write_png(const char *path, int width, int height, int phase)
{
    struct image image = picture(width, height, phase);
    struct encoded png;
    assert_int_equal(image_encode_png(&image, &png, NULL), LMVR_OK);
    assert_int_equal(encoded_write(&png, path, NULL), LMVR_OK);
    encoded_finish(&png);
    image_finish(&image);
}

static struct image read_picture(const char *path, uint64_t *hash)
{
    struct image image;
    lmvr_error error;
    if (image_read(path, &image, hash, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return image;
}

static void assert_size(const char *path, int width, int height)
{
    struct image image = read_picture(path, NULL);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    image_finish(&image);
}

static int count_files;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path, (void)st, (void)ftw;
    count_files += type == FTW_F;
    return 0;
}

static int files_below(const char *folder)
{
    count_files = 0;
    nftw(folder, count_file, 16, FTW_PHYS);
    return count_files;
}

static void make_tree(void)
{
    assert_int_equal(mkdir("in", 0777) | mkdir("in/cat", 0777) | mkdir("in/cat/small", 0777), 0);
    write_png("in/a.b.png", 40, 30, 0);
    write_png("in/cat/2.png", 30, 40, 1);
    write_png("in/cat/small/3.png", 8, 8, 2);
}

/* ---- what is written ---- */

static void test_one_corruption_is_a_file_per_input(void **state)
{
    (void)state;
    make_tree();
    assert_ended(lmvr("corrupt --type fog --severity 3 -o out in/cat/2.png in/a.b.png"), 0, NULL);
    assert_string_equal(run_done.out, "");
    assert_size("out/2.png", 30, 40);
    assert_size("out/a.b.png", 40, 30);
    assert_int_equal(files_below("out"), 2);
}

static void test_a_folder_keeps_its_tree(void **state)
{
    (void)state;
    make_tree();
    assert_ended(lmvr("corrupt --type brightness --severity 1 -o out/deep/er in/"), 0, NULL);
    assert_true(exists("out/deep/er/a.b.png") && exists("out/deep/er/cat/2.png") && exists("out/deep/er/cat/small/3.png"));
    assert_int_equal(files_below("out"), 3);
    write_text("list", "in/cat\nin/a.b.png\n");
    assert_ended(lmvr("corrupt --type brightness --severity 1 -o list.out @list"), 0, NULL);
    assert_true(exists("list.out/2.png") && exists("list.out/small/3.png") && exists("list.out/a.b.png"));
    assert_ended(lmvr("corrupt --type brightness --severity 1 -o here ."), 0, "passed over in ./: ");
    assert_true(exists("here/in/cat/2.png"));
}

static void test_several_have_folders(void **state)
{
    (void)state;
    make_tree();
    assert_ended(lmvr("corrupt --type fog,snow --severity 3 -o a in"), 0, NULL);
    assert_true(exists("a/fog/3/cat/2.png") && exists("a/snow/3/a.b.png"));
    assert_int_equal(files_below("a"), 6);
    assert_ended(lmvr("corrupt --type fog --severity 5,1 -o b in"), 0, NULL);
    assert_true(exists("b/fog/1/cat/2.png") && exists("b/fog/5/cat/2.png"));
    assert_int_equal(files_below("b"), 6);
    assert_ended(lmvr("corrupt --type all --severity all -o c in/a.b.png"), 0, NULL);
    assert_true(exists("c/jpeg_compression/5/a.b.png"));
    assert_int_equal(files_below("c"), 75);
    assert_ended(lmvr("corrupt --type extra --severity all -o e in/a.b.png"), 0, NULL);
    assert_true(exists("e/gaussian_blur/1/a.b.png") && exists("e/spatter/5/a.b.png") && exists("e/saturate/3/a.b.png"));
    assert_int_equal(files_below("e"), 20);
    assert_ended(lmvr("corrupt --type all,spatter --severity 1 -o f in/a.b.png"), 0, NULL);
    assert_int_equal(files_below("f"), 16);
    assert_same_file("c/fog/5/a.b.png", "b/fog/5/a.b.png");
    assert_ended(lmvr("corrupt --type fog,fog --severity 5 -o d in/a.b.png"), 0, NULL);
    assert_same_file("d/a.b.png", "b/fog/5/a.b.png");
}

/* The file's own hash is the image's, so the library gives the same result. */
static void test_the_library_gives_the_same(void **state)
{
    (void)state;
    write_png("a.png", 90, 60, 0);
    uint64_t hash;
    struct image image = read_picture("a.png", &hash), file;
    struct corruption snow = {CORRUPT_SNOW, 4, -80, 12, NULL};
    assert_ended(lmvr("corrupt --type snow --severity 4 --seed 12 --angle -80 -o out a.png"), 0, NULL);
    assert_int_equal(image_corrupt(&snow, hash, &image, NULL), LMVR_OK);
    file = read_picture("out/a.png", NULL);
    assert_memory_equal(file.rgb, image.rgb, 90 * 60 * 3);
    image_finish(&file);
    assert_ended(lmvr("corrupt --type snow --severity 4 --seed 12 --angle -80 --format jpg -o out a.png"), 0, NULL);
    assert_int_equal(image_jpeg_round_trip(&image, 85, NULL), LMVR_OK);
    file = read_picture("out/a.jpg", NULL);
    assert_memory_equal(file.rgb, image.rgb, 90 * 60 * 3);
    image_finish(&file);
    image_finish(&image);
}

static void test_size_is_imagenet_c_s_crop(void **state)
{
    (void)state;
    write_png("wide.png", 500, 375, 0);
    write_png("tiny.png", 1, 3, 0);
    assert_ended(lmvr("corrupt --type pixelate --severity 2 --size 224 -o out wide.png tiny.png"), 0, NULL);
    assert_size("out/wide.png", 224, 224);
    assert_size("out/tiny.png", 224, 224);
    assert_ended(lmvr("corrupt --type pixelate --severity 2 --size 96 -o small wide.png"), 0, NULL);
    assert_size("small/wide.png", 96, 96);
}

static void test_seeds_count_and_threads_do_not(void **state)
{
    (void)state;
    make_tree();
    assert_ended(lmvr("corrupt --type glass_blur --severity 2 --threads 1 -o a in"), 0, NULL);
    assert_ended(lmvr("corrupt --type glass_blur --severity 2 --threads 4 -o b in"), 0, NULL);
    assert_ended(lmvr("corrupt --type glass_blur --severity 2 --seed 1 -o c in"), 0, NULL);
    assert_ended(lmvr("corrupt --type glass_blur --severity 2 -o d in/cat/2.png"), 0, NULL);
    assert_same_file("a/cat/2.png", "b/cat/2.png");
    assert_same_file("a/cat/small/3.png", "b/cat/small/3.png");
    assert_same_file("a/cat/2.png", "d/2.png");
    assert_false(is_same_file("a/cat/2.png", "c/cat/2.png"));
    assert_ended(lmvr("corrupt --type all --severity all --threads 1 -o e in/a.b.png"), 0, NULL);
    assert_ended(lmvr("corrupt --type all --severity all --threads 4 -o f in/a.b.png"), 0, NULL);
    assert_same_file("e/frost/5/a.b.png", "f/frost/5/a.b.png");
}

static void test_textures_are_the_user_s(void **state)
{
    (void)state;
    make_tree();
    assert_ended(lmvr("corrupt --type frost --severity 3 -o made in/a.b.png"), 0, NULL);
    assert_ended(lmvr("corrupt --type frost --severity 3 --textures in/cat -o own in/a.b.png"), 0, NULL);
    assert_false(is_same_file("made/a.b.png", "own/a.b.png"));
    assert_ended(lmvr("corrupt --type frost --severity 3 --textures none -o none in/a.b.png"), 2,
                 "none: cannot be read as a folder of textures: No such file or directory");
    write_text("in/cat/bad.jpg", "bad");
    assert_ended(lmvr("corrupt --type frost --severity 3 --textures in/cat -o none in/a.b.png"), 2,
                 "in/cat/bad.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image");
    assert_false(exists("none"));
}

/* ---- endings ---- */

static void test_a_bad_input_stops_nothing(void **state)
{
    (void)state;
    make_tree();
    write_text("in/bad.jpg", "bad");
    assert_ended(lmvr("corrupt --type fog --severity 3 -o out gone.png in"), 1,
                 "lmvr corrupt: gone.png: No such file or directory\n"
                 "lmvr corrupt: in/bad.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image\n"
                 "lmvr corrupt: 2 of 5 inputs failed\n");
    assert_int_equal(files_below("out"), 3);
    assert_ended(lmvr("corrupt --type fog --severity 3 --strict --threads 1 -o strict gone.png in"), 1,
                 "stopped there, with 0 of 5 inputs done, for --strict\n");
    assert_int_equal(files_below("strict"), 0);
    write_png("long.png", 65501, 1, 0);
    assert_ended(lmvr("corrupt --type jpeg_compression --severity 3 -o long long.png in/a.b.png"), 1,
                 "lmvr corrupt: long.png: 65501 x 1 pixels cannot be written as JPEG: ");
    assert_true(exists("long/a.b.png") && !exists("long/long.png"));
}

static void test_two_inputs_for_one_output_are_refused(void **state)
{
    (void)state;
    make_tree();
    write_png("in/a.b.jpeg", 40, 30, 0);
    assert_ended(lmvr("corrupt --type fog --severity 3 -o out in"), 2,
                 "out/a.b.png: is the output of both in/a.b.jpeg and in/a.b.png");
    assert_ended(lmvr("corrupt --type fog --severity 3 -o out in/cat/2.png in/cat"), 2, "out/2.png: is the output of both");
    assert_false(exists("out"));
}

static void test_an_input_is_never_written_over(void **state)
{
    (void)state;
    make_tree();
    size_t before = (size_t)size_of_file("in/cat/2.png");
    assert_ended(lmvr("corrupt --type fog --severity 3 -o in in"), 2, "is an input, and would be overwritten");
    assert_ended(lmvr("corrupt --type fog --severity 3 -o in/cat in/cat/2.png"), 2,
                 "in/cat/2.png: is an input, and would be overwritten");
    assert_int_equal(size_of_file("in/cat/2.png"), before);
    assert_int_equal(files_below("in"), 3);
    assert_ended(lmvr("corrupt --type fog --severity 3 --format jpg -o in/cat in/cat/2.png"), 0, NULL);
}

static void test_results_are_kept_or_replaced_only_where_that_is_asked_for(void **state)
{
    (void)state;
    make_tree();
    assert_ended(lmvr("corrupt --type fog --severity 3 -o out in"), 0, NULL);
    assert_ended(lmvr("corrupt --type fog --severity 4 -o four in"), 0, NULL);
    assert_ended(lmvr("corrupt --type fog --severity 4 -o out in"), 2,
                 "out/a.b.png: already exists; --resume keeps existing results, --force replaces them\n");
    assert_false(is_same_file("out/a.b.png", "four/a.b.png"));
    assert_ended(lmvr("corrupt --type fog --severity 4 --resume --force -o out in"), 2, "only one of them can be given\n");
    remove("out/cat/2.png");
    assert_ended(lmvr("corrupt --type fog --severity 4 --resume -o out in"), 0, NULL);
    assert_same_file("out/cat/2.png", "four/cat/2.png");
    assert_false(is_same_file("out/a.b.png", "four/a.b.png"));
    assert_ended(lmvr("corrupt --type fog --severity 4 --force -o out in"), 0, NULL);
    assert_same_file("out/a.b.png", "four/a.b.png");
}

/* Writes the file in a process that is killed halfway, as a run may be. */
static void leave_half_of(const char *path)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct image image = picture(40, 30, 5);
        struct encoded png;
        struct rlimit limit = {100, 100};
        signal(SIGXFSZ, SIG_DFL);
        setrlimit(RLIMIT_FSIZE, &limit);
        if (image_encode_png(&image, &png, NULL) == LMVR_OK)
            encoded_write(&png, path, NULL);
        _exit(0);
    }
    assert_int_equal(finish(pid), 128 + SIGXFSZ);
}

static void test_resuming_clears_what_a_kill_left(void **state)
{
    (void)state;
    make_tree();
    assert_ended(lmvr("corrupt --type fog --severity 3 -o out in"), 0, NULL);
    leave_half_of("out/a.b.png");
    assert_int_equal(files_below("out"), 4);
    assert_ended(lmvr("corrupt --type fog --severity 3 --resume -o out in"), 0, NULL);
    assert_int_equal(files_below("out"), 3);
}

static void test_a_full_disk_stops_and_is_resumed(void **state)
{
    (void)state;
    make_tree();
    assert_ended(lmvr("corrupt --type gaussian_noise --severity 3 -o whole in"), 0, NULL);
    setting.largest_file = 1000; /* enough for 3.png, of 8 x 8 */
    assert_ended(lmvr("corrupt --type gaussian_noise --severity 3 --threads 1 -o out in/cat/small/3.png in/a.b.png"), 3,
                 "in/a.b.png: out/a.b.png: cannot write: File too large; 1 of 2 inputs are done, --resume continues\n");
    assert_int_equal(files_below("out"), 1);
    assert_ended(lmvr("corrupt --type gaussian_noise --severity 3 --resume -o out in/cat/small/3.png in/a.b.png"), 0, NULL);
    assert_same_file("out/a.b.png", "whole/a.b.png");
    assert_same_file("out/3.png", "whole/cat/small/3.png");
}

static void test_a_place_that_cannot_be_used_is_refused(void **state)
{
    (void)state;
    make_tree();
    write_text("file", "x");
    assert_ended(lmvr("corrupt --type fog --severity 3 -o file in"), 2, "file/: cannot be written to: Not a directory");
    assert_ended(lmvr("corrupt --type fog --severity 3 -o file/out in"), 2,
                 "file/out: cannot make the folder: Not a directory");
    assert_int_equal(mkdir("closed", 0555), 0);
    setting.obeys_modes = true;
    assert_ended(lmvr("corrupt --type fog --severity 3 -o closed in"), 2, "closed/: cannot be written to: Permission denied");
    setting.obeys_modes = true;
    assert_ended(lmvr("corrupt --type fog --severity 3 -o closed/out in"), 2, "closed/out: cannot make the folder");
}

/* However it is stopped, existing files are complete, and --resume makes the rest. */
static void test_a_killed_run_is_resumed(void **state)
{
    (void)state;
    make_tree();
    char *arguments[] = {
        (char *)"lmvr", (char *)"corrupt", (char *)"--type", (char *)"all", (char *)"--severity", (char *)"all", (char *)"-o",
        (char *)"out",  (char *)"--size",  (char *)"224",    (char *)"in",  (char *)"--resume",   NULL};
    for (int stop = 0; stop < 2; stop++) {
        int before = files_below("out");
        pid_t pid = start(arguments);
        for (int wait = 0; wait < 60000 && files_below("out") < before / 2 + 5; wait++)
            usleep(1000);
        kill(pid, stop ? SIGKILL : SIGTERM);
        int status = finish(pid);
        assert_true(status == (stop ? 128 + SIGKILL : 3) || status == 0);
    }
    assert_ended(lmvr("corrupt --type all --severity all --resume --size 224 -o out in"), 0, NULL);
    assert_ended(lmvr("corrupt --type all --severity all --size 224 -o whole in"), 0, NULL);
    assert_int_equal(files_below("out"), 225);
    for (int t = 0; t < CORRUPTION_BENCHMARK_TYPES; t++)
        for (int severity = 1; severity <= 5; severity++) {
            char a[128], b[128];
            snprintf(a, sizeof a, "out/%s/%d/cat/2.png", corruption_names[t], severity);
            snprintf(b, sizeof b, "whole/%s/%d/cat/2.png", corruption_names[t], severity);
            assert_same_file(a, b);
        }
}

static void test_wrong_calls_are_one_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *call, *sentence;
    } wrong[] = {
        {"--severity 1 -o out a.png", "no corruption: --type has to name one, a list of them or all\n"},
        {"--type fog -o out a.png", "no severity: --severity has to be 1 to 5, a list of them or all\n"},
        {"--type fog --severity 1 a.png", "no output: -o has to name a folder\n"},
        {"--type fog --severity 1 -o out", "no inputs: image files, folders or @LIST are expected\n"},
        {"--type smoke --severity 1 -o out a.png", "there is no corruption \"smoke\"; lmvr corrupt --help lists them\n"},
        {"--type fog, --severity 1 -o out a.png", "there is no corruption \"\"; lmvr corrupt --help lists them\n"},
        {"--type fog --severity 0 -o out a.png", "--severity takes 1 to 5, a list of them or all, not \"0\"\n"},
        {"--type fog --severity 6 -o out a.png", "--severity takes 1 to 5, a list of them or all, not \"6\"\n"},
        {"--type fog --severity 1,22 -o out a.png", "--severity takes 1 to 5, a list of them or all, not \"22\"\n"},
        {"--type fog --severity 1 --size 0 -o out a.png", "--size takes an integer from 1 to 16384, not \"0\"\n"},
        {"--type fog --severity 1 --angle up -o out a.png", "--angle takes a number from -360 to 360, not \"up\"\n"},
        {"--type fog --severity 1 --format gif -o out a.png", "--format takes png|jpg, not \"gif\"\n"},
    };
    write_png("a.png", 4, 4, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_ended(lmvr("corrupt %s", wrong[i].call), 2, wrong[i].sentence);
    assert_false(exists("out"));
    assert_ended(lmvr("corrupt --help"), 0, NULL);
    for (int t = 0; t < CORRUPTION_TYPES; t++)
        assert_non_null(strstr(run_done.out, corruption_names[t]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_corruption_is_a_file_per_input),
        TEST(test_a_folder_keeps_its_tree),
        TEST(test_several_have_folders),
        TEST(test_the_library_gives_the_same),
        TEST(test_size_is_imagenet_c_s_crop),
        TEST(test_seeds_count_and_threads_do_not),
        TEST(test_textures_are_the_user_s),
        TEST(test_a_bad_input_stops_nothing),
        TEST(test_two_inputs_for_one_output_are_refused),
        TEST(test_an_input_is_never_written_over),
        TEST(test_results_are_kept_or_replaced_only_where_that_is_asked_for),
        TEST(test_resuming_clears_what_a_kill_left),
        TEST(test_a_full_disk_stops_and_is_resumed),
        TEST(test_a_place_that_cannot_be_used_is_refused),
        TEST(test_a_killed_run_is_resumed),
        TEST(test_wrong_calls_are_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
