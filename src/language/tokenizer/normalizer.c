#include "language/tokenizer/normalizer.h"

#include "language/tokenizer/characters.h"

#include <stdlib.h>
#include <utf8proc.h>

/* ---- the file ------------------------------------------------------------------------------------------------------- */

static lmvr_status add(const struct json_node *node, void *into, enum normalization what, struct normalizer_step **step,
                       lmvr_error *error)
{
    struct normalizer *n = into;
    if (n->count == COMPONENT_MAX)
        return error_set(error, LMVR_ERROR_INVALID, "%s: the normalizer has more than %d steps", node->file, COMPONENT_MAX);
    *step = &n->steps[n->count++];
    **step = (struct normalizer_step){.what = what};
    return LMVR_OK;
}

#define PLAIN_READER(name, what)                                                                                               \
    static lmvr_status name(const struct json_node *node, void *into, lmvr_error *error)                                       \
    {                                                                                                                          \
        struct normalizer_step *step;                                                                                          \
        return add(node, into, what, &step, error);                                                                            \
    }
PLAIN_READER(read_nfc, NORMALIZE_NFC)
PLAIN_READER(read_nfd, NORMALIZE_NFD)
PLAIN_READER(read_nfkc, NORMALIZE_NFKC)
PLAIN_READER(read_nfkd, NORMALIZE_NFKD)
PLAIN_READER(read_lowercase, NORMALIZE_LOWERCASE)

static lmvr_status read_prepend(const struct json_node *node, void *into, lmvr_error *error)
{
    const char *content;
    struct normalizer_step *step;
    TRY(component_string(node, "prepend", &content, error));
    TRY(add(node, into, NORMALIZE_PREPEND, &step, error));
    return component_copy(content, &step->content, error);
}

static lmvr_status read_replace(const struct json_node *node, void *into, lmvr_error *error)
{
    const char *content;
    struct normalizer_step *step;
    TRY(component_string(node, "content", &content, error));
    TRY(add(node, into, NORMALIZE_REPLACE, &step, error));
    TRY(pattern_parse(node, "pattern", &step->pattern, error));
    return component_copy(content, &step->content, error);
}

static lmvr_status read_strip(const struct json_node *node, void *into, lmvr_error *error)
{
    struct normalizer_step *step;
    TRY(add(node, into, NORMALIZE_STRIP, &step, error));
    TRY(json_node_bool(node, "strip_left", &step->left, error));
    return json_node_bool(node, "strip_right", &step->right, error);
}

lmvr_status normalizer_parse(const struct json_node *root, struct normalizer *normalizer, lmvr_error *error)
{
    static const struct component_type types[] = {
        {"NFC", read_nfc},
        {"NFD", read_nfd},
        {"NFKC", read_nfkc},
        {"NFKD", read_nfkd},
        {"Lowercase", read_lowercase},
        {"Prepend", read_prepend},
        {"Replace", read_replace},
        {"Strip", read_strip},
    };
    return component_read(root, "normalizer", "normalizers", types, sizeof types / sizeof *types, normalizer, error);
}

void normalizer_finish(struct normalizer *normalizer)
{
    for (int i = 0; i < normalizer->count; i++) {
        free(normalizer->steps[i].content);
        pattern_free(normalizer->steps[i].pattern);
    }
    normalizer->count = 0;
}

/* ---- the steps ------------------------------------------------------------------------------------------------------ */

/* No character below U+0300 changes under NFC, and none below U+0080 under the others. */
static bool is_normal(const struct buffer *text, enum normalization what)
{
    unsigned char least = what == NORMALIZE_NFC ? 0xCC : 0x80;
    for (size_t i = 0; i < text->size; i++)
        if ((unsigned char)text->bytes[i] >= least)
            return false;
    return true;
}

