/* Which images the command line gives, and in which order, as seen in the paths that describe prints. */
#include "program.h"

/* The index lines' paths, each followed by a space. */
static void assert_paths(const struct program_run *run, const char *expected)
{
    char paths[4096] = "";
    for (char *line = run->out; *line; line = strchr(line, '\n') + 1) {
        assert_int_equal(strncmp(line, "{\"path\": \"", 10), 0);
        char *path = line + 10;
        snprintf(paths + strlen(paths), sizeof paths - strlen(paths), "%.*s ", (int)strcspn(path, "\""), path);
    }
    assert_string_equal(paths, expected);
}

static void make_tree(void)
{
    static const char *const folders[] = {"in", "in/cat", "in/cat-big", "in/empty", "in/.hidden"};
    static const char *const images[] = {"in/b.jpg",      "in/a.JPEG",        "in/z.PnG",     "in/cat/2.webp",
                                         "in/cat/10.jpg", "in/cat.jpg",       "in/cat-big/x", "in/k.gif",
                                         "in/k.TIFF",     "in/.hidden/x.jpg", "in/._b.jpg",   "in/B.jpg"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_int_equal(mkdir(folders[i], 0777), 0);
    for (size_t i = 0; i < sizeof images / sizeof *images; i++)
        write_image(images[i], "an image of some length");
    write_text("in/notes.txt", "not an image, nor named like one");
    write_text("in/short", "\xFF\xD8\xFF");
    assert_int_equal(mkfifo("in/pipe.jpg", 0600), 0);
    assert_int_equal(symlink("..", "in/cat/up"), 0);
    assert_int_equal(symlink("cat", "in/link"), 0);
    assert_int_equal(symlink("nowhere", "in/lost"), 0);
}

static const char tree[] =
    "in/B.jpg in/a.JPEG in/b.jpg in/cat/10.jpg in/cat/2.webp in/cat-big/x in/cat.jpg in/k.TIFF in/k.gif in/link/10.jpg "
    "in/link/2.webp in/z.PnG ";

static void test_folder(void **state)
{
    (void)state;
    make_tree();
    assert_paths(lmvr("describe -m m --json in"), tree);
    assert_int_equal(run_done.status, 0);
    assert_paths(lmvr("describe -m m --json in/"), tree);
    assert_paths(lmvr("describe -m m --json in/cat/ in/b.jpg in/.hidden in/notes.txt"),
                 "in/cat/10.jpg in/cat/2.webp in/cat/up/B.jpg in/cat/up/a.JPEG in/cat/up/b.jpg in/cat/up/cat-big/x "
                 "in/cat/up/cat.jpg in/cat/up/k.TIFF in/cat/up/k.gif in/cat/up/z.PnG in/b.jpg in/.hidden/x.jpg in/notes.txt ");
}

static void test_named_but_bad(void **state)
{
    (void)state;
    assert_int_equal(mkdir("in", 0777), 0);
    write_image("in/a.jpg", "a");
    write_text("in/bad.jpg", "");
    assert_int_equal(symlink("nowhere", "in/lost.jpg"), 0);
    assert_ended(lmvr("describe -m m --json in gone.jpg"), 1,
                 "in/bad.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image");
    assert_paths(&run_done, "in/a.jpg in/bad.jpg in/lost.jpg gone.jpg ");
    assert_non_null(strstr(run_done.err, "gone.jpg: cannot be opened"));
}

static void test_unreadable_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir("in", 0777), 0);
    assert_int_equal(mkdir("in/closed", 0000), 0);
    write_image("in/a.jpg", "a");
    setting.obeys_modes = true;
    assert_paths(lmvr("describe -m m --json in"), "in/a.jpg in/closed ");
    assert_int_equal(run_done.status, 1);
}

