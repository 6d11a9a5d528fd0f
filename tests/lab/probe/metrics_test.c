#include "reference.h"

#include "lab/probe/metrics.h"

static void assert_number(double found, double expected, const char *what)
{
    if (isnan(expected) ? !isnan(found) : !(fabs(found - expected) <= 1e-12))
        fail_msg("%s is %.15g, not %.15g", what, found, expected);
}

/* Random scores, scores of a few values, and equal ones; a class with no positives, and one with no negatives. */
static void test_average_precision_is_the_references(void **state)
{
    (void)state;
    static const char *const cases[] = {"random", "tied", "equal"};
    for (size_t i = 0; i < 3; i++) {
        char name[64];
        struct metrics m;
        lmvr_error error;
        snprintf(name, sizeof name, "metrics/%s/labels", cases[i]);
        struct labels labels = reference_labels(name, 6);
        float *scores = reference_values("metrics/%s/scores", cases[i]);
        double *ap = reference_values("metrics/%s/ap", cases[i]),
               *ap_11point = reference_values("metrics/%s/ap_11point", cases[i]);
        double sum = 0, sum_11point = 0;
        assert_int_equal(metrics_compute(&labels, scores, &m, &error), LMVR_OK);
        for (int k = 0; k < 6; k++) {
            assert_number(m.per_class[k].ap, ap[k], cases[i]);
            assert_number(m.per_class[k].ap_11point, ap_11point[k], cases[i]);
            sum += k == 4 ? 0 : ap[k];
            sum_11point += k == 4 ? 0 : ap_11point[k];
        }
        assert_int_equal(m.scored_classes, 5);
        assert_int_equal(m.per_class[4].positives, 0);
        assert_number(m.map, sum / 5, "mAP");
        assert_number(m.map_11point, sum_11point / 5, "11-point mAP");
        metrics_finish(&m);
        labels_finish(&labels);
        free(scores);
        free(ap);
        free(ap_11point);
    }
}

/* Two positives and a negative, by hand: thresholds after 1, 2 and 3 rows. */
static void test_small_average_precisions(void **state)
{
    (void)state;
    double ap_11point, ap;
    lmvr_error error;
    assert_int_equal(metrics_average_precision(3, 1, (int8_t[]){1, -1, 1}, (float[]){3, 2, 1}, &ap_11point, &ap, &error),
                     LMVR_OK);
    assert_number(ap, (1 + 2.0 / 3) / 2, "AP");
    assert_number(ap_11point, (6 * 1 + 5 * 2.0 / 3) / 11, "11-point AP");
    /* all tied: a single threshold that includes everything */
    assert_int_equal(metrics_average_precision(3, 1, (int8_t[]){1, -1, 1}, (float[]){2, 2, 2}, &ap_11point, &ap, &error),
                     LMVR_OK);
    assert_number(ap, 2.0 / 3, "AP of a tie");
    assert_number(ap_11point, 2.0 / 3, "11-point AP of a tie");
    /* the difficult row, which ranks first, is ignored */
    assert_int_equal(metrics_average_precision(3, 1, (int8_t[]){1, 0, -1}, (float[]){2, 3, 1}, &ap_11point, &ap, &error),
                     LMVR_OK);
    assert_number(ap, 1, "AP beside a difficult row");
    assert_int_equal(metrics_average_precision(2, 1, (int8_t[]){0, -1}, (float[]){2, 3}, &ap_11point, &ap, &error), LMVR_OK);
    assert_true(isnan(ap) && isnan(ap_11point));
    assert_int_equal(metrics_average_precision(0, 1, NULL, NULL, &ap_11point, &ap, &error), LMVR_OK);
    assert_true(isnan(ap));
}

