/* Results in parts, and shares of them: the same files whoever writes them, and what is finished is not touched. */
#include "parts.h"
#include "program.h"

#define PLAIN "embed -m m -f adaptor -f m=llm:image:none "

static void make_images(int count)
{
    mkdir("in", 0777);
    for (int i = 0; i < count; i++) {
        char path[32];
        snprintf(path, sizeof path, "in/%04d.jpg", i);
        if (i % 9 == 4)
            write_text(path, "bad");
        else
            write_image(path, path);
    }
}

static void limit_images(int count)
{
    char config[64];
    snprintf(config, sizeof config, "{\"resource_after\": %d}", count);
    write_text("m/config.json", count < 0 ? "{}" : config);
}

static void assert_text(const char *path, const char *expected)
{
    char *text = read_bytes(path, NULL);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void test_a_part_has_rows_and_lines_of_its_own(void **state)
{
    (void)state;
    make_images(23);
    assert_ended(lmvr(PLAIN "-o whole in"), 1, "3 of 23 inputs failed");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 10 in"), 1, "3 of 23 inputs failed");
    assert_rows("out", "adaptor", "whole");
    assert_rows("out", "m", "whole");
    assert_text("out/index/part-00000.json", "{\"inputs\": 10, \"rows\": 9}\n");
    assert_text("out/index/part-00002.json", "{\"inputs\": 3, \"rows\": 2}\n");
    assert_false(exists("out/index/part-00003.json"));
    assert_int_equal(size_of_file("out/m/part-00002.offsets.npy"), 128 + 4 * 8);
    char *index = read_bytes("out/index/part-00002.jsonl", NULL);
    assert_int_equal(strncmp(index, "{\"path\": \"in/0020.jpg\", \"row\": 0, ", 33), 0);
    free(index);
    char *run = read_bytes("out/run.json", NULL);
    assert_non_null(strstr(run, "\"inputs\": 23,\n"));
    assert_non_null(strstr(run, "\"parts\": 3,\n  \"rows_per_part\": 10\n}\n"));
    free(run);
    write_text("texts", "a\nb\nc\nd\ne");
    assert_ended(lmvr(PLAIN "-o texts-out --rows-per-part 2 --text texts"), 0, NULL);
    assert_text("texts-out/index/part-00002.json", "{\"inputs\": 1, \"rows\": 1}\n");
    assert_ended(lmvr("embed -m m -o a.npy --rows-per-part 2 in"), 2,
                 "a.npy: results in parts need a folder, not a single file");
}

static void test_a_stopped_run_goes_on_in_its_part(void **state)
{
    (void)state;
    make_images(23);
    assert_ended(lmvr(PLAIN "-o whole --rows-per-part 5 in"), 1, "3 of 23 inputs failed");
    for (int after = 0; after <= 22; after += 5) {
        char sentence[64];
        remove_tree("out");
        limit_images(after);
        snprintf(sentence, sizeof sentence, "; %d of 23 inputs are done, --resume continues", after);
        assert_ended(lmvr(PLAIN "-o out --rows-per-part 5 in"), 3, sentence);
        limit_images(0);
        assert_ended(lmvr(PLAIN "-o out --rows-per-part 5 --resume in"), 3, sentence);
        limit_images(-1);
        assert_ended(lmvr(PLAIN "-o out --rows-per-part 5 --resume in"), 1, "3 of 23 inputs failed");
        assert_same_tree("out", "whole");
    }
}

/* They are not even opened: what is in them may be anything. */
static void test_finished_parts_are_not_touched(void **state)
{
    (void)state;
    make_images(12);
    limit_images(8);
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 in"), 3, "; 8 of 12 inputs are done");
    limit_images(-1);
    write_text("out/index/part-00000.jsonl", "mine");
    write_text("out/adaptor/part-00001.npy", "mine");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 --resume in"), 1, "1 of 12 inputs failed");
    assert_text("out/index/part-00000.jsonl", "mine");
    assert_text("out/adaptor/part-00001.npy", "mine");
    /* one that is removed with its mark is made again */
    remove("out/index/part-00000.json");
    remove("out/index/part-00000.jsonl");
    remove("out/index/part-00001.json");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 --resume in"), 1, "1 of 12 inputs failed");
    assert_ended(lmvr(PLAIN "-o whole --rows-per-part 3 in"), 1, "1 of 12 inputs failed");
    assert_same_tree("out", "whole");
}

static void test_results_are_protected(void **state)
{
    (void)state;
    make_images(6);
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 in"), 1, "1 of 6 inputs failed");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 in"), 2, "out: holds results already; --resume continues them");
    assert_ended(lmvr(PLAIN "-o out in"), 2, "out: holds results already; --resume continues them");
    assert_ended(lmvr(PLAIN "-o out --resume in"), 2, "it was started with parts 2, and now there is none");
    assert_ended(lmvr(PLAIN "-o out --resume --rows-per-part 4 in"), 2, "it was started with rows_per_part 3, and now it is 4");
    assert_ended(lmvr(PLAIN "-o out --resume --rows-per-part 3 in in"), 2, "with 6 inputs, and now there are 12");
    remove("out/run.json");
    assert_ended(lmvr(PLAIN "-o out --resume --rows-per-part 3 in"), 2,
                 "out/index: already exists, but there is no complete out/run.json");
    write_text("out/index/notes", "mine");
    assert_ended(lmvr(PLAIN "-o out --force in"), 1, "1 of 6 inputs failed");
    assert_false(exists("out/adaptor") || exists("out/index/part-00000.json"));
    assert_true(exists("out/index/notes"));
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 in"), 2, "out: holds results already");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 --force in"), 1, "1 of 6 inputs failed");
    assert_false(exists("out/adaptor.npy") || exists("out/index.jsonl"));
}

