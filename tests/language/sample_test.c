/* Sampling the next token: which may be chosen, with which probability, and how often they are. */
#include "cmocka_all.h"
#include "format/safetensors.h"
#include "language/sample.h"

#include <math.h>
#include <stdlib.h>

#define VOCABULARY 300
#define CASES      11

/* transformers' warpers; tests/golden/language/make_language.py says what each tensor is */
static float logits[CASES][VOCABULARY], warped[CASES][VOCABULARY], probabilities[CASES][VOCABULARY];
static float temperatures[CASES], top_ps[CASES];
static struct arena arena;

static void read_tensor(const struct safetensors *file, const char *name, float *values, uint64_t count)
{
    lmvr_error error;
    const struct safetensors_entry *entry = safetensors_find(file, name);
    assert_non_null(entry);
    assert_int_equal(entry->size, count * sizeof(float));
    assert_int_equal(safetensors_read_f32(file, entry, 0, count, values, &error), LMVR_OK);
}

static int read_golden(void **state)
{
    (void)state;
    struct safetensors *file;
    lmvr_error error;
    if (safetensors_open(LMVR_TEST_DATA "/golden/language/sampling.safetensors", &file, &error) != LMVR_OK)
        return -1;
    read_tensor(file, "logits", logits[0], CASES * VOCABULARY);
    read_tensor(file, "warped", warped[0], CASES * VOCABULARY);
    read_tensor(file, "probabilities", probabilities[0], CASES * VOCABULARY);
    read_tensor(file, "temperature", temperatures, CASES);
    read_tensor(file, "top_p", top_ps, CASES);
    safetensors_close(file);
    arena_init(&arena);
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    arena_finish(&arena);
    return 0;
}

static struct sampler sampler_of(int i)
{
    return (struct sampler){.temperature = temperatures[i], .top_p = top_ps[i]};
}

static int32_t draw(int i, const struct sampler *sampler, uint64_t *state)
{
    int32_t token = -1;
    assert_int_equal(sample(sampler, &arena, 1, VOCABULARY, logits[i], &state, &token, NULL), LMVR_OK);
    return token;
}

/* ---- candidates and probabilities ---- */

static void the_tokens_that_may_be_chosen_are_transformers_and_as_likely(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        struct candidate candidates[VOCABULARY];
        double likely[VOCABULARY] = {0}, total = 0;
        const struct sampler sampler = sampler_of(i);
        int count = sampler_candidates(&sampler, VOCABULARY, logits[i], candidates);
        for (int j = 0; j < count; j++) {
            likely[candidates[j].id] = candidates[j].probability;
            total += candidates[j].probability;
        }
        assert_true(fabs(total - 1) < 1e-12);
        for (int id = 0; id < VOCABULARY; id++) {
            double expected = (double)probabilities[i][id];
            assert_int_equal(likely[id] > 0, isfinite(warped[i][id]));
            /* they divide logits by the temperature in f32 */
            double rounding = 1e-6 + 2 * fabs((double)warped[i][id]) * 0x1p-23;
            if (likely[id] > 0 && fabs(likely[id] - expected) > rounding * expected)
                fail_msg("case %d, token %d: %g, transformers %g", i, id, likely[id], expected);
        }
    }
}

/* ---- frequencies ---- */

/* Pearson's statistic for many draws of case i with the probabilities `expected`, where cells with fewer than 5 expected draws
 * are merged; *freedom is its degrees of freedom. */
static double chi_square(int i, const struct sampler *sampler, const float *expected, int *freedom)
{
    const int draws = sampler->top_p < 1 ? 5000 : 100000; /* each draw sorts the tokens there */
    int counts[VOCABULARY] = {0}, rare = 0, cells = 0;
    double statistic = 0, rare_expected = 0;
    uint64_t state = 20250101u + (uint64_t)i;
    for (int n = 0; n < draws; n++)
        counts[draw(i, sampler, &state)]++;
    for (int id = 0; id < VOCABULARY; id++) {
        double wanted = draws * (double)expected[id], difference = counts[id] - wanted;
        if (wanted < 5) {
            rare += counts[id];
            rare_expected += wanted;
            continue;
        }
        statistic += difference * difference / wanted;
        cells++;
    }
    if (rare_expected >= 5) {
        statistic += (rare - rare_expected) * (rare - rare_expected) / rare_expected;
        cells++;
    }
    *freedom = cells - 1;
    return statistic;
}

