/* lmvr probe: from features and labels to a probe, its scores and its probabilities; and what it refuses. */
#include "program.h"

#include "store/npy.h"

#include <jansson.h>
#include <math.h>

#define ROWS 60
#define DIM  4

/* Row i has class i % 3 and a high value i % 3; the noise is the same in every run. */
static float feature(int row, int d)
{
    uint32_t noise = (uint32_t)(row * DIM + d) * 2654435761u;
    return (float)(d == row % 3) * 2 + (float)(noise >> 8) / (float)(1 << 24) * 2;
}

static void write_features(const char *path, int rows, int bad_row)
{
    struct npy_writer w;
    lmvr_error error;
    assert_int_equal(npy_writer_create(path, NPY_F32, DIM, &w, &error), LMVR_OK);
    for (int i = 0; i < rows; i++) {
        float row[DIM];
        for (int d = 0; d < DIM; d++)
            row[d] = i == bad_row && d == 2 ? NAN : feature(i, d);
        assert_int_equal(npy_writer_append(&w, row, 1, &error), LMVR_OK);
    }
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
}

static void write_single(const char *path, int rows, bool with_paths)
{
    static const char *const names[] = {"cow", "ant", "bee"};
    FILE *file = fopen(path, "we");
    fputs(with_paths ? "path,label\n" : "label\n", file);
    for (int i = rows - 1; i >= 0 && with_paths; i--)
        fprintf(file, "in/%d.jpg,%s\n", i, names[i % 3]);
    for (int i = 0; i < rows && !with_paths; i++)
        fprintf(file, "%s\n", names[i % 3]);
    fclose(file);
}

static void write_multi(const char *path, int rows)
{
    FILE *file = fopen(path, "we");
    fputs("cow,none,ant\n", file);
    for (int i = 0; i < rows; i++)
        fprintf(file, "%d,-1,%d\n", i % 3 == 0 ? 1 : i == 5 ? 0 : -1, i % 3 == 1 ? 1 : -1);
    fclose(file);
}

static int enter(void **state)
{
    if (enter_folder(state) != 0)
        return -1;
    write_features("f.npy", ROWS, -1);
    write_single("l.csv", ROWS, false);
    write_multi("m.csv", ROWS);
    return 0;
}

