/* What becomes of a session whose GPU fails, or has no memory left. */
#include "emulate_api.h"
#include "error.h"
#include "golden.h"
#include "session/session.h"
#include "tensor/cuda/device.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__) /* which makes the emulation ten times as slow */
#define APART 800
#else
#define APART 171
#endif
#define IMAGES 5
#define TOKENS 8
#define WIDTH  32

/* What is told of an image. */
struct told {
    float row[WIDTH];
    int32_t tokens[TOKENS], streamed[2 * TOKENS];
    size_t count, streamed_count;
    lmvr_status status;
    char text[256]; /* as it was streamed */
};

static atomic_int losses;

static void count_loss(lmvr_notice notice, const char *sentence, void *user)
{
    (void)user;
    assert_int_equal(notice, LMVR_NOTICE_LOST);
    assert_string_equal(sentence, "GPU 0 (emulated) failed, and this process cannot use it any more; 1 of 2 GPUs goes on, with "
                                  "its inputs");
    losses++;
}

static struct lmvr_model *open_model_as(int gpu, bool fast)
{
    lmvr_error error;
    const struct device *device;
    struct lmvr_model *model = NULL;
    const lmvr_model_options options = {.dtype = LMVR_DTYPE_F32, .notice = count_loss};
    if (cuda_device_open(emulated_cuda_api(), gpu, fast, &device, &error) != LMVR_OK ||
        model_open_on(LMVR_TEST_DATA "/golden/llava-old-f32", &options, device, &model, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return model;
}

static struct lmvr_model *open_model(int gpu)
{
    return open_model_as(gpu, false);
}

static struct lmvr_session *create_session(const struct lmvr_model *model)
{
    static const char *const features[] = {"llm"};
    lmvr_error error;
    struct lmvr_session *session;
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.features = features;
    options.feature_count = 1;
    options.max_new_tokens = TOKENS;
    options.batch = 2;
    if (lmvr_session_create(model, &options, &session, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return session;
}

static lmvr_image image(int i)
{
    static const char *const paths[IMAGES] = {
        LMVR_TEST_DATA "/golden/images/gradient.jpg", LMVR_TEST_DATA "/golden/images/gray16.png",
        LMVR_TEST_DATA "/golden/images/noise.webp", LMVR_TEST_DATA "/golden/images/palette.png",
        LMVR_TEST_DATA "/golden/images/tiny.png"};
    return (lmvr_image){.path = paths[i], .stream = true};
}

static void keep(struct told *told, const lmvr_event *event)
{
    const lmvr_result *result = event->result;
    if (result) {
        told->status = result->status;
        if (result->status != LMVR_OK) {
            assert_string_equal(result->error, "GPU 0 (emulated) failed, and this process cannot use it any more");
            return;
        }
        memcpy(told->row, result->features[0], sizeof told->row);
        memcpy(told->tokens, result->tokens, result->token_count * sizeof *told->tokens);
        told->count = result->token_count;
        return;
    }
    assert_true(told->streamed_count + event->token_count <= 2 * TOKENS);
    memcpy(told->streamed + told->streamed_count, event->tokens, event->token_count * sizeof *event->tokens);
    told->streamed_count += event->token_count;
    strncat(told->text, event->text, sizeof told->text - strlen(told->text) - 1);
}

/* Waits until all have ended, while nobody takes what there is to tell. */
static void wait_for_all(const struct lmvr_session *session)
{
    for (int naps = 0; lmvr_session_count(session, LMVR_STAGE_ENDED) < IMAGES; naps++) {
        assert_true(naps < 60000);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static void run(const struct lmvr_model *model, bool late, struct told all[IMAGES])
{
    struct lmvr_session *session = create_session(model);
    lmvr_error error;
    memset(all, 0, IMAGES * sizeof *all);
    for (int i = 0; i < IMAGES; i++) {
        lmvr_image one = image(i);
        assert_int_equal(lmvr_session_submit(session, &one, NULL, &error), LMVR_OK);
    }
    if (late)
        wait_for_all(session);
    for (int left = IMAGES; left > 0;) {
        const lmvr_event *event;
        assert_int_equal(lmvr_session_next(session, 60000, &event, &error), LMVR_OK);
        assert_non_null(event);
        keep(&all[event->index], event);
        left -= event->result != NULL;
    }
    lmvr_session_free(session);
}

/* Lost while it is loaded, encodes, reads prompts, decodes, and when it is done. */
static void lose_and_compare(bool late)
{
    static struct told alone[IMAGES], all[IMAGES];
    bool lost_any = false;
    struct lmvr_model *model = open_model(0);
    run(model, late, alone);
    lmvr_model_free(model);
    for (int operations = late ? 250 : 150; operations < (late ? 470 : 1000); operations += late ? APART / 8 : APART) {
        char lost[32];
        model = open_model(0);
        model->next = open_model(1);
        struct lmvr_session *before = create_session(model); /* whose beginning of the prompt takes some */
        lmvr_session_free(before);
        snprintf(lost, sizeof lost, "0:%d", 150 + operations);
        setenv("EMULATED_GPU_LOST", lost, 1);
        losses = 0;
        run(model, late, all);
        assert_true(losses <= 1);
        lost_any |= losses > 0;
        for (int i = 0; i < IMAGES; i++) {
            assert_memory_equal(&all[i], &alone[i], sizeof alone[i]);
            assert_int_equal(all[i].streamed_count, all[i].count);
        }
        unsetenv("EMULATED_GPU_LOST");
        lmvr_model_free(model);
    }
    assert_true(lost_any); /* how much a GPU has to do is up to the threads of both: perhaps nothing, or all */
}

static void what_a_lost_gpu_had_is_told_once_and_to_the_same_bits(void **state)
{
    (void)state;
    lose_and_compare(false);
}

static void what_nobody_has_taken_yet_is_not_lost_either(void **state)
{
    (void)state;
    lose_and_compare(true);
}

/* The same bits are not promised then: a response that has been begun is not mixed from two. */
static void what_has_been_told_in_part_fails_where_company_may_change_it(void **state)
{
    (void)state;
    static struct told all[IMAGES];
    int failed = 0;
    for (int i = 350; i < 700 || (failed == 0 && i < 3000); i += APART) { /* a busy machine can leave a GPU nothing for long */
        char lost[32];
        int operations = 350 + (i - 350) % 350;
        struct lmvr_model *model = open_model_as(0, true);
        model->next = open_model_as(1, true);
        snprintf(lost, sizeof lost, "0:%d", operations);
        setenv("EMULATED_GPU_LOST", lost, 1);
        run(model, false, all);
        unsetenv("EMULATED_GPU_LOST");
        for (int k = 0; k < IMAGES; k++) {
            assert_int_equal(all[k].status, all[k].status == LMVR_OK ? LMVR_OK : LMVR_ERROR_RESOURCE);
            assert_true(all[k].status != LMVR_OK || all[k].streamed_count == all[k].count);
            failed += all[k].status != LMVR_OK;
        }
        lmvr_model_free(model);
    }
    assert_true(failed > 0);
}

static void a_model_whose_last_gpu_is_lost_says_so_and_takes_nothing(void **state)
{
    (void)state;
    const char *sentence = "GPU 0 (emulated) failed, and this process cannot use it any more";
    struct lmvr_model *model = open_model(0);
    struct lmvr_session *session = create_session(model), *none;
    const lmvr_event *event;
    lmvr_model_info info;
    lmvr_error error;
    lmvr_model_get_info(model, &info);
    assert_false(info.lost);
    setenv("EMULATED_GPU_LOST", "0:0", 1);
    for (int i = 0; i < IMAGES; i++) {
        lmvr_image one = image(i);
        lmvr_status status = lmvr_session_submit(session, &one, NULL, &error);
        if (status != LMVR_OK) { /* it is known already */
            assert_int_equal(status, LMVR_ERROR_RESOURCE);
            assert_string_equal(error.message, sentence);
            assert_true(i > 0);
            continue;
        }
        const lmvr_result *result = NULL;
        while (!result) {
            assert_int_equal(lmvr_session_next(session, 60000, &event, &error), LMVR_OK);
            assert_non_null(event);
            result = event ? event->result : NULL;
        }
        assert_int_equal(result->status, LMVR_ERROR_RESOURCE);
        assert_string_equal(result->error, sentence);
    }
    unsetenv("EMULATED_GPU_LOST");
    lmvr_model_get_info(model, &info);
    assert_true(info.lost);
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    assert_int_equal(lmvr_session_create(model, &options, &none, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message,
                        "the model is on cuda:0, which failed, and this process can compute nothing with it any more");
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static int keep_row(const lmvr_result *result, void *user)
{
    memcpy(user, result->features[0], WIDTH * sizeof(float));
    return 0;
}

static void a_session_goes_on_after_memory_ran_out(void **state)
{
    (void)state;
    float row[WIDTH], expected[WIDTH];
    struct lmvr_model *model = open_model(0);
    lmvr_image one = image(0);
    lmvr_error error;
    for (int full = 0; full < 2; full++) {
        struct lmvr_session *session = create_session(model);
        if (full) {
            setenv("EMULATED_GPU_FULL", "0:0", 1);
            assert_int_equal(lmvr_embed(session, &one, 1, keep_row, row, &error), LMVR_ERROR_RESOURCE);
            unsetenv("EMULATED_GPU_FULL");
        }
        assert_int_equal(lmvr_embed(session, &one, 1, keep_row, full ? row : expected, &error), LMVR_OK);
        lmvr_session_free(session);
    }
    assert_memory_equal(row, expected, sizeof row);
    lmvr_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_lost_gpu_had_is_told_once_and_to_the_same_bits),
        cmocka_unit_test(what_nobody_has_taken_yet_is_not_lost_either),
        cmocka_unit_test(what_has_been_told_in_part_fails_where_company_may_change_it),
        cmocka_unit_test(a_model_whose_last_gpu_is_lost_says_so_and_takes_nothing),
        cmocka_unit_test(a_session_goes_on_after_memory_ran_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
