/* The components of a tokenizer.json (normalizer, pre_tokenizer, post_processor, decoder): objects with a "type", of which
 * Sequence is a list of others. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_COMPONENT_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_COMPONENT_H

#include "format/json.h"
#include "language/tokenizer/buffer.h"

#define COMPONENT_MAX 64 /* steps of one kind */

/* Reads a component of one type, after those that `into` has already. */
typedef lmvr_status component_reader(const struct json_node *component, void *into, lmvr_error *error);

/* The names of the types that are known, and who reads them. */
struct component_type {
    const char *name;
    component_reader *read;
};

/* Reads the component at `key`, or those of its sequences in order, whose lists have the key `list`. None is no error. */
lmvr_status component_read(const struct json_node *node, const char *key, const char *list, const struct component_type *types,
                           size_t type_count, void *into, lmvr_error *error);

/* The i-th of the array at `key` as a node. */
lmvr_status component_item(const struct json_node *node, const char *key, size_t i, struct json_node *item, lmvr_error *error);

/* A string that has to be there; borrowed. */
lmvr_status component_string(const struct json_node *node, const char *key, const char **string, lmvr_error *error);

/* The same of one character. */
lmvr_status component_character(const struct json_node *node, const char *key, const char **string, lmvr_error *error);

/* Takes a copy; the caller frees it. */
lmvr_status component_copy(const char *string, char **copy, lmvr_error *error);

#endif
