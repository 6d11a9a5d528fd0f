/* The attention of each word of a response: compared with transformers' eager attention, alone and in batches. */
#include "golden.h"
#include "image/preprocess.h"
#include "language/tokenizer.h"
#include "lmvr.h"
#include "model/model.h"
#include "session/open_model.h"

static const char *const checkpoints[] = {"llava-old-f32", "llava-new-bf16", "llava-f16-tied", "llava-odd-f32",
                                          "llava-pad",     "blip2-old-f32",  "blip2-new-bf16", "blip2-odd-f16"};

/* A checkpoint's case with its expected maps. */
struct wanted {
    const struct golden *golden;
    const float *maps; /* (blocks, 1 + tokens, patches): before the response, and at each of its tokens */
    size_t tokens, patches;
    lmvr_query query;
    int first, last;
    int called;
};

static int compare_maps(const lmvr_result *result, void *user)
{
    struct wanted *w = user;
    w->called++;
    assert_int_equal(result->status, LMVR_OK);
    assert_int_equal(result->token_count, w->tokens);
    assert_int_equal(result->grid_rows * result->grid_columns, w->patches);
    size_t size = w->tokens * w->patches, skipped = w->query == LMVR_QUERY_OWN ? w->patches : 0;
    float *mean = calloc(size, sizeof *mean);
    for (int block = w->first - 1; block < w->last; block++)
        for (size_t i = 0; i < size; i++)
            mean[i] += w->maps[(size_t)block * (size + w->patches) + skipped + i] / (float)(w->last - w->first + 1);
    assert_close(result->attention, mean, size, 3e-6, "the attention", w->golden->folder);
    free(mean);
    return 0;
}

