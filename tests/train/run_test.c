/* The files of a run, and that a stopped run ends like an uninterrupted one. */
#include "toy.h"

#include "format/csv.h"

#include <omp.h>

/* What the report callback saw, and when it asks to stop. */
struct witness {
    int64_t stop_at; /* step; 0: never */
    int64_t calls;
    double losses[64], rates[64], validations[64];
    char warning[sizeof(lmvr_error)];
};

static int witness_report(const struct run_report *report, void *user)
{
    struct witness *w = user;
    if (report->warning)
        snprintf(w->warning, sizeof w->warning, "%s", report->warning);
    w->losses[report->step] = report->loss;
    w->rates[report->step] = report->learning_rate;
    w->validations[report->step] = report->validation;
    w->calls++;
    assert_true(report->tokens_per_second > 0 && report->seconds_left >= 0 && report->steps == TOY_STEPS);
    return report->step == w->stop_at;
}

static enum dtype products = F32;

/* A run of the toy model, from scratch as in a new process. */
static lmvr_status run(struct run_options options, int64_t stop_at, struct witness *witness, lmvr_error *error)
{
    struct toy toy;
    toy_init(&toy, products);
    struct objective objective = toy_objective(&toy);
    *witness = (struct witness){.stop_at = stop_at};
    options.report = witness_report;
    options.user = witness;
    lmvr_status status = run_train(&objective, &toy_corpus, &toy_corpus, &toy_feed, &options, error);
    toy_finish(&toy);
    return status;
}

static void run_well(struct run_options options, struct witness *witness)
{
    lmvr_error error;
    if (run(options, 0, witness, &error) != LMVR_OK)
        fail_msg("%s", error.message);
}

static void stop_at(struct run_options options, int64_t step)
{
    struct witness witness;
    lmvr_error error;
    assert_int_equal(run(options, step, &witness, &error), LMVR_STOPPED);
}

static void assert_fails(struct run_options options, lmvr_status status, const char *sentence)
{
    struct witness witness;
    lmvr_error error = {{0}};
    assert_int_equal(run(options, 0, &witness, &error), status);
    if (!strstr(error.message, sentence))
        fail_msg("\"%s\" does not say \"%s\"", error.message, sentence);
}

static void assert_same_run(const char *a, const char *b)
{
    static const char *const names[] = {"model.txt", "loss.csv", "loss.svg", "run.json"};
    char path_a[64], path_b[64];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path_a, sizeof path_a, "%s/%s", a, names[i]);
        snprintf(path_b, sizeof path_b, "%s/%s", b, names[i]);
        assert_same_file(path_a, path_b);
    }
    snprintf(path_a, sizeof path_a, "%s/checkpoints/step-%08d.safetensors", a, TOY_STEPS);
    snprintf(path_b, sizeof path_b, "%s/checkpoints/step-%08d.safetensors", b, TOY_STEPS);
    assert_same_file(path_a, path_b);
}

/* ---- the schedule ---- */

static void test_schedule_is_transformers(void **state)
{
    (void)state;
    /* get_cosine_schedule_with_warmup(optimizer, 3, 10) at a rate of 2e-3 */
    static const double cosine[] = {0.0,
                                    0.0006666666666666666,
                                    0.0013333333333333333,
                                    0.002,
                                    0.001900968867902419,
                                    0.0016234898018587336,
                                    0.0012225209339563144,
                                    0.0007774790660436857,
                                    0.0003765101981412665,
                                    9.903113209758097e-05};
    struct run_options options = {.steps = 10, .warmup = 3, .adamw.learning_rate = 2e-3};
    struct run_options share = options;
    share.warmup = 0.25; /* of 10 steps, rounded up */
    for (int step = 0; step < 10; step++) {
        assert_true(fabs(run_learning_rate(&options, step) - cosine[step]) < 1e-15);
        assert_true(fabs(run_learning_rate(&share, step) - cosine[step]) < 1e-15);
    }
    options.constant = true;
    assert_true(fabs(run_learning_rate(&options, 2) - 2e-3 * 2 / 3) < 1e-15);
    assert_true(run_learning_rate(&options, 9) == 2e-3);
    options.warmup = 0;
    assert_true(run_learning_rate(&options, 0) == 2e-3);
}

