#include "lab/report/clean.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SLUG         80
#define REPLACEMENT      "\xEF\xBF\xBD"
#define REPLACEMENT_SIZE 3

/* XML 1.0 allows no other control characters, and neither U+FFFE nor U+FFFF. */
static bool is_allowed(gunichar c)
{
    return c == '\t' || c == '\n' || (c >= 0x20 && c < 0x7F) || (c >= 0xA0 && c != 0xFFFE && c != 0xFFFF);
}

/* In places[i], unless it is NULL, is where text[i] went, also for the final NUL. */
static char *clean(struct region *region, const char *text, size_t *places)
{
    size_t length;
    char *out = region_take(region, strlen(text) + 1, REPLACEMENT_SIZE), *end = out;
    for (const char *c = text; out && *c; c += length) {
        gunichar code = g_utf8_get_char_validated(c, -1);
        bool valid = code < 0x110000, allowed = valid && is_allowed(code);
        length = valid ? (size_t)(g_utf8_next_char(c) - c) : 1;
        for (size_t i = 0; places && i < length; i++)
            places[c - text + (ptrdiff_t)i] = (size_t)(end - out);
        if (*c == '\r') {
            end = stpcpy(end, c[1] == '\n' ? "" : "\n");
        } else {
            memcpy(end, allowed ? c : REPLACEMENT, allowed ? length : REPLACEMENT_SIZE);
            end += allowed ? length : REPLACEMENT_SIZE;
        }
    }
    if (out && places)
        places[strlen(text)] = (size_t)(end - out);
    return out ? out : region_print(region, "%s", "");
}

char *report_clean(struct region *region, const char *text)
{
    return clean(region, text, NULL);
}

/* ---- marks ---- */

static int compare_marks(const void *a, const void *b)
{
    const struct report_mark *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static bool is_inside_character(const char *text, size_t at)
{
    return ((unsigned char)text[at] & 0xC0) == 0x80;
}

/* Clamps to the text and to character boundaries (a character has at most 4 bytes). */
static struct report_mark fit_mark(const char *text, size_t size, struct report_mark mark)
{
    mark.begin = mark.begin < size ? mark.begin : size;
    mark.end = mark.end < size ? mark.end : size;
    if (mark.begin >= mark.end)
        return (struct report_mark){0, 0};
    for (int i = 0; i < 3 && mark.begin > 0 && is_inside_character(text, mark.begin); i++)
        mark.begin--;
    for (int i = 0; i < 3 && mark.end < size && is_inside_character(text, mark.end); i++)
        mark.end++;
    return mark;
}

/* Sorts, drops empty marks, merges those that touch. Returns how many are left. */
static size_t order_marks(const char *text, struct report_mark *marks, size_t count)
{
    size_t kept = 0, size = strlen(text);
    for (size_t i = 0; i < count; i++)
        marks[i] = fit_mark(text, size, marks[i]);
    qsort(marks, count, sizeof *marks, compare_marks);
    for (size_t i = 0; i < count; i++) {
        if (marks[i].begin == marks[i].end)
            continue;
        if (kept > 0 && marks[i].begin <= marks[kept - 1].end)
            marks[kept - 1].end = marks[i].end > marks[kept - 1].end ? marks[i].end : marks[kept - 1].end;
        else
            marks[kept++] = marks[i];
    }
    return kept;
}

char *report_clean_marked(struct region *region, const char *text, const struct report_mark *ranges, size_t range_count,
                          struct report_mark **marks, size_t *mark_count)
{
    size_t *places = region_take(region, strlen(text) + 1, sizeof *places);
    struct report_mark *fitted = region_take(region, range_count + 1, sizeof *fitted);
    char *out = clean(region, text, places);
    if (fitted && range_count > 0)
        memcpy(fitted, ranges, range_count * sizeof *fitted);
    *mark_count = places && fitted && !region->failed ? order_marks(text, fitted, range_count) : 0;
    for (size_t i = 0; i < *mark_count; i++)
        fitted[i] = (struct report_mark){places[fitted[i].begin], places[fitted[i].end]};
    *marks = fitted;
    return out;
}

/* ---- names ---- */

char *report_slug(struct region *region, const char *text, char gap, const char *instead)
{
    char slug[MAX_SLUG + 1];
    size_t n = 0;
    bool pending = false;
    for (const char *c = text; *c && n + 2 < sizeof slug; c++) {
        bool kept = g_ascii_isalnum(*c) || *c == '_';
        if (kept && pending && n > 0)
            slug[n++] = gap;
        if (kept)
            slug[n++] = g_ascii_tolower(*c);
        pending = !kept;
    }
    slug[n] = '\0';
    return region_print(region, "%s", n > 0 ? slug : instead);
}
