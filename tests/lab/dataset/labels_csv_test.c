#include "scratch.h"

#include "lab/dataset/labels_csv.h"

static struct labels read_whole(const char *text)
{
    struct labels labels;
    lmvr_error error;
    write_text("l.csv", text);
    if (labels_csv_read("l.csv", &labels, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return labels;
}

static void assert_refused(const char *text, const char *sentence)
{
    struct labels labels;
    lmvr_error error;
    write_text("l.csv", text);
    assert_int_equal(labels_csv_read("l.csv", &labels, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
    assert_true(!labels.classes && !labels.single && !labels.multi);
}

/* Classes are in byte order. */
static void test_a_column_label(void **state)
{
    (void)state;
    struct labels l = read_whole("\xEF\xBB\xBFlabel\r\ndog\r\n\"cat, small\"\r\nZebra\r\ndog\r\n\r\n");
    assert_int_equal(l.kind, LABELS_SINGLE);
    assert_int_equal(l.rows, 4);
    assert_int_equal(l.class_count, 3);
    assert_string_equal(l.classes[0], "Zebra");
    assert_string_equal(l.classes[1], "cat, small");
    assert_string_equal(l.classes[2], "dog");
    assert_memory_equal(l.single, ((int32_t[]){2, 1, 0, 2}), 16);
    labels_finish(&l);
}

static void test_whole_numbers_are_sorted_as_such(void **state)
{
    (void)state;
    struct labels l = read_whole("label\n10\n-3\n9\n10\n");
    assert_string_equal(l.classes[0], "-3");
    assert_string_equal(l.classes[1], "9");
    assert_string_equal(l.classes[2], "10");
    assert_memory_equal(l.single, ((int32_t[]){2, 0, 1, 2}), 16);
    labels_finish(&l);
    l = read_whole("label\n10\n9\nx\n"); /* not all are numbers */
    assert_string_equal(l.classes[0], "10");
    assert_string_equal(l.classes[1], "9");
    labels_finish(&l);
    l = read_whole("label\n1\n01\n1\n");
    assert_int_equal(l.class_count, 2);
    assert_memory_equal(l.single, ((int32_t[]){1, 0, 1}), 12);
    labels_finish(&l);
}

/* Classes keep the header's order, and a column path is not a class. */
static void test_a_column_per_class(void **state)
{
    (void)state;
    struct labels l = read_whole("dog,path,\"a \"\"cat\"\"\"\n1,x,-1\n0,y,1\n");
    assert_int_equal(l.kind, LABELS_MULTI);
    assert_int_equal(l.rows, 2);
    assert_int_equal(l.class_count, 2);
    assert_string_equal(l.classes[0], "dog");
    assert_string_equal(l.classes[1], "a \"cat\"");
    assert_memory_equal(l.multi, ((int8_t[]){1, -1, 0, 1}), 4);
    labels_finish(&l);
}

static void test_refusals_name_the_line(void **state)
{
    (void)state;
    assert_refused("", "l.csv: is empty, expected a header and one line per row");
    assert_refused("label\n", "l.csv: has no lines after the header");
    assert_refused("path\nx\n", "l.csv: has neither a column label nor class columns");
    assert_refused("label,split,path\nx,y,z\n",
                   "l.csv: has 1 column besides label, expected either a column label or a column per class");
    assert_refused("dog,cat\n1,-1\n1,2\n", "l.csv: line 3: cat is \"2\", expected 1, -1, or 0 for difficult");
    assert_refused("dog\n1\n\"\"\n", "l.csv: line 3: dog is \"\", expected 1, -1, or 0 for difficult");
    assert_refused("label,path\n\"a\nb\",x\n,y\n", "l.csv: line 4 has no label");
    assert_refused("label\n\xff\n", "l.csv: line 2 has a label that is not UTF-8");
    assert_refused("dog,\n1,1\n", "l.csv: line 1: column 2 has no name");
    assert_refused("d\xff,b\n1,1\n", "l.csv: line 1: the name of a class is not UTF-8");
    assert_refused("dog,cat\n1\n", "l.csv: line 2: has 1 fields where the header has 2");
    struct labels labels;
    lmvr_error error;
    assert_int_equal(labels_csv_read("none.csv", &labels, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "none.csv: cannot open: No such file or directory");
}

/* ---- joined ---- */

static const char index_text[] = "{\"path\": \"a.jpg\", \"row\": 0, \"response\": \"A dog\"}\n"
                                 "{\"path\": \"bad.jpg\", \"row\": null, \"error\": \"bad.jpg: not an image\"}\n"
                                 "{\"path\": \"b.jpg\", \"row\": 1}\n"
                                 "{\"path\": \"extra.jpg\", \"row\": 2}\n"
                                 "{\"path\": \"a.jpg\", \"row\": 3}\n";

static void test_labels_join_by_path(void **state)
{
    (void)state;
    struct labels l;
    struct labels_join join;
    lmvr_error error;
    write_text("index.jsonl", index_text);
    write_text("l.csv", "path,label\nb.jpg,dog\nbad.jpg,cat\nnever.jpg,cow\na.jpg,hen\n");
    if (labels_csv_join("l.csv", "index.jsonl", &l, &join, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(l.rows, 3);
    assert_memory_equal(join.rows, ((int64_t[]){0, 1, 3}), 24);
    assert_memory_equal(l.single, ((int32_t[]){3, 2, 3}), 12);
    assert_string_equal(l.classes[0], "cat");
    assert_int_equal(join.index_rows, 4);
    assert_int_equal(join.rows_without_label, 1);
    assert_int_equal(join.lines_without_row, 2);
    labels_finish(&l);
    labels_join_finish(&join);
    write_text("l.csv", "dog,cat,path\n1,0,b.jpg\n-1,1,a.jpg\n");
    assert_int_equal(labels_csv_join("l.csv", "index.jsonl", &l, &join, &error), LMVR_OK);
    assert_memory_equal(l.multi, ((int8_t[]){-1, 1, 1, 0, -1, 1}), 6);
    assert_int_equal(join.lines_without_row, 0);
    labels_finish(&l);
    labels_join_finish(&join);
}

/* Paths that name the same place are the same; invalid UTF-8 is replaced as in the index. */
static void test_spellings_of_a_path(void **state)
{
    struct labels l;
    struct labels_join join;
    lmvr_error error;
    char csv[512];
    write_text("index.jsonl", "{\"path\": \"./in//a.jpg\", \"row\": 0}\n{\"path\": \"in/../b.jpg\", \"row\": 1}\n"
                              "{\"path\": \"\xEF\xBF\xBD.jpg\", \"row\": 2}\n");
    snprintf(csv, sizeof csv, "path,label\n%s/in/a.jpg,x\nb.jpg,y\n\xff.jpg,z\n", (const char *)*state);
    write_text("l.csv", csv);
    if (labels_csv_join("l.csv", "index.jsonl", &l, &join, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_memory_equal(join.rows, ((int64_t[]){0, 2}), 16); /* "in/.." may be a link's */
    assert_int_equal(l.rows, 2);
    labels_finish(&l);
    labels_join_finish(&join);
}

static void assert_join_refused(const char *csv, const char *index, const char *sentence)
{
    struct labels labels;
    struct labels_join join;
    lmvr_error error;
    write_text("l.csv", csv);
    write_text("index.jsonl", index);
    assert_int_equal(labels_csv_join("l.csv", "index.jsonl", &labels, &join, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
    assert_true(!labels.classes && !join.rows);
}

static void test_joins_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    assert_join_refused("label\nx\n", index_text, "l.csv: has no column path to join the index on");
    assert_join_refused("path,label\na.jpg,x\na.jpg,y\n", index_text, "l.csv: has the duplicate path a.jpg");
    assert_join_refused("path,label\na.jpg,x\n./a.jpg,y\n", index_text, "l.csv: has the duplicate path ./a.jpg");
    assert_join_refused("path,label\nA.jpg,x\n", index_text,
                        "l.csv and index.jsonl have no path in common; the former has A.jpg");
    assert_join_refused("path,label\na,x\n", "", "l.csv and index.jsonl have no path in common; the former has a");
    assert_join_refused("path,label\na,x\n", "{\"path\": \"a\", \"row\": 1}\n",
                        "index.jsonl: row 1 is on an earlier line than it can be");
    assert_join_refused("path,label\na,x\n", "{\"path\": \"a\", \"row\": 0}\n{\"path\": \"b\", \"row\": 0}\n",
                        "index.jsonl: row 0 is a duplicate");
    assert_join_refused("path,label\na,x\n", "{\"path\": \"x\", \"row\": null}\n{\"path\": \"a\", \"row\": 1}\n",
                        "index.jsonl: row 0 is missing");
    assert_join_refused("path,label\na,x\n", "row 0\n",
                        "index.jsonl: line 1 is not an index line, as lmvr embed writes them to index.jsonl");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_a_column_label),
        IN_FOLDER(test_whole_numbers_are_sorted_as_such),
        IN_FOLDER(test_a_column_per_class),
        IN_FOLDER(test_refusals_name_the_line),
        IN_FOLDER(test_labels_join_by_path),
        IN_FOLDER(test_spellings_of_a_path),
        IN_FOLDER(test_joins_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
