/*
 * Kills runs at random moments until one finishes: its files must be those of an uninterrupted run. LMVR_KILL_ROUNDS requests
 * more rounds than a normal test run has time for.
 */
#include "parquet_made.h"
#include "parts.h"
#include "program.h"
#include "tar_made.h"

#include <time.h>

#define IMAGES 300

static char *const first[] = {(char *)"lmvr",
                              (char *)"embed",
                              (char *)"-m",
                              (char *)"m",
                              (char *)"-o",
                              (char *)"out",
                              (char *)"-f",
                              (char *)"llm",
                              (char *)"-f",
                              (char *)"pixels",
                              (char *)"-f",
                              (char *)"encoder",
                              (char *)"-f",
                              (char *)"m=llm:image:none",
                              (char *)"in",
                              (char *)"--resume",
                              NULL};

static unsigned random_state = 12345;

static unsigned random_below(unsigned most)
{
    random_state = random_state * 1103515245u + 12345u;
    return (random_state >> 8) % most;
}

static size_t count_lines(const char *path)
{
    size_t lines = 0;
    char *text = read_bytes(path, NULL);
    for (char *c = text; c && *c; c++)
        lines += *c == '\n';
    free(text);
    return lines;
}

/* The duration of an uninterrupted run; kills happen within this time. */
static unsigned measure_run_us(void)
{
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    assert_int_equal(finish(start(first)), 1);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    return (unsigned)((ended.tv_sec - begun.tv_sec) * 1000000 + (ended.tv_nsec - begun.tv_nsec) / 1000) + 1;
}

/* Runs into one output folder, killed until it is complete. Returns the number of kills. */
static int disturb(unsigned longest_us)
{
    size_t lines = 0;
    for (int kills = 0;; kills++) {
        pid_t pid = start(first);
        usleep(random_below(kills % 2 ? longest_us : longest_us / 2)); /* some in the first half */
        kill(pid, SIGKILL);
        int status = finish(pid);
        size_t now = count_lines("out/index.jsonl");
        assert_true(now >= lines); /* what was done stays done */
        lines = now;
        if (status == 1)
            return kills;
        if (status != 128 + SIGKILL)
            fail_msg("a resumed run ended with %d: %s", status, read_bytes("stderr", NULL));
    }
}

static void test_kills(void **state)
{
    (void)state;
    const char *asked = getenv("LMVR_KILL_ROUNDS");
    int rounds = asked ? (int)strtol(asked, NULL, 10) : 8, kills = 0;
    mkdir("in", 0777);
    for (int i = 0; i < IMAGES; i++) {
        char path[32];
        snprintf(path, sizeof path, "in/%04d.jpg", i);
        if (i % 17 == 5)
            write_text(path, "bad");
        else
            write_image(path, path);
    }
    write_text("m/config.json", "{\"delay_us\": 100}");
    assert_ended(lmvr("embed -m m -o whole -f llm -f pixels -f encoder -f m=llm:image:none in"), 1, "18 of 300 inputs failed");
    unsigned longest_us = measure_run_us();
    for (int i = 0; i < rounds; i++) {
        remove_tree("out");
        kills += disturb(longest_us);
        assert_same_file("out/run.json", "whole/run.json");
        assert_same_file("out/index.jsonl", "whole/index.jsonl");
        assert_same_file("out/llm.npy", "whole/llm.npy");
        assert_same_file("out/pixels.npy", "whole/pixels.npy");
        assert_same_file("out/encoder.npy", "whole/encoder.npy");
        assert_same_file("out/m.npy", "whole/m.npy");
        assert_same_file("out/m.offsets.npy", "whole/m.offsets.npy");
    }
    print_message("%d kills in %d rounds\n", kills, rounds);
    assert_true(kills > 0);
}

/* ---- parts ----------------------------------------------------------------------------------------------------------- */

#define TARS     6
#define MEMBERS  20
#define IN_PARTS "embed -m m -f llm -f m=llm:image:none --index parquet --resume "

static void make_tars(void)
{
    for (int t = 0; t < TARS; t++) {
        char path[32], text[64];
        snprintf(path, sizeof path, "t-%d.tar", t);
        FILE *tar = tar_begin(path);
        for (int i = 0; i < MEMBERS; i++) {
            snprintf(path, sizeof path, "%d.jpg", i);
            snprintf(text, sizeof text, i % 7 == 3 ? "bad %d" : "\xFF\xD8\xFF and %d", 100 * t + i);
            tar_add(tar, path, text);
            snprintf(path, sizeof path, "%d.cls", i);
            tar_add(tar, path, "3");
        }
        tar_end(tar);
    }
}

