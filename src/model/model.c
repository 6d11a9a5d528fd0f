#include "model/model.h"

#include "arguments.h"
#include "format/hash.h"
#include "format/json.h"
#include "model/architecture.h"
#include "model/folder.h"
#include "model/text_tokens.h"
#include "model/weight_name.h"
#include "tensor/cpu/product.h"

#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum dtype model_dtype(lmvr_dtype dtype)
{
    return dtype == LMVR_DTYPE_BF16 || (dtype == LMVR_DTYPE_DEFAULT && product_computes_bf16()) ? BF16 : F32;
}

#define WORKING_BYTES ((uint64_t)1 << 30) /* of a session, beside the weights */

bool model_find_tokenizer(const char *path, const struct model_config *config, char *file, size_t size)
{
    const char *const names[] = {"tokenizer.model", "spiece.model", "tokenizer.json"};
    if (*config->gguf.language)
        return snprintf(file, size, "%s", config->gguf.language) < (int)size;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int length = snprintf(file, size, "%s/%s", path, names[i]);
        if (length > 0 && (size_t)length < size && access(file, F_OK) == 0)
            return true;
    }
    return false;
}

static uint64_t hash_file(const char *path, uint64_t hash)
{
    char bytes[4096];
    FILE *file = fopen(path, "re");
    size_t size;
    while (file && (size = fread(bytes, 1, sizeof bytes, file)) > 0)
        hash = hash_bytes(hash, bytes, size);
    if (file)
        fclose(file);
    return hash;
}

lmvr_status model_fingerprint(const char *path, const struct model_config *config, const struct checkpoint *checkpoint,
                              uint64_t *fingerprint, lmvr_error *error)
{
    char file[PATH_MAX];
    uint64_t weights;
    TRY(checkpoint_hash(checkpoint, &weights, error));
    *fingerprint = hash_bytes(config->hash, &weights, sizeof weights);
    if (*config->gguf.language) /* the configuration's hash is of the tokenizer, too */
        return LMVR_OK;
    bool found = model_find_tokenizer(path, config, file, sizeof file);
    if (config->has_language && !found)
        return model_folder_refuse_tokenizer(path, error);
    if (found && (config->has_language || config->has_text))
        *fingerprint = hash_file(file, *fingerprint);
    return LMVR_OK;
}

lmvr_status model_checkpoint_open(const char *path, const struct model_config *config, struct checkpoint **checkpoint,
                                  lmvr_error *error)
{
    if (*config->gguf.language)
        return checkpoint_open_gguf(&config->gguf, checkpoint, error);
    TRY(checkpoint_open(path, checkpoint, error));
    lmvr_status status = *config->tower ? checkpoint_add(*checkpoint, config->tower, "vision_tower", error) : LMVR_OK;
    if (status != LMVR_OK) {
        checkpoint_close(*checkpoint);
        *checkpoint = NULL;
    }
    return status;
}

static int64_t count_finer(const struct checkpoint *checkpoint)
{
    struct checkpoint_tensor tensor;
    int64_t count = 0;
    for (size_t i = 0; i < checkpoint_count(checkpoint); i++) {
        const char *name = checkpoint_at(checkpoint, i, &tensor);
        if (weight_name_is_under(name, "language_model.model.layers.") && model_is_finer(tensor.entry))
            count += (int64_t)weight_entry_elements(tensor.entry);
    }
    return checkpoint_holds_rows(checkpoint, 4) ? count : 0;
}

void model_fit_checkpoint(struct model_config *config, const struct checkpoint *checkpoint)
{
    config->finer = count_finer(checkpoint);
    if (config->joint.width && !joint_is_in(&config->joint, checkpoint))
        config->joint.width = 0;
    config->has_text &= config->joint.width > 0 && text_tower_is_in(checkpoint);
}

static lmvr_status load_decoder(struct loader *loader, const struct language_config *config, struct language *language)
{
    struct llama *llama = calloc(1, sizeof *llama);
    if (!llama)
        return error_no_memory(loader->error, "the language model");
    lmvr_status status = load_llama(loader, config, llama);
    *language = llama_language(llama);
    return status;
}

static lmvr_status load_encoder_decoder(struct loader *loader, const struct language_config *config, struct language *language)
{
    struct t5 *t5 = calloc(1, sizeof *t5);
    if (!t5)
        return error_no_memory(loader->error, "the language model");
    lmvr_status status = load_t5(loader, config, t5);
    *language = t5_language(t5);
    return status;
}

lmvr_status load_language(struct loader *loader, const struct language_config *config, struct language *language)
{
    return config->encoder_decoder ? load_encoder_decoder(loader, config, language) : load_decoder(loader, config, language);
}

lmvr_status load_connector(struct loader *loader, const struct model_config *config, struct connector *connector)
{
    return config->family->load_connector(loader, config, connector);
}

