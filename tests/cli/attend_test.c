/* lmvr attend: what it writes, prints and refuses. The fake's response is: A "dög"<tab>with N<newline>legs, PROMPT */
#include "program.h"

#include "image/image.h"

#include <jansson.h>

/* A real image of 97 x 61 pixels, which the fake accepts too. */
static void copy_image(const char *path)
{
    size_t size;
    char *bytes = read_bytes(LMVR_TEST_DATA "/golden/images/gradient.jpg", &size);
    assert_non_null(bytes);
    write_bytes(path, bytes, size);
    free(bytes);
}

static int enter(void **state)
{
    if (enter_folder_with_model(state) != 0)
        return -1;
    copy_image("a.jpg");
    return 0;
}

static void assert_picture(const char *path, int width, int height)
{
    struct image image;
    lmvr_error error;
    if (image_read(path, &image, NULL, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    if (width) {
        assert_int_equal(image.width, width);
        assert_int_equal(image.height, height);
    }
    image_finish(&image);
}

static json_t *read_json(const char *path)
{
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static json_int_t integer(const json_t *array, size_t index)
{
    return json_integer_value(json_array_get(array, index));
}

/* The word "legs" is made of the second and the third token. maps.npy has this shape and, map by map, these multiples of 0.001,
 * 0.002, 0.003, 0.004. */
static void assert_maps(const char *path, const char *shape, const float *factors, size_t count)
{
    size_t size;
    char *bytes = read_bytes(path, &size);
    assert_non_null(bytes);
    assert_int_equal(size, 128 + count * 4 * sizeof(float));
    assert_non_null(strstr(bytes + 10, shape));
    for (size_t i = 0; i < count * 4; i++) {
        float value;
        memcpy(&value, bytes + 128 + i * sizeof value, sizeof value);
        assert_float_equal(value, factors[i / 4] * (float)(i % 4 + 1) / 1000, 1e-7);
    }
    free(bytes);
}

static void named_words_have_a_map_and_a_picture_each(void **state)
{
    (void)state;
    assert_ended(lmvr("attend -m m --prompt red%%20ball --words ball,%%20dög,legs,LEGS -o out a.jpg"), 0, NULL);
    assert_maps("out/maps.npy", "'shape': (4, 2, 2)", (float[]){3, 1, 2.5f, 2.5f}, 4);
    assert_picture("out/ball.png", 97, 61);
    assert_picture("out/dög.png", 97, 61);
    assert_picture("out/legs.png", 97, 61);
    assert_picture("out/LEGS.png", 97, 61);
    assert_picture("out/sheet.png", 0, 0);
    json_t *json = read_json("out/attend.json"), *word = json_array_get(json_object_get(json, "words"), 0);
    assert_string_equal(json_string_value(json_object_get(json, "path")), "a.jpg");
    assert_int_equal(integer(json_object_get(json, "layers"), 0), 1);
    assert_int_equal(integer(json_object_get(json, "layers"), 1), 3);
    assert_int_equal(integer(json_object_get(json, "grid"), 1), 2);
    assert_int_equal(integer(json_object_get(json, "size"), 1), 61);
    assert_int_equal(json_array_size(json_object_get(json, "response_tokens")), 3);
    assert_float_equal(json_real_value(json_object_get(json_object_get(json, "view"), "x")), 18, 0);
    assert_string_equal(json_string_value(json_object_get(word, "word")), "ball");
    assert_string_equal(json_string_value(json_object_get(word, "file")), "ball.png");
    assert_int_equal(json_integer_value(json_object_get(word, "map")), 0);
    assert_int_equal(integer(json_object_get(word, "tokens"), 0), 2);
    const json_t *bytes = json_object_get(word, "bytes"), *peak = json_object_get(word, "peak");
    const char *response = json_string_value(json_object_get(json, "response"));
    assert_memory_equal(response + integer(bytes, 0), "ball", 4);
    assert_int_equal(integer(bytes, 1) - integer(bytes, 0), 4);
    assert_float_equal(json_real_value(json_object_get(peak, "weight")), 0.012, 1e-7);
    assert_float_equal(json_real_value(json_object_get(peak, "x")), 18 + 61 * 0.75, 1e-9);
    json_decref(json);
}

static void the_response_and_a_line_per_word_are_printed(void **state)
{
    (void)state;
    assert_ended(lmvr("attend -m m --prompt ball --words legs,ball -o out a.jpg"), 0, NULL);
    assert_ptr_equal(strstr(run_done.out, "A \"dög\" with "), run_done.out);
    const char *end = strchr(run_done.out, '\n');
    assert_string_equal(end, "\nlegs\t0.01\trow 1, column 1\tx 63, y 45\nball\t0.012\trow 1, column 1\tx 63, y 45\n");
}

static void json_is_what_the_file_holds(void **state)
{
    (void)state;
    assert_ended(lmvr("attend -m m --json --words legs -o out a.jpg"), 0, NULL);
    json_t *printed = json_loads(run_done.out, 0, NULL), *written = read_json("out/attend.json");
    assert_true(json_equal(printed, written));
    assert_int_equal(strcspn(run_done.out, "\n") + 1, strlen(run_done.out));
    json_decref(printed);
    json_decref(written);
}

static void without_a_wish_words_that_look_like_nouns_are_shown(void **state)
{
    (void)state;
    assert_ended(lmvr("attend -m m --prompt The%%20big%%20ball,%%20a%%20dog's%%20ball. -o out a.jpg"), 0, NULL);
    assert_maps("out/maps.npy", "'shape': (4, 2, 2)", (float[]){1, 2.5f, 3, 3}, 4);
    assert_true(exists("out/dög.png") && exists("out/legs.png") && exists("out/ball.png") && exists("out/dog.png"));
}

static void tokens_are_counted_from_0(void **state)
{
    (void)state;
    assert_ended(lmvr("attend -m m --token 0,2,1 -o out a.jpg"), 0, NULL);
    assert_maps("out/maps.npy", "'shape': (3, 2, 2)", (float[]){1, 3, 2}, 3);
    assert_true(exists("out/token-0.png") && exists("out/token-1.png") && exists("out/token-2.png"));
    assert_non_null(strstr(run_done.out, "\ntoken 2\t0.012\trow 1, column 1\t"));
}

/* Words that are not in the response are reported with it; the others are shown. */
static void missing_words_fail_alone(void **state)
{
    (void)state;
    assert_ended(lmvr("attend -m m --prompt balls --words cat,legs,ball -o out a.jpg"), 1,
                 "lmvr attend: a.jpg: \"cat\" is not in the response: \"A \"dög\" with ");
    assert_non_null(strstr(run_done.err, "lmvr attend: a.jpg: \"ball\" is not in the response, but \"balls\" is: \"A "));
    assert_maps("out/maps.npy", "'shape': (1, 2, 2)", (float[]){2.5f}, 1);
    json_t *json = read_json("out/attend.json"), *words = json_object_get(json, "words");
    assert_int_equal(json_array_size(words), 3);
    assert_true(json_is_null(json_object_get(json_array_get(words, 1), "map")));
    assert_non_null(json_string_value(json_object_get(json_array_get(words, 1), "error")));
    json_decref(json);
    assert_ended(lmvr("attend -m m --token 1,3 -o none a.jpg"), 1,
                 "lmvr attend: a.jpg: there is no token 3 in the response, which has 3, counted from 0\n");
    assert_true(exists("none/token-1.png") && exists("none/sheet.png"));
    assert_ended(lmvr("attend -m m --words cat -o empty a.jpg"), 1, "\"cat\" is not in the response");
    assert_maps("empty/maps.npy", "'shape': (0, 2, 2)", NULL, 0);
    assert_picture("empty/sheet.png", 0, 0);
}

static void words_make_safe_file_names(void **state)
{
    (void)state;
    assert_ended(lmvr("attend -m m --prompt ../a/b%%20.x%%20sheet%%20Sheet --words ../a/b,.x,sheet,legs,legs,.x -o out a.jpg"),
                 0, NULL);
    static const char *const names[] = {"_._a_b", "_x", "sheet-2", "legs", "legs-2", "_x-2"};
    json_t *json = read_json("out/attend.json"), *words = json_object_get(json, "words");
    for (size_t i = 0; i < 6; i++) {
        char path[64];
        const char *file = json_string_value(json_object_get(json_array_get(words, i), "file"));
        snprintf(path, sizeof path, "%s.png", names[i]);
        assert_string_equal(file, path);
        snprintf(path, sizeof path, "out/%s.png", names[i]);
        assert_picture(path, 97, 61);
    }
    json_decref(json);
    char longest[301];
    memset(longest, 'w', 300);
    longest[300] = '\0';
    assert_ended(lmvr("attend -m m --prompt %s --words %s -o long a.jpg", longest, longest), 0, NULL);
    json = read_json("long/attend.json");
    assert_int_equal(strlen(json_string_value(json_object_get(json_array_get(json_object_get(json, "words"), 0), "file"))),
                     104);
    json_decref(json);
}

static void layers_are_ranges_of_the_model_s_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int first, last;
    } good[] = {{"1:3", 1, 3}, {"2", 2, 2}, {":2", 1, 2}, {"2:", 2, 3}, {"3:3", 3, 3}};
    static const char *const wrong[] = {"0", "0:2", "a", "1:2:3", "-1", "2-3", ":", "", "1:x", " 1"},
                             *const outside[] = {"4", "2:4", "3:2", ":4", "99999999999999999999"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ended(lmvr("attend -m m --force --layers %s --words legs -o out a.jpg", good[i].text), 0, NULL);
        json_t *json = read_json("out/attend.json");
        assert_int_equal(integer(json_object_get(json, "layers"), 0), good[i].first);
        assert_int_equal(integer(json_object_get(json, "layers"), 1), good[i].last);
        json_decref(json);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_ended(lmvr("attend -m m --layers=%s -o new a.jpg", *wrong[i] == ' ' ? "%20"
                                                                                     "1"
                                                                                   : wrong[i]),
                     2, "--layers takes A:B, A, A: or :B, with blocks counted from 1, not \"");
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_ended(lmvr("attend -m m --layers %s -o new a.jpg", outside[i]), 2, ": the model's blocks are 1 to 3\n");
    assert_false(exists("new"));
}

/* Passed to the library, and shown in attend.json and on the sheet. */
static void the_query_is_the_predicting_position_unless_the_own_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *call, *query;
        float factor;
    } cases[] = {{"attend -m m --token 1 -o 0 a.jpg", "predicting", 2},
                 {"attend -m m --token 1 --query predicting -o 1 a.jpg", "predicting", 2},
                 {"attend -m m --token 1 --query own -o 2 a.jpg", "own", 20}};
    static const char *const folders[] = {"0", "1", "2"};
    size_t sizes[3];
    char *sheets[3];
    for (size_t i = 0; i < 3; i++) {
        char path[32];
        assert_ended(lmvr(cases[i].call, ""), 0, NULL);
        snprintf(path, sizeof path, "%s/maps.npy", folders[i]);
        assert_maps(path, "'shape': (1, 2, 2)", &cases[i].factor, 1);
        snprintf(path, sizeof path, "%s/attend.json", folders[i]);
        json_t *json = read_json(path);
        assert_string_equal(json_string_value(json_object_get(json, "query")), cases[i].query);
        json_decref(json);
        snprintf(path, sizeof path, "%s/sheet.png", folders[i]);
        sheets[i] = read_bytes(path, &sizes[i]);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(sheets[0], sheets[1], sizes[0]);
    assert_false(sizes[0] == sizes[2] && memcmp(sheets[0], sheets[2], sizes[0]) == 0);
    for (size_t i = 0; i < 3; i++)
        free(sheets[i]);
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *call, *sentence;
    } cases[] = {
        {"attend -m m -o out", "attend takes one image, not 0"},
        {"attend -m m -o out a.jpg a.jpg", "attend takes one image, not 2"},
        {"attend -m m a.jpg", "no output: -o has to name a folder"},
        {"attend -m m -o out.npy a.jpg", "out.npy: -o has to name a folder"},
        {"attend -m m -o a.jpg a.jpg", "a.jpg: not a folder"},
        {"attend -m m -o out --words a --token 1 a.jpg", "--words and --token: only one of them can be given"},
        {"attend -m m -o out --words a,,b a.jpg", "--words has an empty item in \"a,,b\""},
        {"attend -m m -o out --words= a.jpg", "--words has an empty item in \"\""},
        {"attend -m m -o out --words a,%%20 a.jpg", "--words has an empty item"},
        {"attend -m m -o out --words \xff a.jpg", "--words is not UTF-8"},
        {"attend -m m -o out --token x a.jpg", "--token takes whole numbers, counted from 0, not \"x\""},
        {"attend -m m -o out --token 1,-2 a.jpg", "--token takes whole numbers, counted from 0, not \"-2\""},
        {"attend -m m -o out --token 1.5 a.jpg", "not \"1.5\""},
        {"attend -m m -o out --query next a.jpg", "--query takes predicting|own, not \"next\""},
        {"attend -m none -o out a.jpg", "none: not a model"},
        {"attend -m m -o out --batch 2 a.jpg", "there is no option --batch"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ended(lmvr(cases[i].call, ""), 2, cases[i].sentence);
        assert_false(exists("out"));
    }
}

static void an_image_that_cannot_be_read_is_a_failed_input(void **state)
{
    (void)state;
    write_text("bad.jpg", "bad");
    assert_ended(lmvr("attend -m m -o out bad.jpg"), 1,
                 "lmvr attend: bad.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image\n");
    assert_ended(lmvr("attend -m m -o out none.jpg"), 1, "lmvr attend: none.jpg: No such file or directory\n");
    assert_false(exists("out"));
}

/* Old results are kept unless --force is given, which removes all of them and nothing else. */
static void results_are_protected(void **state)
{
    (void)state;
    assert_ended(lmvr("attend -m m --words legs -o out a.jpg"), 0, NULL);
    write_text("out/mine.png", "mine");
    assert_ended(lmvr("attend -m m --words dög -o out a.jpg"), 2, "out: holds results already; --force removes them");
    assert_true(exists("out/legs.png") && !exists("out/dög.png"));
    assert_ended(lmvr("attend -m m --words dög --force -o out none.jpg"), 1, "none.jpg");
    assert_true(exists("out/legs.png") && exists("out/maps.npy"));
    assert_ended(lmvr("attend -m m --words dög --force -o out/ a.jpg"), 0, NULL);
    assert_true(!exists("out/legs.png") && exists("out/dög.png") && exists("out/mine.png"));
    /* somebody else's attend.json must not cause anything outside to be removed */
    write_text("keep.png", "keep");
    write_text("out/attend.json", "{\"words\": [{\"file\": \"../keep.png\"}, {\"file\": \"mine.txt\"}, 3, {\"file\": 4}]}");
    write_text("out/mine.txt", "mine");
    assert_ended(lmvr("attend -m m --words dög --force -o out a.jpg"), 0, NULL);
    assert_true(exists("keep.png") && exists("out/mine.txt"));
}

/* With any limit on file size: complete files or none, status 3, and a message. */
static void a_full_disk_leaves_whole_files(void **state)
{
    (void)state;
    assert_ended(lmvr("attend -m m --words dög,legs -o whole a.jpg"), 0, NULL);
    static const char *const names[] = {"attend.json", "dög.png", "legs.png", "maps.npy", "sheet.png"};
    for (long limit = 400; limit < 200000; limit *= 4) {
        setting.largest_file = limit;
        const struct program_run *run = lmvr("attend -m m --force --words dög,legs -o out a.jpg");
        assert_true(run->status == 3 || run->status == 0);
        if (run->status == 3)
            assert_non_null(strstr(run->err, "cannot write: File too large"));
        for (size_t i = 0; i < 5; i++) {
            char a[64], b[64];
            snprintf(a, sizeof a, "out/%s", names[i]);
            snprintf(b, sizeof b, "whole/%s", names[i]);
            if (exists(a))
                assert_same_file(a, b);
            snprintf(a, sizeof a, "out/%s.tmp", names[i]);
            assert_false(exists(a));
        }
    }
    setting.out = "/dev/full";
    assert_ended(lmvr("attend -m m --words legs -o last a.jpg"), 3, "cannot write to standard output");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(named_words_have_a_map_and_a_picture_each),
        IN_FOLDER(the_response_and_a_line_per_word_are_printed),
        IN_FOLDER(json_is_what_the_file_holds),
        IN_FOLDER(without_a_wish_words_that_look_like_nouns_are_shown),
        IN_FOLDER(tokens_are_counted_from_0),
        IN_FOLDER(missing_words_fail_alone),
        IN_FOLDER(words_make_safe_file_names),
        IN_FOLDER(layers_are_ranges_of_the_model_s_blocks),
        IN_FOLDER(the_query_is_the_predicting_position_unless_the_own_is_asked_for),
        IN_FOLDER(wrong_calls_are_refused),
        IN_FOLDER(an_image_that_cannot_be_read_is_a_failed_input),
        IN_FOLDER(results_are_protected),
        IN_FOLDER(a_full_disk_leaves_whole_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
