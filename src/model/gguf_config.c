#include "model/gguf_config.h"

#include "format/hash.h"
#include "model/gguf_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define MOST       (1 << 24) /* of any number that says how many or how large; config_parse() knows better */
#define MAX_KEY    128
#define MAX_VALUES 4096 /* in an array */
#define CONTROL    3    /* llama.cpp's number of this type of token */

/* One of the two files, and what it is. */
struct part {
    const struct gguf *file;
    const char *path;
    char architecture[16];
    struct gguf_naming naming;
};

struct pair {
    struct part language, vision;
};

/* ---- keys and shapes -------------------------------------------------------------------------------------------------- */

static const struct gguf_tensor *find(const struct part *part, const char *format, int number)
{
    char name[MAX_KEY];
    const char *place = strchr(format, '%');
    if (place)
        snprintf(name, sizeof name, "%.*s%d%s", (int)(place - format), format, number, place + 2);
    return gguf_find(part->file, place ? name : format);
}

/* How long a tensor is in one of its dimensions, the first being 0. */
static lmvr_status side_of(const struct part *part, const char *name, int dim, int64_t *side, lmvr_error *error)
{
    const struct gguf_tensor *tensor = gguf_find(part->file, name);
    if (!tensor)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s is missing", part->path, name);
    if (tensor->dims <= dim || tensor->shape[dim] < 1 || tensor->shape[dim] > MOST)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor %s has an impossible shape", part->path, name);
    *side = tensor->shape[dim];
    return LMVR_OK;
}

/* "llama.block_count": keys begin with what the file is. */
static const char *key_of(const struct part *part, const char *name, char key[MAX_KEY])
{
    snprintf(key, MAX_KEY, "%s.%s", strcmp(part->architecture, "clip") == 0 ? "clip.vision" : part->architecture, name);
    return key;
}

static bool has(const struct part *part, const char *name)
{
    char key[MAX_KEY];
    return gguf_has(part->file, key_of(part, name, key));
}

static lmvr_status integer(const struct part *part, const char *name, int64_t least, int64_t *value, lmvr_error *error)
{
    char key[MAX_KEY];
    return gguf_integer(part->file, key_of(part, name, key), least, MOST, value, error);
}

/* What GGUF calls so, JSON calls so. */
struct key {
    const char *gguf, *json;
    bool optional, real;
};

static lmvr_status copy(const struct part *part, const struct key *keys, size_t count, json_t *to, lmvr_error *error)
{
    for (size_t i = 0; i < count; i++) {
        char key[MAX_KEY];
        double number = 0;
        int64_t whole = 0;
        if (keys[i].optional && !has(part, keys[i].gguf))
            continue;
        key_of(part, keys[i].gguf, key);
        if (keys[i].real)
            TRY(gguf_number(part->file, key, &number, error));
        else
            TRY(gguf_integer(part->file, key, 1, MOST, &whole, error));
        json_object_set_new(to, keys[i].json, keys[i].real ? json_real(number) : json_integer(whole));
    }
    return LMVR_OK;
}

static lmvr_status copy_list(const struct part *part, const char *name, const char *json, bool whole, json_t *to,
                             lmvr_error *error)
{
    char key[MAX_KEY];
    double *values = NULL;
    size_t count = 0;
    TRY(gguf_numbers(part->file, key_of(part, name, key), &values, &count, error));
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < MAX_VALUES; i++) {
        bool fits = values[i] >= -MOST && values[i] <= MOST;
        json_array_append_new(list, whole ? json_integer(fits ? (json_int_t)values[i] : -1) : json_real(values[i]));
    }
    free(values);
    json_object_set_new(to, json, list);
    return LMVR_OK;
}

static bool flag(const struct part *part, const char *key, bool missing)
{
    bool value = missing;
    lmvr_error unknown;
    return gguf_bool(part->file, key, &value, &unknown) == LMVR_OK ? value : missing;
}

