#include "train/tape/parameter.h"

#include "tensor/cpu/kernels.h"
#include "tensor/device.h"
#include "tensor/gradient.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PIECE 4096 /* elements that are converted at a time */

void parameters_init(struct parameters *parameters, enum dtype products)
{
    *parameters = (struct parameters){.products = products};
    arena_init(&parameters->arena);
}

lmvr_status parameters_init_on(struct parameters *parameters, enum dtype products, const struct device *device,
                               lmvr_error *error)
{
    *parameters = (struct parameters){.products = products};
    return arena_init_on(&parameters->arena, device, F32, error);
}

static bool is_of_host(const struct parameter *parameter)
{
    return parameter->arena->device == device_cpu();
}

/* Zeroed memory; NULL: out of memory. */
static void *get_memory(const struct parameter *parameter, size_t size)
{
    int64_t count = parameter->rows * parameter->columns;
    const struct device *device = parameter->arena->device;
    return is_of_host(parameter) ? aligned_zeroed(count, size) : device->operations->allocate(device, (size_t)count * size);
}

static void parameter_free(struct parameter *parameter)
{
    if (!parameter)
        return;
    for (int i = 0; i < parameter->part_count; i++)
        free(parameter->parts[i].name);
    free(parameter->parts);
    device_release(parameter->arena->device, parameter->value);
    device_release(parameter->arena->device, parameter->gradient);
    device_release(parameter->arena->device, parameter->half);
    free(parameter);
}

void parameters_finish(struct parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++)
        parameter_free(parameters->items[i]);
    free(parameters->items);
    arena_finish(&parameters->arena);
    *parameters = (struct parameters){.products = parameters->products};
}

/* ---- adding ---- */

/* The product of the dimensions from `dim` on; negative: overflow. */
static int64_t elements_from(const struct parameter_shape *shape, int dim)
{
    int64_t count = 1;
    for (int i = dim; i < shape->dims; i++)
        if (__builtin_mul_overflow(count, shape->shape[i], &count))
            return -1;
    return count;
}

/* Appends the part after the others. False: out of memory. */
static bool add_part(struct parameter *parameter, const struct parameter_shape *shape)
{
    assert(shape->dims >= 0 && shape->dims <= PARAMETER_MAX_DIMS);
    struct parameter_part *part = &parameter->parts[parameter->part_count];
    bool table = shape->dims == 3 && shape->shape[0] == 1;
    int64_t columns = shape->dims < 2 ? elements_from(shape, 0) : elements_from(shape, table ? 2 : 1);
    int64_t rows = shape->dims < 2 ? 1 : shape->shape[table ? 1 : 0];
    part->name = strdup(shape->name);
    parameter->part_count++;
    if (!part->name || columns < 0 || __builtin_mul_overflow(rows, columns, &part->count))
        return false;
    part->first = parameter->rows * parameter->columns;
    part->dims = shape->dims;
    memcpy(part->shape, shape->shape, sizeof part->shape);
    if (parameter->part_count == 1) {
        parameter->rows = rows;
        parameter->columns = columns;
    } else if (shape->dims < 2) {
        assert(parameter->rows == 1);
        parameter->columns += columns;
    } else {
        assert(parameter->columns == columns);
        parameter->rows += rows;
    }
    return true;
}

/* Allocates by the rules of parameters_add(). False: out of memory. */
static bool add_memory(struct parameter *parameter, bool halved)
{
    bool good = true;
    if (parameter->trained || !halved)
        good = (parameter->value = get_memory(parameter, sizeof(float))) != NULL;
    if (good && parameter->trained)
        good = (parameter->gradient = get_memory(parameter, sizeof(float))) != NULL;
    if (good && halved)
        good = (parameter->half = get_memory(parameter, sizeof(bf16))) != NULL;
    return good;
}

static struct parameter *parameter_create(struct parameters *parameters, const struct parameter_shape *shapes, int count,
                                          bool trained)
{
    struct parameter *parameter = calloc(1, sizeof *parameter);
    if (!parameter)
        return NULL;
    bool matrix = shapes[0].dims >= 2;
    parameter->arena = &parameters->arena;
    parameter->trained = trained;
    parameter->decays = matrix;
    parameter->parts = calloc((size_t)count, sizeof *parameter->parts);
    bool good = parameter->parts != NULL;
    for (int i = 0; i < count && good; i++)
        good = add_part(parameter, &shapes[i]);
    if (good && add_memory(parameter, matrix && parameters->products == BF16))
        return parameter;
    parameter_free(parameter);
    return NULL;
}