static lmvr_status unicode_form(enum normalization what, const struct buffer *text, struct buffer *out, lmvr_error *error)
{
    static const int options[] = {
        [NORMALIZE_NFC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE,
        [NORMALIZE_NFD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
        [NORMALIZE_NFKC] = UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
        [NORMALIZE_NFKD] = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    };
    if (is_normal(text, what))
        return buffer_add(out, text->bytes, text->size, error);
    utf8proc_uint8_t *normal = NULL;
    utf8proc_ssize_t size = utf8proc_map((const utf8proc_uint8_t *)text->bytes, (utf8proc_ssize_t)text->size, &normal,
                                         (utf8proc_option_t)options[what]);
    if (size == UTF8PROC_ERROR_NOMEM)
        return error_no_memory(error, "a text's tokens");
    if (size < 0)
        return error_set(error, LMVR_ERROR_INVALID, "a text cannot be normalized: %s", utf8proc_errmsg(size));
    lmvr_status status = buffer_add(out, (const char *)normal, (size_t)size, error);
    free(normal);
    return status;
}

/* Character by character, without regard to context; I with a dot is the one whose small letter is two characters. */
static lmvr_status lowercase(const struct buffer *text, struct buffer *out, lmvr_error *error)
{
    uint32_t code;
    for (size_t i = 0; i < text->size; i += character_size(text->bytes[i])) {
        character_read(text->bytes + i, &code);
        if (code == 0x130)
            TRY(buffer_add(out, "i\xCC\x87", 3, error));
        else
            TRY(buffer_add_character(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)code), error));
    }
    return LMVR_OK;
}

/* What replaces several characters counts as standing where the last of them stood. */
static lmvr_status replace(const struct normalizer_step *step, const struct buffer *text, struct buffer *out,
                           struct spans *spans, bool *first, lmvr_error *error)
{
    size_t length = strlen(step->content);
    TRY(pattern_divide(step->pattern, text->bytes, text->size, spans, error));
    for (size_t i = 0; i < spans->count; i++) {
        struct span span = spans->items[i];
        if (!span.matches)
            TRY(buffer_add(out, text->bytes + span.start, span.end - span.start, error));
        else
            TRY(buffer_add(out, step->content, length, error));
        if (span.matches && span.start == 0 && span.end > 0)
            *first = *first && length > 0 && span.end <= character_size(text->bytes[0]);
    }
    return LMVR_OK;
}

static lmvr_status strip(const struct normalizer_step *step, const struct buffer *text, struct buffer *out, bool *first,
                         lmvr_error *error)
{
    size_t start = 0, end = text->size;
    uint32_t code;
    while (step->left && start < end) {
        size_t size = character_read(text->bytes + start, &code);
        if (!character_is_space(code))
            break;
        start += size;
    }
    while (step->right && end > start) {
        size_t size = character_size_before(text->bytes, end);
        character_read(text->bytes + end - size, &code);
        if (!character_is_space(code))
            break;
        end -= size;
    }
    *first = *first && start == 0;
    return buffer_add(out, text->bytes + start, end - start, error);
}

static lmvr_status apply(const struct normalizer_step *step, const struct buffer *text, struct buffer *out, struct spans *spans,
                         bool *first, lmvr_error *error)
{
    switch (step->what) {
    case NORMALIZE_LOWERCASE:
        return lowercase(text, out, error);
    case NORMALIZE_PREPEND:
        TRY(buffer_add(out, step->content, strlen(step->content), error));
        return buffer_add(out, text->bytes, text->size, error);
    case NORMALIZE_REPLACE:
        return replace(step, text, out, spans, first, error);
    case NORMALIZE_STRIP:
        return strip(step, text, out, first, error);
    default:
        return unicode_form(step->what, text, out, error);
    }
}

lmvr_status normalizer_run(const struct normalizer *normalizer, struct buffer *text, struct buffer *other, struct spans *spans,
                           bool *first, lmvr_error *error)
{
    for (int i = 0; i < normalizer->count && text->size > 0; i++) {
        other->size = 0;
        TRY(apply(&normalizer->steps[i], text, other, spans, first, error));
        struct buffer swap = *text;
        *text = *other;
        *other = swap;
    }
    return LMVR_OK;
}
