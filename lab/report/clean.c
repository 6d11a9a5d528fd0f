#include "lab/report/clean.h"

#include "format/utf8.h"

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

char *report_clean(const char *text)
{
    char *valid = utf8_clean(text);
    char *clean = valid ? malloc(strlen(valid) * REPLACEMENT_SIZE + 1) : NULL;
    char *out = clean;
    for (const char *c = valid; clean && *c; c = g_utf8_next_char(c)) {
        size_t length = (size_t)(g_utf8_next_char(c) - c);
        if (*c == '\r' && c[1] == '\n')
            continue;
        if (*c == '\r') {
            *out++ = '\n';
            continue;
        }
        bool allowed = is_allowed(g_utf8_get_char(c));
        memcpy(out, allowed ? c : REPLACEMENT, allowed ? length : REPLACEMENT_SIZE);
        out += allowed ? length : REPLACEMENT_SIZE;
    }
    if (clean)
        *out = '\0';
    free(valid);
    return clean;
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

/* Appends text[begin, end), cleaned, at *used of `out`, which has room. */
static bool append_clean(const char *text, size_t begin, size_t end, char *out, size_t *used)
{
    char *piece = strndup(text + begin, end - begin);
    char *clean = piece ? report_clean(piece) : NULL;
    free(piece);
    if (!clean)
        return false;
    size_t length = strlen(clean);
    memcpy(out + *used, clean, length + 1);
    *used += length;
    free(clean);
    return true;
}

char *report_clean_marked(const char *text, const struct report_mark *ranges, size_t range_count, struct report_mark **marks,
                          size_t *mark_count)
{
    size_t size = strlen(text), used = 0, at = 0;
    char *out = calloc(size + 1, REPLACEMENT_SIZE);
    struct report_mark *fitted = calloc(range_count + 1, sizeof *fitted);
    bool good = out && fitted;
    if (good && range_count > 0)
        memcpy(fitted, ranges, range_count * sizeof *fitted);
    *mark_count = good ? order_marks(text, fitted, range_count) : 0;
    for (size_t i = 0; i < *mark_count && good; i++) {
        struct report_mark mark = fitted[i];
        good = append_clean(text, at, mark.begin, out, &used);
        fitted[i].begin = used;
        good = good && append_clean(text, mark.begin, mark.end, out, &used);
        fitted[i].end = used;
        at = mark.end;
    }
    good = good && append_clean(text, at, size, out, &used);
    if (!good) {
        free(out);
        free(fitted);
        *mark_count = 0;
        *marks = NULL;
        return NULL;
    }
    *marks = fitted;
    return out;
}

/* ---- names ---- */

char *report_slug(const char *text, char gap, const char *instead)
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
    return strdup(n > 0 ? slug : instead);
}
