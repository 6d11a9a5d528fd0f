#include "train/nets/qformer_net.h"

#include "train/nets/frozen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAYER     "qformer.encoder.layer.%d."
#define DEVIATION 0.02 /* Blip2QFormerConfig's initializer_range */

/* ---- parameters ------------------------------------------------------------------------------------------------------- */

static struct net_linear linear(struct net *net, const char *format, int index, int64_t out, int64_t in)
{
    struct net_part part = net_part(out, format, index);
    return net_stacked(net, &part, 1, in, true, DEVIATION);
}

static void init_mlp(struct qformer_net_mlp *mlp, const struct qformer_config *c, const char *fc1, const char *fc2,
                     const char *norm, int index, struct net *net)
{
    mlp->fc1 = linear(net, fc1, index, c->mlp_width, c->width);
    mlp->fc2 = linear(net, fc2, index, c->width, c->mlp_width);
    mlp->norm = net_norm(net, net_part(0, norm, index).prefix, c->width, true);
}

static void init_cross(struct qformer_net *q, struct qformer_net_block *block, int index, struct net *net)
{
    int64_t width = q->config.width;
    struct net_part kv[2] = {net_part(width, LAYER "crossattention.attention.key", index),
                             net_part(width, LAYER "crossattention.attention.value", index)};
    block->cross_q = linear(net, LAYER "crossattention.attention.query", index, width, width);
    block->cross_kv = net_stacked(net, kv, 2, q->vision->width, true, DEVIATION);
    block->cross_out = linear(net, LAYER "crossattention.output.dense", index, width, width);
    block->norm_cross = net_norm(net, net_part(0, LAYER "crossattention.output.LayerNorm", index).prefix, width, true);
}

static void init_block(struct qformer_net *q, int index, struct net *net)
{
    struct qformer_net_block *block = &q->blocks[index];
    int64_t width = q->config.width;
    struct net_part qkv[3] = {net_part(width, LAYER "attention.attention.query", index),
                              net_part(width, LAYER "attention.attention.key", index),
                              net_part(width, LAYER "attention.attention.value", index)};
    block->qkv = net_stacked(net, qkv, 3, width, true, DEVIATION);
    block->attention_out = linear(net, LAYER "attention.output.dense", index, width, width);
    block->norm1 = net_norm(net, net_part(0, LAYER "attention.output.LayerNorm", index).prefix, width, true);
    block->crosses = index % q->config.cross_every == 0;
    if (block->crosses)
        init_cross(q, block, index, net);
    init_mlp(&block->query_mlp, &q->config, LAYER "intermediate_query.dense", LAYER "output_query.dense",
             LAYER "output_query.LayerNorm", index, net);
    if (q->has_text)
        init_mlp(&block->text_mlp, &q->config, LAYER "intermediate.dense", LAYER "output.dense", LAYER "output.LayerNorm",
                 index, net);
}

/* transformers' class has neither a word head nor a temperature, so a folder may lack them. */
static void init_generation(struct qformer_net_text *text, const struct qformer_config *c, int64_t vocabulary, struct net *net)
{
    const float temperature = 0.07f; /* LAVIS's */
    struct checkpoint *checkpoint = net->checkpoint;
    if (checkpoint && !checkpoint_has(checkpoint, "temp"))
        net->checkpoint = NULL;
    text->transform = net_linear(net, "cls.predictions.transform.dense", c->width, c->width, true, DEVIATION);
    text->transform_norm = net_norm(net, "cls.predictions.transform.LayerNorm", c->width, true);
    text->word_bias = net_tensor(net, "cls.predictions.bias", 1, &vocabulary, 0);
    text->temperature = net_tensor(net, "temp", 0, NULL, 0);
    if (net->status == LMVR_OK && !net->checkpoint)
        parameter_set(text->temperature, 0, 1, &temperature);
    net->checkpoint = checkpoint;
}

