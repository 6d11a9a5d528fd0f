#include "train/nets/net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_ELEMENTS ((int64_t)1 << 20) /* at a time */

struct net_part net_part(int64_t out, const char *format, int block)
{
    struct net_part part = {.out = out};
    snprintf(part.prefix, sizeof part.prefix, format, block);
    return part;
}

static void fill_random(struct net *net, double deviation, int64_t count, float *values)
{
    for (int64_t i = 0; i < count; i += 2) {
        double pair[2] = {0, 0};
        if (deviation > 0)
            random_normals(&net->random, pair);
        values[i] = isnan(deviation) ? 1.0f : (float)(deviation * pair[0]);
        if (i + 1 < count)
            values[i + 1] = isnan(deviation) ? 1.0f : (float)(deviation * pair[1]);
    }
}

/* Reads elements first .. first + count - 1 of the parameter from the checkpoint's tensor of this shape, or draws them. */
static lmvr_status fill(struct net *net, struct parameter *parameter, const struct parameter_shape *shape, int64_t first,
                        int64_t count, bool stored, double deviation)
{
    struct checkpoint_tensor tensor = {0};
    lmvr_status status = LMVR_OK;
    if (stored)
        TRY(checkpoint_find(net->checkpoint, shape->name, shape->dims, shape->shape, &tensor, net->error));
    float *buffer = malloc((size_t)(count < READ_ELEMENTS ? count : READ_ELEMENTS) * sizeof *buffer);
    if (!buffer && count)
        return error_no_memory(net->error, shape->name);
    for (int64_t at = 0; at < count && status == LMVR_OK; at += READ_ELEMENTS) {
        int64_t piece = count - at < READ_ELEMENTS ? count - at : READ_ELEMENTS;
        if (stored)
            status = checkpoint_read_part(&tensor, (uint64_t)at, (uint64_t)piece, buffer, net->error);
        else
            fill_random(net, deviation, piece, buffer);
        if (status == LMVR_OK)
            parameter_set(parameter, first + at, piece, buffer);
    }
    free(buffer);
    return status;
}

static struct parameter *declare(struct net *net, const struct parameter_shape *shapes, int count, double deviation)
{
    struct parameter *parameter = NULL;
    if (net->status != LMVR_OK)
        return NULL;
    net->status = parameters_add(net->parameters, shapes, count, net->trained, &parameter, net->error);
    for (int i = 0; i < count && net->status == LMVR_OK; i++)
        net->status = fill(net, parameter, &shapes[i], parameter->parts[i].first, parameter->parts[i].count,
                           net->checkpoint != NULL, deviation);
    return net->status == LMVR_OK ? parameter : NULL;
}

struct parameter *net_tensor(struct net *net, const char *name, int dims, const int64_t *shape, double deviation)
{
    struct parameter_shape whole = {.name = name, .dims = dims};
    if (dims)
        memcpy(whole.shape, shape, (size_t)dims * sizeof *shape);
    return declare(net, &whole, 1, deviation);
}

struct parameter *net_table(struct net *net, const char *name, int64_t rows, int64_t stored_rows, int64_t width,
                            double deviation)
{
    struct parameter_shape whole = {name, 2, {rows, width}}, stored = {name, 2, {stored_rows, width}};
    struct parameter *table = NULL;
    if (!net->checkpoint || rows == stored_rows)
        return declare(net, &whole, 1, deviation);
    if (net->status == LMVR_OK)
        net->status = parameters_add(net->parameters, &whole, 1, net->trained, &table, net->error);
    if (net->status == LMVR_OK)
        net->status = fill(net, table, &stored, 0, stored_rows * width, true, deviation);
    if (net->status == LMVR_OK)
        net->status = fill(net, table, &whole, stored_rows * width, (rows - stored_rows) * width, false, deviation);
    return net->status == LMVR_OK ? table : NULL;
}

#define MOST_PARTS 3

struct net_linear net_stacked(struct net *net, const struct net_part *parts, int count, int64_t in, bool bias, double deviation)
{
    struct parameter_shape weights[MOST_PARTS], biases[MOST_PARTS];
    char names[2 * MOST_PARTS][NET_NAME_SIZE + 8];
    struct net_linear linear = {0};
    for (int i = 0; i < count; i++) {
        snprintf(names[2 * i], sizeof *names, "%s.weight", parts[i].prefix);
        snprintf(names[2 * i + 1], sizeof *names, "%s.bias", parts[i].prefix);
        weights[i] = (struct parameter_shape){names[2 * i], 2, {parts[i].out, in}};
        biases[i] = (struct parameter_shape){names[2 * i + 1], 1, {parts[i].out}};
    }
    linear.weight = declare(net, weights, count, deviation);
    if (bias)
        linear.bias = declare(net, biases, count, 0);
    return linear;
}

struct net_linear net_linear(struct net *net, const char *prefix, int64_t out, int64_t in, bool bias, double deviation)
{
    struct net_part part = {.out = out};
    snprintf(part.prefix, sizeof part.prefix, "%s", prefix);
    return net_stacked(net, &part, 1, in, bias, deviation);
}

struct net_norm net_norm(struct net *net, const char *prefix, int64_t width, bool bias)
{
    char name[NET_NAME_SIZE + 8];
    struct net_norm norm = {0};
    snprintf(name, sizeof name, "%s.weight", prefix);
    norm.weight = net_tensor(net, name, 1, &width, NAN);
    if (bias) {
        snprintf(name, sizeof name, "%s.bias", prefix);
        norm.bias = net_tensor(net, name, 1, &width, 0);
    }
    return norm;
}