static void test_order_of_rows_does_not_matter(void **state)
{
    (void)state;
    struct labels labels = reference_labels("metrics/tied/labels", 6);
    float *scores = reference_values("metrics/tied/scores");
    struct metrics before, after;
    lmvr_error error;
    assert_int_equal(metrics_compute(&labels, scores, &before, &error), LMVR_OK);
    for (int64_t i = 0, j = labels.rows - 1; i < j; i++, j--)
        for (int k = 0; k < 6; k++) {
            int8_t label = labels.multi[i * 6 + k];
            labels.multi[i * 6 + k] = labels.multi[j * 6 + k];
            labels.multi[j * 6 + k] = label;
            float score = scores[i * 6 + k];
            scores[i * 6 + k] = scores[j * 6 + k];
            scores[j * 6 + k] = score;
        }
    assert_int_equal(metrics_compute(&labels, scores, &after, &error), LMVR_OK);
    assert_true(before.map == after.map && before.map_11point == after.map_11point);
    metrics_finish(&before);
    metrics_finish(&after);
    labels_finish(&labels);
    free(scores);
}

static void test_accuracy_is_the_references(void **state)
{
    (void)state;
    struct labels labels = reference_labels("accuracy/labels", 5);
    float *scores = reference_values("accuracy/scores");
    int32_t *groups = reference_values("accuracy/groups");
    double *accuracy = reference_values("accuracy/accuracy"), *by_group = reference_values("accuracy/by_group"), found[4];
    int64_t counts[4], counted = 0, expected = 0;
    struct metrics m;
    lmvr_error error;
    assert_int_equal(metrics_compute(&labels, scores, &m, &error), LMVR_OK);
    assert_number(m.accuracy, accuracy[0], "accuracy");
    assert_true(isnan(m.map) && isnan(m.per_class[0].ap));
    metrics_accuracy_by_group(&labels, scores, groups, 4, found, counts);
    for (int g = 0; g < 3; g++)
        assert_number(found[g], by_group[g], "accuracy of a group");
    assert_true(isnan(found[3]) && counts[3] == 0);
    for (int64_t i = 0; i < labels.rows; i++) {
        counted += labels.single[i] >= 0;
        expected += labels.single[i] == 2;
    }
    assert_int_equal(m.rows, counted);
    assert_int_equal(m.per_class[2].positives, expected);
    assert_int_equal(m.per_class[2].negatives, counted - expected);
    metrics_finish(&m);
    labels_finish(&labels);
    free(scores);
    free(groups);
    free(accuracy);
    free(by_group);
}

/* The first class is predicted if scores are tied. */
static void test_equal_scores_predict_the_first(void **state)
{
    (void)state;
    struct labels labels = {.kind = LABELS_SINGLE, .rows = 2, .single = (int32_t[]){1, 2}, .class_count = 3};
    struct metrics m;
    lmvr_error error;
    assert_int_equal(metrics_compute(&labels, (float[]){0, 5, 5, 0, 5, 5}, &m, &error), LMVR_OK);
    assert_number(m.accuracy, 0.5, "accuracy");
    metrics_finish(&m);
    labels.single = (int32_t[]){-1, -1};
    assert_int_equal(metrics_compute(&labels, (float[]){0, 5, 5, 0, 5, 5}, &m, &error), LMVR_OK);
    assert_true(isnan(m.accuracy) && m.rows == 0);
    metrics_finish(&m);
}

static void test_scores_that_are_no_numbers_are_refused(void **state)
{
    (void)state;
    char *names[] = {(char *)"cat", (char *)"dog"};
    struct labels labels = {
        .kind = LABELS_MULTI, .rows = 2, .multi = (int8_t[]){1, -1, 1, -1}, .class_count = 2, .classes = names};
    struct metrics m;
    lmvr_error error;
    assert_int_equal(metrics_compute(&labels, (float[]){0, 1, 2, NAN}, &m, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "the score of row 1 for class dog is not a number");
    assert_null(m.per_class);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_average_precision_is_the_references),
        cmocka_unit_test(test_small_average_precisions),
        cmocka_unit_test(test_order_of_rows_does_not_matter),
        cmocka_unit_test(test_accuracy_is_the_references),
        cmocka_unit_test(test_equal_scores_predict_the_first),
        cmocka_unit_test(test_scores_that_are_no_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, open_reference, close_reference);
}
