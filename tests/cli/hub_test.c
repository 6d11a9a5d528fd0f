/* -m org/name: models in the Hugging Face cache, wherever that is. */
#include "program.h"

#define COMMIT "0123456789abcdef0123456789abcdef01234567"

static void make_folders(const char *path)
{
    char part[1024];
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        mkdir(part, 0777);
    }
    mkdir(path, 0777);
}

/* A cache below `root` that holds org/small, as `hf download` leaves it. */
static void make_cache(const char *root)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/models--org--small/snapshots/" COMMIT, root);
    make_folders(path);
    snprintf(path, sizeof path, "%s/models--org--small/snapshots/" COMMIT "/config.json", root);
    write_text(path, "{}");
    snprintf(path, sizeof path, "%s/models--org--small/refs", root);
    make_folders(path);
    snprintf(path, sizeof path, "%s/models--org--small/refs/main", root);
    write_text(path, COMMIT "\n");
}

static int enter_without_cache(void **state)
{
    char here[512];
    static const char *const names[] = {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    return enter_folder(state) != 0 || !getcwd(here, sizeof here) || setenv("HOME", here, 1) != 0 ? -1 : 0;
}

static void assert_found(const char *root)
{
    char line[1024];
    snprintf(line, sizeof line, "model         %s/models--org--small/snapshots/" COMMIT "\n", root);
    assert_ended(lmvr("info -m org/small"), 0, NULL);
    if (strncmp(run_done.out, line, strlen(line)) != 0)
        fail_msg("%s should be said, but: %s", line, run_done.out);
}

static void test_each_place_of_the_cache_is_looked_into(void **state)
{
    (void)state;
    char home[512], place[1024];
    assert_non_null(getcwd(home, sizeof home));
    snprintf(place, sizeof place, "%s/.cache/huggingface/hub", home);
    make_cache(place);
    assert_found(place);
    make_cache("xdg/huggingface/hub");
    setenv("XDG_CACHE_HOME", "xdg", 1);
    assert_found("xdg/huggingface/hub");
    make_cache("hf/hub");
    setenv("HF_HOME", "hf", 1);
    assert_found("hf/hub");
    make_cache("cache");
    setenv("HF_HUB_CACHE", "cache", 1);
    assert_found("cache");
}

static void test_a_path_goes_before_the_cache(void **state)
{
    (void)state;
    make_cache("cache");
    setenv("HF_HUB_CACHE", "cache", 1);
    make_folders("org/small");
    write_text("org/small/config.json", "{}");
    assert_ended(lmvr("info -m org/small"), 0, NULL);
    assert_int_equal(strncmp(run_done.out, "model         org/small\n", 24), 0);
}

static void test_a_model_that_is_not_there_says_how_to_get_it(void **state)
{
    (void)state;
    static const char *const others[] = {"org/small/more", "./org/small", "/org/small", "org", "org/sm all", "org/.small"};
    make_cache("cache");
    setenv("HF_HUB_CACHE", "cache", 1);
    assert_ended(
        lmvr("info -m org/other"), 2,
        "lmvr info: org/other: is no folder, and not in the Hugging Face cache (cache); `hf download org/other` puts it "
        "there, if the hub has it\n");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        lmvr("info -m %s", others[i]);
        assert_null(strstr(run_done.err, "hf download"));
        assert_int_equal(run_done.status, 2);
    }
    write_text("cache/models--org--small/refs/main", "../../..");
    assert_ended(lmvr("info -m org/small"), 2, "org/small: is no folder, and not in the Hugging Face cache");
    write_text("cache/models--org--small/refs/main", "fedcba9876543210fedcba9876543210fedcba98");
    assert_ended(lmvr("info -m org/small"), 2, "org/small: is no folder, and not in the Hugging Face cache");
    unsetenv("HF_HUB_CACHE");
    unsetenv("HOME");
    assert_ended(lmvr("info -m org/other"), 2, "not in the Hugging Face cache; `hf download org/other`");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, enter_without_cache, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_place_of_the_cache_is_looked_into),
        TEST(test_a_path_goes_before_the_cache),
        TEST(test_a_model_that_is_not_there_says_how_to_get_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
