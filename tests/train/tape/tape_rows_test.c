/* Row operations and rotary position embeddings on the tape, and their gradients, equal their definitions. */
#include "tensor/finite.h"

struct moves {
    int64_t n, count;
    const int32_t *rows;
    const struct gradient_place *places;
    const struct tape_span *spans;
};

static struct value *run_rows(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct moves *c = context;
    (void)p;
    return tape_rows(tape, v[0], c->count, c->rows);
}

static void reference_rows(double *const *p, const void *context, double *y)
{
    const struct moves *c = context;
    for (int64_t r = 0; r < c->count; r++)
        memcpy(y + r * c->n, p[0] + c->rows[r] * c->n, (size_t)c->n * sizeof *y);
}

static const int64_t widths[] = {1, 5, 17, 33, 64, 100};

static void test_rows(void **state)
{
    (void)state;
    int32_t rows[400];
    for (int i = 0; i < 400; i++)
        rows[i] = i * 7 % 5 == 0 ? 2 : i * 7 % 11; /* row 2 many times; row 11 never */
    for (int w = 0; w < 6; w++)
        for (int64_t count = 1; count <= 400; count = count < 41 ? count + 20 : count + 359) {
            struct moves c = {.n = widths[w], .count = count, .rows = rows};
            finite_check(&(struct finite){"rows", 1, {{12, c.n}}, 0, 1, count, c.n, false, run_rows, reference_rows, &c}, 1);
        }
}

static struct value *run_assemble(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct moves *c = context;
    struct value *sources[3] = {v[0], v[1], tape_parameter(tape, p[2])};
    return tape_assemble(tape, sources, 3, c->count, c->places);
}

static void reference_assemble(double *const *p, const void *context, double *y)
{
    const struct moves *c = context;
    for (int64_t r = 0; r < c->count; r++)
        for (int64_t i = 0; i < c->n && c->places[r].source >= 0; i++)
            y[r * c->n + i] = p[c->places[r].source][c->places[r].row * c->n + i];
}

static void test_assemble(void **state)
{
    (void)state;
    const int64_t heights[] = {3, 1, 40};
    struct gradient_place places[300];
    for (int i = 0; i < 300; i++) {
        int32_t source = i % 5 == 4 ? -1 : i % 3;
        places[i] = (struct gradient_place){source, source < 0 ? 7 : i % 2 ? 0 : (int32_t)(i / 3 % heights[source])};
    }
    for (int w = 0; w < 6; w++)
        for (unsigned frozen = 0; frozen < 7; frozen++) {
            struct moves c = {.n = widths[w], .count = frozen ? 33 : 300, .places = places};
            finite_check(&(struct finite){"assemble",
                                          3,
                                          {{heights[0], c.n}, {heights[1], c.n}, {heights[2], c.n}},
                                          frozen,
                                          2,
                                          c.count,
                                          c.n,
                                          false,
                                          run_assemble,
                                          reference_assemble,
                                          &c},
                         2 + frozen);
        }
}

static struct value *run_mean(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct moves *c = context;
    (void)p;
    return tape_mean_rows(tape, v[0], c->count, c->spans);
}

static void reference_mean(double *const *p, const void *context, double *y)
{
    const struct moves *c = context;
    for (int64_t s = 0; s < c->count; s++)
        for (int64_t r = c->spans[s].first; r < c->spans[s].first + c->spans[s].count; r++)
            for (int64_t i = 0; i < c->n; i++)
                y[s * c->n + i] += p[0][r * c->n + i] / (double)c->spans[s].count;
}

static void test_means(void **state)
{
    (void)state;
    if (!finite_on_processor())
        skip(); /* a GPU does not have it */
    const struct tape_span spans[] = {{0, 1}, {3, 5}, {2, 4}, {0, 40}};
    for (int w = 0; w < 6; w++) {
        struct moves c = {.n = widths[w], .count = 4, .spans = spans};
        finite_check(&(struct finite){"means", 1, {{40, c.n}}, 0, 1, 4, c.n, false, run_mean, reference_mean, &c}, 20);
    }
}

/* ---- rotary positions ---- */

struct turn {
    int64_t rows, columns, column;
    int heads, head_dim;
    float factor;
};

#define THETA       100.0f
#define POSITION(R) (3 * (int32_t)(R) % 19)

/* In place, on a copy of the input, which is also used itself: twice, on two ranges of columns. */
static struct value *run_rope(struct tape *tape, struct value *const *v, struct parameter *const *p, const void *context)
{
    const struct turn *c = context;
    struct position *positions = tape_memory(tape, c->rows, sizeof *positions);
    struct rope_config config = {.theta = THETA, .scaling = ROPE_LINEAR, .factor = c->factor};
    struct rope rope;
    assert_int_equal(rope_create(&rope, &config, c->head_dim, NULL), LMVR_OK);
    (void)p;
    for (int64_t r = 0; positions && r < c->rows; r++)
        positions[r] = position_in_text(POSITION(r));
    const float *angles = tape_rope_angles(tape, c->rows, positions, &rope);
    rope_finish(&rope);
    struct value *x = tape_scale(tape, v[0], 1);
    struct value *turned = tape_rope(tape, x, &(struct tape_rope){c->heads, c->head_dim, c->column, angles});
    return tape_add(tape, tape_rope(tape, turned, &(struct tape_rope){1, c->head_dim, 0, angles}), v[0]);
}

static void turn(const struct turn *c, int64_t heads, int64_t column, double *y)
{
    int half = c->head_dim / 2;
    for (int64_t r = 0; r < c->rows; r++)
        for (int64_t h = 0; h < heads; h++)
            for (int i = 0; i < half; i++) {
                double *x = y + r * c->columns + column + h * c->head_dim + i, a = x[0], b = x[half];
                double angle = POSITION(r) / (double)c->factor * pow((double)THETA, -2.0 * i / c->head_dim);
                x[0] = a * cos(angle) - b * sin(angle);
                x[half] = b * cos(angle) + a * sin(angle);
            }
}

static void reference_rope(double *const *p, const void *context, double *y)
{
    const struct turn *c = context;
    memcpy(y, p[0], (size_t)(c->rows * c->columns) * sizeof *y);
    turn(c, c->heads, c->column, y);
    turn(c, 1, 0, y);
    for (int64_t i = 0; i < c->rows * c->columns; i++)
        y[i] += p[0][i];
}

static void test_rope(void **state)
{
    (void)state;
    const struct turn turns[] = {{1, 2, 0, 1, 2, 1}, {3, 17, 5, 2, 6, 1}, {40, 33, 1, 4, 8, 2}, {100, 200, 8, 3, 64, 1}};
    for (int t = 0; t < 4; t++) {
        const struct turn *c = &turns[t];
        finite_check(
            &(struct finite){"rope", 1, {{c->rows, c->columns}}, 0, 1, c->rows, c->columns, false, run_rope, reference_rope, c},
            30);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_assemble),
        cmocka_unit_test(test_means),
        cmocka_unit_test(test_rope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
