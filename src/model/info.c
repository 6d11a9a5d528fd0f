/* Describes a model by its configuration alone. */
#include "arguments.h"
#include "model/checkpoint.h"
#include "model/model.h"

#include <stdio.h>

/* Numbers of parameters: in matrices, which are held in the model's dtype, and in vectors, which are held in f32. */
struct counts {
    int64_t matrices, vectors;
};

static int64_t patches(const struct vision_config *c)
{
    int64_t side = c->image_size / c->patch_size;
    return side * side;
}

static struct counts count_vision(const struct vision_config *c)
{
    int64_t width = c->width, blocks = c->blocks;
    int64_t block = 9 * width - (c->kind == VISION_EVA && !c->qkv_bias ? 3 * width : 0) + c->mlp_width;
    int64_t outside = 3 * width + (c->kind == VISION_EVA ? width : 0); /* class token, norm, and bias of the patch embedding */
    return (struct counts){.matrices = 3 * (int64_t)c->patch_size * c->patch_size * width +
                                       blocks * (4 * width * width + 2 * width * c->mlp_width),
                           .vectors = outside + (patches(c) + 1) * width + blocks * block};
}

static struct counts count_projector(const struct model_config *c)
{
    int64_t to = c->language.width;
    return (struct counts){.matrices = to * c->vision.width + to * to, .vectors = c->projector.bias ? 2 * to : 0};
}

static struct counts count_qformer(const struct model_config *c)
{
    const struct qformer_config *q = &c->qformer;
    int64_t width = q->width, crossing = (q->blocks + q->cross_every - 1) / q->cross_every;
    return (struct counts){.matrices = q->blocks * (4 * width * width + 2 * width * q->mlp_width) +
                                       crossing * 2 * width * (width + c->vision.width) + width * c->language.width,
                           .vectors = (q->queries + 2) * width + q->blocks * (9 * width + q->mlp_width) + crossing * 6 * width +
                                      c->language.width};
}

static struct counts count_connector(const struct model_config *c)
{
    return c->connector == CONNECTOR_QFORMER ? count_qformer(c) : count_projector(c);
}

static struct counts count_llama(const struct language_config *c)
{
    int64_t width = c->width, heads = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    int64_t block = 2 * width * (heads + kv) + 3 * width * c->mlp_width;
    int64_t biases = (c->attention_bias ? heads + 2 * kv + width : 0) + (c->mlp_bias ? 2 * (int64_t)c->mlp_width + width : 0);
    return (struct counts){.matrices = c->blocks * block, .vectors = c->blocks * (2 * width + biases) + width};
}

static struct counts count_t5(const struct language_config *c)
{
    int64_t width = c->width, attention = 4 * width * c->heads * c->head_dim;
    int64_t mlp = (c->t5.gated ? 3 : 2) * width * c->mlp_width;
    return (struct counts){.matrices = c->t5.encoder_blocks * (attention + mlp) + c->blocks * (2 * attention + mlp),
                           .vectors = (2 * (int64_t)c->t5.encoder_blocks + 3 * (int64_t)c->blocks + 2) * width +
                                      2 * (int64_t)c->t5.buckets * c->heads};
}

/* A tied head takes memory, as it is packed as a matrix of its own, but has no parameters of its own. */
static struct counts count_language(const struct language_config *c, bool with_tied_head)
{
    struct counts counts = c->kind == LANGUAGE_T5 ? count_t5(c) : count_llama(c);
    counts.matrices += (c->tied && !with_tied_head ? 1 : 2) * (int64_t)c->vocabulary * c->width;
    return counts;
}

static int64_t total(struct counts c)
{
    return c.matrices + c.vectors;
}

uint64_t model_weights_bytes(const struct model_config *config, enum dtype dtype)
{
    struct counts parts[] = {count_vision(&config->vision), count_connector(config), count_language(&config->language, true)};
    uint64_t bytes = 0;
    for (int i = 0; i < (config->has_language ? 3 : 1); i++)
        bytes += (uint64_t)parts[i].matrices * dtype_size(dtype) + (uint64_t)parts[i].vectors * sizeof(float);
    return bytes;
}

static void describe(const struct model_config *c, lmvr_model_info *info)
{
    *info = (lmvr_model_info){.vision = {.blocks = c->vision.blocks,
                                         .width = c->vision.width,
                                         .heads = c->vision.heads,
                                         .kv_heads = c->vision.heads,
                                         .mlp_width = c->vision.mlp_width,
                                         .parameters = total(count_vision(&c->vision))},
                              .image_size = c->vision.image_size,
                              .patch_size = c->vision.patch_size};
    snprintf(info->architecture, sizeof info->architecture, "%s", c->architecture);
    if (!c->has_language)
        return;
    const struct language_config *l = &c->language;
    info->language = (lmvr_stack_info){.blocks = l->blocks,
                                       .width = l->width,
                                       .heads = l->heads,
                                       .kv_heads = l->kv_heads,
                                       .mlp_width = l->mlp_width,
                                       .parameters = total(count_language(l, false))};
    info->connector_parameters = total(count_connector(c));
    info->input_blocks = l->kind == LANGUAGE_T5 ? l->t5.encoder_blocks : 0;
    info->visual_tokens = config_visual_tokens(c);
    info->vocabulary = l->vocabulary;
    info->max_positions = l->max_positions;
}

/* Fills in everything except what only the weight files tell. */
static void describe_at(const struct model_config *c, enum dtype dtype, lmvr_model_info *info)
{
    const struct language_config *l = &c->language;
    describe(c, info);
    info->dtype = dtype == F32 ? LMVR_DTYPE_F32 : LMVR_DTYPE_BF16;
    info->weights_bytes = model_weights_bytes(c, dtype);
    if (c->has_language)
        info->kv_bytes_per_token = 2 * (uint64_t)l->blocks * (uint64_t)l->kv_heads * (uint64_t)l->head_dim * dtype_size(dtype);
}

void lmvr_model_get_info(const lmvr_model *model, lmvr_model_info *info)
{
    if (!info)
        return;
    *info = (lmvr_model_info){0};
    if (!model)
        return;
    describe_at(&model->config, model->dtype, info);
    memcpy(info->stored_dtypes, model->stored_dtypes, sizeof info->stored_dtypes);
    info->fingerprint = model->fingerprint;
    info->notice = model->notice.message[0] ? model->notice.message : NULL;
}

lmvr_status lmvr_model_inspect(const char *path, lmvr_dtype dtype, lmvr_model_info *info, lmvr_error *error)
{
    struct model_config config;
    struct checkpoint *checkpoint;
    REQUIRE_ARGUMENT(info, error);
    *info = (lmvr_model_info){0};
    REQUIRE_ARGUMENT(path, error);
    TRY(check_dtype(dtype, error));
    TRY(model_config_read(path, &config, error));
    TRY(checkpoint_open(path, &checkpoint, error));
    describe_at(&config, model_dtype(dtype), info);
    checkpoint_list_dtypes(checkpoint, info->stored_dtypes, sizeof info->stored_dtypes);
    lmvr_status status = model_fingerprint(path, &config, checkpoint, &info->fingerprint, error);
    checkpoint_close(checkpoint);
    return status;
}
