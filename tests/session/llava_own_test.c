/* Models in the layout of LLaVA's own code (tests/golden/make_golden_own.py) are the models that they were made from, whose
 * states and tokens equal transformers'. */
#include "lmvr.h"
#include "scratch.h"

#define GOLDEN LMVR_TEST_DATA "/golden/"

#define IMAGES   5
#define FEATURES 4
#define MOST_NEW 12
#define MOST_DIM 64

static lmvr_error error;

#define CHECK(call)                                                                                                            \
    do {                                                                                                                       \
        if ((call) != LMVR_OK)                                                                                                 \
            fail_msg("%s", error.message);                                                                                     \
    } while (0)

/* What a model says of the images. */
struct said {
    lmvr_session *session;
    float rows[IMAGES][FEATURES][MOST_DIM];
    int32_t tokens[IMAGES][MOST_NEW];
    size_t token_counts[IMAGES];
};

static int keep(const lmvr_result *result, void *user)
{
    struct said *said = user;
    if (result->status != LMVR_OK)
        fail_msg("%s", result->error);
    for (size_t i = 0; i < FEATURES; i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(said->session, i, &info);
        assert_true(info.dim > 0 && info.dim <= MOST_DIM);
        memcpy(said->rows[result->index][i], result->features[i], info.dim * sizeof(float));
    }
    memcpy(said->tokens[result->index], result->tokens, result->token_count * sizeof(int32_t));
    said->token_counts[result->index] = result->token_count;
    return 0;
}

static void ask(const char *path, struct said *said)
{
    static const char *const features[FEATURES] = {"llm:all:mean:-1", "llm:image:mean:1", "adaptor:all:mean",
                                                   "encoder:patches:mean"};
    static const lmvr_image images[IMAGES] = {{.path = GOLDEN "images/gradient.jpg"},
                                              {.path = GOLDEN "images/noise.webp"},
                                              {.path = GOLDEN "images/tall.png"},
                                              {.path = GOLDEN "images/tiny.png"},
                                              {.path = GOLDEN "images/palette.png"}};
    lmvr_model *model;
    lmvr_session_options options;
    *said = (struct said){0};
    CHECK(lmvr_model_open(path, LMVR_DTYPE_F32, 1, &model, &error));
    lmvr_session_options_default(&options);
    options.features = (const char **)features;
    options.feature_count = FEATURES;
    options.max_new_tokens = MOST_NEW;
    CHECK(lmvr_session_create(model, &options, &said->session, &error));
    CHECK(lmvr_embed(said->session, images, IMAGES, keep, said, &error));
    lmvr_session_free(said->session);
    lmvr_model_free(model);
}

static void assert_same(const char *own, const char *other)
{
    static struct said a, b;
    ask(own, &a);
    ask(other, &b);
    for (size_t i = 0; i < IMAGES; i++) {
        assert_true(a.token_counts[i] > 0 && a.token_counts[i] == b.token_counts[i]);
        assert_memory_equal(a.tokens[i], b.tokens[i], sizeof a.tokens[i]);
        for (size_t f = 0; f < FEATURES; f++)
            assert_memory_equal(a.rows[i][f], b.rows[i][f], sizeof a.rows[i][f]);
    }
    assert_memory_not_equal(a.rows[0][0], a.rows[1][0], sizeof a.rows[0][0]);
}

static void llava_1_5_with_its_encoder_beside_it_is_the_same_model(void **state)
{
    (void)state;
    assert_same(GOLDEN "own/llava-1.5", GOLDEN "llava-pad");
}

static void llava_1_6_with_an_encoder_of_its_own_is_the_same_model(void **state)
{
    (void)state;
    assert_same(GOLDEN "own/llava-1.6-mistral", GOLDEN "llavanext-mistral-f16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llava_1_5_with_its_encoder_beside_it_is_the_same_model),
        cmocka_unit_test(llava_1_6_with_an_encoder_of_its_own_is_the_same_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
