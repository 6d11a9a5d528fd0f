#include "language/tokenizer/bpe.h"
#include "language/tokenizer/component.h"

#include <stdio.h>
#include <stdlib.h>

static lmvr_status copy_string(const struct json_node *model, const char *key, char **copy, lmvr_error *error)
{
    const char *string = NULL;
    TRY(json_node_string(model, key, &string, error));
    return string && *string ? component_copy(string, copy, error) : LMVR_OK;
}

static lmvr_status parse_settings(const struct json_node *model, struct bpe *bpe, lmvr_error *error)
{
    double dropout = 0;
    TRY(json_node_double(model, "dropout", 0, 1, &dropout, error));
    if (dropout > 0)
        return json_refuse(model, "dropout", "null, as texts are not cut at random here", error);
    TRY(copy_string(model, "unk_token", &bpe->unknown_piece, error));
    TRY(copy_string(model, "continuing_subword_prefix", &bpe->prefix, error));
    TRY(copy_string(model, "end_of_word_suffix", &bpe->suffix, error));
    TRY(json_node_bool(model, "fuse_unk", &bpe->fuse_unknown, error));
    TRY(json_node_bool(model, "byte_fallback", &bpe->byte_fallback, error));
    return json_node_bool(model, "ignore_merges", &bpe->whole_words_first, error);
}

/* A merge's two pieces: "a b" or ["a", "b"]. */
struct pair {
    const char *left, *right;
    size_t left_size, right_size;
};

static bool read_pair(const json_t *merge, struct pair *pair)
{
    if (json_is_array(merge) && json_array_size(merge) == 2) {
        pair->left = json_string_value(json_array_get(merge, 0));
        pair->right = json_string_value(json_array_get(merge, 1));
        if (!pair->left || !pair->right)
            return false;
        pair->left_size = strlen(pair->left);
        pair->right_size = strlen(pair->right);
        return true;
    }
    const char *both = json_string_value(merge), *space = both ? strchr(both, ' ') : NULL;
    if (!space || strchr(space + 1, ' '))
        return false;
    *pair = (struct pair){both, space + 1, (size_t)(space - both), strlen(space + 1)};
    return true;
}

/* The later of two merges of the same pair counts. */
static void insert(struct bpe *bpe, struct bpe_merge merge)
{
    uint32_t slot = bpe_slot(merge.left, merge.right);
    struct bpe_merge *place = &bpe->merges[slot & bpe->mask];
    while (place->left >= 0 && !(place->left == merge.left && place->right == merge.right))
        place = &bpe->merges[++slot & bpe->mask];
    *place = merge;
}

static lmvr_status parse_merge(const char *where, const json_t *merge, int32_t rank, struct bpe *bpe, struct buffer *joined,
                               lmvr_error *error)
{
    struct pair pair;
    size_t prefix = bpe->prefix ? strlen(bpe->prefix) : 0;
    if (!read_pair(merge, &pair))
        return error_set(error, LMVR_ERROR_INVALID, "%s is not a merge, expected \"a b\" or [\"a\", \"b\"]", where);
    if (pair.right_size < prefix)
        return error_set(error, LMVR_ERROR_INVALID, "%s: \"%.40s\" does not begin with continuing_subword_prefix", where,
                         pair.right);
    joined->size = 0;
    TRY(buffer_add(joined, pair.left, pair.left_size, error));
    TRY(buffer_add(joined, pair.right + prefix, pair.right_size - prefix, error));
    const struct bpe_merge found = {vocabulary_find(&bpe->vocabulary, pair.left, pair.left_size),
                                    vocabulary_find(&bpe->vocabulary, pair.right, pair.right_size), rank,
                                    vocabulary_find(&bpe->vocabulary, joined->bytes ? joined->bytes : "", joined->size)};
    if (found.left < 0 || found.right < 0 || found.result < 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: \"%.*s\" is not in the vocabulary", where,
                         (int)(found.left < 0    ? pair.left_size
                               : found.right < 0 ? pair.right_size
                                                 : joined->size),
                         found.left < 0    ? pair.left
                         : found.right < 0 ? pair.right
                                           : joined->bytes);
    insert(bpe, found);
    return LMVR_OK;
}

static lmvr_status parse_merges(const struct json_node *model, struct bpe *bpe, lmvr_error *error)
{
    const json_t *merges = json_node_get(model, "merges");
    char where[300];
    struct buffer joined = {0};
    if (!json_is_array(merges) || json_array_size(merges) > VOCABULARY_MAX)
        return json_refuse(model, "merges", "a list", error);
    size_t count = json_array_size(merges);
    bpe->mask = 1;
    while (bpe->mask < 2 * count)
        bpe->mask = 2 * bpe->mask + 1;
    bpe->merges = malloc(((size_t)bpe->mask + 1) * sizeof *bpe->merges);
    if (!bpe->merges)
        return error_no_memory(error, "the merges");
    memset(bpe->merges, 0xFF, ((size_t)bpe->mask + 1) * sizeof *bpe->merges);
    lmvr_status status = LMVR_OK;
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        const json_t *merge = json_array_get(merges, i);
        const char *line = json_string_value(merge);
        if (line && strncmp(line, "#version", 8) == 0)
            continue;
        snprintf(where, sizeof where, "%.200s: model.merges[%zu]", model->file, i);
        status = parse_merge(where, merge, (int32_t)i, bpe, &joined, error);
    }
    buffer_free(&joined);
    return status;
}

static void fill_tables(struct bpe *bpe)
{
    char piece[8];
    for (int i = 0; i < 256; i++) {
        snprintf(piece, sizeof piece, "<0x%02X>", (unsigned)i);
        bpe->bytes[i] = vocabulary_find(&bpe->vocabulary, piece, 6);
    }
    for (uint32_t i = 0; i < BPE_SHORT_CHARACTERS; i++)
        bpe->characters[i] = vocabulary_find(&bpe->vocabulary, piece, character_write(i, piece));
    const char *unknown = bpe->unknown_piece;
    bpe->unknown = unknown ? vocabulary_find(&bpe->vocabulary, unknown, strlen(unknown)) : -1;
}

/* Early files have no type. */
static lmvr_status check_type(const struct json_node *model, lmvr_error *error)
{
    const char *type = "BPE";
    TRY(json_node_string(model, "type", &type, error));
    if (strcmp(type, "Unigram") == 0)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: holds a Unigram model, which is read from SentencePiece's file only; expected tokenizer.model or "
                         "spiece.model beside it, which the model that it was made from has",
                         model->file);
    return strcmp(type, "BPE") == 0 ? LMVR_OK : json_refuse(model, "type", "BPE", error);
}

lmvr_status bpe_parse(const struct json_node *root, struct bpe *bpe, lmvr_error *error)
{
    struct json_node model;
    TRY(json_node_object(root, "model", &model, error));
    if (!model.object)
        return json_refuse(root, "model", "an object", error);
    TRY(check_type(&model, error));
    TRY(parse_settings(&model, bpe, error));
    TRY(vocabulary_parse(&model, "vocab", &bpe->vocabulary, error));
    TRY(parse_merges(&model, bpe, error));
    fill_tables(bpe);
    return LMVR_OK;
}
