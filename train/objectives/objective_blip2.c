#include "train/objectives/objective_blip2.h"

#include "format/input.h"
#include "model/load.h"
#include "train/model_folder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PROJECTION_DEVIATION 0.02
#define STAGE1               "Blip2ForImageTextRetrieval"

/* ---- configurations --------------------------------------------------------------------------------------------------- */

/* Blip2Config's JSON for stage 1: the encoder's from `vision`, the Q-Former's from `config`. */
static json_t *compose_retrieval(const struct blip2 *b, json_t *vision, json_t *config)
{
    json_t *tower = folder_config_part(vision, "vision_config"), *qformer = folder_config_part(config, "qformer_config");
    json_object_set_new(tower, "model_type", json_string("blip_2_vision_model"));
    json_object_set_new(qformer, "model_type", json_string("blip_2_qformer"));
    json_object_set_new(qformer, "encoder_hidden_size", json_integer(b->config.vision.width));
    json_object_set_new(qformer, "use_qformer_text_input", json_true());
    return json_pack("{s:[s], s:s, s:i, s:i, s:o, s:o, s:{s:s}}", "architectures", STAGE1, "model_type", "blip-2",
                     "num_query_tokens", b->config.qformer.queries, "image_text_hidden_size", b->text.projection,
                     "vision_config", tower, "qformer_config", qformer, "text_config", "model_type", "t5");
}

/* Blip2Config's JSON for stage 2: stage 1's with a T5. The image token's id in transformers is the first row after the
 * vocabulary's pieces, as in Salesforce/blip2-flan-t5-xl; without one the queries come before the prompt anyway. */
static json_t *compose_generation(const struct blip2 *b, json_t *retrieval, json_t *language, int pieces)
{
    static const char *const common[] = {"architectures", "torch_dtype", "dtype", "transformers_version"};
    json_t *json = json_deep_copy(retrieval), *text = json_deep_copy(language);
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        json_object_del(text, common[i]);
    json_object_set_new(text, "model_type", json_string("t5"));
    json_object_set_new(json, "architectures", json_pack("[s]", "Blip2ForConditionalGeneration"));
    json_object_set_new(json_object_get(json, "qformer_config"), "use_qformer_text_input", json_false());
    json_object_set_new(json, "text_config", text);
    json_object_set_new(json, "tie_word_embeddings", json_boolean(b->config.language.tied && b->config.language.t5.scale_head));
    json_object_set_new(json, "use_decoder_only_language_model", json_false());
    json_object_del(json, "image_token_index");
    if (pieces < b->config.language.vocabulary)
        json_object_set_new(json, "image_token_index", json_integer(pieces));
    return json;
}

static lmvr_status check_words(const struct blip2 *b, const struct blip2_options *options, const char *path, lmvr_error *error)
{
    if (options->pieces + 2 > b->text.vocabulary)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: qformer_config.vocab_size is %d, but %d pieces and two more tokens need %d", path,
                         b->text.vocabulary, options->pieces, options->pieces + 2);
    return LMVR_OK;
}

/* Reads stage 1 from an encoder and a configuration. */
static lmvr_status read_parts(struct blip2 *b, const struct blip2_options *options, lmvr_error *error)
{
    json_t *vision = NULL, *config = NULL;
    TRY(config_read_eva(options->vision, &b->config.vision, error));
    TRY(config_read_preprocess(options->vision, b->config.vision.image_size, &b->preprocess, error));
    TRY(config_read_qformer(options->config, &b->config.qformer, &b->text, error));
    TRY(check_words(b, options, options->config, error));
    TRY(checkpoint_open(options->vision, &b->vision_checkpoint, error));
    lmvr_status status = folder_read_config(options->vision, &vision, error);
    if (status == LMVR_OK)
        status = folder_read_config(options->config, &config, error);
    if (status == LMVR_OK && !(b->json = compose_retrieval(b, vision, config)))
        status = error_no_memory(error, "the configuration");
    json_decref(vision);
    json_decref(config);
    return status;
}

/* Reads stage 2 from stage 1's folder and a T5. */
static lmvr_status read_language(struct blip2 *b, const struct blip2_options *options, lmvr_error *error)
{
    json_t *retrieval = b->json, *language = NULL;
    TRY(config_read_t5(options->language, &b->config.language, error));
    TRY(checkpoint_open(options->language, &b->language_checkpoint, error));
    TRY(folder_read_config(options->language, &language, error));
    b->json = compose_generation(b, retrieval, language, options->pieces);
    json_decref(language);
    json_decref(retrieval);
    return b->json ? LMVR_OK : error_no_memory(error, "the configuration");
}