static void init_text(struct qformer_net *q, const struct qformer_text_config *config, struct net *net)
{
    struct qformer_net_text *text = &q->text;
    int64_t width = q->config.width;
    text->words = net_tensor(net, "embeddings.word_embeddings.weight", 2, (int64_t[]){config->vocabulary, width}, DEVIATION);
    text->positions =
        net_tensor(net, "embeddings.position_embeddings.weight", 2, (int64_t[]){config->positions, width}, DEVIATION);
    text->vision_projection = net_linear(net, "vision_projection", config->projection, width, true, DEVIATION);
    text->text_projection = net_linear(net, "text_projection", config->projection, width, true, DEVIATION);
    text->itm_head = net_linear(net, "itm_head", 2, width, true, DEVIATION);
    init_generation(text, &q->config, config->vocabulary, net);
}

lmvr_status qformer_net_init(struct qformer_net *q, const struct qformer_config *config, const struct qformer_text_config *text,
                             const struct encoder *vision, struct net *net)
{
    *q = (struct qformer_net){.config = *config, .vision = vision, .has_text = text != NULL};
    TRY(arena_init_on(&q->arena, device_cpu(), net->parameters->products, net->error));
    q->query_tokens = net_tensor(net, "query_tokens", 3, (int64_t[]){1, config->queries, config->width}, DEVIATION);
    q->norm = net_norm(net, "qformer.layernorm", config->width, true);
    q->blocks = calloc((size_t)config->blocks, sizeof *q->blocks);
    if (!q->blocks && net->status == LMVR_OK)
        net->status = error_no_memory(net->error, "the Q-Former");
    for (int i = 0; i < config->blocks && net->status == LMVR_OK; i++)
        init_block(q, i, net);
    if (text)
        init_text(q, text, net);
    return net->status;
}

void qformer_net_finish(struct qformer_net *q)
{
    free(q->blocks);
    arena_finish(&q->arena);
    *q = (struct qformer_net){0};
}

/* ---- layout of a pass ------------------------------------------------------------------------------------------------- */

/* Rows are pairs one after another, each with its queries and then its text. Padding counts as text. */
struct layout {
    int64_t rows, query_rows, text_rows;
    struct gradient_place *embeddings, *positions; /* (rows): in query_tokens or word embeddings; in the position table */
    int32_t *query_at, *text_at;                   /* rows of the queries; of the text */
    struct gradient_place *merged;                 /* (rows): in both together */
    struct gradient_segment *segments, *cross;
    int segment_count, cross_count;
    int32_t *text_first;
};

static bool make_room(const struct qformer_net *q, struct tape *tape, const struct qformer_pass *pass, struct layout *l)
{
    int64_t tokens = 0;
    for (int p = 0; p < pass->pair_count; p++) {
        l->query_rows += pass->pairs[p].image >= 0 ? q->config.queries : 0;
        tokens += pass->pairs[p].text >= 0 ? pass->batch->sequences[pass->pairs[p].text].count : 0;
    }
    l->rows = tokens ? batch_padded(l->query_rows + tokens) : l->query_rows;
    l->text_rows = l->rows - l->query_rows;
    l->embeddings = tape_memory(tape, l->rows, sizeof *l->embeddings);
    l->positions = tape_memory(tape, l->rows, sizeof *l->positions);
    l->merged = tape_memory(tape, l->rows, sizeof *l->merged);
    l->query_at = tape_memory(tape, l->query_rows, sizeof *l->query_at);
    l->text_at = tape_memory(tape, l->text_rows, sizeof *l->text_at);
    l->segments = tape_memory(tape, pass->pair_count, sizeof *l->segments);
    l->cross = tape_memory(tape, pass->pair_count, sizeof *l->cross);
    l->text_first = tape_memory(tape, pass->pair_count, sizeof *l->text_first);
    return l->text_first != NULL;
}

/* The query rows of an image are one segment of the cross-attention to it, whatever their texts. */
static void add_cross(const struct qformer_net *q, int image, int64_t first_query, struct layout *l)
{
    int64_t positions = encoder_positions(q->vision, q->vision->image_size, q->vision->image_size), first = image * positions;
    if (l->cross_count && l->cross[l->cross_count - 1].k_first == first)
        l->cross[l->cross_count - 1].q_count += q->config.queries;
    else
        l->cross[l->cross_count++] = (struct gradient_segment){first_query, q->config.queries, first, positions, 0};
}