lmvr_status model_load_parts(struct loader *loader, struct lmvr_model *model)
{
    const struct model_config *config = &model->config;
    enum dtype weights = loader->dtypes.weights;
    loader->dtypes.weights = model_outer_dtype(weights);
    TRY(load_encoder(loader, &config->vision, &model->vision));
    if (config->joint.width)
        TRY(load_joint(loader, config, &model->joint));
    if (config->has_text)
        TRY(load_text_tower(loader, &config->text, &model->text));
    if (!config->has_language)
        return LMVR_OK;
    TRY(load_connector(loader, config, &model->connector));
    loader->dtypes.weights = weights;
    return load_language(loader, &config->language, &model->language);
}

/* Checks that tokens that were added after the vocabulary's pieces have rows in the embedding, too. */
static lmvr_status check_added_tokens(const char *path, int rows, lmvr_error *error)
{
    char file[PATH_MAX];
    int length = snprintf(file, sizeof file, "%s/added_tokens.json", path);
    if (length < 0 || (size_t)length >= sizeof file || access(file, F_OK) != 0)
        return LMVR_OK;
    json_t *tokens, *id;
    const char *token;
    TRY(json_read(file, NULL, &tokens, error));
    lmvr_status status = LMVR_OK;
    json_object_foreach(tokens, token, id)
    {
        if (status == LMVR_OK && (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= rows))
            status = error_set(error, LMVR_ERROR_INVALID, "%s: the id of token %s is beyond the embedding's %d rows", file,
                               token, rows);
    }
    json_decref(tokens);
    return status;
}

lmvr_status model_open_tokenizer(const char *path, struct lmvr_model *model, lmvr_error *error)
{
    char file[PATH_MAX];
    if (!model_find_tokenizer(path, &model->config, file, sizeof file))
        return model_folder_refuse_tokenizer(path, error);
    TRY(tokenizer_open(file, &model->tokenizer, error));
    if (tokenizer_size(model->tokenizer) > model->config.language.vocabulary)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %d pieces, but the embedding only %d rows", file,
                         tokenizer_size(model->tokenizer), model->config.language.vocabulary);
    return check_added_tokens(path, model->config.language.vocabulary, error);
}

/* A dual encoder whose texts cannot be read still has pictures. */
static lmvr_status open_text_tokenizer(const char *path, struct lmvr_model *model, lmvr_error *error)
{
    char file[PATH_MAX];
    lmvr_error *refusal = &model->text_refusal;
    lmvr_status status;
    if (!model->config.has_text)
        status = error_set(refusal, LMVR_ERROR_INVALID, "%s: has no text tower", path);
    else if (!model_find_tokenizer(path, &model->config, file, sizeof file))
        status = model_folder_refuse_tokenizer(path, refusal);
    else
        status = text_tokens_open(path, file, &model->config.text, &model->tokenizer, &model->text_rules, refusal);
    return status == LMVR_ERROR_RESOURCE ? error_set(error, status, "%s", refusal->message) : LMVR_OK;
}

lmvr_dtype dtype_to_public(enum dtype dtype)
{
    return (lmvr_dtype)((int)dtype + LMVR_DTYPE_F32);
}

static enum dtype dtype_from_public(lmvr_dtype dtype, enum dtype usual)
{
    return dtype == LMVR_DTYPE_DEFAULT ? usual : (enum dtype)((int)dtype - LMVR_DTYPE_F32);
}

lmvr_status model_dtypes(const struct model_config *config, const lmvr_model_options *options, const struct device *device,
                         struct dtypes *dtypes, lmvr_error *error)
{
    bool halves = product_computes_bf16() || (device && device->operations->operand_dtype(BF16) == BF16);
    enum dtype usual = dtype_from_public(config->stored, halves ? BF16 : F32);
    dtypes->weights = dtype_from_public(options->dtype, usual);
    dtypes->compute = dtypes->weights == F32 ? F32 : BF16;
    dtypes->cache = dtype_from_public(options->cache_dtype, dtypes->compute);
    if (!config->has_language && options->cache_dtype != LMVR_DTYPE_DEFAULT)
        return error_set(error, LMVR_ERROR_INVALID,
                         "a KV cache in %s needs a language model, and this model is a vision encoder only",
                         lmvr_dtype_name(options->cache_dtype));
    if (dtypes->cache == INT8 && device && device != device_cpu())
        return error_set(error, LMVR_ERROR_INVALID, "a KV cache in int8: only the processor has one, not %s, where it is %s",
                         device->name, dtypes->compute == F32 ? "f32" : "bf16");
    return LMVR_OK;
}

/* On a GPU. */
static struct dtypes gpu_dtypes(const struct model_config *config, lmvr_dtype dtype)
{
    enum dtype weights = dtype_from_public(dtype, dtype_from_public(config->stored, BF16));
    enum dtype compute = weights == F32 ? F32 : BF16;
    return (struct dtypes){weights, compute, compute};
}

uint64_t model_device_bytes(const struct model_config *config, lmvr_dtype dtype)
{
    struct dtypes dtypes = gpu_dtypes(config, dtype);
    uint64_t weights = model_weights_bytes(config, &dtypes);
    return weights + weights / 16 + WORKING_BYTES;
}

lmvr_status model_device_open(const struct model_config *config, const lmvr_model_options *options,
                              const struct device **device, lmvr_error *error)
{
    bool is_processors = options->cache_dtype >= LMVR_DTYPE_INT8;
    return device_open(options->device || !is_processors ? options->device : "cpu", model_device_bytes(config, options->dtype),
                       options->fast, device, error);
}

