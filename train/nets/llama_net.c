#include "train/nets/llama_net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define LAYER     "language_model.model.layers.%d."
#define EMBEDDING "language_model.model.embed_tokens.weight"
#define HEAD      "language_model.lm_head.weight"
#define DEVIATION 0.02 /* LlamaConfig's initializer_range */

/* ---- parameters ------------------------------------------------------------------------------------------------------- */

static const char *const lora_names[LORA_COUNT] = {LAYER "self_attn.q_proj", LAYER "self_attn.k_proj", LAYER "self_attn.v_proj",
                                                   LAYER "self_attn.o_proj", LAYER "mlp.gate_proj",    LAYER "mlp.up_proj",
                                                   LAYER "mlp.down_proj"};

/* A is initialized like torch's linear layers (uniform with deviation 1 / sqrt(3 in)); B is 0, so the model is unchanged at
 * first. */
static void init_lora(struct llama_net *m, struct llama_net_block *block, int index, struct net *net)
{
    const struct language_config *c = &m->config;
    int64_t heads = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim, width = c->width;
    const int64_t in[LORA_COUNT] = {width, width, width, heads, width, width, c->mlp_width};
    const int64_t out[LORA_COUNT] = {heads, kv, kv, width, c->mlp_width, c->mlp_width, width};
    struct checkpoint *checkpoint = net->checkpoint;
    bool trained = net->trained;
    net->trained = true;
    for (int i = 0; i < LORA_COUNT; i++) {
        char name[NET_NAME_SIZE + 24];
        struct net_part part = net_part(out[i], lora_names[i], index);
        snprintf(name, sizeof name, "%s.lora_A.weight", part.prefix);
        net->checkpoint = checkpoint && checkpoint_has(checkpoint, name) ? checkpoint : NULL;
        block->lora[i].a = net_tensor(net, name, 2, (int64_t[]){m->lora.rank, in[i]}, 1.0 / sqrt(3.0 * (double)in[i]));
        snprintf(name, sizeof name, "%s.lora_B.weight", part.prefix);
        block->lora[i].b = net_tensor(net, name, 2, (int64_t[]){out[i], m->lora.rank}, 0);
    }
    net->checkpoint = checkpoint;
    net->trained = trained;
}

static void init_block(struct llama_net *m, int index, struct net *net)
{
    const struct language_config *c = &m->config;
    struct llama_net_block *block = &m->blocks[index];
    int64_t heads = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim;
    struct net_part qkv[3] = {net_part(heads, LAYER "self_attn.q_proj", index), net_part(kv, LAYER "self_attn.k_proj", index),
                              net_part(kv, LAYER "self_attn.v_proj", index)};
    struct net_part gate_up[2] = {net_part(c->mlp_width, LAYER "mlp.gate_proj", index),
                                  net_part(c->mlp_width, LAYER "mlp.up_proj", index)};
    struct net_part out = net_part(c->width, LAYER "self_attn.o_proj", index);
    struct net_part down = net_part(c->width, LAYER "mlp.down_proj", index);
    block->qkv = net_stacked(net, qkv, 3, c->width, c->qkv_bias, DEVIATION);
    block->attention_out = net_stacked(net, &out, 1, heads, c->out_bias, DEVIATION);
    block->gate_up = net_stacked(net, gate_up, 2, c->width, c->mlp_bias, DEVIATION);
    block->down = net_stacked(net, &down, 1, c->mlp_width, c->mlp_bias, DEVIATION);
    block->norm1 = net_norm(net, net_part(0, LAYER "input_layernorm", index).prefix, c->width, false);
    block->norm2 = net_norm(net, net_part(0, LAYER "post_attention_layernorm", index).prefix, c->width, false);
    if (m->lora.rank)
        init_lora(m, block, index, net);
}

lmvr_status llama_net_init(struct llama_net *llama, const struct language_config *config, const struct lora *lora,
                           int stored_vocabulary, struct net *net)
{
    *llama = (struct llama_net){.config = *config, .lora = *lora};
    TRY(rope_create(&llama->rope, &config->rope, config->head_dim, net->error));
    llama->embedding = net_table(net, EMBEDDING, config->vocabulary, stored_vocabulary, config->width, DEVIATION);
    llama->blocks = calloc((size_t)config->blocks, sizeof *llama->blocks);
    if (!llama->blocks && net->status == LMVR_OK)
        net->status = error_no_memory(net->error, "the language model");
    for (int i = 0; i < config->blocks && net->status == LMVR_OK; i++)
        init_block(llama, i, net);
    llama->norm = net_norm(net, "language_model.model.norm", config->width, false);
    /* as in transformers: a head in the file is used, tied or not */
    bool tied = config->tied && !(net->checkpoint && checkpoint_has(net->checkpoint, HEAD));
    llama->head =
        tied ? llama->embedding : net_table(net, HEAD, config->vocabulary, stored_vocabulary, config->width, DEVIATION);
    return net->status;
}

void llama_net_finish(struct llama_net *llama)
{
    free(llama->blocks);
    rope_finish(&llama->rope);
    *llama = (struct llama_net){0};
}

/* ---- forward pass ----------------------------------------------------------------------------------------------------- */

struct block_context {
    const struct llama_net *llama;
    const struct llama_net_block *block;
    const float *angles;
    const struct gradient_segment *segments;
    int segment_count;
};

