/* The report's folder, on good disks and failing ones. */
#include "faults.h"
#include "sample.h"

#include "format/json.h"

/* ---- reports ---- */

static const char *const names[] = {"report.json",
                                    "report.md",
                                    "report.html",
                                    "tables/design.csv",
                                    "tables/components.csv",
                                    "tables/corruption.csv",
                                    "figures/corruption.svg",
                                    "figures/groups.svg",
                                    "figures/severity.svg",
                                    "figures/responses-1.png",
                                    NULL};

static int write_report(const char *dir, const char *title, lmvr_error *error)
{
    struct report *r = sample_create();
    report_add_text(r, "%s", title);
    int status = (int)report_write(r, dir, error);
    report_free(r);
    return status;
}

struct writing {
    const char *dir, *title;
};

static int write_here(const void *argument)
{
    const struct writing *w = argument;
    lmvr_error error;
    return write_report(w->dir, w->title, &error);
}

static int write_with(const char *dir, const char *title, enum fault kind, int calls)
{
    return run_with_fault(kind, calls, write_here, &(struct writing){dir, title});
}

static size_t entries;

static int count_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path, (void)st, (void)ftw;
    entries += type == FTW_F || type == FTW_SL;
    return 0;
}

static size_t files_in(const char *dir)
{
    entries = 0;
    nftw(dir, count_entry, 16, FTW_PHYS);
    return entries;
}

static void assert_same_report(const char *a, const char *b)
{
    char path_a[128], path_b[128];
    for (size_t i = 0; names[i]; i++) {
        snprintf(path_a, sizeof path_a, "%s/%s", a, names[i]);
        snprintf(path_b, sizeof path_b, "%s/%s", b, names[i]);
        assert_same_file(path_a, path_b);
    }
}

