/* Weights in 8 and 4 bits, and a key-value cache in 8, where a few channels and tokens are far larger than the rest. */
#include "lmvr.h"
#include "plant_channels.h"
#include "plant_massive.h"

#define SHIPPED       LMVR_TEST_DATA "/../models/lmvr-small"
#define PLANTED       "planted" /* in the test's folder */
#define IMAGES        8
#define MOST_DIM      272
#define TOKENS        64
#define LARGE_CHANNEL 77 /* of the residual stream */

#define EACH_LAYER(tokens) "llm:" tokens ":mean:1", "llm:" tokens ":mean:2", "llm:" tokens ":mean:3", "llm:" tokens ":mean:4"
/* First those of the response, which are compared where it is the same; then those without a token that is huge. */
static const char *const features[] = {
    EACH_LAYER("all"),   EACH_LAYER("generated"), EACH_LAYER("end"), EACH_LAYER("image"), "adaptor",
    EACH_LAYER("input"), EACH_LAYER("prompt"),    "encoder:patches", "encoder:cls",       "encoder:all"};
#define FEATURES       (sizeof features / sizeof *features)
#define OF_RESPONSE    12
#define FIRST_NOT_HUGE 4
#define LAST_NOT_HUGE  16
#define END_AT_LAST    11

struct outcome {
    const lmvr_session *session;
    size_t dims[FEATURES];
    float rows[IMAGES][FEATURES][MOST_DIM];
    int32_t tokens[IMAGES][TOKENS];
    size_t token_counts[IMAGES];
};

static int take(const lmvr_result *result, void *user)
{
    struct outcome *o = user;
    assert_int_equal(result->status, LMVR_OK);
    for (size_t f = 0; f < FEATURES; f++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(o->session, f, &info);
        o->dims[f] = info.dim;
        assert_true(info.dim <= MOST_DIM);
        memcpy(o->rows[result->index][f], result->features[f], info.dim * sizeof(float));
    }
    assert_true(result->token_count <= TOKENS);
    memcpy(o->tokens[result->index], result->tokens, result->token_count * sizeof(int32_t));
    o->token_counts[result->index] = result->token_count;
    return 0;
}

static lmvr_model *open_as(const char *path, lmvr_dtype dtype, lmvr_dtype cache_dtype)
{
    lmvr_error error;
    lmvr_model *model;
    const lmvr_model_options options = {.size = sizeof options, .dtype = dtype, .device = "cpu", .cache_dtype = cache_dtype};
    CHECK(lmvr_model_open_with(path, &options, &model, &error));
    return model;
}

static lmvr_session *start(const lmvr_model *model, const char *const *wanted, size_t count, bool before_generation)
{
    lmvr_error error;
    lmvr_session *session;
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.features = wanted;
    options.feature_count = count;
    options.max_new_tokens = 30;
    options.before_generation = before_generation;
    CHECK(lmvr_session_create(model, &options, &session, &error));
    return session;
}

/* Images first .. first + count - 1. */
static void embed(lmvr_session *session, int first, int count, int (*on_result)(const lmvr_result *, void *), void *user)
{
    char paths[IMAGES][512];
    lmvr_error error;
    lmvr_image images[IMAGES] = {{0}};
    for (int i = 0; i < count; i++) {
        snprintf(paths[i], sizeof paths[i], LMVR_TEST_DATA "/../examples/scenes/%d.jpg", first + i + 1);
        images[i].path = paths[i];
    }
    CHECK(lmvr_embed(session, images, (size_t)count, on_result, user, &error));
}

