/* Sums, activations and norms on the tape, and their gradients, equal their definitions. */
#include "tensor/finite.h"

struct pointwise {
    int64_t rows, n;
    enum activation activation;
};

static const int64_t shapes[][2] = {{1, 1}, {3, 5}, {1, 17}, {40, 33}, {3, 16}, {170, 100}};
#define SHAPES ((int)(sizeof shapes / sizeof *shapes))

/* ---- sums ---- */

/* 2 a + b + a, in which a is used twice. */
static struct value *run_add(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    (void)p;
    (void)context;
    return tape_add(tape, tape_add(tape, tape_scale(tape, v[0], 2), v[1]), v[0]);
}

static void reference_add(double *const *p, const void *context, double *y)
{
    const struct pointwise *c = context;
    for (int64_t i = 0; i < c->rows * c->n; i++)
        y[i] = 3 * p[0][i] + p[1][i];
}

static struct value *run_double(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    (void)p;
    (void)context;
    struct value *y = tape_add(tape, v[0], v[0]);
    return tape_scale(tape, y, -0.75f);
}

static void reference_double(double *const *p, const void *context, double *y)
{
    const struct pointwise *c = context;
    for (int64_t i = 0; i < c->rows * c->n; i++)
        y[i] = -1.5 * p[0][i];
}

static void test_sums(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++)
        for (unsigned frozen = 0; frozen < 3; frozen++) {
            int64_t r = shapes[s][0], n = shapes[s][1];
            struct pointwise c = {.rows = r, .n = n};
            finite_check(&(struct finite){"add", 2, {{r, n}, {r, n}}, frozen, 2, r, n, false, run_add, reference_add, &c}, 1);
            if (!frozen)
                finite_check(&(struct finite){"double", 1, {{r, n}}, 0, 1, r, n, false, run_double, reference_double, &c}, 2);
        }
}

/* ---- activations ---- */

static double activate(enum activation activation, double x)
{
    switch (activation) {
    case ACTIVATION_GELU:
        return 0.5 * x * (1 + erf(x / sqrt(2)));
    case ACTIVATION_QUICK_GELU:
        return x / (1 + exp(-1.702 * x));
    case ACTIVATION_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
    case ACTIVATION_SILU:
        return x / (1 + exp(-x));
    case ACTIVATION_RELU:
        return x > 0 ? x : 0;
    }
    return NAN;
}

#define SPREAD 4.0f /* activations are tested from -4 to 4 */

static struct value *run_activation(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct pointwise *c = context;
    (void)p;
    return tape_activation(tape, c->activation, tape_scale(tape, v[0], SPREAD));
}

static void reference_activation(double *const *p, const void *context, double *y)
{
    const struct pointwise *c = context;
    for (int64_t i = 0; i < c->rows * c->n; i++)
        y[i] = activate(c->activation, (double)SPREAD * p[0][i]);
}

static struct value *run_gated(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct pointwise *c = context;
    (void)p;
    return tape_gated(tape, c->activation, tape_scale(tape, v[0], SPREAD));
}

static void reference_gated(double *const *p, const void *context, double *y)
{
    const struct pointwise *c = context;
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t i = 0; i < c->n; i++) {
            const double *x = p[0] + r * 2 * c->n;
            y[r * c->n + i] = activate(c->activation, (double)SPREAD * x[i]) * (double)SPREAD * x[c->n + i];
        }
}

static void test_activations(void **state)
{
    (void)state;
    const char *const names[] = {"gelu", "quick gelu", "gelu tanh", "silu", "relu"};
    for (int a = ACTIVATION_GELU; a <= ACTIVATION_RELU; a++)
        for (int s = 0; s < SHAPES; s++) {
            int64_t r = shapes[s][0], n = shapes[s][1];
            struct pointwise c = {r, n, (enum activation)a};
            finite_check(&(struct finite){names[a], 1, {{r, n}}, 0, 1, r, n, false, run_activation, reference_activation, &c},
                         3);
            finite_check(&(struct finite){names[a], 1, {{r, 2 * n}}, 0, 1, r, n, false, run_gated, reference_gated, &c}, 4);
        }
}

