/* A dual encoder's text tower: its configuration, its weights' names, its parameters. */
#include "model/config_parts.h"
#include "model/load_tensor.h"

#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define TEXT "text_model."

static const struct block_names blocks = {.block = TEXT "encoder.layers.%d.",
                                          .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
                                          .attention_out = "self_attn.out_proj",
                                          .norm1 = "layer_norm1",
                                          .norm2 = "layer_norm2",
                                          .mlp = {"mlp.fc1"},
                                          .mlp_out = "mlp.fc2"};

/* The keys that both have. `t` must hold the defaults. */
static lmvr_status parse_tower(const struct json_node *node, const char *model_type, struct text_config *t, lmvr_error *error)
{
    const struct json_name types[] = {{model_type, 0}};
    int type;
    const struct json_int sizes[] = {
        {"vocab_size", 3, CONFIG_MAX_VOCABULARY, &t->vocabulary},  {"hidden_size", 1, CONFIG_MAX_WIDTH, &t->width},
        {"num_hidden_layers", 1, CONFIG_MAX_BLOCKS, &t->blocks},   {"num_attention_heads", 1, CONFIG_MAX_WIDTH, &t->heads},
        {"intermediate_size", 1, CONFIG_MAX_WIDTH, &t->mlp_width}, {"max_position_embeddings", 3, 1 << 20, &t->positions},
    };
    TRY(json_node_name(node, "model_type", types, 1, &type, error));
    TRY(json_node_int_table(node, sizes, COUNT(sizes), error));
    TRY(json_node_float(node, "layer_norm_eps", 1e-30f, 1, &t->layer_norm_eps, error));
    TRY(config_parse_activation(node, "hidden_act", &t->activation, error));
    if (t->width % t->heads != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: %shidden_size is %d, not a multiple of num_attention_heads, %d",
                         node->file, node->path, t->width, t->heads);
    return LMVR_OK;
}

lmvr_status config_parse_clip_text(const struct json_node *node, struct text_config *t, lmvr_error *error)
{
    *t = (struct text_config){.vocabulary = 49408,
                              .width = 512,
                              .blocks = 12,
                              .heads = 8,
                              .mlp_width = 2048,
                              .positions = 77,
                              .activation = ACTIVATION_QUICK_GELU,
                              .layer_norm_eps = 1e-5f,
                              .begin_token = 49406,
                              .end_token = 49407,
                              .causal = true,
                              .read = TEXT_FIRST_END};
    TRY(parse_tower(node, "clip_text_model", t, error));
    TRY(json_node_int(node, "bos_token_id", 0, CONFIG_MAX_VOCABULARY, &t->begin_token, error));
    TRY(json_node_int(node, "eos_token_id", 0, CONFIG_MAX_VOCABULARY, &t->end_token, error));
    /* for an end token of 2, as in old configurations, transformers pools at the position of the highest id */
    if (t->end_token == 2) {
        t->begin_token = t->vocabulary - 2;
        t->end_token = t->vocabulary - 1;
        t->read = TEXT_LARGEST_ID;
    }
    return LMVR_OK;
}

lmvr_status config_parse_siglip_text(const struct json_node *node, struct text_config *t, lmvr_error *error)
{
    *t = (struct text_config){.vocabulary = 32000,
                              .width = 768,
                              .blocks = 12,
                              .heads = 12,
                              .mlp_width = 3072,
                              .positions = 64,
                              .activation = ACTIVATION_GELU_TANH,
                              .layer_norm_eps = 1e-6f,
                              .begin_token = -1,
                              .end_token = 1,
                              .pad_token = 1,
                              .pads = true,
                              .read = TEXT_LAST};
    TRY(parse_tower(node, "siglip_text_model", t, error));
    t->projection = t->width;
    TRY(json_node_int(node, "projection_size", 1, CONFIG_MAX_WIDTH, &t->projection, error));
    return json_node_int(node, "pad_token_id", 0, t->vocabulary - 1, &t->pad_token, error);
}

/* ---- weights ------------------------------------------------------------------------------------------------------------ */

bool text_tower_is_in(const struct checkpoint *checkpoint)
{
    return checkpoint_has(checkpoint, TEXT "embeddings.token_embedding.weight");
}

static struct block_plan plan_blocks(const struct text_config *c)
{
    return (struct block_plan){
        .names = &blocks, .width = c->width, .mlp_width = c->mlp_width, .norm_eps = c->layer_norm_eps, .qkv_bias = true};
}

/* SigLIP's last layer is a head with a bias, CLIP's a projection without. */
static const char *name_projection(const struct text_config *c)
{
    return c->pads ? TEXT "head" : "text_projection";
}

lmvr_status load_text_tower(struct loader *l, const struct text_config *c, struct text_tower *tower)
{
    int64_t width = c->width;
    struct block_plan plan = plan_blocks(c);
    *tower = (struct text_tower){.device = l->device,
                                 .shape = {.width = c->width,
                                           .heads = c->heads,
                                           .mlp_width = c->mlp_width,
                                           .activation = c->activation,
                                           .causal = c->causal},
                                 .positions = c->positions,
                                 .block_count = c->blocks,
                                 .read = c->read,
                                 .end_token = c->end_token,
                                 .embedding_dtype = l->dtypes.compute};
    TRY(load_embedding(l, TEXT "embeddings.token_embedding.weight", c->vocabulary, width, tower->embedding_dtype,
                       &tower->embedding));
    TRY(load_table(l, TEXT "embeddings.position_embedding.weight", 2, (int64_t[]){c->positions, width},
                   &tower->position_embedding));
    TRY(load_norm(l, TEXT "final_layer_norm", width, c->layer_norm_eps, false, &tower->final_norm));
    TRY(load_linear(l, name_projection(c), c->projection, width, c->pads, &tower->projection));
    tower->blocks = calloc((size_t)c->blocks, sizeof *tower->blocks);
    if (!tower->blocks)
        return error_no_memory(l->error, "the text tower");
    for (int i = 0; i < c->blocks; i++)
        TRY(load_block(l, &plan, i, &tower->blocks[i]));
    return LMVR_OK;
}

struct counts count_text_tower(const struct text_config *c)
{
    struct block_plan plan = plan_blocks(c);
    struct counts block = count_block(&plan);
    int64_t width = c->width;
    return (struct counts){.matrices = (c->vocabulary + (int64_t)c->projection) * width + c->blocks * block.matrices,
                           .vectors = (c->positions + 2) * width + (c->pads ? c->projection : 0) + c->blocks * block.vectors};
}
