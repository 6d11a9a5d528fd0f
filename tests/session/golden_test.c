/* Every step of the computation, and its result, equal what transformers computes for the checkpoints in tests/golden/. */
#include "golden_compare.h"

static void pixels_encoder_and_connector_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++)
        compare_images(checkpoints[i], true);
}

static void a_clip_model_alone_has_encoder_features(void **state)
{
    (void)state;
    compare_images("clip-f32", true);
}

static void states_features_tokens_and_text_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++)
        compare_cases(checkpoints[i], true);
}

static void bf16_keeps_the_features_directions_and_sure_tokens(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        compare_images(checkpoints[i], false);
        compare_cases(checkpoints[i], false);
    }
}

static void features_before_generation_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        struct golden g;
        golden_open(checkpoints[i], &g);
        struct lmvr_model *model = open_model(&g, LMVR_DTYPE_F32);
        size_t index;
        json_t *object;
        json_array_foreach(json_object_get(g.json, "cases"), index, object)
        {
            const char *features[16];
            char path[600];
            lmvr_session_options options;
            if (!is_ours(model, object))
                continue;
            options_of_case(model, object, features, "before_generation_features", &options);
            options.before_generation = true;
            lmvr_image image = input_of_case(object, path, sizeof path);
            struct lmvr_session *session = open_session(model, &options);
            struct kept kept = {0};
            run_one(session, image, &kept);
            assert_int_equal(kept.token_count, 0);
            compare_features(&g, golden_string(object, "name"), "before/", features, options.feature_count, &kept, true);
            drop(&kept);
            lmvr_session_free(session);
        }
        lmvr_model_free(model);
        golden_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_encoder_and_connector_equal_the_reference),
        cmocka_unit_test(a_clip_model_alone_has_encoder_features),
        cmocka_unit_test(states_features_tokens_and_text_equal_the_reference),
        cmocka_unit_test(features_before_generation_equal_the_reference),
        cmocka_unit_test(bf16_keeps_the_features_directions_and_sure_tokens),
    };
    need_device();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
