#include "serve/request.h"

#include "format/json.h"
#include "serve/request_parts.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ---------------------------------------------------------------------------------------------------------- */

bool request_own(struct request *request, void *block, struct failure *failure)
{
    void **owned = block ? reallocarray(request->owned, request->owned_count + 1, sizeof *owned) : NULL;
    if (!owned) {
        free(block);
        return failure_set(failure, 503, NULL, "out of memory for the request");
    }
    owned[request->owned_count++] = block;
    request->owned = owned;
    return true;
}

char *request_copy(struct request *request, const char *text, struct failure *failure)
{
    char *copy = strdup(text);
    return request_own(request, copy, failure) ? copy : NULL;
}

void request_finish(struct request *request)
{
    for (size_t i = 0; i < request->owned_count; i++)
        free(request->owned[i]);
    free(request->owned);
    *request = (struct request){0};
}

/* ---- keys ------------------------------------------------------------------------------------------------------------ */

static const struct request_key of_embeddings[] = {
    {"model", REQUEST_IGNORED},    {"user", REQUEST_IGNORED},         {"input", REQUEST_READ},
    {"messages", REQUEST_READ},    {"encoding_format", REQUEST_READ}, {"features", REQUEST_READ},
    {"response", REQUEST_READ},    {"embedding_type", REQUEST_READ},  {"dimensions", REQUEST_READ},
    {"normalized", REQUEST_READ},  {"prompt", REQUEST_READ},          {"max_tokens", REQUEST_READ},
    {"modality", REQUEST_IGNORED}, {"truncate", REQUEST_NEUTRAL},     {NULL, REQUEST_READ},
};

static const struct request_key of_search[] = {
    {"model", REQUEST_IGNORED}, {"user", REQUEST_IGNORED}, {"input", REQUEST_READ},
    {"top", REQUEST_READ},      {"metric", REQUEST_READ},  {NULL, REQUEST_READ},
};

static const struct request_key of_attention[] = {
    {"model", REQUEST_IGNORED},        {"user", REQUEST_IGNORED}, {"messages", REQUEST_READ}, {"max_tokens", REQUEST_READ},
    {"temperature", REQUEST_READ},     {"top_p", REQUEST_READ},   {"seed", REQUEST_READ},     {"words", REQUEST_READ},
    {"encoding_format", REQUEST_READ}, {NULL, REQUEST_READ},
};

static const struct request_key of_chat[] = {
    {"model", REQUEST_IGNORED},
    {"user", REQUEST_IGNORED},
    {"metadata", REQUEST_IGNORED},
    {"store", REQUEST_NEUTRAL},
    {"service_tier", REQUEST_IGNORED},
    {"messages", REQUEST_READ},
    {"max_tokens", REQUEST_READ},
    {"max_completion_tokens", REQUEST_READ},
    {"temperature", REQUEST_READ},
    {"top_p", REQUEST_READ},
    {"seed", REQUEST_READ},
    {"stream", REQUEST_READ},
    {"stream_options", REQUEST_READ},
    {"n", REQUEST_READ},
    {"frequency_penalty", REQUEST_NEUTRAL},
    {"presence_penalty", REQUEST_NEUTRAL},
    {"logit_bias", REQUEST_NEUTRAL},
    {"logprobs", REQUEST_NEUTRAL},
    {"stop", REQUEST_NEUTRAL},
    {"tools", REQUEST_NEUTRAL},
    {NULL, REQUEST_READ},
};

static bool is_neutral(const json_t *value)
{
    return json_is_null(value) || json_is_false(value) || (json_is_number(value) && json_number_value(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0) || (json_is_object(value) && json_object_size(value) == 0);
}

bool request_check_keys(const json_t *object, const char *place, const struct request_key *known, struct failure *failure)
{
    const char *key, *name = place ? place : "the request";
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        const struct request_key *k = known;
        while (k->key && strcmp(k->key, key) != 0)
            k++;
        if (!k->key)
            return failure_set(failure, 400, place ? place : key, "%s has \"%.60s\", which this server does not know", name,
                               key);
        if (k->taken == REQUEST_NEUTRAL && !is_neutral(value))
            return failure_set(failure, 400, place ? place : key, "%s has %s, which this server cannot do", name, key);
    }
    return true;
}

/* Makes a refusal of json.h's the request's. */
static bool check(lmvr_status status, const lmvr_error *error, const char *key, struct failure *failure)
{
    return status == LMVR_OK || failure_set(failure, failure_status(status), key, "%s", error->message);
}

static bool read_int(const struct json_node *node, const char *key, int max, int *value, struct failure *failure)
{
    lmvr_error error;
    return check(json_node_int(node, key, 1, max, value, &error), &error, key, failure);
}

