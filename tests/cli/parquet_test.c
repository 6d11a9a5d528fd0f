/* lmvr embed --index parquet: copies of what is complete, and what happens without the module that makes them. */
#include "parquet_made.h"
#include "parts.h"
#include "program.h"

#define PLAIN "embed -m m -f llm --index parquet "

static void make_images(void)
{
    mkdir("in", 0777);
    for (int i = 0; i < 10; i++) {
        char path[32];
        snprintf(path, sizeof path, "in/%d.jpg", i);
        write_image(path, path);
    }
    write_text("in/4.jpg", "bad");
}

/* As the test's module makes it of an index. */
static void assert_copy(const char *copy, const char *index)
{
    char *copied = read_bytes(copy, NULL), *lines = read_bytes(index, NULL), *expected;
    assert_true(copied && lines && asprintf(&expected, "PAR1\n%sPAR1", lines) > 0);
    assert_string_equal(copied, expected);
    free(copied);
    free(lines);
    free(expected);
}

static void test_each_index_has_its_copy(void **state)
{
    (void)state;
    make_images();
    parquet_by_test(NULL);
    assert_ended(lmvr(PLAIN "-o whole in"), 1, "1 of 10 inputs failed");
    assert_copy("whole/index.parquet", "whole/index.jsonl");
    assert_ended(lmvr(PLAIN "-o one/f.npy in"), 1, "1 of 10 inputs failed");
    assert_copy("one/f.parquet", "one/f.jsonl");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 4 in"), 1, "1 of 10 inputs failed");
    assert_copy("out/index/part-00000.parquet", "out/index/part-00000.jsonl");
    assert_copy("out/index/part-00002.parquet", "out/index/part-00002.jsonl");
    assert_ended(lmvr("merge out"), 0, NULL);
}

static void test_resuming_makes_missing_copies(void **state)
{
    (void)state;
    make_images();
    parquet_by_test(NULL);
    assert_ended(lmvr("embed -m m -f llm -o out --rows-per-part 4 in"), 1, "1 of 10 inputs failed");
    assert_ended(lmvr("embed -m m -f llm -o whole in"), 1, "1 of 10 inputs failed");
    assert_false(exists("out/index/part-00000.parquet") || exists("whole/index.parquet"));
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 4 --shard 2/2 --resume in"), 1, "1 of 4 inputs failed");
    assert_true(exists("out/index/part-00001.parquet") && !exists("out/index/part-00000.parquet"));
    write_text("out/index/part-00001.parquet", "mine"); /* what is there is not made again */
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 4 --resume in"), 1, "1 of 10 inputs failed");
    assert_int_equal(size_of_file("out/index/part-00001.parquet"), 4);
    assert_copy("out/index/part-00002.parquet", "out/index/part-00002.jsonl");
    remove("out/index/part-00001.json"); /* unless the part is made again */
    remove("out/index/part-00001.jsonl");
    assert_ended(lmvr(PLAIN "-o out --rows-per-part 4 --resume in"), 1, "1 of 10 inputs failed");
    assert_copy("out/index/part-00001.parquet", "out/index/part-00001.jsonl");
    assert_ended(lmvr(PLAIN "-o whole --resume in"), 1, "1 of 10 inputs failed");
    assert_copy("whole/index.parquet", "whole/index.jsonl");
    assert_ended(lmvr("embed -m m -f llm -o whole --force in"), 1, "1 of 10 inputs failed");
    assert_false(exists("whole/index.parquet"));
}

/* A file that is not lmvr's is not replaced. */
static void test_a_foreign_copy_is_protected(void **state)
{
    (void)state;
    make_images();
    parquet_by_test(NULL);
    mkdir("out", 0777);
    write_text("out/index.parquet", "mine");
    assert_ended(lmvr(PLAIN "-o out in"), 2, "out/index.parquet: already exists, but there is no complete out/run.json");
    assert_ended(lmvr("embed -m m -f llm -o out in"), 1, "1 of 10 inputs failed"); /* not in the way */
    assert_int_equal(size_of_file("out/index.parquet"), 4);
}

