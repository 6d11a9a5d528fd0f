/*
 * Vocabularies as GGUF's files have them, the other direction of gguf.c: SentencePiece's BPE becomes "llama", which makes
 * merges of scores; a tokenizer.json's BPE over bytes "gpt2", whose way of cutting texts has a name, and its BPE over
 * characters "llama" with scores in the order of merges. What the format has no word for is refused.
 */
#include "format/gguf_write.h"
#include "language/tokenizer/byte_level.h"
#include "language/tokenizer/component.h"
#include "language/tokenizer/gguf_splitting.h"
#include "language/tokenizer/kind.h"
#include "language/tokenizer/token_list.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE "\xE2\x96\x81" /* U+2581, which stands for a space in SentencePiece's pieces */

static lmvr_status refuse(const char *path, const char *what, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be written as GGUF: %s", path, what);
}

static lmvr_status write_list(const struct token_list *list, const char *model, const char *pre, struct gguf_writer *writer,
                              lmvr_error *error)
{
    size_t count = (size_t)list->count;
    struct gguf_text *texts = calloc(count + 1, sizeof *texts);
    if (!texts)
        return error_no_memory(error, "the tokenizer");
    for (size_t i = 0; i < count; i++)
        texts[i] = (struct gguf_text){list->texts[i], strlen(list->texts[i])};
    gguf_write_string(writer, "tokenizer.ggml.model", model);
    gguf_write_string(writer, "tokenizer.ggml.pre", pre);
    gguf_write_strings(writer, "tokenizer.ggml.tokens", texts, count);
    gguf_write_i32s(writer, "tokenizer.ggml.token_type", list->types, count);
    if (strcmp(model, "llama") == 0)
        gguf_write_f32s(writer, "tokenizer.ggml.scores", list->scores, count);
    for (size_t i = 0; i < count; i++)
        if (list->types[i] == TOKEN_UNKNOWN)
            gguf_write_u32(writer, "tokenizer.ggml.unknown_token_id", (uint32_t)i);
    free(texts);
    return LMVR_OK;
}

/* ---- SentencePiece ---------------------------------------------------------------------------------------------------- */

/* BPE's scores are the order of merges, whole numbers; a unigram model's are logarithms. */
static bool is_bpe(const struct token_list *list)
{
    for (int i = 0; i < list->count; i++)
        if (list->types[i] == TOKEN_NORMAL && list->scores[i] != truncf(list->scores[i]))
            return false;
    return true;
}

/* Whether a text comes back as it was, in spite of spaces, of characters that normalizers replace, and of some that no
 * vocabulary has. */
static lmvr_status keeps_texts(const struct tokenizer *tokenizer, bool *keeps, lmvr_error *error)
{
    static const char text[] = " a  b\t\xEF\xBD\x81\xEF\xAC\x81\xF0\x93\x80\x80 \n";
    int32_t *ids = NULL;
    size_t count = 0;
    char *back = NULL;
    TRY(tokenizer_encode(tokenizer, text, &ids, &count, error));
    lmvr_status status = tokenizer_decode(tokenizer, ids, count, &back, error);
    *keeps = status == LMVR_OK && strcmp(back, text) == 0;
    free(ids);
    free(back);
    return status;
}

/* Whether texts begin with a space that is not theirs. */
static lmvr_status has_prefix(const struct tokenizer *tokenizer, const struct token_list *list, bool *prefix, lmvr_error *error)
{
    int32_t *ids = NULL;
    size_t count = 0;
    TRY(tokenizer_encode(tokenizer, "a", &ids, &count, error));
    *prefix = count > 0 && ids[0] < list->count && strncmp(list->texts[ids[0]], SPACE, strlen(SPACE)) == 0;
    free(ids);
    return LMVR_OK;
}

