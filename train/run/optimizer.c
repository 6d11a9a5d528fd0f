#include "train/run/optimizer.h"

#include "tensor/device.h"
#include "tensor/gradient.h"

#include <math.h>
#include <stdlib.h>

static int64_t size_of(const struct parameter *parameter)
{
    return parameter->rows * parameter->columns;
}

static int64_t chunks_of(const struct parameter *parameter)
{
    return (size_of(parameter) + GRADIENT_CHUNK - 1) / GRADIENT_CHUNK;
}

static float *get_moments(const struct parameter *parameter)
{
    const struct device *device = parameter->arena->device;
    return device == device_cpu() ? aligned_zeroed(size_of(parameter), sizeof(float))
                                  : device->operations->allocate(device, (size_t)size_of(parameter) * sizeof(float));
}

lmvr_status optimizer_init(struct optimizer *optimizer, struct parameters *parameters, lmvr_error *error)
{
    const struct device *device = parameters->arena.device;
    *optimizer = (struct optimizer){.parameters = parameters};
    optimizer->first = calloc(parameters->count + 1, sizeof *optimizer->first);
    optimizer->second = calloc(parameters->count + 1, sizeof *optimizer->second);
    bool good = optimizer->first && optimizer->second;
    for (size_t i = 0; i < parameters->count && good; i++) {
        const struct parameter *parameter = parameters->items[i];
        if (!parameter->trained)
            continue;
        optimizer->first[i] = get_moments(parameter);
        optimizer->second[i] = get_moments(parameter);
        good = optimizer->first[i] && optimizer->second[i];
        optimizer->chunks += chunks_of(parameter);
    }
    size_t bytes = ((size_t)optimizer->chunks + 1) * sizeof *optimizer->sums;
    if (good && (optimizer->sums = malloc(bytes)) && (optimizer->partial = device->operations->allocate(device, bytes)))
        return LMVR_OK;
    optimizer_finish(optimizer);
    return error_no_memory(error, "the optimizer's moments");
}

void optimizer_finish(struct optimizer *optimizer)
{
    const struct device *device = optimizer->parameters ? optimizer->parameters->arena.device : device_cpu();
    for (size_t i = 0; optimizer->parameters && i < optimizer->parameters->count; i++) {
        if (optimizer->first)
            device_release(device, optimizer->first[i]);
        if (optimizer->second)
            device_release(device, optimizer->second[i]);
    }
    device_release(device, optimizer->partial);
    free(optimizer->first);
    free(optimizer->second);
    free(optimizer->sums);
    *optimizer = (struct optimizer){0};
}

/* ---- the norm ---- */

static lmvr_status gradient_norm(const struct optimizer *optimizer, double *norm, lmvr_error *error)
{
    struct parameters *parameters = optimizer->parameters;
    struct arena *arena = &parameters->arena;
    double sum = 0;
    int64_t at = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        const struct parameter *parameter = parameters->items[i];
        if (!parameter->trained)
            continue;
        arena->device->gradients->squares(arena, size_of(parameter), parameter->gradient, optimizer->partial + at);
        at += chunks_of(parameter);
    }
    TRY(arena->device->operations->read(arena, optimizer->sums, optimizer->partial, (size_t)at * sizeof *optimizer->sums,
                                        error));
    for (int64_t i = 0; i < at; i++)
        sum += optimizer->sums[i];
    *norm = sqrt(sum);
    return LMVR_OK;
}

lmvr_status optimizer_clip(struct optimizer *optimizer, double most, double *norm, lmvr_error *error)
{
    struct parameters *parameters = optimizer->parameters;
    struct arena *arena = &parameters->arena;
    TRY(gradient_norm(optimizer, norm, error));
    double factor = most / (*norm + 1e-6);
    if (most <= 0 || !(factor < 1))
        return LMVR_OK;
    for (size_t i = 0; i < parameters->count; i++) {
        struct parameter *parameter = parameters->items[i];
        if (parameter->trained)
            arena->device->gradients->scale(arena, size_of(parameter), (float)factor, parameter->gradient, parameter->gradient);
    }
    return LMVR_OK;
}

/* ---- the step ---- */

static struct gradient_adamw factors_of(const struct adamw *adamw, int64_t step)
{
    double bias1 = 1 - pow(adamw->beta1, (double)step), bias2 = 1 - pow(adamw->beta2, (double)step);
    return (struct gradient_adamw){
        .decay = (float)(1 - adamw->learning_rate * adamw->weight_decay),
        .first = (float)(1 - adamw->beta1),
        .beta2 = (float)adamw->beta2,
        .second = (float)(1 - adamw->beta2),
        .step = (float)(adamw->learning_rate / bias1),
        .root_factor = (float)(1 / sqrt(bias2)),
        .eps = (float)adamw->eps,
    };
}

void optimizer_step(struct optimizer *optimizer, const struct adamw *adamw)
{
    struct parameters *parameters = optimizer->parameters;
    struct arena *arena = &parameters->arena;
    struct gradient_adamw factors = factors_of(adamw, ++optimizer->steps);
    for (size_t i = 0; i < parameters->count; i++) {
        struct parameter *p = parameters->items[i];
        if (p->trained)
            arena->device->gradients->adamw(arena, &factors, p->decays, size_of(p), p->gradient, p->value, optimizer->first[i],
                                            optimizer->second[i], p->half);
    }
}
