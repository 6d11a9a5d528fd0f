/* Attention on the tape, and its gradients, equal their definitions. */
#include "tensor/finite.h"

struct looking {
    const char *name;
    int values;                         /* 3: separate q, k and v; 2: q, and k and v in one; 1: all in one */
    int64_t q_rows, k_rows, columns[3]; /* of the values */
    unsigned frozen;
    int buckets; /* 0: no table */
    struct tape_attention call;
};

static int source(const struct looking *c, int index)
{
    return c->values == 3 ? index : c->values == 2 && index > 0;
}

static struct value *run_attention(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct looking *c = context;
    struct tape_attention call = c->call;
    call.bias.table = c->buckets ? p[c->values] : NULL;
    return tape_attention(tape, v[source(c, 0)], v[source(c, 1)], v[source(c, 2)], &call);
}

static bool sees(const struct tape_attention *call, const struct gradient_segment *s, int64_t i, int64_t j)
{
    return !call->causal || j < s->prefix || j - s->k_count <= i - s->q_count;
}

/* The output for one query of one head. */
static void attend(const struct looking *c, double *const *p, const struct gradient_segment *s, int64_t i, int64_t head,
                   double *y)
{
    const struct tape_attention *call = &c->call;
    int64_t kv = head / (call->heads / call->kv_heads), d = call->head_dim;
    int64_t qc = c->columns[source(c, 0)], kc = c->columns[source(c, 1)], vc = c->columns[source(c, 2)];
    const double *q = p[source(c, 0)] + (s->q_first + i) * qc + call->q_column + head * d;
    const double *k = p[source(c, 1)] + s->k_first * kc + call->k_column + kv * d;
    const double *v = p[source(c, 2)] + s->k_first * vc + call->v_column + kv * d;
    double total = 0;
    for (int64_t j = 0; j < s->k_count; j++) {
        if (!sees(call, s, i, j))
            continue;
        double score = 0;
        for (int64_t e = 0; e < d; e++)
            score += (double)call->scale * q[e] * k[j * kc + e];
        if (c->buckets)
            score += p[c->values][call->bias.buckets[call->bias.zero + j - i] * call->heads + head];
        total += exp(score);
        for (int64_t e = 0; e < d; e++)
            y[e] += exp(score) * v[j * vc + e];
    }
    for (int64_t e = 0; e < d && total > 0; e++)
        y[e] /= total;
}

static void reference_attention(double *const *p, const void *context, double *y)
{
    const struct looking *c = context;
    const struct tape_attention *call = &c->call;
    for (int s = 0; s < call->segment_count; s++)
        for (int64_t i = 0; i < call->segments[s].q_count; i++)
            for (int64_t h = 0; h < call->heads; h++)
                attend(c, p, &call->segments[s], i, h,
                       y + ((call->segments[s].q_first + i) * call->heads + h) * call->head_dim);
}

static void check(const struct looking *c, uint64_t seed)
{
    struct finite f = {.name = c->name,
                       .count = c->values + (c->buckets > 0),
                       .frozen = c->frozen,
                       .values = c->values,
                       .rows = c->q_rows,
                       .columns = (int64_t)c->call.heads * c->call.head_dim,
                       .products = true,
                       .run = run_attention,
                       .reference = reference_attention,
                       .context = c};
    for (int i = 0; i < c->values; i++) {
        f.shapes[i][0] = i == 0 ? c->q_rows : c->k_rows;
        f.shapes[i][1] = c->columns[i];
    }
    f.shapes[c->values][0] = c->buckets;
    f.shapes[c->values][1] = c->call.heads;
    finite_check(&f, seed);
}

static const struct gradient_segment one[] = {{0, 7, 0, 7, 0}}, single[] = {{0, 1, 0, 1, 0}};
/* Rows 3 and 4, and 17, are in none. */
static const struct gradient_segment several[] = {{5, 12, 5, 12, 4}, {0, 3, 0, 3, 0}, {18, 1, 18, 1, 0}, {19, 21, 19, 21, 21}};
static const struct gradient_segment crossed[] = {{0, 5, 10, 9, 0}, {5, 1, 0, 10, 2}, {6, 11, 19, 4, 1}};

