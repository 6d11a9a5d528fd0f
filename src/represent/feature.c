#include "represent/feature.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct choice {
    const char *word;
    int value;
};

static const struct choice sources[] = {{"llm", SOURCE_LLM},     {"adaptor", SOURCE_ADAPTOR}, {"encoder", SOURCE_ENCODER},
                                        {"joint", SOURCE_JOINT}, {"pixels", SOURCE_PIXELS},   {0}};
static const struct choice pools[] = {{"mean", POOL_MEAN}, {"max", POOL_MAX}, {"last", POOL_LAST}, {"none", POOL_NONE}, {0}};
/* The first is the default. */
static const struct choice llm_tokens[] = {{"all", TOKENS_ALL},
                                           {"generated", TOKENS_GENERATED},
                                           {"end", TOKENS_END},
                                           {"input", TOKENS_INPUT},
                                           {"image", TOKENS_IMAGE},
                                           {"prompt", TOKENS_PROMPT},
                                           {0}};
static const struct choice adaptor_tokens[] = {{"all", TOKENS_IMAGE}, {0}};
static const struct choice encoder_tokens[] = {
    {"patches", TOKENS_PATCHES}, {"cls", TOKENS_CLS}, {"all", TOKENS_PATCHES | TOKENS_CLS}, {0}};
static const struct choice *const tokens_of[] = {[SOURCE_LLM] = llm_tokens,
                                                 [SOURCE_ADAPTOR] = adaptor_tokens,
                                                 [SOURCE_ENCODER] = encoder_tokens,
                                                 [SOURCE_JOINT] = NULL,
                                                 [SOURCE_PIXELS] = NULL};

/* "a, b or c" */
static void join(const struct choice *choices, char *text, size_t size)
{
    size_t used = 0;
    text[0] = 0;
    for (const struct choice *c = choices; c->word && used < size; c++) {
        const char *glue = c == choices ? "" : c[1].word ? ", " : " or ";
        used += (size_t)snprintf(text + used, size - used, "%s%s", glue, c->word);
    }
}

static lmvr_status choose(const char *text, const char *what, const struct choice *choices, const char *word, int *value,
                          lmvr_error *error)
{
    for (const struct choice *c = choices; c->word; c++)
        if (strcmp(c->word, word) == 0) {
            *value = c->value;
            return LMVR_OK;
        }
    char allowed[128];
    join(choices, allowed, sizeof allowed);
    return error_set(error, LMVR_ERROR_INVALID, "feature %s: %s is \"%s\", expected %s", text, what, word, allowed);
}

static lmvr_status parse_layer(const char *text, const char *word, int blocks, int *layer, lmvr_error *error)
{
    char *end;
    errno = 0;
    long value = strtol(word, &end, 10);
    bool number = word[0] && !isspace((unsigned char)word[0]) && word[0] != '+' && !*end && !errno;
    if (!number || value < -(blocks + 1L) || value > blocks)
        return error_set(error, LMVR_ERROR_INVALID, "feature %s: layer is \"%s\", expected a whole number from %d to %d", text,
                         word, -(blocks + 1), blocks);
    *layer = (int)(value < 0 ? value + blocks + 1 : value);
    return LMVR_OK;
}

/* NAME of "NAME=spec", or the spec with ':' as '_'. */
static lmvr_status set_name(const char *text, const char *equals, struct feature *f, lmvr_error *error)
{
    size_t length = equals ? (size_t)(equals - text) : strlen(text);
    if (length == 0 || length >= sizeof f->name)
        return error_set(error, LMVR_ERROR_INVALID, "feature %s: its name must have 1 to %zu bytes", text, sizeof f->name - 1);
    memcpy(f->name, text, length);
    for (char *c = f->name; *c; c++)
        if (*c == ':')
            *c = '_';
    return LMVR_OK;
}