static bool text_is(const struct part *part, const char *key, const char *expected)
{
    struct gguf_text text;
    lmvr_error unknown;
    return gguf_string(part->file, key, &text, &unknown) == LMVR_OK && text.length == strlen(expected) &&
           memcmp(text.bytes, expected, text.length) == 0;
}

/* ---- the language model ----------------------------------------------------------------------------------------------- */

/* llama.cpp scales LLaMA 3.1's frequencies by a table. */
static lmvr_status add_frequencies(const struct part *part, json_t *rope, lmvr_error *error)
{
    const struct gguf_tensor *tensor = gguf_find(part->file, "rope_freqs.weight");
    if (!tensor)
        return LMVR_OK;
    size_t count = (size_t)tensor->size / sizeof(float);
    if (tensor->dims != 1 || strcmp(tensor->type->name, "F32") != 0 || count > MAX_VALUES)
        return error_set(error, LMVR_ERROR_INVALID, "%s: tensor rope_freqs.weight is not a list of at most %d F32", part->path,
                         MAX_VALUES);
    float *factors = calloc(count + 1, sizeof *factors);
    if (!factors)
        return error_no_memory(error, part->path);
    lmvr_status status = gguf_read(part->file, tensor, 0, tensor->size, factors, error);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_real((double)factors[i])); /* what is not finite is refused as no number */
    json_object_set_new(rope, "freq_factors", list);
    free(factors);
    return status;
}

static lmvr_status add_rope(const struct part *part, json_t *text, lmvr_error *error)
{
    char key[MAX_KEY];
    double factor = 1;
    json_t *rope = json_pack("{s:s}", "rope_type", "default");
    json_object_set_new(text, "rope_scaling", rope);
    bool linear = text_is(part, key_of(part, "rope.scaling.type", key), "linear");
    if (has(part, "rope.scaling.type") && !linear && !text_is(part, key, "none"))
        return error_set(error, LMVR_ERROR_INVALID, "%s: key %s is not none or linear, which are read", part->path, key);
    if (linear) {
        TRY(gguf_number(part->file, key_of(part, "rope.scaling.factor", key), &factor, error));
        json_object_set_new(rope, "rope_type", json_string("linear"));
        json_object_set_new(rope, "factor", json_real(factor));
    }
    if (strcmp(part->architecture, "llama") != 0 && strcmp(part->architecture, "qwen2") != 0) {
        TRY(copy_list(part, "rope.dimension_sections", "mrope_section", true, rope, error));
        json_array_remove(json_object_get(rope, "mrope_section"), 3); /* of video and sound: a fourth, unused */
    }
    return add_frequencies(part, rope, error);
}

/* Only whole heads are turned. */
static lmvr_status check_turned(const struct part *part, const json_t *text, lmvr_error *error)
{
    int64_t turned = 0, heads = json_integer_value(json_object_get(text, "num_attention_heads"));
    const json_t *head_dim = json_object_get(text, "head_dim");
    int64_t width = head_dim ? json_integer_value(head_dim) : json_integer_value(json_object_get(text, "hidden_size")) / heads;
    if (!has(part, "rope.dimension_count"))
        return LMVR_OK;
    TRY(integer(part, "rope.dimension_count", 1, &turned, error));
    if (turned == width)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: key %s.rope.dimension_count is %lld, expected %lld, all of a head",
                     part->path, part->architecture, (long long)turned, (long long)width);
}

static lmvr_status add_begin(const struct part *part, json_t *text, lmvr_error *error)
{
    int64_t id = 1;
    bool llama3 = text_is(part, "tokenizer.ggml.pre", "llama-bpe"), llama = text_is(part, "tokenizer.ggml.model", "llama");
    if (!flag(part, "tokenizer.ggml.add_bos_token", llama3 || llama))
        return LMVR_OK;
    if (!llama || gguf_has(part->file, "tokenizer.ggml.bos_token_id")) /* else LLaMA's own */
        TRY(gguf_integer(part->file, "tokenizer.ggml.bos_token_id", 0, MOST, &id, error));
    json_object_set_new(text, "bos_token_id", json_integer(id));
    return LMVR_OK;
}

