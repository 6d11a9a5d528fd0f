/* lmvr_embed_stream(): images that come one by one give the results of lmvr_embed(), in order, and end as their giver says. */
#include "golden.h"
#include "session/open_model.h"

#define IMAGES 30
#define ROW    512

static const char *const names[] = {"gradient.jpg", "gray16.png", "tall.png", "noise.webp", "palette.png", "not there.png"};

struct stream {
    char paths[IMAGES][512];
    size_t given, reported, most_held; /* at most so many are given and not reported; SIZE_MAX: as many as are asked for */
    size_t held, fails_at, stops_at;
    float rows[IMAGES][ROW];
    lmvr_status statuses[IMAGES];
    size_t dim;
};

static lmvr_status give(lmvr_image *image, void *user, lmvr_error *error)
{
    struct stream *s = user;
    const lmvr_image zeros = {0};
    assert_memory_equal(image, &zeros, sizeof zeros);
    if (s->given - s->reported >= s->most_held)
        return LMVR_FULL;
    if (s->given == s->fails_at)
        return error_set(error, LMVR_ERROR_RESOURCE, "image %zu is out of reach", s->given);
    if (s->given == IMAGES)
        return LMVR_STOPPED;
    snprintf(s->paths[s->given], sizeof s->paths[0], LMVR_TEST_DATA "/golden/images/%s", names[s->given % 6]);
    image->path = s->paths[s->given++];
    s->held = s->given - s->reported > s->held ? s->given - s->reported : s->held;
    return LMVR_OK;
}

static int take(const lmvr_result *result, void *user)
{
    struct stream *s = user;
    assert_int_equal(result->index, s->reported);
    s->statuses[s->reported] = result->status;
    if (result->status == LMVR_OK)
        memcpy(s->rows[s->reported], result->features[0], s->dim * sizeof(float));
    memset(s->paths[s->reported], 0, sizeof s->paths[0]); /* it is not read any more */
    return ++s->reported == s->stops_at;
}

static struct stream *make(size_t most_held)
{
    struct stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->most_held = most_held;
    s->fails_at = s->stops_at = SIZE_MAX;
    return s;
}

static lmvr_model *model;
static lmvr_session *session;
static struct stream *expected;

static lmvr_status run(struct stream *s, lmvr_error *error)
{
    lmvr_feature_info info;
    lmvr_session_get_feature(session, 0, &info);
    assert_true(info.dim <= ROW);
    s->dim = info.dim;
    return lmvr_embed_stream(session, give, take, s, error);
}

static int open_session(void **state)
{
    static char paths[IMAGES][512];
    lmvr_image images[IMAGES] = {{0}};
    lmvr_error error = {{0}};
    lmvr_session_options options;
    (void)state;
    CHECK(open_tested(LMVR_TEST_DATA "/golden/llava-old-f32", LMVR_DTYPE_F32, &model, &error));
    lmvr_session_options_default(&options);
    options.max_new_tokens = 3;
    options.batch = 2;
    options.threads = 2;
    CHECK(lmvr_session_create(model, &options, &session, &error));
    expected = make(SIZE_MAX);
    lmvr_feature_info info;
    lmvr_session_get_feature(session, 0, &info);
    expected->dim = info.dim;
    for (size_t i = 0; i < IMAGES; i++) {
        snprintf(paths[i], sizeof paths[i], LMVR_TEST_DATA "/golden/images/%s", names[i % 6]);
        images[i].path = paths[i];
    }
    CHECK(lmvr_embed(session, images, IMAGES, take, expected, &error));
    return 0;
}

static int close_session(void **state)
{
    (void)state;
    lmvr_session_free(session);
    lmvr_model_free(model);
    free(expected);
    return 0;
}

static void assert_results(const struct stream *s, size_t count)
{
    assert_int_equal(s->reported, count);
    assert_memory_equal(s->statuses, expected->statuses, count * sizeof *s->statuses);
    assert_memory_equal(s->rows, expected->rows, count * sizeof *s->rows);
}

static void results_are_those_of_a_list(void **state)
{
    (void)state;
    lmvr_error error = {{0}};
    struct stream *s = make(SIZE_MAX);
    size_t room = lmvr_session_capacity(session);
    assert_true(room < IMAGES); /* else nothing is tried of what follows */
    CHECK(run(s, &error));
    assert_results(s, IMAGES);
    assert_int_equal(s->held, room);
    assert_int_equal(s->statuses[5], LMVR_ERROR_INPUT);
    free(s);
}

static void a_giver_holds_back_until_a_result(void **state)
{
    (void)state;
    lmvr_error error = {{0}};
    for (size_t most = 1; most < 4; most++) {
        struct stream *s = make(most);
        CHECK(run(s, &error));
        assert_results(s, IMAGES);
        assert_int_equal(s->held, most);
        free(s);
    }
    struct stream *s = make(0);
    assert_int_equal(run(s, &error), LMVR_ERROR_INVALID);
    assert_non_null(strstr(error.message, "there is no next image"));
    free(s);
}

static void an_error_of_the_giver_ends_the_call(void **state)
{
    (void)state;
    lmvr_error error = {{0}};
    struct stream *s = make(SIZE_MAX);
    s->fails_at = 13;
    assert_int_equal(run(s, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message, "image 13 is out of reach");
    assert_int_equal(s->given, 13);
    assert_true(s->reported <= 13);
    assert_results(s, s->reported);
    assert_int_equal(lmvr_session_count(session, LMVR_STAGE_ANY), 0);
    free(s);
}

static void a_stop_ends_the_call_and_the_session_goes_on(void **state)
{
    (void)state;
    lmvr_error error = {{0}};
    struct stream *s = make(SIZE_MAX);
    s->stops_at = 7;
    assert_int_equal(run(s, &error), LMVR_STOPPED);
    assert_results(s, 7);
    assert_int_equal(lmvr_session_count(session, LMVR_STAGE_ANY), 0);
    free(s);
    s = make(SIZE_MAX);
    CHECK(run(s, &error));
    assert_results(s, IMAGES);
    free(s);
    assert_int_equal(lmvr_embed_stream(session, NULL, take, NULL, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "lmvr_embed_stream: next is NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_are_those_of_a_list),
        cmocka_unit_test(a_giver_holds_back_until_a_result),
        cmocka_unit_test(an_error_of_the_giver_ends_the_call),
        cmocka_unit_test(a_stop_ends_the_call_and_the_session_goes_on),
    };
    return cmocka_run_group_tests(tests, open_session, close_session);
}
