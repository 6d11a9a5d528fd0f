#include "train/objectives/objective_llava.h"

#include "format/input.h"

#include "model/load.h"
#include "tensor/device.h"
#include "train/adapter.h"
#include "train/model_folder.h"

#include <stdlib.h>
#include <string.h>

/* ---- configurations --------------------------------------------------------------------------------------------------- */

#define SPARE_ROWS 64 /* added to the embedding if it has no row for the image token, as in llava-hf's checkpoints */

/* LlavaConfig's JSON from CLIP's and LLaMA's. */
static json_t *compose_json(json_t *vision, json_t *language, int vocabulary, int image_token, int tokens)
{
    json_t *text = json_deep_copy(language), *tower = folder_config_part(vision, "vision_config");
    static const char *const common[] = {"architectures", "torch_dtype", "dtype", "transformers_version"};
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        json_object_del(text, common[i]);
    json_object_set_new(text, "model_type", json_string("llama"));
    json_object_set_new(text, "vocab_size", json_integer(vocabulary));
    json_object_set_new(tower, "model_type", json_string("clip_vision_model"));
    return json_pack("{s:[s], s:s, s:i, s:i, s:s, s:i, s:s, s:o, s:o}", "architectures", "LlavaForConditionalGeneration",
                     "model_type", "llava", "image_token_index", image_token, "image_seq_length", tokens,
                     "projector_hidden_act", "gelu", "vision_feature_layer", -2, "vision_feature_select_strategy", "default",
                     "text_config", text, "vision_config", tower);
}

/* A new model from an encoder and a language model, with LLaVA-1.5's choices. *stored: rows of the language model's tables. */
static lmvr_status compose(struct llava *l, const struct llava_options *options, int *stored, lmvr_error *error)
{
    struct clip_config clip;
    struct model_config *config = &l->config;
    json_t *vision = NULL, *language = NULL;
    TRY(config_read_clip(options->vision, &clip, error));
    TRY(config_read_llama(options->language, &config->language, error));
    TRY(config_read_preprocess(options->vision, clip.vision.image_size, &l->preprocess, error));
    model_config_compose_llava(&clip.vision, config);
    *stored = config->language.vocabulary;
    int image_token = options->pieces;
    if (options->pieces >= *stored) {
        image_token = *stored;
        config->language.vocabulary += SPARE_ROWS;
    }
    lmvr_status status = folder_read_config(options->vision, &vision, error);
    if (status == LMVR_OK)
        status = folder_read_config(options->language, &language, error);
    if (status == LMVR_OK)
        l->json = compose_json(vision, language, config->language.vocabulary, image_token, config_fixed_visual_tokens(config));
    if (status == LMVR_OK && !l->json)
        status = error_no_memory(error, "the configuration");
    json_decref(vision);
    json_decref(language);
    return status;
}

/* Changes the encoder's image size. */
static lmvr_status set_image_size(struct llava *l, int size, lmvr_error *error)
{
    struct vision_config *v = &l->config.vision;
    struct preprocess *p = &l->preprocess;
    if (size % v->patch_size)
        return error_set(error, LMVR_ERROR_INVALID, "--image-size %d: is not a multiple of the encoder's patches, %d pixels",
                         size, v->patch_size);
    p->shortest_edge = (int)((int64_t)p->shortest_edge * size / v->image_size);
    p->width = p->height = p->shortest_edge ? 0 : size;
    p->crop_width = p->crop_height = size;
    v->image_size = size;
    v->position_side = size / v->patch_size;
    json_t *vision = folder_config_part(l->json, "vision_config");
    json_object_set_new(vision, "image_size", json_integer(size));
    json_object_set_new(l->json, "vision_config", vision);
    return json_object_set_new(l->json, "image_seq_length", json_integer(config_fixed_visual_tokens(&l->config))) == 0
               ? LMVR_OK
               : error_no_memory(error, "the configuration");
}

