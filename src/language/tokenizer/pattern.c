#define PCRE2_CODE_UNIT_WIDTH 8
#include "language/tokenizer/pattern.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

#define MATCH_LIMIT 2000000 /* steps of one match: an expression that needs more would not end */

struct pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
    bool compiled; /* to machine code */
};

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_code_free(pattern->code);
    pcre2_match_context_free(pattern->limits);
    free(pattern);
}

static lmvr_status compile(const char *where, const char *expression, size_t size, uint32_t options, struct pattern *pattern,
                           lmvr_error *error)
{
    int number;
    size_t at;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pattern->limits = pcre2_match_context_create(NULL);
    if (!context || !pattern->limits) {
        pcre2_compile_context_free(context);
        return error_no_memory(error, "a pattern");
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_match_limit(pattern->limits, MATCH_LIMIT);
    pattern->code = pcre2_compile((PCRE2_SPTR)expression, size, options | PCRE2_UTF, &number, &at, context);
    pcre2_compile_context_free(context);
    if (!pattern->code) {
        PCRE2_UCHAR message[200];
        pcre2_get_error_message(number, message, sizeof message);
        return error_set(error, LMVR_ERROR_INVALID, "%s is not a pattern that can be read: %s", where, (const char *)message);
    }
    pattern->compiled = pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE) == 0;
    return LMVR_OK;
}

lmvr_status pattern_create(const char *where, const char *expression, bool literal, struct pattern **pattern, lmvr_error *error)
{
    struct buffer translated = {0};
    *pattern = calloc(1, sizeof **pattern);
    if (!*pattern)
        return error_no_memory(error, "a pattern");
    lmvr_status status = LMVR_OK;
    if (literal) {
        status = compile(where, expression, strlen(expression), PCRE2_LITERAL, *pattern, error);
    } else {
        status = oniguruma_translate(where, expression, &translated, error);
        if (status == LMVR_OK)
            status = compile(where, translated.bytes ? translated.bytes : "", translated.size, PCRE2_UCP | PCRE2_MULTILINE,
                             *pattern, error);
    }
    buffer_free(&translated);
    if (status != LMVR_OK) {
        pattern_free(*pattern);
        *pattern = NULL;
    }
    return status;
}

lmvr_status pattern_parse(const struct json_node *node, const char *key, struct pattern **pattern, lmvr_error *error)
{
    char where[400];
    struct json_node found;
    const char *string = NULL, *regex = NULL;
    *pattern = NULL;
    TRY(json_node_object(node, key, &found, error));
    TRY(json_node_string(&found, "String", &string, error));
    TRY(json_node_string(&found, "Regex", &regex, error));
    if (!string == !regex)
        return json_refuse(node, key, "{\"String\": a text} or {\"Regex\": a pattern}", error);
    snprintf(where, sizeof where, "%.200s: %.150s%s", node->file, found.path, string ? "String" : "Regex");
    return pattern_create(where, string ? string : regex, string != NULL, pattern, error);
}

/* ---- dividing texts ------------------------------------------------------------------------------------------------- */

void spans_finish(struct spans *spans)
{
    pcre2_match_data_free(spans->match);
    free(spans->items);
    *spans = (struct spans){0};
}

static lmvr_status add(struct spans *spans, size_t start, size_t end, bool matches, lmvr_error *error)
{
    if (spans->count == spans->space) {
        size_t space = 2 * spans->space + 64;
        struct span *grown = realloc(spans->items, space * sizeof *grown);
        if (!grown)
            return error_no_memory(error, "a text's parts");
        spans->items = grown;
        spans->space = space;
    }
    spans->items[spans->count++] = (struct span){start, end, matches};
    return LMVR_OK;
}

static lmvr_status find(const struct pattern *p, const char *text, size_t size, size_t from, pcre2_match_data *match,
                        bool *found, lmvr_error *error)
{
    PCRE2_SPTR subject = (PCRE2_SPTR)text;
    int result = p->compiled ? pcre2_jit_match(p->code, subject, size, from, 0, match, p->limits) : PCRE2_ERROR_JIT_STACKLIMIT;
    if (result == PCRE2_ERROR_JIT_STACKLIMIT)
        result = pcre2_match(p->code, subject, size, from, PCRE2_NO_JIT | PCRE2_NO_UTF_CHECK, match, p->limits);
    *found = result >= 0;
    if (result < 0 && result != PCRE2_ERROR_NOMATCH)
        return error_set(error, LMVR_ERROR_RESOURCE, "a pattern of the tokenizer takes too long on a text of %zu bytes", size);
    return LMVR_OK;
}

