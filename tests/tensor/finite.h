/*
 * Compares an operation of the tape with a plain forward pass in double precision, written from its definition: the result, and
 * the gradient, which must equal the finite differences of that pass. The loss is a weighted sum of the result's elements with
 * fixed random weights.
 *
 * Each case, on the processor or, in a build of its own, on the emulated GPU, also runs with its inputs computed (rather than
 * parameters), as a recomputed part, twice (gradients add up), with one thread and with three, and with products in bf16.
 */
#ifndef LMVR_TESTS_TENSOR_FINITE_H
#define LMVR_TESTS_TENSOR_FINITE_H

#include "cmocka_all.h"

#include "tensor/cpu/kernels.h"
#include "tensor/cpu/product.h"
#include "train/tape/tape_steps.h"
#include "tensor/tested_device.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINITE_INPUTS  6
#define FINITE_SAMPLES 120 /* most elements of a parameter that are perturbed */

struct finite {
    const char *name;
    int count; /* of parameters */
    int64_t shapes[FINITE_INPUTS][2];
    unsigned frozen;       /* bit i: parameter i has no gradient */
    int values;            /* how many of the first parameters are passed as values */
    int64_t rows, columns; /* of the result */
    bool products;         /* oneDNN may split a sum depending on the number of threads */
    struct value *(*run)(struct tape *tape, struct value *const *values, struct parameter *const *parameters,
                         const void *context);
    void (*reference)(double *const *parameters, const void *context, double *y);
    const void *context;
};

static inline bool finite_on_processor(void)
{
    return tested_device() == device_cpu();
}

static inline int64_t finite_offset(const struct finite *f, int parameter)
{
    int64_t offset = 0;
    for (int i = 0; i < parameter; i++)
        offset += f->shapes[i][0] * f->shapes[i][1];
    return offset;
}

