/* The backward pass of norms, activations and softmax, on rows that fit in the cache. */
#include "tensor/cpu/kernel_gradient.h"

#include "tensor/cpu/lanes.h"
#include "tensor/cpu/names.h"
#include "tensor/cpu/rows.h"

#include <math.h>

static void add(int64_t n, float factor, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

static void scale(int64_t n, float factor, const float *x, float *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = factor * x[i];
}

static float dot(int64_t n, const float *x, const float *y)
{
    vf sum = splat(0.0f);
    int64_t i, tail = n % LANES;
    for (i = 0; i < n - tail; i += LANES)
        sum += load(x + i) * load(y + i);
    sum += load_part(x + i, tail) * load_part(y + i, tail);
    return sum_lanes(sum);
}

/* Up to LANES elements, starting at i; lanes beyond the row's end are 0. */
INLINE vf load_some(const float *p, int64_t i, int64_t n)
{
    return n - i >= LANES ? load(p + i) : load_part(p + i, n - i);
}

/* With z = (x - mean) r, r = 1 / sqrt(variance + eps), g = dy * weight: dx = r (g - mean(g) - z mean(g z)). */
static void layer_norm_row(int64_t n, const float *x, const float *weight, float eps, const float *dy, float *dx,
                           float *dweight)
{
    float mean = sum_row(n, x) / (float)n, r = 1.0f / sqrtf(sum_squares(n, x, mean) / (float)n + eps);
    vf g_sum = splat(0.0f), gz_sum = splat(0.0f);
    for (int64_t i = 0; i < n; i += LANES) {
        vf g = load_some(dy, i, n) * (weight ? load_some(weight, i, n) : splat(1.0f));
        g_sum += g;
        gz_sum += g * (load_some(x, i, n) - mean) * r; /* g is 0 beyond the row's end */
    }
    float g_mean = sum_lanes(g_sum) / (float)n, gz_mean = sum_lanes(gz_sum) / (float)n;
    for (int64_t i = 0; i < n; i++) {
        float z = (x[i] - mean) * r, g = weight ? dy[i] * weight[i] : dy[i];
        dx[i] += r * (g - g_mean - z * gz_mean);
    }
    if (dweight)
        for (int64_t i = 0; i < n; i++)
            dweight[i] += dy[i] * ((x[i] - mean) * r);
}

static void layer_norm(int64_t rows, int64_t n, const float *x, const float *weight, float eps, const float *dy, float *dx,
                       float *dweight, float *dbias)
{
    for (int64_t row = 0; row < rows; row++, x += n, dy += n, dx += n) {
        layer_norm_row(n, x, weight, eps, dy, dx, dweight);
        if (dbias)
            add(n, 1.0f, dy, dbias);
    }
}

/* With r = 1 / sqrt(mean(x^2) + eps), g = dy * weight: dx = r (g - x r^2 mean(g x)). */
static void rms_norm(int64_t rows, int64_t n, const float *x, const float *weight, float eps, const float *dy, float *dx,
                     float *dweight)
{
    for (int64_t row = 0; row < rows; row++, x += n, dy += n, dx += n) {
        float r = 1.0f / sqrtf(dot(n, x, x) / (float)n + eps);
        vf gx = splat(0.0f);
        for (int64_t i = 0; i < n; i += LANES)
            gx += load_some(dy, i, n) * (weight ? load_some(weight, i, n) : splat(1.0f)) * load_some(x, i, n);
        float factor = r * r * sum_lanes(gx) / (float)n;
        for (int64_t i = 0; i < n; i++)
            dx[i] += r * ((weight ? dy[i] * weight[i] : dy[i]) - x[i] * factor);
        if (dweight)
            for (int64_t i = 0; i < n; i++)
                dweight[i] += dy[i] * x[i] * r;
    }
}

/* Defines the loops over lanes for one activation; the tail goes through a padded copy. */
#define DEFINE_LOOPS(NAME)                                                                                                     \
    static void NAME##_forward(int64_t n, const float *x, float *y)                                                            \
    {                                                                                                                          \
        int64_t i, tail = n % LANES;                                                                                           \
        for (i = 0; i < n - tail; i += LANES)                                                                                  \
            store(y + i, NAME##_lane(load(x + i)));                                                                            \
        if (tail)                                                                                                              \
            store_part(y + i, NAME##_lane(load_part(x + i, tail)), tail);                                                      \
    }                                                                                                                          \
    static void NAME##_back(int64_t n, const float *x, const float *dy, float *dx)                                             \
    {                                                                                                                          \
        int64_t i, tail = n % LANES;                                                                                           \
        for (i = 0; i < n - tail; i += LANES)                                                                                  \
            store(dx + i, load(dx + i) + load(dy + i) * NAME##_slope(load(x + i)));                                            \
        if (tail)                                                                                                              \
            store_part(dx + i, load_part(dx + i, tail) + load_part(dy + i, tail) * NAME##_slope(load_part(x + i, tail)),       \
                       tail);                                                                                                  \
    }                                                                                                                          \
    static void NAME##_gated(int64_t n, const float *gate, const float *up, float *y)                                          \
    {                                                                                                                          \
        int64_t i, tail = n % LANES;                                                                                           \
        for (i = 0; i < n - tail; i += LANES)                                                                                  \
            store(y + i, NAME##_lane(load(gate + i)) * load(up + i));                                                          \
        if (tail)                                                                                                              \
            store_part(y + i, NAME##_lane(load_part(gate + i, tail)) * load_part(up + i, tail), tail);                         \
    }                                                                                                                          \
    static void NAME##_gated_back(int64_t n, const float *gate, const float *up, const float *dy, float *dgate, float *dup)    \
    {                                                                                                                          \
        int64_t i, tail = n % LANES;                                                                                           \
        for (i = 0; i < n - tail; i += LANES) {                                                                                \
            vf g = load(gate + i), d = load(dy + i);                                                                           \
            store(dgate + i, load(dgate + i) + d * load(up + i) * NAME##_slope(g));                                            \
            store(dup + i, load(dup + i) + d * NAME##_lane(g));                                                                \
        }                                                                                                                      \
        if (tail) {                                                                                                            \
            vf g = load_part(gate + i, tail), d = load_part(dy + i, tail);                                                     \
            store_part(dgate + i, load_part(dgate + i, tail) + d * load_part(up + i, tail) * NAME##_slope(g), tail);           \
            store_part(dup + i, load_part(dup + i, tail) + d * NAME##_lane(g), tail);                                          \
        }                                                                                                                      \
    }

DEFINE_LOOPS(gelu)
DEFINE_LOOPS(quick_gelu)
DEFINE_LOOPS(gelu_tanh)
DEFINE_LOOPS(silu)
DEFINE_LOOPS(relu)

static const struct loops {
    void (*forward)(int64_t n, const float *x, float *y);
    void (*back)(int64_t n, const float *x, const float *dy, float *dx);
    void (*gated)(int64_t n, const float *gate, const float *up, float *y);
    void (*gated_back)(int64_t n, const float *gate, const float *up, const float *dy, float *dgate, float *dup);
} loops[] = {
    [ACTIVATION_GELU] = {gelu_forward, gelu_back, gelu_gated, gelu_gated_back},
    [ACTIVATION_QUICK_GELU] = {quick_gelu_forward, quick_gelu_back, quick_gelu_gated, quick_gelu_gated_back},
    [ACTIVATION_GELU_TANH] = {gelu_tanh_forward, gelu_tanh_back, gelu_tanh_gated, gelu_tanh_gated_back},
    [ACTIVATION_SILU] = {silu_forward, silu_back, silu_gated, silu_gated_back},
    [ACTIVATION_RELU] = {relu_forward, relu_back, relu_gated, relu_gated_back},
};

static void activate(enum activation activation, int64_t n, const float *x, float *y)
{
    loops[activation].forward(n, x, y);
}

static void activate_back(enum activation activation, int64_t n, const float *x, const float *dy, float *dx)
{
    loops[activation].back(n, x, dy, dx);
}

static void gated(enum activation activation, int64_t n, const float *gate, const float *up, float *y)
{
    loops[activation].gated(n, gate, up, y);
}

static void gated_back(enum activation activation, int64_t n, const float *gate, const float *up, const float *dy, float *dgate,
                       float *dup)
{
    loops[activation].gated_back(n, gate, up, dy, dgate, dup);
}

static float softmax(int64_t n, float factor, const float *bias, float *x)
{
    float most = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        x[i] = factor * x[i] + (bias ? bias[i] : 0.0f);
    int64_t i, tail = n % LANES;
    vf most_lanes = splat(-INFINITY), total = splat(0.0f);
    for (i = 0; i < n - tail; i += LANES)
        most_lanes = vmax(most_lanes, load(x + i));
    most = max_lanes(most_lanes);
    for (; i < n; i++)
        most = x[i] > most ? x[i] : most;
    for (i = 0; i < n - tail; i += LANES) {
        vf e = vexp(load(x + i) - most);
        store(x + i, e);
        total += e;
    }
    float all = sum_lanes(total);
    if (tail) {
        store_part(x + i, vexp(load_part(x + i, tail) - most), tail);
        for (; i < n; i++)
            all += x[i];
    }
    scale(n, 1.0f / all, x, x);
    return most + logf(all);
}

static void softmax_back(int64_t n, float factor, const float *p, float *d)
{
    float mean = dot(n, p, d);
    for (int64_t i = 0; i < n; i++)
        d[i] = factor * p[i] * (d[i] - mean);
}

static void sum_rows(int64_t rows, int64_t n, const float *x, float *total)
{
    for (int64_t r = 0; r < rows; r++)
        add(n, 1.0f, x + r * n, total);
}

static void rotate(int64_t n, const float *cosines, const float *sines, float sign, float *restrict a, float *restrict b)
{
    for (int64_t i = 0; i < n; i++) {
        float x = a[i], y = b[i], sine = sign * sines[i];
        a[i] = x * cosines[i] - y * sine;
        b[i] = y * cosines[i] + x * sine;
    }
}

const struct gradient_kernels KERNEL(gradient_kernels) = {
    .add = add,
    .scale = scale,
    .dot = dot,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .activate = activate,
    .activate_back = activate_back,
    .gated = gated,
    .gated_back = gated_back,
    .softmax = softmax,
    .softmax_back = softmax_back,
    .rotate = rotate,
    .sum_rows = sum_rows,
};
