/* Linear layers and low-rank adapters on the tape, and their gradients, equal their definitions. */
#include "tensor/finite.h"

struct linear {
    int64_t rows, in, out, rank;
    int64_t first; /* the adapter's first column; it has `narrow` of them */
    int64_t narrow;
};

/* y += scale x w^T, where rows have `stride` elements. */
static void multiply(int64_t rows, int64_t out, int64_t in, double scale, const double *x, const double *w, int64_t stride,
                     double *y)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t o = 0; o < out; o++)
            for (int64_t i = 0; i < in; i++)
                y[r * stride + o] += scale * x[r * in + i] * w[o * in + i];
}

static struct value *run_linear(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    (void)context;
    return tape_linear(tape, v[0], p[1], p[2]);
}

static void reference_linear(double *const *p, const void *context, double *y)
{
    const struct linear *c = context;
    multiply(c->rows, c->out, c->in, 1, p[0], p[1], c->out, y);
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t o = 0; o < c->out; o++)
            y[r * c->out + o] += p[2][o];
}

static struct value *run_plain(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    (void)context;
    return tape_linear(tape, v[0], p[1], NULL);
}

static void reference_plain(double *const *p, const void *context, double *y)
{
    const struct linear *c = context;
    multiply(c->rows, c->out, c->in, 1, p[0], p[1], c->out, y);
}

static const struct linear shapes[] = {
    {.rows = 1, .in = 1, .out = 1},      {.rows = 3, .in = 5, .out = 17}, {.rows = 40, .in = 33, .out = 5},
    {.rows = 1, .in = 17, .out = 33},    {.rows = 40, .in = 1, .out = 3}, {.rows = 3, .in = 5, .out = 1},
    {.rows = 160, .in = 48, .out = 128},
};

static void test_linear(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t r = shapes[s].rows, in = shapes[s].in, out = shapes[s].out;
        for (unsigned frozen = 0; frozen < (r < 100 ? 7 : 1); frozen++)
            finite_check(&(struct finite){"linear",
                                          3,
                                          {{r, in}, {out, in}, {1, out}},
                                          frozen,
                                          1,
                                          r,
                                          out,
                                          true,
                                          run_linear,
                                          reference_linear,
                                          &shapes[s]},
                         1 + frozen);
        finite_check(
            &(struct finite){
                "linear without bias", 2, {{r, in}, {out, in}}, 0, 1, r, out, true, run_plain, reference_plain, &shapes[s]},
            9);
    }
}

/* The same layer three times: on x, on its own output, and with the weight itself as an input (square). */
static struct value *run_shared(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    (void)context;
    struct value *h = tape_linear(tape, v[0], p[1], NULL);
    struct value *w = tape_linear(tape, tape_parameter(tape, p[1]), p[1], NULL);
    return tape_add(tape, tape_add(tape, h, tape_linear(tape, h, p[1], NULL)), tape_add(tape, w, v[0]));
}

static void reference_shared(double *const *p, const void *context, double *y)
{
    const struct linear *c = context;
    double *h = finite_memory(c->in * c->in, sizeof *h);
    multiply(c->in, c->in, c->in, 1, p[0], p[1], c->in, h);
    multiply(c->in, c->in, c->in, 1, h, p[1], c->in, y);
    multiply(c->in, c->in, c->in, 1, p[1], p[1], c->in, y);
    for (int64_t i = 0; i < c->in * c->in; i++)
        y[i] += h[i] + p[0][i];
    free(h);
}

static void test_uses_add_up(void **state)
{
    (void)state;
    const int64_t sizes[] = {2, 5, 17};
    for (int s = 0; s < 3; s++) {
        int64_t n = sizes[s];
        struct linear c = {.in = n};
        for (unsigned frozen = 0; frozen < 2; frozen++)
            finite_check(
                &(struct finite){
                    "a layer used thrice", 2, {{n, n}, {n, n}}, frozen, 1, n, n, true, run_shared, reference_shared, &c},
                10 + frozen);
    }
}

/* ---- adapters ---- */

#define SCALE 0.5f

/* Parameters: x, the weight, A, B. */
static struct value *run_low_rank(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct linear *c = context;
    struct value *y = tape_linear(tape, v[0], p[1], NULL);
    return tape_add_low_rank(tape, y, v[0], p[2], p[3], SCALE, c->first);
}

static void reference_low_rank(double *const *p, const void *context, double *y)
{
    const struct linear *c = context;
    double *h = finite_memory(c->rows * c->rank, sizeof *h);
    multiply(c->rows, c->out, c->in, 1, p[0], p[1], c->out, y);
    multiply(c->rows, c->rank, c->in, (double)SCALE, p[0], p[2], c->rank, h);
    multiply(c->rows, c->narrow, c->rank, 1, h, p[3], c->out, y + c->first);
    free(h);
}

static void test_low_rank(void **state)
{
    (void)state;
    const struct linear adapters[] = {
        {3, 5, 17, 2, 0, 17},
        {40, 33, 12, 4, 4, 5},
        {1, 17, 5, 1, 3, 2},
        {150, 64, 128, 8, 16, 112},
    };
    for (int s = 0; s < 4; s++) {
        const struct linear *c = &adapters[s];
        for (unsigned frozen = 0; frozen < (c->rows < 100 ? 15 : 4);
             frozen += c->rows < 100 ? 1 : 3) /* 3: as in training, where only the adapter is trained */
            finite_check(&(struct finite){"low rank",
                                          4,
                                          {{c->rows, c->in}, {c->out, c->in}, {c->rank, c->in}, {c->narrow, c->rank}},
                                          frozen,
                                          1,
                                          c->rows,
                                          c->out,
                                          true,
                                          run_low_rank,
                                          reference_low_rank,
                                          c},
                         30 + frozen);
    }
}

/* ---- without a backward pass, and after that ---- */

static void test_unrecorded_pass_leaves_gradients(void **state)
{
    (void)state;
    if (!finite_on_processor())
        skip(); /* a GPU does not have it */
    const struct linear c = {.rows = 3, .in = 5, .out = 1};
    const struct finite f = {"linear", 3, {{3, 5}, {1, 5}, {1, 1}}, 0, 1, 3, 1, true, run_linear, reference_linear, &c};
    const float weights[3] = {1, 2, 3}, start[21] = {0.5f, 1};
    lmvr_error error;
    struct parameters parameters;
    struct tape *tape;
    finite_parameters(&f, F32, start, &parameters);
    assert_int_equal(tape_create(F32, &tape, &error), LMVR_OK);
    for (int recording = 0; recording < 2; recording++) {
        tape_begin(tape, recording);
        struct value *x = tape_parameter(tape, parameters.items[0]);
        struct value *loss = finite_loss(tape, run_linear(tape, &x, parameters.items, NULL), weights);
        assert_int_equal(tape_backward(tape, loss, 1, &error), LMVR_OK);
        assert_true(parameters.items[2]->gradient[0] == (recording ? 6.0f : 0.0f));
    }
    tape_free(tape);
    parameters_finish(&parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_uses_add_up),
        cmocka_unit_test(test_low_rank),
        cmocka_unit_test(test_unrecorded_pass_leaves_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
