/* A renderer's output as a string, to be freed. */
#ifndef LMVR_TESTS_LAB_REPORT_RENDERED_H
#define LMVR_TESTS_LAB_REPORT_RENDERED_H

#include "sample.h"

#include "lab/report/render.h"

static FILE *rendered_begin(char **text)
{
    static size_t size;
    FILE *out = open_memstream(text, &size);
    assert_non_null(out);
    return out;
}

UNUSED static char *rendered_terminal(const struct report_table *table, int width, bool styled)
{
    char *text = NULL;
    lmvr_error error;
    FILE *out = rendered_begin(&text);
    if (report_table_print(table, width, styled, out, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(fclose(out), 0);
    return text;
}

UNUSED static char *rendered_html(const struct report *report)
{
    char *text = NULL;
    FILE *out = rendered_begin(&text);
    assert_true(render_html(report, out));
    assert_int_equal(fclose(out), 0);
    return text;
}

UNUSED static char *rendered_markdown(const struct report *report)
{
    char *text = NULL;
    FILE *out = rendered_begin(&text);
    assert_true(render_markdown(report, out));
    assert_int_equal(fclose(out), 0);
    return text;
}

UNUSED static char *rendered_csv(const struct report_table *table)
{
    char *text = NULL;
    FILE *out = rendered_begin(&text);
    render_csv(table, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

UNUSED static char *rendered_svg(const struct report_chart *chart, bool inlined)
{
    char *text = NULL;
    FILE *out = rendered_begin(&text);
    render_svg(chart, inlined, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

#endif