lmvr_status parameters_add(struct parameters *parameters, const struct parameter_shape *shapes, int count, bool trained,
                           struct parameter **parameter, lmvr_error *error)
{
    assert(count >= 1);
    *parameter = NULL;
    if (parameters->count == parameters->space) {
        size_t space = parameters->space ? 2 * parameters->space : 64;
        struct parameter **items = realloc(parameters->items, space * sizeof(struct parameter *));
        if (!items)
            return error_no_memory(error, shapes[0].name);
        parameters->items = items;
        parameters->space = space;
    }
    *parameter = parameter_create(parameters, shapes, count, trained);
    if (!*parameter)
        return error_no_memory(error, shapes[0].name);
    parameters->items[parameters->count++] = *parameter;
    return LMVR_OK;
}

/* ---- elements ---- */

int64_t parameters_size(const struct parameters *parameters, bool trained_only)
{
    int64_t size = 0;
    for (size_t i = 0; i < parameters->count; i++)
        if (parameters->items[i]->trained || !trained_only)
            size += parameters->items[i]->rows * parameters->items[i]->columns;
    return size;
}

void parameter_set(struct parameter *parameter, int64_t first, int64_t count, const float *values)
{
    const struct device_operations *operations = parameter->arena->device->operations;
    bf16 rounded[PIECE];
    if (parameter->value)
        operations->write(parameter->arena, parameter->value + first, values, (size_t)count * sizeof *values);
    for (int64_t i = 0, n; parameter->half && i < count; i += n) {
        n = count - i < PIECE ? count - i : PIECE;
        kernels_get()->to_bf16(n, values + i, rounded);
        operations->write(parameter->arena, parameter->half + first + i, rounded, (size_t)n * sizeof *rounded);
    }
}

void parameter_get(const struct parameter *parameter, int64_t first, int64_t count, float *values)
{
    const struct device_operations *operations = parameter->arena->device->operations;
    if (parameter->value) {
        operations->read(parameter->arena, values, parameter->value + first, (size_t)count * sizeof *values, NULL);
        return;
    }
    bf16 rounded[PIECE];
    for (int64_t i = 0, n; i < count; i += n) {
        n = count - i < PIECE ? count - i : PIECE;
        operations->read(parameter->arena, rounded, parameter->half + first + i, (size_t)n * sizeof *rounded, NULL);
        for (int64_t k = 0; k < n; k++)
            values[i + k] = bf16_to_f32(rounded[k]);
    }
}

lmvr_status parameter_read(const struct parameter *parameter, int64_t count, const float *from, float *values,
                           lmvr_error *error)
{
    return parameter->arena->device->operations->read(parameter->arena, values, from, (size_t)count * sizeof *values, error);
}

void parameter_write(const struct parameter *parameter, int64_t count, const float *values, float *to)
{
    parameter->arena->device->operations->write(parameter->arena, to, values, (size_t)count * sizeof *values);
}

/* From the memory of a GPU. */
static lmvr_status read_bytes(const struct safetensors_write *tensor, uint64_t at, size_t bytes, void *to, lmvr_error *error)
{
    const struct parameter *parameter = tensor->reader;
    return parameter->arena->device->operations->read(parameter->arena, to, (const char *)tensor->data + at, bytes, error);
}

void parameter_describe(const struct parameter *parameter, const float *data, struct safetensors_write *tensor)
{
    tensor->data = data;
    tensor->read = is_of_host(parameter) ? NULL : read_bytes;
    tensor->reader = (void *)parameter;
}

double parameter_deviation(const struct parameter *parameter)
{
    double sum = 0;
    float values[PIECE];
    int64_t count = parameter->rows * parameter->columns;
    for (int64_t i = 0, n; i < count; i += n) {
        n = count - i < PIECE ? count - i : PIECE;
        parameter_get(parameter, i, n, values);
        for (int64_t k = 0; k < n; k++)
            sum += (double)values[k] * (double)values[k];
    }
    return count > 0 ? sqrt(sum / (double)count) : 0;
}

void parameter_round(struct parameter *parameter)
{
    if (parameter->value && parameter->half)
        parameter->arena->device->gradients->round(parameter->arena, parameter->rows * parameter->columns, parameter->value,
                                                   parameter->half);
}

void parameters_clear(struct parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++) {
        struct parameter *parameter = parameters->items[i];
        if (parameter->gradient)
            parameters->arena.device->operations->zero(&parameters->arena, parameter->gradient,
                                                       (size_t)(parameter->rows * parameter->columns) * sizeof(float));
    }
}