static lmvr_status read_start(struct llava *l, const struct llava_options *options, int *stored, lmvr_error *error)
{
    if (!options->start) {
        TRY(compose(l, options, stored, error));
        TRY(checkpoint_open(options->vision, &l->vision_checkpoint, error));
        return checkpoint_open(options->language, &l->checkpoint, error);
    }
    TRY(folder_read_config(options->start, &l->json, error));
    if (options->stage == LLAVA_LANGUAGE) {
        TRY(config_read_llama(options->start, &l->config.language, error));
    } else {
        TRY(model_config_read(options->start, &l->config, error));
        if (!model_config_is(&l->config, "llava"))
            return error_set(error, LMVR_ERROR_INVALID, "%s: is a %s, expected a LLaVA model", options->start,
                             l->config.architecture);
        if (*l->config.tower)
            return error_set(error, LMVR_ERROR_INVALID,
                             "%s: is in the layout of LLaVA's own code; training starts from its conversion for transformers",
                             options->start);
        if (!l->config.vision.family->class_token || l->config.projector.feature_layer_count > 1 || l->config.language.qkv_bias)
            return error_set(error, LMVR_ERROR_INVALID,
                             "%s: training takes LLaVA models of a CLIP encoder, one feature layer and a LLaMA without biases",
                             options->start);
        l->preprocess = l->config.preprocess;
        l->stored_image_size = l->config.vision.image_size;
        if (options->image_size && options->image_size != l->stored_image_size)
            TRY(set_image_size(l, options->image_size, error));
    }
    *stored = l->config.language.vocabulary;
    return input_is_folder(options->start) ? checkpoint_open(options->start, &l->checkpoint, error) : LMVR_OK;
}

/* ---- parameters ------------------------------------------------------------------------------------------------------- */

static const struct device *device_of(const struct llava_options *options)
{
    return options->net.device ? options->net.device : device_cpu();
}

static lmvr_status load_vision(struct llava *l, const struct llava_options *options, lmvr_error *error)
{
    struct checkpoint *checkpoint = l->vision_checkpoint ? l->vision_checkpoint : l->checkpoint;
    struct loader loader = {.device = device_of(options),
                            .checkpoint = checkpoint,
                            .dtypes = {options->net.products, options->net.products, options->net.products},
                            .error = error};
    l->net.visual_tokens = config_fixed_visual_tokens(&l->config);
    l->net.feature_state = l->config.encoder_state;
    l->net.skipped = l->config.projector.drop_class ? 1 : 0;
    if (options->trains_vision)
        return LMVR_OK;
    l->net.vision = &l->vision;
    return load_encoder(&loader, &l->config.vision, &l->vision);
}

static lmvr_status declare(struct llava *l, const struct llava_options *options, int stored, lmvr_error *error)
{
    struct net net = {.parameters = &l->parameters, .checkpoint = l->checkpoint, .error = error};
    struct lora lora = {options->lora_rank, options->lora_rank ? (float)(options->lora_alpha / (double)options->lora_rank) : 0};
    random_init(&net.random, options->net.seed);
    net.trained = options->stage != LLAVA_ALIGN && !lora.rank;
    TRY(llama_net_init(&l->net.llama, &l->config.language, &lora, stored, &net));
    l->net.llama.recompute = options->net.recompute;
    if (options->stage == LLAVA_LANGUAGE)
        return LMVR_OK;
    net.trained = true;
    if (!options->start)
        net.checkpoint = NULL;
    llava_net_init_projector(&l->net, &l->config.projector, l->config.vision.width, &net);
    if (options->trains_vision) {
        l->net.trains_vision = true;
        TRY(clip_net_init_encoder(&l->net.clip, &l->config.vision, l->stored_image_size, l->net.feature_state, &net));
        l->net.clip.recompute = options->net.recompute;
    }
    if (options->stage != LLAVA_FINETUNE)
        return net.status;
    net.checkpoint = NULL;
    l->net.single_label = options->single_label;
    l->net.head = net_linear(&net, "score", options->labels, l->config.language.width, true, 0.02);
    if (l->net.llama.head != l->net.llama.embedding)
        l->net.llama.head->trained = false; /* it is unused */
    return net.status;
}

/* ---- the objective ---------------------------------------------------------------------------------------------------- */

