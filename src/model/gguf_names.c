#include "model/gguf_names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define ENCODER "vision_tower.vision_model."
#define LAYER   ENCODER "encoder.layers.%d."
#define BLOCK   "visual.blocks.%d."

/* Beginnings of names; %d is a number. What follows, such as "weight", is the same in both. */
struct row {
    const char *gguf, *canonical;
};

static const struct row language[] = {
    {"token_embd.", "language_model.model.embed_tokens."},
    {"output_norm.", "language_model.model.norm."},
    {"output.", "language_model.lm_head."},
    {"blk.%d.attn_norm.", "language_model.model.layers.%d.input_layernorm."},
    {"blk.%d.attn_q.", "language_model.model.layers.%d.self_attn.q_proj."},
    {"blk.%d.attn_k.", "language_model.model.layers.%d.self_attn.k_proj."},
    {"blk.%d.attn_v.", "language_model.model.layers.%d.self_attn.v_proj."},
    {"blk.%d.attn_output.", "language_model.model.layers.%d.self_attn.o_proj."},
    {"blk.%d.attn_q_norm.", "language_model.model.layers.%d.self_attn.q_norm."},
    {"blk.%d.attn_k_norm.", "language_model.model.layers.%d.self_attn.k_norm."},
    {"blk.%d.ffn_norm.", "language_model.model.layers.%d.post_attention_layernorm."},
    {"blk.%d.ffn_gate.", "language_model.model.layers.%d.mlp.gate_proj."},
    {"blk.%d.ffn_up.", "language_model.model.layers.%d.mlp.up_proj."},
    {"blk.%d.ffn_down.", "language_model.model.layers.%d.mlp.down_proj."},
};

/* CLIP's and SigLIP's encoders. */
static const struct row tower[] = {
    {"v.class_embd", ENCODER "embeddings.class_embedding"},
    {"v.patch_embd.", ENCODER "embeddings.patch_embedding."},
    {"v.position_embd.", ENCODER "embeddings.position_embedding."},
    {"v.pre_ln.", ENCODER "pre_layrnorm."},
    {"v.post_ln.", ENCODER "post_layernorm."},
    {"v.blk.%d.ln1.", LAYER "layer_norm1."},
    {"v.blk.%d.ln2.", LAYER "layer_norm2."},
    {"v.blk.%d.attn_q.", LAYER "self_attn.q_proj."},
    {"v.blk.%d.attn_k.", LAYER "self_attn.k_proj."},
    {"v.blk.%d.attn_v.", LAYER "self_attn.v_proj."},
    {"v.blk.%d.attn_out.", LAYER "self_attn.out_proj."},
    {"v.blk.%d.ffn_up.", LAYER "mlp.fc1."},
    {"v.blk.%d.ffn_down.", LAYER "mlp.fc2."},
    {"mm.0.", "multi_modal_projector.linear_1."},
    {"mm.2.", "multi_modal_projector.linear_2."},
    {"v.image_newline", "image_newline"},
    {"model.image_newline", "image_newline"},
    {"mm.model.fc.", "connector.modality_projection.proj."},
};

#define QWEN_ROWS                                                                                                              \
    {"v.patch_embd.", "visual.patch_embed.proj."}, {"v.blk.%d.ln1.", BLOCK "norm1."}, {"v.blk.%d.ln2.", BLOCK "norm2."},       \
        {"v.blk.%d.attn_qkv.", BLOCK "attn.qkv."},                                                                             \
    {                                                                                                                          \
        "v.blk.%d.attn_out.", BLOCK "attn.proj."                                                                               \
    }

static const struct row qwen2[] = {
    QWEN_ROWS,
    {"v.blk.%d.ffn_up.", BLOCK "mlp.fc1."},
    {"v.blk.%d.ffn_down.", BLOCK "mlp.fc2."},
    {"v.post_ln.", "visual.merger.ln_q."},
    {"mm.0.", "visual.merger.mlp.0."},
    {"mm.2.", "visual.merger.mlp.2."},
};

