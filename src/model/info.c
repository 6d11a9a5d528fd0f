/* Describes a model by its configuration alone. */
#include "arguments.h"
#include "model/architecture.h"
#include "tensor/cpu/product.h"

#include <stdio.h>

/* Without a tied head, which has no parameters of its own. */
static struct counts count_language(const struct language_config *c)
{
    struct counts counts = c->encoder_decoder ? count_t5(c) : count_decoder(c);
    counts.matrices += (c->tied ? 1 : 2) * (int64_t)c->vocabulary * c->width;
    return counts;
}

static int64_t total(struct counts c)
{
    return c.matrices + c.vectors;
}

static uint64_t bytes_of(struct counts counts, enum dtype matrices)
{
    return (uint64_t)((double)counts.matrices * product_element_bytes(matrices)) + (uint64_t)counts.vectors * sizeof(float);
}

/* A tied head takes memory, too, as it is packed as a matrix of its own. */
static uint64_t language_bytes(const struct language_config *c, const struct dtypes *dtypes)
{
    struct counts head = {.matrices = (int64_t)c->vocabulary * c->width};
    struct counts blocks = c->encoder_decoder ? count_t5(c) : count_decoder(c);
    struct counts narrow = {.matrices = c->encoder_decoder ? count_t5_narrow(c) : blocks.matrices};
    struct counts wide = {.matrices = head.matrices + (c->encoder_decoder ? count_t5_last(c) : 0)};
    blocks.matrices -= narrow.matrices + wide.matrices - head.matrices;
    return bytes_of(narrow, dtypes->weights) + bytes_of(blocks, model_outer_dtype(dtypes->weights)) +
           bytes_of(wide, model_wide_dtype(dtypes)) +
           bytes_of(head, c->encoder_decoder ? dtypes->compute : model_word_dtype(dtypes));
}

uint64_t model_weights_bytes(const struct model_config *config, const struct dtypes *dtypes)
{
    enum dtype outer = model_outer_dtype(dtypes->weights);
    uint64_t bytes = bytes_of(count_vit(&config->vision), outer);
    if (config->has_language)
        bytes += bytes_of(config->family->count_connector(config), outer) + language_bytes(&config->language, dtypes);
    if (dtypes->weights == INT4)
        bytes += (uint64_t)((double)config->finer * (product_element_bytes(INT8) - product_element_bytes(INT4)));
    if (config->joint.width)
        bytes += bytes_of(count_joint(config), outer);
    if (config->has_text)
        bytes += bytes_of(count_text_tower(&config->text), outer);
    return bytes;
}

static void describe(const struct model_config *c, lmvr_model_info *info)
{
    *info = (lmvr_model_info){.vision = {.blocks = c->vision.blocks,
                                         .width = c->vision.width,
                                         .heads = c->vision.heads,
                                         .kv_heads = c->vision.heads,
                                         .mlp_width = c->vision.mlp_width,
                                         .parameters = total(count_vit(&c->vision))},
                              .image_size = c->vision.image_size,
                              .patch_size = c->vision.patch_size,
                              .joint_width = c->joint.width};
    snprintf(info->architecture, sizeof info->architecture, "%s", c->architecture);
    if (c->joint.width)
        info->connector_parameters = total(count_joint(c));
    if (c->has_text)
        info->text = (lmvr_stack_info){.blocks = c->text.blocks,
                                       .width = c->text.width,
                                       .heads = c->text.heads,
                                       .kv_heads = c->text.heads,
                                       .mlp_width = c->text.mlp_width,
                                       .parameters = total(count_text_tower(&c->text))};
    if (!c->has_language)
        return;
    const struct language_config *l = &c->language;
    info->language = (lmvr_stack_info){.blocks = l->blocks,
                                       .width = l->width,
                                       .heads = l->heads,
                                       .kv_heads = l->kv_heads,
                                       .mlp_width = l->mlp_width,
                                       .parameters = total(count_language(l))};
    info->connector_parameters = total(c->family->count_connector(c));
    info->input_blocks = l->t5.encoder_blocks;
    info->visual_tokens = config_fixed_visual_tokens(c);
    info->vocabulary = l->vocabulary;
    info->max_positions = l->max_positions;
}

/* Keys and values of one position, in all blocks. */
static uint64_t kv_bytes(const struct language_config *l, enum dtype dtype)
{
    size_t row = (size_t)l->head_dim * dtype_size(dtype) + (dtype == INT8 ? sizeof(float) : 0);
    return 2 * (uint64_t)l->blocks * (uint64_t)l->kv_heads * row;
}

/* Fills in everything except what only the weight files tell. */
static void describe_at(const struct model_config *c, const struct dtypes *dtypes, lmvr_model_info *info)
{
    describe(c, info);
    info->dtype = dtype_to_public(dtypes->weights);
    info->cache_dtype = dtype_to_public(dtypes->cache);
    info->weights_bytes = model_weights_bytes(c, dtypes);
    if (c->has_language)
        info->kv_bytes_per_token = kv_bytes(&c->language, dtypes->cache);
}

void lmvr_model_get_info_sized(const lmvr_model *model, lmvr_model_info *info, size_t size)
{
    lmvr_model_info own = {0};
    if (!info)
        return;
    if (model) {
        describe_at(&model->config, &model->dtypes, &own);
        memcpy(own.stored_dtypes, model->stored_dtypes, sizeof own.stored_dtypes);
        own.fingerprint = model->fingerprint;
        snprintf(own.device, sizeof own.device, "%s", model->next ? "cuda:all" : model->device->name);
        memcpy(own.gpu, model->device->gpu, sizeof own.gpu);
        own.notice = model->notice.message[0] ? model->notice.message : NULL;
        own.fast = model->device->fast;
        own.lost = !model_not_lost(model);
    }
    struct_write(info, size, &own, sizeof own);
}

static lmvr_status inspect(const char *path, const lmvr_model_options *options, lmvr_model_info *info, lmvr_error *error)
{
    struct dtypes dtypes;
    struct model_config config;
    struct checkpoint *checkpoint;
    TRY(check_dtype(options->dtype, error));
    TRY(check_cache_dtype(options->cache_dtype, error));
    TRY(model_config_read_any(path, options->mmproj, &config, error));
    TRY(model_dtypes(&config, options, NULL, &dtypes, error));
    TRY(model_checkpoint_open(path, &config, &checkpoint, error));
    model_fit_checkpoint(&config, checkpoint);
    describe_at(&config, &dtypes, info);
    checkpoint_list_dtypes(checkpoint, info->stored_dtypes, sizeof info->stored_dtypes);
    lmvr_status status = model_fingerprint(path, &config, checkpoint, &info->fingerprint, error);
    checkpoint_close(checkpoint);
    return status;
}

lmvr_status lmvr_model_inspect_sized(const char *path, const lmvr_model_options *options, lmvr_model_info *info, size_t size,
                                     lmvr_error *error)
{
    lmvr_model_options own;
    lmvr_model_info found = {0};
    REQUIRE_ARGUMENT_OF("lmvr_model_inspect", info, error);
    memset(info, 0, size);
    REQUIRE_ARGUMENT_OF("lmvr_model_inspect", path, error);
    REQUIRE_ARGUMENT_OF("lmvr_model_inspect", options, error);
    TRY(read_model_options(&own, options, error));
    TRY(inspect(path, &own, &found, error));
    struct_write(info, size, &found, sizeof found);
    return LMVR_OK;
}
