/*
 * A CLIP's encoder as a BLIP-2's: as_eva MODEL BLOCKS OUT PICTURE...
 *
 * MODEL is a LLaVA or a CLIP folder, BLOCKS how many of its blocks are kept, OUT a folder that `lmvr train qformer --vision`
 * reads. An EVA ViT is a CLIP ViT but for three things: its query, key and value are one matrix, its patches have a bias, and
 * nothing normalizes what enters the first block. The first is another way to write the same. That norm is divided by a
 * constant in place of each position's own deviation, what is left of it being linear: gains, biases and the mean that is taken
 * away go into the patches' weights, their bias and the positions. The constant is the harmonic mean of the deviations over all
 * patches of the pictures. The class has no picture in it and stays exact. The norm behind the last block begins as 1 and 0.
 */
#include "format/input.h"
#include "format/safetensors.h"
#include "image/image.h"
#include "image/preprocess.h"
#include "model/checkpoint.h"
#include "model/config.h"
#include "train/model_folder.h"
#include "vision/patches.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VISION      "vision_tower.vision_model."
#define MOST_BLOCKS 64
#define NAME_SIZE   128

struct tower {
    struct model_config config;
    struct checkpoint *checkpoint;
    int64_t width, inner, side, patch_values; /* side: patches of a row; values of a patch, 3 * patch * patch */
    float *patches, *first, *positions;       /* (width, patch_values), the class (width), (1 + side * side, width) */
    float *gain, *bias;                       /* of the norm before the first block, (width) */
};

static void *allocate(int64_t count)
{
    void *values = calloc((size_t)count, sizeof(float));
    if (!values) {
        fprintf(stderr, "as_eva: out of memory\n");
        exit(2);
    }
    return values;
}

