#include "cmocka_all.h"

#include "format/hash.h"
#include "format/random.h"
#include "lab/probe/bootstrap.h"
#include "lab/probe/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct labels make(enum labels_kind kind, int64_t rows, int classes)
{
    static char name[] = "class";
    struct labels l = {.kind = kind, .rows = rows, .class_count = classes};
    l.classes = calloc((size_t)classes, sizeof *l.classes);
    for (int k = 0; k < classes; k++)
        l.classes[k] = name;
    l.single = kind == LABELS_SINGLE ? calloc((size_t)rows, sizeof *l.single) : NULL;
    l.multi = kind == LABELS_MULTI ? calloc((size_t)rows, (size_t)classes) : NULL;
    return l;
}

static void unmake(struct labels *l)
{
    free(l->classes);
    free(l->single);
    free(l->multi);
}

/* Labels, and scores that correlate with them a little; scores of few values have ties. */
static float *fill(struct labels *l, int values)
{
    struct random random;
    int classes = l->class_count;
    float *scores = calloc((size_t)l->rows * (size_t)classes, sizeof *scores);
    random_init(&random, 7);
    for (int64_t i = 0; i < l->rows; i++) {
        if (l->single)
            l->single[i] = random_below((uint32_t)random_next(&random), classes + 1) - 1;
        for (int k = 0; k < classes; k++) {
            int label = random_below((uint32_t)random_next(&random), 10);
            if (l->multi)
                l->multi[i * classes + k] = (int8_t)(label < 2 ? 1 : label < 9 ? -1 : 0);
            bool yes = l->multi ? label < 2 : l->single[i] == k;
            scores[i * classes + k] = (float)round(values * random_uniform(&random, 0, yes ? 2 : 1)) / (float)values;
        }
    }
    return scores;
}

/* The metrics of draw `number`, computed from rows repeated as often as they were drawn. */
static struct metrics metrics_of_draw(const struct labels *l, const float *scores, uint64_t seed, int number)
{
    int64_t *rows = calloc((size_t)l->rows, sizeof *rows);
    float *drawn = calloc((size_t)l->rows * (size_t)l->class_count, sizeof *drawn);
    struct labels selected = make(l->kind, l->rows, l->class_count);
    struct random random;
    struct metrics metrics;
    lmvr_error error;
    random_init(&random, hash_mix(seed ^ hash_mix((uint64_t)number + 1)));
    for (int64_t i = 0; i < l->rows; i++) {
        int64_t row = random_below((uint32_t)(random_next(&random) >> 32), (int)l->rows);
        memcpy(drawn + i * l->class_count, scores + row * l->class_count, (size_t)l->class_count * sizeof *drawn);
        if (l->single)
            selected.single[i] = l->single[row];
        else
            memcpy(selected.multi + i * l->class_count, l->multi + row * l->class_count, (size_t)l->class_count);
    }
    assert_int_equal(metrics_compute(&selected, drawn, &metrics, &error), LMVR_OK);
    unmake(&selected);
    free(rows);
    free(drawn);
    return metrics;
}

static void test_a_draw_has_the_metrics_of_its_rows(void **state)
{
    (void)state;
    static const int values[] = {1000000, 5};
    for (int i = 0; i < 4; i++) {
        struct labels l = make(i % 2 ? LABELS_SINGLE : LABELS_MULTI, 150, 6);
        float *scores = fill(&l, values[i / 2]);
        struct bootstrap b;
        lmvr_error error;
        assert_int_equal(bootstrap_compute(&l, scores, NULL, l.rows, 3, &b, &error), LMVR_OK);
        for (int n = 0; n < BOOTSTRAP_DRAWS; n += 111) {
            struct metrics m = metrics_of_draw(&l, scores, 3, n);
            if (l.multi) {
                assert_true(fabs(b.draws[MEASURE_MAP][n] - m.map) < 1e-6);
                assert_true(fabs(b.draws[MEASURE_MAP_11POINT][n] - m.map_11point) < 1e-6);
            } else {
                double sum = 0;
                for (int k = 0; k < 6; k++)
                    sum += m.per_class[k].accuracy;
                assert_true(fabs(b.draws[MEASURE_ACCURACY][n] - m.accuracy) < 1e-6);
                assert_true(fabs(b.draws[MEASURE_CLASS_ACCURACY][n] - sum / 6) < 1e-6);
            }
            metrics_finish(&m);
        }
        bootstrap_finish(&b);
        free(scores);
        unmake(&l);
    }
}

/* 800 of 1,000 rows right: a binomial's 95 % are 0.8 +- 1.96 sqrt(0.16 / 1000). */
static void test_an_accuracys_interval_is_the_binomials(void **state)
{
    (void)state;
    struct labels l = make(LABELS_SINGLE, 1000, 2);
    float *scores = calloc(2000, sizeof *scores);
    struct bootstrap b;
    lmvr_error error;
    for (int i = 0; i < 1000; i++) {
        l.single[i] = i % 2;
        scores[2 * i + (i % 5 == 0 ? 1 - i % 2 : i % 2)] = 1;
    }
    assert_int_equal(bootstrap_compute(&l, scores, NULL, 1000, 0, &b, &error), LMVR_OK);
    struct interval interval = bootstrap_interval(b.draws[MEASURE_ACCURACY], BOOTSTRAP_DRAWS, 0.8, 1000);
    assert_true(fabs(interval.low - (0.8 - 0.0248)) < 0.003);
    assert_true(fabs(interval.high - (0.8 + 0.0248)) < 0.003);
    /* of a class of 500 rows it is wider by the root of two */
    assert_true(fabs((b.per_class[0].high - b.per_class[0].low) / (interval.high - interval.low) - 1.41) < 0.15);
    bootstrap_finish(&b);
    free(scores);
    unmake(&l);
}

