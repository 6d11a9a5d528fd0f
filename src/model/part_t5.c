/* T5: its configuration, its weights' names, its parameters. */
#include "model/config_parts.h"
#include "model/load_tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- configuration ------------------------------------------------------------------------------------------------------ */

/* "gated-gelu" means gelu_new, unless the file has dense_act_fn, which overrides it (as in the hub's BLIP-2 models). */
static lmvr_status parse_feed_forward(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    enum { GATED = 16 };
    static const struct json_name names[] = {
        {"relu", ACTIVATION_RELU},
        {"gelu", ACTIVATION_GELU},
        {"gelu_new", ACTIVATION_GELU_TANH},
        {"silu", ACTIVATION_SILU},
        {"gated-gelu", GATED + ACTIVATION_GELU_TANH},
        {"gated-gelu_new", GATED + ACTIVATION_GELU_TANH},
        {"gated-relu", GATED + ACTIVATION_RELU},
        {"gated-silu", GATED + ACTIVATION_SILU},
    };
    int value = ACTIVATION_RELU;
    TRY(json_node_name(node, "feed_forward_proj", names, COUNT(names), &value, error));
    l->t5.gated = value >= GATED;
    l->activation = (enum activation)(value % GATED);
    TRY(json_node_bool(node, "is_gated_act", &l->t5.gated, error));
    return config_parse_activation(node, "dense_act_fn", &l->activation, error);
}

static lmvr_status parse_sizes(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    const struct json_int sizes[] = {
        {"vocab_size", 3, CONFIG_MAX_VOCABULARY, &l->vocabulary},
        {"d_model", 1, CONFIG_MAX_WIDTH, &l->width},
        {"d_kv", 1, CONFIG_MAX_WIDTH, &l->head_dim},
        {"d_ff", 1, CONFIG_MAX_WIDTH, &l->mlp_width},
        {"num_heads", 1, CONFIG_MAX_WIDTH, &l->heads},
        {"num_layers", 1, CONFIG_MAX_BLOCKS, &l->t5.encoder_blocks},
        {"relative_attention_num_buckets", 4, CONFIG_MAX_BLOCKS, &l->t5.buckets},
        {"relative_attention_max_distance", 1, CONFIG_MAX_WIDTH, &l->t5.max_distance},
    };
    TRY(json_node_int_table(node, sizes, COUNT(sizes), error));
    l->blocks = l->t5.encoder_blocks;
    l->kv_heads = l->heads;
    TRY(json_node_int(node, "num_decoder_layers", 1, CONFIG_MAX_BLOCKS, &l->blocks, error));
    if ((int64_t)l->heads * l->head_dim > CONFIG_MAX_WIDTH)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %snum_heads times d_kv is more than %d", node->file, node->path,
                         CONFIG_MAX_WIDTH);
    if (l->t5.max_distance <= l->t5.buckets / 2) /* half of the buckets hold one distance each */
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: %srelative_attention_max_distance is %d, expected more than half of "
                         "relative_attention_num_buckets, %d",
                         node->file, node->path, l->t5.max_distance, l->t5.buckets);
    return LMVR_OK;
}

/* T5Config scales the states before the head unless tie_word_embeddings is false; transformers 5 also saves this by name. */
static lmvr_status parse_head(const struct json_node *node, struct language_config *l, lmvr_error *error)
{
    bool tied = true;
    TRY(json_node_bool(node, "tie_word_embeddings", &tied, error));
    l->tied = tied; /* a head in the file is used in any case */
    l->t5.scale_head = tied;
    return json_node_bool(node, "scale_decoder_outputs", &l->t5.scale_head, error);
}

static lmvr_status parse_tokens(const struct json_node *node, const struct json_node *generation, struct language_config *l,
                                lmvr_error *error)
{
    const char *start = "decoder_start_token_id";
    TRY(json_node_int(node, "pad_token_id", 0, l->vocabulary - 1, &l->t5.start_token, error));
    TRY(json_node_int(json_node_get(generation, start) ? generation : node, start, 0, l->vocabulary - 1, &l->t5.start_token,
                      error));
    TRY(config_parse_end_tokens(node, generation, l, error));
    return LMVR_OK;
}

