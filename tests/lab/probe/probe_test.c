#include "reference.h"

#include "lab/probe/metrics.h"
#include "lab/probe/probe.h"

#include <omp.h>

#define ROWS 200
#define DIM  30

static char warnings[4096];

static void on_warning(void *user, const char *sentence)
{
    (void)user;
    strncat(warnings, sentence, sizeof warnings - strlen(warnings) - 2);
    strcat(warnings, "\n");
}

static lmvr_status fit(const struct probe_options *options, const float *features, const struct labels *labels,
                       struct probe *probe, struct probe_report *report, lmvr_error *error)
{
    float *copy = malloc(sizeof *copy * ROWS * DIM);
    assert_non_null(copy);
    memcpy(copy, features, sizeof *copy * ROWS * DIM);
    warnings[0] = '\0';
    lmvr_status status = probe_fit(options, copy, ROWS, DIM, labels, probe, report, error);
    free(copy);
    return status;
}

/* |a - b| / |b| of doubles. */
static double difference(const float *a, const double *b, size_t count)
{
    double d = 0, s = 0;
    for (size_t i = 0; i < count; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        s += b[i] * b[i];
    }
    return sqrt(d / s);
}

static void check_fit(const char *name, int classes, int columns, double c)
{
    char text[64];
    struct probe p;
    struct probe_report report;
    lmvr_error error;
    struct probe_options options = {.c = c, .on_warning = on_warning, .feature = "llm:all:mean:-1"};
    snprintf(text, sizeof text, "fit/%s/labels", name);
    struct labels labels = reference_labels(text, classes);
    float *features = reference_values("fit/%s/features", name), *scores = malloc(sizeof *scores * ROWS * 4);
    double *weights = reference_values("fit/%s/%g/weights", name, c), *loss = reference_values("fit/%s/%g/loss", name, c),
           *intercepts = reference_values("fit/%s/%g/intercepts", name, c);
    if (fit(&options, features, &labels, &p, &report, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_string_equal(warnings, "");
    assert_int_equal(p.columns, columns);
    assert_int_equal(p.class_count, classes);
    assert_string_equal(p.feature, "llm:all:mean:-1");
    if (!(fabs(report.loss / loss[0] - 1) < 5e-5))
        fail_msg("%s at C %g: the loss is %.9g, not %.9g", name, c, report.loss, loss[0]);
    if (!(difference(p.weights, weights, (size_t)columns * DIM) < 0.02))
        fail_msg("%s at C %g: weights differ by %g", name, c, difference(p.weights, weights, (size_t)columns * DIM));
    for (int k = 0; k < columns && columns < 4; k++) /* a softmax determines only differences */
        assert_true(fabs((double)p.intercepts[k] - intercepts[k]) < 0.02 * (1 + fabs(intercepts[k])));
    /* the loss of the file's f32 values, computed from raw features, is the fit's */
    assert_int_equal(probe_scores(&p, features, ROWS, scores, &error), LMVR_OK);
    assert_true(fabs(probe_loss(&p, &labels, scores) / report.loss - 1) < 1e-5);
    probe_finish(&p);
    labels_finish(&labels);
    free(features);
    free(scores);
    free(weights);
    free(loss);
    free(intercepts);
}

static void test_fits_are_scikit_learns(void **state)
{
    (void)state;
    static const double cs[] = {0.01, 1, 100};
    for (size_t i = 0; i < 3; i++) {
        check_fit("multi", 3, 3, cs[i]);
        check_fit("single", 4, 4, cs[i]);
        check_fit("two", 2, 1, cs[i]);
    }
}

/* The gradient's largest component at the fit, relative to C times the rows, summed in double: scikit-learn's measure. */
static double steepest(const struct probe *p, const float *features, const struct labels *labels, double c)
{
    double largest = 0;
    for (int k = 0; k < p->columns; k++) {
        double gradient[DIM + 1] = {0};
        for (int d = 0; d < DIM; d++)
            gradient[d] = (double)p->weights[k * DIM + d];
        for (int i = 0; i < ROWS; i++) {
            double y = labels->multi[i * labels->class_count + k], z = (double)p->intercepts[k], x[DIM];
            for (int d = 0; d < DIM; d++) {
                x[d] = ((double)features[i * DIM + d] - (double)p->mean[d]) / (double)p->deviation[d];
                z += x[d] * (double)p->weights[k * DIM + d];
            }
            double slope = y == 0 ? 0 : -c * y / (1 + exp(y * z));
            for (int d = 0; d < DIM; d++)
                gradient[d] += slope * x[d];
            gradient[DIM] += slope;
        }
        for (int d = 0; d <= DIM; d++)
            largest = fmax(largest, fabs(gradient[d]));
    }
    return largest / c / ROWS;
}

static void test_the_gradient_vanishes_at_every_c(void **state)
{
    (void)state;
    struct labels labels = reference_labels("fit/multi/labels", 3);
    float *features = reference_values("fit/multi/features");
    for (double c = 1e-6; c < 2e4; c *= 10) {
        struct probe p;
        struct probe_report report;
        lmvr_error error;
        struct probe_options options = {.c = c, .on_warning = on_warning};
        assert_int_equal(fit(&options, features, &labels, &p, &report, &error), LMVR_OK);
        assert_string_equal(warnings, "");
        double gradient = steepest(&p, features, &labels, c);
        if (!(gradient < 1e-5))
            fail_msg("C %g: the gradient is %g", c, gradient);
        probe_finish(&p);
    }
    labels_finish(&labels);
    free(features);
}

static void test_probabilities(void **state)
{
    (void)state;
    float two[] = {-1, 1, 0, 0}, three[] = {1, 2, 1000, 0, 0, 0}, multi[] = {0, 1000, -1000, 1};
    struct probe single = {.kind = LABELS_SINGLE, .class_count = 2}, many = {.kind = LABELS_SINGLE, .class_count = 3},
                 yes_no = {.kind = LABELS_MULTI, .class_count = 2};
    probe_probabilities(&single, 2, two);
    assert_true(fabsf(two[1] - 1 / (1 + expf(-2))) < 1e-6f && fabsf(two[0] + two[1] - 1) < 1e-6f && two[2] == 0.5f);
    probe_probabilities(&many, 2, three);
    assert_true(three[0] == 0 && three[2] == 1 && fabsf(three[4] - 1 / 3.0f) < 1e-6f);
    probe_probabilities(&yes_no, 2, multi);
    assert_true(multi[0] == 0.5f && multi[1] == 1 && multi[2] == 0 && fabsf(multi[3] - 0.7310586f) < 1e-6f);
}

/* Without C: the same seed gives the same bytes with any number of threads, and the choice is the best trial. */
static void test_choice_of_c_is_repeatable(void **state)
{
    (void)state;
    struct labels labels = reference_labels("fit/multi/labels", 3);
    float *features = reference_values("fit/multi/features");
    struct probe p[2];
    struct probe_report reports[2];
    lmvr_error error;
    struct probe_options options = {.seed = 3, .on_warning = on_warning};
    int before = omp_get_max_threads();
    for (int i = 0; i < 2; i++) {
        omp_set_num_threads(i == 0 ? 1 : 3);
        assert_int_equal(fit(&options, features, &labels, &p[i], &reports[i], &error), LMVR_OK);
    }
    omp_set_num_threads(before);
    assert_memory_equal(p[0].weights, p[1].weights, sizeof(float) * 3 * DIM);
    assert_memory_equal(p[0].mean, p[1].mean, sizeof(float) * DIM);
    assert_true(p[0].c == p[1].c && reports[0].trial_count == reports[1].trial_count);
    assert_int_equal(reports[0].held_out_rows, ROWS / 5);
    assert_true(reports[0].trial_count > 5);
    double best = 0, c = 0;
    for (int i = 0; i < reports[0].trial_count; i++)
        if (reports[0].trials[i].score > best) {
            best = reports[0].trials[i].score;
            c = reports[0].trials[i].c;
        }
    assert_true(p[0].c == c && best > 0.5);
    options.seed = 4;
    probe_finish(&p[1]);
    assert_int_equal(fit(&options, features, &labels, &p[1], &reports[1], &error), LMVR_OK);
    assert_true(reports[0].trials[0].score != reports[1].trials[0].score);
    probe_finish(&p[0]);
    probe_finish(&p[1]);
    labels_finish(&labels);
    free(features);
}

/* The features come back standardized and in order, despite any swaps in between. */
static void test_standardizes_in_place(void **state)
{
    (void)state;
    struct labels labels = reference_labels("fit/single/labels", 4);
    float *features = reference_values("fit/single/features"), *copy = malloc(sizeof *copy * ROWS * DIM);
    struct probe p;
    lmvr_error error;
    struct probe_options options = {.on_warning = on_warning};
    memcpy(copy, features, sizeof *copy * ROWS * DIM);
    labels.single[0] = labels.single[7] = -1; /* rows to ignore */
    assert_int_equal(probe_fit(&options, copy, ROWS, DIM, &labels, &p, NULL, &error), LMVR_OK);
    double mean = 0;
    for (int i = 0; i < ROWS; i++)
        mean += i == 0 || i == 7 ? 0 : (double)features[i * DIM + 3] / (ROWS - 2);
    assert_true(fabs((double)p.mean[3] - mean) < 1e-4 * fabs(mean));
    assert_true(p.deviation[7] == 1 && p.mean[7] == 3.25f); /* the constant one */
    for (int i = 0; i < ROWS * DIM; i++)
        assert_true(fabsf((features[i] - p.mean[i % DIM]) / p.deviation[i % DIM] - copy[i]) < 1e-4f);
    probe_finish(&p);
    labels_finish(&labels);
    free(features);
    free(copy);
}

/* A class without positives is skipped with a warning, as is one without negatives; the others are unaffected. */
static void test_classes_without_examples_are_left_out(void **state)
{
    (void)state;
    struct labels labels = reference_labels("fit/multi/labels", 3), more = {.kind = LABELS_MULTI, .rows = ROWS};
    float *features = reference_values("fit/multi/features");
    struct probe p, alone;
    lmvr_error error;
    struct probe_options options = {.c = 1, .on_warning = on_warning};
    name_classes(&more, 4);
    more.multi = calloc(ROWS, 4);
    for (int i = 0; i < ROWS; i++) {
        more.multi[i * 4 + 0] = -1;
        more.multi[i * 4 + 1] = labels.multi[i * 3 + 1];
        more.multi[i * 4 + 2] = 1;
        more.multi[i * 4 + 3] = labels.multi[i * 3 + 2];
    }
    assert_int_equal(fit(&options, features, &labels, &alone, NULL, &error), LMVR_OK);
    assert_int_equal(fit(&options, features, &more, &p, NULL, &error), LMVR_OK);
    assert_string_equal(warnings, "class a has no positives and is skipped\nclass c has no negatives and is skipped\n");
    assert_int_equal(p.class_count, 2);
    assert_string_equal(p.classes[0], "b");
    assert_string_equal(p.classes[1], "d");
    assert_true(relative_l2(p.weights, alone.weights + DIM, 2 * DIM) < 1e-3);
    probe_finish(&p);
    probe_finish(&alone);
    labels_finish(&labels);
    labels_finish(&more);
    free(features);
}

static void test_refusals(void **state)
{
    (void)state;
    struct labels labels = reference_labels("fit/single/labels", 4);
    float *features = reference_values("fit/single/features");
    struct probe p;
    lmvr_error error;
    struct probe_options options = {.c = 1, .on_warning = on_warning};
    features[17 * DIM + 4] = INFINITY;
    assert_int_equal(fit(&options, features, &labels, &p, NULL, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "row 17 of the features has a value that is not finite (rows are counted from 0)");
    assert_null(p.weights);
    features[17 * DIM + 4] = 1;
    for (int i = 0; i < ROWS; i++)
        labels.single[i] = 2;
    assert_int_equal(fit(&options, features, &labels, &p, NULL, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "the labels have 1 class, expected at least 2");
    labels.rows = ROWS - 1;
    assert_int_equal(fit(&options, features, &labels, &p, NULL, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "the features have 200 rows, but there are labels for 199");
    labels_finish(&labels);
    free(features);
}

/* Three rows of two classes leave nothing to hold out; there is a warning, and C is 1. */
static void test_too_few_rows_to_choose(void **state)
{
    (void)state;
    float features[] = {0, 1, 2, 1, 0, 4};
    struct labels labels = {.kind = LABELS_SINGLE, .rows = 3, .single = (int32_t[]){0, 1, 1}};
    struct probe p;
    lmvr_error error;
    struct probe_options options = {.on_warning = on_warning};
    name_classes(&labels, 2);
    warnings[0] = '\0';
    assert_int_equal(probe_fit(&options, features, 3, 2, &labels, &p, NULL, &error), LMVR_OK);
    assert_string_equal(warnings, "a held-out fifth of 3 rows does not tell which C is best; 1 is used\n");
    assert_true(p.c == 1);
    probe_finish(&p);
    labels.single = NULL;
    labels_finish(&labels);
}

static bool stop_at_third(void *user, const struct probe_progress *step)
{
    (void)user;
    assert_int_equal(step->classes, 3);
    return step->evaluations >= 3;
}

static void test_progress_can_stop(void **state)
{
    (void)state;
    struct labels labels = reference_labels("fit/multi/labels", 3);
    float *features = reference_values("fit/multi/features");
    struct probe p;
    lmvr_error error;
    struct probe_options options = {.c = 1, .on_progress = stop_at_third};
    assert_int_equal(fit(&options, features, &labels, &p, NULL, &error), LMVR_STOPPED);
    assert_null(p.weights);
    labels_finish(&labels);
    free(features);
}

/* Classes are matched by name; those that only one side has are reported. */
static void test_labels_are_aligned_by_name(void **state)
{
    (void)state;
    char *probe_names[] = {(char *)"cat", (char *)"dog", (char *)"cow"},
         *names[] = {(char *)"dog", (char *)"hen", (char *)"cat"};
    struct probe p = {.kind = LABELS_MULTI, .class_count = 3, .classes = probe_names};
    struct labels aligned,
        labels = {.kind = LABELS_MULTI, .rows = 2, .class_count = 3, .classes = names, .multi = (int8_t[]){1, 1, -1, -1, 1, 0}};
    struct probe_options options = {.on_warning = on_warning};
    lmvr_error error;
    warnings[0] = '\0';
    assert_int_equal(probe_align_labels(&p, &labels, &options, &aligned, &error), LMVR_OK);
    assert_memory_equal(aligned.multi, ((int8_t[]){-1, 1, 0, 0, -1, 0}), 6);
    assert_string_equal(aligned.classes[2], "cow");
    assert_string_equal(warnings, "class hen of the labels is not one of the probe's classes and is ignored\n"
                                  "class cow of the probe is not among the labels and is ignored\n");
    labels_finish(&aligned);
    p.kind = LABELS_SINGLE;
    assert_int_equal(probe_align_labels(&p, &labels, &options, &aligned, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "the labels are multi-label, but the probe was fitted to single-label ones");
    labels.kind = LABELS_SINGLE;
    labels.single = (int32_t[]){2, 1};
    assert_int_equal(probe_align_labels(&p, &labels, &options, &aligned, &error), LMVR_OK);
    assert_int_equal(aligned.single[0], 0);
    assert_int_equal(aligned.single[1], -1);
    labels_finish(&aligned);
    labels.classes = (char *[]){(char *)"x", (char *)"y", (char *)"z"};
    assert_int_equal(probe_align_labels(&p, &labels, &options, &aligned, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "the labels and the probe have no classes in common");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits_are_scikit_learns),
        cmocka_unit_test(test_the_gradient_vanishes_at_every_c),
        cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_choice_of_c_is_repeatable),
        cmocka_unit_test(test_standardizes_in_place),
        cmocka_unit_test(test_classes_without_examples_are_left_out),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_few_rows_to_choose),
        cmocka_unit_test(test_progress_can_stop),
        cmocka_unit_test(test_labels_are_aligned_by_name),
    };
    return cmocka_run_group_tests(tests, open_reference, close_reference);
}