static json_t *printed(void)
{
    json_t *object = json_loads(run_done.out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("no number %s in %s", key, run_done.out);
    return json_number_value(value);
}

static void test_single_label(void **state)
{
    (void)state;
    assert_ended(lmvr("probe fit --features f.npy --labels l.csv -o p.safetensors --c 1 --quiet"), 0, NULL);
    assert_non_null(strstr(run_done.out, "3 classes, 60 rows of 4 values, C 1: loss "));
    assert_ended(lmvr("probe score -p p.safetensors --features f.npy --labels l.csv --json"), 0, NULL);
    json_t *score = printed();
    assert_true(number(score, "accuracy") > 0.9);
    assert_true(number(score, "loss") > 0);
    assert_null(json_object_get(score, "map"));
    assert_null(json_object_get(score, "map_11point"));
    const json_t *per_class = json_object_get(score, "per_class");
    assert_int_equal(json_object_size(per_class), 3);
    assert_int_equal(number(json_object_get(per_class, "bee"), "positives"), 20);
    json_decref(score);
    assert_ended(lmvr("probe score --probe p.safetensors --features f.npy --labels l.csv"), 0, NULL);
    assert_non_null(strstr(run_done.out, "all rows of 3 classes\nloss "));
}

static void test_multi_label(void **state)
{
    (void)state;
    assert_ended(lmvr("probe fit --features f.npy --labels m.csv -o p.safetensors --c 1 --json"), 0,
                 "lmvr probe fit: class none has no positives and is skipped\n");
    json_t *fit = printed();
    double loss = number(fit, "loss");
    assert_int_equal(number(fit, "classes"), 2);
    json_decref(fit);
    assert_ended(lmvr("probe score -p p.safetensors --features f.npy --labels m.csv --json"), 0,
                 "class none of the labels is not one of the probe's classes and is ignored");
    json_t *score = printed();
    assert_true(fabs(number(score, "loss") / loss - 1) < 1e-5);
    assert_true(number(score, "map") > 0.9 && number(score, "map_11point") > 0.9);
    assert_null(json_object_get(score, "accuracy"));
    const json_t *cow = json_object_get(json_object_get(score, "per_class"), "cow");
    assert_true(number(cow, "ap") > 0.9 && number(cow, "ap_11point") > 0.9);
    assert_int_equal(number(cow, "left_out"), 1);
    json_decref(score);
}

/* What is fitted to rows in parts, with their labels, is what is fitted to the same rows in one file. */
static void test_results_in_parts(void **state)
{
    (void)state;
    mkdir("m", 0777);
    write_text("m/config.json", "{}");
    mkdir("in", 0777);
    for (int i = 0; i < ROWS; i++) {
        char path[32];
        snprintf(path, sizeof path, "in/%d.jpg", i);
        write_image(path, path);
    }
    write_text("in/7.jpg", "bad");
    write_single("paths.csv", ROWS, true);
    assert_ended(lmvr("embed -m m --before-generation -f x=encoder -o whole in"), 1, "1 of 60 inputs failed");
    assert_ended(lmvr("embed -m m --before-generation -f x=encoder -o out --rows-per-part 17 in"), 1, "1 of 60 inputs failed");
    static const char sentence[] = "lmvr probe fit: 1 lines of paths.csv have no row in ";
    assert_ended(lmvr("probe fit --features whole/x.npy --index whole/index.jsonl --labels paths.csv -o a --c 1 -q"), 0,
                 sentence);
    assert_ended(lmvr("probe fit --features out/x --index out/index --labels paths.csv -o b --c 1 -q"), 0, sentence);
    assert_same_file("a", "b");
    assert_ended(lmvr("probe predict -p a --features whole/x.npy -o a.npy"), 0, NULL);
    assert_ended(lmvr("probe predict -p a --features out/x/ -o b.npy"), 0, NULL);
    assert_same_file("a.npy", "b.npy");
    assert_int_equal(rename("out/index/part-00001.json", "kept"), 0);
    assert_ended(lmvr("probe fit --features out/x --index out/index --labels paths.csv -o b --c 1"), 0,
                 "lmvr probe fit: out/x: 1 of 4 parts is not there, or not finished; the others are used\n"
                 "lmvr probe fit: 18 lines of paths.csv have no row in out/index and are skipped\n");
    assert_ended(lmvr("probe fit --features out/x --labels l.csv -o b --c 1"), 2,
                 "out/x: has 42 rows, but l.csv has labels for 60");
    assert_int_equal(rename("kept", "out/index/part-00001.json"), 0);
    write_text("out/index/part-00002.json", "{\"inputs\": 17, \"rows\": 16}");
    assert_ended(lmvr("probe predict -p a --features out/x -o b.npy"), 2, "out/x/part-00002.npy: has 17 rows, expected 16\n");
    assert_ended(lmvr("probe fit --features whole/x.npy --index out/index --labels paths.csv -o b --c 1"), 2,
                 "out/index/part-00002.jsonl: has 17 rows, expected 16\n");
    assert_ended(lmvr("probe fit --features whole/x --index whole/index --labels paths.csv -o b --c 1"), 2,
                 "whole/x: cannot open: No such file");
    mkdir("whole/x", 0777);
    assert_ended(lmvr("probe predict -p a --features whole/x -o b.npy"), 2,
                 "whole: its results are not in parts, but in whole/NAME.npy\n");
    assert_ended(lmvr("probe predict -p a --features out -o b.npy"), 2, "out: is a folder; expected a .npy file");
}

/* The same call writes the same bytes with any number of threads. */
static void test_choice_of_c(void **state)
{
    (void)state;
    assert_ended(lmvr("probe fit --features f.npy --labels l.csv -o a.safetensors --json --seed 5"), 0, NULL);
    json_t *fit = printed();
    assert_int_equal(number(fit, "held_out_rows"), ROWS / 5);
    assert_true(json_array_size(json_object_get(fit, "trials")) >= 5);
    assert_true(number(fit, "c") > 0);
    json_decref(fit);
    assert_ended(lmvr("probe fit --features f.npy --labels l.csv -o b.safetensors --seed 5 --threads 1"), 0, NULL);
    assert_same_file("a.safetensors", "b.safetensors");
    assert_ended(lmvr("probe fit --features f.npy --labels l.csv -o b.safetensors --seed 6"), 0, NULL);
    assert_false(is_same_file("a.safetensors", "b.safetensors"));
}

static void test_predict(void **state)
{
    (void)state;
    struct npy_reader r;
    lmvr_error error;
    float rows[ROWS][3];
    assert_ended(lmvr("probe fit --features f.npy --labels l.csv -o p.safetensors --c 10"), 0, NULL);
    assert_ended(lmvr("probe predict -p p.safetensors --features f.npy -o s.npy"), 0, NULL);
    assert_string_equal(run_done.out, "");
    assert_int_equal(npy_reader_open("s.npy", &r, &error), LMVR_OK);
    assert_int_equal(r.rows, ROWS);
    assert_int_equal(r.dim, 3);
    assert_int_equal(npy_reader_read(&r, 0, ROWS, rows[0], &error), LMVR_OK);
    npy_reader_close(&r);
    int right = 0;
    for (int i = 0; i < ROWS; i++) {
        static const int classes[] = {2, 0, 1}; /* cow, ant, bee, sorted */
        assert_true(fabsf(rows[i][0] + rows[i][1] + rows[i][2] - 1) < 1e-5f);
        right += rows[i][classes[i % 3]] > 0.5f;
    }
    assert_true(right > 55);
    assert_false(exists("s.npy.tmp"));
}

/* Lines in another order, a failed image, one without a label, and a label without an image. */
static void test_index(void **state)
{
    (void)state;
    FILE *index = fopen("index.jsonl", "we");
    for (int i = 0, row = 0; i < ROWS + 1; i++) {
        if (i == 7)
            fprintf(index, "{\"path\": \"in/7.jpg\", \"row\": null, \"error\": \"in/7.jpg: not an image\"}\n");
        else
            fprintf(index, "{\"path\": \"in/%d.jpg\", \"row\": %d}\n", i, row++);
    }
    fclose(index);
    write_single("paths.csv", ROWS, true);
    assert_ended(lmvr("probe fit --features f.npy --labels paths.csv --index index.jsonl -o p.safetensors --c 1 --json"), 0,
                 "lmvr probe fit: 1 of 60 rows have no line in paths.csv and are skipped\n"
                 "lmvr probe fit: 1 lines of paths.csv have no row in index.jsonl and are skipped\n");
    json_t *fit = printed();
    assert_int_equal(number(fit, "rows"), ROWS - 1);
    json_decref(fit);
    /* without the index, lines are taken in order, and the column path is ignored */
    assert_ended(lmvr("probe fit --features f.npy --labels paths.csv -o p.safetensors --c 1"), 0, NULL);
    write_features("short.npy", 59, -1);
    assert_ended(lmvr("probe fit --features short.npy --labels paths.csv --index index.jsonl -o p.safetensors --c 1"), 2,
                 "short.npy: has 59 rows, but index.jsonl counts 60");
}

/* fit takes a data set's training split, score its test split, and the index has the rows of both. */
static void test_labels_of_a_data_set(void **state)
{
    (void)state;
    FILE *index = fopen("index.jsonl", "we");
    assert_int_equal(mkdir("d", 0777) | mkdir("d/train", 0777) | mkdir("d/val", 0777), 0);
    for (int i = 0; i < ROWS; i++) {
        char path[64];
        const char *part = i < 45 ? "train" : "val";
        snprintf(path, sizeof path, "d/%s/c%d", part, i % 3);
        mkdir(path, 0777);
        snprintf(path, sizeof path, "d/%s/c%d/%d.jpg", part, i % 3, i);
        write_text(path, "x");
        fprintf(index, "{\"path\": \"./%s\", \"row\": %d}\n", path, i);
    }
    fclose(index);
    assert_ended(lmvr("probe fit --features f.npy --dataset folder --data d --index index.jsonl -o p.safetensors --c 1 --json"),
                 0, "15 of 60 rows have no image in this split in d and are skipped\n");
    json_t *fit = printed();
    assert_int_equal(number(fit, "rows"), 45);
    json_decref(fit);
    assert_ended(lmvr("probe score --features f.npy --dataset folder --data d/ --index index.jsonl -p p.safetensors --json"), 0,
                 "45 of 60 rows");
    json_t *score = printed();
    assert_int_equal(number(score, "rows"), 15);
    assert_true(number(score, "accuracy") > 0.9);
    json_decref(score);
    assert_ended(lmvr("probe fit --features f.npy --dataset folder --data d -o x"), 2, "no index: --index has to name");
    assert_ended(lmvr("probe fit --features f.npy --dataset folder --index index.jsonl -o x"), 2,
                 "no data: --data has to name");
    assert_ended(lmvr("probe fit --features f.npy --dataset folder --data d --index index.jsonl --task hue -o x"), 2,
                 "folder has no task \"hue\"");
    assert_ended(lmvr("probe fit --features f.npy --dataset folder --data d --labels l --index index.jsonl -o x"), 2,
                 "--labels and --dataset cannot be combined");
    assert_false(exists("x"));
}

/* The feature's name is taken from the run.json next to the features. */
static void test_feature_is_recorded(void **state)
{
    (void)state;
    write_text("run.json", "{\"lmvr\": \"0.1.0\", \"features\": [{\"name\": \"g\", \"spec\": \"encoder:cls\"}, "
                           "{\"name\": \"f\", \"spec\": \"llm:end\"}]}");
    assert_ended(lmvr("probe fit --features f.npy --labels l.csv -o p.safetensors --c 1 --json"), 0, NULL);
    json_t *fit = printed();
    assert_string_equal(json_string_value(json_object_get(fit, "feature")), "llm:end");
    json_decref(fit);
    write_features("x.npy", ROWS, -1);
    write_text("x.run.json", "{\"lmvr\": \"0.1.0\", \"features\": [{\"name\": \"x\", \"spec\": \"pixels\"}]}");
    assert_ended(lmvr("probe fit --features x.npy --labels l.csv -o p.safetensors --c 1 --json"), 0, NULL);
    fit = printed();
    assert_string_equal(json_string_value(json_object_get(fit, "feature")), "pixels");
    json_decref(fit);
    write_features("sub.v2.npy", ROWS, -1);
    assert_ended(lmvr("probe fit --features sub.v2.npy --labels l.csv -o p.safetensors --c 1 --json"), 0, NULL);
    fit = printed();
    assert_string_equal(json_string_value(json_object_get(fit, "feature")), "sub.v2");
    json_decref(fit);
}

static const struct {
    const char *call, *sentence;
} wrong[] = {
    {"probe", "lmvr: probe needs another word; see lmvr probe --help\n"},
    {"probe fits", "lmvr: probe needs another word; see lmvr probe --help\n"},
    {"prob", "lmvr: there is no command \"prob\"; see lmvr --help\n"},
    {"probe fit --features f.npy --labels l.csv", "lmvr probe fit: no output: -o has to name a file for the probe\n"},
    {"probe fit --features f.npy --labels l.csv -o .", "lmvr probe fit: .: is a folder, -o has to name a file for the probe\n"},
    {"probe fit --features f.npy --labels l.csv -o no/p", "lmvr probe fit: no/p: cannot write: No such file or directory\n"},
    {"probe fit --labels l.csv -o out",
     "lmvr probe fit: no features: --features has to name a .npy file, or a folder of parts\n"},
    {"probe fit --features f.npy -o out",
     "lmvr probe fit: no labels: --labels has to name a CSV file, or --dataset a data set\n"},
    {"probe fit --features f.npy --labels l.csv -o out more",
     "lmvr probe fit: takes no inputs, so not \"more\"; --features names the features\n"},
    {"probe fit --features f.npy --labels l.csv -o out --c 0",
     "lmvr probe fit: --c takes a number from 1e-12 to 1e+12, not \"0\"\n"},
    {"probe fit --features f.npy --labels short.csv -o out",
     "lmvr probe fit: f.npy: has 60 rows, but short.csv has labels for 59\n"},
    {"probe fit --features nan.npy --labels l.csv -o out",
     "lmvr probe fit: nan.npy: row 41 (counted from 0) has a value that is not finite\n"},
    {"probe fit --features empty.npy --labels l.csv -o out",
     "lmvr probe fit: empty.npy: has 0 rows, but l.csv has labels for 60\n"},
    {"probe fit --features f.npy --labels one.csv -o out",
     "lmvr probe fit: f.npy: the labels have 1 class, expected at least 2\n"},
    {"probe fit --features l.csv --labels l.csv -o out", "lmvr probe fit: l.csv: not a .npy file\n"},
    {"probe fit --features . --labels l.csv -o out",
     "lmvr probe fit: .: is a folder; expected a .npy file, which lmvr embed writes for each feature\n"},
    {"probe fit --features f.npy --labels . -o out", "lmvr probe fit: .: is a folder, expected a file\n"},
    {"probe fit --features f.npy --labels paths.csv --index . -o out",
     "lmvr probe fit: .: is a folder; expected an index.jsonl, as lmvr embed writes it\n"},
    {"probe fit --features f.npy --labels paths.csv --index l.csv -o out",
     "lmvr probe fit: l.csv: line 1 is not an index line, as lmvr embed writes them to index.jsonl\n"},
    {"probe score -p . --features f.npy --labels l.csv", "lmvr probe score: .: is a folder, expected a file\n"},
    {"probe score --features f.npy --labels l.csv", "lmvr probe score: no probe: -p has to name a file that probe fit wrote\n"},
    {"probe score -p f.npy --features f.npy --labels l.csv",
     "lmvr probe score: f.npy: is truncated or not a safetensors file: its header has 379676406402707 bytes\n"},
    {"probe score -p p.safetensors --features wide.npy --labels l.csv",
     "lmvr probe score: wide.npy: has rows of 5 values, but p.safetensors was fitted to 4\n"},
    {"probe score -p p.safetensors --features f.npy --labels m.csv",
     "lmvr probe score: the labels are multi-label, but the probe was fitted to single-label ones\n"},
    {"probe predict -p p.safetensors --features empty.npy -o out", "lmvr probe predict: empty.npy: has no rows\n"},
    {"probe predict -p p.safetensors --features nan.npy -o out",
     "lmvr probe predict: nan.npy: row 41 (counted from 0) has a value that is not finite\n"},
    {"probe predict -p p.safetensors --features f.npy",
     "lmvr probe predict: no output: -o has to name a .npy file for the probabilities\n"},
};

static void make_wrong_inputs(void)
{
    struct npy_writer w;
    lmvr_error error;
    write_features("nan.npy", ROWS, 41);
    write_features("empty.npy", 0, -1);
    write_single("short.csv", ROWS - 1, false);
    write_single("paths.csv", ROWS, true);
    FILE *one = fopen("one.csv", "we");
    fputs("label\n", one);
    for (int i = 0; i < ROWS; i++)
        fputs("x\n", one);
    fclose(one);
    assert_int_equal(npy_writer_create("wide.npy", NPY_F32, 5, &w, &error), LMVR_OK);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(npy_writer_append(&w, (float[]){1, 2, 3, 4, 5}, 1, &error), LMVR_OK);
    assert_int_equal(npy_writer_close(&w, &error), LMVR_OK);
    assert_ended(lmvr("probe fit --features f.npy --labels l.csv -o p.safetensors --c 1"), 0, NULL);
}

static void test_wrong_calls(void **state)
{
    (void)state;
    make_wrong_inputs();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct program_run *run = lmvr("%s", wrong[i].call);
        if (run->status != 2 || strcmp(run->err, wrong[i].sentence) != 0)
            fail_msg("lmvr %s ended with %d and: %s", wrong[i].call, run->status, run->err);
        assert_string_equal(run->out, "");
        assert_false(exists("out"));
        assert_false(exists("out.tmp"));
    }
}