static void lay_out(const struct qformer_net *q, const struct qformer_pass *pass, struct layout *l)
{
    int64_t row = 0, query = 0, text = 0;
    for (int p = 0; p < pass->pair_count; p++) {
        const struct qformer_pair *pair = &pass->pairs[p];
        const struct batch_sequence *s = pair->text >= 0 ? &pass->batch->sequences[pair->text] : NULL;
        int64_t first = row, queries = pair->image >= 0 ? q->config.queries : 0;
        if (queries)
            add_cross(q, pair->image, query, l);
        for (int32_t i = 0; i < queries; i++, row++) {
            l->embeddings[row] = (struct gradient_place){0, i};
            l->positions[row] = (struct gradient_place){-1, 0};
            l->merged[row] = (struct gradient_place){0, (int32_t)query};
            l->query_at[query++] = (int32_t)row;
        }
        l->text_first[p] = (int32_t)text;
        for (int32_t i = 0; s && i < s->count; i++, row++) {
            l->embeddings[row] = (struct gradient_place){1, i == 0 && pass->generates ? q->decode_token : s->tokens[i]};
            l->positions[row] = (struct gradient_place){0, i};
            l->merged[row] = (struct gradient_place){1, (int32_t)text};
            l->text_at[text++] = (int32_t)row;
        }
        l->segments[l->segment_count++] = (struct gradient_segment){first, row - first, first, row - first, queries};
    }
    for (; row < l->rows; row++) {
        l->embeddings[row] = l->positions[row] = (struct gradient_place){-1, 0};
        l->merged[row] = (struct gradient_place){1, (int32_t)text};
        l->text_at[text++] = (int32_t)row;
    }
}

/* ---- forward pass ----------------------------------------------------------------------------------------------------- */

/* A block's arguments besides its inputs. */
struct block_context {
    const struct qformer_net *q;
    const struct qformer_net_block *block;
    const struct layout *layout;
    bool causal;
};

/* norm(x + y through `out`). */
static struct value *add_norm(const struct block_context *c, struct tape *tape, struct value *x, struct value *y,
                              const struct net_linear *out, const struct net_norm *norm)
{
    y = tape_add(tape, x, tape_linear(tape, y, out->weight, out->bias));
    return tape_layer_norm(tape, y, norm->weight, norm->bias, c->q->config.layer_norm_eps);
}

static struct tape_attention attention_of(const struct block_context *c)
{
    int head_dim = c->q->config.width / c->q->config.heads;
    return (struct tape_attention){.heads = c->q->config.heads,
                                   .kv_heads = c->q->config.heads,
                                   .head_dim = head_dim,
                                   .scale = 1.0f / sqrtf((float)head_dim)};
}

static struct value *attend_self(const struct block_context *c, struct tape *tape, struct value *x)
{
    struct tape_attention attention = attention_of(c);
    attention.k_column = c->q->config.width;
    attention.v_column = 2 * (int64_t)c->q->config.width;
    attention.causal = c->causal;
    attention.segments = c->layout->segments;
    attention.segment_count = c->layout->segment_count;
    struct value *y = tape_linear(tape, x, c->block->qkv.weight, c->block->qkv.bias);
    y = tape_attention(tape, y, y, y, &attention);
    return add_norm(c, tape, x, y, &c->block->attention_out, &c->block->norm1);
}

static struct value *attend_image(const struct block_context *c, struct tape *tape, struct value *x, struct value *kv)
{
    struct tape_attention attention = attention_of(c);
    attention.v_column = c->q->config.width;
    attention.segments = c->layout->cross;
    attention.segment_count = c->layout->cross_count;
    struct value *y = tape_linear(tape, x, c->block->cross_q.weight, c->block->cross_q.bias);
    y = tape_attention(tape, y, kv, kv, &attention);
    return add_norm(c, tape, x, y, &c->block->cross_out, &c->block->norm_cross);
}

static struct value *run_mlp(const struct block_context *c, struct tape *tape, struct value *x,
                             const struct qformer_net_mlp *mlp)
{
    struct value *y = tape_linear(tape, x, mlp->fc1.weight, mlp->fc1.bias);
    y = tape_activation(tape, c->q->config.activation, y);
    return add_norm(c, tape, x, y, &mlp->fc2, &mlp->norm);
}