static const struct row qwen2_5[] = {
    QWEN_ROWS,
    {"v.blk.%d.ffn_gate.", BLOCK "mlp.gate_proj."},
    {"v.blk.%d.ffn_up.", BLOCK "mlp.up_proj."},
    {"v.blk.%d.ffn_down.", BLOCK "mlp.down_proj."},
    {"v.post_ln.", "visual.merger.ln_q."},
    {"mm.0.", "visual.merger.mlp.0."},
    {"mm.2.", "visual.merger.mlp.2."},
};

static const struct row qwen3[] = {
    QWEN_ROWS,
    {"v.position_embd.", "visual.pos_embed."},
    {"v.blk.%d.ffn_up.", BLOCK "mlp.linear_fc1."},
    {"v.blk.%d.ffn_down.", BLOCK "mlp.linear_fc2."},
    {"v.post_ln.", "visual.merger.norm."},
    {"mm.0.", "visual.merger.linear_fc1."},
    {"mm.2.", "visual.merger.linear_fc2."},
    {"v.deepstack.%d.norm.", "visual.deepstack_merger_list.%d.norm."},
    {"v.deepstack.%d.fc1.", "visual.deepstack_merger_list.%d.linear_fc1."},
    {"v.deepstack.%d.fc2.", "visual.deepstack_merger_list.%d.linear_fc2."},
};

#define ROWS(array)                                                                                                            \
    {                                                                                                                          \
        array, COUNT(array)                                                                                                    \
    }

static const struct {
    const struct row *rows;
    size_t count;
} contents[] = {[GGUF_LANGUAGE] = ROWS(language), [GGUF_LLAVA] = ROWS(tower),     [GGUF_IDEFICS3] = ROWS(tower),
                [GGUF_QWEN2] = ROWS(qwen2),       [GGUF_QWEN2_5] = ROWS(qwen2_5), [GGUF_QWEN3] = ROWS(qwen3)};

/* ---- which it is ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum gguf_content content;
} architectures[] = {{"llama", GGUF_LANGUAGE},
                     {"qwen2", GGUF_LANGUAGE},
                     {"qwen2vl", GGUF_LANGUAGE},
                     {"qwen3vl", GGUF_LANGUAGE}},
  projectors[] = {{"mlp", GGUF_LLAVA},
                  {"idefics3", GGUF_IDEFICS3},
                  {"qwen2vl_merger", GGUF_QWEN2},
                  {"qwen2.5vl_merger", GGUF_QWEN2_5},
                  {"qwen3vl_merger", GGUF_QWEN3}};

const char *gguf_projector_name(enum gguf_content content)
{
    const char *name = NULL;
    for (size_t i = 0; i < COUNT(projectors); i++)
        name = projectors[i].content == content ? projectors[i].name : name;
    return name;
}

/* The first names of DeepStack's mergers tell which blocks they read. */
static void find_deep(const struct gguf *file, struct gguf_naming *naming)
{
    char name[64];
    for (int block = 0; block < CONFIG_MAX_BLOCKS && naming->deep_count < CONFIG_MAX_LEVELS; block++) {
        snprintf(name, sizeof name, "v.deepstack.%d.norm.weight", block);
        if (gguf_find(file, name))
            naming->deep[naming->deep_count++] = block;
    }
}

/* As in llama.cpp's clip.cpp: shapes tell old names from new ones. */
static bool has_swapped_mlp(const struct gguf *file, enum gguf_content content)
{
    const struct gguf_tensor *down = gguf_find(file, "v.blk.0.ffn_down.weight");
    int64_t width = 0;
    lmvr_error unknown;
    if (content == GGUF_QWEN3 || !down || down->dims != 2 ||
        gguf_integer(file, "clip.vision.embedding_length", 1, INT64_MAX, &width, &unknown) != LMVR_OK)
        return false;
    return down->shape[1] == width;
}