static lmvr_status make_text(const struct part *part, json_t *text, lmvr_error *error)
{
    static const struct key keys[] = {
        {"context_length", "max_position_embeddings", false, false},
        {"embedding_length", "hidden_size", false, false},
        {"feed_forward_length", "intermediate_size", false, false},
        {"block_count", "num_hidden_layers", false, false},
        {"attention.head_count", "num_attention_heads", false, false},
        {"attention.head_count_kv", "num_key_value_heads", true, false},
        {"attention.key_length", "head_dim", true, false},
        {"attention.sliding_window", "sliding_window", true, false},
        {"attention.layer_norm_rms_epsilon", "rms_norm_eps", false, true},
        {"rope.freq_base", "rope_theta", true, true},
    };
    int64_t rows = 0;
    bool llama = strcmp(part->architecture, "llama") == 0, bias = find(part, "blk.%d.attn_q.bias", 0);
    TRY(copy(part, keys, COUNT(keys), text, error));
    if (!has(part, "rope.freq_base"))
        json_object_set_new(text, "rope_theta", json_real(10000));
    if (!json_object_get(text, "num_key_value_heads"))
        json_object_set(text, "num_key_value_heads", json_object_get(text, "num_attention_heads"));
    TRY(side_of(part, "token_embd.weight", 0, &rows, error));
    json_object_set_new(text, "vocab_size", json_integer(rows));
    json_object_set_new(text, "hidden_act", json_string("silu"));
    if (llama || strcmp(part->architecture, "qwen2") == 0)
        json_object_set_new(text, "model_type", json_string(part->architecture));
    json_object_set_new(text, "attention_bias", json_boolean(bias));
    json_object_set_new(text, "mlp_bias", json_boolean(find(part, "blk.%d.ffn_gate.bias", 0)));
    TRY(check_turned(part, text, error));
    TRY(add_begin(part, text, error));
    return add_rope(part, text, error);
}

/* ---- where responses end ---------------------------------------------------------------------------------------------- */

/* Texts of tokens that end a turn in one of the chat templates; the file names one or two of a model's tokens alone. */
static const char *const ends[] = {"<|im_end|>",      "<|endoftext|>",      "<|eot_id|>",
                                   "<|end_of_text|>", "<end_of_utterance>", "</s>"};

static void add_end(json_t *list, json_int_t id)
{
    size_t index;
    json_t *known;
    json_array_foreach(list, index, known) if (json_integer_value(known) == id) return;
    if (json_array_size(list) < CONFIG_MAX_END_TOKENS)
        json_array_append_new(list, json_integer(id));
}

/* Only control tokens: the same text may be an ordinary piece. */
static lmvr_status add_ends_by_text(const struct part *part, const struct gguf_text *tokens, size_t count, json_t *list,
                                    lmvr_error *error)
{
    double *types = NULL;
    size_t type_count = 0;
    if (gguf_has(part->file, "tokenizer.ggml.token_type"))
        TRY(gguf_numbers(part->file, "tokenizer.ggml.token_type", &types, &type_count, error));
    for (size_t i = 0; i < count && i < type_count; i++)
        for (size_t e = 0; e < COUNT(ends) && types[i] == CONTROL; e++)
            if (tokens[i].length == strlen(ends[e]) && memcmp(tokens[i].bytes, ends[e], tokens[i].length) == 0)
                add_end(list, (json_int_t)i);
    free(types);
    return LMVR_OK;
}

