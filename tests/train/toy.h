/*
 * A toy model to train: predicts the next token from one token with an embedding, a linear layer and cross entropy; samples are
 * generated from their indices. It is saved as model.txt.
 */
#ifndef LMVR_TESTS_TRAIN_TOY_H
#define LMVR_TESTS_TRAIN_TOY_H

#include "scratch.h"

#include "format/replace.h"
#include "train/run/run.h"

#include <math.h>

#define TOY_TOKENS  11
#define TOY_WIDTH   6
#define TOY_LENGTH  7
#define TOY_SAMPLES 23
#define TOY_STEPS   12

struct toy {
    struct parameters parameters;
    struct parameter *embedding, *weight, *bias;
    int saves;
    int64_t bad_step; /* passes until the loss is NaN; negative: never */
    int passes;
};

/* The batch's target pairs (token, next). */
static struct value *toy_loss(void *self, struct tape *tape, const struct batch *batch)
{
    struct toy *toy = self;
    int64_t count = 0, space = batch->sequence_count * (TOY_LENGTH - 1);
    int32_t *tokens = tape_memory(tape, space, sizeof *tokens), *next = tape_memory(tape, space, sizeof *next);
    if (!tokens || !next)
        return NULL;
    for (int i = 0; i < batch->sequence_count; i++)
        for (int k = 0; k + 1 < batch->sequences[i].count; k++, count++) {
            tokens[count] = batch->sequences[i].tokens[k];
            next[count] = batch->sequences[i].tokens[k + 1];
        }
    struct value *x = tape_rows(tape, tape_parameter(tape, toy->embedding), count, tokens);
    struct value *loss = tape_cross_entropy(tape, tape_linear(tape, x, toy->weight, toy->bias), next, 0);
    if (loss && toy->bad_step >= 0 && toy->passes++ == toy->bad_step)
        loss->data[0] = NAN;
    return loss;
}

/* Saves every bit of every parameter. */
static lmvr_status toy_save(void *self, const char *folder, lmvr_error *error)
{
    struct toy *toy = self;
    char path[256], text[4096];
    size_t length = 0;
    const struct parameter *all[] = {toy->embedding, toy->weight, toy->bias};
    for (size_t i = 0; i < 3; i++)
        for (int64_t k = 0; k < all[i]->rows * all[i]->columns; k++)
            length += (size_t)snprintf(text + length, sizeof text - length, "%a\n", all[i]->value[k]);
    toy->saves++;
    snprintf(path, sizeof path, "%s/model.txt", folder);
    return file_replace(path, text, length, error);
}

static uint32_t toy_hash(uint32_t x)
{
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

static lmvr_status toy_read(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    (void)self, (void)error;
    *image = NULL;
    *sequence = (struct batch_sequence){.image = -1, .count = TOY_LENGTH};
    sequence->tokens = malloc(TOY_LENGTH * sizeof *sequence->tokens);
    sequence->learned = malloc(TOY_LENGTH * sizeof *sequence->learned);
    assert_true(sequence->tokens && sequence->learned);
    for (int i = 0; i < TOY_LENGTH; i++) {
        /* mostly the token after the previous one */
        uint32_t dice = toy_hash((uint32_t)index * 1000u + (uint32_t)i);
        sequence->learned[i] = i > 0;
        sequence->tokens[i] = i > 0 && dice % 8 ? (sequence->tokens[i - 1] + 3) % TOY_TOKENS : (int32_t)(dice / 8 % TOY_TOKENS);
    }
    return LMVR_OK;
}

static const struct corpus toy_corpus = {.count = TOY_SAMPLES, .fingerprint = 7, .read = toy_read};

static void toy_init(struct toy *toy, enum dtype products)
{
    const struct parameter_shape shapes[] = {
        {"embedding", 2, {TOY_TOKENS, TOY_WIDTH}}, {"weight", 2, {TOY_TOKENS, TOY_WIDTH}}, {"bias", 1, {TOY_TOKENS}}};
    lmvr_error error;
    *toy = (struct toy){.bad_step = -1};
    parameters_init(&toy->parameters, products);
    assert_int_equal(parameters_add(&toy->parameters, &shapes[0], 1, true, &toy->embedding, &error), LMVR_OK);
    assert_int_equal(parameters_add(&toy->parameters, &shapes[1], 1, true, &toy->weight, &error), LMVR_OK);
    assert_int_equal(parameters_add(&toy->parameters, &shapes[2], 1, true, &toy->bias, &error), LMVR_OK);
    for (int32_t i = 0; i < TOY_TOKENS * TOY_WIDTH; i++) {
        float a = (float)(toy_hash((uint32_t)i) % 1000) / 1000 - 0.5f, b = (float)(toy_hash(~(uint32_t)i) % 1000) / 1000 - 0.5f;
        parameter_set(toy->embedding, i, 1, &a);
        parameter_set(toy->weight, i, 1, &b);
    }
}

static void toy_finish(struct toy *toy)
{
    parameters_finish(&toy->parameters);
}

static struct objective toy_objective(struct toy *toy)
{
    return (struct objective){.self = toy, .name = "toy", .parameters = &toy->parameters, .loss = toy_loss, .save = toy_save};
}

static const struct feed_options toy_feed = {.batch = 4, .threads = 1, .ahead = 2};

static struct run_options toy_options(const char *output)
{
    return (struct run_options){
        .output = output,
        .steps = TOY_STEPS,
        .accumulation = 1,
        .warmup = 2,
        .adamw = {.learning_rate = 0.05, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.01},
        .clip = 1,
        .seed = 3,
        .validate_every = 4,
        .validation_batches = 2,
        .checkpoint_every = 3,
        .keep = 2,
        .settings = "{\"rate\": 0.05, \"sizes\": [1, 2]}",
    };
}

#endif