/* A linear layer with the adapters `first` .. `last`, whose outputs are side by side in its columns. */
static struct value *adapted(const struct block_context *c, struct tape *tape, struct value *x, const struct net_linear *linear,
                             int first, int last)
{
    struct value *y = tape_linear(tape, x, linear->weight, linear->bias);
    int64_t column = 0;
    for (int i = first; c->llama->lora.rank && i <= last; i++) {
        const struct low_rank *lora = &c->block->lora[i];
        y = tape_add_low_rank(tape, y, x, lora->a, lora->b, c->llama->lora.scale, column);
        column += lora->b->rows;
    }
    return y;
}

static struct value *run_block(struct tape *tape, struct value *const *inputs, const void *context)
{
    const struct block_context *c = context;
    const struct llama_net_block *block = c->block;
    const struct language_config *config = &c->llama->config;
    int64_t heads = (int64_t)config->heads * config->head_dim, kv = (int64_t)config->kv_heads * config->head_dim;
    struct tape_rope rope = {config->heads + config->kv_heads, config->head_dim, 0, c->angles};
    struct tape_attention attention = {.heads = config->heads,
                                       .kv_heads = config->kv_heads,
                                       .head_dim = config->head_dim,
                                       .k_column = heads,
                                       .v_column = heads + kv,
                                       .scale = 1.0f / sqrtf((float)config->head_dim),
                                       .causal = true,
                                       .segments = c->segments,
                                       .segment_count = c->segment_count};
    struct value *x = inputs[0];
    struct value *y = tape_rms_norm(tape, x, block->norm1.weight, config->rms_norm_eps);
    y = adapted(c, tape, y, &block->qkv, LORA_Q, LORA_V);
    y = tape_rope(tape, y, &rope);
    y = tape_attention(tape, y, y, y, &attention);
    y = adapted(c, tape, y, &block->attention_out, LORA_OUT, LORA_OUT);
    x = tape_add(tape, x, y);
    y = tape_rms_norm(tape, x, block->norm2.weight, config->rms_norm_eps);
    y = adapted(c, tape, y, &block->gate_up, LORA_GATE, LORA_UP);
    y = tape_gated(tape, config->activation, y);
    y = adapted(c, tape, y, &block->down, LORA_DOWN, LORA_DOWN);
    return tape_add(tape, x, y);
}

struct value *llama_net_run(const struct llama_net *llama, struct tape *tape, struct value *x, const struct position *positions,
                            const struct gradient_segment *segments, int segment_count)
{
    const struct language_config *config = &llama->config;
    struct block_context *contexts = tape_memory(tape, config->blocks, sizeof *contexts);
    if (!contexts || !x)
        return NULL;
    const float *angles = tape_rope_angles(tape, x->rows, positions, &llama->rope);
    for (int i = 0; i < config->blocks; i++) {
        contexts[i] = (struct block_context){llama, &llama->blocks[i], angles, segments, segment_count};
        x = llama->recompute ? tape_recompute(tape, run_block, &x, 1, &contexts[i]) : run_block(tape, &x, &contexts[i]);
    }
    return tape_rms_norm(tape, x, llama->norm.weight, config->rms_norm_eps);
}

/* ---- merging adapters ------------------------------------------------------------------------------------------------- */

#define MERGED 64 /* rows at a time */

/* Adds scale B A to rows of a weight, (count, in); a and b begin with those of B and all of A. */
static void add_product(const struct low_rank *lora, float scale, int64_t count, const float *b, const float *a, float *rows)
{
    int64_t in = lora->a->columns, rank = lora->a->rows;
    for (int64_t r = 0; r < count; r++)
        for (int64_t k = 0; k < rank; k++) {
            float factor = scale * b[r * rank + k];
            for (int64_t i = 0; i < in; i++)
                rows[r * in + i] += factor * a[k * in + i];
        }
}

/* Adds scale B A to the weight's rows from `first_row` on. */
static lmvr_status merge(struct parameter *weight, int64_t first_row, const struct low_rank *lora, float scale,
                         lmvr_error *error)
{
    int64_t in = weight->columns, out = lora->b->rows, rank = lora->a->rows;
    float *a = malloc((size_t)(rank * in) * sizeof *a), *b = malloc((size_t)(out * rank) * sizeof *b),
          *rows = malloc((size_t)(MERGED * in) * sizeof *rows);
    lmvr_status status = a && b && rows ? LMVR_OK : error_no_memory(error, "merging adapters");
    if (status == LMVR_OK)
        status = parameter_read(lora->a, rank * in, lora->a->value, a, error);
    if (status == LMVR_OK)
        status = parameter_read(lora->b, out * rank, lora->b->value, b, error);
    for (int64_t r = 0, count; status == LMVR_OK && r < out; r += count) {
        count = out - r < MERGED ? out - r : MERGED;
        parameter_get(weight, (first_row + r) * in, count * in, rows);
        add_product(lora, scale, count, b + r * rank, a, rows);
        parameter_set(weight, (first_row + r) * in, count * in, rows);
    }
    free(a);
    free(b);
    free(rows);
    return status;
}

lmvr_status llama_net_merge(struct llama_net *llama, lmvr_error *error)
{
    for (int i = 0; llama->lora.rank && i < llama->config.blocks; i++) {
        struct llama_net_block *block = &llama->blocks[i];
        struct parameter *weights[LORA_COUNT] = {block->qkv.weight,           block->qkv.weight,     block->qkv.weight,
                                                 block->attention_out.weight, block->gate_up.weight, block->gate_up.weight,
                                                 block->down.weight};
        int64_t first = 0;
        for (int j = 0; j < LORA_COUNT; j++) {
            first = j > 0 && weights[j] == weights[j - 1] ? first + block->lora[j - 1].b->rows : 0;
            TRY(merge(weights[j], first, &block->lora[j], llama->lora.scale, error));
        }
    }
    llama->lora.rank = 0;
    return LMVR_OK;
}