static lmvr_status write_pieces(const char *path, const struct tokenizer *tokenizer, struct token_list *list,
                                struct gguf_writer *writer, lmvr_error *error)
{
    bool keeps = false, prefix = false;
    TRY(sentencepiece_list(tokenizer, path, list, error));
    if (!is_bpe(list))
        return refuse(path, "it is a unigram model, not BPE", error);
    TRY(keeps_texts(tokenizer, &keeps, error));
    if (!keeps)
        return refuse(path, "it normalizes texts, or has no pieces for single bytes", error);
    TRY(has_prefix(tokenizer, list, &prefix, error));
    gguf_write_bool(writer, "tokenizer.ggml.add_space_prefix", prefix);
    return write_list(list, "llama", "default", writer, error);
}

lmvr_status tokenizer_write_sentencepiece(const char *path, int rows, struct gguf_writer *writer, lmvr_error *error)
{
    struct tokenizer *tokenizer;
    struct token_list list;
    TRY(tokenizer_open_sentencepiece(path, &tokenizer, error));
    lmvr_status status = token_list_create(&list, rows, error);
    if (status == LMVR_OK)
        status = write_pieces(path, tokenizer, &list, writer, error);
    token_list_finish(&list);
    tokenizer_close(tokenizer);
    return status;
}

/* ---- tokenizer.json: tokens ------------------------------------------------------------------------------------------- */

struct source {
    struct json_node root, model;
    const json_t *vocabulary;
    struct token_list list;
};

static lmvr_status list_vocabulary(struct source *s, bool bytes, lmvr_error *error)
{
    const char *text;
    json_t *id;
    json_object_foreach((json_t *)s->vocabulary, text, id)
    {
        bool byte = !bytes && strlen(text) == 6 && strncmp(text, "<0x", 3) == 0;
        TRY(token_list_set(&s->list, s->root.file, json_integer_value(id), text, byte ? TOKEN_BYTE : TOKEN_NORMAL, 0, error));
    }
    return LMVR_OK;
}

static bool has_flag(const json_t *token)
{
    return json_is_true(json_object_get(token, "lstrip")) || json_is_true(json_object_get(token, "rstrip")) ||
           json_is_true(json_object_get(token, "single_word"));
}

static lmvr_status list_added(struct source *s, lmvr_error *error)
{
    size_t i;
    json_t *token;
    const char *unknown = json_string_value(json_node_get(&s->model, "unk_token"));
    json_array_foreach(json_object_get(s->root.object, "added_tokens"), i, token)
    {
        const char *text = json_string_value(json_object_get(token, "content"));
        bool special = json_is_true(json_object_get(token, "special"));
        if (has_flag(token))
            return refuse(s->root.file, "an added token has lstrip, rstrip or single_word", error);
        enum token_type type = !special                                ? TOKEN_USER_DEFINED
                               : unknown && strcmp(text, unknown) == 0 ? TOKEN_UNKNOWN
                                                                       : TOKEN_CONTROL;
        TRY(token_list_set(&s->list, s->root.file, json_integer_value(json_object_get(token, "id")), text, type, 0, error));
    }
    return LMVR_OK;
}

/* ---- gpt2 ------------------------------------------------------------------------------------------------------------- */

/* Patterns that cut a text in turn. */
struct cuts {
    const char *patterns[GGUF_MAX_PATTERNS];
    int count;
    bool bytes; /* and then bytes become characters */
};

static lmvr_status add_cut(const struct json_node *node, struct cuts *cuts, const char *pattern, lmvr_error *error)
{
    if (cuts->bytes || cuts->count == GGUF_MAX_PATTERNS)
        return json_refuse(node, "type", "one step less", error);
    cuts->patterns[cuts->count++] = pattern;
    return LMVR_OK;
}

static lmvr_status read_split(const struct json_node *node, void *into, lmvr_error *error)
{
    const char *pattern = json_string_value(json_object_get(json_node_get(node, "pattern"), "Regex"));
    const char *behavior = json_string_value(json_node_get(node, "behavior"));
    if (!pattern || strcmp(behavior, "Isolated") != 0 || json_is_true(json_node_get(node, "invert")))
        return json_refuse(node, "pattern", "a Regex whose matches are Isolated", error);
    return add_cut(node, into, pattern, error);
}

