#include "language/tokenizer/added_tokens.h"

#include "language/tokenizer/characters.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the file ------------------------------------------------------------------------------------------------------- */

const struct added_token *added_tokens_find(const struct added_tokens *tokens, const char *content)
{
    for (size_t i = 0; i < tokens->count; i++)
        if (strcmp(tokens->items[i].content, content) == 0)
            return &tokens->items[i];
    return NULL;
}

static int by_id(const void *a, const void *b)
{
    int32_t left = ((const struct added_token *)a)->id, right = ((const struct added_token *)b)->id;
    return (left > right) - (left < right);
}

const struct added_token *added_tokens_of(const struct added_tokens *tokens, int32_t id)
{
    const struct added_token key = {.id = id};
    return tokens->count > 0 ? bsearch(&key, tokens->items, tokens->count, sizeof key, by_id) : NULL;
}

static lmvr_status parse_flags(const struct json_node *node, struct added_token *token, lmvr_error *error)
{
    token->normalized = true;
    TRY(json_node_bool(node, "special", &token->special, error));
    TRY(json_node_bool(node, "single_word", &token->single_word, error));
    TRY(json_node_bool(node, "lstrip", &token->left_strip, error));
    TRY(json_node_bool(node, "rstrip", &token->right_strip, error));
    return json_node_bool(node, "normalized", &token->normalized, error);
}

/* *next is the id of the next token that the vocabulary does not have. */
static lmvr_status parse_token(const struct json_node *node, const struct vocabulary *vocabulary, int32_t *next,
                               struct added_token *token, lmvr_error *error)
{
    const char *content;
    int declared = -1;
    char expected[100];
    TRY(component_string(node, "content", &content, error));
    TRY(json_node_int(node, "id", 0, VOCABULARY_MAX - 1, &declared, error));
    TRY(parse_flags(node, token, error));
    TRY(component_copy(content, &token->content, error));
    int32_t known = vocabulary_find(vocabulary, content, strlen(content));
    token->id = known >= 0 ? known : *next;
    if (declared != token->id) {
        snprintf(expected, sizeof expected, "%d, %s", token->id,
                 known >= 0 ? "which model.vocab gives it" : "the next after the vocabulary's");
        return json_refuse(node, "id", expected, error);
    }
    *next += known < 0;
    return LMVR_OK;
}

static lmvr_status normalize_token(const struct normalizer *normalizer, struct added_token *token, lmvr_error *error)
{
    struct buffer other = {0};
    struct spans spans = {0};
    bool first = true;
    lmvr_status status = buffer_add(&token->normal, token->content, strlen(token->content), error);
    if (status == LMVR_OK && token->normalized)
        status = normalizer_run(normalizer, &token->normal, &other, &spans, &first, error);
    buffer_free(&other);
    spans_finish(&spans);
    return status;
}

/* Special tokens are left out by the text that they decode to, as the library does. */
static void mark_left_out(struct added_tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++) {
        struct added_token *token = &tokens->items[i];
        size_t size = strlen(token->content);
        if (token->special && token->normal.size == size && memcmp(token->normal.bytes, token->content, size) == 0)
            token->left_out = true;
    }
}

static int compare_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static int by_bytes(const void *a, const void *b)
{
    const struct buffer *left = &(*(const struct added_token *const *)a)->normal;
    const struct buffer *right = &(*(const struct added_token *const *)b)->normal;
    return compare_bytes(left->bytes, left->size, right->bytes, right->size);
}

static lmvr_status build_index(const char *file, const struct added_tokens *tokens, bool normalized, struct token_index *index,
                               lmvr_error *error)
{
    index->items = malloc((tokens->count + 1) * sizeof *index->items);
    if (!index->items)
        return error_no_memory(error, "the added tokens");
    for (size_t i = 0; i < tokens->count; i++) {
        const struct added_token *token = &tokens->items[i];
        if (token->normalized != normalized || token->normal.size == 0)
            continue;
        index->items[index->count++] = token;
        index->begins[(unsigned char)token->normal.bytes[0]] = true;
    }
    qsort(index->items, index->count, sizeof *index->items, by_bytes);
    for (size_t i = 1; i < index->count; i++)
        if (by_bytes(&index->items[i - 1], &index->items[i]) == 0)
            return error_set(error, LMVR_ERROR_INVALID, "%s: the added token \"%.40s\" is another's text", file,
                             index->items[i]->content);
    return LMVR_OK;
}

