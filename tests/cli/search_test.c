/* lmvr search: what it finds and prints, how it ends, what it refuses. */
#include "program.h"

#include "store/npy.h"

#include <jansson.h>
#include <math.h>

/* Nine images in "in", of which in/2.jpg is none, and their results in "out". */
static void embed(const char *options)
{
    mkdir("in", 0777);
    for (int i = 0; i < 9; i++) {
        char path[32];
        snprintf(path, sizeof path, "in/%d.jpg", i);
        write_image(path, path);
    }
    write_text("in/2.jpg", "bad");
    assert_ended(lmvr("embed -m m -o out %s in", options), 1, "1 of 9 inputs failed");
}

static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* ---- finding ---- */

static void test_an_image_finds_itself(void **state)
{
    (void)state;
    embed("");
    assert_ended(lmvr("search -m m out in/4.jpg -k 3"), 0, NULL);
    assert_int_equal(count_lines(run_done.out), 3);
    assert_true(begins(run_done.out, "in/4.jpg\t1\t1.000000\t3\tin/4.jpg\tA \"dög\" with "));
    assert_non_null(strstr(run_done.out, "\nin/4.jpg\t2\t0."));
    assert_non_null(strstr(run_done.out, "\nin/4.jpg\t3\t0."));
}

static void test_the_calls_of_the_contract(void **state)
{
    (void)state;
    embed("");
    assert_ended(lmvr("search -m m -i out --image in/4.jpg -k 1"), 0, NULL);
    assert_true(begins(run_done.out, "in/4.jpg\t1\t1.000000\t3\tin/4.jpg\t"));
    assert_ended(lmvr("search -m m -i out --text dog -k 2 --json"), 0, NULL);
    assert_true(begins(run_done.out, "{\"query\": \"dog\", \"results\": [{\"row\": "));
    assert_int_equal(count_lines(run_done.out), 1);
}

/* Rows need no model; a query's number does not depend on others. */
static void test_rows_and_paths(void **state)
{
    (void)state;
    embed("-f llm -f encoder:cls");
    assert_ended(lmvr("search -q out --row 7 --path in/3.jpg -k 1"), 0, NULL);
    assert_true(begins(run_done.out, "7\t1\t1.000000\t7\tin/8.jpg\t"));
    assert_non_null(strstr(run_done.out, "\nin/3.jpg\t1\t1.000000\t2\tin/3.jpg\t"));
    char *alone = strdup(strchr(run_done.out, '\n') + 1);
    assert_ended(lmvr("search out --path in/3.jpg -k 1"), 0, NULL);
    assert_string_equal(run_done.out, alone);
    assert_ended(lmvr("search out -f llm:all:mean:-1 --path in/3.jpg -k 1"), 2, "has no feature \"llm:all:mean:-1\"");
    assert_ended(lmvr("search out -f encoder:cls --path in/3.jpg -k 100"), 0, NULL);
    assert_int_equal(count_lines(run_done.out), 8);
    free(alone);
}

static void test_json_has_what_the_index_says(void **state)
{
    (void)state;
    embed("--before-generation");
    assert_ended(lmvr("search -m m out in/0.jpg none.jpg --row 1 --json -k 2"), 1,
                 "lmvr search: none.jpg: cannot be opened\nlmvr search: 1 of 3 queries failed\n");
    json_t *first = json_loads(run_done.out, JSON_DISABLE_EOF_CHECK, NULL);
    json_t *results = json_object_get(first, "results"), *one = json_array_get(results, 0);
    assert_string_equal(json_string_value(json_object_get(first, "query")), "in/0.jpg");
    assert_int_equal(json_array_size(results), 2);
    assert_int_equal(json_integer_value(json_object_get(one, "row")), 0);
    assert_string_equal(json_string_value(json_object_get(one, "path")), "in/0.jpg");
    assert_true(json_real_value(json_object_get(one, "score")) == 1);
    assert_null(json_object_get(one, "response"));
    json_decref(first);
    assert_non_null(strstr(run_done.out, "\n{\"query\": \"none.jpg\", \"error\": \"none.jpg: cannot be opened\"}\n"));
    assert_non_null(
        strstr(run_done.out, "\n{\"query\": \"1\", \"results\": [{\"row\": 1, \"path\": \"in/1.jpg\", \"score\": 1.0}, "));
}

