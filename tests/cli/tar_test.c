/* Tars as inputs of embed: their images in order, with what lies beside them, whatever is wrong with the rest. */
#include "parts.h"
#include "program.h"
#include "tar_made.h"

#include <zlib.h>

#define IMAGE  "\xFF\xD8\xFF and "
#define PLAIN  "embed -m m --before-generation -f adaptor "
#define LONGER 70000 /* bytes; more than a companion may have */

/* `count` samples from number `first` on, each an image and its caption. */
static void make_shard(const char *path, int first, int count)
{
    FILE *tar = tar_begin(path);
    for (int i = first; i < first + count; i++) {
        char name[64], text[64];
        snprintf(name, sizeof name, "%06d.jpg", i);
        snprintf(text, sizeof text, IMAGE "%d", i);
        tar_add(tar, name, text);
        snprintf(name, sizeof name, "%06d.txt", i);
        snprintf(text, sizeof text, "number %d", i);
        tar_add(tar, name, text);
    }
    tar_end(tar);
}

/* The lines of all parts. */
static void assert_index(const char *output, const char *expected)
{
    char *text = read_lines(output);
    assert_string_equal(text, expected);
    free(text);
}

static void test_images_come_in_order_with_what_lies_beside_them(void **state)
{
    (void)state;
    FILE *tar = tar_begin("a.tar");
    tar_header(tar, "./x/", 0, '5');
    tar_add(tar, "./x/1.cls", "17\n");
    tar_add(tar, "./x/1.jpg", IMAGE "1");
    tar_add(tar, "./x/1.json", "{\"width\": 640, \"tags\": [\"é\", null]}");
    tar_add(tar, "./x/1.txt", "a caption\n");
    tar_add(tar, "x/2.png", "no image");
    tar_add(tar, "x/2.cls", "tench");
    tar_add(tar, "x/3.jpg", IMAGE "3");
    tar_add(tar, "x/4", IMAGE "and so named by its content alone: 4");
    tar_add(tar, "/x/5.left.jpg", IMAGE "5");
    tar_add(tar, "x/5.right.jpg", IMAGE "6");
    tar_add(tar, "x/5.right.txt", "\xFF");
    tar_end(tar);
    assert_ended(lmvr(PLAIN "-o out a.tar"), 1, "lmvr embed: a.tar/x/2.png: not a JPEG");
    assert_index("out",
                 "{\"path\": \"a.tar/x/1.jpg\", \"cls\": 17, \"json\": {\"width\": 640, \"tags\": [\"é\", null]}, \"txt\": "
                 "\"a caption\\n\", \"row\": 0}\n"
                 "{\"path\": \"a.tar/x/2.png\", \"cls\": \"tench\", \"row\": null, \"error\": \"a.tar/x/2.png: not a JPEG, "
                 "PNG, WebP, GIF, BMP, TIFF or AVIF image\"}\n"
                 "{\"path\": \"a.tar/x/3.jpg\", \"row\": 1}\n"
                 "{\"path\": \"a.tar/x/4\", \"row\": 2}\n"
                 "{\"path\": \"a.tar/x/5.left.jpg\", \"row\": 3}\n"
                 "{\"path\": \"a.tar/x/5.right.jpg\", \"txt\": \"\xEF\xBF\xBD\", \"row\": 4}\n");
}

static void gzip(const char *from, const char *to)
{
    size_t size;
    char *bytes = read_bytes(from, &size);
    gzFile file = gzopen(to, "wb");
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), size);
    assert_int_equal(gzclose(file), Z_OK);
    free(bytes);
}

