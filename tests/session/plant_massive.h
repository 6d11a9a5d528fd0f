/*
 * Massive activations as they are published (Sun et al. 2024): two channels of the first token are thousands of times the
 * median from the first block's MLP to the last block's, and one of the line feed behind the image to the end. Of the first
 * token attention and MLPs then read nothing else, so its largest channel gives them what the whole state gave.
 */
#ifndef LMVR_TESTS_SESSION_PLANT_MASSIVE_H
#define LMVR_TESTS_SESSION_PLANT_MASSIVE_H

#include "planted.h"

/* Channels of the residual stream: marks of the two tokens, and what becomes large in them. */
enum { MARK_FIRST, MARK_LINE, FIRST, SECOND, OF_LINE, NEW_CHANNELS };
static const int64_t new_channels[NEW_CHANNELS] = {40, 100, 133, 180, 230};
/* Channels of the MLPs, that make and remove it. */
enum { MAKE_FIRST, MAKE_LINE, REMOVE_FIRST, NEW_MLP };
static const int64_t new_mlp[NEW_MLP] = {50, 333, 600};

static bool is_among(int64_t place, const int64_t *places, int count)
{
    for (int i = 0; i < count; i++)
        if (places[i] == place)
            return true;
    return false;
}

/* Inserts zeros as the rows, or columns, `places`. */
static void insert(struct tensor *t, bool rows, const int64_t *places, int count)
{
    int64_t height = t->shape[0] + (rows ? count : 0), width = columns_of(t) + (rows ? 0 : count);
    float *data = calloc((size_t)(height * width), sizeof *data);
    assert_non_null(data);
    const float *from = t->data;
    for (int64_t i = 0; i < height * width; i++)
        if (!is_among(rows ? i / width : i % width, places, count))
            data[i] = *from++;
    free(t->data);
    t->data = data;
    t->shape[0] = height;
    if (t->dims > 1)
        t->shape[1] = width;
}

/* A state of the shipped model as one of the planted: `to` has NEW_CHANNELS more. */
UNUSED static void widen_row(const float *from, size_t count, float *to)
{
    for (int64_t i = 0; i < (int64_t)count + NEW_CHANNELS; i++)
        to[i] = is_among(i, new_channels, NEW_CHANNELS) ? 0 : *from++;
}

static void widen(struct planted *m)
{
    EACH_BLOCK(i)
    {
        for (int k = 0; k < READERS; k++)
            insert(tensor_of(m, BLOCK "%s.weight", i, readers[k][0]), false, new_channels, NEW_CHANNELS);
        for (int k = 0; k < 2; k++)
            insert(tensor_of(m, BLOCK "%s.weight", i, writers[k]), true, new_channels, NEW_CHANNELS);
        insert(tensor_of(m, BLOCK "mlp.gate_proj.weight", i), true, new_mlp, NEW_MLP);
        insert(tensor_of(m, BLOCK "mlp.up_proj.weight", i), true, new_mlp, NEW_MLP);
        insert(tensor_of(m, BLOCK "mlp.down_proj.weight", i), false, new_mlp, NEW_MLP);
        insert(tensor_of(m, BLOCK "input_layernorm.weight", i), true, new_channels, NEW_CHANNELS);
        insert(tensor_of(m, BLOCK "post_attention_layernorm.weight", i), true, new_channels, NEW_CHANNELS);
    }
    insert(tensor_of(m, "language_model.model.norm.weight"), true, new_channels, NEW_CHANNELS);
    insert(tensor_of(m, "language_model.lm_head.weight"), false, new_channels, NEW_CHANNELS);
    insert(tensor_of(m, "language_model.model.embed_tokens.weight"), false, new_channels, NEW_CHANNELS);
    insert(tensor_of(m, "multi_modal_projector.linear_1.weight"), true, new_channels, NEW_CHANNELS);
    insert(tensor_of(m, "multi_modal_projector.linear_1.bias"), true, new_channels, NEW_CHANNELS);
    insert(tensor_of(m, "multi_modal_projector.linear_2.weight"), false, new_channels, NEW_CHANNELS);
    insert(tensor_of(m, "multi_modal_projector.linear_2.weight"), true, new_channels, NEW_CHANNELS);
    insert(tensor_of(m, "multi_modal_projector.linear_2.bias"), true, new_channels, NEW_CHANNELS);
    m->mlp_width += NEW_MLP;
}