static lmvr_status open_model(const char *path, const lmvr_model_options *options, struct lmvr_model *model, lmvr_error *error)
{
    TRY(model_config_read_any(path, options->mmproj, &model->config, error));
    if (!model->device)
        TRY(model_device_open(&model->config, options, &model->device, error));
    TRY(model_dtypes(&model->config, options, model->device, &model->dtypes, error));
    if (model->config.has_language)
        TRY(model_open_tokenizer(path, model, error));
    struct loader loader = {.device = model->device, .dtypes = model->dtypes, .notice = &model->notice, .error = error};
    TRY(model_checkpoint_open(path, &model->config, &loader.checkpoint, error));
    model_fit_checkpoint(&model->config, loader.checkpoint);
    if (!model->config.has_language && open_text_tokenizer(path, model, error) != LMVR_OK) {
        checkpoint_close(loader.checkpoint);
        return LMVR_ERROR_RESOURCE;
    }
    lmvr_status status = model_load_parts(&loader, model);
    if (status == LMVR_OK)
        status = checkpoint_check_unused(loader.checkpoint, error);
    checkpoint_list_dtypes(loader.checkpoint, model->stored_dtypes, sizeof model->stored_dtypes);
    if (status == LMVR_OK)
        status = model_fingerprint(path, &model->config, loader.checkpoint, &model->fingerprint, error);
    checkpoint_close(loader.checkpoint);
    return status;
}

/* Gives the system back what loading was done in, which may be between weights. */
static void trim_memory(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

/* `device`: NULL, or already open. */
static lmvr_status create(const char *path, const lmvr_model_options *options, const struct device *device, lmvr_model **model,
                          lmvr_error *error)
{
    struct lmvr_model *m = *model = calloc(1, sizeof *m);
    if (!m) {
        device_close(device);
        return error_no_memory(error, "the model");
    }
    m->device = device;
    m->on_notice = options->notice;
    m->notice_user = options->notice_user;
    int before = omp_get_max_threads();
    if (options->threads > 0)
        omp_set_num_threads(options->threads);
    lmvr_status status = open_model(path, options, m, error);
    omp_set_num_threads(before);
    trim_memory();
    if (status != LMVR_OK) {
        lmvr_model_free(m);
        *model = NULL;
    }
    return status;
}

void lmvr_model_options_default_sized(lmvr_model_options *options, size_t size)
{
    const lmvr_model_options defaults = {.size = size};
    if (options)
        struct_write(options, size, &defaults, sizeof defaults);
}

lmvr_status lmvr_model_open_with(const char *path, const lmvr_model_options *options, lmvr_model **model, lmvr_error *error)
{
    REQUIRE_ARGUMENT(model, error);
    *model = NULL;
    REQUIRE_ARGUMENT(path, error);
    REQUIRE_ARGUMENT(options, error);
    lmvr_model_options own;
    TRY(read_model_options(&own, options, error));
    TRY(check_dtype(own.dtype, error));
    TRY(check_cache_dtype(own.cache_dtype, error));
    TRY(check_threads(own.threads, error));
    if (own.device && strcmp(own.device, "cuda:all") == 0)
        return model_open_replicas(path, &own, model, error);
    return create(path, &own, NULL, model, error);
}

lmvr_status lmvr_model_open(const char *path, lmvr_dtype dtype, int threads, lmvr_model **model, lmvr_error *error)
{
    REQUIRE_ARGUMENT(model, error);
    *model = NULL;
    REQUIRE_ARGUMENT(path, error);
    const lmvr_model_options options = {.size = sizeof options, .dtype = dtype, .threads = threads};
    return lmvr_model_open_with(path, &options, model, error);
}

lmvr_status model_open_on(const char *path, const lmvr_model_options *options, const struct device *device, lmvr_model **model,
                          lmvr_error *error)
{
    return create(path, options, device, model, error);
}

lmvr_status model_create_random(const struct model_config *config, const struct device *device, const struct dtypes *dtypes,
                                struct lmvr_model **model, lmvr_error *error)
{
    struct lmvr_model *m = *model = calloc(1, sizeof *m);
    if (!m) {
        device_close(device);
        return error_no_memory(error, "the model");
    }
    m->config = *config;
    m->device = device;
    m->dtypes = *dtypes;
    struct loader loader = {.device = m->device, .dtypes = *dtypes, .random = 1, .notice = &m->notice, .error = error};
    lmvr_status status = model_load_parts(&loader, m);
    if (status != LMVR_OK) {
        lmvr_model_free(m);
        *model = NULL;
    }
    return status;
}

void lmvr_model_free(lmvr_model *model)
{
    if (!model)
        return;
    lmvr_model_free(model->next);
    encoder_finish(&model->vision);
    connector_finish(&model->connector);
    language_finish(&model->language);
    joint_finish(&model->joint);
    text_tower_finish(&model->text);
    tokenizer_close(model->tokenizer);
    device_close(model->device);
    free(model);
}