/* ---- the files of a run ---- */

static void test_files_of_a_run(void **state)
{
    (void)state;
    struct witness w;
    struct csv csv;
    lmvr_error error;
    bool more;
    struct run_options options = toy_options("out");
    run_well(options, &w);
    assert_int_equal(w.calls, TOY_STEPS);
    assert_true(w.losses[TOY_STEPS] < 0.9 * w.losses[1]);
    assert_int_equal(csv_open("out/loss.csv", &csv, &error), LMVR_OK);
    for (int step = 1; step <= TOY_STEPS; step++) {
        assert_int_equal(csv_next(&csv, &more, &error), LMVR_OK);
        assert_true(more && atoi(csv.fields[0]) == step);
        assert_true(strtod(csv.fields[1], NULL) == w.losses[step]);
        assert_true(strtod(csv.fields[2], NULL) == run_learning_rate(&options, step - 1));
        assert_true(w.rates[step] == run_learning_rate(&options, step - 1));
        assert_true(strtod(csv.fields[3], NULL) > 0);
        assert_int_equal(*csv.fields[4] != '\0', step % 4 == 0);
        assert_int_equal(!isnan(w.validations[step]), step % 4 == 0);
    }
    assert_int_equal(csv_next(&csv, &more, &error), LMVR_OK);
    assert_false(more);
    csv_close(&csv);
    assert_true(exists("out/model.txt") && exists("out/loss.svg"));
    assert_true(exists("out/checkpoints/step-00000012.safetensors") && exists("out/checkpoints/step-00000009.safetensors"));
    assert_false(exists("out/checkpoints/step-00000006.safetensors"));
    char *json = read_bytes("out/run.json", NULL);
    assert_true(strstr(json, "\"objective\": \"toy\"") && strstr(json, "\"rate\": 0.05") && strstr(json, "\"finished\": true"));
    free(json);
}

/* Whether a run with checkpoints by time alone writes them after its first and its last step but one. */
static void assert_checkpoints(struct run_options options, bool first, bool second_last)
{
    struct witness w;
    options.checkpoint_every = 0;
    options.keep = TOY_STEPS;
    remove_tree("out");
    run_well(options, &w);
    assert_int_equal(exists("out/checkpoints/step-00000001.safetensors"), first);
    assert_int_equal(exists("out/checkpoints/step-00000011.safetensors"), second_last);
    assert_true(exists("out/checkpoints/step-00000012.safetensors"));
}

static void test_checkpoints_come_by_time(void **state)
{
    (void)state;
    struct run_options options = toy_options("out");
    options.checkpoint_seconds = 1e-9;
    assert_checkpoints(options, true, true);
    options.checkpoint_seconds = 3600;
    assert_checkpoints(options, false, false);
    options.checkpoint_seconds = 0;
    assert_checkpoints(options, false, false);
}

/* At a learning rate of 0 nothing is learned, so the same batches have the same loss. */
static void test_validation_is_the_same_each_time(void **state)
{
    (void)state;
    struct witness w;
    struct run_options options = toy_options("out");
    options.adamw.learning_rate = 0;
    options.validate_every = 5;
    run_well(options, &w);
    assert_true(w.validations[5] > 0 && w.validations[5] == w.validations[10]);
    assert_true(w.validations[12] == w.validations[5] && isnan(w.validations[6]));
}

static void test_accumulation_is_a_larger_batch(void **state)
{
    (void)state;
    struct witness whole, parts;
    struct toy toy;
    lmvr_error error;
    struct feed_options half = toy_feed;
    struct run_options options = toy_options("parts");
    half.batch = 2;
    toy_init(&toy, F32);
    struct objective objective = toy_objective(&toy);
    parts = (struct witness){0};
    options.accumulation = 2;
    options.report = witness_report;
    options.user = &parts;
    assert_int_equal(run_train(&objective, &toy_corpus, NULL, &half, &options, &error), LMVR_OK);
    toy_finish(&toy);
    run_well(toy_options("whole"), &whole);
    for (int step = 1; step <= TOY_STEPS; step++)
        assert_true(fabs(parts.losses[step] - whole.losses[step]) < 1e-5);
}

/* ---- stopping ---- */