lmvr_status added_tokens_parse(const struct json_node *root, const struct vocabulary *vocabulary,
                               const struct normalizer *normalizer, struct added_tokens *tokens, lmvr_error *error)
{
    const json_t *list = json_node_get(root, "added_tokens");
    if (!list)
        return LMVR_OK;
    if (!json_is_array(list) || json_array_size(list) > VOCABULARY_MAX)
        return json_refuse(root, "added_tokens", "a list", error);
    tokens->items = calloc(json_array_size(list) + 1, sizeof *tokens->items);
    if (!tokens->items)
        return error_no_memory(error, "the added tokens");
    int32_t next = vocabulary->count;
    for (size_t i = 0; i < json_array_size(list); i++) {
        struct json_node node;
        struct added_token *token = &tokens->items[tokens->count];
        TRY(component_item(root, "added_tokens", i, &node, error));
        const char *content = json_string_value(json_node_get(&node, "content"));
        if (content && *content == '\0')
            continue;
        tokens->count++;
        TRY(parse_token(&node, vocabulary, &next, token, error));
        TRY(normalize_token(normalizer, token, error));
    }
    qsort(tokens->items, tokens->count, sizeof *tokens->items, by_id);
    mark_left_out(tokens);
    TRY(build_index(root->file, tokens, false, &tokens->plain, error));
    return build_index(root->file, tokens, true, &tokens->normalized, error);
}

void added_tokens_finish(struct added_tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++) {
        free(tokens->items[i].content);
        buffer_free(&tokens->items[i].normal);
    }
    free(tokens->items);
    free(tokens->plain.items);
    free(tokens->normalized.items);
}

/* ---- in texts ------------------------------------------------------------------------------------------------------- */

static lmvr_status add_run(struct runs *runs, size_t start, size_t end, const struct added_token *token, lmvr_error *error)
{
    if (runs->count == runs->space) {
        size_t space = 2 * runs->space + 16;
        struct run *grown = realloc(runs->items, space * sizeof *grown);
        if (!grown)
            return error_no_memory(error, "a text's tokens");
        runs->items = grown;
        runs->space = space;
    }
    runs->items[runs->count++] = (struct run){start, end, token};
    return LMVR_OK;
}

/* The longest token that the text begins with. The tokens that agree with its first bytes lie side by side in the index, and
 * those that end there come first among them. */
static const struct added_token *longest(const struct token_index *index, const char *text, size_t size)
{
    const struct added_token *found = NULL;
    size_t low = 0, high = index->count;
    for (size_t length = 0; length < size && low < high; length++) {
        unsigned char byte = (unsigned char)text[length];
        size_t from = low, to = high;
        while (from < to) {
            size_t middle = from + (to - from) / 2;
            bool before = (unsigned char)index->items[middle]->normal.bytes[length] < byte;
            *(before ? &from : &to) = before ? middle + 1 : middle;
        }
        low = from;
        to = high;
        while (from < to) {
            size_t middle = from + (to - from) / 2;
            bool before = (unsigned char)index->items[middle]->normal.bytes[length] <= byte;
            *(before ? &from : &to) = before ? middle + 1 : middle;
        }
        high = from;
        if (low < high && index->items[low]->normal.size == length + 1)
            found = index->items[low++];
    }
    return found;
}

static bool stands_alone(const char *text, size_t size, size_t start, size_t end)
{
    uint32_t code;
    if (start > 0) {
        character_read(text + start - character_size_before(text, start), &code);
        if (character_is_word(code))
            return false;
    }
    if (end == size)
        return true;
    character_read(text + end, &code);
    return !character_is_word(code);
}

static size_t spaces_before(const char *text, size_t end)
{
    uint32_t code;
    while (end > 0) {
        size_t size = character_size_before(text, end);
        character_read(text + end - size, &code);
        if (!character_is_space(code))
            break;
        end -= size;
    }
    return end;
}

static size_t spaces_after(const char *text, size_t size, size_t start)
{
    uint32_t code;
    while (start < size) {
        size_t length = character_read(text + start, &code);
        if (!character_is_space(code))
            break;
        start += length;
    }
    return start;
}

lmvr_status added_tokens_divide(const struct token_index *index, const char *text, size_t size, struct runs *runs,
                                lmvr_error *error)
{
    size_t covered = 0, at = 0;
    runs->count = 0;
    while (at < size && index->count > 0) {
        const struct added_token *token = index->begins[(unsigned char)text[at]] ? longest(index, text + at, size - at) : NULL;
        if (!token) {
            at++;
            continue;
        }
        size_t start = at, end = at + token->normal.size;
        at = end;
        if (token->single_word && !stands_alone(text, size, start, end))
            continue;
        if (token->left_strip) {
            size_t stripped = spaces_before(text, start);
            start = stripped > covered ? stripped : covered;
        }
        if (token->right_strip)
            end = spaces_after(text, size, end);
        if (covered < start)
            TRY(add_run(runs, covered, start, NULL, error));
        TRY(add_run(runs, start, end, token, error));
        covered = end;
    }
    return covered < size ? add_run(runs, covered, size, NULL, error) : LMVR_OK;
}
