/*
 * A fake library that makes up features and responses from a file's bytes instantly, so that tests can run the program on
 * thousands of images and interrupt it anywhere. Its "model" is a folder whose config.json may have
 *
 *     "seed"            changes every number, and the fingerprint
 *     "delay_us"        how long an image takes
 *     "resource_after"  how many images until memory runs out
 *     "factor"          by which all numbers are larger
 */
#include "cli.h"

#include "bench/estimate.h"
#include "error.h"
#include "image/image.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_FEATURES 16
#define MAX_DIM      5000
#define CAPACITY     5 /* images */
#define MOST_ROWS    4 /* of a multi-vector feature; some images have none */

struct lmvr_model {
    int seed, delay_us, resource_after, factor;
    lmvr_dtype dtype;
};

struct feature {
    char name[256], spec[256];
    size_t dim, count;
    bool multi_vector;
    float *rows; /* (count, dim) */
};

struct lmvr_session {
    const struct lmvr_model *model;
    lmvr_session_options options;
    char *prompt;
    struct feature features[MAX_FEATURES];
    size_t count;
    bool generates;
};

/* ---- models ---- */

static int integer_of(const json_t *config, const char *key, int otherwise)
{
    const json_t *value = json_object_get(config, key);
    return value ? (int)json_integer_value(value) : otherwise;
}

static lmvr_status read_model(const char *path, lmvr_dtype dtype, struct lmvr_model *model, lmvr_error *error)
{
    char name[4096];
    snprintf(name, sizeof name, "%s/config.json", path);
    json_t *config = json_load_file(name, 0, NULL);
    if (!config)
        return error_set(error, LMVR_ERROR_INVALID, "%s: not a model", path);
    model->seed = integer_of(config, "seed", 1);
    model->delay_us = integer_of(config, "delay_us", 0);
    model->resource_after = integer_of(config, "resource_after", -1);
    model->factor = integer_of(config, "factor", 1);
    model->dtype = dtype == LMVR_DTYPE_DEFAULT ? LMVR_DTYPE_BF16 : dtype;
    json_decref(config);
    return LMVR_OK;
}

/* Models here are of one file, so that a second one is told instead of opened. */
static lmvr_status check_mmproj(const char *path, const lmvr_model_options *options, lmvr_error *error)
{
    return options->mmproj ? error_set(error, LMVR_ERROR_INVALID, "%s with %s", path, options->mmproj) : LMVR_OK;
}

void lmvr_model_options_default_sized(lmvr_model_options *options, size_t size)
{
    *options = (lmvr_model_options){.size = size};
}

lmvr_status lmvr_model_open_with(const char *path, const lmvr_model_options *options, lmvr_model **model, lmvr_error *error)
{
    *model = calloc(1, sizeof **model);
    if (!*model)
        return error_no_memory(error, "a model");
    lmvr_status status = check_mmproj(path, options, error);
    if (status == LMVR_OK)
        status = read_model(path, options->dtype, *model, error);
    if (status == LMVR_OK)
        return LMVR_OK;
    free(*model);
    *model = NULL;
    return status;
}

void lmvr_model_free(lmvr_model *model)
{
    free(model);
}

void lmvr_model_get_info_sized(const lmvr_model *model, lmvr_model_info *info, size_t size)
{
    (void)size;
    static const uint64_t weights_bytes[] = {[LMVR_DTYPE_F32] = 26958605700,
                                             [LMVR_DTYPE_BF16] = 13479302850,
                                             [LMVR_DTYPE_INT8] = 6745154026,
                                             [LMVR_DTYPE_INT4] = 4211509760};
    *info = (lmvr_model_info){.architecture = "FakeForTests",
                              .stored_dtypes = "F16, F32",
                              .dtype = model->dtype,
                              .vision = {2, 64, 4, 4, 256, 1234567},
                              .language = {3, 128, 8, 2, 512, 6738415616},
                              .connector_parameters = 4242,
                              .image_size = 28,
                              .patch_size = 14,
                              .visual_tokens = 4,
                              .vocabulary = 320,
                              .max_positions = 512,
                              .weights_bytes = weights_bytes[model->dtype],
                              .kv_bytes_per_token = 768,
                              .fingerprint = 0xfaceu * (uint64_t)model->seed};
}