static void compare_case(const struct golden *g, const struct lmvr_model *model, json_t *object, lmvr_query query, int first,
                         int last)
{
    lmvr_session_options options;
    lmvr_session *session;
    lmvr_error error = {{0}};
    size_t size;
    char path[600];
    const char *aspect = golden_string(object, "aspect");
    float *maps = golden_floats(g, golden_string(object, "name"), "attention", &size);
    assert_non_null(maps);
    lmvr_session_options_default(&options);
    options.attention = true;
    options.attention_query = query;
    options.attention_first = first;
    options.attention_last = last;
    options.prompt = golden_string(object, "prompt");
    options.template_name = golden_string(object, "template");
    options.max_new_tokens = (int)json_integer_value(json_object_get(object, "max_new_tokens"));
    options.aspect = !aspect                       ? LMVR_ASPECT_DEFAULT
                     : strcmp(aspect, "crop") == 0 ? LMVR_ASPECT_CROP
                     : strcmp(aspect, "pad") == 0  ? LMVR_ASPECT_PAD
                                                   : LMVR_ASPECT_STRETCH;
    if (lmvr_session_create(model, &options, &session, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    struct wanted wanted = {.golden = g,
                            .maps = maps,
                            .tokens = json_array_size(json_object_get(object, "generated")),
                            .query = query,
                            .first = first ? first : 1,
                            .last = last ? last : model->config.language.blocks};
    wanted.patches = size / (1 + wanted.tokens) / (size_t)model->config.language.blocks;
    golden_image_path(object, path, sizeof path);
    lmvr_image image = {.path = path};
    if (lmvr_embed(session, &image, 1, compare_maps, &wanted, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(wanted.called, 1);
    lmvr_session_free(session);
    free(maps);
}

static void maps_of_both_queries_equal_the_reference_over_all_blocks_and_over_some(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        struct golden g;
        lmvr_model *model;
        lmvr_error error = {{0}};
        size_t index;
        json_t *object;
        golden_open(checkpoints[i], &g);
        if (open_tested(g.folder, LMVR_DTYPE_F32, &model, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        json_array_foreach(json_object_get(g.json, "cases"), index, object)
        {
            for (int query = LMVR_QUERY_PREDICTING; query <= LMVR_QUERY_OWN; query++) {
                compare_case(&g, model, object, (lmvr_query)query, 0, 0);
                compare_case(&g, model, object, (lmvr_query)query, 1, 1);
                compare_case(&g, model, object, (lmvr_query)query, 2, model->config.language.blocks);
            }
        }
        lmvr_model_free(model);
        golden_close(&g);
    }
}

/* ---- company ------------------------------------------------------------------------------------------------------------ */

#define IMAGES   5
#define MOST_MAP 4096

struct seen {
    size_t count[IMAGES];
    float maps[IMAGES][MOST_MAP], features[IMAGES][64];
    uint32_t ends[IMAGES][64];
};

static int remember(const lmvr_result *result, void *user)
{
    struct seen *seen = user;
    size_t size = result->token_count * (size_t)(result->grid_rows * result->grid_columns);
    assert_int_equal(result->status, LMVR_OK);
    assert_true(size <= MOST_MAP && result->token_count <= 64);
    seen->count[result->index] = size;
    memcpy(seen->maps[result->index], result->attention, size * sizeof(float));
    memcpy(seen->ends[result->index], result->token_ends, result->token_count * sizeof(uint32_t));
    memcpy(seen->features[result->index], result->features[0], 48 * sizeof(float));
    return 0;
}

static void embed_all(const lmvr_model *model, lmvr_query query, int batch, int threads, struct seen *seen)
{
    static const char *const names[IMAGES] = {"gradient.jpg", "shapes_rgba.png", "gray16.png", "palette.png", "noise.webp"};
    static const char *const features[] = {"llm:all:mean:-1"};
    char paths[IMAGES][600];
    lmvr_image images[IMAGES];
    lmvr_session_options options;
    lmvr_session *session;
    lmvr_error error = {{0}};
    memset(seen, 0, sizeof *seen);
    for (int i = 0; i < IMAGES; i++) {
        snprintf(paths[i], sizeof paths[i], LMVR_TEST_DATA "/golden/images/%s", names[i]);
        images[i] = (lmvr_image){.path = paths[i]};
    }
    lmvr_session_options_default(&options);
    options.features = features;
    options.feature_count = 1;
    options.attention = true;
    options.attention_query = query;
    options.max_new_tokens = 12;
    options.batch = batch;
    options.threads = threads;
    if (lmvr_session_create(model, &options, &session, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    if (lmvr_embed(session, images, IMAGES, remember, seen, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    lmvr_session_free(session);
}

static void maps_do_not_depend_on_company_or_threads(void **state)
{
    (void)state;
    static const char *const folders[] = {LMVR_TEST_DATA "/golden/llava-old-f32", LMVR_TEST_DATA "/golden/blip2-new-bf16"};
    lmvr_model *model;
    lmvr_error error = {{0}};
    static struct seen alone, company;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (open_tested(folders[i], LMVR_DTYPE_F32, &model, &error) != LMVR_OK)
            fail_msg("%s", error.message);
        embed_all(model, LMVR_QUERY_PREDICTING, 1, 1, &alone);
        assert_true(alone.count[0] > 0);
        for (int batch = 2; batch <= 5; batch++) {
            embed_all(model, LMVR_QUERY_PREDICTING, batch, 3, &company);
            assert_memory_equal(&alone, &company, sizeof alone);
        }
        lmvr_model_free(model);
    }
}

/* ---- queries ------------------------------------------------------------------------------------------------------------ */

static void a_token_is_predicted_where_the_one_before_has_its_own_map(void **state)
{
    (void)state;
    lmvr_model *model;
    lmvr_error error = {{0}};
    static struct seen predicting, own, untold;
    assert_int_equal(open_tested(LMVR_TEST_DATA "/golden/llava-old-f32", LMVR_DTYPE_F32, &model, &error), LMVR_OK);
    embed_all(model, LMVR_QUERY_PREDICTING, 2, 1, &predicting);
    embed_all(model, LMVR_QUERY_OWN, 2, 1, &own);
    embed_all(model, LMVR_QUERY_DEFAULT, 2, 1, &untold);
    assert_memory_equal(&untold, &predicting, sizeof untold);
    for (int i = 0; i < IMAGES; i++) {
        assert_true(own.count[i] > 16);
        assert_memory_equal(predicting.maps[i] + 16, own.maps[i], (own.count[i] - 16) * sizeof(float));
    }
    lmvr_model_free(model);
}

/* ---- padding and cropping ----------------------------------------------------------------------------------------------- */

static void assert_view(const struct preprocess *p, int width, int height, double x, double y, double w, double h)
{
    double view[4], expected[4] = {x, y, w, h};
    preprocess_view(p, width, height, view);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(view[i] - expected[i]) < 1e-9);
}

static void a_view_is_the_part_of_the_image_that_the_model_sees(void **state)
{
    (void)state;
    struct preprocess p;
    preprocess_init_clip(&p);
    assert_view(&p, 448, 448, 0, 0, 448, 448);
    assert_view(&p, 896, 448, 224, 0, 448, 448);
    assert_view(&p, 448, 896, 0, 224, 448, 448);
    p.pad_to_square = true;
    assert_view(&p, 600, 400, 0, -100, 600, 600);
    p.pad_to_square = p.do_center_crop = false;
    p.shortest_edge = 0;
    p.width = p.height = 224;
    assert_view(&p, 600, 400, 0, 0, 600, 400);
    p.do_resize = false;
    p.do_center_crop = true; /* of 224 pixels from an image that is smaller one way */
    assert_view(&p, 100, 300, -62, 38, 224, 224);
}

static void token_ends_cut_the_response_into_its_tokens(void **state)
{
    (void)state;
    struct tokenizer *tokenizer;
    lmvr_error error = {{0}};
    int32_t *ids;
    size_t count;
    char *text;
    uint32_t ends[128];
    assert_int_equal(tokenizer_open(LMVR_TEST_DATA "/golden/llava-old-f32/tokenizer.model", &tokenizer, &error), LMVR_OK);
    assert_int_equal(tokenizer_encode(tokenizer, "Describe the image. \xED\x95\x9C", &ids, &count, &error), LMVR_OK);
    assert_true(count > 4 && count < 128);
    assert_int_equal(tokenizer_decode(tokenizer, ids, count, &text, &error), LMVR_OK);
    assert_int_equal(tokenizer_ends(tokenizer, ids, count, ends, &error), LMVR_OK);
    assert_int_equal(ends[count - 1], strlen(text));
    for (size_t i = 1; i < count; i++)
        assert_true(ends[i] >= ends[i - 1]);
    /* the last character is three bytes, completed by the last */
    assert_int_equal(ends[count - 2], strlen(text) - 3);
    assert_int_equal(ends[count - 3], strlen(text) - 3);
    free(text);
    free(ids);
    tokenizer_close(tokenizer);
}

static void blocks_that_the_model_has_not_are_refused(void **state)
{
    (void)state;
    static const int ranges[][2] = {{0, 1}, {2, 1}, {1, 99}, {-1, 1}};
    lmvr_model *model;
    lmvr_session *session;
    lmvr_session_options options;
    lmvr_error error = {{0}};
    assert_int_equal(open_tested(LMVR_TEST_DATA "/golden/llava-old-f32", LMVR_DTYPE_F32, &model, &error), LMVR_OK);
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        lmvr_session_options_default(&options);
        options.attention = true;
        options.attention_first = ranges[i][0];
        options.attention_last = ranges[i][1];
        assert_int_equal(lmvr_session_create(model, &options, &session, &error), LMVR_ERROR_INVALID);
        assert_non_null(strstr(error.message, "blocks 1 to 2"));
    }
    lmvr_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_of_both_queries_equal_the_reference_over_all_blocks_and_over_some),
        cmocka_unit_test(maps_do_not_depend_on_company_or_threads),
        cmocka_unit_test(a_token_is_predicted_where_the_one_before_has_its_own_map),
        cmocka_unit_test(a_view_is_the_part_of_the_image_that_the_model_sees),
        cmocka_unit_test(token_ends_cut_the_response_into_its_tokens),
        cmocka_unit_test(blocks_that_the_model_has_not_are_refused),
    };
    need_device();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
