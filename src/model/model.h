/* A ready model: its parts with their weights packed, and what the configuration says of them. */
#ifndef LMVR_SRC_MODEL_MODEL_H
#define LMVR_SRC_MODEL_MODEL_H

#include "connector/connector.h"
#include "language/language.h"
#include "language/tokenizer.h"
#include "model/config.h"
#include "vision/encoder.h"

struct lmvr_model {
    struct model_config config;
    enum dtype dtype;
    struct encoder vision;
    struct connector connector; /* the rest only where config.has_language */
    struct language language;
    struct tokenizer *tokenizer; /* NULL in a model of random weights */
    char stored_dtypes[64];      /* as lmvr_model_info has them */
    uint64_t fingerprint;
    lmvr_error notice; /* as lmvr_model_info has it */
};

struct checkpoint;

/* The dtype that is meant: the default is bf16 where the processor computes in it. */
enum dtype model_dtype(lmvr_dtype dtype);

/* Of the configuration, the tokenizer, and every weight's name, shape and some of its bytes. A language model without a
 * tokenizer is refused. */
lmvr_status model_fingerprint(const char *path, const struct model_config *config, const struct checkpoint *checkpoint,
                              uint64_t *fingerprint, lmvr_error *error);

/* Positions of the encoder that show the grid of patches: all but the class. */
int model_patches(const struct lmvr_model *model);

/* A model of this shape with small random weights and no tokenizer, to measure speed with. */
lmvr_status model_create_random(const struct model_config *config, enum dtype dtype, struct lmvr_model **model,
                                lmvr_error *error);

/* Bytes that the weights of this shape take in memory once packed, not counting the padding of the kernels' panels. */
uint64_t model_weights_bytes(const struct model_config *config, enum dtype dtype);

#endif
