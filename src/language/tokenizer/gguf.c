/*
 * The vocabulary in a GGUF file (keys tokenizer.ggml.…) as the tokenizer.json that it was, or could have been, made from.
 * "gpt2" is BPE over bytes, whose pre-tokenizer has a name; "llama" is SentencePiece's BPE, whose merges follow from the scores
 * as in transformers' convert_slow_tokenizer.py. Sources: llama.cpp's conversion scripts and llama-vocab.cpp.
 */
#include "format/gguf.h"
#include "language/tokenizer/gguf_splitting.h"
#include "language/tokenizer/kind.h"
#include "language/tokenizer/token_list.h"
#include "language/tokenizer/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#define SPACE "\xE2\x96\x81" /* U+2581, which stands for a space in SentencePiece's pieces */

struct tokens {
    const struct gguf *file;
    const char *path;
    bool llama; /* else gpt2 */
    size_t count;
    struct gguf_text *texts;
    double *types;  /* (count) */
    double *scores; /* (count); NULL: none */
};

/* ---- what the file has ------------------------------------------------------------------------------------------------ */

static bool is(struct gguf_text text, const char *expected)
{
    return text.length == strlen(expected) && memcmp(text.bytes, expected, text.length) == 0;
}

/* Numbers, one for each token. */
static lmvr_status read_numbers(const struct tokens *t, const char *key, double **values, lmvr_error *error)
{
    size_t count = 0;
    TRY(gguf_numbers(t->file, key, values, &count, error));
    if (count == t->count)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: key %s has %zu numbers, but there are %zu tokens", t->path, key, count,
                     t->count);
}

static lmvr_status read_tokens(struct tokens *t, lmvr_error *error)
{
    const char *key = "tokenizer.ggml.model";
    struct gguf_text model;
    TRY(gguf_string(t->file, key, &model, error));
    t->llama = is(model, "llama");
    if (!t->llama && !is(model, "gpt2"))
        return error_set(error, LMVR_ERROR_INVALID, "%s: key %s is %.*s, expected llama or gpt2", t->path, key,
                         (int)(model.length < 60 ? model.length : 60), model.bytes);
    TRY(gguf_strings(t->file, "tokenizer.ggml.tokens", &t->texts, &t->count, error));
    if (t->count == 0 || t->count > VOCABULARY_MAX)
        return error_set(error, LMVR_ERROR_INVALID, "%s: key tokenizer.ggml.tokens has %zu tokens, expected 1 to %d", t->path,
                         t->count, VOCABULARY_MAX);
    TRY(read_numbers(t, "tokenizer.ggml.token_type", &t->types, error));
    return t->llama ? read_numbers(t, "tokenizer.ggml.scores", &t->scores, error) : LMVR_OK;
}

static bool flag(const struct tokens *t, const char *key, bool missing)
{
    bool value;
    lmvr_error unknown;
    return gguf_bool(t->file, key, &value, &unknown) == LMVR_OK ? value : missing;
}

/* ---- the vocabulary and the added tokens ------------------------------------------------------------------------------ */

/* Places without a token, and what no text can have in it. */
static bool is_empty(const struct tokens *t, size_t i)
{
    return t->types[i] == TOKEN_UNUSED || t->texts[i].length == 0 || memchr(t->texts[i].bytes, '\0', t->texts[i].length);
}

/* Of two tokens with one text the first is the one that texts become. */
static lmvr_status add_vocabulary(const struct tokens *t, json_t *vocabulary, lmvr_error *error)
{
    for (size_t i = 0; i < t->count; i++) {
        json_t *text = is_empty(t, i) ? NULL : json_stringn(t->texts[i].bytes, t->texts[i].length);
        if (!text && !is_empty(t, i))
            return error_set(error, LMVR_ERROR_INVALID, "%s: key tokenizer.ggml.tokens: token %zu is not UTF-8", t->path, i);
        if (text && !json_object_get(vocabulary, json_string_value(text)))
            json_object_set_new(vocabulary, json_string_value(text), json_integer((json_int_t)i));
        json_decref(text);
    }
    return LMVR_OK;
}

