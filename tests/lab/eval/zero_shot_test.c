/* The names of classes in texts, and the vectors that they become. */
#include "cmocka_all.h"
#include "lab/eval/zero_shot.h"
#include "lab/probe/bootstrap.h"
#include "lab/probe/metrics.h"
#include "scratch.h"

#include <math.h>

static lmvr_error error;

static void a_class_is_called_by_its_first_name_in_words(void **state)
{
    (void)state;
    static const char *const names[][2] = {{"n01440764 tench, Tinca tinca", "tench"},
                                           {"red_panda", "red panda"},
                                           {"aeroplane", "aeroplane"},
                                           {"n12 and more, or less", "n12 and more, or less"},
                                           {"Paris, Texas", "Paris, Texas"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *name = zero_shot_name(names[i][0]);
        assert_string_equal(name, names[i][1]);
        free(name);
    }
}

static void templates_are_lines_with_one_place(void **state)
{
    (void)state;
    struct templates t;
    write_text("good.txt", "a {}\r\n\n{} it is");
    assert_int_equal(templates_read("good.txt", &t, &error), LMVR_OK);
    assert_int_equal(t.count, 2);
    assert_string_equal(t.texts[0], "a {}");
    assert_string_equal(t.texts[1], "{} it is");
    templates_finish(&t);
    assert_int_equal(templates_read(NULL, &t, &error), LMVR_OK);
    assert_int_equal(t.count, 1);
    assert_string_equal(t.texts[0], "a photo of a {}.");
    templates_finish(&t);
    write_text("two.txt", "a {} and a {}\n");
    assert_int_equal(templates_read("two.txt", &t, &error), LMVR_ERROR_INVALID);
    write_text("empty.txt", "\n");
    assert_int_equal(templates_read("empty.txt", &t, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "empty.txt: has no template in it");
    assert_int_equal(templates_read("none.txt", &t, &error), LMVR_ERROR_INVALID);
}

static void vectors_are_scaled_to_length_1(void **state)
{
    (void)state;
    float rows[] = {3, 4, 0, 0, -5, 12};
    const float expected[] = {0.6f, 0.8f, 0, 0, -5 / 13.0f, 12 / 13.0f};
    zero_shot_normalize(rows, 3, 2);
    for (int i = 0; i < 6; i++)
        assert_true(fabsf(rows[i] - expected[i]) < 1e-6f);
}

/* Of tied classes the earlier comes first, as for the one with the highest score. */
static void the_first_five_are_counted_in_the_order_of_scores(void **state)
{
    (void)state;
    static const char *const classes[] = {"a", "b", "c", "d", "e", "f", "g"};
    int32_t single[] = {0, 4, 5, 6, -1};
    struct labels labels = {LABELS_SINGLE, 5, 7, (char **)classes, single, NULL};
    const float scores[5][7] = {{7, 6, 5, 4, 3, 2, 1}, /* first */
                                {1, 1, 1, 1, 1, 1, 1}, /* the fifth of the tied */
                                {1, 1, 1, 1, 1, 1, 1}, /* the sixth of them */
                                {1, 2, 3, 4, 5, 6, 1}, /* last */
                                {0}};                  /* no label */
    struct metrics m;
    struct bootstrap b;
    assert_int_equal(metrics_compute(&labels, scores[0], &m, &error), LMVR_OK);
    assert_true(m.accuracy == 0.25 && m.accuracy_top5 == 0.5);
    assert_int_equal(bootstrap_compute(&labels, scores[0], NULL, 5, 1, &b, &error), LMVR_OK);
    double sum = 0;
    int count = 0;
    for (int i = 0; i < BOOTSTRAP_DRAWS; i++)
        if (!isnan(b.draws[MEASURE_TOP5][i])) {
            assert_true(b.draws[MEASURE_TOP5][i] >= b.draws[MEASURE_ACCURACY][i]);
            sum += (double)b.draws[MEASURE_TOP5][i];
            count++;
        }
    assert_true(fabs(sum / count - 0.5) < 0.05);
    bootstrap_finish(&b);
    metrics_finish(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_is_called_by_its_first_name_in_words),
        cmocka_unit_test_setup_teardown(templates_are_lines_with_one_place, enter_folder, leave_folder),
        cmocka_unit_test(vectors_are_scaled_to_length_1),
        cmocka_unit_test(the_first_five_are_counted_in_the_order_of_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