static lmvr_status read_tower(const char *folder, struct tower *t, lmvr_error *error)
{
    TRY(model_config_read(folder, &t->config, error));
    const struct vision_config *v = &t->config.vision;
    if (strcmp(v->family->model_type, "clip_vision_model") != 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: its encoder is no CLIP's", folder);
    TRY(checkpoint_open(folder, &t->checkpoint, error));
    t->width = v->width;
    t->inner = v->mlp_width;
    t->side = v->image_size / v->patch_size;
    t->patch_values = (int64_t)3 * v->patch_size * v->patch_size;
    int64_t positions = 1 + t->side * t->side;
    t->patches = allocate(t->width * t->patch_values);
    t->first = allocate(t->width);
    t->positions = allocate(positions * t->width);
    t->gain = allocate(t->width);
    t->bias = allocate(t->width);
    int64_t kernel[] = {t->width, 3, v->patch_size, v->patch_size}, places[] = {positions, t->width};
    TRY(checkpoint_read(t->checkpoint, VISION "embeddings.patch_embedding.weight", 4, kernel, t->patches, error));
    TRY(checkpoint_read(t->checkpoint, VISION "embeddings.class_embedding", 1, &t->width, t->first, error));
    TRY(checkpoint_read(t->checkpoint, VISION "embeddings.position_embedding.weight", 2, places, t->positions, error));
    TRY(checkpoint_read(t->checkpoint, VISION "pre_layrnorm.weight", 1, &t->width, t->gain, error));
    return checkpoint_read(t->checkpoint, VISION "pre_layrnorm.bias", 1, &t->width, t->bias, error);
}

/* Takes the mean away; returns the deviation, as the norm has it. */
static double center(const struct tower *t, float *row)
{
    int64_t width = t->width;
    double mean = 0, square = 0;
    for (int64_t i = 0; i < width; i++)
        mean += (double)row[i] / (double)width;
    for (int64_t i = 0; i < width; i++) {
        row[i] = (float)((double)row[i] - mean);
        square += (double)row[i] * (double)row[i] / (double)width;
    }
    return sqrt(square + (double)t->config.vision.layer_norm_eps);
}

/* Adds 1 / deviation of all of the picture's patches to *sum. */
static lmvr_status measure(const struct tower *t, const char *path, double *sum, lmvr_error *error)
{
    const struct vision_config *v = &t->config.vision;
    struct image image;
    int width, height;
    TRY(image_read(path, &image, NULL, error));
    preprocess_output_size(&t->config.preprocess, image.width, image.height, &width, &height);
    if (width != v->image_size || height != v->image_size) {
        image_finish(&image);
        return error_set(error, LMVR_ERROR_INPUT, "%s: becomes %d x %d pixels, where the encoder has %d", path, width, height,
                         v->image_size);
    }
    int64_t count = t->side * t->side, size = v->image_size;
    float *pixels = allocate(3 * size * size), *cut = allocate(count * t->patch_values), *row = allocate(t->width);
    lmvr_status status = preprocess_image(&t->config.preprocess, &image, pixels, error);
    image_finish(&image);
    if (status == LMVR_OK)
        patches_cut(1, size, v->patch_size, pixels, cut);
    for (int64_t p = 0; p < count && status == LMVR_OK; p++) {
        for (int64_t o = 0; o < t->width; o++) {
            float value = t->positions[(1 + p) * t->width + o];
            for (int64_t i = 0; i < t->patch_values; i++)
                value += t->patches[o * t->patch_values + i] * cut[p * t->patch_values + i];
            row[o] = value;
        }
        *sum += 1 / center(t, row);
    }
    free(row);
    free(cut);
    free(pixels);
    return status;
}

/* The norm goes into what comes before it. */
static void fold(struct tower *t, double deviation)
{
    int64_t width = t->width, positions = 1 + t->side * t->side;
    for (int64_t i = 0; i < t->patch_values; i++) {
        double mean = 0;
        for (int64_t o = 0; o < width; o++)
            mean += (double)t->patches[o * t->patch_values + i] / (double)width;
        for (int64_t o = 0; o < width; o++) {
            float *weight = &t->patches[o * t->patch_values + i];
            *weight = (float)(((double)*weight - mean) * (double)t->gain[o] / deviation);
        }
    }
    for (int64_t o = 0; o < width; o++) {
        t->first[o] += t->positions[o];
        t->positions[o] = 0;
    }
    double of_class = center(t, t->first);
    for (int64_t o = 0; o < width; o++)
        t->first[o] = (float)((double)t->first[o] * (double)t->gain[o] / of_class) + t->bias[o];
    for (int64_t p = 1; p < positions; p++) {
        float *row = t->positions + p * width;
        center(t, row);
        for (int64_t o = 0; o < width; o++)
            row[o] = (float)((double)row[o] * (double)t->gain[o] / deviation);
    }
}

/* ---- the folder --------------------------------------------------------------------------------------------------------- */

struct tensors {
    struct safetensors_write items[5 + 12 * MOST_BLOCKS];
    char names[5 + 12 * MOST_BLOCKS][NAME_SIZE];
    size_t count;
};

/* Adds "vision_model.NAME" with 1 or 2 dimensions. */
static void add(struct tensors *tensors, const char *name, int64_t rows, int64_t columns, const float *data)
{
    size_t i = tensors->count++;
    snprintf(tensors->names[i], NAME_SIZE, "vision_model.%s", name);
    tensors->items[i] = (struct safetensors_write){
        .name = tensors->names[i], .dtype = ST_F32, .dims = columns ? 2 : 1, .shape = {rows, columns}, .data = data};
}

/* Rows of the parts of block `index`, one below the other, as NAME.weight and NAME.bias; columns 0: weights are vectors. */
static lmvr_status add_layer(struct tensors *tensors, const struct tower *t, int index, const char *const *parts,
                             const char *name, int64_t rows, int64_t columns, lmvr_error *error)
{
    static const char *const kinds[] = {"weight", "bias"};
    char from[NAME_SIZE], to[NAME_SIZE];
    int count = 0;
    while (parts[count])
        count++;
    for (int kind = 0; kind < 2; kind++) {
        int64_t wide = kind == 0 ? columns : 0, size = rows * (wide ? wide : 1), shape[] = {rows, wide};
        float *data = allocate(count * size);
        for (int i = 0; i < count; i++) {
            snprintf(from, sizeof from, VISION "encoder.layers.%d.%s.%s", index, parts[i], kinds[kind]);
            TRY(checkpoint_read(t->checkpoint, from, wide ? 2 : 1, shape, data + i * size, error));
        }
        snprintf(to, sizeof to, "encoder.layers.%d.%s.%s", index, name, kinds[kind]);
        add(tensors, to, count * rows, wide, data);
    }
    return LMVR_OK;
}

static lmvr_status add_block(struct tensors *tensors, const struct tower *t, int index, lmvr_error *error)
{
    static const char *const qkv[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", NULL};
    static const char *const out[] = {"self_attn.out_proj", NULL}, *const fc1[] = {"mlp.fc1", NULL};
    static const char *const fc2[] = {"mlp.fc2", NULL}, *const norm1[] = {"layer_norm1", NULL};
    static const char *const norm2[] = {"layer_norm2", NULL};
    TRY(add_layer(tensors, t, index, qkv, "self_attn.qkv", t->width, t->width, error));
    TRY(add_layer(tensors, t, index, out, "self_attn.projection", t->width, t->width, error));
    TRY(add_layer(tensors, t, index, fc1, "mlp.fc1", t->inner, t->width, error));
    TRY(add_layer(tensors, t, index, fc2, "mlp.fc2", t->width, t->inner, error));
    TRY(add_layer(tensors, t, index, norm1, "layer_norm1", t->width, 0, error));
    return add_layer(tensors, t, index, norm2, "layer_norm2", t->width, 0, error);
}

static lmvr_status write_weights(const struct tower *t, int blocks, const char *folder, lmvr_error *error)
{
    static struct tensors tensors;
    int64_t patch = t->config.vision.patch_size, positions = 1 + t->side * t->side;
    float *ones = allocate(t->width);
    for (int64_t i = 0; i < t->width; i++)
        ones[i] = 1;
    add(&tensors, "embeddings.class_embedding", 1, 1, t->first);
    tensors.items[0].dims = 3;
    tensors.items[0].shape[2] = t->width;
    add(&tensors, "embeddings.position_embedding", 1, positions, t->positions);
    tensors.items[1].dims = 3;
    tensors.items[1].shape[2] = t->width;
    add(&tensors, "embeddings.patch_embedding.weight", t->width, 3, t->patches);
    tensors.items[2].dims = 4;
    tensors.items[2].shape[2] = tensors.items[2].shape[3] = patch;
    add(&tensors, "embeddings.patch_embedding.bias", t->width, 0, t->bias);
    for (int i = 0; i < blocks; i++)
        TRY(add_block(&tensors, t, i, error));
    add(&tensors, "post_layernorm.weight", t->width, 0, ones);
    add(&tensors, "post_layernorm.bias", t->width, 0, allocate(t->width));
    char *path = input_path(folder, "model.safetensors");
    lmvr_status status =
        path ? safetensors_write(path, tensors.items, tensors.count, NULL, error) : error_no_memory(error, folder);
    free(path);
    return status;
}

/* The CLIP's, with every number that it may leave to defaults, which are others for an EVA. */
static json_t *pack_config(const struct tower *t, json_t *clip, int blocks)
{
    const struct vision_config *v = &t->config.vision;
    json_t *own = json_object_get(clip, "vision_config");
    json_t *activation = json_object_get(own ? own : clip, "hidden_act");
    return json_pack("{s:s, s:{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:b, s:f}}", "model_type", "blip-2", "vision_config",
                     "model_type", "blip_2_vision_model", "hidden_size", v->width, "intermediate_size", v->mlp_width,
                     "num_hidden_layers", blocks, "num_attention_heads", v->heads, "image_size", v->image_size, "patch_size",
                     v->patch_size, "hidden_act", activation ? json_string_value(activation) : "quick_gelu", "qkv_bias", 1,
                     "layer_norm_eps", (double)v->layer_norm_eps);
}

static lmvr_status write_config(const struct tower *t, const char *model, int blocks, const char *folder, lmvr_error *error)
{
    json_t *clip;
    TRY(folder_read_config(model, &clip, error));
    json_t *config = pack_config(t, clip, blocks);
    lmvr_status status = config ? folder_write_json(folder, "config.json", config, error) : error_no_memory(error, folder);
    json_decref(config);
    json_decref(clip);
    return status;
}

static lmvr_status run(const char *model, long wanted, const char *folder, char **pictures, lmvr_error *error)
{
    static struct tower tower;
    double sum = 0;
    int64_t count = 0;
    TRY(read_tower(model, &tower, error));
    if (wanted < 1 || wanted > tower.config.vision.blocks || wanted > MOST_BLOCKS)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: its encoder has %d blocks; BLOCKS says how many of them are kept, 1 at least", model,
                         tower.config.vision.blocks);
    int blocks = (int)wanted;
    for (; *pictures; pictures++, count += tower.side * tower.side)
        TRY(measure(&tower, *pictures, &sum, error));
    fold(&tower, (double)count / sum);
    TRY(write_config(&tower, model, blocks, folder, error));
    TRY(folder_write_preprocess(folder, &tower.config.preprocess, error));
    TRY(write_weights(&tower, blocks, folder, error));
    printf("%s: %d blocks; patches' deviation %.4f, of %lld\n", folder, blocks, (double)count / sum, (long long)count);
    checkpoint_close(tower.checkpoint);
    return LMVR_OK;
}

int main(int argc, char **argv)
{
    lmvr_error error = {0};
    if (argc < 5) {
        fprintf(stderr,
                "Usage: as_eva MODEL BLOCKS OUT PICTURE...\nWrites the encoder of a CLIP or a LLaVA as an EVA's folder.\n");
        return 2;
    }
    if (run(argv[1], strtol(argv[2], NULL, 10), argv[3], argv + 4, &error) == LMVR_OK)
        return 0;
    fprintf(stderr, "as_eva: %s\n", error.message);
    return 2;
}