lmvr_status lmvr_model_inspect_sized(const char *path, const lmvr_model_options *options, lmvr_model_info *info, size_t size,
                                     lmvr_error *error)
{
    (void)size;
    struct lmvr_model model;
    lmvr_status status = check_mmproj(path, options, error);
    if (status == LMVR_OK)
        status = read_model(path, options->dtype, &model, error);
    if (status == LMVR_OK)
        lmvr_model_get_info(&model, info);
    return status;
}

void lmvr_convert_options_default_sized(lmvr_convert_options *options, size_t size)
{
    *options = (lmvr_convert_options){.size = size, .dtype = LMVR_DTYPE_DEFAULT};
}

/* A file that says what was asked for. */
lmvr_status lmvr_model_convert(const char *path, const lmvr_convert_options *options, const char *output, lmvr_error *error)
{
    struct lmvr_model model;
    const lmvr_model_options opened = {.mmproj = options->mmproj};
    lmvr_status status = check_mmproj(path, &opened, error);
    if (status == LMVR_OK)
        status = read_model(path, options->dtype, &model, error);
    FILE *file = status == LMVR_OK ? fopen(output, "wx") : NULL;
    if (file) {
        options->progress(1, 1, options->user);
        fprintf(file, "%s in %s, %d threads%s\n", path, lmvr_dtype_name(options->dtype), options->threads,
                options->replace ? ", in its place" : "");
        fclose(file);
    }
    return status;
}

lmvr_status bench_estimate(const char *path, const lmvr_model_options *options, struct estimate *estimate, lmvr_error *error)
{
    struct lmvr_model model;
    lmvr_status status = read_model(path, options->dtype, &model, error);
    *estimate = (struct estimate){.dtype = options->dtype,
                                  .prompt = 44,
                                  .blocks = 3,
                                  .measured_blocks = 2,
                                  .batch = 16,
                                  .alone = 80.0 / options->dtype,
                                  .together = 0.5 / options->dtype};
    return status;
}

/* ---- sessions ---- */

void lmvr_session_options_default_sized(lmvr_session_options *options, size_t size)
{
    *options = (lmvr_session_options){.size = size, .max_new_tokens = 128, .top_p = 1};
}

static lmvr_status add_feature(struct lmvr_session *s, const char *text, lmvr_error *error)
{
    static const struct {
        const char *source;
        size_t dim;
    } sources[] = {{"llm", 32}, {"adaptor", 7}, {"encoder", 16}, {"pixels", MAX_DIM}};
    struct feature *f = &s->features[s->count];
    const char *equals = strchr(text, '=');
    const char *spec = equals ? equals + 1 : text;
    int length = equals ? (int)(equals - text) : (int)strlen(text);
    snprintf(f->name, sizeof f->name, "%.*s", length, text);
    for (char *c = f->name; *c && !equals; c++)
        *c = *c == ':' ? '_' : *c;
    snprintf(f->spec, sizeof f->spec, "%s", spec);
    for (size_t i = 0; i < 4; i++)
        if (strncmp(spec, sources[i].source, strlen(sources[i].source)) == 0)
            f->dim = sources[i].dim;
    if (!f->dim)
        return error_set(error, LMVR_ERROR_INVALID, "feature \"%s\": there is no such source", text);
    f->multi_vector = strstr(spec, ":none") != NULL;
    f->dim = s->options.dims ? (size_t)s->options.dims : f->dim;
    f->rows = malloc(MOST_ROWS * f->dim * sizeof(float));
    s->count++;
    return f->rows ? LMVR_OK : error_no_memory(error, "a row");
}

lmvr_status lmvr_session_create(const lmvr_model *model, const lmvr_session_options *options, lmvr_session **session,
                                lmvr_error *error)
{
    static const char *const none[] = {"llm:all:mean:-1"};
    struct lmvr_session *s = *session = calloc(1, sizeof *s);
    if (!s)
        return error_no_memory(error, "a session");
    s->model = model;
    s->options = *options;
    s->generates = !options->before_generation;
    s->options.prompt = s->prompt = strdup(options->prompt ? options->prompt : "Describe the image.");
    s->options.template_name = "plain";
    if (s->options.aspect == LMVR_ASPECT_DEFAULT)
        s->options.aspect = LMVR_ASPECT_CROP;
    const char *const *specs = options->feature_count || options->describe ? options->features : none;
    size_t count = options->feature_count || options->describe ? options->feature_count : 1;
    lmvr_status status = LMVR_OK;
    if (options->attention) {
        count = 0;
        s->options.attention_query = options->attention_query ? options->attention_query : LMVR_QUERY_PREDICTING;
        s->options.attention_first = options->attention_first ? options->attention_first : 1;
        s->options.attention_last = options->attention_last ? options->attention_last : 3;
    }
    for (size_t i = 0; i < count && i < MAX_FEATURES && status == LMVR_OK; i++)
        status = add_feature(s, specs[i], error);
    if (status != LMVR_OK) {
        lmvr_session_free(s);
        *session = NULL;
    }
    return status;
}