/* ---- shares ---------------------------------------------------------------------------------------------------------- */

static void test_shares_write_the_files_of_one_run(void **state)
{
    (void)state;
    make_images(47);
    assert_ended(lmvr(PLAIN "-o whole --rows-per-part 4 in"), 1, "5 of 47 inputs failed");
    for (int shares = 2; shares <= 14; shares += 12) {
        remove_tree("out");
        for (int share = shares; share >= 1; share--) {
            lmvr(PLAIN "-o out --rows-per-part 4 --shard %d/%d in", share, shares);
            assert_true(run_done.status <= 1);
        }
        assert_same_tree("out", "whole");
        assert_ended(lmvr("merge out"), 0, NULL);
        assert_string_equal(run_done.out, "12 of 12 parts are whole: 47 inputs, 42 rows, 5 failed\n");
    }
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 4 --shard 2/3 in"), 2, "out: holds results already");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 4 --shard 2/3 --resume in"), 1, "3 of 16 inputs failed");
    assert_same_tree("out", "whole");
}

static void test_shares_that_begin_at_once(void **state)
{
    (void)state;
    make_images(60);
    assert_ended(lmvr(PLAIN "-o whole --rows-per-part 3 in"), 1, "7 of 60 inputs failed");
    write_text("m/config.json", "{\"delay_us\": 2000}");
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        char line[128];
        snprintf(line, sizeof line, PLAIN "-o out --rows-per-part 3 --shard %d/4 in", i + 1);
        pids[i] = start_line(line);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(finish(pids[i]), 1);
    assert_same_tree("out", "whole");
}

static void wait_for(const char *path)
{
    for (int i = 0; i < 2000 && !exists(path); i++)
        usleep(5000);
    assert_true(exists(path));
}

static void test_a_share_that_is_taken_is_refused(void **state)
{
    (void)state;
    make_images(40);
    write_image("in/0004.jpg", "good"); /* else the one that runs says so in the middle of what others say */
    write_text("m/config.json", "{\"delay_us\": 1000000}");
    char line[] = PLAIN "-o out --rows-per-part 3 --shard 2/4 in";
    pid_t pid = start_line(line);
    wait_for("out/index/part-00001.jsonl");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 --shard 2/4 --resume in"), 2, "out: another lmvr is doing share 2/4\n");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 --resume in"), 2, "out: another lmvr is writing there\n");
    /* share 2 of 2 has the same first part */
    lmvr(PLAIN "-o out --rows-per-part 3 --shard 2/2 --resume in");
    assert_true(run_done.status == 2);
    assert_non_null(strstr(run_done.err, "another lmvr is writing there"));
    write_text("m/config.json", "{}");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 --shard 1/4 --resume in"), 1, "inputs failed");
    kill(pid, SIGKILL);
    assert_int_equal(finish(pid), 128 + SIGKILL);
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 3 --shard 2/4 --resume in"), 0, NULL);
    assert_false(exists("out/index/share-2-of-4.lock"));
}

