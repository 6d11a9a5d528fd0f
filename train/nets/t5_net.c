#include "train/nets/t5_net.h"

#include "format/hash.h"
#include "format/random.h"
#include "language/t5.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T5        "language_model."
#define EMBEDDING T5 "shared.weight"
#define HEAD      T5 "lm_head.weight"

/* ---- parameters, initialized as in transformers' T5PreTrainedModel._init_weights ---------------------------------------- */

/* The layers PREFIX.N, stacked, for each N in `names`. */
static struct net_linear named(struct net *net, const char *prefix, int count, const char *const *names, int64_t out,
                               int64_t in, double deviation)
{
    struct net_part parts[3];
    for (int i = 0; i < count; i++) {
        parts[i].out = out;
        snprintf(parts[i].prefix, sizeof parts[i].prefix, "%.120s.%s", prefix, names[i]);
    }
    return net_stacked(net, parts, count, in, false, deviation);
}

/* T5 does not divide query-key products by the root of the head size: the first `rows` rows, the queries', are initialized
 * smaller instead. */
static void temper(struct net *net, struct parameter *weight, int64_t rows, int head_dim)
{
    if (net->checkpoint || net->status != LMVR_OK)
        return;
    float scale = 1.0f / sqrtf((float)head_dim);
    for (int64_t i = 0; i < rows * weight->columns; i++) {
        float value;
        parameter_get(weight, i, 1, &value);
        value *= scale;
        parameter_set(weight, i, 1, &value);
    }
}

static void init_block(struct t5_net_block *block, const struct language_config *c, const char *side, bool decodes, int index,
                       struct net *net)
{
    static const char *const qkv[] = {"q", "k", "v"}, *const o[] = {"o"}, *const wo[] = {"wo"};
    static const char *const gated[] = {"wi_0", "wi_1"}, *const plain[] = {"wi"};
    int64_t inner = (int64_t)c->heads * c->head_dim, width = c->width;
    double in = pow((double)width, -0.5), out = pow((double)inner, -0.5);
    char layer[NET_NAME_SIZE], name[NET_NAME_SIZE + 32];
    int part = 0;
    snprintf(layer, sizeof layer, T5 "%s.block.%d.layer.%d", side, index, part++);
    snprintf(name, sizeof name, "%s.SelfAttention", layer);
    block->qkv = named(net, name, 3, qkv, inner, width, in);
    temper(net, block->qkv.weight, inner, c->head_dim);
    block->attention_out = named(net, name, 1, o, width, inner, out);
    snprintf(name, sizeof name, "%s.layer_norm", layer);
    block->norm1 = net_norm(net, name, width, false);
    if (decodes) {
        snprintf(layer, sizeof layer, T5 "%s.block.%d.layer.%d", side, index, part++);
        snprintf(name, sizeof name, "%s.EncDecAttention", layer);
        block->cross_q = named(net, name, 1, qkv, inner, width, in);
        temper(net, block->cross_q.weight, inner, c->head_dim);
        block->cross_kv = named(net, name, 2, qkv + 1, inner, width, in);
        block->cross_out = named(net, name, 1, o, width, inner, out);
        snprintf(name, sizeof name, "%s.layer_norm", layer);
        block->norm_cross = net_norm(net, name, width, false);
    }
    snprintf(layer, sizeof layer, T5 "%s.block.%d.layer.%d", side, index, part);
    snprintf(name, sizeof name, "%s.DenseReluDense", layer);
    block->wi = named(net, name, c->t5.gated ? 2 : 1, c->t5.gated ? gated : plain, c->mlp_width, width, in);
    block->wo = named(net, name, 1, wo, width, c->mlp_width, pow((double)c->mlp_width, -0.5));
    snprintf(name, sizeof name, "%s.layer_norm", layer);
    block->norm2 = net_norm(net, name, width, false);
}

