/* Training compared with PyTorch and transformers (tests/golden/train/README.md): gradients of the first batch, then twenty
 * steps. */
#ifndef LMVR_TESTS_TRAIN_GOLDEN_H
#define LMVR_TESTS_TRAIN_GOLDEN_H

#include "cmocka_all.h"

#include "format/json.h"
#include "format/safetensors.h"
#include "model/weight_name.h"
#include "tensor/tested_device.h"
#include "train/run/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOT LMVR_TEST_DATA "/golden/train/"

/* ---- files ------------------------------------------------------------------------------------------------------------ */

struct golden {
    char folder[256];
    json_t *json;
    struct safetensors *batches, *reference, *start; /* start: NULL if there is none */
};

static void golden_open(struct golden *g, const char *name)
{
    char path[300];
    lmvr_error error;
    *g = (struct golden){0};
    snprintf(g->folder, sizeof g->folder, ROOT "%s", name);
    snprintf(path, sizeof path, "%s/case.json", g->folder);
    assert_int_equal(json_read(path, NULL, &g->json, &error), LMVR_OK);
    snprintf(path, sizeof path, "%s/batches.safetensors", g->folder);
    assert_int_equal(safetensors_open(path, &g->batches, &error), LMVR_OK);
    snprintf(path, sizeof path, "%s/reference.safetensors", g->folder);
    assert_int_equal(safetensors_open(path, &g->reference, &error), LMVR_OK);
    if (json_is_string(json_object_get(g->json, "start"))) {
        snprintf(path, sizeof path, "%s/start.safetensors", g->folder);
        assert_int_equal(safetensors_open(path, &g->start, &error), LMVR_OK);
    }
}

static void golden_close(struct golden *g)
{
    json_decref(g->json);
    safetensors_close(g->batches);
    safetensors_close(g->reference);
    safetensors_close(g->start);
}

static int64_t entry_size(const struct safetensors_entry *entry)
{
    return (int64_t)(entry->size / safetensors_dtype_size(entry->dtype));
}

static float *read_floats(const struct safetensors *file, const struct safetensors_entry *entry)
{
    float *values = malloc(entry->size + 4);
    assert_int_equal(safetensors_read_f32(file, entry, 0, (uint64_t)entry_size(entry), values, NULL), LMVR_OK);
    return values;
}

/* A batch's tensor in its own type; NULL if there is none. */
static void *read_batch(const struct golden *g, int number, const char *what, int64_t *size)
{
    char name[64];
    snprintf(name, sizeof name, "batch%d/%s", number, what);
    const struct safetensors_entry *entry = safetensors_find(g->batches, name);
    if (!entry)
        return NULL;
    void *data = malloc(entry->size + 4);
    *size = entry_size(entry);
    assert_int_equal(safetensors_read_raw(g->batches, entry, 0, (uint64_t)*size, data, NULL), LMVR_OK);
    return data;
}

/* The memory behind a batch's pointers. */
struct held {
    struct batch batch;
    int32_t *tokens, *spans;
    uint8_t *learned;
    float *labels;
};

#define MOST_PICTURES 4

/* Pictures of any size, each (views, 3, height, width). */
static void open_pictures(const struct golden *g, int number, struct batch *batch)
{
    const struct safetensors_entry *entry;
    char name[64];
    snprintf(name, sizeof name, "batch%d/picture0", number);
    if (!safetensors_find(g->batches, name))
        return;
    batch->pictures = calloc(MOST_PICTURES, sizeof *batch->pictures);
    for (; (entry = safetensors_find(g->batches, name));
         snprintf(name, sizeof name, "batch%d/picture%d", number, batch->image_count)) {
        struct picture *p = &batch->pictures[batch->image_count++];
        int height = (int)entry->shape[2], width = (int)entry->shape[3];
        assert_true(batch->image_count <= MOST_PICTURES);
        *p = (struct picture){.view_count = (int)entry->shape[0], .pixels = read_floats(g->batches, entry)};
        p->views = calloc((size_t)p->view_count, sizeof *p->views);
        for (int v = 0; v < p->view_count; v++)
            p->views[v] = (struct view){width, height, -1, -1, .first = (size_t)(v * 3 * height * width)};
    }
}