/* Rows of the same image are drawn together, and images without a row contribute nothing. */
static void test_images_are_drawn_not_rows(void **state)
{
    (void)state;
    struct labels l = make(LABELS_SINGLE, 4, 2);
    float scores[] = {1, 0, 1, 0, 1, 0, 1, 0};
    int64_t images[] = {0, 0, 0, 1};
    struct bootstrap b;
    lmvr_error error;
    l.single[3] = 1; /* wrong */
    assert_int_equal(bootstrap_compute(&l, scores, images, 2, 1, &b, &error), LMVR_OK);
    for (int i = 0; i < BOOTSTRAP_DRAWS; i++) {
        float a = b.draws[MEASURE_ACCURACY][i]; /* image 0 twice, both, image 1 twice */
        assert_true(a == 1 || a == 0.75F || a == 0);
    }
    bootstrap_finish(&b);
    unmake(&l);
}

static void test_percentiles_are_numpys(void **state)
{
    (void)state;
    float draws[] = {(float)NAN, 0.4F, 0.1F, 0.3F,
                     (float)NAN, 0.2F, 0.5F}; /* numpy.percentile([.1, .2, .3, .4, .5], [2.5, 97.5]) */
    struct interval i = bootstrap_interval(draws, 7, 0.3, 9);
    assert_true(fabs(i.low - 0.11) < 1e-6 && fabs(i.high - 0.49) < 1e-6);
    i = bootstrap_interval(draws, 5, 0.2, 9); /* the draws' mean is moved to the value, clamped at 0 */
    assert_true(fabs(i.low - 0.01) < 1e-6 && fabs(i.high - 0.39) < 1e-6);
    i = bootstrap_interval(draws, 5, 0.1, 9);
    assert_true(i.low == 0 && fabs(i.high - 0.29) < 1e-6);
    i = bootstrap_interval(draws, 0, 0.5, 9);
    assert_true(isnan(i.low) && isnan(i.high));
    i = bootstrap_interval(draws, 5, (double)NAN, 9);
    assert_true(isnan(i.low) && isnan(i.high));
}

/* One image that is right proves nothing: all its draws are the same. scipy.stats.binomtest(n, n).proportion_ci() begins at
 * 0.025 for one, at 0.8628 for 25. */
static void test_draws_that_are_all_alike_prove_little(void **state)
{
    (void)state;
    float draws[] = {1, 1, 1};
    struct interval i = bootstrap_interval(draws, 3, 1, 1);
    assert_true(fabs(i.low - 0.025) < 1e-6 && i.high == 1);
    i = bootstrap_interval(draws, 3, 1, 25);
    assert_true(fabs(i.low - 0.8628) < 1e-4 && i.high == 1);
    draws[0] = draws[1] = draws[2] = 0;
    i = bootstrap_interval(draws, 3, 0, 25);
    assert_true(i.low == 0 && fabs(i.high - 0.1372) < 1e-4);
}

/* Normal scores, with a fifth of the rows positive and one deviation better: with infinitely many rows the average precision is
 * 0.4621, the integral of precision over recall. In 95 of 100 samples the interval should contain it. */
static double covered(int64_t rows, double truth)
{
    enum { SAMPLES = 300 };
    struct random random;
    struct labels l = make(LABELS_MULTI, rows, 1);
    float *scores = calloc((size_t)rows, sizeof *scores);
    int hits = 0;
    random_init(&random, 11);
    for (int n = 0; n < SAMPLES; n++) {
        struct bootstrap b;
        lmvr_error error;
        for (int64_t i = 0; i < rows; i++) {
            double normals[2];
            random_normals(&random, normals);
            l.multi[i] = random_uniform(&random, 0, 1) < 0.2 ? 1 : -1;
            scores[i] = (float)(normals[0] + (l.multi[i] > 0));
        }
        assert_int_equal(bootstrap_compute(&l, scores, NULL, rows, (uint64_t)n, &b, &error), LMVR_OK);
        hits += b.per_class_all_points[0].low <= truth && truth <= b.per_class_all_points[0].high;
        bootstrap_finish(&b);
    }
    free(scores);
    unmake(&l);
    return (double)hits / SAMPLES;
}

static void test_intervals_of_average_precision_cover_it(void **state)
{
    (void)state;
    double few = covered(60, 0.4621213), many = covered(400, 0.4621213);
    print_message("60 rows: %.2f, 400 rows: %.2f\n", few, many);
    assert_true(few > 0.85);
    assert_true(many > 0.9);
}

/* 5,000 images of 80 classes, like COCO: about a second. */
static void test_it_is_fast(void **state)
{
    (void)state;
    struct labels l = make(LABELS_MULTI, 5000, 80);
    float *scores = fill(&l, 1000000);
    struct bootstrap b;
    struct timespec begun, ended;
    lmvr_error error;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
    assert_int_equal(bootstrap_compute(&l, scores, NULL, l.rows, 0, &b, &error), LMVR_OK);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    double seconds = (double)(ended.tv_sec - begun.tv_sec) + 1e-9 * (double)(ended.tv_nsec - begun.tv_nsec);
    print_message("%.2f s of processor time\n", seconds);
    assert_true(seconds < 60);
    bootstrap_finish(&b);
    free(scores);
    unmake(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_draw_has_the_metrics_of_its_rows),
        cmocka_unit_test(test_an_accuracys_interval_is_the_binomials),
        cmocka_unit_test(test_images_are_drawn_not_rows),
        cmocka_unit_test(test_percentiles_are_numpys),
        cmocka_unit_test(test_draws_that_are_all_alike_prove_little),
        cmocka_unit_test(test_intervals_of_average_precision_cover_it),
        cmocka_unit_test(test_it_is_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
