#include "lab/dataset/passed_over.h"

#include "error.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_NAMED 8 /* kinds; the others are counted together */

static void copy_ending(const char *name, char ending[PASSED_OVER_ENDING])
{
    const char *dot = strrchr(name, '.');
    ending[0] = '\0';
    if (!dot || !dot[1] || strlen(dot) >= PASSED_OVER_ENDING)
        return;
    size_t length = strlen(dot);
    for (size_t i = 0; i <= length; i++)
        ending[i] = (char)tolower((unsigned char)dot[i]);
}

lmvr_status passed_over_add(struct passed_over *passed, const char *name, lmvr_error *error)
{
    char ending[PASSED_OVER_ENDING];
    copy_ending(name, ending);
    return passed_over_add_kind(passed, ending, error);
}

lmvr_status passed_over_add_kind(struct passed_over *passed, const char *ending, lmvr_error *error)
{
    for (size_t i = 0; i < passed->kind_count; i++)
        if (strcmp(passed->kinds[i].ending, ending) == 0) {
            passed->kinds[i].count++;
            return LMVR_OK;
        }
    struct passed_over_kind *kinds = realloc(passed->kinds, (passed->kind_count + 1) * sizeof *kinds);
    if (!kinds)
        return error_no_memory(error, "the list of files that are no images");
    passed->kinds = kinds;
    struct passed_over_kind *added = &kinds[passed->kind_count++];
    snprintf(added->ending, sizeof added->ending, "%s", ending);
    added->count = 1;
    return LMVR_OK;
}

size_t passed_over_count(const struct passed_over *passed)
{
    size_t count = 0;
    for (size_t i = 0; i < passed->kind_count; i++)
        count += passed->kinds[i].count;
    return count;
}

static lmvr_status note_place(struct passed_over *passed, const char *place, const char *end, lmvr_error *error)
{
    if (!passed->place && asprintf(&passed->place, "%s%s", place, end) < 0) {
        passed->place = NULL;
        return error_no_memory(error, place);
    }
    return LMVR_OK;
}

lmvr_status passed_over_note_folder(struct passed_over *passed, const char *folder, lmvr_error *error)
{
    passed->folders++;
    return note_place(passed, folder, *folder && folder[strlen(folder) - 1] == '/' ? "" : "/", error);
}

lmvr_status passed_over_note_tar(struct passed_over *passed, const char *tar, lmvr_error *error)
{
    passed->tars++;
    return note_place(passed, tar, "", error);
}

/* The most frequent first, and files without an ending last of their number. */
static int by_count(const void *a, const void *b)
{
    const struct passed_over_kind *one = a, *other = b;
    if (one->count != other->count)
        return one->count > other->count ? -1 : 1;
    if (!*one->ending || !*other->ending)
        return *one->ending ? -1 : *other->ending ? 1 : 0;
    return strcmp(one->ending, other->ending);
}

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
    va_list args;
    size_t length = strlen(text);
    va_start(args, format);
    vsnprintf(text + length, size - length, format, args);
    va_end(args);
}

void passed_over_format(const struct passed_over *passed, char *text, size_t size)
{
    size_t others = 0, named = passed->kind_count > MOST_NAMED ? MOST_NAMED - 1 : passed->kind_count;
    text[0] = '\0';
    if (passed->folders + passed->tars == 1 && passed->place)
        append(text, size, "%.200s: ", passed->place);
    else
        append(text, size, "%zu %s: ", passed->folders + passed->tars,
               !passed->tars      ? "folders"
               : !passed->folders ? "tars"
                                  : "folders and tars");
    qsort(passed->kinds, passed->kind_count, sizeof *passed->kinds, by_count);
    for (size_t i = 0; i < passed->kind_count; i++) {
        const struct passed_over_kind *kind = &passed->kinds[i];
        if (i >= named)
            others += kind->count;
        else
            append(text, size, "%s%zu %s", i ? ", " : "", kind->count, *kind->ending ? kind->ending : "without extension");
    }
    if (others > 0)
        append(text, size, ", %zu of %zu other kinds", others, passed->kind_count - named);
}

void passed_over_finish(struct passed_over *passed)
{
    free(passed->kinds);
    free(passed->place);
    *passed = (struct passed_over){0};
}
