/* The progress line, on a pseudo-terminal; and that there is none elsewhere. */
#include "terminal.h"

static void make_images(void)
{
    mkdir("in", 0777);
    for (int i = 0; i < 20; i++) {
        char path[32];
        snprintf(path, sizeof path, "in/%02d.jpg", i);
        write_image(path, path);
    }
    write_text("m/config.json", "{\"delay_us\": 30000}");
}

static char *const embed[] = {(char *)"lmvr", (char *)"embed", (char *)"-m",       (char *)"m", (char *)"-o",
                              (char *)"out",  (char *)"in",    (char *)"--resume", NULL};

/* Every line leaves the terminal's last column free; counted between the carriage return and the erase sequence. */
static void assert_narrow(const char *said, size_t columns)
{
    for (const char *line = strstr(said, "\r"); line; line = strstr(line + 1, "\r"))
        assert_true(strcspn(line + 1, "\r\n\x1b") < columns);
}

static void test_terminal(void **state)
{
    (void)state;
    make_images();
    char *said = on_terminal(80, 0, embed);
    assert_non_null(strstr(said, "\r0/20\x1b[K"));
    assert_non_null(strstr(said, " images/s   0:00 left\x1b[K"));
    assert_non_null(strstr(said, "\r20/20   "));
    assert_non_null(strstr(said, " in all\x1b[K\r\n"));
    size_t drawn = 0;
    for (char *c = said; (c = strstr(c, "\x1b[K")) != NULL; c++)
        drawn++;
    assert_in_range(drawn, 4, 12); /* ten a second, not one per image */
    assert_narrow(said, 80);
    free(said);
    said = on_terminal(80, 0, embed); /* all done by an earlier run */
    assert_non_null(strstr(said, "\r20/20\x1b[K"));
    free(said);
}

static void test_narrow_terminal(void **state)
{
    (void)state;
    make_images();
    write_text("in/07.jpg", "bad");
    char *said = on_terminal(12, 1, embed);
    assert_non_null(strstr(said, "\r0/20\x1b[K"));
    assert_non_null(strstr(said, "\r\x1b[Klmvr embed: in/07.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image\r\n"));
    char *message = strstr(said, "lmvr embed:");
    *message = '\0';
    assert_narrow(said, 12);
    free(said);
}

static void test_quiet(void **state)
{
    (void)state;
    char *quiet[] = {(char *)"lmvr", (char *)"embed", (char *)"-m", (char *)"m", (char *)"-o",
                     (char *)"out",  (char *)"in",    (char *)"-q", NULL};
    make_images();
    char *said = on_terminal(80, 0, quiet);
    assert_string_equal(said, "");
    free(said);
}

static void test_describe(void **state)
{
    (void)state;
    char *describe[] = {(char *)"lmvr", (char *)"describe", (char *)"-m", (char *)"m", (char *)"in", NULL};
    make_images();
    char *said = on_terminal(80, 0, describe);
    assert_non_null(strstr(said, "\r20/20   "));
    free(said);
}

static void put_picture(const char *part, const char *class, int number)
{
    char path[64];
    snprintf(path, sizeof path, "set/%s/%s/%d.jpg", part, class, number);
    write_image(path, path);
}

/* The clean images are a pass, and each corruption at each severity. */
static void test_eval_says_which_pass_this_is(void **state)
{
    (void)state;
    char *eval[] = {
        (char *)"lmvr",   (char *)"eval",   (char *)"corruption", (char *)"-m",     (char *)"m",        (char *)"--dataset",
        (char *)"folder", (char *)"--data", (char *)"set",        (char *)"--type", (char *)"fog,snow", (char *)"--severity",
        (char *)"2,4",    (char *)"--c",    (char *)"1",          (char *)"-o",     (char *)"out",      NULL};
    static const char *const folders[] = {"set",           "set/train",    "set/test",    "set/train/cat",
                                          "set/train/dog", "set/test/cat", "set/test/dog"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(folders[i], 0777), 0);
    for (int i = 0; i < 8; i++)
        put_picture(i < 6 ? "train" : "test", i % 2 ? "cat" : "dog", i);
    char *said = on_terminal(80, 0, eval);
    assert_non_null(strstr(said, "pass 1 of 5: clean\r\n"));
    assert_non_null(strstr(said, "pass 2 of 5: snow 2\r\n"));
    assert_non_null(strstr(said, "pass 5 of 5: fog 4\r\n"));
    free(said);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder_with_model, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_terminal),
        IN_FOLDER(test_narrow_terminal),
        IN_FOLDER(test_quiet),
        IN_FOLDER(test_describe),
        IN_FOLDER(test_eval_says_which_pass_this_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
