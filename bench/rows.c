#include "bench/rows.h"

#include "session/session.h"
#include "tensor/cuda/device.h"

#include <stdlib.h>
#include <string.h>

static lmvr_status open_session(const struct bench *b, int batch, const char *feature, struct lmvr_session **session,
                                lmvr_error *error)
{
    lmvr_session_options options;
    lmvr_session_options_default(&options);
    options.batch = batch;
    options.max_new_tokens = BENCH_NEW_TOKENS;
    options.features = &feature;
    options.feature_count = 1;
    TRY(lmvr_session_create(b->model, &options, session, error));
    uint64_t cache = lmvr_session_kv_cache_bytes(*session), *most = &b->report->kv_cache_bytes;
    *most = cache > *most ? cache : *most;
    (*session)->end_token_count = 0; /* every response runs to its full length */
    return LMVR_OK;
}

bool rows_on_gpu(const struct bench *b)
{
    return b->model->device != device_cpu();
}

static void close_session(const struct bench *b, struct lmvr_session *session)
{
    struct cuda_properties gpu;
    uint64_t *most = &b->report->peak_memory_bytes;
    if (rows_on_gpu(b) && cuda_device_describe(b->model->device, &gpu, NULL) == LMVR_OK && gpu.memory - gpu.free > *most)
        *most = gpu.memory - gpu.free;
    lmvr_session_free(session);
}

/* Waits until the device has done all that it was given. */
static lmvr_status wait_for_device(struct lmvr_session *s, lmvr_error *error)
{
    float value;
    struct arena_mark mark = arena_mark(&s->arena);
    const float *any = arena_floats(&s->arena, 1);
    lmvr_status status = any ? s->arena.device->operations->read(&s->arena, &value, any, sizeof value, error)
                             : error_no_memory(error, "the bench");
    arena_release(&s->arena, mark);
    return status;
}

/* Keeps the best of all measurements of a row: other processes can only make it slower. */
static void note(struct bench *b, const char *name, int batch, const char *unit, double value)
{
    struct bench_report *r = b->report;
    int i = 0;
    while (i < r->row_count && !(strcmp(r->rows[i].name, name) == 0 && r->rows[i].batch == batch))
        i++;
    if (i == r->row_count && r->row_count < BENCH_MOST_ROWS)
        r->rows[r->row_count++] = (struct bench_row){.name = name, .batch = batch, .unit = unit};
    if (i < r->row_count && value > r->rows[i].value)
        r->rows[i].value = value;
}

/* How many pictures like this one a session puts through the encoder together. */
static int group_of(const struct lmvr_session *s, const struct picture *picture)
{
    int64_t fits = s->model->device->rows / picture_positions(s, picture);
    return fits < 1 ? 1 : fits < s->encode_batch ? (int)fits : s->encode_batch;
}

static lmvr_status time_encoder(struct bench *b, struct lmvr_session *s, struct picture *picture, lmvr_error *error)
{
    int images = group_of(s, picture);
    const struct picture **pictures = calloc((size_t)images, sizeof *pictures);
    struct feature_rows **vectors = calloc((size_t)images, sizeof *vectors);
    picture->pixels = bench_made_up((int64_t)picture->pixel_count);
    lmvr_status status = picture->pixels && vectors && pictures ? LMVR_OK : error_no_memory(error, "the bench");
    for (int i = 0; i < images && status == LMVR_OK; i++) {
        pictures[i] = picture;
        vectors[i] = feature_rows_create(&s->features);
        if (!vectors[i])
            status = error_no_memory(error, "the bench");
    }
    struct encode_batch batch = {.count = images, .pictures = pictures, .vectors = vectors};
    double begin = bench_now();
    for (int round = 0; status == LMVR_OK && (round < 2 || bench_now() - begin < b->seconds); round++) {
        double start = bench_now();
        status = encode_pictures(s, &batch, error);
        if (status == LMVR_OK)
            status = wait_for_device(s, error);
        note(b, "encode", images, "images/s", images / (bench_now() - start));
    }
    for (int i = 0; vectors && i < images; i++)
        feature_rows_free(&s->features, vectors[i]);
    free(vectors);
    free(pictures);
    return status;
}

/* In groups as large as a session of this batch makes them. */
lmvr_status rows_encode(struct bench *b, int batch, lmvr_error *error)
{
    struct lmvr_session *s;
    struct picture picture = {0};
    TRY(open_session(b, batch, "encoder:patches:mean", &s, error));
    lmvr_status status = plan_usual_picture(s, &picture, error);
    if (status == LMVR_OK)
        status = time_encoder(b, s, &picture, error);
    picture_finish(&picture);
    close_session(b, s);
    return status;
}

/* Prefills a prompt in slot 0; the others copy its keys and values. */
static lmvr_status start_all(struct lmvr_session *s, const struct encoded_image *image, struct feature_rows *vectors,
                             double *seconds, lmvr_error *error)
{
    struct picture picture;
    struct session_input input = {0};
    TRY(plan_usual_picture(s, &picture, error));
    lmvr_status status = input_create(s, &picture, NULL, &input, error);
    picture_finish(&picture);
    TRY(status);
    double start = bench_now();
    TRY(generate_start(s, 0, image, &input, vectors, error));
    TRY(wait_for_device(s, error));
    *seconds = bench_now() - start;
    for (int slot = 1; slot < s->batch; slot++) {
        struct sequence *from = &s->sequences[0], *to = &s->sequences[slot];
        TRY(s->model->language.operations->cache_copy(s->cache, &s->arena, 0, slot, s->max_new_tokens, error));
        to->input.max_new_tokens = from->input.max_new_tokens;
        to->active = from->active;
        to->final = false;
        to->position = from->position;
        to->count = from->count;
        to->tokens[0] = from->tokens[0];
        pool_reset(&to->pools[0]);
    }
    return wait_for_device(s, error);
}

