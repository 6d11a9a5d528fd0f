/* `lmvr train` interrupted: the same call with --resume, and no other, continues to the same bytes. */
#include "train_made.h"

/* Long enough to be interrupted in the middle; a checkpoint every 10 steps. */
#define LONG                                                                                                                   \
    "train language" NUMBERS "--data text.txt --config llama.json --max-tokens 16 --batch 2 --steps 150 "                      \
    "--checkpoint-every 10 --validation text.txt --validate-every 25 --validation-batches 1 "

#define RESUMED LONG "-o out --resume"

static void test_killed_runs_go_on_to_the_same_bytes(void **state)
{
    (void)state;
    assert_ended(lmvr(LONG "-o whole"), 0, NULL);
    assert_int_equal(interrupt_after(RESUMED, 10, SIGKILL), 128 + SIGKILL);
    assert_false(exists("out/model.safetensors"));
    assert_int_equal(interrupt_after(RESUMED, 70, SIGKILL), 128 + SIGKILL);
    assert_false(exists("out/model.safetensors"));
    assert_ended(lmvr(RESUMED), 0, NULL);
    assert_equals_whole("tokenizer.model");
    remove_tree("out");
    assert_int_equal(interrupt_after(RESUMED, 40, SIGINT), 3); /* by its own will, with a checkpoint */
    assert_ended(lmvr(RESUMED), 0, NULL);
    assert_equals_whole("tokenizer.model");
}

static void test_a_kill_before_the_first_step_is_no_loss(void **state)
{
    (void)state;
    assert_ended(lmvr(LONG "-o whole"), 0, NULL);
    for (useconds_t us = 1000; us < 500000; us *= 3) {
        char line[] = RESUMED;
        pid_t pid = start_line(line);
        usleep(us);
        kill(pid, SIGKILL);
        finish(pid);
    }
    assert_ended(lmvr(RESUMED), 0, NULL);
    assert_equals_whole("tokenizer.model");
}

/* While training a vocabulary, of captions and of text, and in a run that has trained one. */
static void test_a_kill_leaves_no_temporary_files(void **state)
{
    (void)state;
    setenv("TMPDIR", "temporary", 1);
    mkdir("temporary", 0777);
    for (useconds_t us = 2000; us < 500000; us += us / 2) {
        char captions[] = CONTRASTIVE "--config clip.json --steps 100000 -o out --resume",
             text[] = LONG "--steps 100000 -o whole --resume";
        pid_t pids[] = {start_line(captions), start_line(text)};
        usleep(us);
        for (int i = 0; i < 2; i++) {
            kill(pids[i], SIGKILL);
            finish(pids[i]);
        }
        clear_made(state);
    }
    unsetenv("TMPDIR");
    assert_int_equal(rmdir("temporary"), 0);
}

static void refuse(const char *options, const char *difference)
{
    assert_ended(lmvr("%s --resume -o out", options), 2, "out: cannot be resumed: it was started with ");
    if (!strstr(run_done.err, difference))
        fail_msg("\"%s\" should be said, but: %s", difference, run_done.err);
}

static void test_another_call_is_refused_and_the_difference_named(void **state)
{
    (void)state;
    assert_ended(lmvr(CONTRASTIVE "-m clip -o out"), 0, NULL);
    char *model = read_bytes("out/model.safetensors", NULL);
    refuse(CONTRASTIVE "-m clip --batch 2", "batch 3, and now it is 2");
    refuse(CONTRASTIVE "-m clip --steps 4", "steps 3, and now it is 4");
    refuse(CONTRASTIVE "-m clip --lr 0.5", "learning_rate 0.0005, and now it is 0.5");
    refuse(CONTRASTIVE "-m clip --seed 1", "seed 0, and now it is 1");
    refuse(CONTRASTIVE "-m clip --save-dtype bf16", "save_dtype \"f32\", and now it is \"bf16\"");
    refuse(CONTRASTIVE "-m clip --recompute", "recompute false, and now it is true");
    refuse(CONTRASTIVE "-m clip --data llava.json", "data_hash");
    refuse(CONTRASTIVE "-m clip --max-tokens 15", "max_tokens 16, and now it is 15");
    assert_ended(lmvr(CONTRASTIVE "-m out -o other --lr 0.1"), 0, NULL); /* a model of the same shape */
    refuse(CONTRASTIVE "-m other", "model \"");
    remove_tree("other");
    free(model);
    assert_ended(lmvr(CONTRASTIVE "-m clip -o out"), 2, "out: holds results already; --resume continues them");
}

static void test_another_shape_or_vocabulary_is_refused(void **state)
{
    (void)state;
    assert_ended(lmvr(LANGUAGE "--config llama.json -o out"), 0, NULL);
    char *shape = read_bytes("llama.json", NULL);
    memcpy(strstr(shape, "1e-5"), "1e-6", 4); /* the same tensors */
    write_text("other.json", shape);
    free(shape);
    refuse(LANGUAGE "--config other.json", "model \"");
    refuse(LANGUAGE "--config llama.json --vocabulary clip/tokenizer.model", "vocabulary \"");
    refuse(LANGUAGE "--config llama.json --vocabulary-size 280", "vocabulary_size 0, and now it is 280");
}

static void test_a_finished_run_is_left_alone(void **state)
{
    struct stat before, after;
    (void)state;
    assert_ended(lmvr(LANGUAGE "--config llama.json -o out"), 0, NULL);
    assert_int_equal(stat("out/model.safetensors", &before), 0);
    assert_ended(lmvr("train language --threads 1 --dtype f32 --data text.txt --max-tokens 16 --batch 2 --steps 3 --lr 0.01 "
                      "--config llama.json -o out --resume"),
                 0, "out: the run was already finished; nothing to do\n");
    assert_int_equal(stat("out/model.safetensors", &after), 0);
    assert_true(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAIN_TEST(test_killed_runs_go_on_to_the_same_bytes),
        TRAIN_TEST(test_a_kill_before_the_first_step_is_no_loss),
        TRAIN_TEST(test_a_kill_leaves_no_temporary_files),
        TRAIN_TEST(test_another_call_is_refused_and_the_difference_named),
        TRAIN_TEST(test_another_shape_or_vocabulary_is_refused),
        TRAIN_TEST(test_a_finished_run_is_left_alone),
    };
    return cmocka_run_group_tests(tests, make_parts, remove_parts);
}