static void test_texts_find_texts(void **state)
{
    (void)state;
    write_text("texts.txt", "a dog\na cat\ntwo dogs\n");
    assert_ended(lmvr("embed -m m -o out --text texts.txt"), 0, NULL);
    assert_ended(lmvr("search -m m out --text a%%20cat -k 1 --json"), 0, NULL);
    assert_true(
        begins(run_done.out, "{\"query\": \"a cat\", \"results\": [{\"row\": 1, \"text\": \"a cat\", \"score\": 1.0, "));
}

/* Its rows are embedded again with the options that run.json has, whatever the defaults are. */
static void test_uses_the_options_of_the_run(void **state)
{
    (void)state;
    embed("--prompt What%20is%20it? --dims 5 --dtype f32");
    assert_ended(lmvr("search -m m out in/4.jpg -k 1"), 0, NULL);
    assert_true(begins(run_done.out, "in/4.jpg\t1\t1.000000\t3\tin/4.jpg\t"));
}

static void test_single_files(void **state)
{
    (void)state;
    embed("");
    assert_ended(lmvr("embed -q -m m -o one/f.npy in"), 1, "1 of 9");
    assert_ended(lmvr("search -m m one/f.npy in/4.jpg -k 1"), 0, NULL);
    assert_true(begins(run_done.out, "in/4.jpg\t1\t1.000000\t3\tin/4.jpg\t"));
}

static void test_dot_product(void **state)
{
    (void)state;
    embed("");
    assert_ended(lmvr("search out --row 3 -k 1 --metric dot --json"), 0, NULL);
    json_t *answer = json_loads(run_done.out, 0, NULL);
    double score = json_real_value(json_object_get(json_array_get(json_object_get(answer, "results"), 0), "score")), most = 0;
    json_decref(answer);
    struct npy_reader r;
    lmvr_error error;
    float rows[8][32];
    assert_int_equal(npy_reader_open("out/llm_all_mean_-1.npy", &r, &error), LMVR_OK);
    assert_int_equal(npy_reader_read(&r, 0, 8, rows[0], &error), LMVR_OK);
    for (int row = 0; row < 8; row++) {
        double sum = 0;
        for (int i = 0; i < 32; i++)
            sum += (double)rows[3][i] * (double)rows[row][i];
        most = sum > most ? sum : most;
    }
    assert_true(fabs(score - most) < 1e-6 * most);
    npy_reader_close(&r);
}

static void test_page(void **state)
{
    (void)state;
    embed("");
    assert_ended(lmvr("search out --row 3 --html page.html"), 0, NULL);
    char *page = read_bytes("page.html", NULL);
    assert_non_null(strstr(page, ">4.jpg<"));
    assert_non_null(strstr(page, "1: 1.0000"));
    free(page);
    assert_ended(lmvr("search out --row 3 --html page.html"), 2, "page.html: already exists; --force replaces it");
    assert_ended(lmvr("search out --row 3 --html page.html --force"), 0, NULL);
    assert_ended(lmvr("search out --row 3 --html none/page.html"), 2, "none/page.html");
    assert_ended(lmvr("search out --row 3 --html in"), 2, "in: is not a file");
}

/* ---- parts ---- */

#define ROWS    "out/llm_all_mean_-1/part-"
#define QUERIES "in/4.jpg --text dog --row 0 --row 3 --row 7 --path in/8.jpg -k 9 --json"

/* What a folder answers, to be freed. */
static char *search_in(const char *folder)
{
    assert_ended(lmvr("search -m m %s " QUERIES, folder), 0, NULL);
    return strdup(run_done.out);
}

static void test_parts_are_searched_as_one(void **state)
{
    (void)state;
    embed("--rows-per-part 2");
    assert_ended(lmvr("embed -q -m m -o one in"), 1, "1 of 9");
    char *expected = search_in("one");
    assert_int_equal(count_lines(expected), 6);
    assert_ended(lmvr("search -m m -i out " QUERIES), 0, NULL);
    assert_string_equal(run_done.out, expected);
    assert_string_equal(run_done.err, "");
    free(expected);
}

