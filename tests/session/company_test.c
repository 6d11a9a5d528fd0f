/* An image's results do not depend on the other images, the batch, or the number of threads: the bytes are the same. */
#include "golden.h"
#include "session/session.h"
#include "session/open_model.h"

#include <pthread.h>

#define IMAGES 8         /* slots are reused */
#define ROW    (1 << 17) /* the features of an image, and how many rows each has */

static const char *const names[IMAGES] = {"gradient.jpg", "gray16.png", "tall.png",     "noise.webp",
                                          "palette.png",  "large.jpg",  "gradient.jpg", "shapes_rgba.png"};

struct results {
    const struct lmvr_session *session;
    size_t reported;
    float rows[IMAGES][ROW];
    int32_t tokens[IMAGES][32];
    size_t token_counts[IMAGES];
    lmvr_status statuses[IMAGES];
};

static const char *const features[] = {"llm:all:mean:-1", "llm:end:last:1",   "adaptor",          "encoder:all",
                                       "llm:all:none:-1", "llm:image:none:1", "adaptor:all:none", "encoder:all:none"};

static int collect(const lmvr_result *result, void *user)
{
    struct results *all = user;
    assert_int_equal(result->index, all->reported); /* in the order of the images */
    all->reported++;
    all->statuses[result->index] = result->status;
    if (result->status != LMVR_OK)
        return 0;
    float *row = all->rows[result->index];
    for (size_t i = 0; i < lmvr_session_feature_count(all->session); i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(all->session, i, &info);
        size_t size = result->rows[i] * info.dim;
        assert_true(info.multi_vector || result->rows[i] == 1);
        assert_true(row + size + 1 <= all->rows[result->index] + ROW);
        *row++ = (float)result->rows[i];
        memcpy(row, result->features[i], size * sizeof *row);
        row += size;
    }
    memcpy(all->tokens[result->index], result->tokens, result->token_count * sizeof(int32_t));
    all->token_counts[result->index] = result->token_count;
    return 0;
}

