#include "lab/dataset/name_range.h"

#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DIGITS 18 /* which a number holds */

/* A range in a text: "{FIRST..LAST}" from `open` on, what follows it at `rest`. */
struct range {
    const char *open, *rest;
    unsigned long first, last;
    int digits; /* the least that are written */
};

/* Reads a number of 1 to MOST_DIGITS digits, behind which *at is then. 0: there is none; else how many. */
static int take_number(const char **at, unsigned long *number)
{
    size_t digits = strspn(*at, "0123456789");
    if (digits < 1 || digits > MOST_DIGITS)
        return 0;
    *number = strtoul(*at, NULL, 10);
    *at += digits;
    return (int)digits;
}

static bool take_range(const char *open, struct range *range)
{
    const char *at = open + 1, *first = at;
    int first_digits = take_number(&at, &range->first);
    if (!first_digits || at[0] != '.' || at[1] != '.')
        return false;
    const char *last = at += 2;
    int last_digits = take_number(&at, &range->last);
    if (!last_digits || *at != '}')
        return false;
    bool padded = (*first == '0' && first_digits > 1) || (*last == '0' && last_digits > 1);
    range->digits = !padded ? 1 : first_digits > last_digits ? first_digits : last_digits;
    range->open = open;
    range->rest = at + 1;
    return true;
}

static bool find_range(const char *text, struct range *range)
{
    for (const char *open = strchr(text, '{'); open; open = strchr(open + 1, '{'))
        if (take_range(open, range))
            return true;
    return false;
}

bool name_range_is(const char *text)
{
    struct range range;
    return find_range(text, &range);
}

/* How many names there are, after checking each range. */
static lmvr_status count_names(const char *text, size_t *count, lmvr_error *error)
{
    struct range range;
    *count = 1;
    for (const char *at = text; find_range(at, &range); at = range.rest) {
        if (range.first > range.last)
            return error_set(error, LMVR_ERROR_INVALID, "%s: the range %.*s runs backwards", text,
                             (int)(range.rest - range.open), range.open);
        if (__builtin_mul_overflow(*count, range.last - range.first + 1, count) || *count > NAME_RANGE_MOST)
            return error_set(error, LMVR_ERROR_INVALID, "%s: stands for more than %d names", text, NAME_RANGE_MOST);
    }
    return LMVR_OK;
}

/* Name `number` of `count`: a range's place in it is a digit of the number, the last range's the lowest. To be freed. */
static char *make_name(const char *text, size_t number, size_t count)
{
    struct range range;
    char *name = NULL;
    size_t size;
    FILE *out = open_memstream(&name, &size);
    const char *at = text;
    for (; out && find_range(at, &range); at = range.rest) {
        size_t length = range.last - range.first + 1;
        count /= length;
        fprintf(out, "%.*s%0*lu", (int)(range.open - at), at, range.digits, range.first + number / count % length);
    }
    bool failed = !out || fputs(at, out) < 0;
    failed |= out && fclose(out) != 0;
    if (!failed)
        return name;
    free(name);
    return NULL;
}

lmvr_status name_range_expand(const char *text, lmvr_status (*each)(const char *name, void *user, lmvr_error *error),
                              void *user, lmvr_error *error)
{
    size_t count;
    TRY(count_names(text, &count, error));
    for (size_t i = 0; i < count; i++) {
        char *name = make_name(text, i, count);
        lmvr_status status = name ? each(name, user, error) : error_no_memory(error, "the list of inputs");
        free(name);
        TRY(status);
    }
    return LMVR_OK;
}