/* Its rows are in the files of another layout, whose numbers have as many digits as the number of parts has. */
static void test_parts_of_the_other_layout(void **state)
{
    (void)state;
    embed("--rows-per-part 2");
    char *expected = search_in("out"), *run = read_bytes("out/run.json", NULL), *more;
    for (int i = 0; i < 5; i++) {
        char from[64], to[64];
        snprintf(from, sizeof from, ROWS "%05d.npy", i);
        snprintf(to, sizeof to, "out/llm_all_mean_-1/llm_all_mean_-1_%d.npy", i);
        assert_int_equal(rename(from, to), 0);
    }
    assert_true(asprintf(&more, "%.*s,\n  \"layout\": \"clip-retrieval\"\n}\n", (int)(strrchr(run, '\n') - run - 2), run) > 0);
    write_text("out/run.json", more);
    char *found = search_in("out");
    assert_string_equal(found, expected);
    free(expected);
    free(found);
    free(run);
    free(more);
}

static void test_members_of_tars_are_found(void **state)
{
    (void)state;
    embed("");
    assert_int_equal(
        system("cd in && tar cf ../a.tar 0.jpg 1.jpg 2.jpg && tar cf ../b.tar 3.jpg 4.jpg 5.jpg 6.jpg 7.jpg 8.jpg && "
               "tar cf ../none.tar -T /dev/null"),
        0);
    assert_ended(lmvr("embed -q -m m -o tars a.tar none.tar b.tar"), 1, "1 of 9");
    char *expected;
    assert_ended(lmvr("search -m m out in/4.jpg --row 7 --json"), 0, NULL);
    expected = strdup(run_done.out);
    assert_ended(lmvr("search -m m tars in/4.jpg --row 7 --json"), 0, NULL);
    assert_non_null(strstr(run_done.out, "{\"row\": 3, \"path\": \"b.tar/4.jpg\", \"score\": 1.0,"));
    char *lines[2] = {expected, run_done.out};
    for (int query = 0; query < 2; query++) {
        json_t *answers[2], *results[2];
        for (int i = 0; i < 2; i++) {
            answers[i] = json_loads(lines[i], JSON_DISABLE_EOF_CHECK, NULL);
            results[i] = json_object_get(answers[i], "results");
            lines[i] = strchr(lines[i], '\n') + 1;
        }
        assert_int_equal(json_array_size(results[0]), 8);
        assert_int_equal(json_array_size(results[1]), 8);
        for (size_t k = 0; k < 8; k++) {
            const json_t *a = json_array_get(results[0], k), *b = json_array_get(results[1], k);
            assert_true(json_equal(json_object_get(a, "row"), json_object_get(b, "row")));
            assert_true(json_equal(json_object_get(a, "score"), json_object_get(b, "score")));
        }
        json_decref(answers[0]);
        json_decref(answers[1]);
    }
    free(expected);
}

static void test_unfinished_parts_are_passed_over(void **state)
{
    (void)state;
    embed("--rows-per-part 2");
    unlink("out/index/part-00003.json");
    assert_ended(lmvr("search out --row 5 -k 1"), 0,
                 "lmvr search: out: 1 of 5 parts is not there, or not finished; the others are searched\n");
    assert_true(begins(run_done.out, "5\t1\t1.000000\t5\tin/8.jpg\t"));
    assert_ended(lmvr("search -q out --path in/8.jpg -k 9"), 0, NULL);
    assert_string_equal(run_done.err, "");
    assert_int_equal(count_lines(run_done.out), 6);
    assert_ended(lmvr("search -q out --row 6"), 2, "--row 6: out has the rows 0 to 5");
    assert_ended(lmvr("search -q out --path in/6.jpg"), 1, "has no row of \"in/6.jpg\"");
    for (int i = 0; i < 5; i++) {
        char path[64];
        snprintf(path, sizeof path, "out/index/part-%05d.json", i);
        unlink(path);
    }
    assert_ended(lmvr("search out --row 0"), 2, "out: is not finished: none of its 5 parts is; lmvr embed --resume continues");
}

/* ---- refusals: one sentence each, nothing printed ---- */

static void assert_refused(const char *line, const char *sentence)
{
    assert_ended(lmvr("%s", line), 2, sentence);
    assert_string_equal(run_done.out, "");
}