static void init_stack(struct t5_net_stack *stack, const struct language_config *c, bool decodes, struct net *net)
{
    const char *side = decodes ? "decoder" : "encoder";
    char name[NET_NAME_SIZE];
    stack->decodes = decodes;
    stack->block_count = decodes ? c->blocks : c->t5.encoder_blocks;
    stack->blocks = calloc((size_t)stack->block_count, sizeof *stack->blocks);
    if (!stack->blocks && net->status == LMVR_OK)
        net->status = error_no_memory(net->error, "the language model");
    for (int i = 0; i < stack->block_count && net->status == LMVR_OK; i++)
        init_block(&stack->blocks[i], c, side, decodes, i, net);
    snprintf(name, sizeof name, T5 "%s.block.0.layer.0.SelfAttention.relative_attention_bias.weight", side);
    stack->relative_bias = net_tensor(net, name, 2, (int64_t[]){c->t5.buckets, c->heads}, pow((double)c->width, -0.5));
    snprintf(name, sizeof name, T5 "%s.final_layer_norm", side);
    stack->norm = net_norm(net, name, c->width, false);
}

/* The embedding that both stacks share, under the first of its names in the file. */
static const char *find_embedding(const struct net *net)
{
    static const char *const copies[] = {T5 "encoder.embed_tokens.weight", T5 "decoder.embed_tokens.weight"};
    for (size_t i = 0; net->checkpoint && !checkpoint_has(net->checkpoint, EMBEDDING) && i < 2; i++)
        if (checkpoint_has(net->checkpoint, copies[i]))
            return copies[i];
    return EMBEDDING;
}

lmvr_status t5_net_init(struct t5_net *t5, const struct language_config *config, struct net *net)
{
    int64_t table[] = {config->vocabulary, config->width};
    *t5 = (struct t5_net){.config = *config};
    t5->embedding = net_tensor(net, find_embedding(net), 2, table, 1);
    init_stack(&t5->encoder, config, false, net);
    init_stack(&t5->decoder, config, true, net);
    /* as in transformers: a head in the file is used, tied or not. A random head is initialized as in T5X, for small initial
     * logits. */
    bool own = net->checkpoint ? checkpoint_has(net->checkpoint, HEAD) : !config->tied;
    t5->head = own ? net_tensor(net, HEAD, 2, table, pow((double)config->width, -0.5)) : t5->embedding;
    return net->status;
}

void t5_net_finish(struct t5_net *t5)
{
    free(t5->encoder.blocks);
    free(t5->decoder.blocks);
    *t5 = (struct t5_net){0};
}

/* ---- forward pass ----------------------------------------------------------------------------------------------------- */

/* A block's arguments besides its inputs: its own sequences, and the segments of cross-attention. */
struct block_context {
    const struct t5_net *t5;
    const struct t5_net_stack *stack;
    const struct t5_net_block *block;
    struct tape_bias bias;
    const struct gradient_segment *segments, *cross;
    int segment_count;
};

static struct value *attend_self(const struct block_context *c, struct tape *tape, struct value *x)
{
    const struct language_config *config = &c->t5->config;
    int64_t inner = (int64_t)config->heads * config->head_dim;
    struct tape_attention attention = {.heads = config->heads,
                                       .kv_heads = config->heads,
                                       .head_dim = config->head_dim,
                                       .k_column = inner,
                                       .v_column = 2 * inner,
                                       .scale = 1,
                                       .causal = c->stack->decodes,
                                       .bias = c->bias,
                                       .segments = c->segments,
                                       .segment_count = c->segment_count};
    struct value *y = tape_rms_norm(tape, x, c->block->norm1.weight, config->rms_norm_eps);
    y = tape_linear(tape, y, c->block->qkv.weight, NULL);
    y = tape_attention(tape, y, y, y, &attention);
    return tape_add(tape, x, tape_linear(tape, y, c->block->attention_out.weight, NULL));
}

static struct value *attend_encoder(const struct block_context *c, struct tape *tape, struct value *x, struct value *states)
{
    const struct language_config *config = &c->t5->config;
    struct tape_attention attention = {.heads = config->heads,
                                       .kv_heads = config->heads,
                                       .head_dim = config->head_dim,
                                       .v_column = (int64_t)config->heads * config->head_dim,
                                       .scale = 1,
                                       .segments = c->cross,
                                       .segment_count = c->segment_count};
    struct value *q = tape_rms_norm(tape, x, c->block->norm_cross.weight, config->rms_norm_eps);
    q = tape_linear(tape, q, c->block->cross_q.weight, NULL);
    struct value *kv = tape_linear(tape, states, c->block->cross_kv.weight, NULL);
    struct value *y = tape_attention(tape, q, kv, kv, &attention);
    return tape_add(tape, x, tape_linear(tape, y, c->block->cross_out.weight, NULL));
}

