/* A loaded model: its parts, with packed weights, and its configuration. */
#ifndef LMVR_SRC_MODEL_MODEL_H
#define LMVR_SRC_MODEL_MODEL_H

#include "connector/connector.h"
#include "language/language.h"
#include "language/text_rules.h"
#include "language/text_tower.h"
#include "language/tokenizer.h"
#include "model/config.h"
#include "vision/encoder.h"
#include "vision/joint.h"

struct lmvr_model {
    struct model_config config;
    const struct device *device; /* owned */
    struct lmvr_model *next;     /* a replica on another GPU, owned; NULL: there are no more */
    struct dtypes dtypes;
    struct encoder vision;
    struct connector connector; /* this and the next only if config.has_language */
    struct language language;
    struct joint joint;     /* only if config.joint.width is not 0 */
    struct text_tower text; /* these two only if config.has_text */
    struct text_rules text_rules;
    lmvr_error text_refusal;     /* why the model reads no texts as a dual encoder does; empty: it does */
    struct tokenizer *tokenizer; /* NULL in a model with random weights, and perhaps in a dual encoder */
    char stored_dtypes[64];      /* as in lmvr_model_info */
    uint64_t fingerprint;
    lmvr_error notice;         /* as in lmvr_model_info */
    lmvr_notice_fn *on_notice; /* as in lmvr_model_options */
    void *notice_user;
};

struct checkpoint;

/* What a device needs free for a model of this configuration, weights in the type that is asked for. */
uint64_t model_device_bytes(const struct model_config *config, lmvr_dtype dtype);
/* Opens the device that is asked for (as in lmvr_model_options) for a model of this configuration. */
lmvr_status model_device_open(const struct model_config *config, const lmvr_model_options *options,
                              const struct device **device, lmvr_error *error);

/* What weights are trained in, F32 or BF16: the default is bf16 where the processor computes in bf16. */
enum dtype model_dtype(lmvr_dtype dtype);
/* Resolves what the options leave open: weights that are quantized in the file stay so where the device has such. Without a
 * device, the processor's are meant. LMVR_ERROR_INVALID: the device lacks one, or the model the cache whose type is named. */
lmvr_status model_dtypes(const struct model_config *config, const lmvr_model_options *options, const struct device *device,
                         struct dtypes *dtypes, lmvr_error *error);
lmvr_dtype dtype_to_public(enum dtype dtype);

/* As lmvr_model_open_with(), on a device that is open already. The model takes it over, also on failure. */
lmvr_status model_open_on(const char *path, const lmvr_model_options *options, const struct device *device, lmvr_model **model,
                          lmvr_error *error);

/* The first of the model and its replicas whose device is not lost; NULL: there is none. */
const lmvr_model *model_not_lost(const lmvr_model *model);
/* As lmvr_model_open_with() with device "cuda:all": a model on the first GPU, followed by a replica on every other. */
lmvr_status model_open_replicas(const char *path, const lmvr_model_options *options, lmvr_model **model, lmvr_error *error);

/* Opens a model's weights, those of an encoder that has a folder of its own with them. */
lmvr_status model_checkpoint_open(const char *path, const struct model_config *config, struct checkpoint **checkpoint,
                                  lmvr_error *error);

/* Writes the path of the tokenizer's file to `file`; false if there is none. */
bool model_find_tokenizer(const char *path, const struct model_config *config, char *file, size_t size);

/* Takes from the configuration of a dual encoder what its checkpoint lacks: its text tower, or the whole joint space. */
void model_fit_checkpoint(struct model_config *config, const struct checkpoint *checkpoint);

/* Hashes the configuration, the tokenizer, and every weight's name, shape and some of its bytes. A language model without a
 * tokenizer is refused. */
lmvr_status model_fingerprint(const char *path, const struct model_config *config, const struct checkpoint *checkpoint,
                              uint64_t *fingerprint, lmvr_error *error);

/* A model of this shape with small random weights and no tokenizer, for measuring speed. It takes the device over, also on
 * failure. */
lmvr_status model_create_random(const struct model_config *config, const struct device *device, const struct dtypes *dtypes,
                                struct lmvr_model **model, lmvr_error *error);

/* Gives a model with a language model, opened without one, the tokenizer of its folder. */
lmvr_status model_open_tokenizer(const char *path, struct lmvr_model *model, lmvr_error *error);

/* Bytes of a model's packed weights in memory, not counting the padding of the kernels' panels. */
uint64_t model_weights_bytes(const struct model_config *config, const struct dtypes *dtypes);

#endif
