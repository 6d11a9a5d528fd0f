#include "lab/report/markup.h"
#include "rendered.h"

#include <ctype.h>

static const char *const allowed[] = {"svg", "title", "desc", "rect", "text", "line", "path", NULL};
static const char *const empty[] = {NULL};

static struct report_chart *make(struct report *r, enum report_chart_kind kind, size_t categories)
{
    struct report_chart *c = report_add_chart(
        r, "c", "Title " HOSTILE_TAG, "Caption " HOSTILE_TEXT,
        &(struct report_chart_options){
            .kind = kind, .category_title = HOSTILE_TEXT, .value_title = "Accuracy <b>", .unit = "%", .decimals = 1});
    for (size_t i = 0; i < categories; i++) {
        char name[64];
        snprintf(name, sizeof name, "category & %zu \xff", i);
        report_chart_add_category(c, name, i < 2 ? "first <group>" : i < 4 ? "second" : NULL);
    }
    return c;
}

static void add(struct report_chart *c, const double *values, size_t count)
{
    report_chart_add_series(
        c,
        &(struct report_series){.name = "series " HOSTILE_TAG, .color = (int)c->series_count - 1, .paper = c->series_count % 2},
        values, count);
}

/* All coordinates are plain numbers inside the picture, with room for line widths. */
static void assert_inside(const char *svg)
{
    static const char *const names[] = {" x=\"", " x1=\"", " x2=\"", " y=\"", " y1=\"", " y2=\"", " width=\"", " height=\""};
    double height = strtod(strstr(svg, " height=\"") + 9, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (const char *c = svg; (c = strstr(c, names[i]));) {
            char *end;
            c += strlen(names[i]);
            double value = strtod(c, &end);
            if (*end == '%')
                continue;
            if (*end != '"' || !isfinite(value) || value < 0 || value > (strchr(names[i], 'x') ? 600 : fmax(height, 600)))
                fail_msg("%s%.20s is outside", names[i], c);
        }
}

static void assert_drawn(const struct report_chart *chart)
{
    for (int inlined = 0; inlined < 2; inlined++) {
        char *svg = rendered_svg(chart, inlined);
        assert_markup(svg, allowed, empty);
        assert_inside(svg);
        assert_null(strstr(svg, "nan"));
        assert_null(strstr(svg, "inf"));
        free(svg);
    }
}

static void test_no_one_and_many_values(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 15, 90};
    double values[100];
    for (size_t i = 0; i < 100; i++)
        values[i] = (double)(i * 37 % 101);
    for (enum report_chart_kind kind = REPORT_BARS; kind <= REPORT_LINES; kind++)
        for (size_t i = 0; i < 5; i++) {
            struct report *r = report_create("");
            struct report_chart *c = make(r, kind, counts[i]);
            assert_drawn(c);
            for (int series = 0; series < 8; series++) {
                add(c, values + series, counts[i]);
                assert_drawn(c);
            }
            report_free(r);
        }
}

/* A curve: only its line, a marker for each isolated value, and as many category names as fit. */
static void test_curves_of_many_points(void **state)
{
    (void)state;
    double line[200], alone[200];
    struct report *r = report_create("");
    struct report_chart *c = report_add_chart(r, "loss", "Loss", NULL, &(struct report_chart_options){.kind = REPORT_LINES});
    for (int i = 0; i < 200; i++) {
        char name[16] = "";
        if (i % 40 == 10 || i == 11)
            snprintf(name, sizeof name, "step%d", i);
        report_chart_add_category(c, name, NULL);
        line[i] = 100.0 / (i + 1);
        alone[i] = i % 50 == 25 ? line[i] : NAN;
    }
    report_chart_add_series(c, &(struct report_series){.name = "training"}, line, 200);
    report_chart_add_series(c, &(struct report_series){.name = "validation"}, alone, 200);
    char *svg = rendered_svg(c, false);
    assert_markup(svg, allowed, empty);
    assert_inside(svg);
    assert_int_equal(count_of(svg, "<title>"), 4);
    assert_int_equal(count_of(svg, ">step"), 5);
    assert_null(strstr(svg, ">step11<"));
    free(svg);
    report_free(r);
}

static void test_values_of_every_size_and_sign(void **state)
{
    (void)state;
    static const double sets[][4] = {{-1, -2, -3, -4},
                                     {-1, 2, -3, 4},
                                     {0, 0, 0, 0},
                                     {5, 5, 5, 5},
                                     {1e15, -1e15, 1, 2},
                                     {1e-300, 2e-300, 0, 0},
                                     {93.8, 93.8001, 93.8, 93.8},
                                     {-7, -7, -7, -7},
                                     {1e14, 1e14 + 1, 1e14, 1e14},
                                     {1e-12, 1, 0.5, 0.25}};
    for (enum report_chart_kind kind = REPORT_BARS; kind <= REPORT_LINES; kind++)
        for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
            struct report *r = report_create("");
            struct report_chart *c = make(r, kind, 4);
            add(c, sets[i], 4);
            assert_drawn(c);
            report_free(r);
        }
}

