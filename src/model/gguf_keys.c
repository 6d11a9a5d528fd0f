#include "model/gguf_keys.h"

#include "model/architecture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define MAX_KEY 128

/* Of tokens that end a response. */
static const char *const ends[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
#define MOST_ENDS (int)COUNT(ends)

/* ---- what can be said ------------------------------------------------------------------------------------------------- */

static lmvr_status refuse(const char *path, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be written as GGUF: %s", path, what);
}

static bool is_qwen2_vl(const struct model_config *config)
{
    return config->family == &architecture_qwen2_vl || config->family == &architecture_qwen2_5_vl;
}

static lmvr_status check_language(const struct language_config *l, const char *path, lmvr_error *error)
{
    if (l->encoder_decoder)
        return refuse(path, "its language model is a T5, and llama.cpp reads an image for LLaMA's family only", error);
    if (l->activation != ACTIVATION_SILU)
        return refuse(path, "the activation of its language model is not SiLU", error);
    if (l->end_token_count > MOST_ENDS)
        return refuse(path, "it has more than three end tokens", error);
    if (l->max_positions < 1)
        return refuse(path, "its language model has no number of positions", error);
    return LMVR_OK;
}

static bool is_plain(const struct preprocess *p, enum image_filter filter)
{
    bool byte = fabs(p->rescale_factor * 255 - 1) < 1e-6;
    return p->do_resize && p->do_rescale && p->do_normalize && byte && p->filter == filter;
}

/* What llama.cpp does to a picture before an encoder of this kind, as gguf_config.c reads it. */
static bool prepares_pictures_as_said(const struct model_config *config, enum gguf_content content)
{
    const struct preprocess *p = &config->preprocess;
    int size = config->vision.image_size;
    switch (p->way) {
    case VIEWS_FIXED:
        if (!config->vision.family->class_token)
            return is_plain(p, FILTER_BICUBIC) && !p->do_center_crop && p->width == size && p->height == size;
        return is_plain(p, FILTER_BICUBIC) && p->do_center_crop && p->shortest_edge == size && p->crop_width == size &&
               p->crop_height == size;
    case VIEWS_ANYRES:
        return is_plain(p, FILTER_BICUBIC);
    case VIEWS_TILES:
        return is_plain(p, FILTER_LANCZOS) && p->do_split && p->longest_edge > 0;
    default:
        return is_plain(p, FILTER_BICUBIC) && content >= GGUF_QWEN2;
    }
}

/* Of the two kinds of GELU a file means the one that its encoder is known for. */
static bool has_known_activation(const struct vision_config *v, enum gguf_content content)
{
    bool tanh = content == GGUF_IDEFICS3 || content == GGUF_QWEN3 || (content == GGUF_LLAVA && !v->family->class_token);
    return v->activation == ACTIVATION_SILU || v->activation == ACTIVATION_QUICK_GELU ||
           v->activation == (tanh ? ACTIVATION_GELU_TANH : ACTIVATION_GELU);
}

static lmvr_status check_projector(const struct model_config *config, const char *path, lmvr_error *error)
{
    const struct projector_config *p = &config->projector;
    if (p->linear)
        return refuse(path, "its projector has one layer", error);
    if (p->activation != ACTIVATION_GELU)
        return refuse(path, "the activation of its projector is not GELU", error);
    if (config->vision.family->class_token && !p->drop_class)
        return refuse(path, "its projector reads the class token, too", error);
    if (p->feature_layers[p->feature_layer_count - 1] < 1)
        return refuse(path, "its projector reads what goes into the encoder's first block", error);
    for (int i = 1; i < p->feature_layer_count; i++)
        if (p->feature_layers[i] <= p->feature_layers[i - 1])
            return refuse(path, "its feature layers are not in ascending order", error);
    return LMVR_OK;
}

/* Windows are in all blocks but every n-th: n; 0: they are not so. */
static int window_pattern(const struct vision_config *v)
{
    int every = 1;
    while (every <= v->blocks && !(v->whole[(every - 1) / 64] >> (every - 1) % 64 & 1))
        every++;
    for (int i = 0; i < v->blocks; i++)
        if ((v->whole[i / 64] >> i % 64 & 1) != ((i + 1) % every == 0))
            return 0;
    return every;
}

static enum gguf_content content_of(const struct architecture *family)
{
    return family == &architecture_idefics3 || family == &architecture_smolvlm ? GGUF_IDEFICS3
           : family == &architecture_qwen2_vl                                  ? GGUF_QWEN2
           : family == &architecture_qwen2_5_vl                                ? GGUF_QWEN2_5
           : family == &architecture_qwen3_vl                                  ? GGUF_QWEN3
                                                                               : GGUF_LLAVA;
}

lmvr_status gguf_naming_for(const struct model_config *config, const char *path, struct gguf_naming *naming, lmvr_error *error)
{
    *naming = (struct gguf_naming){.content = content_of(config->family)};
    bool llava = config->family == &architecture_llava || config->family == &architecture_llava_next;
    if (!config->has_language)
        return refuse(path, "it has no language model", error);
    if (config->embedding.feature)
        return refuse(path, "it is an embedding model", error);
    TRY(check_language(&config->language, path, error));
    if (naming->content == GGUF_LLAVA && !llava)
        return refuse(path, "llama.cpp has no such architecture", error);
    if (llava)
        TRY(check_projector(config, path, error));
    if (!prepares_pictures_as_said(config, naming->content))
        return refuse(path, "its pictures are resized, cut or scaled as no key can say", error);
    if (config->language.rope.scaling >= ROPE_LLAMA3 && strcmp(gguf_architecture_for(config), "llama") != 0)
        return refuse(path, "its positions are scaled by a table, which llama.cpp reads for LLaMA alone", error);
    if (config->language.rope.scaling >= ROPE_LLAMA3 && config->language.head_dim / 2 > ROPE_MAX_FACTORS)
        return refuse(path, "its heads are too wide for scaled positions", error);
    if (!has_known_activation(&config->vision, naming->content))
        return refuse(path, "the activation of its encoder is not SiLU, QuickGELU or its kind's GELU", error);
    if (config->vision.window && window_pattern(&config->vision) == 0)
        return refuse(path, "its windows follow no pattern", error);
    for (int i = 1; i < config->merger.levels; i++)
        naming->deep[naming->deep_count++] = config->merger.states[i] - 1;
    return LMVR_OK;
}

int gguf_encoder_blocks(const struct model_config *config, const struct gguf_naming *naming)
{
    const struct projector_config *p = &config->projector;
    return naming->content == GGUF_LLAVA ? p->feature_layers[p->feature_layer_count - 1] : config->vision.blocks;
}

/* ---- the language model ----------------------------------------------------------------------------------------------- */

const char *gguf_architecture_for(const struct model_config *config)
{
    if (config->family == &architecture_qwen3_vl)
        return "qwen3vl";
    if (is_qwen2_vl(config))
        return "qwen2vl";
    return config->language.qkv_bias && !config->language.out_bias ? "qwen2" : "llama";
}

/* Where keys go, and how they begin. */
struct section {
    struct gguf_writer *writer;
    const char *prefix;
};

static const char *key_of(const struct section *s, const char *name, char key[MAX_KEY])
{
    snprintf(key, MAX_KEY, "%s.%s", s->prefix, name);
    return key;
}

static void write_int(const struct section *s, const char *name, int value)
{
    char key[MAX_KEY];
    gguf_write_u32(s->writer, key_of(s, name, key), (uint32_t)value);
}

static void write_float(const struct section *s, const char *name, float value)
{
    char key[MAX_KEY];
    gguf_write_f32(s->writer, key_of(s, name, key), value);
}

static void write_rope(const struct section *s, const struct rope_config *rope)
{
    char key[MAX_KEY];
    const int32_t sections[] = {rope->sections[0], rope->sections[1], rope->sections[2], 0};
    write_float(s, "rope.freq_base", rope->theta);
    if (rope->scaling == ROPE_LINEAR) {
        gguf_write_string(s->writer, key_of(s, "rope.scaling.type", key), "linear");
        write_float(s, "rope.scaling.factor", rope->factor);
    }
    if (sections[0] + sections[1] + sections[2] > 0)
        gguf_write_i32s(s->writer, key_of(s, "rope.dimension_sections", key), sections, COUNT(sections));
}

static void write_tokens(const struct language_config *l, int32_t begin, struct gguf_writer *writer)
{
    int32_t named = begin >= 0 ? begin : l->begin_token;
    gguf_write_bool(writer, "tokenizer.ggml.add_bos_token", begin >= 0);
    if (named >= 0)
        gguf_write_u32(writer, "tokenizer.ggml.bos_token_id", (uint32_t)named);
    for (int i = 0; i < l->end_token_count && i < MOST_ENDS; i++)
        gguf_write_u32(writer, ends[i], (uint32_t)l->end_tokens[i]);
}

void gguf_write_language_keys(const struct model_config *config, int32_t begin, struct gguf_writer *writer)
{
    const struct language_config *l = &config->language;
    const struct section s = {writer, gguf_architecture_for(config)};
    write_int(&s, "vocab_size", l->vocabulary);
    write_int(&s, "context_length", l->max_positions);
    write_int(&s, "embedding_length", l->width);
    write_int(&s, "block_count", l->blocks);
    write_int(&s, "feed_forward_length", l->mlp_width);
    write_int(&s, "attention.head_count", l->heads);
    write_int(&s, "attention.head_count_kv", l->kv_heads);
    write_int(&s, "attention.key_length", l->head_dim);
    write_int(&s, "attention.value_length", l->head_dim);
    write_float(&s, "attention.layer_norm_rms_epsilon", l->rms_norm_eps);
    write_int(&s, "rope.dimension_count", l->head_dim);
    write_rope(&s, &l->rope);
    if (config->merger.levels > 1)
        write_int(&s, "n_deepstack_layers", config->merger.levels - 1);
    write_tokens(l, begin, writer);
}

/* ---- the encoder ------------------------------------------------------------------------------------------------------ */

static void write_projector_type(enum gguf_content content, struct gguf_writer *writer)
{
    gguf_write_bool(writer, "clip.has_text_encoder", false);
    gguf_write_bool(writer, "clip.has_vision_encoder", true);
    gguf_write_bool(writer, "clip.has_llava_projector", content == GGUF_LLAVA);
    gguf_write_string(writer, "clip.projector_type", gguf_projector_name(content));
}

static void write_activation(enum activation activation, struct gguf_writer *writer)
{
    gguf_write_bool(writer, "clip.use_gelu", activation == ACTIVATION_GELU || activation == ACTIVATION_GELU_TANH);
    gguf_write_bool(writer, "clip.use_silu", activation == ACTIVATION_SILU);
}

static void write_pixels(const struct preprocess *p, struct gguf_writer *writer)
{
    float mean[3], std[3];
    for (int i = 0; i < 3; i++) {
        mean[i] = (float)p->mean[i];
        std[i] = (float)p->std[i];
    }
    gguf_write_f32s(writer, "clip.vision.image_mean", mean, 3);
    gguf_write_f32s(writer, "clip.vision.image_std", std, 3);
}

/* llama.cpp takes the last state but one unless layers are named. Grids are widths first. */
static void write_llava(const struct model_config *config, struct gguf_writer *writer)
{
    const struct preprocess *p = &config->preprocess;
    int32_t grids[2 * PREPROCESS_MAX_GRIDS];
    gguf_write_i32s(writer, "clip.vision.feature_layer", config->projector.feature_layers,
                    (size_t)config->projector.feature_layer_count);
    if (p->way != VIEWS_ANYRES) {
        gguf_write_string(writer, "clip.vision.image_aspect_ratio", p->pad_to_square ? "pad" : "square");
        return;
    }
    for (int i = 0; i < p->grid_count; i++) {
        grids[2 * i] = p->grids[i].width;
        grids[2 * i + 1] = p->grids[i].height;
    }
    gguf_write_i32s(writer, "clip.vision.image_grid_pinpoints", grids, 2 * (size_t)p->grid_count);
    gguf_write_string(writer, "clip.vision.mm_patch_merge_type", "spatial_unpad");
}

static void write_idefics3(const struct model_config *config, const struct section *s)
{
    write_int(s, "projector.scale_factor", config->vision.merge);
    write_int(s, "preproc_image_size", config->preprocess.longest_edge);
}

static void write_qwen(const struct model_config *config, const struct gguf_naming *naming, const struct section *s)
{
    const struct vision_config *v = &config->vision;
    bool deep[CONFIG_MAX_BLOCKS] = {false};
    write_int(s, "spatial_merge_size", v->merge);
    write_int(s, "image_min_pixels", config->preprocess.min_pixels);
    write_int(s, "image_max_pixels", config->preprocess.max_pixels);
    if (v->window) {
        write_int(s, "window_size", v->window * v->merge * v->patch_size);
        write_int(s, "n_wa_pattern", window_pattern(v));
    }
    for (int i = 0; i < naming->deep_count; i++)
        deep[naming->deep[i]] = true;
    if (naming->content == GGUF_QWEN3)
        gguf_write_bools(s->writer, "clip.vision.is_deepstack_layers", deep, (size_t)v->blocks);
}

/* Of encoders of any size, the size that llama.cpp's converter gives. */
static int image_size(const struct vision_config *v)
{
    if (v->image_size)
        return v->image_size;
    return v->position_side ? v->position_side * v->patch_size : 560;
}

void gguf_write_encoder_keys(const struct model_config *config, const struct gguf_naming *naming, struct gguf_writer *writer)
{
    const struct vision_config *v = &config->vision;
    const struct section s = {writer, "clip.vision"};
    write_projector_type(naming->content, writer);
    write_int(&s, "image_size", image_size(v));
    write_int(&s, "patch_size", v->patch_size);
    write_int(&s, "embedding_length", v->width);
    write_int(&s, "feed_forward_length", v->mlp_width);
    write_int(&s, "projection_dim", config->language.width);
    write_int(&s, "block_count", gguf_encoder_blocks(config, naming));
    write_int(&s, "attention.head_count", v->heads);
    write_float(&s, "attention.layer_norm_epsilon", v->layer_norm_eps);
    write_activation(v->activation, writer);
    write_pixels(&config->preprocess, writer);
    if (naming->content == GGUF_LLAVA)
        write_llava(config, writer);
    else if (naming->content == GGUF_IDEFICS3)
        write_idefics3(config, &s);
    else
        write_qwen(config, naming, &s);
}