static lmvr_status make_generation(const struct part *part, json_t *generation, lmvr_error *error)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    json_t *list = json_array();
    struct gguf_text *tokens = NULL;
    size_t count = 0;
    json_object_set_new(generation, "eos_token_id", list);
    if (!gguf_has(part->file, keys[0]) && text_is(part, "tokenizer.ggml.model", "llama"))
        add_end(list, 2); /* LLaMA's own */
    for (size_t i = 0; i < COUNT(keys); i++) {
        int64_t id = 0;
        if (!gguf_has(part->file, keys[i]))
            continue;
        TRY(gguf_integer(part->file, keys[i], 0, MOST, &id, error));
        add_end(list, id);
    }
    TRY(gguf_strings(part->file, "tokenizer.ggml.tokens", &tokens, &count, error));
    lmvr_status status = add_ends_by_text(part, tokens, count, list, error);
    free(tokens);
    return status;
}

/* ---- the encoder ------------------------------------------------------------------------------------------------------ */

static const char *activation(const struct part *part, const char *gelu)
{
    if (flag(part, "clip.use_silu", false))
        return "silu";
    return flag(part, "clip.use_gelu", false) ? gelu : "quick_gelu";
}

/* The MLP's width: a key that old files have as 0, and Qwen2-VL's as another's. */
static lmvr_status mlp_width(const struct part *part, int64_t *width, lmvr_error *error)
{
    return side_of(part, part->naming.swapped ? "v.blk.0.ffn_down.weight" : "v.blk.0.ffn_up.weight", 0, width, error);
}

static lmvr_status add_image_size(const struct part *part, json_t *vision, int64_t *size, lmvr_error *error)
{
    TRY(integer(part, "image_size", 1, size, error));
    json_object_set_new(vision, "image_size", json_integer(*size));
    return LMVR_OK;
}

static lmvr_status make_tower(const struct part *part, const char *gelu, json_t *vision, lmvr_error *error)
{
    static const struct key keys[] = {
        {"patch_size", "patch_size", false, false},
        {"embedding_length", "hidden_size", false, false},
        {"block_count", "num_hidden_layers", false, false},
        {"attention.head_count", "num_attention_heads", false, false},
        {"attention.layer_norm_epsilon", "layer_norm_eps", false, true},
    };
    int64_t width = 0;
    TRY(copy(part, keys, COUNT(keys), vision, error));
    TRY(mlp_width(part, &width, error));
    json_object_set_new(vision, "intermediate_size", json_integer(width));
    json_object_set_new(vision, "hidden_act", json_string(activation(part, gelu)));
    return LMVR_OK;
}

/* The keys that all processors have; GGUF knows no other way of resizing and scaling than theirs. */
static lmvr_status make_pixels(const struct part *part, json_t *processor, lmvr_error *error)
{
    TRY(copy_list(part, "image_mean", "image_mean", false, processor, error));
    return copy_list(part, "image_std", "image_std", false, processor, error);
}

/* ---- LLaVA ------------------------------------------------------------------------------------------------------------ */

/* Grids come in LLaVA's own order, widths first, one after the other. */
static lmvr_status add_grids(const struct part *part, json_t *processor, lmvr_error *error)
{
    json_t *grids = json_array();
    TRY(copy_list(part, "image_grid_pinpoints", "image_grid_pinpoints", true, processor, error));
    const json_t *flat = json_object_get(processor, "image_grid_pinpoints");
    if (json_array_size(flat) % 2 != 0 || json_array_size(flat) == 0) {
        json_decref(grids);
        return error_set(error, LMVR_ERROR_INVALID, "%s: key clip.vision.image_grid_pinpoints has %zu numbers, expected pairs",
                         part->path, json_array_size(flat));
    }
    for (size_t i = 0; i < json_array_size(flat); i += 2)
        json_array_append_new(grids, json_pack("[O, O]", json_array_get(flat, i + 1), json_array_get(flat, i)));
    json_object_set_new(processor, "image_grid_pinpoints", grids);
    return LMVR_OK;
}

