/* Bytes as config.json, preprocessor_config.json and generation_config.json, separated by NULs: either refused, or all values
 * are in the ranges that the model's code relies on. */
#include "model/config_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FILES 3

static void expect(bool promise)
{
    if (!promise)
        abort();
}

static void check_vision(const struct vision_config *v)
{
    expect(v->image_size >= 1 && v->image_size <= CONFIG_MAX_IMAGE && v->patch_size >= 1 && v->patch_size <= v->image_size);
    expect(v->channels == 3 && v->width >= 1 && v->width <= CONFIG_MAX_WIDTH && v->heads >= 1 && v->width % v->heads == 0);
    expect(v->blocks >= 1 && v->blocks <= CONFIG_MAX_BLOCKS && v->mlp_width >= 1 && v->mlp_width <= CONFIG_MAX_WIDTH);
    expect(isfinite(v->layer_norm_eps) && v->layer_norm_eps > 0);
}

static void check_language(const struct language_config *l)
{
    expect(l->vocabulary >= 1 && l->vocabulary <= CONFIG_MAX_VOCABULARY && l->width >= 1 && l->width <= CONFIG_MAX_WIDTH);
    expect(l->blocks >= 1 && l->blocks <= CONFIG_MAX_BLOCKS && l->mlp_width >= 1 && l->mlp_width <= CONFIG_MAX_WIDTH);
    expect(l->kv_heads >= 1 && l->heads >= 1 && l->heads % l->kv_heads == 0 && l->head_dim >= 1);
    expect((int64_t)l->heads * l->head_dim <= CONFIG_MAX_WIDTH && isfinite(l->rms_norm_eps) && l->rms_norm_eps > 0);
    expect(l->begin_token < l->vocabulary && l->final_token < l->vocabulary);
    expect(l->end_token_count >= 0 && l->end_token_count <= CONFIG_MAX_END_TOKENS);
    for (int i = 0; i < l->end_token_count; i++)
        expect(l->end_tokens[i] >= 0 && l->end_tokens[i] < l->vocabulary);
}

static void check_llama(const struct language_config *l)
{
    expect(l->head_dim % 2 == 0 && l->max_positions >= 1 && l->begin_token >= 0);
    expect(isfinite(l->rope.theta) && l->rope.theta > 0 && isfinite(l->rope.factor) && l->rope.factor > 0);
}

static void check_t5(const struct language_config *l)
{
    const struct t5_config *t = &l->t5;
    expect(t->encoder_blocks >= 1 && t->encoder_blocks <= CONFIG_MAX_BLOCKS && l->kv_heads == l->heads);
    expect(t->buckets >= 4 && t->max_distance > t->buckets / 2 && t->start_token >= 0 && t->start_token < l->vocabulary);
}

static void check_qformer(const struct qformer_config *q)
{
    expect(q->queries >= 1 && q->queries <= CONFIG_MAX_BLOCKS && q->width >= 1 && q->width <= CONFIG_MAX_WIDTH);
    expect(q->heads >= 1 && q->width % q->heads == 0 && q->mlp_width >= 1 && q->mlp_width <= CONFIG_MAX_WIDTH);
    expect(q->blocks >= 1 && q->blocks <= CONFIG_MAX_BLOCKS && q->cross_every >= 1 && q->layer_norm_eps > 0);
}

static void check(const struct model_config *config)
{
    check_vision(&config->vision);
    if (config->has_language) {
        check_language(&config->language);
        (config->language.encoder_decoder ? check_t5 : check_llama)(&config->language);
        if (model_config_is(config, "blip-2"))
            check_qformer(&config->qformer);
        expect(config->preprocess.way != VIEWS_FIXED || config_fixed_visual_tokens(config) >= 1);
        expect(config->prompt && config->template_name);
    }
    expect(config->encoder_state >= 0 && config->encoder_state <= config->vision.blocks);
    for (int i = 0; i < 3; i++)
        expect(isfinite(config->preprocess.mean[i]) && isfinite(1 / config->preprocess.std[i]));
    for (int size = 1; size < 2000 && config->preprocess.way == VIEWS_FIXED; size += 333) {
        int width, height;
        preprocess_output_size(&config->preprocess, size, 500, &width, &height);
        expect(width == config->vision.image_size && height == config->vision.image_size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[FILES] = {"config.json", "preprocessor_config.json", "generation_config.json"};
    json_t *roots[FILES] = {0};
    struct config_sources sources = {0};
    struct json_node *const nodes[FILES] = {&sources.config, &sources.processor, &sources.generation};
    struct model_config config = {0};
    lmvr_error error;
    bool good = true;
    for (int i = 0; i < FILES; i++) {
        const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
        size_t length = end ? (size_t)(end - data) : size;
        if (i == 0 || length > 0)
            good = good && json_parse(names[i], data, length, &roots[i], &error) == LMVR_OK;
        *nodes[i] = json_node_root(names[i], roots[i]);
        data += end ? length + 1 : length;
        size -= end ? length + 1 : length;
    }
    if (good && config_parse(&sources, &config, &error) == LMVR_OK)
        check(&config);
    for (int i = 0; i < FILES; i++)
        json_decref(roots[i]);
    return 0;
}