static json_t *added_tokens(const struct tokens *t, const json_t *vocabulary)
{
    json_t *list = json_array();
    for (size_t i = 0; i < t->count; i++) {
        bool special = t->types[i] == TOKEN_CONTROL || t->types[i] == TOKEN_UNKNOWN;
        if (is_empty(t, i) || !(special || t->types[i] == TOKEN_USER_DEFINED))
            continue;
        json_t *text = json_stringn(t->texts[i].bytes, t->texts[i].length);
        if (json_integer_value(json_object_get(vocabulary, json_string_value(text))) == (json_int_t)i)
            json_array_append_new(list, json_pack("{s:I, s:O, s:b, s:b}", "id", (json_int_t)i, "content", text, "special",
                                                  special, "normalized", 0));
        json_decref(text);
    }
    return list;
}

/* ---- around a text ---------------------------------------------------------------------------------------------------- */

/* The begin token, where the model wants one: a TemplateProcessing, or null. LLaMA's is 1 where no key has it. */
static lmvr_status make_frame(const struct tokens *t, bool begins, json_t **frame, lmvr_error *error)
{
    int64_t id = 1;
    const char *key = "tokenizer.ggml.bos_token_id";
    *frame = json_null();
    if (!flag(t, "tokenizer.ggml.add_bos_token", begins))
        return LMVR_OK;
    if (!t->llama || gguf_has(t->file, key) || t->count < 2)
        TRY(gguf_integer(t->file, key, 0, (int64_t)t->count - 1, &id, error));
    *frame = json_pack("{s:s, s:[{s:{s:s}}, {s:{s:s}}], s:{s:{s:[I]}}}", "type", "TemplateProcessing", "single", "SpecialToken",
                       "id", "begin", "Sequence", "id", "A", "special_tokens", "begin", "ids", (json_int_t)id);
    return LMVR_OK;
}

/* ---- gpt2 ------------------------------------------------------------------------------------------------------------- */

static lmvr_status find_splitting(const struct tokens *t, const struct gguf_splitting **splitting, lmvr_error *error)
{
    const char *key = "tokenizer.ggml.pre";
    struct gguf_text name;
    TRY(gguf_string(t->file, key, &name, error));
    *splitting = gguf_splitting_named(name.bytes, name.length);
    if (*splitting)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "%s: key %s is %.*s, expected a pre-tokenizer that is known here: llama-bpe, qwen2, smollm or gpt-2",
                     t->path, key, (int)(name.length < 60 ? name.length : 60), name.bytes);
}

static json_t *make_splitting(const struct gguf_splitting *splitting)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < GGUF_MAX_PATTERNS && splitting->patterns[i]; i++)
        json_array_append_new(steps, json_pack("{s:s, s:{s:s}, s:s, s:b}", "type", "Split", "pattern", "Regex",
                                               splitting->patterns[i], "behavior", "Isolated", "invert", 0));
    json_array_append_new(steps, json_pack("{s:s, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0, "use_regex", 0));
    return json_pack("{s:s, s:o}", "type", "Sequence", "pretokenizers", steps);
}

static lmvr_status copy_merges(const struct tokens *t, json_t *model, lmvr_error *error)
{
    struct gguf_text *merges = NULL;
    size_t count = 0;
    json_t *list = json_array();
    json_object_set_new(model, "merges", list);
    TRY(gguf_strings(t->file, "tokenizer.ggml.merges", &merges, &count, error));
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_stringn(merges[i].bytes, merges[i].length));
    free(merges);
    if (json_array_size(list) == count)
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID, "%s: key tokenizer.ggml.merges holds what is not UTF-8", t->path);
}