/* Reads a BLIP-2 that has a language model. */
static lmvr_status read_whole(struct blip2 *b, const struct blip2_options *options, lmvr_error *error)
{
    const char *architecture = json_string_value(json_array_get(json_object_get(b->json, "architectures"), 0));
    if (architecture && strcmp(architecture, STAGE1) == 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is a stage 1 model without a language model; --language has to name a T5 folder", options->start);
    return model_config_read(options->start, &b->config, error);
}

static lmvr_status read_start(struct blip2 *b, const struct blip2_options *options, lmvr_error *error)
{
    if (!options->start)
        return read_parts(b, options, error);
    TRY(config_read_qformer(options->start, &b->config.qformer, &b->text, error));
    TRY(config_read_eva(options->start, &b->config.vision, error));
    TRY(config_read_preprocess(options->start, b->config.vision.image_size, &b->preprocess, error));
    TRY(folder_read_config(options->start, &b->json, error));
    TRY(checkpoint_open(options->start, &b->checkpoint, error));
    if (b->stage == BLIP2_QFORMER)
        return check_words(b, options, options->start, error);
    return options->language ? read_language(b, options, error) : read_whole(b, options, error);
}

/* ---- parameters ------------------------------------------------------------------------------------------------------- */

static lmvr_status load_vision(struct blip2 *b, const struct blip2_options *options, lmvr_error *error)
{
    struct loader loader = {.device = device_cpu(),
                            .checkpoint = b->vision_checkpoint ? b->vision_checkpoint : b->checkpoint,
                            .dtypes = {options->net.products, options->net.products, options->net.products},
                            .error = error};
    return load_encoder(&loader, &b->config.vision, &b->vision);
}

static struct parameter *find(const struct parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++)
        if (strcmp(parameters->items[i]->parts[0].name, name) == 0)
            return parameters->items[i];
    return NULL;
}

/* Reads the second file that an earlier stage 1 wrote. */
static lmvr_status read_second_file(struct blip2 *b, const char *path, lmvr_error *error)
{
    struct weight_file *file;
    TRY(weight_file_open(path, &file, error));
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < file->count && status == LMVR_OK; i++) {
        const struct weight_entry *entry = &file->entries[i];
        struct parameter *parameter = find(&b->parameters, entry->name);
        uint64_t count = weight_entry_elements(entry);
        if (!parameter || !entry->is_float || (uint64_t)(parameter->rows * parameter->columns) != count) {
            status = error_set(error, LMVR_ERROR_INVALID, "%s: %.200s is not a tensor of this Q-Former", path, entry->name);
            break;
        }
        float *values = malloc((size_t)count * sizeof *values);
        status = values ? file->format->read(file, entry, 0, count, values, error) : error_no_memory(error, path);
        if (status == LMVR_OK)
            parameter_set(parameter, 0, (int64_t)count, values);
        free(values);
    }
    weight_file_close(file);
    return status;
}

static lmvr_status declare_qformer(struct blip2 *b, const struct blip2_options *options, struct net *net, lmvr_error *error)
{
    static const char *const second[] = {BLIP2_SECOND_FILE, NULL};
    TRY(qformer_net_init(&b->qformer, &b->config.qformer, &b->text, &b->vision, net));
    b->qformer.decode_token = options->pieces + 1;
    b->qformer.seed = options->net.seed;
    char *path = options->start ? folder_find(options->start, second) : NULL;
    lmvr_status status = path ? read_second_file(b, path, error) : LMVR_OK;
    free(path);
    return status;
}

/*
 * Scales the projection so that its output for normalized queries is as long as word embeddings. With a linear layer's usual
 * initialization it would be a third as long, and less for a T5 with large embeddings, and the first block's residual would
 * drown it.
 */
static lmvr_status lengthen_projection(struct blip2 *b, lmvr_error *error)
{
    struct parameter *weight = b->projection.weight;
    int64_t size = weight->rows * weight->columns;
    double factor = parameter_deviation(b->t5.embedding) / sqrt((double)weight->columns) / PROJECTION_DEVIATION;
    float *values = malloc((size_t)size * sizeof *values);
    if (!values)
        return error_no_memory(error, "the projection");
    parameter_get(weight, 0, size, values);
    for (int64_t i = 0; i < size; i++)
        values[i] = (float)((double)values[i] * factor);
    parameter_set(weight, 0, size, values);
    free(values);
    return LMVR_OK;
}