/* The value that the statistic of correct draws exceeds with a probability of about 0.0001 (Wilson and Hilferty). */
static double chi_square_limit(int freedom)
{
    double a = 2.0 / (9 * freedom);
    return freedom * pow(1 - a + 3.72 * sqrt(a), 3);
}

static void tokens_come_as_often_as_they_are_likely(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        int freedom;
        const struct sampler sampler = sampler_of(i);
        double statistic = chi_square(i, &sampler, probabilities[i], &freedom);
        if (freedom > 0 && statistic > chi_square_limit(freedom))
            fail_msg("case %d: chi-square %g with %d degrees of freedom", i, statistic, freedom);
    }
}

static void the_chi_square_tells_a_temperature_that_is_seven_percent_off(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        int freedom;
        struct sampler sampler = sampler_of(i);
        sampler.temperature *= 1.07f;
        double statistic = chi_square(i, &sampler, probabilities[i], &freedom);
        assert_true(statistic > chi_square_limit(freedom));
    }
}

static void a_token_that_cannot_be_chosen_never_is(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        uint64_t random = 3;
        const struct sampler sampler = sampler_of(i);
        for (int n = 0; n < 2000; n++)
            assert_true(isfinite(warped[i][draw(i, &sampler, &random)]));
    }
}

/* ---- greedy ---- */

static void a_temperature_of_zero_takes_the_first_of_the_best_and_no_randomness(void **state)
{
    (void)state;
    static const float equal[] = {1, 3, -2, 3, 0};
    const struct sampler greedy = {.temperature = 0, .top_p = 0.5f};
    uint64_t random = 9;
    uint64_t *states = &random;
    int32_t token = -1;
    assert_int_equal(sample(&greedy, &arena, 1, 5, equal, &states, &token, NULL), LMVR_OK);
    assert_int_equal(token, 1);
    assert_int_equal(random, 9);
}

static void a_tiny_top_p_leaves_the_best_alone(void **state)
{
    (void)state;
    const struct sampler narrow = {.temperature = 2, .top_p = 1e-6f}, greedy = {.temperature = 0, .top_p = 1};
    for (int i = 0; i < CASES; i++) {
        uint64_t random = (uint64_t)i;
        assert_int_equal(draw(i, &narrow, &random), draw(i, &greedy, &random));
    }
}

static void the_same_state_draws_the_same_tokens_and_moves_on(void **state)
{
    (void)state;
    const struct sampler sampler = sampler_of(0);
    uint64_t a = 5, b = 5, other = 6;
    int same = 0;
    for (int n = 0; n < 100; n++) {
        uint64_t before = a;
        int32_t token = draw(0, &sampler, &a);
        assert_int_equal(token, draw(0, &sampler, &b));
        assert_true(a == b && a != before);
        same += token == draw(0, &sampler, &other);
    }
    assert_true(same < 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tokens_that_may_be_chosen_are_transformers_and_as_likely),
        cmocka_unit_test(tokens_come_as_often_as_they_are_likely),
        cmocka_unit_test(the_chi_square_tells_a_temperature_that_is_seven_percent_off),
        cmocka_unit_test(a_token_that_cannot_be_chosen_never_is),
        cmocka_unit_test(a_temperature_of_zero_takes_the_first_of_the_best_and_no_randomness),
        cmocka_unit_test(a_tiny_top_p_leaves_the_best_alone),
        cmocka_unit_test(the_same_state_draws_the_same_tokens_and_moves_on),
    };
    return cmocka_run_group_tests(tests, read_golden, free_arena);
}