lmvr_status config_parse_t5(const struct json_node *node, const struct json_node *generation, struct language_config *l,
                            lmvr_error *error)
{
    *l = (struct language_config){.encoder_decoder = true,
                                  .vocabulary = 32128,
                                  .width = 512,
                                  .heads = 8,
                                  .head_dim = 64,
                                  .mlp_width = 2048,
                                  .rms_norm_eps = 1e-6f,
                                  .begin_token = -1,
                                  .final_token = 1, /* what T5's tokenizer appends */
                                  .t5 = {.encoder_blocks = 6, .buckets = 32, .max_distance = 128},
                                  .end_tokens = {1}};
    TRY(parse_sizes(node, l, error));
    TRY(parse_feed_forward(node, l, error));
    TRY(json_node_float(node, "layer_norm_epsilon", 1e-30f, 1, &l->rms_norm_eps, error));
    TRY(parse_head(node, l, error));
    return parse_tokens(node, generation, l, error);
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

#define T5      "language_model."
#define T5_HEAD T5 "lm_head"

/* Tensor names in a stack's blocks: the sublayers of a block are numbered, and the decoder has one more. */
struct t5_names {
    const char *self, *self_norm, *cross, *cross_norm, *mlp, *mlp_norm;
};

static const struct t5_names encoder_names = {.self = T5 "encoder.block.%d.layer.0.SelfAttention",
                                              .self_norm = T5 "encoder.block.%d.layer.0.layer_norm",
                                              .mlp = T5 "encoder.block.%d.layer.1.DenseReluDense",
                                              .mlp_norm = T5 "encoder.block.%d.layer.1.layer_norm"};
static const struct t5_names decoder_names = {.self = T5 "decoder.block.%d.layer.0.SelfAttention",
                                              .self_norm = T5 "decoder.block.%d.layer.0.layer_norm",
                                              .cross = T5 "decoder.block.%d.layer.1.EncDecAttention",
                                              .cross_norm = T5 "decoder.block.%d.layer.1.layer_norm",
                                              .mlp = T5 "decoder.block.%d.layer.2.DenseReluDense",
                                              .mlp_norm = T5 "decoder.block.%d.layer.2.layer_norm"};

/* Stacks the layers "PREFIX.x" for each x in `names`. */
static lmvr_status load_named(struct loader *l, const char *prefix_format, int index, int count, const char *const *names,
                              int64_t out, int64_t in, struct linear *linear)
{
    struct part prefix, parts[3];
    set_part(&prefix, 0, prefix_format, index);
    for (int i = 0; i < count; i++) {
        parts[i] = (struct part){.out = out};
        int length = snprintf(parts[i].prefix, sizeof parts[i].prefix, "%s.%s", prefix.prefix, names[i]);
        if (length < 0 || (size_t)length >= sizeof parts[i].prefix)
            return error_no_memory(l->error, "a name");
    }
    return load_stacked(l, parts, count, in, NULL, false, linear);
}

static lmvr_status load_rms_norm(struct loader *l, const char *format, int index, const struct language_config *c,
                                 struct norm *norm)
{
    struct part part;
    set_part(&part, c->width, format, index);
    return load_norm(l, part.prefix, c->width, c->rms_norm_eps, true, norm);
}

/* `last` loads the last product. */
static lmvr_status load_t5_block(struct loader *l, struct loader *last, const struct language_config *c,
                                 const struct t5_names *names, int index, struct t5_block *block)
{
    static const char *const qkv[] = {"q", "k", "v"}, *const o[] = {"o"}, *const wo[] = {"wo"};
    static const char *const gated[] = {"wi_0", "wi_1"}, *const plain[] = {"wi"};
    int64_t inner = (int64_t)c->heads * c->head_dim, width = c->width;
    bool two = c->t5.gated;
    TRY(load_named(l, names->self, index, 3, qkv, inner, width, &block->qkv));
    TRY(load_named(l, names->self, index, 1, o, width, inner, &block->attention_out));
    TRY(load_rms_norm(l, names->self_norm, index, c, &block->norm1));
    TRY(load_named(l, names->mlp, index, two ? 2 : 1, two ? gated : plain, c->mlp_width, width, &block->wi));
    TRY(load_named(last, names->mlp, index, 1, wo, width, c->mlp_width, &block->wo));
    TRY(load_rms_norm(l, names->mlp_norm, index, c, &block->norm2));
    if (!names->cross)
        return LMVR_OK;
    TRY(load_named(l, names->cross, index, 1, qkv, inner, width, &block->cross_q));
    TRY(load_named(l, names->cross, index, 2, qkv + 1, inner, width, &block->cross_kv));
    TRY(load_named(l, names->cross, index, 1, o, width, inner, &block->cross_out));
    return load_rms_norm(l, names->cross_norm, index, c, &block->norm_cross);
}

static lmvr_status load_stack(struct loader *l, const struct language_config *c, const struct t5_names *names, int blocks,
                              const char *norm, struct t5_stack *stack)
{
    char name[LOAD_NAME_SIZE + 32];
    struct part first;
    int64_t shape[] = {c->t5.buckets, c->heads};
    stack->blocks = calloc((size_t)blocks, sizeof *stack->blocks);
    if (!stack->blocks)
        return error_no_memory(l->error, "the language model");
    stack->block_count = blocks;
    /* Most responses change if the decoder is in 4 bits; and more do if each block's last product ("wo"), which transformers
     * keeps in f32, is in as few as the rest. */
    struct loader of_blocks = *l, of_last = *l;
    of_blocks.dtypes.weights = names->cross ? model_outer_dtype(l->dtypes.weights) : l->dtypes.weights;
    of_last.dtypes.weights = model_wide_dtype(&l->dtypes);
    for (int i = 0; i < blocks; i++)
        TRY(load_t5_block(&of_blocks, &of_last, c, names, i, &stack->blocks[i]));
    set_part(&first, 0, names->self, 0);
    snprintf(name, sizeof name, "%s.relative_attention_bias.weight", first.prefix);
    TRY(load_floats(l, name, 2, shape, &stack->relative_bias));
    return load_norm(l, norm, c->width, c->rms_norm_eps, true, &stack->norm);
}

/* The embedding that both stacks share, under the first of its names that the file has; the others are copies. */
static const char *find_embedding(const struct loader *l)
{
    static const char *const names[] = {T5 "shared.weight", T5 "encoder.embed_tokens.weight", T5 "decoder.embed_tokens.weight"};
    const char *found = names[0];
    for (size_t i = sizeof names / sizeof *names; l->checkpoint && i-- > 0;) {
        if (checkpoint_has(l->checkpoint, names[i]))
            found = names[i];
        checkpoint_mark_used(l->checkpoint, names[i]);
    }
    return found;
}

lmvr_status load_t5(struct loader *loader, const struct language_config *config, struct t5 *t5)
{
    *t5 = (struct t5){.device = loader->device,
                      .vocabulary = config->vocabulary,
                      .width = config->width,
                      .heads = config->heads,
                      .head_dim = config->head_dim,
                      .mlp_width = config->mlp_width,
                      .buckets = config->t5.buckets,
                      .max_distance = config->t5.max_distance,
                      .gated = config->t5.gated,
                      .activation = config->activation,
                      .embedding_dtype = loader->dtypes.compute,
                      .cache_dtype = loader->dtypes.cache,
                      .start_token = config->t5.start_token,
                      .head_scale = config->t5.scale_head ? 1.0f / sqrtf((float)config->width) : 1.0f};
    const char *embedding = find_embedding(loader);
    TRY(load_embedding(loader, embedding, config->vocabulary, config->width, t5->embedding_dtype, &t5->embedding));
    TRY(load_stack(loader, config, &encoder_names, config->t5.encoder_blocks, T5 "encoder.final_layer_norm", &t5->encoder));
    TRY(load_stack(loader, config, &decoder_names, config->blocks, T5 "decoder.final_layer_norm", &t5->decoder));
    char tied[LOAD_NAME_SIZE];
    bool own = !loader->checkpoint || checkpoint_has(loader->checkpoint, T5_HEAD ".weight");
    snprintf(tied, sizeof tied, "%.*s", (int)(strlen(embedding) - strlen(".weight")), embedding);
    if (loader->checkpoint) /* transformers ignores it too */
        checkpoint_mark_used(loader->checkpoint, T5 "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias");
    return load_head(loader, T5_HEAD, own ? NULL : tied, config->vocabulary, config->width, &t5->head);
}

int64_t count_t5_narrow(const struct language_config *c)
{
    return c->t5.encoder_blocks * (int64_t)c->width * (4 * c->heads * c->head_dim + (c->t5.gated ? 2 : 1) * c->mlp_width);
}

int64_t count_t5_last(const struct language_config *c)
{
    return (c->t5.encoder_blocks + c->blocks) * (int64_t)c->width * c->mlp_width;
}

struct counts count_t5(const struct language_config *c)
{
    int64_t width = c->width, attention = 4 * width * c->heads * c->head_dim;
    int64_t mlp = (c->t5.gated ? 3 : 2) * width * c->mlp_width;
    return (struct counts){.matrices = c->t5.encoder_blocks * (attention + mlp) + c->blocks * (2 * attention + mlp),
                           .vectors = (2 * (int64_t)c->t5.encoder_blocks + 3 * (int64_t)c->blocks + 2) * width +
                                      2 * (int64_t)c->t5.buckets * c->heads};
}