static lmvr_status make_llava_processor(const struct part *part, bool clip, bool grids, json_int_t size, json_t *processor,
                                        lmvr_error *error)
{
    const char *type = grids ? "LlavaNextImageProcessor" : clip ? "CLIPImageProcessor" : "SiglipImageProcessor";
    json_object_set_new(processor, "image_processor_type", json_string(type));
    if (!clip && !grids) {
        json_object_set_new(processor, "size", json_pack("{s:I, s:I}", "height", size, "width", size));
        return LMVR_OK;
    }
    json_object_set_new(processor, "size", json_pack("{s:I}", "shortest_edge", size));
    json_object_set_new(processor, "crop_size", json_pack("{s:I, s:I}", "height", size, "width", size));
    if (grids)
        return add_grids(part, processor, error);
    /* LLaVA 1.5 was trained on padded pictures; files say nothing, or what they were trained on */
    if (!has(part, "image_aspect_ratio") || text_is(part, "clip.vision.image_aspect_ratio", "pad"))
        json_object_set_new(processor, "image_aspect_ratio", json_string("pad"));
    return LMVR_OK;
}

static lmvr_status make_llava(const struct pair *pair, json_t *config, json_t *vision, json_t *processor, lmvr_error *error)
{
    const struct part *part = &pair->vision;
    bool clip = gguf_find(part->file, "v.class_embd");
    bool grids = gguf_find(part->file, "v.image_newline") || gguf_find(part->file, "model.image_newline");
    int64_t size = 0;
    json_object_set_new(config, "model_type", json_string(grids ? "llava_next" : "llava"));
    json_object_set_new(vision, "model_type", json_string(clip ? "clip_vision_model" : "siglip_vision_model"));
    TRY(add_image_size(part, vision, &size, error));
    TRY(make_tower(part, clip ? "gelu" : "gelu_pytorch_tanh", vision, error));
    json_object_set_new(config, "vision_feature_select_strategy", json_string(clip ? "default" : "full"));
    json_object_set_new(config, "multimodal_projector_bias", json_boolean(gguf_find(part->file, "mm.0.bias")));
    /* blocks behind the state that is read are not in the file */
    json_object_set_new(config, "vision_feature_layer", json_integer(-1));
    if (has(part, "feature_layer"))
        TRY(copy_list(part, "feature_layer", "vision_feature_layer", true, config, error));
    return make_llava_processor(part, clip, grids, size, processor, error);
}

/* ---- Idefics3 and SmolVLM --------------------------------------------------------------------------------------------- */

static lmvr_status make_idefics3(const struct pair *pair, json_t *config, json_t *vision, json_t *processor, lmvr_error *error)
{
    const struct part *part = &pair->vision;
    int64_t size = 0, scale = 0;
    json_object_set_new(config, "model_type", json_string("idefics3"));
    TRY(add_image_size(part, vision, &size, error));
    TRY(make_tower(part, "gelu_pytorch_tanh", vision, error));
    TRY(integer(part, "projector.scale_factor", 1, &scale, error));
    json_object_set_new(config, "scale_factor", json_integer(scale));
    int64_t edge = 4 * size; /* transformers' default */
    if (has(part, "preproc_image_size"))
        TRY(integer(part, "preproc_image_size", 1, &edge, error));
    json_object_set_new(processor, "size", json_pack("{s:I}", "longest_edge", (json_int_t)edge));
    json_object_set_new(processor, "max_image_size", json_pack("{s:I}", "longest_edge", (json_int_t)size));
    return LMVR_OK;
}

/* ---- Qwen-VL ---------------------------------------------------------------------------------------------------------- */