/* A mean over more channels is smaller. */
static void mend_norm(const struct tensor *norm, float factor)
{
    for (int64_t i = 0; i < norm->shape[0]; i++)
        norm->data[i] *= factor;
    for (int i = 0; i < NEW_CHANNELS; i++)
        norm->data[new_channels[i]] = 1;
}

static void mend_norms(struct planted *m)
{
    double share = (double)m->width / (double)(m->width + NEW_CHANNELS);
    m->width += NEW_CHANNELS;
    m->eps *= share;
    EACH_BLOCK(i)
    {
        mend_norm(tensor_of(m, BLOCK "input_layernorm.weight", i), (float)sqrt(share));
        mend_norm(tensor_of(m, BLOCK "post_attention_layernorm.weight", i), (float)sqrt(share));
    }
    mend_norm(tensor_of(m, "language_model.model.norm.weight"), (float)sqrt(share));
}

#define MOST_WIDTH 800

/* y (rows) = W x, or += it. */
static void apply(const struct tensor *w, const double *x, bool add, double *y)
{
    for (int64_t r = 0; r < w->shape[0]; r++) {
        double sum = add ? y[r] : 0;
        for (int64_t c = 0; c < w->shape[1]; c++)
            sum += (double)*at(w, r, c) * x[c];
        y[r] = sum;
    }
}

static double root_mean_square(const struct planted *m, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < m->width; i++)
        sum += x[i] * x[i];
    return sqrt(sum / (double)m->width + m->eps);
}

#define MASSIVE        15000.0
#define MASSIVE_SECOND (-0.4 * MASSIVE)
#define MASSIVE_LINE   4000.0
#define MARK           6.0 /* as large as the states of the first block */
#define GATE           8.0 /* silu(8) is about 8 */
#define UP             100.0

/* Channel `mlp` of a block's MLP becomes large where channel `from` of the normed state is `value`. */
static void detect(struct planted *m, int block, int64_t mlp, int64_t from, double value)
{
    *at(tensor_of(m, BLOCK "mlp.gate_proj.weight", block), mlp, from) = (float)(GATE / value);
    *at(tensor_of(m, BLOCK "mlp.up_proj.weight", block), mlp, from) = (float)(UP / value);
}

/* And what it then adds to channel `to`. */
static void add_size(struct planted *m, int block, int64_t mlp, int64_t to, double size)
{
    double detected = GATE / (1 + exp(-GATE)) * UP;
    *at(tensor_of(m, BLOCK "mlp.down_proj.weight", block), to, mlp) = (float)(size / detected);
}

/* The first token's state, which depends on nothing else, on its way through the blocks: as it was, x, and as planted. */
struct first_token {
    double x[MOST_WIDTH], normed[MOST_WIDTH], planted[MOST_WIDTH], y[MOST_WIDTH], z[MOST_WIDTH];
};

static void norm_state(const struct planted *m, const struct tensor *norm, const double *x, double *normed)
{
    double size = root_mean_square(m, x);
    for (int64_t i = 0; i < m->width; i++)
        normed[i] = x[i] / size * (double)norm->data[i];
}

