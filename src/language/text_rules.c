#include "language/text_rules.h"

#include "language/tokenizer/buffer.h"
#include "language/tokenizer/characters.h"

#include <stdlib.h>
#include <utf8proc.h>

/* As Python's str.isspace(), which knows ASCII's separators too. */
static bool is_space(uint32_t code)
{
    return character_is_space(code) || (code >= 0x1C && code <= 0x1F);
}

static lmvr_status add_lower(struct buffer *out, uint32_t code, lmvr_error *error)
{
    TRY(buffer_add_character(out, (uint32_t)utf8proc_tolower((utf8proc_int32_t)code), error));
    return code == 0x130 ? buffer_add_character(out, 0x307, error) : LMVR_OK; /* I with a dot keeps it */
}

/* As transformers' SiglipTokenizer.canonicalize_text(), with a zero byte behind it. */
static lmvr_status canonicalize(const struct text_rules *rules, const struct buffer *text, struct buffer *out,
                                lmvr_error *error)
{
    bool space = false;
    uint32_t code;
    for (size_t at = 0; at < text->size;) {
        at += character_read(text->bytes + at, &code);
        if (rules->plain && code < 0x80 && character_is_punctuation(code))
            continue;
        if (rules->plain && is_space(code)) {
            space = true;
            continue;
        }
        if (space && out->size > 0)
            TRY(buffer_add(out, " ", 1, error));
        space = false;
        TRY(rules->lowercase ? add_lower(out, code, error) : buffer_add_character(out, code, error));
    }
    return buffer_add(out, "", 1, error);
}

/* The ids of the text alone, for the caller to free. */
static lmvr_status tokenize(const struct text_rules *rules, const struct tokenizer *tokenizer, const char *text, int32_t **ids,
                            size_t *count, lmvr_error *error)
{
    struct buffer clean = {0}, canonical = {0};
    lmvr_status status = buffer_add_cleaned(&clean, text, strlen(text), error);
    if (status == LMVR_OK)
        status = canonicalize(rules, &clean, &canonical, error);
    if (status == LMVR_OK)
        status = tokenizer_encode(tokenizer, canonical.bytes, ids, count, error);
    buffer_free(&clean);
    buffer_free(&canonical);
    return status;
}

lmvr_status text_rules_encode(const struct text_rules *rules, const struct tokenizer *tokenizer, const char *text,
                              int32_t **ids, size_t *count, lmvr_error *error)
{
    int32_t *inner = NULL;
    size_t inner_count = 0, size = 0, room = (size_t)rules->positions;
    *ids = NULL;
    *count = 0;
    TRY(tokenize(rules, tokenizer, text, &inner, &inner_count, error));
    int32_t *all = calloc(room, sizeof *all);
    if (!all) {
        free(inner);
        return error_no_memory(error, "a text");
    }
    if (rules->begin_token >= 0)
        all[size++] = rules->begin_token;
    for (size_t i = 0; i < inner_count && size + 1 < room; i++)
        all[size++] = inner[i];
    all[size++] = rules->end_token;
    while (rules->pad_token >= 0 && size < room)
        all[size++] = rules->pad_token;
    free(inner);
    *ids = all;
    *count = size;
    return LMVR_OK;
}