static void test_lists(void **state)
{
    (void)state;
    make_tree();
    write_text("list", "in/b.jpg\r\n\n\r\nin/cat\nin/z.PnG\nnone.jpg\n@list\n in/b.jpg\nin/a.JPEG");
    static const char expected[] = "in/b.jpg in/cat/10.jpg in/cat/2.webp in/cat/up/B.jpg in/cat/up/a.JPEG in/cat/up/b.jpg "
                                   "in/cat/up/cat-big/x in/cat/up/cat.jpg in/cat/up/k.TIFF in/cat/up/k.gif in/cat/up/z.PnG "
                                   "in/z.PnG none.jpg @list  in/b.jpg "
                                   "in/a.JPEG ";
    assert_paths(lmvr("describe -m m --json @list"), expected);
    assert_int_equal(run_done.status, 1);
    setting.in = "list";
    assert_paths(lmvr("describe -m m --json @-"), expected);
    write_image("@x.jpg", "x");
    assert_paths(lmvr("describe -m m --json ./@x.jpg"), "./@x.jpg ");
    write_bytes("zero", "a\0b\n", 4);
    assert_ended(lmvr("describe -m m @zero"), 2, "zero: line 1 has a zero byte in it");
}

static void test_many(void **state)
{
    (void)state;
    FILE *list = fopen("list", "we");
    write_image("a.jpg", "a");
    for (int i = 0; i < 3000; i++)
        fputs("a.jpg\n", list);
    fclose(list);
    assert_ended(lmvr("embed -m m -o out @list"), 0, NULL);
    char *index = read_bytes("out/index.jsonl", NULL);
    assert_non_null(strstr(index, "\n{\"path\": \"a.jpg\", \"row\": 2999, "));
    free(index);
}

static void test_lists_of_objects(void **state)
{
    (void)state;
    assert_int_equal(mkdir("in", 0777), 0);
    write_image("in/a.jpg", "a");
    write_image("in/b.jpg", "b");
    write_text("l.jsonl",
               "{\"path\": \"in/b.jpg\", \"label\": 3, \"path2\": {\"a\": [1.5, \"é\"]}}\r\n\n{\"x\": null, \"path\": "
               "\"in\"}\n{\"path\": \"gone.jpg\"}");
    assert_ended(lmvr("embed -m m -f adaptor --before-generation -o out @l.jsonl"), 1, "gone.jpg: cannot be opened");
    char *index = read_bytes("out/index.jsonl", NULL);
    assert_string_equal(index,
                        "{\"path\": \"in/b.jpg\", \"json\": {\"label\": 3, \"path2\": {\"a\": [1.5, \"é\"]}}, \"row\": 0}\n"
                        "{\"path\": \"in/a.jpg\", \"json\": {\"x\": null}, \"row\": 1}\n"
                        "{\"path\": \"in/b.jpg\", \"json\": {\"x\": null}, \"row\": 2}\n"
                        "{\"path\": \"gone.jpg\", \"row\": null, \"error\": \"gone.jpg: cannot be opened\"}\n");
    free(index);
    assert_paths(lmvr("describe -m m --json @l.jsonl"), "in/b.jpg in/a.jpg in/b.jpg gone.jpg ");
    write_text("l.jsonl", "{\"path\": \"in/b.jpg\", \"label\": 4}\n{\"path\": \"in\"}\n{\"path\": \"gone.jpg\"}");
    assert_ended(lmvr("embed -m m -f adaptor --before-generation -o out --resume @l.jsonl"), 2,
                 "it was started with other inputs");
}

static void test_a_list_of_objects_that_are_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } wrong[] = {
        {"{\"path\": \"a\"}\n{\"path\": 3}", "l.jsonl: line 2 is not an object with a path: \"path\" has to be a text"},
        {"{\"path\": \"\"}", "line 1 is not an object with a path"},
        {"[\"path\"]", "line 1 is not an object with a path"},
        {"in/a.jpg", "line 1 is not an object with a path: "},
        {"{\"path\": \"a\", \"path\": \"b\"}", "line 1 is not an object with a path: duplicate object key"},
        {"{\"path\": \"a\\u0000\"}", "line 1 is not an object with a path: "}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_text("l.jsonl", wrong[i].text);
        assert_ended(lmvr("embed -m m -o out @l.jsonl"), 2, wrong[i].sentence);
    }
    static char longest[70000];
    size_t length = (size_t)snprintf(longest, sizeof longest, "{\"path\": \"a\", \"x\": \"");
    memset(longest + length, 'x', 66000);
    strcpy(longest + length + 66000, "\"}");
    write_text("l.jsonl", longest);
    assert_ended(lmvr("embed -m m -o out @l.jsonl"), 2, "l.jsonl: line 1 has more than 65536 bytes besides the path");
    assert_false(exists("out"));
}