/* Norms the state as it was, and lets the readers get the same from what is planted: by the channel that is largest in it. */
static void read_state(struct planted *m, struct first_token *t, int block, int first_reader, int last_reader)
{
    const struct tensor *norm = tensor_of(m, BLOCK "%s.weight", block, readers[first_reader][1]);
    int64_t largest = new_channels[block > 0 ? FIRST : MARK_FIRST];
    memcpy(t->planted, t->x, sizeof t->x);
    t->planted[new_channels[MARK_FIRST]] = MARK;
    t->planted[new_channels[FIRST]] = block > 0 ? MASSIVE : 0;
    t->planted[new_channels[SECOND]] = block > 0 ? MASSIVE_SECOND : 0;
    norm_state(m, norm, t->planted, t->planted);
    norm_state(m, norm, t->x, t->normed);
    for (int r = first_reader; r <= last_reader; r++) {
        struct tensor *w = tensor_of(m, BLOCK "%s.weight", block, readers[r][0]);
        apply(w, t->normed, false, t->y);
        apply(w, t->planted, false, t->z);
        for (int64_t i = 0; i < w->shape[0]; i++)
            *at(w, i, largest) = (float)((t->y[i] - t->z[i]) / t->planted[largest]);
    }
}

static void pass_block(struct planted *m, struct first_token *t, int block)
{
    read_state(m, t, block, 0, 2);
    apply(tensor_of(m, BLOCK "self_attn.v_proj.weight", block), t->normed, false, t->y);
    apply(tensor_of(m, BLOCK "self_attn.o_proj.weight", block), t->y, true, t->x);
    read_state(m, t, block, 3, 4);
    apply(tensor_of(m, BLOCK "mlp.gate_proj.weight", block), t->normed, false, t->y);
    apply(tensor_of(m, BLOCK "mlp.up_proj.weight", block), t->normed, false, t->z);
    for (int64_t i = 0; i < m->mlp_width; i++)
        t->y[i] *= t->z[i] / (1 + exp(-t->y[i]));
    apply(tensor_of(m, BLOCK "mlp.down_proj.weight", block), t->y, true, t->x);
    if (block == 0) {
        detect(m, 0, new_mlp[MAKE_FIRST], new_channels[MARK_FIRST], t->planted[new_channels[MARK_FIRST]]);
        detect(m, 0, new_mlp[MAKE_LINE], new_channels[MARK_LINE], t->planted[new_channels[MARK_FIRST]]);
    } else if (block == PLANTED_BLOCKS - 1) {
        detect(m, block, new_mlp[REMOVE_FIRST], new_channels[FIRST], t->planted[new_channels[FIRST]]);
    }
}

/* Ids of pieces in lmvr-small's vocabulary. */
#define BEGIN_TOKEN 1
#define LINE_TOKEN  13

UNUSED static void plant_massive(struct planted *m)
{
    widen(m);
    mend_norms(m);
    struct first_token t;
    memset(&t, 0, sizeof t);
    struct tensor *embedding = tensor_of(m, "language_model.model.embed_tokens.weight");
    for (int64_t i = 0; i < m->width; i++)
        t.x[i] = (double)*at(embedding, BEGIN_TOKEN, i);
    *at(embedding, BEGIN_TOKEN, new_channels[MARK_FIRST]) = MARK;
    *at(embedding, LINE_TOKEN, new_channels[MARK_LINE]) = MARK;
    EACH_BLOCK(i) pass_block(m, &t, i);
    add_size(m, 0, new_mlp[MAKE_FIRST], new_channels[FIRST], MASSIVE);
    add_size(m, 0, new_mlp[MAKE_FIRST], new_channels[SECOND], MASSIVE_SECOND);
    add_size(m, 0, new_mlp[MAKE_LINE], new_channels[OF_LINE], MASSIVE_LINE);
    add_size(m, PLANTED_BLOCKS - 1, new_mlp[REMOVE_FIRST], new_channels[FIRST], -MASSIVE);
    add_size(m, PLANTED_BLOCKS - 1, new_mlp[REMOVE_FIRST], new_channels[SECOND], -MASSIVE_SECOND);
}

#endif
