/* A session that is fed: inputs come and go one by one, and company changes none of their bytes. */
#include "cmocka_all.h"
#include "error.h"
#include "golden.h"
#include "session/open_model.h"
#include "session/jobs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define IMAGES   LMVR_TEST_DATA "/golden/images/"
#define MOST     64 /* inputs */
#define ROW      4096
#define LONG     200 /* tokens: so many steps that others come and go meanwhile */
#define NO_LIMIT (-1)
#define FOREVER  60000 /* milliseconds, after which a test has hung */

/* ---- allocations that fail ------------------------------------------------------------------------------------------- */

static atomic_int calls_until_failure = -1; /* negative: none fails */

static bool fails(void)
{
    return atomic_load(&calls_until_failure) >= 0 && atomic_fetch_sub(&calls_until_failure, 1) == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

/* ---- generation that is held ----------------------------------------------------------------------------------------- */

/* How many steps generation may still take; negative: any number. */
static int steps_left = -1;
static pthread_mutex_t steps = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more_steps = PTHREAD_COND_INITIALIZER;

static void allow_steps(int count)
{
    pthread_mutex_lock(&steps);
    steps_left = count;
    pthread_cond_broadcast(&more_steps);
    pthread_mutex_unlock(&steps);
}

lmvr_status __real_generate_step(struct lmvr_session *session, lmvr_error *error);
lmvr_status __wrap_generate_step(struct lmvr_session *session, lmvr_error *error);

lmvr_status __wrap_generate_step(struct lmvr_session *session, lmvr_error *error)
{
    pthread_mutex_lock(&steps);
    while (steps_left == 0)
        pthread_cond_wait(&more_steps, &steps);
    if (steps_left > 0)
        steps_left--;
    pthread_mutex_unlock(&steps);
    return __real_generate_step(session, error);
}

/* ---- sessions and results -------------------------------------------------------------------------------------------- */

struct kept {
    bool there;
    lmvr_status status;
    size_t order; /* how many results came before */
    float row[ROW];
    size_t row_size;
    int32_t tokens[LONG + 1], told[LONG + 1];
    size_t token_count, told_count;
    char response[8192], text[8192], error[1024];
    bool finished;
};

static lmvr_model *open_checkpoint(const char *name)
{
    char path[512];
    lmvr_error error = {{0}};
    lmvr_model *model;
    snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s", name);
    CHECK(open_tested(path, LMVR_DTYPE_F32, &model, &error));
    return model;
}

static lmvr_session_options defaults(int batch, int max_new_tokens)
{
    static const char *const features[] = {"llm:all:mean:-1", "llm:generated:max"};
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.features = features;
    options.feature_count = 2;
    options.batch = batch;
    options.max_new_tokens = max_new_tokens;
    options.temperature = 1;
    options.seed = 3;
    return options;
}

static lmvr_session *create(const lmvr_model *model, const lmvr_session_options *options)
{
    lmvr_error error = {{0}};
    lmvr_session *session;
    CHECK(lmvr_session_create(model, options, &session, &error));
    return session;
}

static lmvr_session *create_plain(const lmvr_model *model, int batch, int max_new_tokens)
{
    lmvr_session_options options = defaults(batch, max_new_tokens);
    return create(model, &options);
}

static size_t submit(lmvr_session *session, lmvr_image image)
{
    lmvr_error error = {{0}};
    size_t index = SIZE_MAX;
    CHECK(lmvr_session_submit(session, &image, &index, &error));
    return index;
}

static void keep_result(const lmvr_session *session, const lmvr_result *r, struct kept *kept)
{
    assert_false(kept->there); /* one result each */
    kept->there = true;
    kept->status = r->status;
    if (r->error)
        snprintf(kept->error, sizeof kept->error, "%s", r->error);
    assert_true((r->status == LMVR_OK) == (r->error == NULL));
    if (r->status != LMVR_OK)
        return;
    for (size_t i = 0; i < lmvr_session_feature_count(session); i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(session, i, &info);
        size_t size = r->rows[i] * info.dim;
        assert_true(kept->row_size + size <= ROW);
        memcpy(kept->row + kept->row_size, r->features[i], size * sizeof(float));
        kept->row_size += size;
    }
    if (!r->response)
        return;
    assert_true(r->token_count <= LONG);
    memcpy(kept->tokens, r->tokens, r->token_count * sizeof *r->tokens);
    kept->token_count = r->token_count;
    kept->finished = r->finished;
    snprintf(kept->response, sizeof kept->response, "%s", r->response);
}

/* Takes events until there has been a result, or tokens where they are enough. */
static size_t take(lmvr_session *session, struct kept *all, size_t *results, bool tokens_too)
{
    for (;;) {
        lmvr_error error = {{0}};
        const lmvr_event *e;
        CHECK(lmvr_session_next(session, FOREVER, &e, &error));
        assert_non_null(e);
        assert_true(e->index < MOST);
        struct kept *kept = &all[e->index];
        assert_false(kept->there); /* nothing comes after the result */
        if (e->result) {
            assert_int_equal(e->result->index, e->index);
            keep_result(session, e->result, kept);
            kept->order = (*results)++;
            return e->index;
        }
        assert_true(e->token_count > 0 || *e->text);
        memcpy(kept->told + kept->told_count, e->tokens, e->token_count * sizeof *e->tokens);
        kept->told_count += e->token_count;
        strcat(kept->text, e->text);
        if (tokens_too)
            return e->index;
    }
}

static void take_all(lmvr_session *session, struct kept *all, size_t count)
{
    for (size_t results = 0; results < count;)
        take(session, all, &results, false);
}

static int keep_one(const lmvr_result *result, void *user)
{
    struct kept *all = ((struct kept **)user)[0];
    keep_result(((lmvr_session **)user)[1], result, &all[result->index]);
    return 0;
}

static void embed(lmvr_session *session, const lmvr_image *images, size_t count, struct kept *all)
{
    void *user[] = {all, session};
    lmvr_error error = {{0}};
    memset(all, 0, count * sizeof *all);
    CHECK(lmvr_embed(session, images, count, keep_one, user, &error));
}

/* The result alone, in a session of its own. */
static void alone(const lmvr_model *model, const lmvr_session_options *options, lmvr_image image, struct kept *kept)
{
    lmvr_session *session = create(model, options);
    embed(session, &image, 1, kept);
    lmvr_session_free(session);
}

static void assert_same(const struct kept *a, const struct kept *b)
{
    assert_true(a->there && b->there);
    if (a->status != b->status)
        fail_msg("%s%s", a->error, b->error);
    assert_int_equal(a->row_size, b->row_size);
    assert_memory_equal(a->row, b->row, sizeof a->row);
    assert_int_equal(a->token_count, b->token_count);
    assert_memory_equal(a->tokens, b->tokens, sizeof a->tokens);
    assert_string_equal(a->response, b->response);
}

static struct kept all[MOST], expected[MOST];
static const lmvr_image wide = {.path = IMAGES "wide.jpg"}, tall = {.path = IMAGES "tall.png"},
                        noise = {.path = IMAGES "noise.webp"};

static int clear(void **state)
{
    (void)state;
    memset(all, 0, sizeof all);
    memset(expected, 0, sizeof expected);
    allow_steps(-1);
    return 0;
}

/* ---- coming and going ------------------------------------------------------------------------------------------------ */

/* A filter that holds back the first image. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static lmvr_status hold_first(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error)
{
    (void)pixels, (void)hash, (void)user, (void)error;
    if (index == 0) {
        pthread_mutex_lock(&gate);
        pthread_mutex_unlock(&gate);
    }
    return LMVR_OK;
}

/* Waits until so many images have been read and wait for the model. */
static void wait_until_read(lmvr_session *session, size_t count)
{
    time_t end = time(NULL) + FOREVER / 1000;
    while (jobs_count(session->jobs, JOB_READ, JOB_READ) != count) {
        assert_true(time(NULL) < end);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

static void images_are_read_while_the_model_computes(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session_options options = defaults(1, 5);
    options.threads = 1; /* one reads, and one computes */
    lmvr_session *session = create(model, &options);
    lmvr_image first = wide;
    first.stream = true;
    size_t results = 0;
    allow_steps(0);
    submit(session, first);
    take(session, all, &results, true); /* its first token: the model is at the next */
    submit(session, tall);
    submit(session, noise);
    wait_until_read(session, 2);
    assert_int_equal(results, 0);
    allow_steps(-1);
    while (results < 3)
        take(session, all, &results, false);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void results_come_in_the_order_in_which_they_end(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session_options options = defaults(2, 5);
    options.filter = hold_first;
    options.threads = 2; /* and so many read */
    lmvr_session *session = create(model, &options);
    size_t results = 0;
    pthread_mutex_lock(&gate);
    assert_int_equal(submit(session, wide), 0);
    assert_int_equal(submit(session, tall), 1);
    assert_int_equal(submit(session, noise), 2);
    take(session, all, &results, false);
    take(session, all, &results, false);
    assert_true(all[1].there && all[2].there && !all[0].there);
    assert_int_equal(lmvr_session_count(session, LMVR_STAGE_QUEUED), 1);
    pthread_mutex_unlock(&gate);
    assert_int_equal(take(session, all, &results, false), 0);
    assert_int_equal(all[0].order, 2);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void check_joining(const char *name, int batch)
{
    lmvr_model *model = open_checkpoint(name);
    lmvr_session_options options = defaults(batch, LONG);
    lmvr_session *session = create(model, &options);
    lmvr_image first = wide, others[] = {tall, noise, wide};
    size_t results = 0;
    memset(all, 0, sizeof all);
    first.stream = true;
    allow_steps(2);
    submit(session, first);
    take(session, all, &results, true); /* its response has begun */
    for (size_t i = 0; i < 3; i++)
        submit(session, others[i]);
    allow_steps(-1);
    while (results < 4)
        take(session, all, &results, false);
    for (size_t i = 0; i < 4; i++) {
        memset(&expected[i], 0, sizeof expected[i]);
        alone(model, &options, i == 0 ? wide : others[i - 1], &expected[i]);
        assert_same(&all[i], &expected[i]);
    }
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void who_joins_midway_gets_the_bytes_he_gets_alone(void **state)
{
    (void)state;
    check_joining("llava-old-f32", 2);
    check_joining("llava-old-f32", 4);
    check_joining("blip2-old-f32", 3);
    check_joining("smolvlm2-f32", 3);
}

static void cancelling_frees_the_place_and_disturbs_nobody(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session_options options = defaults(1, LONG);
    lmvr_session *session = create(model, &options);
    size_t results = 0;
    lmvr_image first = wide;
    first.stream = true;
    allow_steps(2);
    submit(session, first);
    take(session, all, &results, true);
    assert_true(all[0].told_count > 0 && !all[0].there); /* tokens are told as they come */
    submit(session, tall);
    submit(session, noise);
    submit(session, wide);
    assert_true(lmvr_session_cancel(session, 0)); /* is generated */
    assert_true(lmvr_session_cancel(session, 3)); /* waits */
    assert_false(lmvr_session_cancel(session, 4));
    allow_steps(-1);
    while (results < 4)
        take(session, all, &results, false);
    assert_false(lmvr_session_cancel(session, 1));
    assert_int_equal(all[0].status, LMVR_STOPPED);
    assert_int_equal(all[3].status, LMVR_STOPPED);
    assert_string_equal(all[3].error, "cancelled");
    assert_true(all[0].order < all[1].order); /* the only place in the batch was its */
    alone(model, &options, tall, &expected[1]);
    alone(model, &options, noise, &expected[2]);
    assert_same(&all[1], &expected[1]);
    assert_same(&all[2], &expected[2]);
    assert_int_equal(submit(session, wide), 4);
    take(session, all, &results, false);
    alone(model, &options, wide, &expected[4]);
    assert_same(&all[4], &expected[4]);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void a_session_may_be_freed_with_all_that_is_in_it(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    for (int taken = 0; taken < 3; taken++) {
        lmvr_session *session = create_plain(model, 2, LONG);
        size_t results = 0;
        lmvr_image image = wide;
        image.stream = true;
        memset(all, 0, sizeof all);
        for (int i = 0; i < 6; i++)
            submit(session, i % 2 ? tall : image);
        for (int i = 0; i < taken; i++)
            take(session, all, &results, i == 0);
        lmvr_session_free(session);
    }
    lmvr_model_free(model);
}

/* ---- each its own ---------------------------------------------------------------------------------------------------- */

static void each_input_has_its_own_prompt_limit_and_sampling(void **state)
{
    (void)state;
    static const lmvr_sampling greedy = {0, 1, 0}, other = {0.7f, 0.9f, 11};
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session *session = create_plain(model, 3, 9);
    lmvr_image images[] = {wide, wide, wide, wide, wide, wide};
    images[1].text = "What is it?"; /* which would be a part of its own seed */
    images[1].sampling = &greedy;
    images[2].max_new_tokens = 3;
    images[3].sampling = &greedy;
    images[4].sampling = &other;
    images[5].max_new_tokens = 1000; /* no more than the session's */
    for (size_t i = 0; i < 6; i++)
        submit(session, images[i]);
    take_all(session, all, 6);
    for (size_t i = 0; i < 6; i++) {
        lmvr_session_options options = defaults(1, i == 2 ? 3 : 9);
        options.prompt = images[i].text;
        if (images[i].sampling) {
            options.temperature = images[i].sampling->temperature;
            options.top_p = images[i].sampling->top_p;
            options.seed = images[i].sampling->seed;
        }
        alone(model, &options, wide, &expected[i]);
        assert_same(&all[i], &expected[i]);
    }
    assert_true(all[2].token_count <= 3);
    assert_memory_not_equal(all[3].tokens, all[0].tokens, sizeof all[0].tokens);
    assert_memory_not_equal(all[4].tokens, all[0].tokens, sizeof all[0].tokens);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    uint8_t *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

static void a_files_bytes_give_what_the_file_gives(void **state)
{
    (void)state;
    static const char *const names[] = {"wide.jpg", "oriented_gray.jpg", "noise.webp", "palette.png"};
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session *session = create_plain(model, 2, 5);
    uint8_t *bytes[4];
    char paths[4][512];
    for (size_t i = 0; i < 4; i++) {
        lmvr_image image = {0};
        snprintf(paths[i], sizeof paths[i], IMAGES "%s", names[i]);
        image.bytes = bytes[i] = read_file(paths[i], &image.byte_count);
        submit(session, image);
        submit(session, (lmvr_image){.path = paths[i]});
    }
    take_all(session, all, 8);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(all[2 * i].status, LMVR_OK);
        assert_same(&all[2 * i], &all[2 * i + 1]);
        free(bytes[i]);
    }
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void what_cannot_be_used_is_told_of_it_alone(void **state)
{
    (void)state;
    static const lmvr_sampling hot = {-1, 1, 0}, none = {1, 0, 0};
    static const uint8_t pixels[3];
    size_t size;
    uint8_t *bytes = read_file(IMAGES "wide.jpg", &size);
    const struct {
        lmvr_image image;
        const char *error;
    } wrong[] = {
        {{.path = "missing.jpg"}, "missing.jpg: "},
        {{.bytes = "no image", .byte_count = 8, .path = "upload 7"}, "upload 7: not a JPEG"},
        {{.bytes = "", .byte_count = 0}, "image: the file is empty"},
        {{.bytes = bytes, .byte_count = size / 2}, "image: "},
        {{.bytes = bytes, .byte_count = size, .rgb = pixels, .width = 1, .height = 1}, "image: has both"},
        {{0}, "an input has neither a path nor bytes nor pixels nor a text"},
        {{.path = IMAGES "wide.jpg", .max_new_tokens = -1}, IMAGES "wide.jpg: max_new_tokens is -1"},
        {{.path = IMAGES "wide.jpg", .sampling = &hot}, IMAGES "wide.jpg: temperature is -1"},
        {{.path = IMAGES "wide.jpg", .sampling = &none}, IMAGES "wide.jpg: top_p is 0"},
    };
    size_t count = sizeof wrong / sizeof *wrong;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session *session = create_plain(model, 4, 5);
    for (size_t i = 0; i < count; i++) {
        submit(session, wrong[i].image);
        submit(session, tall);
    }
    take_all(session, all, 2 * count);
    lmvr_session_options options = defaults(1, 5);
    alone(model, &options, tall, &expected[0]);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(all[2 * i].status, LMVR_ERROR_INPUT);
        if (strncmp(all[2 * i].error, wrong[i].error, strlen(wrong[i].error)) != 0)
            fail_msg("%s", all[2 * i].error);
        assert_same(&all[2 * i + 1], &expected[0]);
    }
    lmvr_session_free(session);
    lmvr_model_free(model);
    free(bytes);
}

/* ---- tokens as they come --------------------------------------------------------------------------------------------- */

static void tokens_as_they_come_are_those_of_the_result(void **state)
{
    (void)state;
    static const char *const checkpoints[] = {"llava-old-f32", "blip2-old-f32", "qwen2vl-new-f32", "smolvlm2-f32"};
    static const lmvr_sampling seeds[] = {{0, 1, 0}, {1, 1, 1}, {1.5f, 1, 2}, {2, 1, 3}};
    size_t whole = 0;
    for (size_t c = 0; c < sizeof checkpoints / sizeof *checkpoints; c++) {
        lmvr_model *model = open_checkpoint(checkpoints[c]);
        lmvr_session *session = create_plain(model, 3, 40);
        memset(all, 0, sizeof all);
        for (size_t i = 0; i < 8; i++) {
            lmvr_image image = i % 2 ? tall : wide;
            image.sampling = &seeds[i / 2];
            image.stream = i != 7;
            submit(session, image);
        }
        take_all(session, all, 8);
        for (size_t i = 0; i < 8; i++) {
            const struct kept *k = &all[i];
            assert_int_equal(k->status, LMVR_OK);
            assert_int_equal(k->told_count, i == 7 ? 0 : k->token_count);
            assert_memory_equal(k->told, k->tokens, k->told_count * sizeof *k->told);
            if (strstr(k->response, "\xEF\xBF\xBD") || i == 7)
                continue; /* byte tokens that make no character */
            assert_string_equal(k->text, k->response);
            whole++;
        }
        lmvr_session_free(session);
        lmvr_model_free(model);
    }
    assert_true(whole > 8);
}

/* ---- waiting, and room ----------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void waiting_takes_as_long_as_it_may(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session *session = create_plain(model, 1, 5);
    const lmvr_event *event = (const lmvr_event *)all;
    double begin = now();
    assert_int_equal(lmvr_session_next(session, 0, &event, NULL), LMVR_OK);
    assert_null(event);
    assert_int_equal(lmvr_session_next(session, 60, &event, NULL), LMVR_OK);
    assert_null(event);
    assert_true(now() - begin >= 0.06);
    submit(session, wide);
    assert_int_equal(lmvr_session_next(session, NO_LIMIT, &event, NULL), LMVR_OK);
    assert_true(event && event->result);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void a_full_session_takes_no_more_until_a_result_is_taken(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session *session = create_plain(model, 2, 2);
    size_t room = lmvr_session_capacity(session), results = 0;
    lmvr_error error;
    assert_true(room >= 4 && room < MOST);
    for (size_t i = 0; i < room; i++)
        assert_int_equal(submit(session, tall), i);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(lmvr_session_submit(session, &tall, NULL, &error), LMVR_FULL);
        assert_non_null(strstr(error.message, "as many as it takes"));
        take(session, all, &results, false);
        assert_int_equal(lmvr_session_count(session, LMVR_STAGE_ANY), room - 1);
        submit(session, tall);
    }
    while (results < room + 3)
        take(session, all, &results, false);
    assert_int_equal(lmvr_session_count(session, LMVR_STAGE_ANY), 0);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void a_list_goes_through_a_session_that_nothing_else_is_in(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session *session = create_plain(model, 2, 5);
    lmvr_image images[] = {wide, tall, noise};
    void *user[] = {expected, session};
    size_t results = 0;
    lmvr_error error;
    submit(session, wide);
    assert_int_equal(lmvr_embed(session, images, 3, keep_one, user, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "lmvr_embed: 1 inputs are in the session");
    take(session, all, &results, false);
    images[1].stream = true; /* of no use here */
    embed(session, images, 3, expected);
    assert_same(&all[0], &expected[0]);
    memset(all, 0, sizeof all);
    assert_int_equal(submit(session, tall), 0);
    take(session, all, &results, false);
    assert_same(&all[0], &expected[1]);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session *session = create_plain(model, 1, 2);
    const lmvr_event *event;
    lmvr_error error;
    assert_int_equal(lmvr_session_submit(NULL, &wide, NULL, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "lmvr_session_submit: session is NULL");
    assert_int_equal(lmvr_session_submit(session, NULL, NULL, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "lmvr_session_submit: image is NULL");
    assert_int_equal(lmvr_session_next(NULL, 0, &event, NULL), LMVR_ERROR_INVALID);
    assert_int_equal(lmvr_session_next(session, 0, NULL, NULL), LMVR_ERROR_INVALID);
    assert_false(lmvr_session_cancel(NULL, 0));
    assert_int_equal(lmvr_session_count(NULL, LMVR_STAGE_QUEUED), 0);
    assert_int_equal(lmvr_session_count(session, (lmvr_stage)9), 0);
    assert_int_equal(lmvr_session_capacity(NULL), 0);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

/* ---- several threads ------------------------------------------------------------------------------------------------- */

#define SUBMITTERS 3
#define EACH       12

static void *submit_some(void *argument)
{
    lmvr_session *session = argument;
    for (int i = 0; i < EACH;) {
        lmvr_error error = {{0}};
        size_t index;
        lmvr_image image = i % 3 ? tall : wide;
        image.stream = i % 2;
        lmvr_status status = lmvr_session_submit(session, &image, &index, &error);
        if (status == LMVR_OK && i++ % 4 == 3)
            lmvr_session_cancel(session, index);
        if (status == LMVR_FULL)
            sched_yield();
        (void)lmvr_session_count(session, LMVR_STAGE_QUEUED);
    }
    return NULL;
}

static void check_submitters(lmvr_model *model)
{
    lmvr_session *session = create_plain(model, 2, 6);
    pthread_t threads[SUBMITTERS];
    memset(all, 0, sizeof all);
    for (int i = 0; i < SUBMITTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit_some, session), 0);
    take_all(session, all, SUBMITTERS * EACH);
    for (int i = 0; i < SUBMITTERS; i++)
        pthread_join(threads[i], NULL);
    lmvr_session_options options = defaults(1, 6);
    alone(model, &options, wide, &expected[0]);
    alone(model, &options, tall, &expected[1]);
    size_t good = 0;
    for (size_t i = 0; i < SUBMITTERS * EACH; i++) {
        if (all[i].status == LMVR_STOPPED)
            continue;
        assert_true(all[i].status == LMVR_OK);
        assert_same(&all[i], &expected[memcmp(all[i].row, expected[0].row, sizeof all[i].row) != 0]);
        good++;
    }
    assert_true(good >= SUBMITTERS * EACH * 3 / 4);
    lmvr_session_free(session);
}

static void many_threads_submit_while_another_takes(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    check_submitters(model);
    model->next = open_checkpoint("llava-old-f32"); /* as on two GPUs */
    check_submitters(model);
    lmvr_model_free(model);
}

/* ---- when memory runs out -------------------------------------------------------------------------------------------- */

/* Submits two inputs and takes what becomes of them, while the allocation after so many fails. Whether one failed. */
static bool run_with_failure(lmvr_session *session, int after)
{
    size_t submitted = 0, results = 0;
    lmvr_image images[] = {wide, tall};
    images[0].stream = true;
    memset(all, 0, sizeof all);
    atomic_store(&calls_until_failure, after);
    for (size_t i = 0; i < 2; i++) {
        lmvr_status status = lmvr_session_submit(session, &images[i], NULL, NULL);
        assert_true(status == LMVR_OK || status == LMVR_ERROR_RESOURCE);
        submitted += status == LMVR_OK;
    }
    while (results < submitted) {
        const lmvr_event *event;
        lmvr_status status = lmvr_session_next(session, FOREVER, &event, NULL);
        assert_true(status == LMVR_OK ? event != NULL : status == LMVR_ERROR_RESOURCE && !event);
        if (!event || !event->result)
            continue;
        results++;
        assert_true(event->result->status == LMVR_OK || event->result->status == LMVR_ERROR_RESOURCE);
        if (event->result->status == LMVR_ERROR_RESOURCE)
            assert_non_null(strstr(event->result->error, "memory"));
    }
    bool failed = atomic_load(&calls_until_failure) < 0;
    atomic_store(&calls_until_failure, -1);
    return failed;
}

static void an_allocation_that_fails_costs_an_input_and_no_more(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session_options options = defaults(2, 3);
    alone(model, &options, wide, &expected[0]);
    alone(model, &options, tall, &expected[1]);
    int after = 0;
    for (bool failed = true; failed; after++) {
        lmvr_session *session = create(model, &options);
        failed = run_with_failure(session, after);
        memset(all, 0, sizeof all);
        embed(session, (lmvr_image[]){wide, tall}, 2, all);
        assert_same(&all[0], &expected[0]);
        assert_same(&all[1], &expected[1]);
        lmvr_session_free(session);
    }
    assert_true(after > 20);
    lmvr_model_free(model);
}

static lmvr_status run_out_at_the_second(lmvr_pixels *pixels, size_t index, uint64_t hash, void *user, lmvr_error *error)
{
    (void)pixels, (void)hash, (void)user;
    return index == 1 ? error_no_memory(error, "a test") : LMVR_OK;
}

static void memory_that_runs_out_ends_a_list_and_no_session(void **state)
{
    (void)state;
    lmvr_model *model = open_checkpoint("llava-old-f32");
    lmvr_session_options options = defaults(2, 3);
    options.filter = run_out_at_the_second;
    lmvr_session *session = create(model, &options);
    lmvr_image images[] = {wide, tall, noise};
    void *user[] = {expected, session};
    lmvr_error error;
    assert_int_equal(lmvr_embed(session, images, 3, keep_one, user, &error), LMVR_ERROR_RESOURCE);
    assert_non_null(strstr(error.message, "tall.png: out of memory for a test"));
    assert_false(expected[1].there || expected[2].there);
    for (size_t i = 0; i < 3; i++)
        submit(session, images[i]);
    take_all(session, all, 3);
    assert_true(all[0].status == LMVR_OK && all[1].status == LMVR_ERROR_RESOURCE && all[2].status == LMVR_OK);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(images_are_read_while_the_model_computes, clear),
        cmocka_unit_test_setup(results_come_in_the_order_in_which_they_end, clear),
        cmocka_unit_test_setup(who_joins_midway_gets_the_bytes_he_gets_alone, clear),
        cmocka_unit_test_setup(cancelling_frees_the_place_and_disturbs_nobody, clear),
        cmocka_unit_test_setup(a_session_may_be_freed_with_all_that_is_in_it, clear),
        cmocka_unit_test_setup(each_input_has_its_own_prompt_limit_and_sampling, clear),
        cmocka_unit_test_setup(a_files_bytes_give_what_the_file_gives, clear),
        cmocka_unit_test_setup(what_cannot_be_used_is_told_of_it_alone, clear),
        cmocka_unit_test_setup(tokens_as_they_come_are_those_of_the_result, clear),
        cmocka_unit_test_setup(waiting_takes_as_long_as_it_may, clear),
        cmocka_unit_test_setup(a_full_session_takes_no_more_until_a_result_is_taken, clear),
        cmocka_unit_test_setup(a_list_goes_through_a_session_that_nothing_else_is_in, clear),
        cmocka_unit_test_setup(wrong_arguments_are_refused, clear),
        cmocka_unit_test_setup(many_threads_submit_while_another_takes, clear),
        cmocka_unit_test_setup(an_allocation_that_fails_costs_an_input_and_no_more, clear),
        cmocka_unit_test_setup(memory_that_runs_out_ends_a_list_and_no_session, clear),
    };
    need_device();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