/* An empty match right after a match does not count. */
lmvr_status pattern_divide(const struct pattern *pattern, const char *text, size_t size, struct spans *spans, lmvr_error *error)
{
    if (!spans->match && !(spans->match = pcre2_match_data_create(1, NULL)))
        return error_no_memory(error, "a pattern");
    size_t from = 0, covered = 0, last = SIZE_MAX;
    const size_t *ends = pcre2_get_ovector_pointer(spans->match);
    spans->count = 0;
    while (from <= size) {
        bool found;
        TRY(find(pattern, text, size, from, spans->match, &found, error));
        if (!found)
            break;
        size_t start = ends[0], end = ends[1];
        if (start == end && end == last) {
            from += from < size ? character_size(text[from]) : 1;
            continue;
        }
        from = last = end;
        if (covered < start)
            TRY(add(spans, covered, start, false, error));
        TRY(add(spans, start, end, true, error));
        covered = end;
    }
    return covered < size ? add(spans, covered, size, false, error) : LMVR_OK;
}

lmvr_status class_divide(bool (*is_member)(uint32_t code), const char *text, size_t size, struct spans *spans,
                         lmvr_error *error)
{
    size_t covered = 0, length;
    uint32_t code;
    spans->count = 0;
    for (size_t at = 0; at < size; at += length) {
        length = character_read(text + at, &code);
        if (!is_member(code))
            continue;
        if (covered < at)
            TRY(add(spans, covered, at, false, error));
        covered = at + length;
        TRY(add(spans, at, covered, true, error));
    }
    return covered < size ? add(spans, covered, size, false, error) : LMVR_OK;
}

/* ---- what becomes of matches ---------------------------------------------------------------------------------------- */

lmvr_status behavior_parse(const struct json_node *node, const char *key, enum behavior *behavior, lmvr_error *error)
{
    static const struct json_name names[] = {{"Isolated", BEHAVIOR_ISOLATED},
                                             {"Removed", BEHAVIOR_REMOVED},
                                             {"MergedWithPrevious", BEHAVIOR_MERGED_WITH_PREVIOUS},
                                             {"MergedWithNext", BEHAVIOR_MERGED_WITH_NEXT},
                                             {"Contiguous", BEHAVIOR_CONTIGUOUS}};
    int value = (int)*behavior;
    TRY(json_node_name(node, key, names, sizeof names / sizeof *names, &value, error));
    *behavior = (enum behavior)value;
    return LMVR_OK;
}

/* The first match of several goes to the span before it; for BEHAVIOR_CONTIGUOUS, matches join, and so does what is between. */
static void join_forwards(struct spans *spans, bool contiguous)
{
    size_t count = 0;
    bool previous = false;
    for (size_t i = 0; i < spans->count; i++) {
        struct span span = spans->items[i];
        bool joins = contiguous ? span.matches == previous : span.matches && !previous;
        previous = span.matches;
        if (joins && count > 0)
            spans->items[count - 1].end = span.end;
        else
            spans->items[count++] = (struct span){span.start, span.end, false};
    }
    spans->count = count;
}

/* The last match of several goes to the span after it. */
static void join_backwards(struct spans *spans)
{
    size_t to = spans->count;
    bool previous = false;
    for (size_t i = spans->count; i-- > 0;) {
        struct span span = spans->items[i];
        bool joins = span.matches && !previous;
        previous = span.matches;
        if (joins && to < spans->count)
            spans->items[to].start = span.start;
        else
            spans->items[--to] = (struct span){span.start, span.end, false};
    }
    spans->count -= to;
    if (spans->count > 0)
        memmove(spans->items, spans->items + to, spans->count * sizeof *spans->items);
}

void spans_join(struct spans *spans, enum behavior behavior)
{
    if (behavior == BEHAVIOR_ISOLATED)
        for (size_t i = 0; i < spans->count; i++)
            spans->items[i].matches = false;
    else if (behavior == BEHAVIOR_MERGED_WITH_NEXT)
        join_backwards(spans);
    else if (behavior != BEHAVIOR_REMOVED)
        join_forwards(spans, behavior == BEHAVIOR_CONTIGUOUS);
}