static void test_rows_are_those_of_the_files(void **state)
{
    (void)state;
    mkdir("in", 0777);
    for (int i = 0; i < 40; i++) {
        char path[32], text[32];
        snprintf(path, sizeof path, "in/%06d.jpg", i);
        snprintf(text, sizeof text, IMAGE "%d", i);
        write_text(path, text);
    }
    make_shard("s-0008.tar", 0, 15);
    make_shard("s-0009.tar", 15, 1);
    make_shard("s-0010.tar", 16, 24);
    make_shard("all.tar", 0, 40);
    gzip("all.tar", "all.tar.gz");
    gzip("all.tar", "all.tgz");
    assert_ended(lmvr(PLAIN "-o files in"), 0, NULL);
    assert_ended(lmvr(PLAIN "-o range s-{0008..10}.tar"), 0, NULL);
    assert_ended(lmvr(PLAIN "-o gz all.tar.gz"), 0, NULL);
    assert_ended(lmvr(PLAIN "-o tgz all.tgz"), 0, NULL);
    setting.in = "all.tar";
    assert_ended(lmvr(PLAIN "-o stdin -"), 0, NULL);
    static const char *const outputs[] = {"range", "gz", "tgz", "stdin"};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        assert_rows(outputs[i], "adaptor", "files");
    char *index = read_bytes("range/index/part-00001.jsonl", NULL);
    assert_string_equal(index, "{\"path\": \"s-0009.tar/000015.jpg\", \"txt\": \"number 15\", \"row\": 0}\n");
    free(index);
    write_text("list", "s-0009.tar\nin/000001.jpg\n");
    assert_ended(lmvr(PLAIN "-o mixed @list"), 0, NULL);
    assert_index("mixed", "{\"path\": \"s-0009.tar/000015.jpg\", \"txt\": \"number 15\", \"row\": 0}\n"
                          "{\"path\": \"in/000001.jpg\", \"row\": 0}\n");
}

static void test_tars_one_after_the_other_are_one(void **state)
{
    (void)state;
    for (int i = 1; i <= 2; i++) {
        FILE *tar = tar_begin(i == 1 ? "1.tar" : "2.tar");
        tar_add(tar, i == 1 ? "1.jpg" : "2.jpg", IMAGE "1");
        tar_end(tar);
    }
    assert_int_equal(system("cat 1.tar 2.tar >both.tar"), 0);
    assert_ended(lmvr(PLAIN "-o out both.tar"), 0, "");
    assert_index("out", "{\"path\": \"both.tar/1.jpg\", \"row\": 0}\n{\"path\": \"both.tar/2.jpg\", \"row\": 1}\n");
}

static void test_a_name_with_braces_may_be_a_file(void **state)
{
    (void)state;
    make_shard("s-{1..2}.tar", 0, 1);
    assert_ended(lmvr(PLAIN "-o out s-{1..2}.tar"), 0, NULL);
    assert_index("out", "{\"path\": \"s-{1..2}.tar/000000.jpg\", \"txt\": \"number 0\", \"row\": 0}\n");
    assert_ended(lmvr(PLAIN "-o out2 t-{3..2}.tar"), 2, "t-{3..2}.tar: the range {3..2} runs backwards");
    assert_ended(lmvr(PLAIN "-o out2 t-{0..99999}-{0..99999}.tar"), 2, "stands for more than 100000000 names");
    assert_false(exists("out2"));
}

static void cut_file(const char *from, const char *to, size_t size)
{
    size_t whole;
    char *bytes = read_bytes(from, &whole);
    assert_true(size < whole);
    write_bytes(to, bytes, size);
    free(bytes);
}

