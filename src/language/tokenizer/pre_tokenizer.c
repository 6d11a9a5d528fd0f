#include "language/tokenizer/pre_tokenizer.h"

#include "language/tokenizer/byte_level.h"
#include "language/tokenizer/characters.h"

#include <stdlib.h>

/* ---- the file ------------------------------------------------------------------------------------------------------- */

static lmvr_status add(const struct json_node *node, struct pre_tokenizer *p, enum cut what, struct pre_tokenizer_step **step,
                       lmvr_error *error)
{
    if (p->count == (int)(sizeof p->steps / sizeof *p->steps))
        return error_set(error, LMVR_ERROR_INVALID, "%s: the pre_tokenizer has more than %d steps", node->file, COMPONENT_MAX);
    *step = &p->steps[p->count++];
    **step = (struct pre_tokenizer_step){.what = what};
    return LMVR_OK;
}

static lmvr_status add_text(const struct json_node *node, struct pre_tokenizer *p, enum cut what, const char *content,
                            bool first_only, lmvr_error *error)
{
    struct pre_tokenizer_step *step;
    TRY(add(node, p, what, &step, error));
    step->first_only = first_only;
    return component_copy(content, &step->content, error);
}

static lmvr_status read_byte_level(const struct json_node *node, void *into, lmvr_error *error)
{
    bool add_prefix_space = true, use_regex = true;
    struct pre_tokenizer_step *step;
    TRY(json_node_bool(node, "add_prefix_space", &add_prefix_space, error));
    TRY(json_node_bool(node, "use_regex", &use_regex, error));
    if (add_prefix_space)
        TRY(add_text(node, into, CUT_PREFIX, " ", false, error));
    if (use_regex) {
        TRY(add(node, into, CUT_PATTERN, &step, error));
        TRY(pattern_create(node->file, BYTE_LEVEL_PATTERN, false, &step->pattern, error));
    }
    return add(node, into, CUT_BYTES, &step, error);
}

static lmvr_status read_split(const struct json_node *node, void *into, lmvr_error *error)
{
    struct pre_tokenizer_step *step;
    TRY(add(node, into, CUT_PATTERN, &step, error));
    TRY(pattern_parse(node, "pattern", &step->pattern, error));
    if (!json_node_get(node, "behavior"))
        return json_refuse(node, "behavior", "what becomes of matches", error);
    TRY(behavior_parse(node, "behavior", &step->behavior, error));
    return json_node_bool(node, "invert", &step->invert, error);
}

static lmvr_status read_metaspace(const struct json_node *node, void *into, lmvr_error *error)
{
    enum { ALWAYS, FIRST, NEVER };
    static const struct json_name schemes[] = {{"always", ALWAYS}, {"first", FIRST}, {"never", NEVER}};
    const char *replacement;
    bool prefix = true, split = true;
    int scheme = ALWAYS;
    TRY(component_character(node, "replacement", &replacement, error));
    TRY(json_node_bool(node, "add_prefix_space", &prefix, error));
    TRY(json_node_bool(node, "split", &split, error));
    TRY(json_node_name(node, "prepend_scheme", schemes, 3, &scheme, error));
    if (!prefix && scheme != NEVER)
        return json_refuse(node, "prepend_scheme", "never, as add_prefix_space is false", error);
    TRY(add_text(node, into, CUT_SPACES, replacement, false, error));
    if (scheme != NEVER)
        TRY(add_text(node, into, CUT_PREFIX, replacement, scheme == FIRST, error));
    if (!split)
        return LMVR_OK;
    struct pre_tokenizer_step *step;
    TRY(add(node, into, CUT_PATTERN, &step, error));
    step->behavior = BEHAVIOR_MERGED_WITH_NEXT;
    return pattern_create(node->file, replacement, true, &step->pattern, error);
}

static lmvr_status read_digits(const struct json_node *node, void *into, lmvr_error *error)
{
    bool individual = false;
    struct pre_tokenizer_step *step;
    TRY(json_node_bool(node, "individual_digits", &individual, error));
    TRY(add(node, into, CUT_CLASS, &step, error));
    step->is_member = character_is_number;
    step->behavior = individual ? BEHAVIOR_ISOLATED : BEHAVIOR_CONTIGUOUS;
    return LMVR_OK;
}

static lmvr_status read_punctuation(const struct json_node *node, void *into, lmvr_error *error)
{
    struct pre_tokenizer_step *step;
    TRY(add(node, into, CUT_CLASS, &step, error));
    step->is_member = character_is_punctuation;
    return behavior_parse(node, "behavior", &step->behavior, error);
}

lmvr_status pre_tokenizer_parse(const struct json_node *root, struct pre_tokenizer *pre_tokenizer, lmvr_error *error)
{
    static const struct component_type types[] = {{"ByteLevel", read_byte_level},
                                                  {"Split", read_split},
                                                  {"Metaspace", read_metaspace},
                                                  {"Digits", read_digits},
                                                  {"Punctuation", read_punctuation}};
    return component_read(root, "pre_tokenizer", "pretokenizers", types, sizeof types / sizeof *types, pre_tokenizer, error);
}