static lmvr_status read_digits(const struct json_node *node, void *into, lmvr_error *error)
{
    if (!json_is_true(json_node_get(node, "individual_digits")))
        return json_refuse(node, "individual_digits", "true", error);
    return add_cut(node, into, "\\p{N}", error);
}

static lmvr_status read_bytes(const struct json_node *node, void *into, lmvr_error *error)
{
    struct cuts *cuts = into;
    bool prefix = true, divides = true;
    TRY(json_node_bool(node, "add_prefix_space", &prefix, error));
    TRY(json_node_bool(node, "use_regex", &divides, error));
    if (prefix)
        return json_refuse(node, "add_prefix_space", "false", error);
    if (divides)
        TRY(add_cut(node, cuts, BYTE_LEVEL_PATTERN, error));
    cuts->bytes = true;
    return LMVR_OK;
}

static lmvr_status find_splitting(const struct source *s, const struct gguf_splitting **splitting, lmvr_error *error)
{
    static const struct component_type types[] = {{"Split", read_split}, {"Digits", read_digits}, {"ByteLevel", read_bytes}};
    struct cuts cuts = {0};
    bool whole_words = false;
    TRY(json_node_bool(&s->model, "ignore_merges", &whole_words, error));
    lmvr_status status = component_read(&s->root, "pre_tokenizer", "pretokenizers", types, 3, &cuts, error);
    *splitting = status == LMVR_OK && cuts.bytes ? gguf_splitting_by(cuts.patterns, whole_words) : NULL;
    if (*splitting)
        return LMVR_OK;
    return refuse(s->root.file, "its pre_tokenizer is none that has a name there: llama-bpe, qwen2, smollm or gpt-2", error);
}

static lmvr_status read_nfc(const struct json_node *node, void *into, lmvr_error *error)
{
    (void)node, (void)error;
    *(bool *)into = true;
    return LMVR_OK;
}

/* A merge as two parts, of "left right" or of a list; a space in a part is not told from that between them. */
static char *merge_text(const json_t *merge)
{
    char *text = NULL;
    if (json_is_string(merge))
        return strdup(json_string_value(merge));
    const char *left = json_string_value(json_array_get(merge, 0)), *right = json_string_value(json_array_get(merge, 1));
    return asprintf(&text, "%s %s", left, right) < 0 ? NULL : text;
}

static lmvr_status write_merges(const struct source *s, struct gguf_writer *writer, lmvr_error *error)
{
    const json_t *merges = json_node_get(&s->model, "merges");
    size_t count = json_array_size(merges);
    struct gguf_text *texts = calloc(count + 1, sizeof *texts);
    lmvr_status status = texts ? LMVR_OK : error_no_memory(error, "the tokenizer");
    for (size_t i = 0; status == LMVR_OK && i < count; i++) {
        texts[i].bytes = merge_text(json_array_get(merges, i));
        if (!texts[i].bytes)
            status = error_no_memory(error, "the tokenizer");
        else
            texts[i].length = strlen(texts[i].bytes);
    }
    if (status == LMVR_OK)
        gguf_write_strings(writer, "tokenizer.ggml.merges", texts, count);
    for (size_t i = 0; texts && i < count; i++)
        free((char *)texts[i].bytes);
    free(texts);
    return status;
}

static lmvr_status write_gpt2(struct source *s, struct gguf_writer *writer, lmvr_error *error)
{
    static const struct component_type normalizers[] = {{"NFC", read_nfc}};
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    const struct gguf_splitting *splitting;
    bool nfc = false;
    for (int i = 0; i < 2; i++)
        if (json_string_length(json_node_get(&s->model, affixes[i])) > 0)
            return refuse(s->root.file, "its words have prefixes or suffixes", error);
    TRY(find_splitting(s, &splitting, error));
    if (component_read(&s->root, "normalizer", "normalizers", normalizers, 1, &nfc, error) != LMVR_OK)
        return refuse(s->root.file, "its normalizer is more than NFC", error);
    TRY(list_vocabulary(s, true, error));
    TRY(list_added(s, error));
    gguf_write_bool(writer, "tokenizer.ggml.normalizer.nfc", nfc);
    TRY(write_merges(s, writer, error));
    char pre[32];
    const char *end = strchr(splitting->names + 1, ' ');
    snprintf(pre, sizeof pre, "%.*s", (int)(end - splitting->names - 1), splitting->names + 1);
    return write_list(&s->list, "gpt2", pre, writer, error);
}