static void test_calls_that_ask_for_nothing(void **state)
{
    (void)state;
    embed("");
    assert_refused("search", "no folder: the first argument has to name one");
    assert_refused("search out", "nothing to look for: a query is an image, or what --text, --row or --path names");
    assert_refused("search out --row 8", "--row 8: out has the rows 0 to 7");
    assert_refused("search out --row -1", "--row -1: out has the rows 0 to 7");
    assert_refused("search out --row 1x", "--row 1x: out has the rows 0 to 7");
    assert_refused("search out -f llm -f encoder --row 1", "one feature is compared, not 2");
    assert_refused("search out --row 1 -k 0", "--top takes an integer from 1 to 10000");
    assert_ended(lmvr("search out --path in/2.jpg"), 1, "out: has no row of \"in/2.jpg\"");
}

static void test_folders_without_results(void **state)
{
    (void)state;
    embed("");
    assert_refused("search none --row 1", "none: holds no results: lmvr embed writes none/run.json beside them");
    assert_refused("search in --row 1", "in: holds no results");
    assert_refused("search out -f nose --row 1", "out: has no feature \"nose\"; it has llm_all_mean_-1");
    write_text("bad.jpg", "bad");
    assert_ended(lmvr("embed -q -m m -o empty bad.jpg"), 1, "1 of 1");
    assert_refused("search empty --row 0", "empty: has no rows: none of its inputs could be used");
    assert_ended(lmvr("embed -q -m m -o many -f llm:all:none in"), 1, "1 of 9");
    assert_refused("search many --row 0", "many: the feature llm_all_none has several rows an input");
    write_text("out/run.json", "{}");
    assert_refused("search out --row 1", "out/run.json: was not written by lmvr embed");
    write_text("out/run.json", "");
    assert_refused("search out --row 1", "out: is not finished: the run was stopped at its start");
}

static void test_unfinished_runs(void **state)
{
    (void)state;
    embed("");
    char *index = read_bytes("out/index.jsonl", NULL), *end = strstr(index, "{\"path\": \"in/7.jpg\"");
    *end = '\0';
    write_text("out/index.jsonl", index);
    assert_refused("search out --row 1", "out: is not finished: 7 of 9 inputs are done; lmvr embed --resume continues");
    free(index);
}

static void test_tars_are_no_queries(void **state)
{
    (void)state;
    embed("");
    assert_int_equal(system("tar cf two.tar -C in 0.jpg 1.jpg"), 0);
    assert_ended(lmvr("search -m m out two.tar"), 2, "two.tar");
}

static void write_rows(const char *path, size_t dim, int count)
{
    struct npy_writer w;
    lmvr_error error;
    const float row[64] = {1};
    assert_int_equal(npy_writer_create(path, NPY_F32, dim, &w, &error), LMVR_OK);
    for (int i = 0; i < count; i++)
        assert_int_equal(npy_writer_append(&w, row, 1, &error), LMVR_OK);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
}

static void test_damaged_files(void **state)
{
    (void)state;
    embed("");
    const char *rows = "out/llm_all_mean_-1.npy";
    size_t size;
    char *bytes = read_bytes(rows, &size);
    write_bytes(rows, bytes, size - 1);
    assert_refused("search out --row 1", "out/llm_all_mean_-1.npy: has 1151 bytes, expected 1152 by its header");
    write_bytes(rows, "hello", 5);
    assert_refused("search out --row 1", "out/llm_all_mean_-1.npy: ");
    unlink(rows);
    assert_refused("search out --row 1", "out/llm_all_mean_-1.npy: cannot open");
    write_rows(rows, 7, 8);
    assert_refused("search out --row 1", "out/llm_all_mean_-1.npy: has 8 rows of 7 values, but by the index and "
                                         "out/run.json they are 8 of 32");
    write_bytes(rows, bytes, size);
    write_text("out/index.jsonl", "{\"path\": \"a\", \"row\": 1}\n");
    assert_refused("search out --row 1", "out/index.jsonl: line 1 is of row 1, expected 0");
    write_text("out/index.jsonl", "hello\n");
    assert_refused("search out --row 1", "out/index.jsonl: line 1 is not an index line");
    free(bytes);
}