/* The most memory that the program takes for a list of so many lines, in KiB. */
static long memory_for(int lines)
{
    static char *const arguments[] = {(char *)"lmvr",
                                      (char *)"embed",
                                      (char *)"-m",
                                      (char *)"m",
                                      (char *)"-f",
                                      (char *)"adaptor",
                                      (char *)"--before-generation",
                                      (char *)"-o",
                                      (char *)"out",
                                      (char *)"@list",
                                      NULL};
    struct rusage usage;
    int status;
    FILE *list = fopen("list", "we");
    for (int i = 0; i < lines; i++)
        fprintf(list, "./././././././././././././././././././././././././././././././././a.jpg\n");
    fclose(list);
    remove_tree("out");
    pid_t pid = start(arguments);
    assert_int_equal(wait4(pid, &status, 0, &usage), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return usage.ru_maxrss;
}

static void test_memory_does_not_grow_with_a_list(void **state)
{
    (void)state;
    write_image("a.jpg", "a");
    long few = memory_for(1000), many = memory_for(60000);
    print_message("%ld KiB for 1,000 lines, %ld KiB for 60,000\n", few, many);
#ifndef __SANITIZE_ADDRESS__ /* which keeps what is freed */
    assert_true(many < few + 1024);
#endif
}

/* One line at the end, the most frequent kind first; hidden files, folders and what is given by itself are not counted. */
static void test_what_is_passed_over_is_counted_by_kind(void **state)
{
    (void)state;
    static const char *const others[] = {"in/1.HEIC",  "in/sub/2.heic", "in/3.heic",
                                         "in/a.txt",   "in/sub/b.TXT",  "in/README",
                                         "in/.hidden", "in/movie.mp4",  "in/x.longer-than-any-ending",
                                         "in/ends."};
    assert_int_equal(mkdir("in", 0777), 0);
    assert_int_equal(mkdir("in/sub", 0777), 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        write_text(others[i], "no image");
    write_image("in/a.jpg", "a");
    assert_ended(lmvr("describe -m m in"), 0,
                 "lmvr describe: passed over in in/: 3 .heic, 3 without extension, 2 .txt, 1 .mp4\n");
    assert_ended(lmvr("embed -m m -o out in/"), 0,
                 "lmvr embed: passed over in in/: 3 .heic, 3 without extension, 2 .txt, 1 .mp4\n");
    assert_ended(lmvr("corrupt --type fog --severity 1 -o fog in/sub in"), 1,
                 "lmvr corrupt: passed over in 2 folders: 4 .heic, ");
    assert_ended(lmvr("describe -q -m m in"), 0, NULL);
    assert_ended(lmvr("describe -m m in/a.jpg in/a.txt"), 1, "in/a.txt: not a JPEG");
    assert_null(strstr(run_done.err, "passed over"));
}

static void test_many_kinds_are_counted_together(void **state)
{
    (void)state;
    char path[32];
    assert_int_equal(mkdir("in", 0777), 0);
    for (int i = 0; i < 12; i++) {
        snprintf(path, sizeof path, "in/a.k%02d", i);
        write_text(path, "no image");
    }
    write_text("in/b.k05", "no image");
    write_image("in/a.jpg", "a");
    assert_ended(lmvr("describe -m m in"), 0,
                 "passed over in in/: 2 .k05, 1 .k00, 1 .k01, 1 .k02, 1 .k03, 1 .k04, 1 .k06, 5 of 5 other kinds\n");
}

static void test_a_folder_without_images_names_what_it_holds(void **state)
{
    (void)state;
    assert_int_equal(mkdir("in", 0777), 0);
    write_text("in/a.heic", "no image");
    assert_ended(lmvr("describe -m m in"), 2, "lmvr describe: no images: there is none in in; passed over in in/: 1 .heic\n");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder_with_model, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_folder),
        IN_FOLDER(test_named_but_bad),
        IN_FOLDER(test_unreadable_folder),
        IN_FOLDER(test_lists),
        IN_FOLDER(test_many),
        IN_FOLDER(test_lists_of_objects),
        IN_FOLDER(test_a_list_of_objects_that_are_none_is_refused),
        IN_FOLDER(test_memory_does_not_grow_with_a_list),
        IN_FOLDER(test_what_is_passed_over_is_counted_by_kind),
        IN_FOLDER(test_many_kinds_are_counted_together),
        IN_FOLDER(test_a_folder_without_images_names_what_it_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