/* inputs: x and, in the decoder, the encoder's last hidden states. */
static struct value *run_block(struct tape *tape, struct value *const *inputs, const void *context)
{
    const struct block_context *c = context;
    const struct language_config *config = &c->t5->config;
    struct value *x = attend_self(c, tape, inputs[0]);
    if (c->stack->decodes)
        x = attend_encoder(c, tape, x, inputs[1]);
    struct value *y = tape_rms_norm(tape, x, c->block->norm2.weight, config->rms_norm_eps);
    y = tape_linear(tape, y, c->block->wi.weight, NULL);
    y = config->t5.gated ? tape_gated(tape, config->activation, y) : tape_activation(tape, config->activation, y);
    return tape_add(tape, x, tape_linear(tape, y, c->block->wo.weight, NULL));
}

/* The relative position bias for sequences of up to `longest` rows; its table is NULL after a failure. */
static struct tape_bias make_bias(const struct t5_net *t5, const struct t5_net_stack *stack, struct tape *tape, int64_t longest)
{
    const struct t5_config *c = &t5->config.t5;
    int64_t width = 2 * longest - 1;
    int32_t *buckets = tape_memory(tape, width, sizeof *buckets);
    if (!buckets)
        return (struct tape_bias){0};
    for (int64_t i = 0; i < width; i++)
        buckets[i] = t5_bucket(i - (longest - 1), !stack->decodes, c->buckets, c->max_distance);
    return (struct tape_bias){stack->relative_bias, buckets, width, longest - 1};
}

/* The last hidden states after the final norm. `cross` and `states` are for the decoder. */
static struct value *run_stack(const struct t5_net *t5, const struct t5_net_stack *stack, struct tape *tape, struct value *x,
                               const struct gradient_segment *segments, int count, const struct gradient_segment *cross,
                               struct value *states)
{
    struct block_context *contexts = tape_memory(tape, stack->block_count, sizeof *contexts);
    int64_t longest = 1;
    for (int i = 0; i < count; i++)
        longest = segments[i].q_count > longest ? segments[i].q_count : longest;
    struct tape_bias bias = make_bias(t5, stack, tape, longest);
    if (!contexts || !bias.table)
        return NULL;
    for (int i = 0; i < stack->block_count; i++) {
        struct value *inputs[2] = {x, states};
        contexts[i] = (struct block_context){t5, stack, &stack->blocks[i], bias, segments, cross, count};
        x = t5->recompute ? tape_recompute(tape, run_block, inputs, stack->decodes ? 2 : 1, &contexts[i])
                          : run_block(tape, inputs, &contexts[i]);
    }
    return tape_rms_norm(tape, x, stack->norm.weight, t5->config.rms_norm_eps);
}

/* ---- the loss --------------------------------------------------------------------------------------------------------- */

/* Where each part of a batch is among the rows of the encoder and the decoder. */
struct layout {
    int64_t encoder_rows, decoder_rows, learned;
    struct gradient_place *encoder, *decoder;
    int32_t *predicting, *targets; /* (learned) */
    struct gradient_segment *encoder_segments, *decoder_segments, *cross;
};

static int64_t visual_of(const struct batch_sequence *s, int visual_count)
{
    return s->image >= 0 ? visual_count : 0;
}

static bool make_room(struct tape *tape, const struct batch *batch, int visual_count, struct layout *l)
{
    int64_t read = 0;
    for (int i = 0; i < batch->sequence_count; i++) {
        const struct batch_sequence *s = &batch->sequences[i];
        read += visual_of(s, visual_count);
        for (int t = 0; t < s->count; t++)
            *(s->learned[t] ? &l->learned : &read) += 1;
    }
    l->encoder_rows = batch_padded(read);
    l->decoder_rows = batch_padded(l->learned);
    l->encoder = tape_memory(tape, l->encoder_rows, sizeof *l->encoder);
    l->decoder = tape_memory(tape, l->decoder_rows, sizeof *l->decoder);
    l->predicting = tape_memory(tape, l->learned, sizeof *l->predicting);
    l->targets = tape_memory(tape, l->learned, sizeof *l->targets);
    l->encoder_segments = tape_memory(tape, batch->sequence_count, sizeof *l->encoder_segments);
    l->decoder_segments = tape_memory(tape, batch->sequence_count, sizeof *l->decoder_segments);
    l->cross = tape_memory(tape, batch->sequence_count, sizeof *l->cross);
    return l->cross != NULL;
}

