/* Losses on the tape, and their gradients, equal their definitions. */
#include "tensor/finite.h"

struct loss {
    int64_t rows, n;
    const int32_t *targets;
    const float *marks; /* targets of the logistic loss */
    struct tape_contrast contrast;
};

#define SPREAD 3.0f

static struct value *run_cross_entropy(struct tape *tape, struct value *const *v, struct parameter *const *p,
                                       const void *context)
{
    const struct loss *c = context;
    (void)p;
    return tape_cross_entropy(tape, tape_scale(tape, v[0], SPREAD), c->targets, c->contrast.smoothing);
}

/* Logits `step` apart. */
static double cross_entropy(int64_t n, int64_t target, double smoothing, const double *x, int64_t step)
{
    double all = 0, loss = 0;
    for (int64_t i = 0; i < n; i++)
        all += exp(x[i * step]);
    for (int64_t i = 0; i < n; i++)
        loss -= ((i == target ? 1 - smoothing : 0) + smoothing / (double)n) * (x[i * step] - log(all));
    return loss;
}

static void reference_cross_entropy(double *const *p, const void *context, double *y)
{
    const struct loss *c = context;
    double *x = finite_memory(c->rows * c->n, sizeof *x);
    for (int64_t i = 0; i < c->rows * c->n; i++)
        x[i] = (double)SPREAD * p[0][i];
    for (int64_t r = 0; r < c->rows; r++)
        *y += cross_entropy(c->n, c->targets[r], (double)c->contrast.smoothing, x + r * c->n, 1) / (double)c->rows;
    free(x);
}

static const int64_t shapes[][2] = {{1, 1}, {3, 5}, {1, 17}, {40, 33}, {3, 16}, {170, 100}};
#define SHAPES ((int)(sizeof shapes / sizeof *shapes))

static void test_cross_entropy(void **state)
{
    (void)state;
    int32_t targets[170];
    for (int s = 0; s < SHAPES; s++)
        for (int smooth = 0; smooth < 2; smooth++) {
            int64_t r = shapes[s][0], n = shapes[s][1];
            for (int64_t i = 0; i < r; i++)
                targets[i] = (int32_t)((i * 5 + n - 1) % n);
            struct loss c = {.rows = r, .n = n, .targets = targets, .contrast.smoothing = smooth ? 0.1f : 0};
            finite_check(
                &(struct finite){
                    "cross entropy", 1, {{r, n}}, 0, 1, 1, 1, false, run_cross_entropy, reference_cross_entropy, &c},
                1);
        }
}

static struct value *run_logistic(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct loss *c = context;
    (void)p;
    return tape_binary_cross_entropy(tape, tape_scale(tape, v[0], SPREAD), c->marks);
}

static void reference_logistic(double *const *p, const void *context, double *y)
{
    const struct loss *c = context;
    double count = 0;
    for (int64_t i = 0; i < c->rows * c->n; i++) {
        if (isnan(c->marks[i]))
            continue;
        double chance = 1 / (1 + exp(-(double)SPREAD * p[0][i]));
        *y -= c->marks[i] != 0 ? log(chance) : log(1 - chance);
        count++;
    }
    *y = count > 0 ? *y / count : 0;
}

static void test_binary_cross_entropy(void **state)
{
    (void)state;
    if (!finite_on_processor())
        skip(); /* a GPU does not have it */
    float *marks = finite_memory(170 * 100, sizeof *marks);
    for (int s = 0; s < SHAPES; s++)
        for (int unknown = 0; unknown < 3; unknown++) { /* none, some, all */
            int64_t r = shapes[s][0], n = shapes[s][1];
            for (int64_t i = 0; i < r * n; i++)
                marks[i] = unknown == 2 || (unknown == 1 && i % 3 == 1) ? NAN : (float)(i % 2);
            struct loss c = {.rows = r, .n = n, .marks = marks};
            finite_check(&(struct finite){"logistic", 1, {{r, n}}, 0, 1, 1, 1, false, run_logistic, reference_logistic, &c}, 2);
        }
    free(marks);
}

/* Extreme logits do not overflow. */
static void test_extremes(void **state)
{
    (void)state;
    if (!finite_on_processor())
        skip(); /* a GPU does not have it */
    lmvr_error error;
    struct tape *tape;
    const float x[] = {1e4f, -1e4f, 3e38f, -3e38f}, marks[] = {1, 0, 1, 0}, away[] = {-200, 300};
    const int32_t target[] = {0};
    assert_int_equal(tape_create(F32, &tape, &error), LMVR_OK);
    tape_begin(tape, false);
    assert_true(*tape_binary_cross_entropy(tape, tape_constant(tape, 2, 2, x), marks)->data == 0);
    assert_true(*tape_cross_entropy(tape, tape_constant(tape, 1, 4, x), &(int32_t){2}, 0)->data == 0);
    assert_true(*tape_cross_entropy(tape, tape_constant(tape, 1, 2, away), target, 0)->data == 500);
    tape_free(tape);
}

/* ---- contrastive ---- */

static struct value *run_contrastive(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct loss *c = context;
    struct tape_contrast contrast = c->contrast;
    contrast.scale = p[2];
    return tape_contrastive(tape, v[0], v[1], &contrast);
}

static void reference_contrastive(double *const *p, const void *context, double *y)
{
    const struct loss *c = context;
    int64_t n = c->rows;
    double *scores = finite_memory(n * n, sizeof *scores);
    double factor = c->contrast.temperature ? 1 / *p[2] : exp(*p[2]), smoothing = (double)c->contrast.smoothing;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double best = -INFINITY;
            for (int64_t q = 0; q < c->contrast.queries; q++) {
                double product = 0;
                for (int64_t e = 0; e < c->n; e++)
                    product += p[0][(i * c->contrast.queries + q) * c->n + e] * p[1][j * c->n + e];
                best = fmax(best, product);
            }
            scores[i * n + j] = factor * best;
        }
    for (int64_t i = 0; i < n; i++)
        *y += (cross_entropy(n, i, smoothing, scores + i * n, 1) + cross_entropy(n, i, smoothing, scores + i, n)) /
              (2 * (double)n);
    free(scores);
}

static void test_contrastive(void **state)
{
    (void)state;
    if (!finite_on_processor())
        skip(); /* a GPU does not have it */
    const int64_t sizes[][2] = {{1, 5}, {3, 17}, {40, 33}, {5, 1}, {16, 8}};
    for (int s = 0; s < 5; s++)
        for (int way = 0; way < 8; way++)
            for (unsigned frozen = 0; frozen < (s == 1 ? 7 : 1); frozen++) {
                int64_t n = sizes[s][0], columns = sizes[s][1];
                struct loss c = {n, columns, NULL, NULL, {NULL, way & 1, way & 2 ? 3 : 1, way & 4 ? 0.1f : 0}};
                finite_check(&(struct finite){"contrastive",
                                              3,
                                              {{n * c.contrast.queries, columns}, {n, columns}, {1, 1}},
                                              frozen,
                                              2,
                                              1,
                                              1,
                                              true,
                                              run_contrastive,
                                              reference_contrastive,
                                              &c},
                             10 + frozen);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cross_entropy),
        cmocka_unit_test(test_binary_cross_entropy),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_contrastive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
