/* What `lmvr bench --json` prints, for the tests that read it. */
#ifndef LMVR_TESTS_CLI_BENCH_REPORT_H
#define LMVR_TESTS_CLI_BENCH_REPORT_H

#define PROGRAM "../lmvr"
#include "program.h"

#include "format/json.h"

#include <math.h>

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-9 * expected))
        fail_msg("%.12g, expected %.12g", value, expected);
}

static double number(const json_t *object, const char *key)
{
    if (!json_is_real(json_object_get(object, key)))
        fail_msg("%s: expected a real number", key);
    return json_real_value(json_object_get(object, key));
}

static double speed(const json_t *report, const char *name, int batch)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(report, "rows"), i,
                       row) if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0 &&
                                json_integer_value(json_object_get(row, "batch")) == batch) return number(row, "value");
    fail_msg("there is no row %s at batch %d", name, batch);
    return 0;
}

static void assert_is(const json_t *whole, const char *key, const char *expected)
{
    char *text = json_dumps(json_object_get(whole, key), JSON_ENCODE_ANY | JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
}

#endif