/* The limits are in few files; without them they are those of the models on the hub. */
static lmvr_status make_qwen_processor(const struct part *part, json_t *vision, json_t *processor, lmvr_error *error)
{
    static const struct key keys[] = {{"patch_size", "patch_size", false, false},
                                      {"spatial_merge_size", "merge_size", true, false},
                                      {"image_min_pixels", "min_pixels", true, false},
                                      {"image_max_pixels", "max_pixels", true, false}};
    bool third = part->naming.content == GGUF_QWEN3;
    json_object_set_new(processor, "min_pixels", json_integer(third ? 65536 : 3136));
    json_object_set_new(processor, "max_pixels", json_integer(third ? 16777216 : 12845056));
    json_object_set_new(processor, "merge_size", json_integer(2));
    TRY(copy(part, keys, COUNT(keys), processor, error));
    json_object_set(vision, "patch_size", json_object_get(processor, "patch_size"));
    json_object_set(vision, "spatial_merge_size", json_object_get(processor, "merge_size"));
    return LMVR_OK;
}

static lmvr_status make_windows(const struct part *part, json_t *vision, lmvr_error *error)
{
    static const struct key keys[] = {{"window_size", "window_size", true, false}};
    int64_t every = 0, blocks = 0;
    TRY(copy(part, keys, COUNT(keys), vision, error));
    if (!has(part, "n_wa_pattern"))
        return LMVR_OK;
    TRY(integer(part, "n_wa_pattern", 1, &every, error));
    TRY(integer(part, "block_count", 1, &blocks, error));
    json_t *whole = json_array();
    for (int64_t block = every - 1; block < blocks && block < CONFIG_MAX_BLOCKS; block += every)
        json_array_append_new(whole, json_integer(block));
    json_object_set_new(vision, "fullatt_block_indexes", whole);
    return LMVR_OK;
}

static lmvr_status make_deepstack(const struct part *part, json_t *vision, lmvr_error *error)
{
    int64_t positions = 0;
    json_t *deep = json_array();
    for (int i = 0; i < part->naming.deep_count; i++)
        json_array_append_new(deep, json_integer(part->naming.deep[i]));
    json_object_set_new(vision, "deepstack_visual_indexes", deep);
    TRY(side_of(part, "v.position_embd.weight", 0, &positions, error));
    json_object_set_new(vision, "num_position_embeddings", json_integer(positions));
    return LMVR_OK;
}

static lmvr_status make_qwen(const struct pair *pair, json_t *config, json_t *vision, json_t *processor, lmvr_error *error)
{
    static const struct key keys[] = {{"block_count", "depth", false, false},
                                      {"attention.head_count", "num_heads", false, false}};
    const struct part *part = &pair->vision;
    bool second = part->naming.content == GGUF_QWEN2, third = part->naming.content == GGUF_QWEN3;
    int64_t width = 0, mlp = 0, out = 0;
    json_object_set_new(config, "model_type", json_string(second ? "qwen2_vl" : third ? "qwen3_vl" : "qwen2_5_vl"));
    TRY(copy(part, keys, COUNT(keys), vision, error));
    TRY(integer(part, "embedding_length", 1, &width, error));
    TRY(mlp_width(part, &mlp, error));
    TRY(side_of(part, "mm.2.weight", 0, &out, error));
    json_object_set_new(vision, second ? "embed_dim" : "hidden_size", json_integer(width));
    json_object_set_new(vision, second ? "hidden_size" : "out_hidden_size", json_integer(out));
    if (second) /* the half lets the product be rounded down to it */
        json_object_set_new(vision, "mlp_ratio", json_real(((double)mlp + 0.5) / (double)width));
    else
        json_object_set_new(vision, "intermediate_size", json_integer(mlp));
    json_object_set_new(vision, "hidden_act", json_string(activation(part, third ? "gelu_pytorch_tanh" : "gelu")));
    TRY(make_qwen_processor(part, vision, processor, error));
    if (third)
        return make_deepstack(part, vision, error);
    return second ? LMVR_OK : make_windows(part, vision, error);
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

/* Which language model an encoder belongs to. */
static lmvr_status check_pair(const struct pair *pair, lmvr_error *error)
{
    static const char *const fitting[][2] = {[GGUF_LLAVA] = {"llama", "qwen2"},
                                             [GGUF_IDEFICS3] = {"llama", "qwen2"},
                                             [GGUF_QWEN2] = {"qwen2vl", "qwen2vl"},
                                             [GGUF_QWEN2_5] = {"qwen2vl", "qwen2vl"},
                                             [GGUF_QWEN3] = {"qwen3vl", "qwen3vl"}};
    const char *const *names = fitting[pair->vision.naming.content];
    if (strcmp(pair->language.architecture, names[0]) == 0 || strcmp(pair->language.architecture, names[1]) == 0)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: is the encoder of a model of architecture %s, but %s is of %s",
                     pair->vision.path, names[0], pair->language.path, pair->language.architecture);
}

