#include "hints.h"

#include "cli.h"

void hint_passed_over(const struct passed_over *passed_over, bool quiet)
{
    char passed[PASSED_OVER_LINE];
    if (quiet || passed_over->kind_count == 0)
        return;
    passed_over_format(passed_over, passed, sizeof passed);
    hint_passed_over_in_set(passed, quiet);
}

void hint_passed_over_in_set(const char *passed_over, bool quiet)
{
    if (!quiet && passed_over)
        complain("passed over in %s", passed_over);
}

void hint_empty_tars(size_t count, const char *first, bool quiet)
{
    if (!quiet && count == 1)
        complain("%s has no image", first);
    if (!quiet && count > 1)
        complain("%zu tars have no image, %s the first of them", count, first);
}

void hint_missing_parts(const char *output, size_t there, size_t count, const char *used, bool quiet)
{
    if (!quiet && there < count)
        complain("%s: %zu of %zu parts %s not there, or not finished; the others are %s", output, count - there, count,
                 count - there == 1 ? "is" : "are", used);
}

void hint_shipped_model(bool quiet)
{
    if (!quiet)
        complain(
            "without -m, the small model that comes with lmvr is used: it was trained on drawn scenes and knows nothing of "
            "photographs; -m names a model of your own");
}