lmvr_status gguf_naming_of(const struct gguf *file, const char *path, struct gguf_naming *naming, lmvr_error *error)
{
    struct gguf_text kind;
    const char *key = "general.architecture";
    *naming = (struct gguf_naming){.content = GGUF_LANGUAGE};
    TRY(gguf_string(file, key, &kind, error));
    for (size_t i = 0; i < COUNT(architectures); i++)
        if (kind.length == strlen(architectures[i].name) && memcmp(kind.bytes, architectures[i].name, kind.length) == 0)
            return LMVR_OK;
    if (kind.length != 4 || memcmp(kind.bytes, "clip", 4) != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: key %s is %.*s, expected llama, qwen2, qwen2vl or qwen3vl", path, key,
                         (int)(kind.length < 60 ? kind.length : 60), kind.bytes);
    key = gguf_has(file, "clip.vision.projector_type") ? "clip.vision.projector_type" : "clip.projector_type";
    if (!gguf_has(file, key))
        kind = (struct gguf_text){"mlp", 3}; /* as the first files, which had no other */
    else
        TRY(gguf_string(file, key, &kind, error));
    for (size_t i = 0; i < COUNT(projectors); i++)
        if (kind.length == strlen(projectors[i].name) && memcmp(kind.bytes, projectors[i].name, kind.length) == 0) {
            naming->content = projectors[i].content;
            naming->swapped = has_swapped_mlp(file, naming->content);
            find_deep(file, naming);
            return LMVR_OK;
        }
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: key %s is %.*s, expected mlp, idefics3, qwen2vl_merger, qwen2.5vl_merger or qwen3vl_merger", path,
                     key, (int)(kind.length < 60 ? kind.length : 60), kind.bytes);
}

/* ---- names ------------------------------------------------------------------------------------------------------------ */

/* Whether a name begins so; *number is what stands for %d, and *rest what follows. */
static bool begins(const char *pattern, const char *name, int *number, const char **rest)
{
    while (*pattern) {
        if (pattern[0] == '%') {
            char *end;
            if (!isdigit((unsigned char)*name))
                return false;
            unsigned long value = strtoul(name, &end, 10);
            if (value >= CONFIG_MAX_BLOCKS || (end - name > 1 && *name == '0'))
                return false;
            *number = (int)value;
            name = end;
            pattern += 2;
        } else if (*pattern++ != *name++) {
            return false;
        }
    }
    *rest = name;
    return pattern[-1] == '.' || *name == '\0';
}

static char *fill(const char *pattern, int number, const char *rest)
{
    char *name = NULL;
    const char *place = strchr(pattern, '%');
    if (!place)
        return asprintf(&name, "%s%s", pattern, rest) < 0 ? NULL : name;
    return asprintf(&name, "%.*s%d%s%s", (int)(place - pattern), pattern, number, place + 2, rest) < 0 ? NULL : name;
}

/* GGUF's mergers have their block's number, canonical ones count from 0. */
static int renumber(const struct gguf_naming *naming, const char *pattern, int number, bool to_gguf)
{
    if (!strstr(pattern, "deepstack"))
        return number;
    if (to_gguf)
        return number < naming->deep_count ? naming->deep[number] : number;
    for (int i = 0; i < naming->deep_count; i++)
        if (naming->deep[i] == number)
            return i;
    return number;
}

/* The row's names, up for down and down for up where the file says so. */
static const char *gguf_of(const struct gguf_naming *naming, const struct row *row)
{
    if (naming->swapped && strcmp(row->gguf, "v.blk.%d.ffn_up.") == 0)
        return "v.blk.%d.ffn_down.";
    if (naming->swapped && strcmp(row->gguf, "v.blk.%d.ffn_down.") == 0)
        return "v.blk.%d.ffn_up.";
    return row->gguf;
}

static char *translate(const struct gguf_naming *naming, const char *name, bool to_gguf, bool *known)
{
    const struct row *rows = contents[naming->content].rows;
    for (size_t i = 0; i < contents[naming->content].count; i++) {
        const char *gguf = gguf_of(naming, &rows[i]), *from = to_gguf ? rows[i].canonical : gguf;
        const char *to = to_gguf ? gguf : rows[i].canonical, *rest;
        int number = 0;
        *known = begins(from, name, &number, &rest);
        if (*known)
            return fill(to, renumber(naming, from, number, to_gguf), rest);
    }
    *known = false;
    return strdup(name);
}

char *gguf_name_canonical(const struct gguf_naming *naming, const char *name, bool *known)
{
    return translate(naming, name, false, known);
}

char *gguf_name_of(const struct gguf_naming *naming, const char *canonical, bool *known)
{
    return translate(naming, canonical, true, known);
}