void lmvr_session_free(lmvr_session *session)
{
    for (size_t i = 0; session && i < session->count; i++)
        free(session->features[i].rows);
    if (session)
        free(session->prompt);
    free(session);
}

void lmvr_session_get_options_sized(const lmvr_session *session, lmvr_session_options *options, size_t size)
{
    (void)size;
    *options = session->options;
}

size_t lmvr_session_feature_count(const lmvr_session *session)
{
    return session->count;
}

void lmvr_session_get_feature_sized(const lmvr_session *session, size_t index, lmvr_feature_info *info, size_t size)
{
    (void)size;
    const struct feature *f = &session->features[index];
    *info = (lmvr_feature_info){f->name, f->spec, f->dim, f->multi_vector};
}

int lmvr_session_batch(const lmvr_session *session)
{
    return session->options.batch ? session->options.batch : 1;
}

uint64_t lmvr_session_kv_cache_bytes(const lmvr_session *session)
{
    (void)session;
    return 0;
}

/* ---- images ---- */

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* The file's first bytes as a number, or a failed image's message in `why`. */
static bool read_image(const lmvr_image *input, uint64_t *state, char *why, size_t size)
{
    unsigned char bytes[4096];
    const char *path = input->path;
    FILE *file = input->bytes ? fmemopen((void *)input->bytes, input->byte_count, "r") : fopen(path, "re");
    size_t n = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    if (!file)
        snprintf(why, size, "%s: cannot be opened", path);
    else if (n < 3 || memcmp(bytes, "\xFF\xD8\xFF", 3) != 0)
        snprintf(why, size, "%s: not a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF image", path);
    else
        for (size_t i = 0; i < n; i++)
            *state = (*state ^ bytes[i]) * 0x100000001b3u;
    return file && n >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0;
}

/* The input's file and text likewise. */
static bool read_input(const lmvr_image *input, uint64_t *state, char *why, size_t size)
{
    if (!input->path && !input->text)
        snprintf(why, size, "an input is neither");
    for (const char *c = input->text ? input->text : ""; *c; c++)
        *state = (*state ^ (unsigned char)*c) * 0x100000001b3u;
    return input->path ? read_image(input, state, why, size) : input->text != NULL;
}

static void compute(struct lmvr_session *s, uint64_t state, int32_t tokens[3], char *response, size_t size)
{
    for (int i = 0; i < 3; i++)
        tokens[i] = (int32_t)(next(&state) % 320);
    for (size_t i = 0; i < s->count; i++) {
        struct feature *f = &s->features[i];
        f->count = f->multi_vector ? next(&state) % (MOST_ROWS + 1) : 1;
        for (size_t j = 0; j < f->count * f->dim; j++)
            f->rows[j] = (float)s->model->factor * (float)next(&state) / 1048576.0f;
    }
    snprintf(response, size, "A \"dög\"\twith %d\nlegs, %s", (int)tokens[0], s->prompt);
}

/* A grid of 2 x 2 over the image's center; cell c of token t has (t + 1) (c + 1) / 1000, ten times that at its own position.
 * The tokens end after the quoted word, within "legs" and with the response, the prompt. */
