/* lmvr embed: what it writes, how it ends, what it refuses. */
#include "program.h"

#include "store/npy.h"

static void make_images(int count)
{
    mkdir("in", 0777);
    for (int i = 0; i < count; i++) {
        char path[32];
        snprintf(path, sizeof path, "in/%04d.jpg", i);
        write_image(path, path);
    }
}

static void assert_array(const char *path, uint64_t rows, uint64_t dim)
{
    struct npy_reader r;
    lmvr_error error;
    if (npy_reader_open(path, &r, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(r.rows, rows);
    assert_int_equal(r.dim, dim);
    npy_reader_close(&r);
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

static void test_features_side_by_side(void **state)
{
    (void)state;
    make_images(5);
    write_text("in/0002.jpg", "bad");
    assert_ended(
        lmvr("embed -m m -o out -f llm -f e=encoder:cls -f pixels -f llm:end:last:-2 in"), 1,
        "lmvr embed: in/0002.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image\nlmvr embed: 1 of 5 inputs failed\n");
    assert_string_equal(run_done.out, "");
    assert_array("out/llm.npy", 4, 32);
    assert_array("out/e.npy", 4, 16);
    assert_array("out/pixels.npy", 4, 5000);
    assert_array("out/llm_end_last_-2.npy", 4, 32);
    assert_int_equal(count_lines("out/index.jsonl"), 5);
    char *index = read_bytes("out/index.jsonl", NULL);
    assert_non_null(strstr(
        index,
        "{\"path\": \"in/0002.jpg\", \"row\": null, \"error\": "
        "\"in/0002.jpg: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image\"}\n{\"path\": \"in/0003.jpg\", \"row\": 2, "));
    assert_non_null(strstr(index, "\"response\": \"A \\\"dög\\\"\\twith "));
    free(index);
}

static void test_default_and_single(void **state)
{
    (void)state;
    make_images(2);
    assert_ended(lmvr("embed -m m -o out in"), 0, NULL);
    assert_array("out/llm_all_mean_-1.npy", 2, 32);
    assert_ended(lmvr("embed -m m -o one/f.npy in"), 0, NULL);
    assert_same_file("one/f.npy", "out/llm_all_mean_-1.npy");
    assert_same_file("one/f.jsonl", "out/index.jsonl");
    assert_same_file("one/f.run.json", "out/run.json");
    assert_ended(lmvr("embed -m m --before-generation -o none in"), 0, NULL);
    char *index = read_bytes("none/index.jsonl", NULL);
    assert_string_equal(index, "{\"path\": \"in/0000.jpg\", \"row\": 0}\n{\"path\": \"in/0001.jpg\", \"row\": 1}\n");
    free(index);
}

/* Input i has rows offsets[i] .. offsets[i + 1] - 1; one that failed has none. */
static void test_rows_of_positions(void **state)
{
    (void)state;
    make_images(9);
    write_text("in/0002.jpg", "bad");
    assert_ended(lmvr("embed -m m -o out -f llm -f m=llm:image:none --dims 6 in"), 1, "1 of 9 inputs failed");
    assert_array("out/llm.npy", 8, 6);
    size_t size;
    char *bytes = read_bytes("out/m.offsets.npy", &size);
    int64_t offsets[10];
    assert_int_equal(size, 128 + sizeof offsets);
    memcpy(offsets, bytes + 128, sizeof offsets);
    assert_int_equal(offsets[0], 0);
    assert_int_equal(offsets[2], offsets[3]);
    assert_true(offsets[9] > 8);
    assert_array("out/m.npy", (uint64_t)offsets[9], 6);
    char *run = read_bytes("out/run.json", NULL);
    assert_non_null(strstr(run, "\n  \"dims\": 6,\n"));
    assert_non_null(strstr(run, "\"dim\": 6,\n      \"multi_vector\": true\n"));
    assert_null(strstr(run, "normalize"));
    assert_ended(lmvr("embed -m m -o one/f.npy -f m=llm:image:none --dims 6 in"), 1, "1 of 9 inputs failed");
    assert_ended(lmvr("embed -m m -o one/f.npy -f m=llm:image:none --dims 6 --resume in"), 1, "1 of 9 inputs failed");
    size_t single;
    char *beside = read_bytes("one/f.offsets.npy", &single);
    assert_int_equal(single, size);
    write_text("l.csv", "label\na\nb\n");
    assert_ended(lmvr("probe fit --features out/m.npy --labels l.csv -o p.safetensors"), 2,
                 "lmvr probe fit: out/m.npy: has several rows an image, as out/m.offsets.npy says, and a probe takes one; the "
                 "feature's pool has to be mean, max or last, not none\n");
    assert_ended(lmvr("embed -m m -o out -f llm --force in"), 1, "1 of 9 inputs failed");
    assert_false(exists("out/m.npy") || exists("out/m.offsets.npy"));
    free(bytes);
    free(run);
    free(beside);
}

/* Missing inputs and names that are not UTF-8 have a line too, and keep their place on resuming. */
static void test_strange_paths(void **state)
{
    (void)state;
    write_image("\xff\n.jpg", "x");
    assert_ended(lmvr("embed -m m -o out none.jpg \xff\n.jpg \xfe.jpg"), 1, "none.jpg: cannot be opened");
    char *index = read_bytes("out/index.jsonl", NULL);
    assert_ptr_equal(index, strstr(index, "{\"path\": \"none.jpg\", \"row\": null, \"error\": \"none.jpg: cannot be opened\"}\n"
                                          "{\"path\": \"\xEF\xBF\xBD\\n.jpg\", \"row\": 0, "));
    free(index);
    assert_ended(lmvr("embed -m m --resume -o out none.jpg \xff\n.jpg \xfe.jpg"), 1, "2 of 3 inputs failed");
    assert_ended(lmvr("embed -m m --resume -o out none.jpg \xff\n.jpg \xfd.jpg"), 2, "other inputs");
}

/* Lines that are no input keep their places, and a run is continued by its lines as by its files. */
static void test_lines_of_texts(void **state)
{
    (void)state;
    make_images(1);
    write_text("t.jsonl",
               "{\"text\": \"a dog\"}\n{\"image\": \"in/0000.jpg\", \"text\": \"x\"}\nnot json\n{\"text\": \"a cat\"}\n");
    assert_ended(lmvr("embed -m m -o out -f llm:prompt --max-new-tokens 2 --text t.jsonl"), 1, "1 of 4 inputs failed");
    assert_non_null(strstr(run_done.err, "lmvr embed: t.jsonl: line 3 is not a JSON object: "));
    assert_array("out/llm_prompt.npy", 3, 32);
    char *whole = read_bytes("out/index.jsonl", NULL);
    assert_non_null(strstr(whole, "{\"text\": \"not json\", \"row\": null, \"error\": \"t.jsonl: line 3 is"));
    assert_ended(lmvr("embed -m m -o out -f llm:prompt --max-new-tokens 2 --resume --text t.jsonl"), 1, "1 of 4 inputs failed");
    *(strchr(strchr(whole, '\n') + 1, '\n') + 1) = '\0';
    write_text("out/index.jsonl", whole);
    free(whole);
    assert_ended(lmvr("embed -m m -o out -f llm:prompt --max-new-tokens 2 --resume --text t.jsonl"), 1, "1 of 4 inputs failed");
    assert_array("out/llm_prompt.npy", 3, 32);
    assert_int_equal(count_lines("out/index.jsonl"), 4);
}

static void test_sampling_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *options, *temperature, *top_p;
    } cases[] = {{"", "0.0", "1.0"},
                 {"--temperature 0.7", "0.7", "1.0"},
                 {"--top-p .9", "1.0", "0.9"},
                 {"--top-p 0.9 --temperature 0", "0.0", "0.9"}};
    make_images(1);
    for (size_t i = 0; i < 4; i++) {
        char line[128];
        assert_ended(lmvr("embed -m m %s --force -o out in", cases[i].options), 0, NULL);
        char *run = read_bytes("out/run.json", NULL);
        snprintf(line, sizeof line, "\"temperature\": %s,\n  \"top_p\": %s,\n", cases[i].temperature, cases[i].top_p);
        assert_non_null(strstr(run, line));
        free(run);
    }
}

static void test_results_are_protected(void **state)
{
    (void)state;
    make_images(3);
    assert_ended(lmvr("embed -m m -o out in"), 0, NULL);
    assert_ended(lmvr("embed -m m -o out -f pixels in"), 2,
                 "out: holds results already; --resume continues them, --force removes them");
    assert_ended(lmvr("embed -m m -o out -f pixels --force in"), 0, NULL);
    assert_false(exists("out/llm_all_mean_-1.npy"));
    assert_array("out/pixels.npy", 3, 5000);
    assert_ended(lmvr("embed -m m -o out -f pixels --resume in"), 0, NULL);
    assert_array("out/pixels.npy", 3, 5000);
    write_text("f.npy", "somebody's");
    assert_ended(lmvr("embed -m m -o f.npy in"), 2,
                 "f.npy: already exists, but there is no complete f.run.json to say how it was made");
}

/* Options that change any byte are named, with the old and new values; those that change none do not matter. */
static void test_resume_refuses_other_options(void **state)
{
    (void)state;
    static const struct {
        const char *options, *difference;
    } cases[] = {
        {"--prompt What%20is%20it?", "prompt \"Describe the image.\", and now it is \"What is it?\""},
        {"--max-new-tokens 5", "max_new_tokens 128, and now it is 5"},
        {"--temperature 0.7", "temperature 0.0, and now it is 0.7"},
        {"--top-p 0.5", "temperature 0.0, and now it is 1.0"},
        {"--seed 1", "seed 0, and now it is 1"},
        {"--aspect pad", "aspect \"crop\", and now it is \"pad\""},
        {"--dtype f32", "dtype \"bf16\", and now it is \"f32\""},
        {"--normalize", "started without normalize, and now it is true"},
        {"--dims 5", "started without dims, and now it is 5"},
        {"--before-generation", "before_generation false, and now it is true"},
        {"-f llm", "\"name\": \"llm\""},
        {"-m other", "model \"000000000000face\", and now it is \"000000000005e0d4\""},
    };
    make_images(3);
    mkdir("other", 0777);
    write_text("other/config.json", "{\"seed\": 6}");
    assert_ended(lmvr("embed -m m -o out in/0000.jpg in/0001.jpg in/0002.jpg"), 0, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ended(lmvr("embed -m m --resume %s -o out in", cases[i].options), 2, cases[i].difference);
        assert_non_null(strstr(run_done.err, "out: cannot be resumed: it was started with"));
    }
    assert_ended(lmvr("embed -m m --resume -o out in --aspect crop --batch 3 --threads 2 --dtype bf16 --strict --quiet"), 0,
                 NULL);
    assert_ended(lmvr("embed -m m --resume -o out in/0000.jpg in/0002.jpg in/0001.jpg"), 2,
                 "its input 2 was in/0001.jpg, and now it is in/0002.jpg");
    assert_ended(lmvr("embed -m m --resume -o out in in"), 2, "it was started with 3 inputs, and now there are 6");
}

static void test_strict(void **state)
{
    (void)state;
    make_images(4);
    assert_ended(lmvr("embed -m m -o whole in"), 0, NULL);
    char *kept = read_bytes("in/0002.jpg", NULL);
    write_text("in/0002.jpg", "bad");
    assert_ended(lmvr("embed -m m --strict -o out in"), 1,
                 "lmvr embed: stopped there, with 2 of 4 inputs done, for --strict\n");
    assert_int_equal(count_lines("out/index.jsonl"), 2);
    assert_ended(lmvr("embed -m m --strict --resume -o out in"), 1, "2 of 4");
    write_text("in/0002.jpg", kept); /* repaired: it is tried again */
    assert_ended(lmvr("embed -m m --strict --resume -o out in"), 0, NULL);
    assert_same_file("out/index.jsonl", "whole/index.jsonl");
    assert_same_file("out/llm_all_mean_-1.npy", "whole/llm_all_mean_-1.npy");
    free(kept);
}

/* A limit on file size (standard error's too) simulates a full disk: status 3, complete files, and --resume continues. */
static void test_full_disk(void **state)
{
    (void)state;
    make_images(40);
    assert_ended(lmvr("embed -m m -f llm -f pixels -f m=llm:image:none -o whole in"), 0, NULL);
    int runs = 0;
    for (long limit = 300; limit < 1000000; limit = limit * 2 + 77, runs++) {
        setting.largest_file = limit;
        int status = lmvr("embed -m m -f llm -f pixels -f m=llm:image:none --resume -o out in")->status;
        assert_true(status == 3 || status == 0);
        if (status == 3)
            assert_non_null(strstr(run_done.err, ": File too large"));
        if (status == 3 && exists("out/index.jsonl")) {
            assert_array("out/pixels.npy", count_lines("out/index.jsonl"), 5000);
            assert_array("out/llm.npy", count_lines("out/index.jsonl"), 32);
            assert_non_null(strstr(run_done.err, "--resume continues"));
        }
    }
    assert_ended(lmvr("embed -m m -f llm -f pixels -f m=llm:image:none --resume -o out in"), 0, NULL);
    assert_same_file("out/index.jsonl", "whole/index.jsonl");
    assert_same_file("out/pixels.npy", "whole/pixels.npy");
    assert_same_file("out/m.npy", "whole/m.npy");
    assert_same_file("out/m.offsets.npy", "whole/m.offsets.npy");
    assert_same_file("out/run.json", "whole/run.json");
    assert_true(runs > 10);
}

static void test_out_of_memory_midway(void **state)
{
    (void)state;
    make_images(6);
    assert_ended(lmvr("embed -m m -o whole in"), 0, NULL);
    write_text("m/config.json", "{\"resource_after\": 4}");
    assert_ended(lmvr("embed -m m -o out in"), 3,
                 "lmvr embed: out of memory for the next image; 4 of 6 inputs are done, --resume continues\n");
    assert_ended(lmvr("embed -m m --resume -o out in"), 0, NULL);
    assert_same_file("out/index.jsonl", "whole/index.jsonl");
    assert_ended(lmvr("describe -m m in"), 3, "lmvr describe: out of memory for the next image; 4 of 6 inputs are done\n");
}

static void wait_for_lines(const char *path, size_t lines)
{
    for (int i = 0; i < 2000 && count_lines(path) < lines; i++)
        usleep(1000);
    assert_true(count_lines(path) >= lines);
}

/* A signal stops the run after an image; the files are complete without resuming, and --resume continues. */
static void test_signals(void **state)
{
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    char *arguments[] = {(char *)"lmvr", (char *)"embed", (char *)"-m", (char *)"m",
                         (char *)"-o",   (char *)"out",   (char *)"in", NULL};
    make_images(30);
    assert_ended(lmvr("embed -m m -o whole in"), 0, NULL);
    write_text("m/config.json", "{\"delay_us\": 20000}");
    for (size_t i = 0; i < 3; i++) {
        remove_tree("out");
        pid_t pid = start(arguments);
        wait_for_lines("out/index.jsonl", 2);
        kill(pid, signals[i]);
        assert_int_equal(finish(pid), 3);
        char *said = read_bytes("stderr", NULL);
        assert_non_null(strstr(said, "lmvr embed: stopped by a signal; "));
        assert_non_null(strstr(said, "of 30 inputs are done, --resume continues\n"));
        free(said);
        assert_array("out/llm_all_mean_-1.npy", count_lines("out/index.jsonl"), 32);
        assert_true(count_lines("out/index.jsonl") < 30);
    }
    write_text("m/config.json", "{}");
    assert_ended(lmvr("embed -m m --resume -o out in"), 0, NULL);
    assert_same_file("out/index.jsonl", "whole/index.jsonl");
    assert_same_file("out/llm_all_mean_-1.npy", "whole/llm_all_mean_-1.npy");
}

static void test_two_processes(void **state)
{
    (void)state;
    char *arguments[] = {(char *)"lmvr", (char *)"embed", (char *)"-m", (char *)"m",
                         (char *)"-o",   (char *)"out",   (char *)"in", NULL};
    make_images(40);
    write_text("m/config.json", "{\"delay_us\": 20000}");
    pid_t pid = start(arguments);
    wait_for_lines("out/index.jsonl", 1);
    assert_ended(lmvr("embed -m m -o out in"), 2, "lmvr embed: out: another lmvr is writing there\n");
    assert_ended(lmvr("embed -m m -o out --resume in"), 2, "lmvr embed: out: another lmvr is writing there\n");
    assert_ended(lmvr("embed -m m -o out --force in"), 2, "lmvr embed: out: another lmvr is writing there\n");
    assert_int_equal(finish(pid), 0);
    assert_int_equal(count_lines("out/index.jsonl"), 40);
}

/* Rows in fewer bytes are read by whatever reads rows, and a run goes on in the type that it was begun in. */
static void test_types_of_rows(void **state)
{
    (void)state;
    make_images(6);
    write_text("in/0002.jpg", "bad");
    write_text("l.csv", "label\na\nb\na\nb\na\n");
    assert_ended(lmvr("embed -m m -o out -f llm --dtype-out f32 in"), 1, "1 of 6 inputs failed");
    assert_int_equal(size_of_file("out/llm.npy"), 128 + 5 * 32 * 4);
    assert_false(exists("out/llm.scale.npy"));
    char *run = read_bytes("out/run.json", NULL);
    assert_null(strstr(run, "dtype_out"));
    free(run);
    for (int bytes = 1; bytes <= 2; bytes++) {
        const char *type = bytes == 1 ? "int8" : "f16";
        assert_ended(lmvr("embed -m m -o %s -f llm -f m=llm:image:none --dtype-out %s in", type, type), 1,
                     "1 of 6 inputs failed");
        assert_null(strstr(run_done.err, "too large"));
        char rows[64], scales[64];
        snprintf(rows, sizeof rows, "%s/llm.npy", type);
        snprintf(scales, sizeof scales, "%s/llm.scale.npy", type);
        assert_array(rows, 5, 32);
        assert_int_equal(size_of_file(rows), 128 + 5 * 32 * bytes);
        assert_int_equal(exists(scales), bytes == 1);
        assert_ended(lmvr("embed -m m -o %s -f llm -f m=llm:image:none --resume in", type), 2, "started with dtype_out");
        assert_ended(lmvr("embed -m m -o %s -f llm -f m=llm:image:none --dtype-out %s --resume in", type, type), 1, "1 of 6");
        assert_ended(lmvr("search -m m -i %s in/0003.jpg -k 1", type), 0, NULL);
        assert_non_null(strstr(run_done.out, "in/0003.jpg\t1\t"));
        assert_ended(lmvr("probe fit --features %s --labels l.csv -o p.safetensors --c 1", rows), 0, NULL);
    }
    assert_ended(lmvr("embed -m m -o one/f.npy -f llm --dtype-out int8 in"), 1, "1 of 6 inputs failed");
    assert_same_file("one/f.scale.npy", "int8/llm.scale.npy");
    assert_ended(lmvr("embed -m m -o parts -f llm --dtype-out int8 --rows-per-part 4 in"), 1, "1 of 6 inputs failed");
    assert_ended(lmvr("merge parts"), 0, NULL);
    remove("parts/llm/part-00001.scale.npy");
    assert_ended(lmvr("merge parts"), 1, "part-00001.npy: holds whole numbers (int8), and their scales are missing");
}

/* What f16 cannot hold is its largest number, and the run says so. */
static void test_values_too_large_for_f16(void **state)
{
    (void)state;
    make_images(3);
    write_text("m/config.json", "{\"factor\": 1000000}");
    lmvr("embed -m m -o out -f llm --dtype-out f16 in");
    assert_int_equal(run_done.status, 0);
    assert_non_null(strstr(run_done.err, " values were too large for --dtype-out f16, and became 65504 or -65504; f32 and int8 "
                                         "hold them\n"));
    float row[32];
    struct npy_reader r;
    lmvr_error error;
    assert_int_equal(npy_reader_open("out/llm.npy", &r, &error), LMVR_OK);
    assert_int_equal(npy_reader_read(&r, 1, 1, row, &error), LMVR_OK);
    for (size_t i = 0; i < 32; i++)
        assert_true(row[i] <= 65504 && row[i] >= -65504);
    npy_reader_close(&r);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder_with_model, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_features_side_by_side),
        IN_FOLDER(test_default_and_single),
        IN_FOLDER(test_rows_of_positions),
        IN_FOLDER(test_types_of_rows),
        IN_FOLDER(test_values_too_large_for_f16),
        IN_FOLDER(test_strange_paths),
        IN_FOLDER(test_lines_of_texts),
        IN_FOLDER(test_sampling_defaults),
        IN_FOLDER(test_results_are_protected),
        IN_FOLDER(test_resume_refuses_other_options),
        IN_FOLDER(test_strict),
        IN_FOLDER(test_full_disk),
        IN_FOLDER(test_out_of_memory_midway),
        IN_FOLDER(test_signals),
        IN_FOLDER(test_two_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