static void test_stopped_runs_go_on_to_the_same_bits(void **state)
{
    (void)state;
    struct witness w;
    struct run_options options = toy_options("whole");
    run_well(options, &w);
    for (int64_t step = 1; step <= TOY_STEPS; step++) {
        remove_tree("out");
        options = toy_options("out");
        options.resume = true; /* nothing to resume: starts */
        stop_at(options, step);
        run_well(options, &w);
        assert_int_equal(w.calls, TOY_STEPS - step);
        assert_same_run("out", "whole");
    }
}

/* Checkpoints do not have the rounded copies of values. */
static void test_stopped_runs_go_on_in_bf16(void **state)
{
    (void)state;
    struct witness w;
    struct run_options options = toy_options("out");
    products = BF16;
    run_well(toy_options("whole"), &w);
    options.resume = true;
    stop_at(options, 5);
    run_well(options, &w);
    products = F32;
    assert_int_equal(w.calls, TOY_STEPS - 5);
    assert_same_run("out", "whole");
}

static void test_finished_runs_are_left_alone(void **state)
{
    (void)state;
    struct witness w;
    struct run_options options = toy_options("out");
    run_well(options, &w);
    assert_int_equal(unlink("out/model.txt"), 0);
    options.resume = true;
    run_well(options, &w);
    assert_int_equal(w.calls, 0);
    assert_false(exists("out/model.txt"));
}

static void test_rows_after_the_checkpoint_are_cut(void **state)
{
    (void)state;
    struct witness w;
    struct run_options options = toy_options("out");
    run_well(toy_options("whole"), &w);
    stop_at(options, 5);
    append_text("out/loss.csv", "6,0.25,0.1,1,\n7,0.2");
    options.resume = true;
    run_well(options, &w);
    assert_same_run("out", "whole");
}

static void test_missing_rows_are_refused(void **state)
{
    (void)state;
    struct run_options options = toy_options("out");
    stop_at(options, 5);
    write_text("out/loss.csv", "step,loss,learning_rate,gradient_norm,validation_loss\n1,2,3,4,\n3,2,3,4,\n");
    options.resume = true;
    assert_fails(options, LMVR_ERROR_INVALID, "out/loss.csv: cannot be continued: it lacks lines for the checkpoint's 5 steps");
}

static void test_a_cut_checkpoint_is_passed_over(void **state)
{
    (void)state;
    struct witness w;
    struct run_options options = toy_options("out");
    run_well(toy_options("whole"), &w);
    stop_at(options, 8);
    assert_int_equal(truncate("out/checkpoints/step-00000008.safetensors", 700), 0);
    options.resume = true;
    run_well(options, &w);
    assert_int_equal(w.calls, TOY_STEPS - 6);
    assert_non_null(strstr(w.warning, "out/checkpoints/step-00000008.safetensors"));
    assert_same_run("out", "whole");
}

static void test_no_whole_checkpoint_is_an_error(void **state)
{
    (void)state;
    struct run_options options = toy_options("out");
    stop_at(options, 4);
    assert_int_equal(truncate("out/checkpoints/step-00000003.safetensors", 0), 0);
    write_text("out/checkpoints/step-00000004.safetensors", "something else");
    options.resume = true;
    assert_fails(options, LMVR_ERROR_INVALID, "out/checkpoints: no checkpoint can be read (out/checkpoints/step-00000004");
    assert_true(exists("out/checkpoints/step-00000004.safetensors"));
}

static void test_a_checkpoint_of_another_run_is_not_taken(void **state)
{
    (void)state;
    struct run_options options = toy_options("other");
    options.settings = "{\"rate\": 0.01}";
    stop_at(options, 4);
    stop_at(toy_options("out"), 3);
    assert_int_equal(rename("other/checkpoints/step-00000004.safetensors", "out/checkpoints/step-00000004.safetensors"), 0);
    options = toy_options("out");
    options.resume = true;
    struct witness w;
    run_well(options, &w);
    assert_int_equal(w.calls, TOY_STEPS - 3);
    assert_non_null(strstr(w.warning, "not a checkpoint of this run"));
}