static lmvr_status check_limits(const char *text, const struct feature *f, const struct feature_limits *limits,
                                lmvr_error *error)
{
    if (!limits->has_language && (f->source == SOURCE_LLM || f->source == SOURCE_ADAPTOR))
        return error_set(error, LMVR_ERROR_INVALID,
                         "feature %s: the model has no language model, so source must be encoder, joint or pixels", text);
    if (!limits->has_joint && f->source == SOURCE_JOINT)
        return error_set(error, LMVR_ERROR_INVALID,
                         "feature %s: the model has no space that its images share with texts, as a whole CLIP or SigLIP has",
                         text);
    if (limits->before_generation && f->source == SOURCE_LLM && f->tokens == TOKENS_GENERATED)
        return error_set(error, LMVR_ERROR_INVALID, "feature %s: nothing is generated with --before-generation", text);
    if (limits->without_class && f->source == SOURCE_ENCODER && f->tokens == TOKENS_CLS)
        return error_set(error, LMVR_ERROR_INVALID,
                         "feature %s: the model's vision encoder has no class token, so tokens must be patches or all", text);
    if (limits->any_size && f->source == SOURCE_PIXELS)
        return error_set(error, LMVR_ERROR_INVALID,
                         "feature %s: the model's pictures differ in size, so their pixels make no vectors of one length",
                         text);
    return LMVR_OK;
}

bool feature_is_multi_vector(const struct feature *feature)
{
    return feature->pool == POOL_NONE && feature->tokens != 0; /* sources without tokens are one vector */
}

lmvr_status feature_parse(const char *text, const struct feature_limits *limits, struct feature *feature, lmvr_error *error)
{
    *feature = (struct feature){0};
    const char *equals = strchr(text, '=');
    TRY(set_name(text, equals, feature, error));
    char copy[128], *part[4] = {0}, *rest = copy;
    const char *spec = equals ? equals + 1 : text;
    if (strlen(spec) >= sizeof copy)
        return error_set(error, LMVR_ERROR_INVALID, "feature %s: too long for a source:tokens:pool:layer", text);
    memcpy(copy, spec, strlen(spec) + 1);
    int parts = 0;
    for (; rest && parts < 4; parts++)
        part[parts] = strsep(&rest, ":");
    int source, value;
    TRY(choose(text, "source", sources, part[0], &source, error));
    feature->source = (enum feature_source)source;
    const struct choice *tokens = tokens_of[source];
    int most = !tokens ? 1 : source == SOURCE_ADAPTOR ? 3 : 4;
    if (rest || parts > most)
        return error_set(error, LMVR_ERROR_INVALID, "feature %s: %s takes no more than %d parts", text, part[0], most);

    if (!tokens) {
        snprintf(feature->spec, sizeof feature->spec, "%s", part[0]);
        feature->layer = source == SOURCE_JOINT ? limits->vision_blocks : 0;
        return check_limits(text, feature, limits, error);
    }
    TRY(choose(text, "tokens", tokens, part[1] ? part[1] : tokens->word, &feature->tokens, error));
    TRY(choose(text, "pool", pools, part[2] ? part[2] : "mean", &value, error));
    feature->pool = (enum feature_pool)value;
    if (source == SOURCE_LLM && limits->encoder_decoder && feature->tokens == TOKENS_ALL)
        feature->tokens = limits->before_generation ? TOKENS_INPUT : TOKENS_START | TOKENS_GENERATED;
    bool response = feature->tokens & TOKENS_RESPONSE && !limits->before_generation;
    int blocks = source != SOURCE_LLM ? limits->vision_blocks : response ? limits->response_blocks : limits->input_blocks;
    int layer = source == SOURCE_LLM ? -1 : limits->encoder_layer;
    feature->layer = layer < 0 ? blocks + 1 + layer : layer;
    TRY(check_limits(text, feature, limits, error));
    if (part[3])
        TRY(parse_layer(text, part[3], blocks, &feature->layer, error));
    int length = snprintf(feature->spec, sizeof feature->spec, "%s:%s:%s", part[0], part[1] ? part[1] : tokens->word,
                          part[2] ? part[2] : "mean");
    if (source != SOURCE_ADAPTOR) {
        char number[16];
        snprintf(number, sizeof number, "%d", layer);
        snprintf(feature->spec + length, sizeof feature->spec - (size_t)length, ":%s", part[3] ? part[3] : number);
    }
    return LMVR_OK;
}
