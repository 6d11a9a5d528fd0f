/* Tokens drawn on the GPU are those that the processor draws for the same seeds. */
#include "cmocka_all.h"
#include "language/sample.h"
#include "tensor/tested_device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 4
#define MOST 1501

static struct arena gpu, cpu;

static int begin(void **state)
{
    (void)state;
    arena_init(&cpu);
    return arena_init_on(&gpu, tested_device(), F32, NULL) != LMVR_OK;
}

static int end(void **state)
{
    (void)state;
    arena_finish(&gpu);
    arena_finish(&cpu);
    return 0;
}

static void draw(const struct sampler *sampler, struct arena *arena, int64_t rows, int width, const float *logits,
                 uint64_t seed, int32_t *tokens)
{
    uint64_t states[ROWS], *pointers[ROWS];
    struct arena_mark mark = arena_mark(arena);
    for (int64_t r = 0; r < rows; r++) {
        states[r] = seed + (uint64_t)r;
        pointers[r] = &states[r];
    }
    const float *there = arena_sent_floats(arena, logits, rows * width);
    assert_int_equal(sample(sampler, arena, rows, width, there, pointers, tokens, NULL), LMVR_OK);
    for (int64_t r = 0; r < rows; r++)
        assert_true(states[r] != seed + (uint64_t)r); /* one number of each is used up */
    arena_release(arena, mark);
}

static float logits[ROWS * MOST];

/* `levels`: so many different ones, so that many are equal. */
static void make_logits(int width, float spread, int levels)
{
    for (int64_t i = 0; i < (int64_t)ROWS * width; i++) {
        float x = (float)((i * 2654435761 + i / width * 40503) % 100003) / 100003.0f;
        logits[i] = spread * (floorf(x * (float)levels) / (float)levels - 0.4f);
    }
}

static void check(int width, float spread, int levels)
{
    static const struct sampler samplers[] = {{1, 1}, {0.7f, 1}, {1, 0.9f}, {0.8f, 0.5f}, {2, 0.99f}, {0.3f, 1e-6f}};
    make_logits(width, spread, levels);
    for (size_t s = 0; s < sizeof samplers / sizeof *samplers; s++) {
        int32_t there[ROWS], here[ROWS];
        draw(&samplers[s], &gpu, ROWS, width, logits, 77 * (uint64_t)width, there);
        draw(&samplers[s], &cpu, ROWS, width, logits, 77 * (uint64_t)width, here);
        for (int r = 0; r < ROWS; r++)
            if (there[r] != here[r])
                fail_msg("width %d, temperature %g, top_p %g, row %d: %d, the processor draws %d", width,
                         (double)samplers[s].temperature, (double)samplers[s].top_p, r, there[r], here[r]);
    }
}

static void tokens_are_those_that_the_processor_draws(void **state)
{
    (void)state;
    check(MOST, 12, 100003);
    check(509, 60, 100003);
    check(33, 3, 100003);
    check(1, 1, 100003);
}

static void tokens_that_are_as_likely_come_in_order(void **state)
{
    (void)state;
    check(1000, 5, 7);
    check(700, 0, 1);
}

static void what_cannot_be_is_never_drawn(void **state)
{
    (void)state;
    const struct sampler samplers[] = {{1, 1}, {1, 0.95f}};
    int32_t tokens[ROWS];
    for (int64_t i = 0; i < (int64_t)ROWS * 100; i++)
        logits[i] = i % 100 == 41 || i % 100 == 57 ? -0.0f : i % 3 ? -INFINITY : -1000;
    for (size_t s = 0; s < 2; s++) {
        int seen[2] = {0};
        for (uint64_t seed = 0; seed < 4 * ROWS; seed += ROWS) {
            draw(&samplers[s], &gpu, ROWS, 100, logits, seed, tokens);
            for (int r = 0; r < ROWS; r++) {
                assert_true(tokens[r] == 41 || tokens[r] == 57);
                seen[tokens[r] == 57]++;
            }
        }
        assert_true(seen[0] > 2 && seen[1] > 2);
    }
}

static void a_row_alone_is_a_row_among_others(void **state)
{
    (void)state;
    const struct sampler sampler = {0.9f, 0.9f};
    int32_t all[ROWS], alone;
    make_logits(300, 9, 100003);
    draw(&sampler, &gpu, ROWS, 300, logits, 11, all);
    for (int r = 0; r < ROWS; r += 3) {
        draw(&sampler, &gpu, 1, 300, logits + (int64_t)r * 300, 11 + (uint64_t)r, &alone);
        assert_int_equal(alone, all[r]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_those_that_the_processor_draws),
        cmocka_unit_test(tokens_that_are_as_likely_come_in_order),
        cmocka_unit_test(what_cannot_be_is_never_drawn),
        cmocka_unit_test(a_row_alone_is_a_row_among_others),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