/* One sentence of each, after what is good in it, and the rest goes on. */
static void test_damaged_tars_are_left_and_the_rest_goes_on(void **state)
{
    (void)state;
    make_shard("whole.tar", 0, 4);
    cut_file("whole.tar", "in-member.tar", 5 * TAR_BLOCK + 3); /* of number 1's image */
    cut_file("whole.tar", "at-member.tar", 8 * TAR_BLOCK);
    cut_file("whole.tar", "in-header.tar", 8 * TAR_BLOCK + 100);
    gzip("whole.tar", "whole.tgz");
    cut_file("whole.tgz", "cut.tgz", (size_t)size_of_file("whole.tgz") - 12);
    FILE *tar = tar_begin("larger.tar");
    tar_add(tar, "0.jpg", IMAGE "0");
    tar_header(tar, "1.jpg", 1 << 30, '0');
    tar_bytes(tar, IMAGE "1", 8);
    tar_add(tar, "2.jpg", IMAGE "2");
    tar_end(tar);
    tar = tar_begin("smaller.tar");
    tar_add(tar, "0.jpg", IMAGE "0");
    tar_header(tar, "1.jpg", 5, '0');
    tar_bytes(tar, IMAGE "1", 8);
    for (int i = 0; i < 3; i++)
        tar_bytes(tar, "what the header does not count", 30);
    tar_end(tar);
    write_text("text.tar", "this is no tar, though it is named like one");
    write_text("nothing.tar", "");
    tar = tar_begin("empty.tar");
    tar_end(tar);
    assert_ended(lmvr(PLAIN
                      "-o out in-member.tar at-member.tar in-header.tar cut.tgz larger.tar smaller.tar text.tar nothing.tar "
                      "empty.tar gone.tar whole.tar"),
                 1, "lmvr embed: 9 tars were not read to the end; --resume takes what is missing\n");
    static const char *const sentences[] = {"in-member.tar: is damaged or truncated in 000001.jpg: ",
                                            "at-member.tar: is truncated: the zeros that end a tar are missing\n",
                                            "in-header.tar: is damaged or truncated: ",
                                            "cut.tgz: is damaged or truncated: truncated gzip input\n",
                                            "larger.tar: is damaged or truncated in 1.jpg: ",
                                            "smaller.tar: is damaged or truncated: Damaged tar archive",
                                            "text.tar: cannot be read as a tar: ",
                                            "nothing.tar: cannot be read as a tar: ",
                                            "gone.tar: cannot be opened: No such file or directory\n"};
    const char *at = run_done.err;
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        char line[256];
        snprintf(line, sizeof line, "lmvr embed: %s", sentences[i]);
        if (strncmp(at, line, strlen(line)) != 0)
            fail_msg("\"%s\" should be next in: %s", line, at);
        at = strchr(at, '\n') + 1;
    }
    static const char end[] = "lmvr embed: empty.tar has no image\nlmvr embed: 9 tars";
    assert_int_equal(strncmp(at, end, strlen(end)), 0);
    char *index = read_lines("out");
    static const char two[] = "{\"path\": \"in-member.tar/000000.jpg\", \"txt\": \"number 0\", \"row\": 0}\n"
                              "{\"path\": \"at-member.tar/000000.jpg\"";
    assert_int_equal(strncmp(index, two, strlen(two)), 0);
    assert_non_null(strstr(index, "\n{\"path\": \"whole.tar/000003.jpg\", \"txt\": \"number 3\", \"row\": 3}\n"));
    free(index);
}

/* What is missing is done once it is there, whichever tars it is missing from, and what was done is not done again. */
static void test_what_was_missing_of_tars_is_done_later(void **state)
{
    (void)state;
    static const char *const tars[] = {"a.tar", "b.tar", "c.tar", "d.tar", "e.tar"};
    for (int i = 0; i < 5; i++)
        make_shard(tars[i], 10 * i, 9);
    assert_ended(lmvr(PLAIN "-o whole a.tar b.tar c.tar d.tar e.tar"), 0, "");
    for (int i = 0; i < 5; i++) {
        char copy[16];
        snprintf(copy, sizeof copy, "%s.good", tars[i]);
        assert_int_equal(rename(tars[i], copy), 0);
    }
    cut_file("a.tar.good", "a.tar", 17 * TAR_BLOCK + 5); /* 4 samples of it */
    cut_file("c.tar.good", "c.tar", 29 * TAR_BLOCK);     /* 7 */
    cut_file("e.tar.good", "e.tar", 15 * TAR_BLOCK);     /* 3: the fourth's text is not whole */
    assert_int_equal(rename("d.tar.good", "d.tar"), 0);
    assert_ended(lmvr(PLAIN "-o out a.tar b.tar c.tar d.tar e.tar"), 1, "4 tars were not read to the end");
    assert_ended(lmvr("merge out"), 1,
                 "lmvr merge: part-00000 of 5 is not finished: it ends with input 4, a.tar/000003.jpg\n"
                 "lmvr merge: part-00001 of 5 is missing\n"
                 "lmvr merge: part-00002 of 5 is not finished: it ends with input 7, c.tar/000026.jpg\n"
                 "lmvr merge: part-00004 of 5 is not finished: it ends with input 3, e.tar/000042.jpg\n");
    assert_string_equal(run_done.out, "1 of 5 parts are whole: 9 inputs, 9 rows, 0 failed\n");
    write_text("m/config.json", "{\"resource_after\": 4}"); /* what stands for the tars: nothing is computed again */
    assert_ended(lmvr(PLAIN "-o out --resume a.tar b.tar c.tar d.tar e.tar"), 1, "4 tars were not read to the end");
    write_text("m/config.json", "{}");
    assert_int_equal(rename("c.tar.good", "c.tar"), 0);
    assert_ended(lmvr(PLAIN "-o out --resume a.tar b.tar c.tar d.tar e.tar"), 1, "3 tars were not read to the end");
    assert_ended(lmvr(PLAIN "-o out --resume --strict a.tar b.tar c.tar d.tar e.tar"), 1, "stopped there");
    assert_int_equal(rename("a.tar.good", "a.tar"), 0);
    assert_int_equal(rename("b.tar.good", "b.tar"), 0);
    assert_int_equal(rename("e.tar.good", "e.tar"), 0);
    assert_ended(lmvr(PLAIN "-o out --resume a.tar b.tar c.tar d.tar e.tar"), 0, "");
    assert_same_tree("out", "whole");
    assert_ended(lmvr("merge out"), 0, "");
}

