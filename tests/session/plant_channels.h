/*
 * Outlier channels as they are published (Dettmers et al. 2022, LLM.int8(); Xiao et al. 2023, SmoothQuant): a hundredth of the
 * channels is 20 to 1,000 times the others in all tokens and blocks, where attention and MLP begin and inside the MLP, and two
 * of each half of a head's keys 8 times (Liu et al. 2024, KIVI). What reads them is as much smaller. And a direction of the
 * residual stream becomes a single channel, whose weights are no smaller than others: an RMS norm commutes with reflections
 * (Ashkboos et al. 2024, SliceGPT).
 */
#ifndef LMVR_TESTS_SESSION_PLANT_CHANNELS_H
#define LMVR_TESTS_SESSION_PLANT_CHANNELS_H

#include "planted.h"

static const float outlier_sizes[] = {20, 100, 1000};
#define OUTLIERS 3

/* Some channels of what is grown become larger, and what reads them smaller. */
static void grow_channels(struct planted *m, const char *const *grown, int grown_count, const char *const *reader,
                          int reader_count, int block)
{
    for (int k = 0; k < OUTLIERS; k++) {
        int64_t channel = k * 71 + 20;
        for (int g = 0; g < grown_count; g++)
            scale_row(tensor_of(m, grown[g], block), channel, outlier_sizes[k]);
        for (int r = 0; r < reader_count; r++)
            scale_column(tensor_of(m, reader[r], block), channel, 1 / outlier_sizes[k]);
    }
}

#define LIST(...) (const char *const[]){__VA_ARGS__}, (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

#define VISION "vision_tower.vision_model.encoder.layers.%d."

static void grow_all(struct planted *m)
{
    EACH_BLOCK(i)
    {
        grow_channels(m, LIST(BLOCK "input_layernorm.weight"),
                      LIST(BLOCK "self_attn.q_proj.weight", BLOCK "self_attn.k_proj.weight", BLOCK "self_attn.v_proj.weight"),
                      i);
        grow_channels(m, LIST(BLOCK "post_attention_layernorm.weight"),
                      LIST(BLOCK "mlp.gate_proj.weight", BLOCK "mlp.up_proj.weight"), i);
        grow_channels(m, LIST(BLOCK "mlp.up_proj.weight"), LIST(BLOCK "mlp.down_proj.weight"), i);
    }
    for (int i = 0; i < 5; i++) {
        grow_channels(
            m, LIST(VISION "layer_norm1.weight", VISION "layer_norm1.bias"),
            LIST(VISION "self_attn.q_proj.weight", VISION "self_attn.k_proj.weight", VISION "self_attn.v_proj.weight"), i);
        grow_channels(m, LIST(VISION "layer_norm2.weight", VISION "layer_norm2.bias"), LIST(VISION "mlp.fc1.weight"), i);
    }
}

/* In each head two channels that rotary positions turn together. */
static void grow_keys(struct planted *m)
{
    EACH_BLOCK(i)
    for (int64_t row = 7; row < 256; row += 32) {
        scale_row(tensor_of(m, BLOCK "self_attn.k_proj.weight", i), row, 8);
        scale_row(tensor_of(m, BLOCK "self_attn.q_proj.weight", i), row, 0.125f);
    }
}

/* A norm's weights become those of its readers. */
static void fold(const struct tensor *norm, struct tensor *const *reader, int count)
{
    for (int64_t i = 0; i < norm->shape[0]; i++) {
        for (int r = 0; r < count; r++)
            scale_column(reader[r], i, norm->data[i]);
        norm->data[i] = 1;
    }
}

static void fold_norms(struct planted *m)
{
    EACH_BLOCK(i)
    {
        struct tensor *r[READERS];
        for (int k = 0; k < READERS; k++)
            r[k] = tensor_of(m, BLOCK "%s.weight", i, readers[k][0]);
        fold(tensor_of(m, BLOCK "%s.weight", i, readers[0][1]), r, 3);
        fold(tensor_of(m, BLOCK "%s.weight", i, readers[3][1]), r + 3, 2);
    }
    struct tensor *head = tensor_of(m, "language_model.lm_head.weight");
    fold(tensor_of(m, "language_model.model.norm.weight"), &head, 1);
}

/* Reflects each row, or each column, at the hyperplane that the unit vector `normal` is normal to. */
static void reflect(const struct tensor *t, bool rows, const float *normal)
{
    int64_t outer = rows ? t->shape[0] : columns_of(t), inner = rows ? t->shape[1] : t->shape[0];
    for (int64_t o = 0; o < outer; o++) {
        double along = 0;
        for (int64_t i = 0; i < inner; i++)
            along += (double)normal[i] * (double)*(rows ? at(t, o, i) : at(t, i, o));
        for (int64_t i = 0; i < inner; i++)
            *(rows ? at(t, o, i) : at(t, i, o)) -= (float)(2 * along * (double)normal[i]);
    }
}

/* Turns the residual stream so that `direction`, which loses its length, becomes `channel`. The norms are folded. */
UNUSED static void turn_to_channel(struct planted *m, float *direction, int64_t channel)
{
    double size = 0, rest = 0;
    for (int64_t i = 0; i < m->width; i++)
        size += (double)direction[i] * (double)direction[i];
    for (int64_t i = 0; i < m->width; i++) {
        direction[i] = (float)((double)direction[i] / sqrt(size)) - (i == channel ? 1.0f : 0.0f);
        rest += (double)direction[i] * (double)direction[i];
    }
    for (int64_t i = 0; i < m->width; i++)
        direction[i] = (float)((double)direction[i] / sqrt(rest));
    EACH_BLOCK(i)
    {
        for (int k = 0; k < READERS; k++)
            reflect(tensor_of(m, BLOCK "%s.weight", i, readers[k][0]), true, direction);
        for (int k = 0; k < 2; k++)
            reflect(tensor_of(m, BLOCK "%s.weight", i, writers[k]), false, direction);
    }
    reflect(tensor_of(m, "language_model.lm_head.weight"), true, direction);
    reflect(tensor_of(m, "language_model.model.embed_tokens.weight"), true, direction);
    reflect(tensor_of(m, "multi_modal_projector.linear_2.weight"), false, direction);
    reflect(tensor_of(m, "multi_modal_projector.linear_2.bias"), false, direction);
}

/* States lie in `direction` (width), which is overwritten; it becomes `channel`. */
UNUSED static void plant_channels(struct planted *m, float *direction, int64_t channel)
{
    fold_norms(m);
    turn_to_channel(m, direction, channel);
    grow_all(m);
    grow_keys(m);
}

#endif
