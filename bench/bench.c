#include "bench.h"

#include "session/session.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cuda/device.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DECODE_STEPS 8   /* per timed run */
#define ROW_SECONDS  1.5 /* least time to measure a row */

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The value after `key` in one of the kernel's files, up to the end of the line. */
static void read_fact(const char *path, const char *key, char *value, size_t size)
{
    FILE *file = fopen(path, "re");
    char line[256];
    value[0] = 0;
    while (file && !value[0] && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) == 0 && colon) {
            line[strcspn(line, "\n")] = 0;
            snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
        }
    }
    if (file)
        fclose(file);
}

void bench_cpu(char *name, size_t size)
{
    read_fact("/proc/cpuinfo", "model name", name, size);
}

/* The peak resident size so far. */
static uint64_t peak_memory(void)
{
    char value[64];
    read_fact("/proc/self/status", "VmHWM", value, sizeof value);
    return strtoull(value, NULL, 10) << 10;
}

/* ---- the model's rows --------------------------------------------------------------------------------------------------- */

/* What is measured, and the resources for it. */
struct bench {
    struct picture picture; /* that it is measured with */
    struct lmvr_model *model;
    struct bench_report *report;
    bool quick;
};

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

static bool on_gpu(const struct bench *b)
{
    return b->model->device != device_cpu();
}