/* Evenly from -1 to 1. */
static inline void finite_random(uint64_t seed, int64_t n, float *x)
{
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (int64_t i = 0; i < n; i++) {
        uint64_t z = (state += 0x9e3779b97f4a7c15u);
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        x[i] = (float)((double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1.0);
    }
}

static inline void *finite_memory(int64_t count, size_t size)
{
    void *memory = calloc((size_t)count + 1, size);
    assert_non_null(memory);
    return memory;
}

/* ---- the loss --------------------------------------------------------------------------------------------------------- */

struct finite_step {
    struct step step;
    struct value *x;
    const float *weights;
};

static inline void finite_back(struct tape *tape, struct step *step)
{
    struct finite_step *s = (struct finite_step *)step;
    int64_t size = s->x->rows * s->x->columns;
    float *dx = tape_gradient(tape, s->x);
    const float *weights = tape_sent(tape, size, s->weights);
    if (dx && weights)
        tape->gradients->add_by(tape->arena, size, step->result->gradient, weights, dx);
}

/* Reads floats from where the arena works. */
static inline void finite_read(struct arena *arena, int64_t count, const float *from, float *to)
{
    assert_int_equal(arena->device->operations->read(arena, to, from, (size_t)count * sizeof *to, NULL), LMVR_OK);
}

static inline struct value *finite_loss(struct tape *tape, struct value *x, const float *weights)
{
    struct value *y = x ? tape_new(tape, 1, 1, x->wanted) : NULL;
    float *values = y ? tape_memory(tape, x->rows * x->columns, sizeof *values) : NULL, loss;
    if (!values)
        return NULL;
    double sum = 0;
    finite_read(tape->arena, x->rows * x->columns, x->data, values);
    for (int64_t i = 0; i < x->rows * x->columns; i++)
        sum += (double)values[i] * (double)weights[i];
    loss = (float)sum;
    tape->arena->device->operations->write(tape->arena, y->data, &loss, sizeof loss);
    struct finite_step *step = TAPE_STEP(tape, struct finite_step, y, finite_back);
    if (step) {
        step->x = x;
        step->weights = weights;
    }
    return y;
}

/* ---- one pass --------------------------------------------------------------------------------------------------------- */

enum finite_manner { FINITE_DIRECT, FINITE_COMPUTED, FINITE_RECOMPUTED };

struct finite_pass {
    enum dtype products;
    enum finite_manner manner;
    int threads, passes;
};

struct finite_part {
    const struct finite *f;
    struct parameter *const *parameters;
};

static inline struct value *finite_run_part(struct tape *tape, struct value *const *inputs, const void *context)
{
    const struct finite_part *part = context;
    return part->f->run(tape, inputs, part->parameters, part->f->context);
}

static inline struct value *finite_input(struct tape *tape, struct parameter *parameter, bool computed)
{
    struct value *value = tape_parameter(tape, parameter);
    if (value && !value->data) { /* only in bf16 */
        int32_t *rows = tape_memory(tape, value->rows, sizeof *rows);
        for (int32_t r = 0; rows && r < value->rows; r++)
            rows[r] = r;
        return tape_rows(tape, value, value->rows, rows);
    }
    return computed ? tape_scale(tape, value, 1) : value;
}

static inline void finite_parameters(const struct finite *f, enum dtype products, const float *start,
                                     struct parameters *parameters)
{
    assert_int_equal(parameters_init_on(parameters, products, tested_device(), NULL), LMVR_OK);
    for (int i = 0; i < f->count; i++) {
        lmvr_error error;
        struct parameter *parameter;
        struct parameter_shape matrix = {"matrix", 2, {f->shapes[i][0], f->shapes[i][1]}},
                               vector = {"vector", 1, {f->shapes[i][1]}};
        assert_int_equal(
            parameters_add(parameters, f->shapes[i][0] == 1 ? &vector : &matrix, 1, !(f->frozen >> i & 1), &parameter, &error),
            LMVR_OK);
        parameter_set(parameter, 0, parameter->rows * parameter->columns, start + finite_offset(f, i));
    }
}

/* Computes y (rows, columns) and the gradients, all parameters one after another. */
static inline void finite_run(const struct finite *f, const struct finite_pass *pass, const float *start, const float *weights,
                              float *y, float *gradients)
{
    lmvr_error error;
    struct tape *tape;
    struct parameters parameters;
    struct value *values[FINITE_INPUTS];
    int threads = omp_get_max_threads();
    omp_set_num_threads(pass->threads);
    finite_parameters(f, pass->products, start, &parameters);
    assert_int_equal(tape_create_for(&parameters, &tape, &error), LMVR_OK);
    struct finite_part part = {f, parameters.items};
    for (int p = 0; p < pass->passes; p++) {
        tape_begin(tape, true);
        for (int i = 0; i < f->values; i++)
            values[i] = finite_input(tape, parameters.items[i], pass->manner != FINITE_DIRECT);
        struct value *result = pass->manner == FINITE_RECOMPUTED
                                   ? tape_recompute(tape, finite_run_part, values, f->values, &part)
                                   : finite_run_part(tape, values, &part);
        if (result && (result->rows != f->rows || result->columns != f->columns))
            fail_msg("%s: the result's shape", f->name);
        if (result)
            finite_read(&parameters.arena, f->rows * f->columns, result->data, y);
        if (tape_backward(tape, finite_loss(tape, result, weights), p ? 0.5f : 1.0f, &error) != LMVR_OK)
            fail_msg("%s: %s", f->name, error.message);
    }
    for (int i = 0; i < f->count; i++)
        if (parameters.items[i]->trained)
            finite_read(&parameters.arena, f->shapes[i][0] * f->shapes[i][1], parameters.items[i]->gradient,
                        gradients + finite_offset(f, i));
        else
            assert_null(parameters.items[i]->gradient);
    tape_free(tape);
    parameters_finish(&parameters);
    omp_set_num_threads(threads);
}

/* ---- the checks ------------------------------------------------------------------------------------------------------- */

struct finite_numbers {
    float *start, *weights, *y, *gradients, *others;
    double *p, *reference;
    int64_t size, results;
};

static inline void finite_compare(const struct finite *f, const char *what, int64_t n, const float *got, const double *expected,
                                  double tolerance)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < n; i++) {
        error += ((double)got[i] - expected[i]) * ((double)got[i] - expected[i]);
        norm += expected[i] * expected[i];
    }
    /* where the true value is 0 there are rounding errors */
    if (!(sqrt(error) <= tolerance * (sqrt(norm) + 0.01 * sqrt((double)n))))
        fail_msg("%s: %s is off by %g of %g", f->name, what, sqrt(error), sqrt(norm));
}

static inline double finite_loss_at(const struct finite *f, struct finite_numbers *n)
{
    double *pointers[FINITE_INPUTS], loss = 0;
    for (int i = 0; i < f->count; i++)
        pointers[i] = n->p + finite_offset(f, i);
    memset(n->reference, 0, (size_t)n->results * sizeof *n->reference);
    f->reference(pointers, f->context, n->reference);
    for (int64_t i = 0; i < n->results; i++)
        loss += n->reference[i] * (double)n->weights[i];
    return loss;
}

