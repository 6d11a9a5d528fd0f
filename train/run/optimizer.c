#include "train/run/optimizer.h"

#include "tensor/arena.h"
#include "tensor/cpu/kernels.h"

#include <math.h>
#include <stdlib.h>

#define CHUNK 16384 /* elements that one thread takes at a time; the sums are split there, so it affects the result */

static int64_t size_of(const struct parameter *parameter)
{
    return parameter->rows * parameter->columns;
}

static int64_t chunks_of(const struct parameter *parameter)
{
    return (size_of(parameter) + CHUNK - 1) / CHUNK;
}

static int64_t chunk_size(const struct parameter *parameter, int64_t chunk)
{
    int64_t left = size_of(parameter) - chunk * CHUNK;
    return left < CHUNK ? left : CHUNK;
}

lmvr_status optimizer_init(struct optimizer *optimizer, struct parameters *parameters, lmvr_error *error)
{
    size_t chunks = 0;
    *optimizer = (struct optimizer){.parameters = parameters};
    optimizer->first = calloc(parameters->count + 1, sizeof *optimizer->first);
    optimizer->second = calloc(parameters->count + 1, sizeof *optimizer->second);
    bool good = optimizer->first && optimizer->second;
    for (size_t i = 0; i < parameters->count && good; i++) {
        const struct parameter *parameter = parameters->items[i];
        if (!parameter->trained)
            continue;
        optimizer->first[i] = aligned_zeroed(size_of(parameter), sizeof(float));
        optimizer->second[i] = aligned_zeroed(size_of(parameter), sizeof(float));
        good = optimizer->first[i] && optimizer->second[i];
        chunks += (size_t)chunks_of(parameter);
    }
    if (good && (optimizer->sums = calloc(chunks + 1, sizeof *optimizer->sums)))
        return LMVR_OK;
    optimizer_finish(optimizer);
    return error_no_memory(error, "the optimizer's moments");
}

void optimizer_finish(struct optimizer *optimizer)
{
    for (size_t i = 0; optimizer->parameters && i < optimizer->parameters->count; i++) {
        if (optimizer->first)
            free(optimizer->first[i]);
        if (optimizer->second)
            free(optimizer->second[i]);
    }
    free(optimizer->first);
    free(optimizer->second);
    free(optimizer->sums);
    *optimizer = (struct optimizer){0};
}

/* ---- the norm ---- */

static double sum_of_squares(int64_t count, const float *x)
{
    double sums[8] = {0}; /* as many lanes as any vector has; fixed, so that every processor adds in the same order */
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; k++)
            sums[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < count; i++)
        sums[0] += (double)x[i] * (double)x[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static double gradient_norm(const struct optimizer *optimizer)
{
    const struct parameters *parameters = optimizer->parameters;
    double *sums = optimizer->sums, sum = 0;
    for (size_t i = 0; i < parameters->count; i++) {
        const struct parameter *parameter = parameters->items[i];
        int64_t chunks = parameter->trained ? chunks_of(parameter) : 0;
#pragma omp parallel for schedule(static)
        for (int64_t chunk = 0; chunk < chunks; chunk++)
            sums[chunk] = sum_of_squares(chunk_size(parameter, chunk), parameter->gradient + chunk * CHUNK);
        for (int64_t chunk = 0; chunk < chunks; chunk++)
            sum += sums[chunk];
    }
    return sqrt(sum);
}

static void scale(int64_t count, float factor, float *x)
{
    for (int64_t i = 0; i < count; i++)
        x[i] *= factor;
}

double optimizer_clip(struct optimizer *optimizer, double most)
{
    const struct parameters *parameters = optimizer->parameters;
    double norm = gradient_norm(optimizer), factor = most / (norm + 1e-6);
    if (most <= 0 || !(factor < 1))
        return norm;
    for (size_t i = 0; i < parameters->count; i++) {
        const struct parameter *parameter = parameters->items[i];
        int64_t chunks = parameter->trained ? chunks_of(parameter) : 0;
#pragma omp parallel for schedule(static)
        for (int64_t chunk = 0; chunk < chunks; chunk++)
            scale(chunk_size(parameter, chunk), (float)factor, parameter->gradient + chunk * CHUNK);
    }
    return norm;
}

/* ---- the step ---- */

/* The step's constants, as in torch. */
struct factors {
    float decay;       /* weight decay's factor for the value */
    float first;       /* 1 - beta1 */
    float beta2;       /* decay of the second moment */
    float second;      /* 1 - beta2 */
    float step;        /* the learning rate divided by the first moment's bias correction */
    float root_factor; /* 1 / sqrt of the second moment's bias correction */
    float eps;
};

static struct factors factors_of(const struct adamw *adamw, int64_t step)
{
    double bias1 = 1 - pow(adamw->beta1, (double)step), bias2 = 1 - pow(adamw->beta2, (double)step);
    return (struct factors){
        .decay = (float)(1 - adamw->learning_rate * adamw->weight_decay),
        .first = (float)(1 - adamw->beta1),
        .beta2 = (float)adamw->beta2,
        .second = (float)(1 - adamw->beta2),
        .step = (float)(adamw->learning_rate / bias1),
        .root_factor = (float)(1 / sqrt(bias2)),
        .eps = (float)adamw->eps,
    };
}

static void update(int64_t count, const struct factors *f, float decay, const float *restrict gradient, float *restrict value,
                   float *restrict first, float *restrict second)
{
    for (int64_t i = 0; i < count; i++) {
        float g = gradient[i];
        float m = first[i] + f->first * (g - first[i]);
        float v = f->beta2 * second[i] + f->second * (g * g);
        first[i] = m;
        second[i] = v;
        value[i] = decay * value[i] - f->step * (m / (sqrtf(v) * f->root_factor + f->eps));
    }
}

void optimizer_step(struct optimizer *optimizer, const struct adamw *adamw)
{
    const struct parameters *parameters = optimizer->parameters;
    struct factors factors = factors_of(adamw, ++optimizer->steps);
#pragma omp parallel
    for (size_t i = 0; i < parameters->count; i++) {
        const struct parameter *parameter = parameters->items[i];
        int64_t chunks = parameter->trained ? chunks_of(parameter) : 0;
        float decay = parameter->decays ? factors.decay : 1;
#pragma omp for schedule(static) nowait
        for (int64_t chunk = 0; chunk < chunks; chunk++) {
            int64_t at = chunk * CHUNK, count = chunk_size(parameter, chunk);
            update(count, &factors, decay, parameter->gradient + at, parameter->value + at, optimizer->first[i] + at,
                   optimizer->second[i] + at);
            if (parameter->half)
                kernels_get()->to_bf16(count, parameter->value + at, parameter->half + at);
        }
    }
}