static lmvr_status declare(struct blip2 *b, const struct blip2_options *options, lmvr_error *error)
{
    struct net net = {.parameters = &b->parameters, .checkpoint = b->checkpoint, .trained = true, .error = error};
    random_init(&net.random, options->net.seed);
    if (b->stage == BLIP2_QFORMER)
        return declare_qformer(b, options, &net, error);
    TRY(qformer_net_init(&b->qformer, &b->config.qformer, NULL, &b->vision, &net));
    if (b->language_checkpoint)
        net.checkpoint = NULL;
    b->projection =
        net_linear(&net, "language_projection", b->config.language.width, b->config.qformer.width, true, PROJECTION_DEVIATION);
    net.checkpoint = b->language_checkpoint ? b->language_checkpoint : b->checkpoint;
    net.trained = options->trains_language;
    TRY(t5_net_init(&b->t5, &b->config.language, &net));
    if (b->language_checkpoint)
        TRY(lengthen_projection(b, error));
    b->t5.recompute = options->net.recompute;
    return LMVR_OK;
}

/* ---- the objectives --------------------------------------------------------------------------------------------------- */

static struct value *qformer_loss(void *self, struct tape *tape, const struct batch *batch)
{
    struct blip2 *b = self;
    return qformer_net_loss(&b->qformer, tape, batch);
}

/* Clamps the temperature as BLIP does (Li et al. 2022), to avoid a division by 0. */
static void after_step(void *self)
{
    const float least = 0.001f, most = 0.5f;
    struct blip2 *b = self;
    float temperature;
    parameter_get(b->qformer.text.temperature, 0, 1, &temperature);
    if (temperature < least)
        parameter_set(b->qformer.text.temperature, 0, 1, &least);
    else if (temperature > most)
        parameter_set(b->qformer.text.temperature, 0, 1, &most);
}

static struct value *language_loss(void *self, struct tape *tape, const struct batch *batch)
{
    struct blip2 *b = self;
    struct value *visual = qformer_net_queries(&b->qformer, tape, batch);
    visual = tape_linear(tape, visual, b->projection.weight, b->projection.bias);
    return t5_net_loss(&b->t5, tape, batch, visual, b->config.qformer.queries);
}

static lmvr_status save(void *self, const char *folder, lmvr_error *error)
{
    static const struct folder_naming naming[] = {{"vision_tower.vision_model.", "vision_model."}, {NULL, NULL}};
    static const char *const without_names[] = {"temp", "cls.", NULL}, *const nothing[] = {NULL};
    struct blip2 *b = self;
    bool first = b->stage == BLIP2_QFORMER;
    const char *generation = first ? NULL : b->language ? b->language : b->start;
    struct folder_write write = {.folder = folder,
                                 .dtype = b->saved,
                                 .parameters = &b->parameters,
                                 .left_out = first ? without_names : nothing,
                                 .left_out_file = first ? BLIP2_SECOND_FILE : NULL,
                                 .naming = naming,
                                 .rest = b->vision_checkpoint ? b->vision_checkpoint : b->checkpoint,
                                 .rest_prefix = "vision_tower.",
                                 .config = b->json,
                                 .copies = {{b->start, folder_processors}, {generation, folder_generation}},
                                 .tokenizer = b->tokenizer,
                                 .tokenizer_name = "spiece.model",
                                 .preprocess = &b->preprocess};
    return folder_write(&write, error);
}

static bool copy_paths(struct blip2 *b, const struct blip2_options *options)
{
    b->start = strdup(options->start ? options->start : options->vision);
    b->language = options->language ? strdup(options->language) : NULL;
    b->tokenizer = options->tokenizer ? strdup(options->tokenizer) : NULL;
    return b->start && (b->language || !options->language) && (b->tokenizer || !options->tokenizer);
}

lmvr_status blip2_init(struct blip2 *blip2, const struct blip2_options *options, lmvr_error *error)
{
    bool first = options->stage == BLIP2_QFORMER;
    *blip2 = (struct blip2){.stage = options->stage, .saved = options->net.saved};
    parameters_init(&blip2->parameters, options->net.products);
    if (!copy_paths(blip2, options))
        return error_no_memory(error, "the objective");
    TRY(read_start(blip2, options, error));
    TRY(load_vision(blip2, options, error));
    blip2->objective = (struct objective){.self = blip2,
                                          .name = first ? "qformer" : "qformer-language",
                                          .parameters = &blip2->parameters,
                                          .loss = first ? qformer_loss : language_loss,
                                          .after_step = first ? after_step : NULL,
                                          .save = save};
    TRY(declare(blip2, options, error));
    blip2->qformer.recompute = options->net.recompute;
    return LMVR_OK;
}

void blip2_finish(struct blip2 *blip2)
{
    qformer_net_finish(&blip2->qformer);
    t5_net_finish(&blip2->t5);
    encoder_finish(&blip2->vision);
    parameters_finish(&blip2->parameters);
    checkpoint_close(blip2->checkpoint);
    checkpoint_close(blip2->vision_checkpoint);
    checkpoint_close(blip2->language_checkpoint);
    json_decref(blip2->json);
    free(blip2->start);
    free(blip2->language);
    free(blip2->tokenizer);
    *blip2 = (struct blip2){0};
}
