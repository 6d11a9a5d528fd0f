/* pointing: the position that predicts a word attends to what the word names. */
#include "scratch.h"

#include "tools/scenes/scenes.h"

#define PICTURES 32
#define MODEL    ROOT "/models/lmvr-small"

static void draw(void)
{
    lmvr_error error;
    struct scenes_options options = {.layout = SCENES_LLAVA, .output = "set", .count = PICTURES, .test_count = 1, .seed = 9001};
    if (scenes_make(&options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

struct rates {
    double images, words, predicting, own, chance;
};

/* The number after a name. */
static double number(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    if (!at)
        fail_msg("no \"%s\" in \"%s\"", name, text);
    return at ? strtod(at + strlen(name), NULL) : 0;
}

static struct rates play(const char *count)
{
    char command[4096];
    size_t size;
    snprintf(command, sizeof command, POINTING " set " MODEL " %s >printed", count);
    assert_int_equal(system(command), 0);
    char *text = read_bytes("printed", &size);
    assert_non_null(text);
    struct rates rates = {number(text, "images"), number(text, "words"), number(text, "predicting"), number(text, "own"),
                          number(text, "chance")};
    free(text);
    return rates;
}

static void words_are_predicted_where_their_things_are_looked_at(void **state)
{
    (void)state;
    draw();
    struct rates r = play("");
    assert_true(r.images == PICTURES);
    assert_true(r.words > 2 * PICTURES);
    if (!(r.predicting > 0.7 && r.predicting > r.own + 0.25 && r.predicting > 4 * r.chance && r.chance > 0.02))
        fail_msg("predicting %.3f, own %.3f, chance %.3f", r.predicting, r.own, r.chance);
    struct rates some = play("3");
    assert_true(some.images == 3);
    assert_true(some.words > 0 && some.words < r.words);
}

static void wrong_calls_are_refused(void **state)
{
    (void)state;
    static const char *const calls[] = {POINTING " 2>said",
                                        POINTING " set 2>said",
                                        POINTING " none " MODEL " 2>said",
                                        POINTING " set none 2>said",
                                        POINTING " set " MODEL " 0 2>said",
                                        POINTING " set " MODEL " x 2>said"};
    draw();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct stat said;
        int status = system(calls[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
        assert_true(stat("said", &said) == 0 && said.st_size > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_are_predicted_where_their_things_are_looked_at, enter_folder, leave_folder),
        cmocka_unit_test_setup_teardown(wrong_calls_are_refused, enter_folder, leave_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