static void test_missing_values(void **state)
{
    (void)state;
    static const double some[] = {1, (double)NAN, (double)INFINITY, 1e16, 2}, none[] = {(double)NAN, (double)-INFINITY};
    for (enum report_chart_kind kind = REPORT_BARS; kind <= REPORT_LINES; kind++) {
        struct report *r = report_create("");
        struct report_chart *c = make(r, kind, 5);
        add(c, none, 2);
        assert_drawn(c);
        char *svg = rendered_svg(c, false);
        assert_non_null(strstr(svg, ">no values<"));
        free(svg);
        add(c, some, 5);
        assert_drawn(c);
        svg = rendered_svg(c, false);
        assert_null(strstr(svg, ">no values<"));
        assert_int_equal(count_of(svg, "%</title>"), 2);
        free(svg);
        report_free(r);
    }
}

/* The longest bar is the largest value's, and lengths are proportional: the axis starts at zero. */
static void test_bars_start_at_zero(void **state)
{
    (void)state;
    static const double values[] = {80, 40};
    struct report *r = report_create("");
    struct report_chart *c = report_add_chart(r, "c", "", "", &(struct report_chart_options){.kind = REPORT_BARS});
    report_chart_add_category(c, "a", NULL);
    report_chart_add_category(c, "b", NULL);
    report_chart_add_series(c, &(struct report_series){.name = "s", .color = 1}, values, 2);
    char *svg = rendered_svg(c, false), *bar = svg;
    double widths[3] = {0};
    for (int i = 0; i < 3; i++) { /* the legend's, then the two bars */
        bar = strstr(bar, "<rect x=\"");
        assert_non_null(bar);
        bar = strstr(bar, " width=\"") + 8;
        widths[i] = strtod(bar, NULL);
    }
    assert_true(fabs(widths[1] / widths[2] - 2) < 0.01);
    free(svg);
    report_free(r);
}

/* A value's interval is a line across its bar or point, inside the axis, and the label is beyond it. */
static void test_intervals_are_lines(void **state)
{
    (void)state;
    static const double values[] = {50, 30}, low[] = {40, (double)NAN}, high[] = {110, (double)NAN};
    for (enum report_chart_kind kind = REPORT_BARS; kind <= REPORT_LINES; kind++) {
        struct report *r = report_create("");
        struct report_chart *c = report_add_chart(r, "c", "", "", &(struct report_chart_options){.kind = kind, .unit = "%"});
        report_chart_add_category(c, "a", NULL);
        report_chart_add_category(c, "b", NULL);
        report_chart_add_series(c, &(struct report_series){.name = "s", .low = low, .high = high}, values, 2);
        char *svg = rendered_svg(c, false);
        assert_inside(svg);
        assert_int_equal(count_of(svg, "class=\"range\""), 1);
        assert_non_null(strstr(svg, "<title>s, a: 50 % [40, 110]</title>"));
        assert_non_null(strstr(svg, kind == REPORT_BARS ? ">150</text>" : ">120</text>")); /* the axis has room for it */
        free(svg);
        report_free(r);
    }
}

static void test_it_stands_for_itself(void **state)
{
    (void)state;
    struct report *r = report_create("");
    struct report_chart *c = sample_add_bars(r);
    char *svg = rendered_svg(c, false), *inlined = rendered_svg(c, true);
    static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" ";
    assert_int_equal(strncmp(svg, head, strlen(head)), 0);
    assert_non_null(strstr(svg, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"));
    assert_non_null(strstr(svg, ">Accuracy by corruption</text>"));
    assert_non_null(strstr(svg, ">62.6</text>"));
    assert_non_null(strstr(svg, "<title>LMVR, Gaussian noise: 62.6 %</title>"));
    assert_true(strncmp(inlined, "<svg ", 5) == 0);
    assert_null(strstr(inlined, ">Accuracy by corruption</text>")); /* the page has it */
    free(svg);
    free(inlined);
    report_free(r);
}

static void test_names_of_figures_are_unique(void **state)
{
    (void)state;
    struct report *r = report_create("");
    const struct report_chart *a = report_add_chart(r, "x", "", "", &(struct report_chart_options){.kind = REPORT_BARS});
    const struct report_gallery *b = report_add_gallery(r, "X", "", "", 0);
    const struct report_chart *c = report_add_chart(r, "../x", "", "", &(struct report_chart_options){.kind = REPORT_BARS});
    assert_string_equal(a->block.name, "x");
    assert_string_equal(b->block.name, "x-2");
    assert_string_equal(c->block.name, "x-3");
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_one_and_many_values),
        cmocka_unit_test(test_curves_of_many_points),
        cmocka_unit_test(test_values_of_every_size_and_sign),
        cmocka_unit_test(test_missing_values),
        cmocka_unit_test(test_bars_start_at_zero),
        cmocka_unit_test(test_intervals_are_lines),
        cmocka_unit_test(test_it_stands_for_itself),
        cmocka_unit_test(test_names_of_figures_are_unique),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