/* ---- norms ---- */

#define EPS 1e-3f

static struct value *run_layer_norm(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    (void)context;
    return tape_layer_norm(tape, v[0], p[1], p[2], EPS);
}

static void reference_layer_norm(double *const *p, const void *context, double *y)
{
    const struct pointwise *c = context;
    for (int64_t r = 0; r < c->rows; r++) {
        const double *x = p[0] + r * c->n;
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < c->n; i++)
            mean += x[i] / (double)c->n;
        for (int64_t i = 0; i < c->n; i++)
            variance += (x[i] - mean) * (x[i] - mean) / (double)c->n;
        for (int64_t i = 0; i < c->n; i++)
            y[r * c->n + i] = (x[i] - mean) / sqrt(variance + (double)EPS) * p[1][i] + p[2][i];
    }
}

static struct value *run_rms_norm(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    (void)context;
    return tape_rms_norm(tape, v[0], p[1], EPS);
}

static void reference_rms_norm(double *const *p, const void *context, double *y)
{
    const struct pointwise *c = context;
    for (int64_t r = 0; r < c->rows; r++) {
        const double *x = p[0] + r * c->n;
        double square = 0;
        for (int64_t i = 0; i < c->n; i++)
            square += x[i] * x[i] / (double)c->n;
        for (int64_t i = 0; i < c->n; i++)
            y[r * c->n + i] = x[i] / sqrt(square + (double)EPS) * p[1][i];
    }
}

static struct value *run_normalize(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    (void)p;
    (void)context;
    return tape_normalize(tape, v[0]);
}

static void reference_normalize(double *const *p, const void *context, double *y)
{
    const struct pointwise *c = context;
    for (int64_t r = 0; r < c->rows; r++) {
        double square = 0;
        for (int64_t i = 0; i < c->n; i++)
            square += p[0][r * c->n + i] * p[0][r * c->n + i];
        for (int64_t i = 0; i < c->n; i++)
            y[r * c->n + i] = p[0][r * c->n + i] / sqrt(square);
    }
}

static void test_norms(void **state)
{
    (void)state;
    for (int s = 0; s < SHAPES; s++) {
        int64_t r = shapes[s][0], n = shapes[s][1];
        struct pointwise c = {.rows = r, .n = n};
        for (unsigned frozen = 0; frozen < 7; frozen++)
            finite_check(&(struct finite){"layer norm",
                                          3,
                                          {{r, n}, {1, n}, {1, n}},
                                          frozen,
                                          1,
                                          r,
                                          n,
                                          false,
                                          run_layer_norm,
                                          reference_layer_norm,
                                          &c},
                         5 + frozen);
        for (unsigned frozen = 0; frozen < 3; frozen++)
            finite_check(
                &(struct finite){"rms norm", 2, {{r, n}, {1, n}}, frozen, 1, r, n, false, run_rms_norm, reference_rms_norm, &c},
                20 + frozen);
        if (finite_on_processor())
            finite_check(&(struct finite){"normalize", 1, {{r, n}}, 0, 1, r, n, false, run_normalize, reference_normalize, &c},
                         25);
    }
}

static void test_zero_rows_have_no_direction(void **state)
{
    (void)state;
    if (!finite_on_processor())
        skip(); /* a GPU does not have it */
    lmvr_error error;
    struct tape *tape;
    struct parameters parameters;
    struct parameter *parameter;
    const float weights[] = {1, 2, 3};
    parameters_init(&parameters, F32);
    assert_int_equal(parameters_add(&parameters, &(struct parameter_shape){"x", 2, {1, 3}}, 1, true, &parameter, &error),
                     LMVR_OK);
    assert_int_equal(tape_create(F32, &tape, &error), LMVR_OK);
    tape_begin(tape, true);
    struct value *y = tape_normalize(tape, tape_parameter(tape, parameter));
    assert_int_equal(tape_backward(tape, finite_loss(tape, y, weights), 1, &error), LMVR_OK);
    for (int i = 0; i < 3; i++)
        assert_true(y->data[i] == 0 && parameter->gradient[i] == 0);
    tape_free(tape);
    parameters_finish(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_zero_rows_have_no_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