static void test_damaged_parts(void **state)
{
    (void)state;
    embed("--rows-per-part 2");
    size_t size;
    char *bytes = read_bytes(ROWS "00003.npy", &size), *index = read_bytes("out/index/part-00003.jsonl", NULL);
    write_bytes(ROWS "00003.npy", bytes, size - 1);
    assert_refused("search out --row 1", "part-00003.npy: has 383 bytes, expected 384 by its header");
    write_rows(ROWS "00003.npy", 7, 2);
    assert_refused("search out --row 1", "part-00003.npy: has rows of 7 values, but those of " ROWS "00000.npy have 32");
    write_rows(ROWS "00003.npy", 32, 3);
    assert_refused("search out --row 1",
                   "part-00003.npy: has 3 rows of 32 values, but by the index and out/run.json they are 2 of 32");
    unlink(ROWS "00003.npy");
    assert_refused("search out --row 1", "part-00003.npy: cannot open");
    write_bytes(ROWS "00003.npy", bytes, size);
    write_text("out/index/part-00003.jsonl", "{\"path\": \"a\", \"row\": 0}\n");
    assert_refused("search out --row 1", "out: the index of part-00003 has 1 lines and 1 rows, expected 2 and 2");
    write_text("out/index/part-00003.jsonl", "{\"path\": \"a\", \"row\": 6}\n");
    assert_refused("search out --row 1", "out/index/part-00003.jsonl: line 1 is of row 6, expected 0");
    write_text("out/index/part-00003.jsonl", index);
    write_text("out/index/part-00003.json", "{\"inputs\": 2}");
    assert_refused("search out --row 1", "out/index/part-00003.json: was not written by lmvr embed");
    free(bytes);
    free(index);
}

static void test_untrue_numbers_of_parts(void **state)
{
    (void)state;
    static const char *const untrue[] = {"0", "-1", "1000001", "\"5\"", "9223372036854775807"};
    embed("--rows-per-part 2");
    char *run = read_bytes("out/run.json", NULL), *number = strstr(run, "\"parts\": 5"), *more;
    assert_non_null(number);
    for (size_t i = 0; i < sizeof untrue / sizeof *untrue; i++) {
        assert_true(
            asprintf(&more, "%.*s\"parts\": %s%s", (int)(number - run), run, untrue[i], number + strlen("\"parts\": 5")) > 0);
        write_text("out/run.json", more);
        assert_refused("search out --row 1", "out/run.json: has a number of parts that is not 1 to 1000000");
        free(more);
    }
    free(run);
}

static void test_other_models(void **state)
{
    (void)state;
    embed("");
    mkdir("other", 0777);
    write_text("other/config.json", "{\"seed\": 2}");
    assert_refused("search -m other out in/1.jpg",
                   "out: was made by another model (FakeForTests, fingerprint 000000000000face) than other (FakeForTests, "
                   "000000000001f59c); -m has to name that");
    assert_refused("search -m none out in/1.jpg", "none");
    assert_refused("search out in/1.jpg", "no model: ");
    assert_ended(lmvr("search -m other out --row 1 -k 1"), 0, NULL);
    char *run = read_bytes("out/run.json", NULL), *more;
    assert_true(asprintf(&more, "%.*s,\n  \"corrupted\": true\n}\n", (int)(strrchr(run, '\n') - run - 2), run) > 0);
    write_text("out/run.json", more);
    assert_refused("search -m m out in/1.jpg",
                   "out/run.json: the rows depend on \"corrupted\", which is not an option of lmvr embed");
    free(run);
    free(more);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder_with_model, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_an_image_finds_itself),
        IN_FOLDER(test_the_calls_of_the_contract),
        IN_FOLDER(test_rows_and_paths),
        IN_FOLDER(test_json_has_what_the_index_says),
        IN_FOLDER(test_texts_find_texts),
        IN_FOLDER(test_uses_the_options_of_the_run),
        IN_FOLDER(test_single_files),
        IN_FOLDER(test_dot_product),
        IN_FOLDER(test_page),
        IN_FOLDER(test_parts_are_searched_as_one),
        IN_FOLDER(test_parts_of_the_other_layout),
        IN_FOLDER(test_members_of_tars_are_found),
        IN_FOLDER(test_unfinished_parts_are_passed_over),
        IN_FOLDER(test_calls_that_ask_for_nothing),
        IN_FOLDER(test_folders_without_results),
        IN_FOLDER(test_unfinished_runs),
        IN_FOLDER(test_tars_are_no_queries),
        IN_FOLDER(test_damaged_files),
        IN_FOLDER(test_damaged_parts),
        IN_FOLDER(test_untrue_numbers_of_parts),
        IN_FOLDER(test_other_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