static void batch_open(const struct golden *g, int number, struct held *held)
{
    int64_t count = 0, size = 0, images = 0, labels = 0, at = 0, span = 0;
    *held = (struct held){0};
    int32_t *counts = read_batch(g, number, "counts", &count), *image = read_batch(g, number, "image", &size);
    int32_t *span_counts = read_batch(g, number, "span_counts", &size);
    held->spans = read_batch(g, number, span_counts ? "spans" : "visual_at", &size);
    held->tokens = read_batch(g, number, "tokens", &size);
    held->learned = read_batch(g, number, "learned", &size);
    held->labels = read_batch(g, number, "labels", &labels);
    held->batch.pixels = read_batch(g, number, "pixels", &images);
    held->batch.image_count = (int)(images / (3 * 16 * 16));
    open_pictures(g, number, &held->batch);
    held->batch.sequence_count = (int)count;
    held->batch.sequences = calloc((size_t)count, sizeof *held->batch.sequences);
    if (!held->learned)
        held->learned = calloc(1, (size_t)size);
    for (int64_t i = 0; i < count; i++) {
        int width = (int)(labels / count), spans = span_counts ? span_counts[i] : 1;
        held->batch.sequences[i] = (struct batch_sequence){.image = image[i],
                                                           .span_count = image[i] >= 0 ? spans : 0,
                                                           .spans = held->spans + span,
                                                           .count = counts[i],
                                                           .tokens = held->tokens + at,
                                                           .learned = (bool *)held->learned + at,
                                                           .label_count = width,
                                                           .labels = held->labels ? held->labels + i * width : NULL};
        at += counts[i];
        span += spans;
    }
    held->batch.tokens = at;
    free(counts);
    free(image);
    free(span_counts);
}

static void batch_close(struct held *held)
{
    for (int i = 0; held->batch.pictures && i < held->batch.image_count; i++)
        picture_finish(&held->batch.pictures[i]);
    free(held->batch.pictures);
    free(held->batch.pixels);
    free(held->spans);
    free(held->batch.sequences);
    free(held->tokens);
    free(held->learned);
    free(held->labels);
}

/* ---- comparing -------------------------------------------------------------------------------------------------------- */

static bool find_part(const struct parameters *parameters, const char *file_name, struct parameter **parameter, int *part)
{
    char *canonical = weight_name_canonical(file_name);
    bool found = false;
    for (size_t i = 0; i < parameters->count && !found; i++)
        for (int j = 0; j < parameters->items[i]->part_count && !found; j++)
            if (strcmp(parameters->items[i]->parts[j].name, canonical) == 0) {
                *parameter = parameters->items[i];
                *part = j;
                found = true;
            }
    free(canonical);
    return found;
}

/* The largest relative L2 error of all tensors with `prefix`, relative to at least a thousandth of the norm of all of them. */
static double compare(const struct golden *g, const struct parameters *parameters, const char *prefix, bool gradients)
{
    double all = 0, worst = 0;
    int compared = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < safetensors_count(g->reference); i++) {
            const struct safetensors_entry *entry = safetensors_entry_at(g->reference, i);
            if (strncmp(entry->name, prefix, strlen(prefix)) != 0)
                continue;
            struct parameter *parameter;
            int part;
            if (!find_part(parameters, entry->name + strlen(prefix), &parameter, &part))
                fail_msg("no parameter is called %s", entry->name + strlen(prefix));
            const struct parameter_part *at = &parameter->parts[part];
            assert_int_equal(at->count, entry_size(entry));
            assert_true(!gradients || parameter->trained);
            float *expected = read_floats(g->reference, entry), *values = calloc((size_t)at->count + 1, sizeof *values);
            const float *from = (gradients ? parameter->gradient : parameter->value) + at->first;
            assert_int_equal(parameter_read(parameter, at->count, from, values, NULL), LMVR_OK);
            double norm = 0, difference = 0;
            for (int64_t k = 0; k < at->count; k++) {
                double d = (double)values[k] - (double)expected[k];
                norm += (double)expected[k] * (double)expected[k];
                difference += d * d;
            }
            if (pass == 0) {
                all += norm;
            } else {
                double least = gradients ? 1e-3 * sqrt(all) : 0, beside = fmax(sqrt(norm), least);
                if (sqrt(difference) / beside > 1e-4)
                    print_message("%s: %.2e\n", entry->name, sqrt(difference) / beside);
                worst = fmax(worst, sqrt(difference) / beside);
                compared++;
            }
            free(expected);
            free(values);
        }
    assert_true(compared > 0);
    return worst;
}

static void check_decays(const struct golden *g, const struct parameters *parameters)
{
    static const char *const lists[] = {"decays", "does_not_decay"};
    for (int i = 0; i < 2; i++) {
        size_t index;
        json_t *name;
        json_array_foreach(json_object_get(g->json, lists[i]), index, name)
        {
            struct parameter *parameter;
            int part;
            if (!find_part(parameters, json_string_value(name), &parameter, &part))
                fail_msg("no parameter is called %s", json_string_value(name));
            assert_int_equal(parameter->decays, i == 0);
            assert_true(parameter->trained);
        }
    }
}

