#include "lab/report/markup.h"
#include "rendered.h"

static const char *const allowed[] = {"html", "head", "meta",   "title",      "style", "body",  "div",   "header", "h1",
                                      "h2",   "h3",   "dl",     "dt",         "dd",    "nav",   "ol",    "li",     "a",
                                      "main", "p",    "figure", "figcaption", "table", "thead", "tbody", "tr",     "th",
                                      "td",   "b",    "i",      "sup",        "bdi",   "span",  "img",   "mark",   "footer",
                                      "svg",  "desc", "rect",   "text",       "line",  "path",  NULL};
static const char *const empty[] = {"meta", "img", NULL};

static void assert_page(const struct report *report)
{
    char *page = rendered_html(report);
    assert_markup(page, allowed, empty);
    free(page);
}

static void test_hostile_strings_stay_text(void **state)
{
    (void)state;
    struct report *r = sample_create();
    char *page = rendered_html(r);
    assert_markup(page, allowed, empty);
    assert_null(strcasestr(page, "<script"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;quotes&#39;"));
    free(page);
    report_free(r);
}

/* Nothing is fetched: the only addresses are fragments and data in the page itself. */
static void test_the_page_needs_no_other_file(void **state)
{
    (void)state;
    struct report *r = sample_create();
    char *page = rendered_html(r);
    assert_int_equal(count_of(page, "src=\""), count_of(page, "src=\"data:image/"));
    assert_int_equal(count_of(page, "href=\""), count_of(page, "href=\"#"));
    assert_int_equal(count_of(page, "url("), 0);
    assert_int_equal(count_of(page, "@import"), 0);
    assert_non_null(strstr(page, "default-src 'none'"));
    free(page);
    report_free(r);
}

/* Every entry of the contents links to an element, and ids are unique. */
static void test_contents_lead_somewhere(void **state)
{
    (void)state;
    struct report *r = sample_create();
    char *page = rendered_html(r);
    size_t entries = 0;
    for (const char *c = page; (c = strstr(c, "href=\"#")); entries++) {
        char id[160];
        c += strlen("href=\"#");
        snprintf(id, sizeof id, " id=\"%.*s\"", (int)strcspn(c, "\""), c);
        assert_int_equal(count_of(page, id), 1);
    }
    assert_int_equal(entries, 11); /* 3 sections, 4 tables, 3 charts, 1 gallery */
    for (const char *c = page; (c = strstr(c, " id=\"")); c++) {
        char id[160];
        snprintf(id, sizeof id, "%.*s\"", (int)strcspn(c + 5, "\"") + 5, c);
        assert_int_equal(count_of(page, id), 1);
    }
    free(page);
    report_free(r);
}

static void test_the_best_are_bold_and_the_papers_apart(void **state)
{
    (void)state;
    struct report *r = report_create("x");
    sample_add_components(r);
    char *page = rendered_html(r);
    assert_non_null(
        strstr(page, "<td class=\"r\" dir=\"auto\"><b>93.8</b></td><td class=\"r paper\" dir=\"auto\"><b>93.8</b>"));
    assert_int_equal(count_of(page, "<b>"), 4);
    assert_int_equal(count_of(page, "<td class=\"r paper\""), 6);
    assert_non_null(strstr(page, "the paper's numbers"));
    assert_non_null(strstr(page, "\u2013<sup>a</sup>"));
    assert_non_null(strstr(page, "<sup>a</sup> <bdi>stopped: the disk was full</bdi>"));
    assert_non_null(strstr(page, "colspan=\"2\" class=\"over\"><span>COCO 2014"));
    free(page);
    report_free(r);
}

static void test_notes_of_every_row_stand_below(void **state)
{
    (void)state;
    struct report *r = report_create("x");
    sample_add_design(r);
    char *page = rendered_html(r);
    assert_non_null(
        strstr(page, "<p dir=\"auto\">All rows: images 9963, seed 0, model " MODEL_PRINT ", data " DATA_PRINT ".</p>"));
    assert_int_equal(count_of(page, MODEL_PRINT), 1);
    assert_non_null(strstr(page, "2311</td></tr>")); /* times differ and stay */
    free(page);
    report_free(r);
}

static void test_pictures_are_in_the_page(void **state)
{
    (void)state;
    static const struct report_mark marks[] = {{2, 5}};
    struct report *r = report_create("x");
    struct report_gallery *g = report_add_gallery(r, "g", "", "", 100);
    report_gallery_add(g, &(struct report_picture){sample_png, sizeof sample_png, "t", "l", "a dog <b>", marks, 1, 2, 1});
    report_gallery_add(g, &(struct report_picture){"\xff\xd8\xff", 3, "", "", "", NULL, 0, 0, 0});
    report_gallery_add(g, &(struct report_picture){NULL, 0, "none", "", "", NULL, 0, 0, 0});
    char *page = rendered_html(r);
    assert_markup(page, allowed, empty);
    assert_non_null(strstr(page, "src=\"data:image/png;base64,iVBORw0KGgo"));
    assert_non_null(strstr(page, "src=\"data:image/jpeg;base64,/9j/\""));
    assert_non_null(strstr(page, "aspect-ratio:200/100")); /* of the one whose size is known */
    assert_non_null(strstr(page, "a <mark>dog</mark> &lt;b&gt;"));
    assert_int_equal(count_of(page, ">no picture<"), 1);
    free(page);
    report_free(r);
}

static void test_any_shape_of_report_is_whole(void **state)
{
    (void)state;
    struct report *r = report_create(NULL);
    assert_page(r);
    report_add_table(r, NULL, NULL, NULL);
    report_add_gallery(r, NULL, NULL, NULL, 0);
    report_add_chart(r, NULL, NULL, NULL, &(struct report_chart_options){.kind = REPORT_LINES});
    assert_page(r);
    report_add_section(r, "");
    report_add_text(r, "\n\n\n");
    report_add_section(r, "b");
    struct report_table *t = report_add_table(r, "t", "t", "");
    report_table_add_column(t, &(struct report_column){.over = "over", .name = "only"});
    assert_page(r);
    report_table_add_group(t, NULL);
    report_table_add_group(t, "empty");
    report_table_add_row(t, REPORT_SUMMARY, NULL, 0);
    report_add_section(r, "c");
    assert_page(r);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_strings_stay_text),      cmocka_unit_test(test_the_page_needs_no_other_file),
        cmocka_unit_test(test_contents_lead_somewhere),        cmocka_unit_test(test_the_best_are_bold_and_the_papers_apart),
        cmocka_unit_test(test_notes_of_every_row_stand_below), cmocka_unit_test(test_pictures_are_in_the_page),
        cmocka_unit_test(test_any_shape_of_report_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