static bool read_float(const struct json_node *node, const char *key, float min, float max, float *value,
                       struct failure *failure)
{
    lmvr_error error;
    return check(json_node_float(node, key, min, max, value, &error), &error, key, failure);
}

static bool read_bool(const struct json_node *node, const char *key, bool *value, struct failure *failure)
{
    lmvr_error error;
    return check(json_node_bool(node, key, value, &error), &error, key, failure);
}

static bool read_text(const struct json_node *node, const char *key, const char **value, struct failure *failure)
{
    lmvr_error error;
    return check(json_node_string(node, key, value, &error), &error, key, failure);
}

static bool read_format(const struct json_node *node, const char *key, bool *base64, struct failure *failure)
{
    const char *format = *base64 ? "base64" : "float";
    if (!read_text(node, key, &format, failure))
        return false;
    *base64 = strcmp(format, "base64") == 0;
    return *base64 || strcmp(format, "float") == 0 ||
           failure_set(failure, 400, key, "%s is \"%.60s\", expected float or base64", key, format);
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ')
            return false;
    return true;
}

/* Reads a list of 1 to `most` short texts, if the key is there; `example` is one. */
static bool read_texts(const struct json_node *node, const char *key, size_t most, const char *example, struct request *request,
                       char ***texts, size_t *count, struct failure *failure)
{
    const json_t *list = json_node_get(node, key);
    size_t size = json_array_size(list);
    if (!list)
        return true;
    if (!json_is_array(list) || size == 0 || size > most)
        return failure_set(failure, 400, key, "%s has to be a list of 1 to %zu %s, such as \"%s\"", key, most, key, example);
    char **copies = calloc(size, sizeof *copies);
    if (!request_own(request, copies, failure))
        return false;
    for (size_t i = 0; i < size; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text || !*text || !is_printable(text))
            return failure_set(failure, 400, key, "%s[%zu] has to be one of %s, such as \"%s\"", key, i, key, example);
        copies[i] = request_copy(request, text, failure);
        if (!copies[i])
            return false;
    }
    *texts = copies;
    *count = size;
    return true;
}

/* Whether there are responses; if not, the failure says so. */
static bool can_respond(const struct request_rules *rules, const char *key, struct failure *failure)
{
    return !rules->before_generation ||
           failure_set(failure, 400, key, "this server makes no responses: it was started with --before-generation");
}

/* At most as many tokens as the server generates. */
static void limit_tokens(struct request *request, int tokens, const struct request_rules *rules)
{
    for (size_t i = 0; i < request->count; i++)
        request->images[i].max_new_tokens = tokens < rules->most_tokens ? tokens : rules->most_tokens;
}

/* ---- requests -------------------------------------------------------------------------------------------------------- */

static bool read_embeddings(const struct json_node *node, const struct request_rules *rules, struct request *request,
                            struct failure *failure)
{
    const json_t *input = json_node_get(node, "input"), *messages = json_node_get(node, "messages");
    const char *prompt = NULL;
    int tokens = rules->most_tokens;
    if (!input == !messages)
        return failure_set(failure, 400, "input", "the request has to have either input or messages");
    if (!read_format(node, "encoding_format", &request->base64, failure) ||
        !read_format(node, "embedding_type", &request->base64, failure) ||
        !read_int(node, "dimensions", INT_MAX, &request->dimensions, failure) ||
        !read_int(node, "max_tokens", INT_MAX, &tokens, failure) ||
        !read_bool(node, "normalized", &request->normalized, failure) ||
        !read_bool(node, "response", &request->describe, failure) || !read_text(node, "prompt", &prompt, failure) ||
        !read_texts(node, "features", 64, "llm:all:mean:-1", request, &request->features, &request->feature_count, failure))
        return false;
    if (!(input ? request_read_input(input, prompt, rules, request, failure)
                : request_read_messages(messages, prompt, rules, request, failure)) ||
        (request->describe && !can_respond(rules, "response", failure)))
        return false;
    limit_tokens(request, tokens, rules);
    return true;
}

static bool read_metric(const struct json_node *node, bool *dot, struct failure *failure)
{
    const char *metric = "cosine";
    if (!read_text(node, "metric", &metric, failure))
        return false;
    *dot = strcmp(metric, "dot") == 0;
    return *dot || strcmp(metric, "cosine") == 0 ||
           failure_set(failure, 400, "metric", "metric is \"%.60s\", expected cosine or dot", metric);
}

static bool read_search(const struct json_node *node, const struct request_rules *rules, struct request *request,
                        struct failure *failure)
{
    const json_t *input = json_node_get(node, "input");
    request->top = 10;
    if (!input)
        return failure_set(failure, 400, "input", "the request has no input to look for");
    if (!read_int(node, "top", REQUEST_MOST_TOP, &request->top, failure) || !read_metric(node, &request->dot, failure) ||
        !request_read_input(input, NULL, rules, request, failure))
        return false;
    limit_tokens(request, rules->most_tokens, rules);
    return true;
}

