/*
 * What a feature is: "[NAME=]source[:tokens[:pool[:layer]]]" (the paper's section 3.3, sequence-level aggregation: which
 * tokens, how they are pooled, of which layer).
 */
#ifndef LMVR_SRC_REPRESENT_FEATURE_H
#define LMVR_SRC_REPRESENT_FEATURE_H

#include "error.h"

enum feature_source { SOURCE_LLM, SOURCE_ADAPTOR, SOURCE_ENCODER, SOURCE_PIXELS };
enum feature_pool { POOL_NONE, POOL_MEAN, POOL_MAX, POOL_LAST };

/* Kinds of positions, bits to be combined. Of the language model: text of the prompt, visual tokens, response, and the
 * last position alone; the start token of a decoder behind an encoder; of the vision encoder: class and patches. */
enum feature_tokens {
    TOKENS_PROMPT = 1,
    TOKENS_IMAGE = 2,
    TOKENS_GENERATED = 4,
    TOKENS_END = 8,
    TOKENS_CLS = 16,
    TOKENS_PATCHES = 32,
    TOKENS_START = 64,
    TOKENS_INPUT = TOKENS_PROMPT | TOKENS_IMAGE,
    TOKENS_ALL = TOKENS_INPUT | TOKENS_GENERATED,
    TOKENS_RESPONSE = TOKENS_START | TOKENS_GENERATED | TOKENS_END /* what there is only once something is generated */
};

/* What the model and the options allow. */
struct feature_limits {
    bool has_language;
    bool before_generation;
    bool encoder_decoder; /* input and response go through two stacks of the language model: "all" is then the decoder's */
    int vision_blocks;
    int input_blocks, response_blocks; /* of the language model's stacks */
    int encoder_layer;                 /* the default: the state that feeds the connector */
};

struct feature {
    char name[128], spec[128]; /* spec in full, such as "llm:all:mean:-1" */
    enum feature_source source;
    int tokens; /* of enum feature_tokens */
    enum feature_pool pool;
    int layer;  /* 0 .. blocks */
    size_t dim; /* set by the session */
};

/* Parses one feature; anything it cannot be is LMVR_ERROR_INVALID with a sentence that says what it could be. */
lmvr_status feature_parse(const char *text, const struct feature_limits *limits, struct feature *feature, lmvr_error *error);

#endif