static void take_start(const struct golden *g, struct parameters *parameters)
{
    for (size_t i = 0; g->start && i < safetensors_count(g->start); i++) {
        const struct safetensors_entry *entry = safetensors_entry_at(g->start, i);
        struct parameter *parameter;
        int part;
        assert_true(find_part(parameters, entry->name, &parameter, &part));
        float *values = read_floats(g->start, entry);
        parameter_set(parameter, parameter->parts[part].first, parameter->parts[part].count, values);
        free(values);
    }
}

static double number(const json_t *json, const char *key)
{
    return json_number_value(json_object_get(json, key));
}

static double loss_of(const struct objective *objective, struct tape *tape, const struct golden *g, int batch, bool back)
{
    struct held held;
    lmvr_error error;
    batch_open(g, batch, &held);
    tape_begin(tape, back);
    struct value *loss = objective->loss(objective->self, tape, &held.batch);
    if (!loss) {
        tape_status(tape, &error);
        fail_msg("%s", error.message);
    }
    double value;
    assert_int_equal(tape_read(tape, loss, &value, NULL), LMVR_OK);
    if (back)
        assert_int_equal(tape_backward(tape, loss, 1, &error), LMVR_OK);
    batch_close(&held);
    return value;
}

#define STEPS 20

/* Trains the steps. `exactly`: the first batch's gradients and every step's norm are compared with the reference. */
static void take_steps(const struct golden *g, const struct objective *objective, struct tape *tape,
                       struct optimizer *optimizer, bool exactly, double losses[STEPS])
{
    const json_t *numbers = json_object_get(g->json, "adamw");
    struct adamw adamw = {0, number(numbers, "beta1"), number(numbers, "beta2"), number(numbers, "eps"),
                          number(numbers, "weight_decay")};
    float *rates = read_floats(g->reference, safetensors_find(g->reference, "learning_rates"));
    float *norms = read_floats(g->reference, safetensors_find(g->reference, "gradient_norms"));
    double norm;
    for (int step = 0; step < STEPS; step++) {
        parameters_clear(objective->parameters);
        losses[step] = loss_of(objective, tape, g, step % 4, true);
        if (exactly && step == 0)
            assert_true(compare(g, objective->parameters, "gradient/", true) < 1e-4);
        assert_int_equal(optimizer_clip(optimizer, number(g->json, "clip"), &norm, NULL), LMVR_OK);
        assert_true(!exactly || fabs(norm - (double)norms[step]) < 1e-4 * norm);
        adamw.learning_rate = (double)rates[step];
        optimizer_step(optimizer, &adamw);
        if (objective->after_step)
            objective->after_step(objective->self);
    }
    free(rates);
    free(norms);
}

/* The largest relative difference of a loss. */
static double worst_loss(const double losses[STEPS], const double right[STEPS])
{
    double worst = 0;
    for (int step = 0; step < STEPS; step++)
        worst = fmax(worst, fabs(losses[step] - right[step]) / right[step]);
    return worst;
}

/* From the reference. */
static double worst_loss_of(const struct golden *g, const double losses[STEPS])
{
    float *expected = read_floats(g->reference, safetensors_find(g->reference, "losses"));
    double right[STEPS];
    for (int step = 0; step < STEPS; step++)
        right[step] = (double)expected[step];
    free(expected);
    return worst_loss(losses, right);
}

/* Checks the first batch's loss and gradients, then twenty steps, then the final parameters. */
static void follow(const struct golden *g, const struct objective *objective)
{
    struct parameters *parameters = objective->parameters;
    struct tape *tape;
    struct optimizer optimizer;
    take_start(g, parameters);
    check_decays(g, parameters);
    assert_int_equal(tape_create_for(parameters, &tape, NULL), LMVR_OK);
    assert_int_equal(optimizer_init(&optimizer, parameters, NULL), LMVR_OK);
    double losses[STEPS];
    take_steps(g, objective, tape, &optimizer, true, losses);
    double worst = worst_loss_of(g, losses);
    print_message("losses of 20 steps: %.1e\n", worst);
    assert_true(worst < 1e-4);
    assert_true(compare(g, parameters, "final/", false) < 1e-4);
    optimizer_finish(&optimizer);
    tape_free(tape);
}

#endif