static void test_what_is_not_a_number_stops(void **state)
{
    (void)state;
    static const char *const sentences[] = {
        "out: the loss is not a number at step 2; there is no checkpoint yet",
        "out: the loss is not a number at step 8; the last good checkpoint is out/checkpoints/step-00000006.safetensors"};
    static const int64_t steps[] = {2, 8};
    for (size_t i = 0; i < 2; i++) {
        struct toy toy;
        lmvr_error error;
        struct run_options options = toy_options("out");
        options.validate_every = 0;
        toy_init(&toy, F32);
        toy.bad_step = steps[i] - 1;
        struct objective objective = toy_objective(&toy);
        remove_tree("out");
        assert_int_equal(run_train(&objective, &toy_corpus, NULL, &toy_feed, &options, &error), LMVR_ERROR_RESOURCE);
        assert_string_equal(error.message, sentences[i]);
        assert_int_equal(toy.saves, 0);
        toy_finish(&toy);
    }
}

/* ---- other contents of the folder ---- */

static void test_results_are_not_written_over(void **state)
{
    (void)state;
    struct witness w;
    struct run_options options = toy_options("out");
    stop_at(options, 4);
    assert_fails(options, LMVR_ERROR_INVALID, "out: holds results already; --resume continues them, --force removes them");
    options.settings = "{\"rate\": 0.07, \"sizes\": [1, 2]}";
    options.resume = true;
    assert_fails(options, LMVR_ERROR_INVALID, "out: cannot be resumed: it was started with rate 0.05, and now it is 0.07");
    options.resume = false;
    options.force = true;
    run_well(options, &w);
    assert_int_equal(w.calls, TOY_STEPS);
    options.force = false;
    assert_fails(options, LMVR_ERROR_INVALID, "out: holds results already");
}

static void test_strangers_files_are_not_written_over(void **state)
{
    (void)state;
    struct run_options options = toy_options("out");
    assert_int_equal(mkdir("out", 0777), 0);
    write_text("out/config.json", "{}");
    assert_fails(options, LMVR_ERROR_INVALID, "out/config.json: already exists");
    options.resume = true;
    assert_fails(options, LMVR_ERROR_INVALID, "out/config.json: already exists");
    assert_false(exists("out/run.json"));
    write_text("out/run.json", "{\n  \"lmvr\": \"0.1\",\n  \"prompt\": \"Hi\"\n}\n");
    assert_fails(options, LMVR_ERROR_INVALID, "out: has the results of another command");
    options = toy_options("file.npy");
    assert_fails(options, LMVR_ERROR_INVALID, "file.npy: training writes a folder");
    options = toy_options("new");
    options.settings = "{";
    assert_fails(options, LMVR_ERROR_INVALID, "not valid JSON");
    assert_false(exists("new"));
}

static void test_other_data_is_noticed(void **state)
{
    (void)state;
    struct toy toy;
    lmvr_error error;
    struct corpus other = toy_corpus;
    struct run_options options = toy_options("out");
    other.fingerprint = 8;
    stop_at(options, 4);
    toy_init(&toy, F32);
    struct objective objective = toy_objective(&toy);
    options.resume = true;
    assert_int_equal(run_train(&objective, &other, &toy_corpus, &toy_feed, &options, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "data_hash"));
    toy_finish(&toy);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
    omp_set_num_threads(1); /* the products are so small that threads would only wait for each other */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule_is_transformers),
        IN_FOLDER(test_files_of_a_run),
        IN_FOLDER(test_checkpoints_come_by_time),
        IN_FOLDER(test_validation_is_the_same_each_time),
        IN_FOLDER(test_accumulation_is_a_larger_batch),
        IN_FOLDER(test_stopped_runs_go_on_to_the_same_bits),
        IN_FOLDER(test_stopped_runs_go_on_in_bf16),
        IN_FOLDER(test_finished_runs_are_left_alone),
        IN_FOLDER(test_rows_after_the_checkpoint_are_cut),
        IN_FOLDER(test_missing_rows_are_refused),
        IN_FOLDER(test_a_cut_checkpoint_is_passed_over),
        IN_FOLDER(test_no_whole_checkpoint_is_an_error),
        IN_FOLDER(test_a_checkpoint_of_another_run_is_not_taken),
        IN_FOLDER(test_what_is_not_a_number_stops),
        IN_FOLDER(test_results_are_not_written_over),
        IN_FOLDER(test_strangers_files_are_not_written_over),
        IN_FOLDER(test_other_data_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