void pre_tokenizer_finish(struct pre_tokenizer *pre_tokenizer)
{
    for (int i = 0; i < pre_tokenizer->count; i++) {
        pattern_free(pre_tokenizer->steps[i].pattern);
        free(pre_tokenizer->steps[i].content);
    }
    pre_tokenizer->count = 0;
}

/* ---- words ---------------------------------------------------------------------------------------------------------- */

void cut_words_finish(struct cut_words *words)
{
    buffer_free(&words->text);
    free(words->items);
    *words = (struct cut_words){0};
}

lmvr_status cut_words_add(struct cut_words *words, size_t start, size_t size, bool first, lmvr_error *error)
{
    if (words->count == words->space) {
        size_t space = 2 * words->space + 64;
        struct word *grown = realloc(words->items, space * sizeof *grown);
        if (!grown)
            return error_no_memory(error, "a text's words");
        words->items = grown;
        words->space = space;
    }
    words->items[words->count++] = (struct word){start, size, first};
    return LMVR_OK;
}

/* ---- the steps ------------------------------------------------------------------------------------------------------ */

/* The words of `in`, divided; the text is the same. */
static lmvr_status divide(const struct pre_tokenizer_step *step, const struct cut_words *in, struct cut_words *out,
                          struct spans *spans, lmvr_error *error)
{
    for (size_t i = 0; i < in->count; i++) {
        struct word word = in->items[i];
        const char *text = in->text.bytes + word.start;
        if (step->what == CUT_CLASS)
            TRY(class_divide(step->is_member, text, word.size, spans, error));
        else
            TRY(pattern_divide(step->pattern, text, word.size, spans, error));
        for (size_t j = 0; j < spans->count && step->invert; j++)
            spans->items[j].matches = !spans->items[j].matches;
        spans_join(spans, step->behavior);
        for (size_t j = 0; j < spans->count; j++) {
            struct span span = spans->items[j];
            if (!span.matches && span.end > span.start)
                TRY(cut_words_add(out, word.start + span.start, span.end - span.start, word.first && span.start == 0, error));
        }
    }
    return LMVR_OK;
}

static lmvr_status add_spaced(struct buffer *out, const char *text, size_t size, const char *content, lmvr_error *error)
{
    size_t length = strlen(content), start = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != ' ')
            continue;
        TRY(buffer_add(out, text + start, i - start, error));
        TRY(buffer_add(out, content, length, error));
        start = i + 1;
    }
    return buffer_add(out, text + start, size - start, error);
}

/* The same words, each changed, in a text of their own. */
static lmvr_status change(const struct pre_tokenizer_step *step, const struct cut_words *in, struct cut_words *out,
                          lmvr_error *error)
{
    const char *content = step->content ? step->content : "";
    size_t length = strlen(content);
    out->text.size = 0;
    for (size_t i = 0; i < in->count; i++) {
        struct word word = in->items[i];
        const char *text = in->text.bytes + word.start;
        size_t start = out->text.size;
        if (step->what == CUT_BYTES) {
            TRY(buffer_add_byte_level(&out->text, text, word.size, error));
        } else if (step->what == CUT_SPACES) {
            TRY(add_spaced(&out->text, text, word.size, content, error));
        } else {
            bool begins = word.size >= length && memcmp(text, content, length) == 0;
            if (!begins && (word.first || !step->first_only))
                TRY(buffer_add(&out->text, content, length, error));
            TRY(buffer_add(&out->text, text, word.size, error));
        }
        TRY(cut_words_add(out, start, out->text.size - start, word.first, error));
    }
    return LMVR_OK;
}

static void swap_texts(struct cut_words *a, struct cut_words *b)
{
    struct buffer other = a->text;
    a->text = b->text;
    b->text = other;
}

static void swap_items(struct cut_words *a, struct cut_words *b)
{
    struct cut_words other = *a;
    a->items = b->items;
    a->count = b->count;
    a->space = b->space;
    b->items = other.items;
    b->count = other.count;
    b->space = other.space;
}

lmvr_status pre_tokenize(const struct pre_tokenizer *pre_tokenizer, struct cut_words *words, struct cut_words *other,
                         struct spans *spans, lmvr_error *error)
{
    for (int i = 0; i < pre_tokenizer->count; i++) {
        const struct pre_tokenizer_step *step = &pre_tokenizer->steps[i];
        bool divides = step->what == CUT_PATTERN || step->what == CUT_CLASS;
        other->count = 0;
        TRY(divides ? divide(step, words, other, spans, error) : change(step, words, other, error));
        swap_items(words, other);
        if (!divides)
            swap_texts(words, other);
    }
    return LMVR_OK;
}