/* What cannot be carried is counted with the other files that are no images. */
static void test_what_is_beside_an_image_is_bounded(void **state)
{
    (void)state;
    static char text[LONGER + 1], deep[LONGER];
    memset(text, 'x', LONGER);
    for (int i = 0; i < 2040; i++) {
        deep[i] = '[';
        deep[2040 + i] = ']';
    }
    FILE *tar = tar_begin("a.tar");
    tar_add(tar, "0.jpg", IMAGE "0");
    tar_add(tar, "0.txt", text);
    tar_add(tar, "1.jpg", IMAGE "1");
    tar_add(tar, "1.json", "{\"a\": 1");
    tar_add(tar, "2.jpg", IMAGE "2");
    tar_add(tar, "2.json", "1], [2");
    tar_add(tar, "3.jpg", IMAGE "3");
    tar_add(tar, "3.json", deep);
    tar_add(tar, "4.jpg", IMAGE "4");
    tar_add(tar, "4.cls", "99999999999999999999");
    tar_add(tar, "4.npy", "12");
    tar_add(tar, "5.txt", "of no image");
    tar_add(tar, ".hidden/6.jpg", IMAGE "6");
    tar_add(tar, "._7.jpg", "what a Mac leaves");
    tar_header(tar, "8.jpg", 0, '2');
    tar_end(tar);
    assert_ended(lmvr(PLAIN "-o out a.tar"), 0, "lmvr embed: passed over in a.tar: ");
    assert_non_null(strstr(run_done.err, "2 .json, 2 hidden, 1 .npy, 1 .txt, 1 as links\n"));
    char *index = read_lines("out");
    assert_int_equal(strncmp(index, "{\"path\": \"a.tar/0.jpg\", \"row\": 0}\n{\"path\": \"a.tar/1.jpg\", \"row\": 1}\n", 68),
                     0);
    assert_non_null(strstr(index, "{\"path\": \"a.tar/4.jpg\", \"cls\": \"99999999999999999999\", \"row\": 4}\n"));
    free(index);
    assert_ended(lmvr(PLAIN "-o out --resume -q a.tar"), 0, NULL); /* it can be read */
}

static void test_a_stopped_run_goes_on_within_a_tar(void **state)
{
    (void)state;
    make_shard("a.tar", 0, 8);
    make_shard("b.tar", 8, 8);
    assert_ended(lmvr(PLAIN "-o whole a.tar b.tar"), 0, NULL);
    for (int after = 0; after < 16; after += 3) {
        char config[64];
        remove_tree("out");
        snprintf(config, sizeof config, "{\"resource_after\": %d}", after);
        write_text("m/config.json", config);
        char sentence[64];
        snprintf(sentence, sizeof sentence, "; %d inputs are done, --resume continues\n", after);
        assert_ended(lmvr(PLAIN "-o out a.tar b.tar"), 3, sentence);
        write_text("m/config.json", "{}");
        assert_ended(lmvr(PLAIN "-o out --resume a.tar b.tar"), 0, NULL);
        assert_same_tree("out", "whole");
    }
    assert_ended(lmvr(PLAIN "-o out --resume a.tar"), 2, "now");
    /* a tar that has changed is seen where it is not finished */
    remove_tree("out");
    write_text("m/config.json", "{\"resource_after\": 12}");
    assert_ended(lmvr(PLAIN "-o out a.tar b.tar"), 3, "; 12 inputs are done");
    write_text("m/config.json", "{}");
    make_shard("b.tar", 9, 8);
    assert_ended(lmvr(PLAIN "-o out --resume a.tar b.tar"), 2,
                 "its input 1 was b.tar/000008.jpg, and now it is b.tar/000009.jpg");
}

