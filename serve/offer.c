#include "serve/offer.h"

#include "format/utf8.h"

#include <jansson.h>
#include <stdlib.h>

/* A source of features (represent/feature.h), whose layers are 0 to `blocks`; -1: it has no layers. */
static int add_source(json_t *sources, const char *name, json_t *tokens, int blocks)
{
    json_t *source = json_pack("{s:s, s:o?}", "source", name, "tokens", tokens);
    if (source && blocks >= 0)
        json_object_set_new(source, "layers", json_integer(blocks + 1));
    return json_array_append_new(sources, source);
}

static json_t *list_sources(const lmvr_model_info *info, bool generates)
{
    json_t *sources = json_array();
    int blocks = info->language.blocks, failed = 0;
    if (blocks > 0) {
        json_t *tokens = json_pack("[s, s, s, s, s]", "all", "end", "input", "image", "prompt");
        if (generates)
            json_array_insert_new(tokens, 1, json_string("generated"));
        failed |= add_source(sources, "llm", tokens, blocks);
        failed |= add_source(sources, "adaptor", json_pack("[s]", "all"), -1);
    }
    failed |= add_source(sources, "encoder", json_pack("[s, s, s]", "patches", "cls", "all"), info->vision.blocks);
    if (info->joint_width)
        failed |= add_source(sources, "joint", NULL, -1);
    if (!failed)
        return sources;
    json_decref(sources);
    return NULL;
}

static json_t *list_features(const struct sessions_defaults *defaults)
{
    json_t *list = json_array();
    for (size_t i = 0; i < defaults->feature_count; i++)
        json_array_append_new(list, json_string(defaults->features[i]));
    return list;
}

/* The index's rows, or null. */
static json_t *describe_index(const struct stored *stored)
{
    if (!stored)
        return json_null();
    return json_pack("{s:I, s:s, s:I}", "rows", (json_int_t)stored->rows, "feature", stored->spec, "dim",
                     (json_int_t)stored->dim);
}

/* A text of the command line, which may not be UTF-8; NULL becomes null. */
static json_t *clean(const char *text)
{
    char *good = text ? utf8_clean(text) : NULL;
    json_t *string = text ? json_string(good ? good : "") : json_null();
    free(good);
    return string;
}

char *offer_make(const struct server *server, const lmvr_model *model)
{
    lmvr_model_info info;
    const struct sessions_defaults *defaults = sessions_defaults(server->sessions);
    lmvr_model_get_info(model, &info);
    json_t *root = json_pack("{s:o, s:s, s:I, s:s, s:o, s:b, s:i, s:o, s:o, s:o}", "id", clean(server->model_name), "object",
                             "model", "created", (json_int_t)server->created, "owned_by", "lmvr", "prompt",
                             clean(defaults->prompt), "chat", info.language.blocks > 0 && defaults->generates, "max_tokens",
                             defaults->max_new_tokens, "features", list_features(defaults), "sources",
                             list_sources(&info, defaults->generates), "index", describe_index(server->index.stored));
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}