static lmvr_status make_gpt2(const struct tokens *t, json_t *root, json_t *model, json_t **frame, lmvr_error *error)
{
    const struct gguf_splitting *splitting;
    TRY(find_splitting(t, &splitting, error));
    if (flag(t, "tokenizer.ggml.normalizer.nfc", splitting->nfc))
        json_object_set_new(root, "normalizer", json_pack("{s:s}", "type", "NFC"));
    json_object_set_new(root, "pre_tokenizer", make_splitting(splitting));
    json_object_set_new(root, "decoder", json_pack("{s:s}", "type", "ByteLevel"));
    json_object_set_new(model, "ignore_merges", json_boolean(splitting->whole_words));
    TRY(copy_merges(t, model, error));
    return make_frame(t, splitting->begins, frame, error);
}

/* ---- llama ------------------------------------------------------------------------------------------------------------ */

struct merge {
    double score;
    size_t id;           /* of what it makes */
    uint32_t left, size; /* bytes of its first part, and of both */
};

/* As transformers sorts them: by score, then the longer first part first. */
static int compare_merges(const void *a, const void *b)
{
    const struct merge *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return x->left > y->left ? -1 : 1;
}

/* Converters of models without SentencePiece's file write one score for all; ids are then in the order of merges. */
static bool scores_say_nothing(const struct tokens *t)
{
    double first = 0;
    bool seen = false;
    for (size_t i = 0; i < t->count; i++) {
        if (t->types[i] != TOKEN_NORMAL)
            continue;
        if (seen && t->scores[i] != first)
            return false;
        first = t->scores[i];
        seen = true;
    }
    return true;
}

static bool is_part(const struct tokens *t, const struct vocabulary *v, const char *bytes, size_t size)
{
    int32_t id = vocabulary_find(v, bytes, size);
    return id >= 0 && t->types[id] == TOKEN_NORMAL;
}

/* All ways in which two pieces make the piece. `merges` NULL: counts them only. */
static size_t list_merges(const struct tokens *t, const struct vocabulary *v, size_t id, bool by_id, struct merge *merges)
{
    const struct gguf_text *text = &t->texts[id];
    size_t count = 0;
    for (size_t left = 1; left < text->length; left++) {
        bool inside = ((unsigned char)text->bytes[left] & 0xC0) == 0x80;
        if (inside || !is_part(t, v, text->bytes, left) || !is_part(t, v, text->bytes + left, text->length - left))
            continue;
        if (merges)
            merges[count] = (struct merge){by_id ? -(double)id : t->scores[id], id, (uint32_t)left, (uint32_t)text->length};
        count++;
    }
    return count;
}

static lmvr_status find_merges(const struct tokens *t, const struct vocabulary *v, json_t *list, lmvr_error *error)
{
    size_t count = 0, at = 0;
    bool by_id = scores_say_nothing(t);
    for (size_t i = 0; i < t->count; i++)
        count += t->types[i] == TOKEN_NORMAL ? list_merges(t, v, i, by_id, NULL) : 0;
    struct merge *merges = calloc(count + 1, sizeof *merges);
    if (!merges)
        return error_no_memory(error, t->path);
    for (size_t i = 0; i < t->count; i++)
        at += t->types[i] == TOKEN_NORMAL ? list_merges(t, v, i, by_id, merges + at) : 0;
    qsort(merges, count, sizeof *merges, compare_merges);
    for (size_t i = 0; i < count; i++) {
        const char *bytes = t->texts[merges[i].id].bytes;
        json_array_append_new(list, json_pack("[s%, s%]", bytes, (size_t)merges[i].left, bytes + merges[i].left,
                                              (size_t)(merges[i].size - merges[i].left)));
    }
    free(merges);
    return LMVR_OK;
}

static lmvr_status make_merges(const struct tokens *t, json_t *model, lmvr_error *error)
{
    struct vocabulary vocabulary = {{0}, NULL, 0, 0, NULL, 0};
    json_t *list = json_array();
    json_object_set_new(model, "merges", list);
    const struct json_node node = json_node_root(t->path, model);
    lmvr_status status = vocabulary_parse(&node, "vocab", &vocabulary, error);
    if (status == LMVR_OK)
        status = find_merges(t, &vocabulary, list, error);
    vocabulary_finish(&vocabulary);
    return status;
}

