/*
 * A feature's specification: "[NAME=]source[:tokens[:pool[:layer]]]" (the paper's section 3.3, sequence-level aggregation:
 * which tokens are pooled, how, and from which layer). The sources joint and pixels have no other parts.
 */
#ifndef LMVR_SRC_REPRESENT_FEATURE_H
#define LMVR_SRC_REPRESENT_FEATURE_H

#include "error.h"

/* SOURCE_JOINT: the vector in the space that a dual encoder's pictures and texts share. */
enum feature_source { SOURCE_LLM, SOURCE_ADAPTOR, SOURCE_ENCODER, SOURCE_JOINT, SOURCE_PIXELS };
enum feature_pool { POOL_NONE, POOL_MEAN, POOL_MAX, POOL_LAST }; /* POOL_NONE: a row per position */

/* Kinds of positions, as bits to be combined. In the language model: the prompt's text, visual tokens, response, the last
 * position alone, and the decoder's start token in an encoder-decoder; in the vision encoder: class token and patches. */
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
    TOKENS_RESPONSE = TOKENS_START | TOKENS_GENERATED | TOKENS_END /* exist only once something is generated */
};

/* What the model and the options allow. */
struct feature_limits {
    bool has_language, has_joint;
    bool before_generation;
    bool without_class;   /* the vision encoder has no class token */
    bool any_size;        /* pictures have no common number of pixels */
    bool encoder_decoder; /* the language model has two stacks: "all" then means all positions of the decoder */
    int vision_blocks;
    int input_blocks, response_blocks; /* of the language model's stacks */
    int encoder_layer;                 /* default layer of the encoder: the hidden state that feeds the connector */
};

struct feature {
    char name[128], spec[128]; /* spec with all four parts, such as "llm:all:mean:-1" */
    enum feature_source source;
    int tokens; /* of enum feature_tokens */
    enum feature_pool pool;
    int layer;         /* 0 .. blocks */
    size_t width, dim; /* set by the session: the floats of a state, and how many of them, from the first on, are used */
};

/* Whether an image has a row per position rather than one. */
bool feature_is_multi_vector(const struct feature *feature);

/* Parses one feature. LMVR_ERROR_INVALID, with a sentence that lists what is allowed, if it is not valid for these limits. */
lmvr_status feature_parse(const char *text, const struct feature_limits *limits, struct feature *feature, lmvr_error *error);

#endif