static void embed_all(const char *path, lmvr_dtype dtype, lmvr_dtype cache_dtype, struct outcome *o)
{
    lmvr_model *model = open_as(path, dtype, cache_dtype);
    lmvr_session *session = start(model, features, FEATURES, false);
    memset(o, 0, sizeof *o);
    o->session = session;
    embed(session, 0, IMAGES, take, o);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

/* ---- the planted model --------------------------------------------------------------------------------------------------- */

struct rows {
    const lmvr_session *session;
    size_t count, dim;
    float *data; /* to be freed */
};

static int take_rows(const lmvr_result *result, void *user)
{
    struct rows *rows = user;
    lmvr_feature_info info;
    assert_int_equal(result->status, LMVR_OK);
    lmvr_session_get_feature(rows->session, 0, &info);
    rows->count = result->rows[0];
    rows->dim = info.dim;
    rows->data = malloc(rows->count * rows->dim * sizeof *rows->data);
    assert_non_null(rows->data);
    memcpy(rows->data, result->features[0], rows->count * rows->dim * sizeof *rows->data);
    return 0;
}

/* A feature of the first image's prompt, in f32. */
static struct rows rows_of(const char *path, const char *feature)
{
    lmvr_model *model = open_as(path, LMVR_DTYPE_F32, LMVR_DTYPE_F32);
    lmvr_session *session = start(model, &feature, 1, true);
    struct rows rows = {.session = session};
    embed(session, 0, 1, take_rows, &rows);
    lmvr_session_free(session);
    lmvr_model_free(model);
    return rows;
}

static int plant(void **state)
{
    if (enter_folder(state) != 0)
        return -1;
    struct planted m;
    struct rows mean = rows_of(SHIPPED, "llm:all:mean:2");
    float direction[MOST_DIM] = {0};
    planted_open(SHIPPED, &m);
    plant_massive(&m);
    widen_row(mean.data, mean.dim, direction);
    plant_channels(&m, direction, LARGE_CHANNEL);
    planted_save(&m, SHIPPED, PLANTED);
    free(mean.data);
    return 0;
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float median_size(const float *x, size_t count)
{
    float *sizes = malloc(count * sizeof *sizes);
    assert_non_null(sizes);
    for (size_t i = 0; i < count; i++)
        sizes[i] = fabsf(x[i]);
    qsort(sizes, count, sizeof *sizes, compare_floats);
    float median = sizes[count / 2];
    free(sizes);
    return median;
}

static void a_channel_and_two_tokens_are_far_larger_than_the_rest(void **state)
{
    (void)state;
    static const char *const layers[] = {"llm:all:none:1", "llm:all:none:2", "llm:all:none:3"};
    for (int layer = 0; layer < 3; layer++) {
        struct rows x = rows_of(PLANTED, layers[layer]);
        float median = median_size(x.data, x.count * x.dim);
        size_t large = 0, massive = 0;
        for (size_t r = 0; r < x.count; r++) {
            const float *row = x.data + r * x.dim;
            large += fabsf(row[LARGE_CHANNEL]) > 20 * median_size(row, x.dim);
            massive += fabsf(row[new_channels[FIRST]]) > 1000 * median || fabsf(row[new_channels[OF_LINE]]) > 1000 * median;
        }
        print_message("%s: %zu of %zu tokens with a large channel\n", layers[layer], large, x.count);
        assert_true(large > x.count / 3);
        assert_int_equal(massive, 2);
        free(x.data);
    }
}

/* ---- what it promises -----------------------------------------------------------------------------------------------------
 */

static bool same_response(const struct outcome *a, const struct outcome *b, int image)
{
    return a->token_counts[image] == b->token_counts[image] &&
           memcmp(a->tokens[image], b->tokens[image], sizeof a->tokens[image]) == 0;
}

static int changed_responses(const struct outcome *a, const struct outcome *b)
{
    int changed = 0;
    for (int i = 0; i < IMAGES; i++)
        changed += !same_response(a, b, i);
    return changed;
}

static void planting_leaves_responses_as_they_were(void **state)
{
    (void)state;
    static struct outcome shipped, planted;
    embed_all(SHIPPED, LMVR_DTYPE_F32, LMVR_DTYPE_F32, &shipped);
    embed_all(PLANTED, LMVR_DTYPE_F32, LMVR_DTYPE_F32, &planted);
    assert_true(changed_responses(&shipped, &planted) <= 1); /* the line feed's state is another */
}

/* Without the large channels, beside which nothing else would count. */
static double cosine_of_rest(const float *a, const float *b, size_t count)
{
    float x[MOST_DIM], y[MOST_DIM];
    memcpy(x, a, count * sizeof *x);
    memcpy(y, b, count * sizeof *y);
    x[LARGE_CHANNEL] = y[LARGE_CHANNEL] = 0;
    for (int k = 0; k < NEW_CHANNELS; k++)
        x[new_channels[k]] = y[new_channels[k]] = 0;
    return cosine(x, y, count);
}

static double check_feature(const struct outcome *exact, const struct outcome *rounded, int image, size_t f, double least)
{
    const float *a = exact->rows[image][f], *b = rounded->rows[image][f];
    double found = cosine(a, b, exact->dims[f]);
    if (f >= FIRST_NOT_HUGE && f <= LAST_NOT_HUGE)
        found = fmin(found, cosine_of_rest(a, b, exact->dims[f]));
    if (!(found >= least))
        fail_msg("image %d, %s: cosine %.6f, expected at least %.4f", image + 1, features[f], found, least);
    return found;
}

/* `least_at_end`: of one position's last state, whose errors no mean evens out. */
static void check(lmvr_dtype dtype, lmvr_dtype cache_dtype, double least, double least_at_end, int most_changed)
{
    static struct outcome exact, rounded;
    if (exact.session == NULL)
        embed_all(PLANTED, LMVR_DTYPE_F32, LMVR_DTYPE_F32, &exact);
    embed_all(PLANTED, dtype, cache_dtype, &rounded);
    assert_true(changed_responses(&exact, &rounded) <= most_changed);
    double found = 1, found_at_end = 1;
    for (int i = 0; i < IMAGES; i++)
        for (size_t f = same_response(&exact, &rounded, i) ? 0 : OF_RESPONSE; f < FEATURES; f++) {
            double *lowest = f == END_AT_LAST ? &found_at_end : &found;
            *lowest = fmin(*lowest, check_feature(&exact, &rounded, i, f, f == END_AT_LAST ? least_at_end : least));
        }
    print_message("lowest cosine: %.5f; at the end, in the last layer: %.5f\n", found, found_at_end);
}

static void features_stay_near_those_of_f32_beside_outliers(void **state)
{
    (void)state;
    check(LMVR_DTYPE_INT8, LMVR_DTYPE_DEFAULT, 0.999, 0.999, 1);
    check(LMVR_DTYPE_INT8, LMVR_DTYPE_INT8, 0.999, 0.999, 1);
    check(LMVR_DTYPE_INT4, LMVR_DTYPE_DEFAULT, 0.99, 0.985, 3);
    check(LMVR_DTYPE_INT4, LMVR_DTYPE_INT8, 0.99, 0.985, 3);
}

static void company_changes_no_byte_beside_outliers(void **state)
{
    (void)state;
    static struct outcome together, alone;
    static const lmvr_dtype dtypes[] = {LMVR_DTYPE_INT8, LMVR_DTYPE_INT4};
    for (int d = 0; d < 2; d++) {
        embed_all(PLANTED, dtypes[d], LMVR_DTYPE_INT8, &together);
        lmvr_model *model = open_as(PLANTED, dtypes[d], LMVR_DTYPE_INT8);
        lmvr_session *session = start(model, features, FEATURES, false);
        for (int i = 0; i < IMAGES; i += 3) {
            memset(&alone, 0, sizeof alone);
            alone.session = session;
            embed(session, i, 1, take, &alone);
            assert_memory_equal(alone.tokens[0], together.tokens[i], sizeof alone.tokens[0]);
            assert_memory_equal(alone.rows[0], together.rows[i], sizeof alone.rows[0]);
        }
        lmvr_session_free(session);
        lmvr_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_and_two_tokens_are_far_larger_than_the_rest),
        cmocka_unit_test(planting_leaves_responses_as_they_were),
        cmocka_unit_test(features_stay_near_those_of_f32_beside_outliers),
        cmocka_unit_test(company_changes_no_byte_beside_outliers),
    };
    return cmocka_run_group_tests(tests, plant, leave_folder);
}