static void make(const char *dir, const char *title)
{
    lmvr_error error;
    if (write_report(dir, title, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

/* ---- what is written ---- */

static void test_writes_all_files(void **state)
{
    (void)state;
    make("a/b/report/", "one");
    for (size_t i = 0; names[i]; i++) {
        char path[128];
        snprintf(path, sizeof path, "a/b/report/%s", names[i]);
        assert_true(size_of_file(path) > 0);
    }
    json_t *json;
    lmvr_error error;
    assert_int_equal(json_read("a/b/report/report.json", NULL, &json, &error), LMVR_OK);
    assert_int_equal(json_array_size(json_object_get(json, "files")), files_in("a"));
    json_decref(json);
    size_t size;
    char *picture = read_bytes("a/b/report/figures/responses-1.png", &size);
    assert_int_equal(size, sizeof sample_png);
    assert_memory_equal(picture, sample_png, size);
    free(picture);
}

static void test_the_same_report_is_the_same_bytes(void **state)
{
    (void)state;
    make("a", "one");
    make("b", "one");
    make("b", "one");
    assert_same_report("a", "b");
    assert_int_equal(files_in("a"), files_in("b"));
}

static void test_a_report_without_figures_makes_no_folders_for_them(void **state)
{
    (void)state;
    lmvr_error error;
    struct report *r = report_create("t");
    assert_int_equal(report_write(r, "out", &error), LMVR_OK);
    assert_false(exists("out/tables"));
    assert_false(exists("out/figures"));
    assert_int_equal(files_in("out"), 3);
    report_free(r);
}

/* ---- files in the way ---- */

static void assert_refused(const char *dir, const char *part)
{
    lmvr_error error;
    assert_int_equal(write_report(dir, "one", &error), LMVR_ERROR_INVALID);
    if (!strstr(error.message, part))
        fail_msg("%s", error.message);
}

static void test_other_peoples_files_are_left(void **state)
{
    (void)state;
    static const char *const taken[] = {"report.md", "report.html", "tables/design.csv", "figures/responses-1.png"};
    lmvr_error error;
    for (size_t i = 0; i < 4; i++) {
        char path[64];
        remove_tree("out");
        mkdir("out", 0777);
        mkdir("out/tables", 0777);
        mkdir("out/figures", 0777);
        snprintf(path, sizeof path, "out/%s", taken[i]);
        write_text(path, "mine");
        write_text("out/notes.txt", "mine");
        assert_refused("out", "is in the way");
        assert_int_equal(files_in("out"), 2);
        assert_int_equal(size_of_file(path), 4);
        assert_int_equal(report_check_place("out", &error), i < 2 ? LMVR_ERROR_INVALID : LMVR_OK);
    }
}

static void test_a_report_json_of_others_is_left(void **state)
{
    (void)state;
    static const char *const contents[] = {"{}",
                                           "[1]",
                                           "not JSON",
                                           "",
                                           "{\"lmvr_report\": 1}",
                                           "{\"lmvr_report\": \"1\", \"files\": []}",
                                           "{\"lmvr_report\": 1, \"files\": {}}"};
    lmvr_error error;
    mkdir("out", 0777);
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        write_text("out/report.json", contents[i]);
        assert_refused("out", "out/report.json: is in the way");
        assert_int_equal(report_check_place("out", &error), LMVR_ERROR_INVALID);
        assert_int_equal(size_of_file("out/report.json"), strlen(contents[i]));
    }
}

static void test_an_earlier_report_is_replaced_and_nothing_else(void **state)
{
    (void)state;
    lmvr_error error;
    make("out", "one");
    write_text("out/notes.txt", "mine");
    write_text("out/figures/mine.png", "mine");
    assert_int_equal(report_check_place("out", &error), LMVR_OK);
    make("out", "two");
    make("two", "two");
    assert_same_report("out", "two");
    assert_int_equal(size_of_file("out/notes.txt"), 4);
    assert_int_equal(size_of_file("out/figures/mine.png"), 4);
}

/* Files that only the earlier report had are removed, so that they are not taken for part of the new one. */
static void test_tables_of_an_earlier_report_alone_are_removed(void **state)
{
    (void)state;
    lmvr_error error;
    make("out", "one");
    write_text("out/tables/mine.csv", "mine");
    struct report *r = report_create("t");
    sample_add_design(r);
    assert_int_equal(report_write(r, "out", &error), LMVR_OK);
    assert_true(exists("out/tables/design.csv"));
    assert_false(exists("out/tables/components.csv"));
    assert_false(exists("out/figures/responses-1.png"));
    assert_int_equal(size_of_file("out/tables/mine.csv"), 4);
    report_free(r);
    make("out", "two"); /* and nothing is in its way */
}

/* The list of files is only text: it cannot cause anything to be removed, and entries that are not names are ignored. */
static void test_a_forged_list_of_files_harms_nothing(void **state)
{
    (void)state;
    mkdir("out", 0777);
    write_text("outside", "mine");
    write_text("out/report.json", "{\"lmvr_report\": 1, \"files\": [\"../outside\", \"tables/../../outside\", "
                                  "\"figures/.csv\", 7, null, \"\", \"report.md\"]}");
    make("out", "one");
    assert_int_equal(size_of_file("outside"), 4);
}

static void test_links_are_not_followed(void **state)
{
    (void)state;
    write_text("outside", "mine");
    mkdir("out", 0777);
    assert_int_equal(symlink("../outside", "out/.report.md.part"), 0);
    lmvr_error error;
    assert_int_equal(write_report("out", "one", &error), LMVR_ERROR_INVALID);
    assert_int_equal(size_of_file("outside"), 4);
    assert_false(exists("out/report.md"));
}

static void test_places_that_cannot_be_written(void **state)
{
    (void)state;
    lmvr_error error;
    write_text("file", "x");
    assert_refused("file//", "file: cannot make the folder");
    assert_refused("file/below", "file");
    assert_int_equal(report_check_place("file/below", &error), LMVR_ERROR_INVALID);
    assert_refused("/proc/nothing/here", "/proc");
    assert_int_equal(report_check_place("not/yet/there", &error), LMVR_OK);
    assert_false(exists("not"));
    mkdir("out", 0777);
    write_text("out/tables", "x"); /* a file where a folder is needed */
    assert_refused("out", "out/tables");
    assert_false(exists("out/report.json"));
}

/* ---- failing disks ---- */

/* The earlier report is untouched until everything is written, and temporary files are removed. */
static void test_a_full_disk_leaves_the_earlier_report(void **state)
{
    (void)state;
    int failures = 0, status;
    make("one", "one");
    make("two", "two");
    size_t files = files_in("one");
    do {
        remove_tree("out");
        make("out", "one");
        status = write_with("out", "two", FULL_FROM_THEN_ON, failures);
        assert_true(status == LMVR_OK || status == LMVR_ERROR_RESOURCE);
        assert_same_report("out", status == LMVR_OK ? "two" : "one");
        assert_int_equal(files_in("out"), files);
        failures += status != LMVR_OK;
    } while (status != LMVR_OK);
    assert_true(failures > (int)files);
}

static void test_a_full_disk_leaves_nothing_behind(void **state)
{
    (void)state;
    int calls = 0;
    while (write_with("out", "one", FULL_FROM_THEN_ON, calls++) != LMVR_OK) {
        assert_int_equal(files_in("out"), 0);
        remove_tree("out");
    }
}

/* After a kill at any point, each file belongs to one report or the other, and the next run succeeds. */
static void test_a_kill_at_every_call(void **state)
{
    (void)state;
    int calls = 0, status;
    make("one", "one");
    make("two", "two");
    do {
        remove_tree("out");
        if (calls % 2)
            make("out", "one");
        status = write_with("out", "two", KILL, calls++);
        assert_true(status == LMVR_OK || status == STOPPED_BY_KILL);
        for (size_t i = 0; names[i]; i++) {
            char path[128], one[128], two[128];
            snprintf(path, sizeof path, "out/%s", names[i]);
            snprintf(one, sizeof one, "one/%s", names[i]);
            snprintf(two, sizeof two, "two/%s", names[i]);
            assert_true(!exists(path) || is_same_file(path, one) || is_same_file(path, two));
        }
        make("out", "two");
        assert_same_report("out", "two");
        assert_int_equal(files_in("out"), files_in("two"));
    } while (status != LMVR_OK);
    print_message("stopped at %d calls\n", calls - 1);
    assert_true(calls > 40);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_writes_all_files),
        IN_FOLDER(test_the_same_report_is_the_same_bytes),
        IN_FOLDER(test_a_report_without_figures_makes_no_folders_for_them),
        IN_FOLDER(test_other_peoples_files_are_left),
        IN_FOLDER(test_a_report_json_of_others_is_left),
        IN_FOLDER(test_an_earlier_report_is_replaced_and_nothing_else),
        IN_FOLDER(test_tables_of_an_earlier_report_alone_are_removed),
        IN_FOLDER(test_a_forged_list_of_files_harms_nothing),
        IN_FOLDER(test_links_are_not_followed),
        IN_FOLDER(test_places_that_cannot_be_written),
        IN_FOLDER(test_a_full_disk_leaves_the_earlier_report),
        IN_FOLDER(test_a_full_disk_leaves_nothing_behind),
        IN_FOLDER(test_a_kill_at_every_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