static void test_nothing_begins_without_the_module(void **state)
{
    (void)state;
    make_images();
    parquet_by_test("missing");
    assert_ended(lmvr("embed -m no-model --index parquet -o out in"), 2,
                 "--index parquet needs Python with lmvr's package and pyarrow: pip install 'lmvr[parquet]'; LMVR_PYTHON names "
                 "another Python than ");
    assert_non_null(strstr(run_done.err, " (no pyarrow)\n"));
    parquet_by_test("endless");
    assert_ended(lmvr(PLAIN "-o out in"), 2, "(lmvr.parquet ended with status 1)\n");
    setenv("LMVR_PYTHON", "./nowhere", 1);
    assert_ended(lmvr(PLAIN "-o out in"), 2, "./nowhere (No such file or directory)\n");
    setenv("LMVR_PYTHON", "/bin/false", 1);
    assert_ended(lmvr(PLAIN "-o out in"), 2, "/bin/false (lmvr.parquet ended with status 1)\n");
    assert_false(exists("out"));
}

/* The part stays unfinished, so that it is tried again. */
static void test_what_the_module_writes_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *how, *sentence;
    } cases[] = {
        {"full", "out/index/part-00000.parquet: cannot be written: no space, expected 4 rows; 4 of 10 inputs are done, "
                 "--resume continues"},
        {"garbage", "out/index/part-00000.parquet: cannot be written: lmvr.parquet has written something else; 4 of 10"},
        {"more", "out/index/part-00000.parquet: cannot be written: 5 rows, expected 4 rows; 4 of 10"},
        {"dead", "out/index/part-00000.parquet: cannot be written: lmvr.parquet ended with status 0; 4 of 10 inputs are done"},
        {"killed", "cannot be written: lmvr.parquet was ended by signal 9, Killed; 4 of 10 inputs are done"},
        {"says", "out/index/part-00000.parquet: cannot be written: 00000"},
    };
    make_images();
    parquet_by_test(NULL);
    assert_ended(lmvr(PLAIN "-o whole --rows-per-part 4 in"), 1, "1 of 10 inputs failed");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        remove_tree("out");
        parquet_by_test(cases[i].how);
        assert_ended(lmvr(PLAIN "-o out --rows-per-part 4 in"), 3, cases[i].sentence);
        assert_false(exists("out/index/part-00000.json") || exists("out/index/part-00000.parquet.tmp"));
        parquet_by_test(NULL);
        assert_ended(lmvr(PLAIN "-o out --rows-per-part 4 --resume in"), 1, "1 of 10 inputs failed");
        assert_same_tree("out", "whole");
    }
}

/* Rows are what the lines of a .jsonl are, whatever reads them. */
static void test_a_table_is_a_list(void **state)
{
    (void)state;
    static const char lines[] = "{\"path\": \"in/1.jpg\", \"caption\": \"one\"}\n{\"path\": \"in/0.jpg\"}\n";
    make_images();
    write_text("l.jsonl", lines);
    write_text("l.parquet", lines);
    parquet_by_test(NULL);
    assert_ended(lmvr("embed -m m -f llm -o plain @l.jsonl"), 0, NULL);
    assert_ended(lmvr("embed -m m -f llm -o out @l.parquet"), 0, NULL);
    assert_same_tree("out", "plain");
    assert_ended(lmvr("describe -m m -q @l.parquet"), 0, NULL);
    write_text("l.parquet", "{\"path\": \"in/1.jpg\"}\n{\"path\": null}\n");
    assert_ended(lmvr("embed -m m -f llm -o out2 @l.parquet"), 2, "l.parquet: line 2 is not an object with a path");
    assert_ended(lmvr("embed -m m -f llm -o out2 @none.parquet"), 2,
                 "none.parquet: cannot be read: No such file or directory\n");
    assert_int_equal(mkdir("d.parquet", 0777), 0);
    assert_ended(lmvr("embed -m m -f llm -o out2 @d.parquet"), 2,
                 "d.parquet: cannot be read: cat: d.parquet: Is a directory\n");
    parquet_by_test("missing");
    assert_ended(lmvr("embed -m m -f llm -o out2 @none.parquet"), 2,
                 "none.parquet: cannot be read: No such file or directory\n");
    assert_ended(lmvr("embed -m m -f llm -o out2 @l.parquet"), 2, "l.parquet needs Python with lmvr's package and pyarrow: ");
    assert_false(exists("out2"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder_with_model, leave_folder)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_each_index_has_its_copy),           IN_FOLDER(test_resuming_makes_missing_copies),
        IN_FOLDER(test_a_foreign_copy_is_protected),       IN_FOLDER(test_nothing_begins_without_the_module),
        IN_FOLDER(test_what_the_module_writes_is_checked), IN_FOLDER(test_a_table_is_a_list),
    };
    return parquet_is_asked(argc, argv) ? parquet_main(argc, argv) : cmocka_run_group_tests(tests, NULL, NULL);
}