/* What was done of a tar stays, whatever becomes of it, and the other tars go on. */
static void test_a_begun_tar_that_is_gone_or_shorter_is_left(void **state)
{
    (void)state;
    static const char all[] = "a.tar b.tar c.tar d.tar e.tar";
    static const char *const tars[] = {"a.tar", "b.tar", "c.tar", "d.tar"};
    for (int i = 0; i < 4; i++) {
        make_shard("whole.tar", 10 * i, 9);
        assert_int_equal(rename("whole.tar", tars[i]), 0);
    }
    make_shard("e.tar", 40, 9);
    assert_ended(lmvr(PLAIN "-o whole %s", all), 0, "");
    for (int i = 0; i < 4; i++) {
        char good[16];
        snprintf(good, sizeof good, "%s.good", tars[i]);
        assert_int_equal(rename(tars[i], good), 0);
        cut_file(good, tars[i], 29 * TAR_BLOCK); /* 7 samples */
    }
    assert_int_equal(rename("e.tar", "e.tar.good"), 0);
    assert_ended(lmvr(PLAIN "-o out %s", all), 1, "5 tars were not read to the end");
    assert_int_equal(remove("a.tar"), 0);
    cut_file("b.tar.good", "b.tar", 16 * TAR_BLOCK); /* 4 */
    make_shard("c.tar", 20, 3);
    write_text("d.tar", "");
    assert_int_equal(rename("e.tar.good", "e.tar"), 0);
    assert_ended(lmvr(PLAIN "-o out --resume %s", all), 1, "4 tars were not read to the end");
    static const char *const sentences[] = {"lmvr embed: a.tar: cannot be opened: No such file or directory\n",
                                            "lmvr embed: b.tar: is truncated: the zeros that end a tar are missing\n",
                                            "lmvr embed: c.tar/000023.jpg: is missing: its tar ends before it now\n",
                                            "lmvr embed: d.tar: cannot be read as a tar: "};
    const char *at = run_done.err;
    for (size_t i = 0; i < 4; i++) {
        if (strncmp(at, sentences[i], strlen(sentences[i])) != 0)
            fail_msg("\"%s\" should be next in: %s", sentences[i], at);
        at = strchr(at, '\n') + 1;
    }
    assert_ended(lmvr("merge out"), 1,
                 "lmvr merge: part-00000 of 5 is not finished: it ends with input 7, a.tar/000006.jpg\n"
                 "lmvr merge: part-00001 of 5 is not finished: it ends with input 7, b.tar/000016.jpg\n"
                 "lmvr merge: part-00002 of 5 is not finished: it ends with input 7, c.tar/000026.jpg\n"
                 "lmvr merge: part-00003 of 5 is not finished: it ends with input 7, d.tar/000036.jpg\n");
    assert_string_equal(run_done.out, "1 of 5 parts are whole: 9 inputs, 9 rows, 0 failed\n");
    for (int i = 0; i < 4; i++) {
        char good[16];
        snprintf(good, sizeof good, "%s.good", tars[i]);
        assert_int_equal(rename(good, tars[i]), 0);
    }
    write_text("m/config.json", "{\"resource_after\": 8}"); /* two of each: nothing is done again */
    assert_ended(lmvr(PLAIN "-o out --resume %s", all), 0, "");
    assert_same_tree("out", "whole");
}

static void test_a_tar_without_images_is_no_failure_but_said(void **state)
{
    (void)state;
    FILE *tar = tar_begin("a.tar");
    tar_header(tar, "link.jpg", 0, '2');
    tar_end(tar);
    tar = tar_begin("b.tar");
    tar_end(tar);
    make_shard("c.tar", 0, 1);
    assert_ended(lmvr(PLAIN "-o out a.tar c.tar"), 0,
                 "lmvr embed: passed over in a.tar: 1 as links\nlmvr embed: a.tar has no image\n");
    assert_ended(lmvr(PLAIN "-o two c.tar b.tar a.tar"), 0, "lmvr embed: 2 tars have no image, b.tar the first of them\n");
    assert_ended(lmvr(PLAIN "-q -o quiet b.tar"), 0, "");
}