static struct lmvr_model *open_checkpoint(const char *name, lmvr_dtype dtype)
{
    char path[512];
    lmvr_error error = {{0}};
    struct lmvr_model *model;
    snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s", name);
    if (open_tested(path, dtype, &model, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return model;
}

static void run_features(const struct lmvr_model *model, const char *const *wanted, size_t wanted_count,
                         const lmvr_image *images, size_t count, int batch, int threads, float temperature, struct results *all)
{
    lmvr_error error = {{0}};
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.features = wanted;
    options.feature_count = wanted_count;
    options.max_new_tokens = 7;
    options.batch = batch;
    options.threads = threads;
    options.temperature = temperature;
    options.seed = 5;
    struct lmvr_session *session;
    if (lmvr_session_create(model, &options, &session, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    memset(all, 0, sizeof *all);
    all->session = session;
    if (lmvr_embed(session, images, count, collect, all, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(all->reported, count);
    lmvr_session_free(session);
}

static void run(const struct lmvr_model *model, const lmvr_image *images, size_t count, int batch, int threads,
                float temperature, struct results *all)
{
    run_features(model, features, sizeof features / sizeof *features, images, count, batch, threads, temperature, all);
}

static char paths[IMAGES][512];

static void list_images(lmvr_image *images)
{
    for (int i = 0; i < IMAGES; i++) {
        snprintf(paths[i], sizeof paths[i], LMVR_TEST_DATA "/golden/images/%s", names[i]);
        images[i] = (lmvr_image){.path = paths[i]};
    }
}

static void compare(const struct results *a, size_t ia, const struct results *b, size_t ib)
{
    assert_int_equal(a->statuses[ia], b->statuses[ib]);
    assert_int_equal(a->token_counts[ia], b->token_counts[ib]);
    assert_memory_equal(a->tokens[ia], b->tokens[ib], sizeof a->tokens[ia]);
    assert_memory_equal(a->rows[ia], b->rows[ib], sizeof a->rows[ia]);
}

static void check_company(const char *name, lmvr_dtype dtype, float temperature)
{
    static struct results alone[IMAGES], together;
    struct lmvr_model *model = open_checkpoint(name, dtype);
    lmvr_image images[IMAGES];
    list_images(images);
    for (size_t i = 0; i < IMAGES; i++)
        run(model, &images[i], 1, 1, 1, temperature, &alone[i]);
#ifdef LMVR_ON_GPU /* the emulation is slow, and has one queue */
    static const int batches[] = {5}, threads[] = {2};
#else
    static const int batches[] = {1, 3, 5, 8}, threads[] = {1, 3};
#endif
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            run(model, images, IMAGES, batches[b], threads[t], temperature, &together);
            for (size_t i = 0; i < IMAGES; i++)
                compare(&alone[i], 0, &together, i);
        }
    lmvr_model_free(model);
}

static void company_batch_and_threads_change_no_byte_in_f32(void **state)
{
    (void)state;
    check_company("llava-old-f32", LMVR_DTYPE_F32, 0);
    check_company("llava-odd-f32", LMVR_DTYPE_F32, 0);
    check_company("blip2-old-f32", LMVR_DTYPE_F32, 0);
    check_company("blip2-odd-f16", LMVR_DTYPE_F32, 0);
}

static void company_batch_and_threads_change_no_byte_in_bf16(void **state)
{
    (void)state;
    check_company("llava-new-bf16", LMVR_DTYPE_BF16, 0);
    check_company("llava-f16-tied", LMVR_DTYPE_BF16, 0);
    check_company("blip2-new-bf16", LMVR_DTYPE_BF16, 0);
}

static void company_batch_and_threads_change_no_byte_in_integers(void **state)
{
    (void)state;
    check_company("llava-odd-f32", LMVR_DTYPE_INT8, 0);
    check_company("llava-odd-f32", LMVR_DTYPE_INT4, 0);
    check_company("blip2-odd-f16", LMVR_DTYPE_INT4, 0);
}

/* Views of any size, several views, windows, DeepStack: batches are ragged. */
static void company_changes_no_byte_where_pictures_differ_in_size(void **state)
{
    (void)state;
    check_company("smolvlm2-f32", LMVR_DTYPE_F32, 0);
    check_company("qwen2vl-hub-bf16", LMVR_DTYPE_BF16, 0);
    check_company("qwen25vl-hub-f16", LMVR_DTYPE_F32, 0);
    check_company("qwen3vl-odd-f32", LMVR_DTYPE_F32, 0);
    check_company("qwen3vl-hub-bf16", LMVR_DTYPE_BF16, 0);
    check_company("llavanext-mistral-f16", LMVR_DTYPE_F32, 0);
    check_company("llava-siglip-f32", LMVR_DTYPE_F32, 0);
}

static void sampling_depends_on_the_seed_and_the_image_alone(void **state)
{
    (void)state;
    check_company("llava-old-f32", LMVR_DTYPE_F32, 0.8f);
    check_company("blip2-old-f32", LMVR_DTYPE_F32, 0.8f);
}

static void texts_and_images_side_by_side_change_no_byte(void **state)
{
    (void)state;
    static struct results alone[IMAGES], together;
    static const char *const checkpoints[] = {"smolvlm2-f32", "qwen3vl-odd-f32", "llava-old-f32", "blip2-old-f32"};
    static const char *const of_language[] = {"llm:all:mean:-1", "llm:prompt:max:1"};
    for (size_t c = 0; c < sizeof checkpoints / sizeof *checkpoints; c++) {
        struct lmvr_model *model = open_checkpoint(checkpoints[c], LMVR_DTYPE_F32);
        lmvr_image inputs[IMAGES];
        list_images(inputs);
        inputs[1] = inputs[4] = (lmvr_image){.text = "a longer text, and nothing to see"};
        inputs[6] = (lmvr_image){.text = "a"};
        inputs[7].text = "What is it?";
        for (size_t i = 0; i < IMAGES; i++)
            run_features(model, of_language, 2, &inputs[i], 1, 1, 1, 0, &alone[i]);
        for (int batch = 1; batch <= 5; batch += 2) {
            run_features(model, of_language, 2, inputs, IMAGES, batch, 2, 0, &together);
            for (size_t i = 0; i < IMAGES; i++)
                compare(&alone[i], 0, &together, i);
        }
        assert_memory_equal(together.rows[1], together.rows[4], sizeof together.rows[1]);
        assert_memory_not_equal(together.rows[1], together.rows[6], sizeof together.rows[1]);
        lmvr_model_free(model);
    }
}

static void a_text_is_refused_where_a_feature_is_an_images(void **state)
{
    (void)state;
    static struct results mixed;
    struct lmvr_model *model = open_checkpoint("llava-old-f32", LMVR_DTYPE_F32);
    lmvr_image inputs[IMAGES];
    list_images(inputs);
    inputs[2] = (lmvr_image){.text = "a text"};
    run(model, inputs, IMAGES, 3, 1, 0, &mixed);
    for (size_t i = 0; i < IMAGES; i++)
        assert_int_equal(mixed.statuses[i], i == 2 ? LMVR_ERROR_INPUT : LMVR_OK);
    lmvr_model_free(model);
}

static void a_bad_image_is_reported_in_its_place_and_changes_no_other(void **state)
{
    (void)state;
    static struct results good, mixed;
    struct lmvr_model *model = open_checkpoint("llava-old-f32", LMVR_DTYPE_F32);
    lmvr_image images[IMAGES], some[IMAGES];
    list_images(images);
    run(model, images, IMAGES, 4, 2, 0, &good);
    memcpy(some, images, sizeof some);
    some[0].path = LMVR_TEST_DATA "/golden/README.md";
    some[5].path = LMVR_TEST_DATA "/no/such/file.jpg";
    some[7].path = NULL;
    run(model, some, IMAGES, 4, 2, 0, &mixed);
    for (size_t i = 0; i < IMAGES; i++) {
        if (i == 0 || i == 5 || i == 7)
            assert_int_equal(mixed.statuses[i], LMVR_ERROR_INPUT);
        else
            compare(&good, i, &mixed, i);
    }
    lmvr_model_free(model);
}

/* ---- two threads at once ------------------------------------------------------------------------------------------------- */

struct worker {
    const struct lmvr_model *model;
    const lmvr_image *images;
    struct results results;
};

static void *work(void *argument)
{
    struct worker *w = argument;
    run(w->model, w->images, IMAGES, 3, 2, 0, &w->results);
    return NULL;
}

static void two_models_and_two_threads_work_at_once(void **state)
{
    (void)state;
    static struct worker workers[3];
    static struct results expected[2];
    struct lmvr_model *one = open_checkpoint("llava-old-f32", LMVR_DTYPE_F32),
                      *two = open_checkpoint("llava-pad", LMVR_DTYPE_F32);
    lmvr_image images[IMAGES];
    list_images(images);
    run(one, images, IMAGES, 3, 2, 0, &expected[0]);
    run(two, images, IMAGES, 3, 2, 0, &expected[1]);
    workers[0].model = workers[1].model = one;
    workers[2].model = two;
    pthread_t threads[3];
    workers[0].images = workers[1].images = workers[2].images = images;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    for (size_t i = 0; i < IMAGES; i++) {
        compare(&expected[0], i, &workers[0].results, i);
        compare(&expected[0], i, &workers[1].results, i);
        compare(&expected[1], i, &workers[2].results, i);
    }
    lmvr_model_free(one);
    lmvr_model_free(two);
}

/* ---- pixels in memory -----------------------------------------------------------------------------------------------------
 */

static void pixels_in_memory_give_what_the_file_gives(void **state)
{
    (void)state;
    static struct results file, memory;
    lmvr_error error = {{0}};
    struct lmvr_model *model = open_checkpoint("llava-old-f32", LMVR_DTYPE_F32);
    lmvr_image images[IMAGES];
    list_images(images);
    struct image pixels;
    assert_int_equal(image_read(paths[3], &pixels, NULL, &error), LMVR_OK);
    run(model, &images[3], 1, 1, 1, 0, &file);
    lmvr_image buffer = {.rgb = pixels.rgb, .width = pixels.width, .height = pixels.height};
    run(model, &buffer, 1, 1, 1, 0, &memory);
    compare(&file, 0, &memory, 0);
    image_finish(&pixels);
    lmvr_model_free(model);
}

/* ---- replicas of a model, as on several GPUs ---------------------------------------------------------------------------- */

static struct lmvr_model *open_replicas(const char *name, int count)
{
    struct lmvr_model *first = open_checkpoint(name, LMVR_DTYPE_F32);
    for (struct lmvr_model *last = first; count > 1; count--, last = last->next)
        last->next = open_checkpoint(name, LMVR_DTYPE_F32);
    return first;
}

static void replicas_change_no_byte(void **state)
{
    (void)state;
    static struct results alone[IMAGES], together;
    struct lmvr_model *model = open_checkpoint("llava-old-f32", LMVR_DTYPE_F32);
    struct lmvr_model *replicas = open_replicas("llava-old-f32", 3);
    lmvr_image images[IMAGES];
    list_images(images);
    for (size_t i = 0; i < IMAGES; i++)
        run(model, &images[i], 1, 1, 1, 0, &alone[i]);
    for (size_t count = 1; count <= IMAGES; count += count == 1 ? 1 : 3) { /* fewer than replicas, and shares that differ */
        run(replicas, images, count, count == 5 ? 1 : 2, 0, 0, &together);
        for (size_t i = 0; i < count; i++)
            compare(&alone[i], 0, &together, i);
    }
    lmvr_model_free(model);
    lmvr_model_free(replicas);
}

struct stopper {
    pthread_t thread;
    size_t reported;
};

static int stop_at_the_third(const lmvr_result *result, void *user)
{
    struct stopper *stopper = user;
    assert_true(pthread_equal(pthread_self(), stopper->thread)); /* the caller's own */
    assert_int_equal(result->index, stopper->reported);
    return ++stopper->reported == 3;
}

static void the_caller_stops_all_replicas(void **state)
{
    (void)state;
    struct lmvr_model *replicas = open_replicas("llava-old-f32", 2);
    lmvr_error error = {{0}};
    lmvr_image images[IMAGES];
    list_images(images);
    images[1].path = "missing.jpg";
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.max_new_tokens = 3;
    options.batch = 1;
    struct lmvr_session *session;
    assert_int_equal(lmvr_session_create(replicas, &options, &session, &error), LMVR_OK);
    for (int call = 0; call < 2; call++) { /* a session is fit for the next call */
        struct stopper stopper = {.thread = pthread_self()};
        assert_int_equal(lmvr_embed(session, images, IMAGES, stop_at_the_third, &stopper, &error), LMVR_STOPPED);
        assert_int_equal(stopper.reported, 3);
        assert_string_equal(error.message, "stopped by the caller");
    }
    lmvr_session_free(session);
    lmvr_model_free(replicas);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replicas_change_no_byte),
        cmocka_unit_test(the_caller_stops_all_replicas),
        cmocka_unit_test(company_batch_and_threads_change_no_byte_in_f32),
        cmocka_unit_test(company_batch_and_threads_change_no_byte_in_bf16),
        cmocka_unit_test(company_batch_and_threads_change_no_byte_in_integers),
        cmocka_unit_test(company_changes_no_byte_where_pictures_differ_in_size),
        cmocka_unit_test(texts_and_images_side_by_side_change_no_byte),
        cmocka_unit_test(sampling_depends_on_the_seed_and_the_image_alone),
        cmocka_unit_test(a_text_is_refused_where_a_feature_is_an_images),
        cmocka_unit_test(a_bad_image_is_reported_in_its_place_and_changes_no_other),
        cmocka_unit_test(two_models_and_two_threads_work_at_once),
        cmocka_unit_test(pixels_in_memory_give_what_the_file_gives),
    };
    need_device();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