static void test_help(void **state)
{
    (void)state;
    static const char *const words[] = {"fit", "score", "predict"};
    assert_ended(lmvr("probe --help"), 0, NULL);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(strstr(run_done.out, words[i]));
    for (size_t i = 0; i < 3; i++) {
        char usage[64];
        assert_ended(lmvr("probe %s --help", words[i]), 0, NULL);
        snprintf(usage, sizeof usage, "Usage: lmvr probe %s ", words[i]);
        assert_ptr_equal(strstr(run_done.out, usage), run_done.out);
    }
}

/* A full disk leaves nothing half written. */
static void test_full_disk(void **state)
{
    (void)state;
    setting.largest_file = 100;
    assert_ended(lmvr("probe fit --features f.npy --labels l.csv -o p.safetensors --c 1"), 3, "File too large");
    assert_false(exists("p.safetensors"));
    assert_false(exists("p.safetensors.tmp"));
    assert_ended(lmvr("probe fit --features f.npy --labels l.csv -o p.safetensors --c 1"), 0, NULL);
    setting.largest_file = 200;
    assert_ended(lmvr("probe predict -p p.safetensors --features f.npy -o s.npy"), 3, "File too large");
    assert_false(exists("s.npy"));
    assert_false(exists("s.npy.tmp"));
    setting.out = "/dev/full";
    assert_ended(lmvr("probe score -p p.safetensors --features f.npy --labels l.csv --json"), 3,
                 "cannot write to standard output");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_single_label),
        IN_FOLDER(test_multi_label),
        IN_FOLDER(test_choice_of_c),
        IN_FOLDER(test_results_in_parts),
        IN_FOLDER(test_predict),
        IN_FOLDER(test_index),
        IN_FOLDER(test_labels_of_a_data_set),
        IN_FOLDER(test_feature_is_recorded),
        IN_FOLDER(test_wrong_calls),
        IN_FOLDER(test_help),
        IN_FOLDER(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