static inline void finite_differences(const struct finite *f, struct finite_numbers *n, int parameter)
{
    int64_t first = finite_offset(f, parameter), count = finite_offset(f, parameter + 1) - first;
    int64_t stride = count / FINITE_SAMPLES + 1, taken = 0;
    float got[FINITE_SAMPLES + 1];
    double expected[FINITE_SAMPLES + 1];
    for (int64_t k = 0; k * stride < count; k++) {
        int64_t i = k * stride + k % stride < count ? k * stride + k % stride : count - 1;
        double *x = &n->p[first + i], kept = *x, h = 1e-6;
        *x = kept + h;
        double above = finite_loss_at(f, n);
        *x = kept - h;
        double below = finite_loss_at(f, n);
        *x = kept;
        got[taken] = n->gradients[first + i];
        expected[taken++] = (above - below) / (2 * h);
    }
    char what[64];
    snprintf(what, sizeof what, "the gradient of parameter %d", parameter);
    finite_compare(f, what, taken, got, expected, 1e-4);
}

static inline double finite_cosine(int64_t n, const float *x, const float *y)
{
    double xy = 0, xx = 0, yy = 0;
    for (int64_t i = 0; i < n; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    return xx < 1e-6 && yy < 1e-6 ? 1 : xy / sqrt(xx * yy);
}

static inline void finite_same_bits(const struct finite *f, struct finite_numbers *n, const struct finite_pass *pass,
                                    const char *what)
{
    float *y = finite_memory(n->results, sizeof *y);
    finite_run(f, pass, n->start, n->weights, y, n->others);
    bool same = memcmp(y, n->y, (size_t)n->results * sizeof *y) == 0 &&
                memcmp(n->others, n->gradients, (size_t)n->size * sizeof *n->others) == 0;
    free(y);
    if (same)
        return;
    if (!f->products)
        fail_msg("%s: other bits %s", f->name, what);
    print_message("%s: other bits %s\n", f->name, what);
    for (int64_t i = 0; i < n->size; i++)
        n->p[i] = (double)n->gradients[i];
    finite_compare(f, what, n->size, n->others, n->p, 1e-5);
}

static inline void finite_check_others(const struct finite *f, struct finite_numbers *n)
{
    if (finite_on_processor())
        finite_same_bits(f, n, &(struct finite_pass){F32, FINITE_DIRECT, 3, 1}, "on three threads");
    finite_same_bits(f, n, &(struct finite_pass){F32, FINITE_COMPUTED, 1, 1}, "where inputs are computed");
    if (f->values && f->values <= TAPE_PART_INPUTS)
        finite_same_bits(f, n, &(struct finite_pass){F32, FINITE_RECOMPUTED, 1, 1}, "where it is computed again");
    finite_run(f, &(struct finite_pass){F32, FINITE_DIRECT, 2, 2}, n->start, n->weights, n->y, n->others);
    for (int64_t i = 0; i < n->size; i++)
        n->p[i] = 1.5 * (double)n->gradients[i];
    finite_compare(f, "the sum over two passes", n->size, n->others, n->p, 1e-5);
    if (finite_on_processor() && !product_computes_bf16())
        return;
    finite_run(f, &(struct finite_pass){BF16, FINITE_DIRECT, 2, 1}, n->start, n->weights, n->y, n->others);
    double cosine = finite_cosine(n->size, n->gradients, n->others);
    if (!(cosine >= 0.999))
        fail_msg("%s: bf16 gradients are at a cosine of %g", f->name, cosine);
}

static inline void finite_check(const struct finite *f, uint64_t seed)
{
    struct finite_numbers n = {.size = finite_offset(f, f->count), .results = f->rows * f->columns};
    n.start = finite_memory(n.size, sizeof(float));
    n.gradients = finite_memory(n.size, sizeof(float));
    n.others = finite_memory(n.size, sizeof(float));
    n.weights = finite_memory(n.results, sizeof(float));
    n.y = finite_memory(n.results, sizeof(float));
    n.p = finite_memory(n.size, sizeof(double));
    n.reference = finite_memory(n.results, sizeof(double));
    finite_random(seed, n.size, n.start);
    finite_random(seed + 1, n.results, n.weights);
    for (int64_t i = 0; i < n.size; i++)
        n.p[i] = (double)n.start[i];
    finite_run(f, &(struct finite_pass){F32, FINITE_DIRECT, 1, 1}, n.start, n.weights, n.y, n.gradients);
    finite_loss_at(f, &n);
    finite_compare(f, "the result", n.results, n.y, n.reference, 1e-5);
    for (int i = 0; i < f->count; i++)
        if (!(f->frozen >> i & 1))
            finite_differences(f, &n, i);
    finite_check_others(f, &n);
    free(n.start);
    free(n.gradients);
    free(n.others);
    free(n.weights);
    free(n.y);
    free(n.p);
    free(n.reference);
}

#endif
