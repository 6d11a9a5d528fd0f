#include "language/tokenizer/frame.h"

#include <stdlib.h>

void frame_finish(struct frame *frame)
{
    free(frame->before.items);
    free(frame->after.items);
}

static lmvr_status add_id(const struct json_node *node, const char *key, const json_t *value, const struct frame *frame,
                          struct ids *ids, lmvr_error *error)
{
    int32_t id = (int32_t)json_integer_value(value);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) >= frame->size)
        return json_refuse(node, key, "ids of tokens that there are", error);
    return ids_add(ids, &id, 1, error);
}

/* A processor stands around those before it. */
static lmvr_status wrap(struct frame *frame, const struct ids *before, const struct ids *after, lmvr_error *error)
{
    struct ids whole = {0};
    lmvr_status status = ids_add(&whole, before->items, before->count, error);
    if (status == LMVR_OK)
        status = ids_add(&whole, frame->before.items, frame->before.count, error);
    free(frame->before.items);
    frame->before = whole;
    return status == LMVR_OK ? ids_add(&frame->after, after->items, after->count, error) : status;
}

/* The ids that special_tokens has for a name. */
static lmvr_status add_special(const struct json_node *processor, const char *name, const struct frame *frame, struct ids *ids,
                               lmvr_error *error)
{
    struct json_node tokens, token;
    TRY(json_node_object(processor, "special_tokens", &tokens, error));
    TRY(json_node_object(&tokens, name, &token, error));
    const json_t *list = json_node_get(&token, "ids");
    if (!json_is_array(list))
        return json_refuse(&tokens, name, "an object with a list of ids", error);
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(add_id(&token, "ids", json_array_get(list, i), frame, ids, error));
    return LMVR_OK;
}

/* [{"SpecialToken": {"id": name}}, {"Sequence": {"id": "A"}}, …] */
static lmvr_status read_single(const struct json_node *node, const struct frame *frame, struct ids *before, struct ids *after,
                               lmvr_error *error)
{
    const json_t *single = json_node_get(node, "single");
    bool seen = false;
    if (!json_is_array(single))
        return json_refuse(node, "single", "a list", error);
    for (size_t i = 0; i < json_array_size(single); i++) {
        struct json_node item, special;
        const char *name;
        TRY(component_item(node, "single", i, &item, error));
        TRY(json_node_object(&item, "SpecialToken", &special, error));
        if (special.object) {
            TRY(component_string(&special, "id", &name, error));
            TRY(add_special(node, name, frame, seen ? after : before, error));
        } else {
            if (!json_node_get(&item, "Sequence") || seen)
                return json_refuse(node, "single", "one Sequence among special tokens", error);
            seen = true;
        }
    }
    return seen ? LMVR_OK : json_refuse(node, "single", "a Sequence among special tokens", error);
}

static lmvr_status read_template(const struct json_node *node, void *into, lmvr_error *error)
{
    struct ids before = {0}, after = {0};
    lmvr_status status = read_single(node, into, &before, &after, error);
    if (status == LMVR_OK)
        status = wrap(into, &before, &after, error);
    free(before.items);
    free(after.items);
    return status;
}

/* "cls": [piece, id] before the text, "sep": [piece, id] after it. */
static lmvr_status read_bert(const struct json_node *node, void *into, lmvr_error *error)
{
    struct ids before = {0}, after = {0};
    lmvr_status status = add_id(node, "cls", json_array_get(json_node_get(node, "cls"), 1), into, &before, error);
    if (status == LMVR_OK)
        status = add_id(node, "sep", json_array_get(json_node_get(node, "sep"), 1), into, &after, error);
    if (status == LMVR_OK)
        status = wrap(into, &before, &after, error);
    free(before.items);
    free(after.items);
    return status;
}

static lmvr_status read_byte_level(const struct json_node *node, void *into, lmvr_error *error)
{
    (void)node;
    (void)into;
    (void)error;
    return LMVR_OK; /* it moves offsets alone */
}

lmvr_status frame_parse(const struct json_node *root, int32_t size, struct frame *frame, lmvr_error *error)
{
    static const struct component_type types[] = {{"TemplateProcessing", read_template},
                                                  {"RobertaProcessing", read_bert},
                                                  {"BertProcessing", read_bert},
                                                  {"ByteLevel", read_byte_level}};
    frame->size = size;
    return component_read(root, "post_processor", "processors", types, sizeof types / sizeof *types, frame, error);
}