static bool read_seed(const struct json_node *node, struct request *request, struct failure *failure)
{
    const json_t *seed = json_node_get(node, "seed");
    if (seed && !json_is_integer(seed))
        return failure_set(failure, 400, "seed", "seed has to be a whole number");
    if (seed)
        request->sampling.seed = (uint64_t)json_integer_value(seed);
    return true;
}

static bool read_sampling(const struct json_node *node, struct request *request, struct failure *failure)
{
    lmvr_sampling *s = &request->sampling;
    if (json_node_get(node, "top_p") && !json_node_get(node, "temperature"))
        s->temperature = 1;
    return read_float(node, "temperature", 0, 100, &s->temperature, failure) &&
           read_float(node, "top_p", 1e-6F, 1, &s->top_p, failure) && read_seed(node, request, failure);
}

static bool read_stream(const struct json_node *node, struct request *request, struct failure *failure)
{
    static const struct request_key known[] = {
        {"include_usage", REQUEST_READ}, {"include_obfuscation", REQUEST_IGNORED}, {NULL, REQUEST_READ}};
    struct json_node options;
    lmvr_error error;
    return read_bool(node, "stream", &request->stream, failure) &&
           check(json_node_object(node, "stream_options", &options, &error), &error, "stream_options", failure) &&
           request_check_keys(json_node_get(node, "stream_options"), "stream_options", known, failure) &&
           read_bool(&options, "include_usage", &request->usage, failure);
}

static bool read_chat(const struct json_node *node, const struct request_rules *rules, struct request *request,
                      struct failure *failure)
{
    int tokens = rules->most_tokens, choices = 1;
    request->describe = true;
    if (!can_respond(rules, NULL, failure) || !read_int(node, "max_tokens", INT_MAX, &tokens, failure) ||
        !read_int(node, "max_completion_tokens", INT_MAX, &tokens, failure) || !read_int(node, "n", 1, &choices, failure) ||
        !read_sampling(node, request, failure) || !read_stream(node, request, failure) ||
        !request_read_messages(json_node_get(node, "messages"), NULL, rules, request, failure))
        return false;
    limit_tokens(request, tokens, rules);
    request->images->stream = request->stream;
    return true;
}

static bool read_attention(const struct json_node *node, const struct request_rules *rules, struct request *request,
                           struct failure *failure)
{
    int tokens = rules->most_tokens;
    if (!can_respond(rules, NULL, failure) || !read_int(node, "max_tokens", INT_MAX, &tokens, failure) ||
        !read_sampling(node, request, failure) || !read_format(node, "encoding_format", &request->base64, failure) ||
        !read_texts(node, "words", REQUEST_MOST_WORDS, "dog", request, &request->words, &request->word_count, failure) ||
        !request_read_messages(json_node_get(node, "messages"), NULL, rules, request, failure))
        return false;
    limit_tokens(request, tokens, rules);
    return request->images->path != NULL ||
           failure_set(failure, 400, "messages", "messages has no image, and attention is where in one the model looked");
}

static bool read_body(const void *body, size_t size, const struct request_rules *rules, const struct request_key *known,
                      bool (*read)(const struct json_node *, const struct request_rules *, struct request *, struct failure *),
                      struct request *request, struct failure *failure)
{
    json_t *root = NULL;
    lmvr_error error;
    *request = (struct request){.dimensions = rules->dimensions, .normalized = rules->normalized, .sampling = rules->sampling};
    bool good = check(json_parse("the request", body, size, &root, &error), &error, NULL, failure);
    if (good) {
        struct json_node node = json_node_root("the request", root);
        good = request_check_keys(root, NULL, known, failure) && read(&node, rules, request, failure);
    }
    json_decref(root);
    for (size_t i = 0; i < request->count; i++)
        request->images[i].sampling = &request->sampling;
    return good;
}

bool request_read_embeddings(const void *body, size_t size, const struct request_rules *rules, struct request *request,
                             struct failure *failure)
{
    return read_body(body, size, rules, of_embeddings, read_embeddings, request, failure);
}

bool request_read_attention(const void *body, size_t size, const struct request_rules *rules, struct request *request,
                            struct failure *failure)
{
    return read_body(body, size, rules, of_attention, read_attention, request, failure);
}

bool request_read_search(const void *body, size_t size, const struct request_rules *rules, struct request *request,
                         struct failure *failure)
{
    return read_body(body, size, rules, of_search, read_search, request, failure);
}

bool request_read_chat(const void *body, size_t size, const struct request_rules *rules, struct request *request,
                       struct failure *failure)
{
    return read_body(body, size, rules, of_chat, read_chat, request, failure);
}