static json_t *replace(const char *from, const char *to)
{
    return json_pack("{s:s, s:{s:s}, s:s}", "type", "Replace", "pattern", "String", from, "content", to);
}

static lmvr_status make_llama(const struct tokens *t, json_t *root, json_t *model, json_t **frame, lmvr_error *error)
{
    bool prefix = flag(t, "tokenizer.ggml.add_space_prefix", true);
    json_t *before = json_array(),
           *after = json_pack("[o, {s:s}, {s:s}]", replace(SPACE, " "), "type", "ByteFallback", "type", "Fuse");
    if (prefix) {
        json_array_append_new(before, json_pack("{s:s, s:s}", "type", "Prepend", "prepend", SPACE));
        json_array_append_new(after, json_pack("{s:s, s:s, s:i, s:i}", "type", "Strip", "content", " ", "start", 1, "stop", 0));
    }
    json_array_append_new(before, replace(" ", SPACE));
    json_object_set_new(root, "normalizer", json_pack("{s:s, s:o}", "type", "Sequence", "normalizers", before));
    json_object_set_new(root, "decoder", json_pack("{s:s, s:o}", "type", "Sequence", "decoders", after));
    json_object_set_new(model, "byte_fallback", json_true());
    json_object_set_new(model, "fuse_unk", json_true());
    for (size_t i = 0; i < t->count; i++)
        if (t->types[i] == TOKEN_UNKNOWN && !is_empty(t, i))
            json_object_set_new(model, "unk_token", json_stringn(t->texts[i].bytes, t->texts[i].length));
    TRY(make_merges(t, model, error));
    return make_frame(t, true, frame, error);
}

/* ---- the whole -------------------------------------------------------------------------------------------------------- */

static lmvr_status make(struct tokens *t, json_t *root, lmvr_error *error)
{
    json_t *model = json_object(), *vocabulary = json_object(), *frame = NULL;
    json_object_set_new(root, "model", model);
    json_object_set_new(model, "type", json_string("BPE"));
    json_object_set_new(model, "vocab", vocabulary);
    TRY(read_tokens(t, error));
    TRY(add_vocabulary(t, vocabulary, error));
    json_object_set_new(root, "added_tokens", added_tokens(t, vocabulary));
    TRY((t->llama ? make_llama : make_gpt2)(t, root, model, &frame, error));
    return json_object_set_new(root, "post_processor", frame) == 0 ? LMVR_OK : error_no_memory(error, t->path);
}

/* The file's tokenizer as JSON, to be released also after a failure. */
static lmvr_status read_json(const char *path, json_t **root, lmvr_error *error)
{
    struct gguf *file;
    *root = json_object();
    TRY(gguf_open(path, &file, error));
    struct tokens tokens = {.file = file, .path = path};
    lmvr_status status = make(&tokens, *root, error);
    free(tokens.texts);
    free(tokens.types);
    free(tokens.scores);
    gguf_close(file);
    return status;
}

lmvr_status tokenizer_open_gguf(const char *path, struct tokenizer **tokenizer, lmvr_error *error)
{
    json_t *root;
    *tokenizer = NULL;
    lmvr_status status = read_json(path, &root, error);
    if (status == LMVR_OK)
        status = tokenizer_parse_json(path, root, tokenizer, error);
    json_decref(root);
    return status;
}

lmvr_status tokenizer_json_of_gguf(const char *path, char **json, lmvr_error *error)
{
    json_t *root;
    lmvr_status status = read_json(path, &root, error);
    *json = status == LMVR_OK ? json_dumps(root, JSON_COMPACT) : NULL;
    if (status == LMVR_OK && !*json)
        status = error_no_memory(error, path);
    json_decref(root);
    return status;
}