static lmvr_status make_visual_tokens(const struct bench *b, int64_t count, void **visual, lmvr_error *error)
{
    float *values = bench_made_up(count);
    *visual = NULL;
    return values ? device_take(b->model->device, values, (size_t)count * sizeof *values, visual, error)
                  : error_no_memory(error, "the bench");
}

/* The rows "prompt" (if `prompt`) and "decode". */
lmvr_status rows_decode(struct bench *b, int batch, bool prompt, lmvr_error *error)
{
    struct lmvr_session *s;
    TRY(open_session(b, batch, "llm:all:mean:-1", &s, error));
    int64_t tokens = s->usual.visual_count, width = b->model->language.width;
    int levels = b->model->connector.levels;
    void *visual;
    struct feature_rows *vectors = feature_rows_create(&s->features);
    lmvr_status status = make_visual_tokens(b, levels * tokens * width, &visual, error);
    struct encoded_image image = {.visual = {tokens, levels, visual, tokens * width}};
    if (status == LMVR_OK && !vectors)
        status = error_no_memory(error, "the bench");
    double begin = bench_now(), seconds = 0;
    for (int round = 0; status == LMVR_OK && (round < (prompt ? 3 : 1)); round++) {
        status = start_all(s, &image, vectors, &seconds, error);
        if (prompt && status == LMVR_OK)
            note(b, "prompt", 1, "tokens/s", (double)s->usual.language.length / seconds);
        if (bench_now() - begin > 20)
            break;
    }
    begin = bench_now();
    while (status == LMVR_OK && s->sequences[0].count + DECODE_STEPS <= BENCH_NEW_TOKENS) {
        double start = bench_now();
        for (int step = 0; step < DECODE_STEPS && status == LMVR_OK; step++)
            status = generate_step(s, error);
        if (status == LMVR_OK)
            status = wait_for_device(s, error);
        note(b, "decode", batch, "tokens/s", batch * DECODE_STEPS / (bench_now() - start));
        if (bench_now() - begin > 4 * b->seconds)
            break;
    }
    device_release(b->model->device, visual);
    feature_rows_free(&s->features, vectors);
    close_session(b, s);
    return status;
}

static int count_result(const lmvr_result *result, void *user)
{
    *(int *)user += result->status == LMVR_OK;
    return 0;
}

lmvr_status rows_end_to_end(struct bench *b, int batch, lmvr_error *error)
{
    struct lmvr_session *s;
    TRY(open_session(b, batch, "llm:all:mean:-1", &s, error));
    int side = 480, done = 0;
    uint8_t *rgb = malloc(3 * (size_t)side * (size_t)side);
    lmvr_image *images = calloc((size_t)batch, sizeof *images);
    lmvr_status status = rgb && images ? LMVR_OK : error_no_memory(error, "the bench");
    for (int i = 0; rgb && i < 3 * side * side; i++)
        rgb[i] = (uint8_t)(i * 2654435761u >> 24);
    for (int i = 0; images && i < batch; i++)
        images[i] = (lmvr_image){.rgb = rgb, .width = side, .height = side};
    for (int round = 0; round < (rows_on_gpu(b) ? 3 : 1) && status == LMVR_OK; round++) {
        double start = bench_now();
        done = 0;
        status = lmvr_embed(s, images, (size_t)batch, count_result, &done, error);
        if (status == LMVR_OK)
            note(b, "end_to_end", batch, "images/s", done / (bench_now() - start));
    }
    free(rgb);
    free(images);
    close_session(b, s);
    return status;
}

/* As many as images are in a group, and are decoded together. */
int rows_large_batch(const struct bench *b)
{
    return rows_on_gpu(b) ? 64 : 16;
}

lmvr_status rows_language(struct bench *b, lmvr_error *error)
{
    const int batches[BENCH_BATCHES] = {1, 4, 16, rows_on_gpu(b) ? 64 : 32};
    for (int i = 0; i < BENCH_BATCHES && (!b->quick || batches[i] <= 4); i++)
        TRY(rows_decode(b, batches[i], i == 0, error));
    return LMVR_OK;
}

lmvr_status rows_short(struct bench *b, lmvr_error *error)
{
    TRY(rows_encode(b, rows_large_batch(b), error));
    if (b->report->rows[0].batch > 1) /* else pictures are so large that each has been encoded alone */
        TRY(rows_encode(b, 1, error));
    return b->model->config.has_language ? rows_language(b, error) : LMVR_OK;
}

lmvr_status rows_plan_picture(struct bench *b, lmvr_error *error)
{
    struct lmvr_session *s;
    TRY(open_session(b, 1, "encoder:patches:mean", &s, error));
    lmvr_status status = plan_usual_picture(s, &b->picture, error);
    lmvr_session_free(s);
    return status;
}