static void lay_out(const struct t5_net *t5, const struct batch *batch, int visual_count, struct layout *l)
{
    int64_t e = 0, d = 0;
    for (int i = 0; i < batch->sequence_count; i++) {
        const struct batch_sequence *s = &batch->sequences[i];
        int64_t e_first = e, d_first = d, visual = visual_of(s, visual_count);
        for (int64_t v = 0; v < visual; v++)
            l->encoder[e++] = (struct gradient_place){1, (int32_t)(s->image * visual + v)};
        int32_t previous = t5->config.t5.start_token;
        for (int t = 0; t < s->count; t++) {
            if (!s->learned[t]) {
                l->encoder[e++] = (struct gradient_place){0, s->tokens[t]};
                continue;
            }
            l->predicting[d] = (int32_t)d;
            l->targets[d] = s->tokens[t];
            l->decoder[d++] = (struct gradient_place){0, previous};
            previous = s->tokens[t];
        }
        l->encoder_segments[i] = (struct gradient_segment){e_first, e - e_first, e_first, e - e_first, 0};
        l->decoder_segments[i] = (struct gradient_segment){d_first, d - d_first, d_first, d - d_first, 0};
        l->cross[i] = (struct gradient_segment){d_first, d - d_first, e_first, e - e_first, 0};
    }
    for (; e < l->encoder_rows; e++)
        l->encoder[e] = (struct gradient_place){-1, 0};
    for (; d < l->decoder_rows; d++)
        l->decoder[d] = (struct gradient_place){-1, 0};
}

/* The same for the same batch and seed; zeros for padding rows. */
static struct value *make_noise(const struct t5_net *t5, struct tape *tape, const struct batch *batch, const struct layout *l)
{
    int64_t width = t5->config.width;
    float *noise = tape_memory(tape, l->encoder_rows * width, sizeof *noise);
    if (!noise)
        return NULL;
    memset(noise, 0, (size_t)(l->encoder_rows * width) * sizeof *noise);
    double most = t5->noise * parameter_deviation(t5->embedding);
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < batch->sequence_count; i++) {
        const struct batch_sequence *s = &batch->sequences[i];
        const struct gradient_segment *rows = &l->encoder_segments[i];
        struct random random;
        random_init(&random, hash_bytes(t5->seed ^ (uint64_t)i, s->tokens, (size_t)s->count * sizeof *s->tokens));
        double deviation = random_uniform(&random, 0, most), pair[2];
        for (int64_t k = rows->q_first * width; k < (rows->q_first + rows->q_count) * width; k++) {
            if ((k - rows->q_first * width) % 2 == 0)
                random_normals(&random, pair);
            noise[k] = (float)(deviation * pair[(k - rows->q_first * width) % 2]);
        }
    }
    return tape_constant(tape, l->encoder_rows, width, noise);
}

struct value *t5_net_loss(const struct t5_net *t5, struct tape *tape, const struct batch *batch, struct value *visual,
                          int visual_count)
{
    struct layout l = {0};
    if (!make_room(tape, batch, visual_count, &l))
        return NULL;
    lay_out(t5, batch, visual_count, &l);
    struct value *sources[2] = {tape_parameter(tape, t5->embedding), visual};
    struct value *states = tape_assemble(tape, sources, visual_count ? 2 : 1, l.encoder_rows, l.encoder);
    if (t5->noise > 0 && tape_is_recording(tape))
        states = tape_add(tape, states, make_noise(t5, tape, batch, &l));
    states = run_stack(t5, &t5->encoder, tape, states, l.encoder_segments, batch->sequence_count, NULL, NULL);
    struct value *x = tape_assemble(tape, sources, 1, l.decoder_rows, l.decoder);
    x = run_stack(t5, &t5->decoder, tape, x, l.decoder_segments, batch->sequence_count, l.cross, states);
    x = tape_rows(tape, x, l.learned, l.predicting);
    if (t5->config.t5.scale_head)
        x = tape_scale(tape, x, 1.0f / sqrtf((float)t5->config.width));
    return tape_cross_entropy(tape, tape_linear(tape, x, t5->head, NULL), l.targets, 0);
}
