#include "lab/eval/experiment.h"

#include <math.h>
#include <string.h>

const char experiment_names[] = "design, components, domain-shift, corruption, attributes, zero-shot";

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))
#define NONE         NAN

/* Section 3: which tokens, how pooled, which layer, when. In a decoder-only model the prompt's hidden states are the same
 * before and after generation, so "before generation" is the mean over the input tokens of the same pass. */
static const struct variant design[] = {
    {"last token", "end", "llm:end:last:-1", true, {90.5}},
    {"generated tokens, max", "generated-max", "llm:generated:max:-1", true, {92.2}},
    {"generated tokens, mean", "generated-mean", "llm:generated:mean:-1", true, {93.5}},
    {"before generation, mean", "before", "llm:input:mean:-1", true, {NONE}},
    {"all tokens, mean, last layer but one", "all-penultimate", "llm:all:mean:-2", true, {93.7}},
    {"all tokens, mean, last layer", "all", "llm:all:mean:-1", true, {93.8}},
};

/* The paper does not say how it pools its encoder's patches: the mean of the state that feeds the projector is compared with
 * its number, and the class token is shown too. */
static const struct variant components[] = {
    {"encoder, mean of patches", "encoder", "encoder:patches:mean", false, {91.3, 79.5, 92.2, 82.3}},
    {"encoder, class token", "encoder-cls", "encoder:cls", false, {NONE, NONE, NONE, NONE}},
    {"with adaptor", "adaptor", "adaptor:all:mean", true, {91.0, 78.5, NONE, NONE}},
    {"with language model (LMVR)", "lmvr", "llm:all:mean:-1", true, {93.8, 84.0, 93.7, 84.5}},
};

static const struct variant domain_shift[] = {
    {"encoder, mean of patches", "encoder", "encoder:patches:mean", false, {60.9, 72.1}},
    {"encoder, class token", "encoder-cls", "encoder:cls", false, {NONE, NONE}},
    {"LMVR", "lmvr", "llm:all:mean:-1", true, {79.1, 81.0}},
};

static const struct variant corruption[] = {
    {"encoder, mean of patches", "encoder", "encoder:patches:mean", false, {61}},
    {"encoder, class token", "encoder-cls", "encoder:cls", false, {NONE}},
    {"LMVR", "lmvr", "llm:all:mean:-1", true, {66}},
};

static const struct variant attributes[] = {
    {"encoder, mean of patches", "encoder", "encoder:patches:mean", false, {89.1, 73.8, 71.3}},
    {"encoder, class token", "encoder-cls", "encoder:cls", false, {NONE, NONE, NONE}},
    {"LMVR", "lmvr", "llm:all:mean:-1", true, {90.0, 73.9, 71.4}},
};

/* Of a language model, images and texts are in the user's turn, and both are pooled alike. */
static const struct variant zero_shot[] = {
    {"joint space", "joint", "joint", false, {NONE}},
    {"before generation, mean", "before", "llm:input:mean:-1", true, {NONE}},
    {"before generation, last token", "before-last", "llm:end:last:-1", true, {NONE}},
};

static const struct experiment experiments[] = {
    {.name = "design",
     .title = "Design choices (table 1)",
     .question = "Which tokens, pooling, layer and time make the best representation?",
     .kind = EXPERIMENT_COMPARE,
     .dataset = "voc2007",
     .variants = design,
     .variant_count = COUNT(design),
     .baseline = 0,
     .proposed = 5,
     .paper = {{"LLaVA", "VOC07", "voc2007", "LLaVA"}},
     .paper_count = 1},
    {.name = "components",
     .title = "Components (tables 2 and 7)",
     .question = "What do the adaptor and the language model add to the vision encoder?",
     .kind = EXPERIMENT_COMPARE,
     .dataset = "voc2007",
     .variants = components,
     .variant_count = COUNT(components),
     .baseline = 0,
     .proposed = 3,
     .paper = {{"LLaVA", "VOC07", "voc2007", "LLaVA"},
               {"LLaVA", "COCO", "coco", "LLaVA"},
               {"BLIP-2", "VOC07", "voc2007", "BLIP-2"},
               {"BLIP-2", "COCO", "coco", "BLIP-2"}},
     .paper_count = 4},
    {.name = "domain-shift",
     .title = "Domain shift (tables 3 and 8)",
     .question = "Does a probe that was trained on one kind of image work on another?",
     .kind = EXPERIMENT_COMPARE,
     .dataset = "visda",
     .two_domains = true,
     .variants = domain_shift,
     .variant_count = COUNT(domain_shift),
     .baseline = 0,
     .proposed = 2,
     .paper = {{"LLaVA", "VisDA-2017", "visda", "LLaVA"}, {"BLIP-2", "VisDA-2017", "visda", "BLIP-2"}},
     .paper_count = 2},
    {.name = "corruption",
     .title = "Robustness to corruptions (tables 4 and 5)",
     .question = "Does a probe that was trained on clean images work on corrupted ones?",
     .kind = EXPERIMENT_CORRUPTION,
     .dataset = "imagenet",
     .variants = corruption,
     .variant_count = COUNT(corruption),
     .baseline = 0,
     .proposed = 2,
     .paper = {{"LLaVA", "ImageNet-C", "imagenet", "LLaVA"}},
     .paper_count = 1},
    {.name = "attributes",
     .title = "Objects against textures (table 6)",
     .question = "What do representations tell about objects, and what about fabrics and textures?",
     .kind = EXPERIMENT_ATTRIBUTES,
     .dataset = "deepfashion",
     .variants = attributes,
     .variant_count = COUNT(attributes),
     .baseline = 0,
     .proposed = 2,
     .paper = {{"DeepFashion", "object", "deepfashion", "LLaVA"},
               {"DeepFashion", "fabric", "deepfashion", "LLaVA"},
               {"DeepFashion", "texture", "deepfashion", "LLaVA"}},
     .paper_count = 3},
    {.name = "zero-shot",
     .title = "Zero-shot classification",
     .question = "Which class's name is nearest to the image?",
     .kind = EXPERIMENT_ZERO_SHOT,
     .dataset = "imagenet",
     .variants = zero_shot,
     .variant_count = COUNT(zero_shot),
     .baseline = 0,
     .proposed = 0},
};

const struct paper_group experiment_paper_groups[5] = {
    {"weather", 66.9, 69.0}, {"noise", 59.7, 62.3}, {"blur", 48.6, 57.1}, {"digital", 68.0, 73.7}, {"all", 61, 66},
};

const struct experiment *experiment_find(const char *name)
{
    for (int i = 0; i < COUNT(experiments); i++)
        if (strcmp(experiments[i].name, name) == 0)
            return &experiments[i];
    return NULL;
}
