#include "lab/report/markup.h"
#include "rendered.h"

/* Removes the tags that the writer itself uses; all remaining < and > must be escaped. */
static void assert_escaped(const char *text)
{
    static const char *const own[] = {"<b>", "</b>", "<i>", "</i>", "<br>", "<sup>", "</sup>", "<img src=\"figures/"};
    for (const char *c = text; *c; c++) {
        if (*c == '\\' && ispunct((unsigned char)c[1])) {
            c++;
            continue;
        }
        if (*c == '&' && strncmp(c, "&#8203;", 7) != 0)
            fail_msg("a bare ampersand: %.40s", c);
        if (*c != '<')
            continue;
        bool good = false;
        for (size_t i = 0; i < sizeof own / sizeof *own; i++)
            good |= strncmp(c, own[i], strlen(own[i])) == 0;
        if (!good)
            fail_msg("a tag that nobody wrote: %.40s", c);
    }
}

/* Every line of a table has as many cells as its head. */
static void assert_tables(const char *text)
{
    size_t expected = 0;
    for (const char *c = text; *c;) {
        size_t size = strcspn(c, "\n"), bars = 0;
        for (size_t i = 0; i < size; i++) {
            if (c[i] == '\\')
                i++;
            else
                bars += c[i] == '|';
        }
        if (expected && *c == '|' && bars != expected)
            fail_msg("%zu cells instead of %zu: %.*s", bars, expected, (int)size, c);
        expected = *c == '|' ? bars : 0;
        c += size + (c[size] == '\n');
    }
}

static char *paragraph(const char *words)
{
    struct report *r = report_create("t");
    report_add_text(r, "%s", words);
    char *text = rendered_markdown(r), *body = strdup(strstr(text, "\n\n") + 2);
    free(text);
    report_free(r);
    return body;
}

static void assert_paragraph(const char *words, const char *expected)
{
    char *text = paragraph(words);
    assert_string_equal(text, expected);
    free(text);
}

static void test_hostile_strings_stay_text(void **state)
{
    (void)state;
    struct report *r = sample_create();
    char *text = rendered_markdown(r);
    assert_escaped(text);
    assert_tables(text);
    assert_non_null(strstr(text, "\\<script\\>alert(\"1\")\\</script\\> \\& 'quotes' \\| \\*stars\\* \\`code\\` \\[link\\]"));
    free(text);
    report_free(r);
}

static void test_escapes_what_markdown_reads(void **state)
{
    (void)state;
    assert_paragraph("# no heading", "\\# no heading\n\n");
    assert_paragraph("- no list", "\\- no list\n\n");
    assert_paragraph("1. no list", "1\\. no list\n\n");
    assert_paragraph("12) no list", "12\\) no list\n\n");
    assert_paragraph("--- no line", "\\--- no line\n\n");
    assert_paragraph("=== no heading", "\\=== no heading\n\n");
    assert_paragraph("    no code", "no code\n\n");
    assert_paragraph("see http://a.b or www.a.b", "see http\\://a.b or &#8203;www.a.b\n\n");
    assert_paragraph("@someone $x$ ~~a~~", "\\@someone \\$x\\$ \\~\\~a\\~\\~\n\n");
}

static void test_numbers_are_left_readable(void **state)
{
    (void)state;
    assert_paragraph("93.8 is more than -1.5 and 1e-3 (by 2).", "93.8 is more than -1.5 and 1e-3 (by 2).\n\n");
}

static void test_paragraphs_stay_apart(void **state)
{
    (void)state;
    assert_paragraph("a\nb\n\n\nc", "a b\n\nc\n\n");
    assert_paragraph("\n\n", "");
}

static void test_tables_say_what_is_best_and_reported(void **state)
{
    (void)state;
    struct report *r = report_create("t");
    sample_add_components(r);
    char *text = rendered_markdown(r);
    assert_non_null(strstr(text, "| Features | VOC2007: here (%) | VOC2007: paper (%) | COCO 2014: here (%) | "));
    assert_non_null(strstr(text, "\n| :--- | ---: | ---: | ---: | ---: |\n"));
    assert_non_null(strstr(text, "\n| with language model | **93.8** | ***93.8*** | **83.9** | ***84.0*** |\n"));
    assert_non_null(strstr(text, "| with adaptor | 90.9 | *91.0* | \u2013<sup>a</sup> | *78.5* |"));
    assert_non_null(strstr(text, "<sup>a</sup> stopped: the disk was full"));
    free(text);
    report_free(r);
}

static void test_figures_are_linked(void **state)
{
    (void)state;
    struct report *r = report_create("t");
    sample_add_bars(r);
    sample_add_pictures(r);
    char *text = rendered_markdown(r);
    assert_non_null(strstr(text, "![Accuracy by corruption](figures/corruption.svg)"));
    assert_non_null(strstr(text, "<img src=\"figures/responses-1.png\" width=\"280\" alt=\"\">"));
    assert_non_null(strstr(text, "| *no picture* | <b>broken.webp</b><br><i>dog</i> |"));
    free(text);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_strings_stay_text),
        cmocka_unit_test(test_escapes_what_markdown_reads),
        cmocka_unit_test(test_numbers_are_left_readable),
        cmocka_unit_test(test_paragraphs_stay_apart),
        cmocka_unit_test(test_tables_say_what_is_best_and_reported),
        cmocka_unit_test(test_figures_are_linked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
