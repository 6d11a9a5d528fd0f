#include "model/weight_name.h"

#include <stdio.h>
#include <string.h>

bool weight_name_is_under(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    if (strncmp(name, prefix, length) != 0)
        return false;
    return name[length] == '\0' || name[length] == '.' || (length > 0 && prefix[length - 1] == '.');
}

/*
 * transformers' own renamings are in its conversion_mapping.py: "llava" and "LlavaModel" for the language model, which lost its
 * inner "model." and its head in 4.52 (a T5 has neither); "CLIPVisionModel" for the vision tower, which lost "vision_model."
 * in 5. The prefix `from` becomes `to`, unless the rest of the name begins with one of `unless`. The first row that matches
 * applies.
 */
static const struct renaming {
    const char *from, *to;
    const char *unless[5];
} renamings[] = {
    {"language_model.", "language_model.model.", {"model.", "lm_head.", "shared.", "encoder.", "decoder."}},
    {"lm_head.", "language_model.lm_head.", {0}},
    /* a LLaMA's own checkpoint, after its "model." */
    {"layers.", "language_model.model.layers.", {0}},
    {"embed_tokens.", "language_model.model.embed_tokens.", {0}},
    {"norm.", "language_model.model.norm.", {0}},
    /* SmolVLM's; CLIP's text model has other parts */
    {"text_model.layers.", "language_model.model.layers.", {0}},
    {"text_model.embed_tokens.", "language_model.model.embed_tokens.", {0}},
    {"text_model.norm.", "language_model.model.norm.", {0}},
    /* a T5's own checkpoint */
    {"shared.", "language_model.shared.", {0}},
    {"decoder.", "language_model.decoder.", {0}},
    {"encoder.block.", "language_model.encoder.block.", {0}},
    {"encoder.final_layer_norm.", "language_model.encoder.final_layer_norm.", {0}},
    {"encoder.embed_tokens.", "language_model.encoder.embed_tokens.", {0}},
    /* LLaVA's own code's */
    {"vision_tower.vision_tower.", "vision_tower.", {0}},
    {"mm_projector.0.", "multi_modal_projector.linear_1.", {0}},
    {"mm_projector.2.", "multi_modal_projector.linear_2.", {0}},
    {"mm_projector.", "multi_modal_projector.linear_1.", {"1.", "3.", "4.", "5.", "6."}},
    {"vision_tower.", "vision_tower.vision_model.", {"vision_model."}},
    /* a CLIP's own checkpoint, with its prefix or bare; BLIP-2's encoder has the prefix */
    {"vision_model.", "vision_tower.vision_model.", {0}},
    {"embeddings.", "vision_tower.vision_model.embeddings.", {"word_embeddings.", "position_embeddings."}}, /* a Q-Former's */
    {"pre_layrnorm.", "vision_tower.vision_model.pre_layrnorm.", {0}},
    {"encoder.", "vision_tower.vision_model.encoder.", {0}},
    {"post_layernorm.", "vision_tower.vision_model.post_layernorm.", {0}},
};

static bool begins_with(const char *name, const char *prefix)
{
    return prefix && strncmp(name, prefix, strlen(prefix)) == 0;
}

char *weight_name_canonical(const char *name)
{
    char *canonical = NULL;
    const char *from = "", *to = "";
    if (begins_with(name, "model."))
        name += strlen("model.");
    for (size_t i = 0; i < sizeof renamings / sizeof *renamings; i++) {
        const struct renaming *r = &renamings[i];
        if (!begins_with(name, r->from))
            continue;
        const char *rest = name + strlen(r->from);
        bool stays = false;
        for (size_t j = 0; j < sizeof r->unless / sizeof *r->unless; j++)
            stays |= begins_with(rest, r->unless[j]);
        from = stays ? "" : r->from;
        to = stays ? "" : r->to;
        break;
    }
    return asprintf(&canonical, "%s%s", to, name + strlen(from)) < 0 ? NULL : canonical;
}

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

bool weight_name_is_harmless(const char *canonical)
{
    static const char *const ends[] = {".position_ids", ".rotary_emb.inv_freq"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(canonical, ends[i]))
            return true;
    return false;
}

const char *weight_name_optional_part(const char *canonical)
{
    static const char *const parts[] = {"vision_tower.vision_model.post_layernorm",
                                        "text_model",
                                        "text_projection",
                                        "visual_projection",
                                        "logit_scale",
                                        "logit_bias",
                                        "vision_tower.vision_model.head"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (weight_name_is_under(canonical, parts[i]))
            return parts[i];
    return NULL;
}