/* inputs: x and, if the block has cross-attention and there are queries, the images' keys and values. */
static struct value *run_block(struct tape *tape, struct value *const *inputs, const void *context)
{
    const struct block_context *c = context;
    const struct layout *l = c->layout;
    struct value *x = attend_self(c, tape, inputs[0]), *parts[2] = {NULL, NULL};
    if (l->query_rows) {
        parts[0] = l->text_rows ? tape_rows(tape, x, l->query_rows, l->query_at) : x;
        if (c->block->crosses)
            parts[0] = attend_image(c, tape, parts[0], inputs[1]);
        parts[0] = run_mlp(c, tape, parts[0], &c->block->query_mlp);
    }
    if (!l->text_rows)
        return parts[0];
    parts[1] = run_mlp(c, tape, l->query_rows ? tape_rows(tape, x, l->text_rows, l->text_at) : x, &c->block->text_mlp);
    return l->query_rows ? tape_assemble(tape, parts, 2, l->rows, l->merged) : parts[1];
}

static struct value *embed(const struct qformer_net *q, struct tape *tape, const struct layout *l)
{
    struct value *sources[2] = {tape_parameter(tape, q->query_tokens), NULL};
    if (l->text_rows)
        sources[1] = tape_parameter(tape, q->text.words);
    struct value *x = tape_assemble(tape, sources, l->text_rows ? 2 : 1, l->rows, l->embeddings);
    if (l->text_rows) {
        struct value *table = tape_parameter(tape, q->text.positions);
        x = tape_add(tape, x, tape_assemble(tape, &table, 1, l->rows, l->positions));
    }
    return tape_layer_norm(tape, x, q->norm.weight, q->norm.bias, q->config.layer_norm_eps);
}

struct qformer_states qformer_net_run(const struct qformer_net *q, struct tape *tape, const struct qformer_pass *pass)
{
    struct block_context *contexts = tape_memory(tape, q->config.blocks, sizeof *contexts);
    struct layout *l = tape_memory(tape, 1, sizeof *l);
    if (!l)
        return (struct qformer_states){0};
    *l = (struct layout){0};
    if (!make_room(q, tape, pass, l))
        return (struct qformer_states){0};
    lay_out(q, pass, l);
    struct value *x = embed(q, tape, l);
    for (int i = 0; i < q->config.blocks; i++) {
        bool sees = l->query_rows && q->blocks[i].crosses;
        struct value *inputs[2] = {x, sees ? pass->seen[i] : NULL};
        contexts[i] = (struct block_context){q, &q->blocks[i], l, pass->generates};
        x = q->recompute ? tape_recompute(tape, run_block, inputs, sees ? 2 : 1, &contexts[i])
                         : run_block(tape, inputs, &contexts[i]);
    }
    if (!l->query_rows || !l->text_rows)
        return (struct qformer_states){l->query_rows ? x : NULL, l->query_rows ? NULL : x, l->text_first};
    return (struct qformer_states){tape_rows(tape, x, l->query_rows, l->query_at), tape_rows(tape, x, l->text_rows, l->text_at),
                                   l->text_first};
}

struct value **qformer_net_see(struct qformer_net *q, struct tape *tape, const struct batch *batch)
{
    struct value **seen = tape_memory(tape, q->config.blocks, sizeof(struct value *));
    struct value *states = frozen_states(q->vision, &q->arena, q->vision->block_count, 0, tape, batch);
    if (!states)
        return NULL;
    for (int i = 0; i < q->config.blocks; i++)
        seen[i] =
            q->blocks[i].crosses ? tape_linear(tape, states, q->blocks[i].cross_kv.weight, q->blocks[i].cross_kv.bias) : NULL;
    return seen;
}

struct value *qformer_net_queries(struct qformer_net *q, struct tape *tape, const struct batch *batch)
{
    struct qformer_pass pass = {.batch = batch, .pair_count = batch->image_count};
    struct qformer_pair *pairs = tape_memory(tape, batch->image_count, sizeof *pairs);
    if (!pairs || !(pass.seen = qformer_net_see(q, tape, batch)))
        return NULL;
    for (int i = 0; i < batch->image_count; i++)
        pairs[i] = (struct qformer_pair){i, -1};
    pass.pairs = pairs;
    return qformer_net_run(q, tape, &pass).queries;
}
