/* What `lmvr train` prints on a terminal: its progress, how it ended, and how to continue. */
#include "train_made.h"
#include "terminal.h"

#define ARGUMENTS(...) ((char *const[]){(char *)"lmvr", (char *)"train", (char *)"language", __VA_ARGS__, NULL})
#define COMMON                                                                                                                 \
    (char *)"--threads", (char *)"1", (char *)"--dtype", (char *)"f32", (char *)"--data", (char *)"text.txt",                  \
        (char *)"--config", (char *)"llama.json", (char *)"--max-tokens", (char *)"16", (char *)"--batch", (char *)"2",        \
        (char *)"-o", (char *)"out", (char *)"--steps"

static int make_data(void **state)
{
    (void)state;
    if (make_folder() != 0)
        return -1;
    write_configs();
    return 0;
}

static void a_run_ends_with_its_last_step_on_the_line(void **state)
{
    (void)state;
    char *said = on_terminal(120, 0, ARGUMENTS(COMMON, (char *)"3"));
    char *last = strstr(said, "\r3/3   loss ");
    assert_non_null(last);
    assert_null(strstr(last, " left"));
    assert_non_null(strstr(last, "\x1b[K\r\n")); /* it stays */
    assert_null(strstr(said, "0/0"));
    free(said);
}

static void a_finished_run_says_that_nothing_is_left_to_do(void **state)
{
    (void)state;
    assert_ended(
        lmvr("train language" NUMBERS "--data text.txt --config llama.json --max-tokens 16 --batch 2 -o out --steps 3"), 0,
        NULL);
    char *said = on_terminal(120, 0, ARGUMENTS(COMMON, (char *)"3", (char *)"--resume"));
    assert_string_equal(said, "out: the run was already finished; nothing to do\r\n");
    free(said);
}

static void an_interrupted_run_says_where_it_stopped_and_how_to_go_on(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < 2; i++) {
        int step = 0, steps = 0;
        remove_tree("out");
        char *said = on_terminal_until(120, 3, ARGUMENTS(COMMON, (char *)"100000"), "/100000   loss ", signals[i]);
        const char *sentence = strstr(said, "\r\x1b[Klmvr train language: interrupted after step ");
        if (!sentence)
            fail_msg("it said: %s", said);
        const char *rest = strstr(sentence, "step ");
        assert_int_equal(sscanf(rest, "step %d of %d; run the same command with --resume to continue\r\n", &step, &steps), 2);
        assert_non_null(strstr(rest, "; run the same command with --resume to continue\r\n"));
        assert_int_equal(steps, 100000);
        assert_true(step > 0);
        assert_int_equal(newest_checkpoint(), step);
        free(said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAIN_TEST(a_run_ends_with_its_last_step_on_the_line),
        TRAIN_TEST(a_finished_run_says_that_nothing_is_left_to_do),
        TRAIN_TEST(an_interrupted_run_says_where_it_stopped_and_how_to_go_on),
    };
    return cmocka_run_group_tests(tests, make_data, remove_parts);
}