/* ---- llama ------------------------------------------------------------------------------------------------------------ */

static lmvr_status read_prepend(const struct json_node *node, void *into, lmvr_error *error)
{
    const char *text = json_string_value(json_node_get(node, "prepend"));
    *(bool *)into = true;
    return strcmp(text, SPACE) == 0 ? LMVR_OK : json_refuse(node, "prepend", "U+2581", error);
}

static lmvr_status read_replace(const struct json_node *node, void *into, lmvr_error *error)
{
    (void)into;
    const char *from = json_string_value(json_object_get(json_node_get(node, "pattern"), "String"));
    const char *to = json_string_value(json_node_get(node, "content"));
    return from && strcmp(from, " ") == 0 && strcmp(to, SPACE) == 0 ? LMVR_OK : json_refuse(node, "pattern", "a space", error);
}

/* A token's score is the place of the first merge that makes it. */
static lmvr_status score(struct source *s, lmvr_error *error)
{
    const json_t *merges = json_node_get(&s->model, "merges");
    size_t count = json_array_size(merges);
    for (int i = 0; i < s->list.count; i++)
        s->list.scores[i] = -(float)count;
    for (size_t i = count; i-- > 0;) {
        char *text = merge_text(json_array_get(merges, i)), *space = text ? strchr(text, ' ') : NULL;
        if (!space) {
            free(text);
            return text ? refuse(s->root.file, "a merge has no two parts", error) : error_no_memory(error, "the tokenizer");
        }
        memmove(space, space + 1, strlen(space)); /* with the zero byte */
        const json_t *id = json_object_get(s->vocabulary, text);
        free(text);
        if (id)
            s->list.scores[json_integer_value(id)] = -(float)i;
    }
    return LMVR_OK;
}

static lmvr_status write_llama(struct source *s, struct gguf_writer *writer, lmvr_error *error)
{
    static const struct component_type normalizers[] = {{"Prepend", read_prepend}, {"Replace", read_replace}};
    bool prefix = false;
    if (json_node_get(&s->root, "pre_tokenizer") ||
        component_read(&s->root, "normalizer", "normalizers", normalizers, 2, &prefix, error) != LMVR_OK)
        return refuse(s->root.file, "it does more to texts than to prepend U+2581 and replace spaces with it", error);
    TRY(list_vocabulary(s, false, error));
    TRY(list_added(s, error));
    TRY(score(s, error));
    gguf_write_bool(writer, "tokenizer.ggml.add_space_prefix", prefix);
    return write_list(&s->list, "llama", "default", writer, error);
}

static lmvr_status write_json(struct source *s, struct gguf_writer *writer, lmvr_error *error)
{
    bool characters = false;
    TRY(json_node_object(&s->root, "model", &s->model, error));
    TRY(json_node_bool(&s->model, "byte_fallback", &characters, error));
    s->vocabulary = json_node_get(&s->model, "vocab");
    return characters ? write_llama(s, writer, error) : write_gpt2(s, writer, error);
}

lmvr_status tokenizer_write_json(const char *path, int rows, struct gguf_writer *writer, lmvr_error *error)
{
    struct tokenizer *checked; /* so that all that is looked at is as it should be */
    struct source source = {0};
    json_t *root;
    TRY(json_read(path, NULL, &root, error));
    source.root = json_node_root(path, root);
    lmvr_status status = tokenizer_parse_json(path, root, &checked, error);
    if (status == LMVR_OK) {
        tokenizer_close(checked);
        status = token_list_create(&source.list, rows, error);
    }
    if (status == LMVR_OK)
        status = write_json(&source, writer, error);
    token_list_finish(&source.list);
    json_decref(root);
    return status;
}
