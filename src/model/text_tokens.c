#include "model/text_tokens.h"

#include "format/input.h"
#include "format/json.h"

#include <stdlib.h>
#include <string.h>

/* The id of the token that `key` names, as "</s>" or as {"content": "</s>"}; unchanged where it names none. */
static lmvr_status read_token(const struct json_node *node, const char *key, const struct tokenizer *tokenizer, int32_t *id,
                              lmvr_error *error)
{
    struct json_node child = {0};
    const char *piece = NULL;
    if (json_is_object(json_node_get(node, key))) {
        TRY(json_node_object(node, key, &child, error));
        TRY(json_node_string(&child, "content", &piece, error));
    } else {
        TRY(json_node_string(node, key, &piece, error));
    }
    if (!piece)
        return LMVR_OK;
    int32_t found = tokenizer_find(tokenizer, piece);
    if (found < 0)
        return json_refuse(node, key, "a token of the tokenizer", error);
    *id = found;
    return LMVR_OK;
}

/* What SigLIP's tokenizer_config.json says. */
static lmvr_status read_config(const struct json_node *node, const struct tokenizer *tokenizer, struct text_rules *rules,
                               lmvr_error *error)
{
    if (rules->plain)
        TRY(json_node_bool(node, "do_lower_case", &rules->lowercase, error));
    TRY(read_token(node, "eos_token", tokenizer, &rules->end_token, error));
    return read_token(node, "pad_token", tokenizer, &rules->pad_token, error);
}

/* SigLIP's SentencePiece tokenizer drops punctuation; SigLIP 2's tokenizer.json was trained on texts in lower case only. */
static lmvr_status read_rules(const char *folder, bool json, const struct text_config *config,
                              const struct tokenizer *tokenizer, struct text_rules *rules, lmvr_error *error)
{
    struct tokenizer_frame frame = tokenizer_frame_of(tokenizer);
    json_t *root = NULL;
    *rules = (struct text_rules){.lowercase = config->pads,
                                 .plain = config->pads && !json,
                                 .begin_token = config->begin_token,
                                 .end_token = config->end_token,
                                 .pad_token = config->pads ? config->pad_token : -1,
                                 .positions = config->positions};
    char *path = input_path(folder, "tokenizer_config.json");
    if (!path)
        return error_no_memory(error, "the tokenizer");
    lmvr_status status = config->pads && input_exists(path) ? json_read(path, NULL, &root, error) : LMVR_OK;
    struct json_node node = json_node_root(path, root);
    if (status == LMVR_OK)
        status = read_config(&node, tokenizer, rules, error);
    json_decref(root);
    free(path);
    if (frame.before_count == 1)
        rules->begin_token = frame.before[0];
    if (frame.after_count == 1)
        rules->end_token = frame.after[0];
    return status;
}

static lmvr_status check(const char *file, const struct text_config *config, const struct tokenizer *tokenizer,
                         const struct text_rules *rules, lmvr_error *error)
{
    int size = tokenizer_size(tokenizer), rows = config->vocabulary;
    if (size > rows)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has %d pieces, but the text tower's embedding only %d rows", file,
                         size, rows);
    const int32_t ids[] = {rules->begin_token, rules->end_token, rules->pad_token};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (ids[i] >= rows)
            return error_set(error, LMVR_ERROR_INVALID,
                             "%s: a token around texts has the id %d, but the embedding only %d rows", file, ids[i], rows);
    return LMVR_OK;
}

lmvr_status text_tokens_open(const char *folder, const char *file, const struct text_config *config,
                             struct tokenizer **tokenizer, struct text_rules *rules, lmvr_error *error)
{
    const char *ending = strrchr(file, '.');
    *tokenizer = NULL;
    TRY(tokenizer_open(file, tokenizer, error));
    lmvr_status status = read_rules(folder, ending && strcmp(ending, ".json") == 0, config, *tokenizer, rules, error);
    if (status == LMVR_OK)
        status = check(file, config, *tokenizer, rules, error);
    if (status != LMVR_OK) {
        tokenizer_close(*tokenizer);
        *tokenizer = NULL;
    }
    return status;
}
