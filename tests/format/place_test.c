#include "scratch.h"

#include "format/place.h"

static void assert_place(const char *output, bool single, const char *folder, const char *run, const char *index,
                         const char *rows)
{
    struct place p;
    lmvr_error error;
    assert_int_equal(place_init(&p, output, &error), LMVR_OK);
    char *path = place_feature_path(&p, "llm", PLACE_WHOLE);
    assert_int_equal(p.single, single);
    assert_string_equal(p.folder, folder);
    assert_string_equal(p.run_path, run);
    assert_string_equal(p.index_path, index);
    assert_string_equal(path, rows);
    free(path);
    place_finish(&p);
}

static void test_paths(void **state)
{
    (void)state;
    assert_int_equal(mkdir("old.npy", 0777), 0);
    assert_place("out", false, "out", "out/run.json", "out/index.jsonl", "out/llm.npy");
    assert_place("a/out//", false, "a/out", "a/out/run.json", "a/out/index.jsonl", "a/out/llm.npy");
    assert_place("/", false, "/", "/run.json", "/index.jsonl", "/llm.npy");
    assert_place(".", false, ".", "./run.json", "./index.jsonl", "./llm.npy");
    assert_place("x.npy", true, ".", "x.run.json", "x.jsonl", "x.npy");
    assert_place("/x.npy", true, "/", "/x.run.json", "/x.jsonl", "/x.npy");
    assert_place("a//x.npy", true, "a", "a//x.run.json", "a//x.jsonl", "a//x.npy");
    assert_place("old.npy", false, "old.npy", "old.npy/run.json", "old.npy/index.jsonl", "old.npy/llm.npy");
    assert_place("new.npy/", false, "new.npy", "new.npy/run.json", "new.npy/index.jsonl", "new.npy/llm.npy");
    assert_place("a/.npy", false, "a/.npy", "a/.npy/run.json", "a/.npy/index.jsonl", "a/.npy/llm.npy");
}

static void test_refused_paths(void **state)
{
    (void)state;
    struct place p;
    lmvr_error error;
    char *endless = malloc(5001);
    memset(endless, 'a', 5000);
    endless[5000] = '\0';
    assert_int_equal(place_init(&p, "", &error), LMVR_ERROR_INVALID);
    assert_int_equal(place_init(&p, endless, &error), LMVR_ERROR_INVALID);
    free(endless);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {"llm_all_mean_-1", "x", "é", "a b", "index2", "a.b", "-"};
    static const char *const bad[] = {"", ".", "..", ".x", "a/b", "/", "index", "run", "a\nb", "\x7f", "\xff"};
    lmvr_error error;
    char endless[202];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(place_check_name(good[i], &error), LMVR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(place_check_name(bad[i], &error), LMVR_ERROR_INVALID);
    memset(endless, 'a', 201);
    endless[201] = '\0';
    assert_int_equal(place_check_name(endless, &error), LMVR_ERROR_INVALID);
}

static lmvr_status make(const char *output, bool check_only)
{
    struct place p;
    lmvr_error error;
    assert_int_equal(place_init(&p, output, &error), LMVR_OK);
    lmvr_status status = place_check_writable(&p, &error);
    if (status == LMVR_OK && !check_only)
        status = place_make_folder(&p, &error);
    place_finish(&p);
    return status;
}

static void test_folders(void **state)
{
    (void)state;
    write_text("file", "");
    assert_int_equal(make("a/b/c", true), LMVR_OK);
    assert_false(exists("a"));
    assert_int_equal(make("a/b/c", false), LMVR_OK);
    assert_true(exists("a/b/c"));
    assert_int_equal(make("a/b/c", false), LMVR_OK);
    assert_int_equal(make("d/e/x.npy", false), LMVR_OK);
    assert_true(exists("d/e"));
    assert_false(exists("d/e/x.npy"));
    assert_int_equal(make("x.npy", false), LMVR_OK);
    assert_int_equal(make(".", false), LMVR_OK);
    assert_int_equal(make("file", true), LMVR_ERROR_INVALID);
    assert_int_equal(make("file/below", true), LMVR_ERROR_INVALID);
    assert_int_equal(make("file/x.npy", true), LMVR_ERROR_INVALID);
    assert_int_equal(make("/proc/none/such", false), LMVR_ERROR_INVALID);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {IN_FOLDER(test_paths), cmocka_unit_test(test_refused_paths),
                                       cmocka_unit_test(test_names), IN_FOLDER(test_folders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