/* A hole at the end, and members that are no images and larger than memory. */
static void test_sparse_members_are_whole(void **state)
{
    (void)state;
    write_text("1.jpg", IMAGE "a hole behind it");
    assert_int_equal(truncate("1.jpg", 300000), 0);
    write_text("1.bin", "no image");
    assert_int_equal(truncate("1.bin", (off_t)1 << 40), 0);
    assert_int_equal(system("tar -cSf a.tar 1.jpg 1.bin"), 0);
    assert_ended(lmvr(PLAIN "-o tar a.tar"), 0, "passed over in a.tar: 1 .bin\n");
    assert_ended(lmvr(PLAIN "-o file 1.jpg"), 0, "");
    assert_rows("tar", "adaptor", "file");
}

static void test_describe_reads_tars(void **state)
{
    (void)state;
    FILE *tar = tar_begin("a.tar");
    tar_add(tar, "1.jpg", IMAGE "1");
    tar_add(tar, "1.txt", "one");
    tar_add(tar, "2.jpg", "no image");
    tar_end(tar);
    make_shard("whole.tar", 3, 2);
    cut_file("whole.tar", "b.tar", 6 * TAR_BLOCK);
    write_image("c.jpg", "c");
    assert_ended(lmvr("embed -m m -o out a.tar b.tar c.jpg"), 1, "1 tar was not read to the end");
    char *index = read_lines("out");
    assert_ended(lmvr("describe -m m --json a.tar b.tar c.jpg"), 1,
                 "lmvr describe: a.tar/2.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image\n"
                 "lmvr describe: b.tar: is truncated: the zeros that end a tar are missing\n"
                 "lmvr describe: 1 of 4 inputs failed\n"
                 "lmvr describe: 1 tar was not read to the end\n");
    /* rows are counted through, in parts from 0 in each */
    char *row = strstr(run_done.out, "b.tar/000003.jpg");
    assert_non_null(row);
    memcpy(strstr(row, "\"row\": 1"), "\"row\": 0", 8);
    memcpy(strstr(row, "\"row\": 2"), "\"row\": 0", 8);
    assert_string_equal(run_done.out, index);
    free(index);
    setting.in = "a.tar";
    assert_ended(lmvr("describe -m m --corrupt fog:3 -"), 1, "lmvr describe: -/2.jpg: not a JPEG");
    assert_int_equal(strncmp(run_done.out, "-/1.jpg\tclean\tA ", 16), 0);
    assert_non_null(strstr(run_done.out, "\n-/1.jpg\tfog:3\tA "));
    assert_ended(lmvr("describe -m m --strict a.tar"), 1, "stopped there, with 1 inputs described, for --strict");
    assert_ended(lmvr("describe -m m --sheet s.png a.tar"), 2, "--sheet shows images that are files, and none of a tar");
    tar = tar_begin("empty.tar");
    tar_end(tar);
    assert_ended(lmvr("describe -m m empty.tar"), 0, "lmvr describe: empty.tar has no image\n");
}

static void test_not_all_read_tars(void **state)
{
    (void)state;
    make_shard("a.tar", 0, 1);
    assert_ended(lmvr("corrupt --type fog --severity 1 -o fog a.tar"), 2,
                 "a.tar: a tar is read by lmvr embed and lmvr describe only");
    assert_ended(lmvr(PLAIN "-o out - @-"), 2, "standard input can be one input only");
    mkdir("in", 0777);
    make_shard("in/a.tar", 0, 1);
    assert_ended(lmvr(PLAIN "-o out in"), 2, "no images: there is none in in; passed over in in/: 1 .tar");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder_with_model, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_images_come_in_order_with_what_lies_beside_them),
        IN_FOLDER(test_rows_are_those_of_the_files),
        IN_FOLDER(test_tars_one_after_the_other_are_one),
        IN_FOLDER(test_a_name_with_braces_may_be_a_file),
        IN_FOLDER(test_damaged_tars_are_left_and_the_rest_goes_on),
        IN_FOLDER(test_what_was_missing_of_tars_is_done_later),
        IN_FOLDER(test_what_is_beside_an_image_is_bounded),
        IN_FOLDER(test_a_stopped_run_goes_on_within_a_tar),
        IN_FOLDER(test_a_begun_tar_that_is_gone_or_shorter_is_left),
        IN_FOLDER(test_a_tar_without_images_is_no_failure_but_said),
        IN_FOLDER(test_sparse_members_are_whole),
        IN_FOLDER(test_describe_reads_tars),
        IN_FOLDER(test_not_all_read_tars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