static void test_one_value(void **state)
{
    (void)state;
    const struct looking cases[] = {
        {"one row", 1, 1, 1, {3}, 0, 0, {1, 1, 1, 0, 1, 2, 1, false, {0}, single, 1}},
        {"stacked", 1, 7, 7, {37}, 0, 0, {3, 3, 4, 0, 13, 25, 0.5f, false, {0}, one, 1}},
        {"stacked, causal", 1, 7, 7, {36}, 0, 0, {3, 3, 4, 0, 12, 24, 0.5f, true, {0}, one, 1}},
        {"stacked, grouped, causal, segments", 1, 40, 40, {40}, 0, 0, {4, 2, 5, 0, 20, 30, 0.7f, true, {0}, several, 4}},
        {"stacked, one group, segments", 1, 40, 40, {51}, 0, 0, {1, 1, 17, 34, 0, 17, 0.25f, false, {0}, several, 4}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], i + 1);
}

static void test_values_apart(void **state)
{
    (void)state;
    const struct looking cases[] = {
        {"apart", 3, 17, 23, {12, 12, 12}, 0, 0, {3, 3, 4, 0, 0, 0, 0.5f, false, {0}, crossed, 3}},
        {"apart, grouped", 3, 17, 23, {41, 12, 17}, 0, 0, {4, 1, 10, 1, 2, 7, 0.5f, false, {0}, crossed, 3}},
        {"apart, causal", 3, 17, 23, {8, 8, 8}, 0, 0, {2, 1, 4, 0, 4, 0, 0.5f, true, {0}, crossed, 3}},
        {"apart, keys and values in one", 2, 17, 23, {12, 24}, 0, 0, {3, 3, 4, 0, 0, 12, 0.5f, false, {0}, crossed, 3}},
        {"apart, frozen q", 3, 17, 23, {12, 12, 12}, 1, 0, {3, 3, 4, 0, 0, 0, 0.5f, false, {0}, crossed, 3}},
        {"apart, frozen k", 3, 17, 23, {12, 12, 12}, 2, 0, {3, 3, 4, 0, 0, 0, 0.5f, false, {0}, crossed, 3}},
        {"apart, frozen v", 3, 17, 23, {12, 12, 12}, 4, 0, {3, 3, 4, 0, 0, 0, 0.5f, false, {0}, crossed, 3}},
        {"apart, only v", 3, 17, 23, {12, 12, 12}, 3, 0, {3, 3, 4, 0, 0, 0, 0.5f, false, {0}, crossed, 3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], i + 30);
}

#define WIDTH 41
#define ZERO  20

static void test_relative_positions(void **state)
{
    (void)state;
    if (!finite_on_processor())
        skip(); /* a GPU does not have it */
    int32_t buckets[WIDTH];
    for (int d = 0; d < WIDTH; d++)
        buckets[d] = (d - ZERO > 0 ? 4 : 0) + (abs(d - ZERO) < 3 ? abs(d - ZERO) : 3);
    const struct tape_bias bias = {NULL, buckets, WIDTH, ZERO};
    const struct looking cases[] = {
        {"biased", 1, 40, 40, {36}, 0, 8, {3, 3, 4, 0, 12, 24, 1, false, bias, several, 4}},
        {"biased, causal", 1, 40, 40, {36}, 0, 8, {3, 3, 4, 0, 12, 24, 1, true, bias, several, 4}},
        {"biased, grouped, crossed", 3, 17, 23, {24, 12, 12}, 0, 8, {4, 2, 6, 0, 0, 0, 1, false, bias, crossed, 3}},
        {"biased, frozen table", 1, 40, 40, {36}, 2, 8, {3, 3, 4, 0, 12, 24, 1, false, bias, several, 4}},
        {"biased, only the table", 3, 17, 23, {12, 12, 12}, 7, 8, {3, 3, 4, 0, 0, 0, 1, false, bias, crossed, 3}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], i + 60);
}

static void test_large(void **state)
{
    (void)state;
    struct gradient_segment segments[2] = {{0, 64, 0, 64, 3}, {64, 50, 64, 50, 0}};
    const struct looking c = {"large", 1, 114, 114, {256}, 0, 0, {2, 1, 64, 0, 128, 192, 0.125f, true, {0}, segments, 2}};
    check(&c, 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_value),
        cmocka_unit_test(test_values_apart),
        cmocka_unit_test(test_relative_positions),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