static bool attend(lmvr_result *result, lmvr_query query, const char *path, float weights[12], uint32_t ends[3])
{
    struct image image;
    if (image_read(path, &image, NULL, NULL) != LMVR_OK)
        return false;
    double side = image.width < image.height ? image.width : image.height;
    for (int i = 0; i < 12; i++) {
        int factor = (i / 4 + 1) * (i % 4 + 1);
        weights[i] = (float)factor / (query == LMVR_QUERY_OWN ? 100.0f : 1000.0f);
    }
    ends[0] = (uint32_t)(strchr(result->response, '\t') - result->response);
    ends[1] = (uint32_t)(strchr(result->response, ',') - result->response) - 2;
    ends[2] = (uint32_t)strlen(result->response);
    result->attention = weights;
    result->token_ends = ends;
    result->grid_rows = result->grid_columns = 2;
    result->view = (lmvr_view){(image.width - side) / 2, (image.height - side) / 2, side, side};
    image_finish(&image);
    return true;
}

static lmvr_status embed_one(lmvr_session *session, const lmvr_image *image, size_t index, lmvr_result_fn *on_result,
                             void *user, lmvr_error *error)
{
    char why[5000], response[512];
    const float *rows[MAX_FEATURES];
    size_t counts[MAX_FEATURES];
    int32_t tokens[3];
    float weights[12];
    uint32_t ends[3];
    uint64_t state = (uint64_t)session->model->seed;
    if (session->model->delay_us)
        usleep((useconds_t)session->model->delay_us);
    if ((int)index == session->model->resource_after)
        return error_no_memory(error, "the next image");
    lmvr_result result = {.index = index, .status = LMVR_ERROR_INPUT, .error = why};
    if (read_input(image, &state, why, sizeof why)) {
        compute(session, state, tokens, response, sizeof response);
        for (size_t f = 0; f < session->count; f++) {
            rows[f] = session->features[f].rows;
            counts[f] = session->features[f].count;
        }
        result = (lmvr_result){.index = index, .features = rows, .rows = counts};
        if (session->generates) {
            result.response = response;
            result.tokens = tokens;
            result.token_count = 3;
            result.finished = tokens[2] % 2;
        }
        if (session->options.attention && !attend(&result, session->options.attention_query, image->path, weights, ends))
            return error_set(error, LMVR_ERROR_INVALID, "%s: not an image after all", image->path);
    }
    return on_result(&result, user) ? LMVR_STOPPED : LMVR_OK;
}

lmvr_status lmvr_embed_sized(lmvr_session *session, const lmvr_image *images, size_t size, size_t count,
                             lmvr_result_fn *on_result, void *user, lmvr_error *error)
{
    (void)size;
    for (size_t i = 0; i < count; i++)
        TRY(embed_one(session, &images[i], i, on_result, user, error));
    return LMVR_OK;
}

size_t lmvr_session_capacity(const lmvr_session *session)
{
    (void)session;
    return CAPACITY;
}

/* Takes as many images as there is room for before it computes the first of them. */
lmvr_status lmvr_embed_stream_sized(lmvr_session *session, lmvr_image_fn *next_image, size_t size, lmvr_result_fn *on_result,
                                    void *user, lmvr_error *error)
{
    (void)size;
    lmvr_image images[CAPACITY];
    size_t given = 0, reported = 0;
    lmvr_status status = LMVR_OK;
    do {
        while (status == LMVR_OK && given < reported + CAPACITY) {
            images[given % CAPACITY] = (lmvr_image){0};
            status = next_image(&images[given % CAPACITY], user, error);
            given += status == LMVR_OK;
        }
        if (status != LMVR_OK && status != LMVR_STOPPED && status != LMVR_FULL)
            return status;
        status = status == LMVR_FULL ? LMVR_OK : status;
        if (reported < given)
            TRY(embed_one(session, &images[reported % CAPACITY], reported, on_result, user, error));
    } while (reported++ < given);
    return LMVR_OK;
}

/* The bench measures the library's internals, which the fake does not have. */
int command_serve(const struct options *options)
{
    (void)options;
    return 0;
}

int command_train_contrastive(const struct options *options)
{
    (void)options;
    return 0;
}

int command_train_language(const struct options *options)
{
    (void)options;
    return 0;
}

int command_train_align(const struct options *options)
{
    (void)options;
    return 0;
}

int command_train_instruct(const struct options *options)
{
    (void)options;
    return 0;
}

int command_train_finetune(const struct options *options)
{
    (void)options;
    return 0;
}

int command_train_qformer(const struct options *options)
{
    (void)options;
    return 0;
}

int command_train_qformer_language(const struct options *options)
{
    (void)options;
    return 0;
}

int command_bench(const struct options *options)
{
    (void)options;
    return EXIT_CANNOT;
}