static void close_session(const struct bench *b, struct lmvr_session *session)
{
    struct cuda_properties gpu;
    uint64_t *most = &b->report->peak_memory_bytes;
    if (on_gpu(b) && cuda_device_describe(b->model->device, &gpu, NULL) == LMVR_OK && gpu.memory - gpu.free > *most)
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

float *bench_made_up(int64_t count)
{
    float *values = malloc((size_t)count * sizeof *values);
    uint32_t state = 1;
    for (int64_t i = 0; values && i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(int32_t)state * 0x1p-31f;
    }
    return values;
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
    for (int round = 0; status == LMVR_OK && (round < 2 || bench_now() - begin < ROW_SECONDS); round++) {
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
static lmvr_status row_encode(struct bench *b, int batch, lmvr_error *error)
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
static lmvr_status row_decode(struct bench *b, int batch, bool prompt, lmvr_error *error)
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
        if (bench_now() - begin > 4 * ROW_SECONDS)
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

static lmvr_status row_end_to_end(struct bench *b, int batch, lmvr_error *error)
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
    for (int round = 0; round < (on_gpu(b) ? 3 : 1) && status == LMVR_OK; round++) {
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
static int large_batch(const struct bench *b)
{
    return on_gpu(b) ? 64 : 16;
}

static lmvr_status language_rows(struct bench *b, lmvr_error *error)
{
    const int batches[BENCH_BATCHES] = {1, 4, 16, on_gpu(b) ? 64 : 32};
    for (int i = 0; i < BENCH_BATCHES && (!b->quick || batches[i] <= 4); i++)
        TRY(row_decode(b, batches[i], i == 0, error));
    return LMVR_OK;
}

static lmvr_status short_rows(struct bench *b, lmvr_error *error)
{
    TRY(row_encode(b, large_batch(b), error));
    if (b->report->rows[0].batch > 1) /* else pictures are so large that each has been encoded alone */
        TRY(row_encode(b, 1, error));
    return b->model->config.has_language ? language_rows(b, error) : LMVR_OK;
}

/* ---- limits ------------------------------------------------------------------------------------------------------------- */

/* The time that this row's work takes at the limit. */
static lmvr_status limit_row(const struct bench *b, struct limit *limit, const char *name, int batch, int64_t prompt,
                             int64_t done, double *seconds, lmvr_error *error)
{
    const struct model_config *config = &b->model->config;
    struct work work;
    if (strcmp(name, "encode") == 0)
        work_encode(config, &b->picture, batch, &work);
    else if (strcmp(name, "prompt") == 0)
        work_prompt(config, prompt, &work);
    else
        work_decode(config, batch, prompt, done, &work);
    return limit_work(limit, &work, seconds, error);
}

static int64_t prompt_positions(const struct bench *b)
{
    const struct model_config *config = &b->model->config;
    return config->has_language ? config_visual_tokens(config, &b->picture, NULL) + PROMPT_ARBITRARY : 0;
}

/* The picture that all rows are measured with, without its pixels. */
static lmvr_status plan_picture(struct bench *b, lmvr_error *error)
{
    struct lmvr_session *s;
    TRY(open_session(b, 1, "encoder:patches:mean", &s, error));
    lmvr_status status = plan_usual_picture(s, &b->picture, error);
    lmvr_session_free(s);
    return status;
}

static lmvr_status set_limits(struct bench *b, lmvr_error *error)
{
    struct limit limit;
    lmvr_status status = limit_init(&limit, b->model->device, &b->model->dtypes, error);
    struct bench_report *r = b->report;
    r->library = on_gpu(b) ? "cuBLASLt" : "oneDNN";
    r->bandwidth = limit.bandwidth;
    r->library_dtype = lmvr_dtype_name(dtype_to_public(limit.dtype));
    int64_t prompt = prompt_positions(b);
    double prompt_seconds = 0;
    for (int i = 0; i < r->row_count && status == LMVR_OK; i++) {
        struct bench_row *row = &r->rows[i];
        double seconds = 0, encode = 0;
        bool whole = strcmp(row->name, "end_to_end") == 0, is_prompt = strcmp(row->name, "prompt") == 0;
        int64_t done = whole ? BENCH_NEW_TOKENS / 2 : DECODE_STEPS;
        status = limit_row(b, &limit, row->name, row->batch, prompt, done, &seconds, error);
        row->limit = (is_prompt ? (double)prompt : row->batch) / seconds;
        prompt_seconds = is_prompt ? seconds : prompt_seconds;
        if (whole && status == LMVR_OK) {
            int group = row->batch < r->rows[0].batch ? row->batch : r->rows[0].batch; /* as in "encode" */
            status = limit_row(b, &limit, "encode", group, prompt, 0, &encode, error);
            row->limit = 1 / (encode / group + prompt_seconds + seconds * BENCH_NEW_TOKENS / row->batch);
        }
    }
    limit_finish(&limit);
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------------------------------ */

static lmvr_status open_shape(const struct bench_options *o, int layers, struct lmvr_model **model, lmvr_error *error)
{
    struct model_config config;
    const struct device *device;
    const lmvr_model_options options = {.device = o->device, .dtype = o->dtype, .cache_dtype = o->cache_dtype};
    TRY(bench_shape(o->shape ? o->shape : "llava-1.5-7b", layers, &config, error));
    struct dtypes dtypes;
    TRY(model_device_open(&config, &options, &device, error));
    lmvr_status status = model_dtypes(&config, &options, device, &dtypes, error);
    if (status == LMVR_OK)
        return model_create_random(&config, device, &dtypes, model, error);
    device_close(device);
    return status;
}

static lmvr_status open_model(const struct bench_options *o, struct lmvr_model **model, lmvr_error *error)
{
    if (!o->model)
        return open_shape(o, o->layers, model, error);
    if (o->device && strcmp(o->device, "cuda:all") == 0)
        return error_set(error, LMVR_ERROR_INVALID, "one GPU is measured, so the device is cuda or cuda:N, not cuda:all");
    const lmvr_model_options options = {.size = sizeof options,
                                        .device = o->device,
                                        .dtype = o->dtype,
                                        .cache_dtype = o->cache_dtype,
                                        .threads = o->threads,
                                        .mmproj = o->mmproj};
    TRY(lmvr_model_open_with(o->model, &options, model, error));
    /* measured with the same kind of prompt as a shape */
    tokenizer_close((*model)->tokenizer);
    (*model)->tokenizer = NULL;
    return LMVR_OK;
}

static lmvr_status name_gpu(const struct bench *b, lmvr_error *error)
{
    struct cuda_properties gpu;
    if (!on_gpu(b))
        return LMVR_OK;
    TRY(cuda_device_describe(b->model->device, &gpu, error));
    memcpy(b->report->gpu, gpu.name, sizeof b->report->gpu);
    return LMVR_OK;
}

static lmvr_status measure(struct bench *b, lmvr_error *error)
{
    struct bench_report *r = b->report;
    lmvr_model_get_info(b->model, &r->info);
    TRY(name_gpu(b, error));
    TRY(plan_picture(b, error));
    TRY(short_rows(b, error));
    if (b->model->config.has_language && !b->quick) {
        TRY(row_end_to_end(b, 1, error));
        TRY(row_end_to_end(b, large_batch(b), error));
    }
    if (!on_gpu(b))
        r->peak_memory_bytes = peak_memory();
    TRY(set_limits(b, error));
    return short_rows(b, error); /* again, so that the limits are measured between two measurements of the model */
}

/* How deep the whole model is, and how deep the other one has to be that tells what a block takes. */
static lmvr_status plan_depth(const struct bench_options *o, struct bench_report *r, lmvr_error *error)
{
    struct model_config config;
    if (o->model)
        return LMVR_OK;
    TRY(bench_shape(o->shape ? o->shape : "llava-1.5-7b", 0, &config, error));
    r->blocks = config.language.blocks;
    if (o->layers && o->layers < r->blocks)
        r->other_blocks = o->layers == 1 ? 2 : 1;
    return LMVR_OK;
}

/* The rows of the language model, of the model with `other_blocks`. */
static lmvr_status measure_other(const struct bench_options *o, int blocks, struct bench_report *other, lmvr_error *error)
{
    struct bench b = {.report = other, .quick = o->quick};
    if (!blocks)
        return LMVR_OK;
    lmvr_status status = open_shape(o, blocks, &b.model, error);
    if (status == LMVR_OK)
        status = language_rows(&b, error);
    lmvr_model_free(b.model);
    return status;
}

static lmvr_status measure_model(const struct bench_options *o, struct bench_report *r, int64_t *prompt, lmvr_error *error)
{
    struct bench b = {.report = r, .quick = o->quick};
    lmvr_status status = open_model(o, &b.model, error);
    if (status == LMVR_OK)
        status = measure(&b, error);
    if (status == LMVR_OK)
        *prompt = prompt_positions(&b);
    picture_finish(&b.picture);
    lmvr_model_free(b.model);
    return status;
}

static lmvr_status measure_depths(const struct bench_options *o, struct bench_report *r, lmvr_error *error)
{
    struct bench_report other = {0};
    int64_t prompt;
    TRY(plan_depth(o, r, error));
    TRY(measure_other(o, r->other_blocks, &other, error)); /* before and after, as the limits have the model's rows */
    TRY(measure_model(o, r, &prompt, error));
    TRY(measure_other(o, r->other_blocks, &other, error));
    if (!r->other_blocks)
        r->blocks = r->info.language.blocks;
    bench_images(r, &other, prompt);
    return LMVR_OK;
}

lmvr_status bench_run(const struct bench_options *options, struct bench_report *report, lmvr_error *error)
{
    *report = (struct bench_report){.kernels = kernels_get()->name};
    bench_cpu(report->cpu, sizeof report->cpu);
    int before = omp_get_max_threads();
    if (options->threads > 0)
        omp_set_num_threads(options->threads);
    report->threads = omp_get_max_threads();
    lmvr_status status = measure_depths(options, report, error);
    omp_set_num_threads(before);
    return status;
}