static struct value *loss(void *self, struct tape *tape, const struct batch *batch)
{
    struct llava *l = self;
    return l->net.head.weight ? llava_net_label_loss(&l->net, tape, batch) : llava_net_loss(&l->net, tape, batch);
}

/* Whether the source files do not say how images are preprocessed. */
static bool writes_preprocess(const struct llava *l)
{
    return l->vision_checkpoint || (l->net.visual_tokens && l->config.vision.image_size != l->stored_image_size);
}

/* Saves what is not part of the model itself: adapters, and the head. */
static lmvr_status save_beside(const struct llava *l, const char *folder, lmvr_error *error)
{
    const struct adapter adapter = {.base = l->start,
                                    .rank = l->net.llama.lora.rank,
                                    .alpha = l->lora_alpha,
                                    .decoder = "language_model",
                                    .projector = true,
                                    .parameters = &l->parameters};
    TRY(adapter.rank ? adapter_write(&adapter, folder, error) : adapter_remove(folder, error));
    return l->about ? head_write(&l->net.head, l->about, folder, error) : head_remove(folder, error);
}

static lmvr_status save(void *self, const char *folder, lmvr_error *error)
{
    static const struct folder_naming alone[] = {
        {"language_model.model.", "model."}, {"language_model.lm_head.", "lm_head."}, {NULL, NULL}};
    static const char *const left_out[] = {".lora_", "score.", NULL};
    struct llava *l = self;
    static const char *const added[] = {"added_tokens.json", NULL}, *const vocabulary[] = {"tokenizer.model", NULL};
    const struct checkpoint *from = l->vision_checkpoint ? l->vision_checkpoint : l->checkpoint;
    const struct checkpoint *frozen = l->net.vision ? from : NULL;
    TRY(save_beside(l, folder, error));
    TRY(llama_net_merge(&l->net.llama, error));
    bool anew = writes_preprocess(l);
    struct folder_write write = {.folder = folder,
                                 .dtype = l->saved,
                                 .parameters = &l->parameters,
                                 .left_out = left_out,
                                 .naming = l->net.visual_tokens ? NULL : alone,
                                 .rest = frozen,
                                 .rest_prefix = "vision_tower.",
                                 .config = l->json,
                                 .copies = {{anew ? NULL : l->start, folder_processors},
                                            {l->start, folder_generation},
                                            {l->start, added},
                                            {l->tokenizer ? NULL : l->start, vocabulary}},
                                 .tokenizer = l->tokenizer,
                                 .tokenizer_name = vocabulary[0],
                                 .preprocess = anew ? &l->preprocess : NULL};
    return folder_write(&write, error);
}

lmvr_status llava_init(struct llava *llava, const struct llava_options *options, lmvr_error *error)
{
    static const char *const names[] = {"language", "align", "instruct", "finetune"};
    int stored = 0;
    *llava = (struct llava){.saved = options->net.saved, .lora_alpha = options->lora_alpha};
    TRY(parameters_init_on(&llava->parameters, options->net.products, device_of(options), error));
    TRY(arena_init_on(&llava->net.arena, device_of(options), options->net.products, error));
    llava->start = strdup(options->start ? options->start : options->language);
    llava->tokenizer = options->tokenizer ? strdup(options->tokenizer) : NULL;
    if (!llava->start || (options->tokenizer && !llava->tokenizer))
        return error_no_memory(error, "the objective");
    TRY(read_start(llava, options, &stored, error));
    if (options->stage != LLAVA_LANGUAGE)
        TRY(load_vision(llava, options, error));
    llava->objective = (struct objective){llava, names[options->stage], &llava->parameters, loss, NULL, save};
    return declare(llava, options, stored, error);
}

void llava_finish(struct llava *llava)
{
    llava_net_finish(&llava->net);
    encoder_finish(&llava->vision);
    parameters_finish(&llava->parameters);
    checkpoint_close(llava->checkpoint);
    checkpoint_close(llava->vision_checkpoint);
    json_decref(llava->json);
    free(llava->start);
    free(llava->tokenizer);
    *llava = (struct llava){0};
}