static void cut_tar(const char *good, const char *path)
{
    size_t size;
    char *bytes = read_bytes(good, &size);
    write_bytes(path, bytes, random_below((unsigned)size));
    free(bytes);
}

/* One tar is cut, elsewhere each time, and another one is cut or gone, until they are mended. */
static void break_tars(void)
{
    if (!exists("t-2.good")) {
        assert_int_equal(rename("t-2.tar", "t-2.good"), 0);
        assert_int_equal(rename("t-5.tar", "t-5.good"), 0);
    }
    cut_tar("t-2.good", "t-2.tar");
    if (random_below(2) == 0)
        cut_tar("t-5.good", "t-5.tar");
    else
        remove("t-5.tar");
}

static void mend_tars(void)
{
    assert_int_equal(rename("t-2.good", "t-2.tar"), 0);
    assert_int_equal(rename("t-5.good", "t-5.tar"), 0);
}

/* Runs a share until it is complete, killed at random, while the other runs. What is broken is mended after so many kills, 0:
 * nothing is. Returns the number of kills. */
static int disturb_shares(const char *inputs, int mended_after)
{
    int kills = 0;
    bool done[2] = {false, false}, broken = mended_after > 0;
    for (int times = 0; !done[0] || !done[1]; times++) {
        pid_t pids[2] = {0};
        bool mended = broken && kills >= mended_after;
        broken = broken && !mended;
        if (mended)
            mend_tars();
        if (broken)
            break_tars();
        for (int i = 0; i < 2; i++) {
            char line[256];
            snprintf(line, sizeof line, IN_PARTS "-o out --shard %d/2 %s", i + 1, inputs);
            pids[i] = done[i] ? 0 : start_line(line);
        }
        usleep(random_below(times % 2 ? 400000 : 60000)); /* a busy machine takes long to begin */
        for (int i = 0; i < 2; i++) {
            if (!pids[i])
                continue;
            kill(pids[i], SIGKILL);
            int status = finish(pids[i]);
            done[i] = status == 1 && !broken;
            kills += status != 1;
            if (status != 1 && status != 128 + SIGKILL)
                fail_msg("a resumed share ended with %d: %s", status, read_bytes("stderr", NULL));
        }
    }
    return kills;
}

static void test_kills_of_shares(void **state)
{
    (void)state;
    static const char *const inputs[] = {"t-{0..5}.tar", "--rows-per-part 17 in", "t-{0..5}.tar"};
    const char *asked = getenv("LMVR_KILL_ROUNDS");
    int rounds = asked ? (int)strtol(asked, NULL, 10) : 2, kills = 0;
    make_tars();
    parquet_by_test(NULL);
    mkdir("in", 0777);
    for (int i = 0; i < IMAGES / 3; i++) {
        char path[32];
        snprintf(path, sizeof path, "in/%04d.jpg", i);
        write_image(path, path);
    }
    write_text("in/0005.jpg", "bad");
    write_text("in/0090.jpg", "bad");
    write_text("m/config.json", "{\"delay_us\": 300}");
    for (size_t i = 0; i < 3; i++) {
        remove_tree("whole");
        assert_ended(lmvr(IN_PARTS "-o whole %s", inputs[i]), 1, "inputs failed");
        for (int round = 0; round < rounds; round++) {
            remove_tree("out");
            kills += disturb_shares(inputs[i], i == 2 ? 1 + (int)random_below(8) : 0);
            assert_ended(lmvr("merge out"), 0, NULL);
            remove("out/index/share-1-of-2.lock"); /* what a kill may leave */
            remove("out/index/share-2-of-2.lock");
            assert_same_tree("out", "whole");
        }
    }
    print_message("%d kills of shares\n", kills);
    assert_true(kills > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kills, enter_folder_with_model, leave_folder),
        cmocka_unit_test_setup_teardown(test_kills_of_shares, enter_folder_with_model, leave_folder),
    };
    return parquet_is_asked(argc, argv) ? parquet_main(argc, argv) : cmocka_run_group_tests(tests, NULL, NULL);
}