static void test_shares_that_cannot_be_are_refused(void **state)
{
    (void)state;
    make_images(6);
    static const char *const wrong[] = {"0/2", "3/2", "1", "1/2x", "-1/2", "1/0", "1/1000001"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_ended(lmvr(PLAIN "-o out --rows-per-part 2 --shard %s in", wrong[i]), 2,
                     "--shard takes I/N, from 1/N to N/N, not");
    assert_ended(lmvr(PLAIN "-o out --shard 1/2 in"), 2, "--rows-per-part has to say how large they are");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 2 --shard 1/2 --force in"), 2,
                 "--force removes what other shares have done");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 2 --shard 1/2 in"), 1, "1 of 4 inputs failed");
    assert_ended(lmvr("embed -m m -f adaptor -o out --rows-per-part 2 --shard 2/2 in"), 2, "it was started with features");
}

/* ---- merge ----------------------------------------------------------------------------------------------------------- */

static void test_merge_says_what_is_missing(void **state)
{
    (void)state;
    make_images(23);
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 5 --shard 2/2 in"), 0, NULL);
    assert_ended(lmvr("merge out"), 1,
                 "lmvr merge: part-00000 of 5 is missing (inputs 1 to 5)\n"
                 "lmvr merge: part-00002 of 5 is missing (inputs 11 to 15)\n"
                 "lmvr merge: part-00004 of 5 is missing (inputs 21 to 23)\n");
    assert_string_equal(run_done.out, "2 of 5 parts are whole: 10 inputs, 10 rows, 0 failed\n");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 5 --shard 1/2 in"), 1, "3 of 13 inputs failed");
    assert_ended(lmvr("merge out"), 0, NULL);
    assert_ended(lmvr("merge"), 2, "one folder with results in parts is expected");
    assert_ended(lmvr("merge in"), 2, "in/run.json: cannot open");
    assert_ended(lmvr(PLAIN "-o one in"), 1, "inputs failed");
    assert_ended(lmvr("merge one"), 2, "one: holds no results in parts");
}

/* Each of them is found in the file that has it. */
static void test_merge_finds_what_is_damaged(void **state)
{
    (void)state;
    static const struct {
        const char *file, *text, *sentence;
    } damages[] = {
        {"index/part-00000.json", "{}", "part-00000.json: was not written by lmvr embed"},
        {"index/part-00001.json", "{\"inputs\": 3, \"rows\": 3}\n", "part-00001 has 3 inputs, which are not those of the run"},
        {"index/part-00001.json", "{\"inputs\": 5, \"rows\": 4}\n",
         "part-00001.jsonl: has 5 lines and 5 rows, expected 5 and 4"},
        {"index/part-00002.jsonl", "{\"path\": \"x\", \"row\": 7}\n", "part-00002.jsonl: line 1 has row 7, expected row 0"},
        {"index/part-00002.jsonl", "", "part-00002.jsonl: has 0 lines and 0 rows, expected 5 and 4"},
        {"adaptor/part-00003.npy", "mine", "adaptor/part-00003.npy: not a .npy file"},
        {"m/part-00003.offsets.npy", "mine", "m/part-00003.offsets.npy: "},
    };
    make_images(20);
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 5 in"), 1, "2 of 20 inputs failed");
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        char path[128];
        size_t size;
        snprintf(path, sizeof path, "out/%s", damages[i].file);
        char *good = read_bytes(path, &size);
        write_text(path, damages[i].text);
        assert_ended(lmvr("merge out"), 1, damages[i].sentence);
        assert_int_equal(strncmp(run_done.out, "3 of 4 parts", 12), 0);
        remove(path);
        assert_int_equal(mkfifo(path, 0666), 0);
        assert_ended(lmvr("merge out"), 1, damages[i].file);
        remove(path);
        write_bytes(path, good, size);
        free(good);
    }
    assert_ended(lmvr("merge out"), 0, NULL);
    write_text("out/index/part-00007.jsonl", "");
    write_text("out/index/part-00006.jsonl", "");
    write_text("out/m/part-00004.npy", "");
    assert_ended(lmvr("merge out"), 1,
                 "lmvr merge: out/index: has 2 files of parts that are not this run's, from part-00006 on\n"
                 "lmvr merge: out/m: has 1 file of parts that are not this run's, from part-00004 on\n");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder_with_model, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_part_has_rows_and_lines_of_its_own), IN_FOLDER(test_a_stopped_run_goes_on_in_its_part),
        IN_FOLDER(test_finished_parts_are_not_touched),       IN_FOLDER(test_results_are_protected),
        IN_FOLDER(test_shares_write_the_files_of_one_run),    IN_FOLDER(test_shares_that_begin_at_once),
        IN_FOLDER(test_a_share_that_is_taken_is_refused),     IN_FOLDER(test_shares_that_cannot_be_are_refused),
        IN_FOLDER(test_merge_says_what_is_missing),           IN_FOLDER(test_merge_finds_what_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