static lmvr_status make_texts(const struct pair *pair, struct gguf_texts *texts, lmvr_error *error)
{
    json_t *text = json_object(), *vision = json_object();
    lmvr_status (*make)(const struct pair *, json_t *, json_t *, json_t *, lmvr_error *) =
        pair->vision.naming.content == GGUF_LLAVA      ? make_llava
        : pair->vision.naming.content == GGUF_IDEFICS3 ? make_idefics3
                                                       : make_qwen;
    json_object_set_new(texts->config, "text_config", text);
    json_object_set_new(texts->config, "vision_config", vision);
    json_object_set_new(texts->config, "tie_word_embeddings", json_boolean(!gguf_find(pair->language.file, "output.weight")));
    TRY(check_pair(pair, error));
    TRY(make_text(&pair->language, text, error));
    TRY(make_generation(&pair->language, texts->generation, error));
    TRY(make(pair, texts->config, vision, texts->processor, error));
    return make_pixels(&pair->vision, texts->processor, error);
}

static lmvr_status read_template(const struct part *part, struct gguf_texts *texts, lmvr_error *error)
{
    struct gguf_text text;
    if (!gguf_has(part->file, "tokenizer.chat_template"))
        return LMVR_OK;
    TRY(gguf_string(part->file, "tokenizer.chat_template", &text, error));
    texts->chat_template = strndup(text.bytes, text.length);
    return texts->chat_template ? LMVR_OK : error_no_memory(error, part->path);
}

static lmvr_status describe(struct part *part, const struct gguf *file, const char *path, lmvr_error *error)
{
    struct gguf_text name;
    *part = (struct part){.file = file, .path = path};
    TRY(gguf_naming_of(file, path, &part->naming, error));
    TRY(gguf_string(file, "general.architecture", &name, error));
    snprintf(part->architecture, sizeof part->architecture, "%.*s", (int)name.length, name.bytes);
    return LMVR_OK;
}

static lmvr_status read_files(const struct gguf_pair *names, const struct gguf *language, const struct gguf *vision,
                              struct gguf_texts *texts, lmvr_error *error)
{
    struct pair pair;
    uint64_t hash = gguf_hash(vision);
    TRY(describe(&pair.language, language, names->language, error));
    TRY(describe(&pair.vision, vision, names->vision, error));
    texts->hash = hash_bytes(gguf_hash(language), &hash, sizeof hash);
    TRY(make_texts(&pair, texts, error));
    return read_template(&pair.language, texts, error);
}

lmvr_status gguf_texts_read(const struct gguf_pair *pair, struct gguf_texts *texts, lmvr_error *error)
{
    struct gguf *language = NULL, *vision = NULL;
    *texts = (struct gguf_texts){.config = json_object(), .processor = json_object(), .generation = json_object()};
    if (!texts->config || !texts->processor || !texts->generation)
        return error_no_memory(error, pair->language);
    lmvr_status status = gguf_open(pair->language, &language, error);
    if (status == LMVR_OK)
        status = gguf_open(pair->vision, &vision, error);
    if (status == LMVR_OK)
        status = read_files(pair, language, vision, texts, error);
    gguf_close(language);
    gguf_close(vision);
    return status;
}

void gguf_texts_finish(const struct gguf_texts *texts)
{
    json_decref(texts->config);
    json_decref(texts->processor);
    json_decref(texts->generation);
    free(texts->chat_template);
}
