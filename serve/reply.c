#include "serve/reply.h"

#include "represent/pool.h"
#include "serve/base64.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- vectors --------------------------------------------------------------------------------------------------------- */

void reply_put_string(FILE *out, const char *text)
{
    json_t *string = json_string(text);
    char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    fputs(quoted ? quoted : "null", out);
    free(quoted);
    json_decref(string);
}

/* Nine digits tell every float apart. JSON has no infinities. */
static void put_row(FILE *out, const float *row, size_t dim)
{
    for (size_t i = 0; i < dim; i++) {
        fputc(i ? ',' : '[', out);
        if (isfinite(row[i]))
            fprintf(out, "%.9g", (double)row[i]);
        else
            fputs("null", out);
    }
    fputc(']', out);
}

/* Rows of a feature as the request wants them. */
struct rows {
    float *values; /* (count, dim) */
    size_t count, dim;
};

static bool prepare(const struct request *request, const lmvr_result *result, const lmvr_session *session, size_t feature,
                    size_t width, struct rows *rows)
{
    size_t dims = (size_t)request->dimensions;
    rows->count = result->rows[feature];
    rows->dim = dims ? dims : width;
    rows->values = malloc((rows->count * rows->dim + 1) * sizeof *rows->values);
    if (!rows->values)
        return false;
    for (size_t i = 0; i < rows->count; i++)
        memcpy(rows->values + i * rows->dim, result->features[feature] + i * width, rows->dim * sizeof *rows->values);
    /* An embedding model's session has normalized whole rows, whatever is asked for. */
    lmvr_session_options made;
    lmvr_session_get_options(session, &made);
    if (made.normalize ? rows->dim < width : request->normalized)
        rows_normalize(rows->values, rows->count, rows->dim);
    return true;
}

float *reply_row(const struct request *request, const lmvr_result *result, const lmvr_session *session)
{
    lmvr_feature_info info;
    struct rows rows;
    lmvr_session_get_feature(session, 0, &info);
    return prepare(request, result, session, 0, info.dim, &rows) ? rows.values : NULL;
}

bool reply_put_rows(FILE *out, bool base64, const float *rows, size_t count, size_t dim, bool lists)
{
    if (base64) {
        size_t size = count * dim * sizeof *rows;
        char *text = malloc(base64_length(size) + 1);
        if (!text)
            return false;
        base64_encode(rows, size, text);
        fprintf(out, "\"%s\"", text);
        free(text);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (lists)
            fputc(i ? ',' : '[', out);
        put_row(out, rows + i * dim, dim);
    }
    if (lists)
        fputs(count ? "]" : "[]", out);
    return true;
}

static bool put_feature(FILE *out, const struct request *request, const lmvr_result *result, const lmvr_session *session,
                        size_t feature, lmvr_feature_info *info)
{
    lmvr_session_get_feature(session, feature, info);
    struct rows rows;
    if (!prepare(request, result, session, feature, info->dim, &rows))
        return false;
    bool good = reply_put_rows(out, request->base64, rows.values, rows.count, rows.dim, info->multi_vector);
    free(rows.values);
    return good;
}

static bool put_features(FILE *out, const struct request *request, const lmvr_result *result, const lmvr_session *session)
{
    lmvr_feature_info info;
    size_t count = lmvr_session_feature_count(session);
    fputs(",\"embedding\":", out);
    if (!put_feature(out, request, result, session, 0, &info))
        return false;
    for (size_t i = 0; request->feature_count && i < count; i++) {
        lmvr_session_get_feature(session, i, &info);
        fputs(i ? "," : ",\"features\":{", out);
        reply_put_string(out, info.name);
        fputc(':', out);
        if (!put_feature(out, request, result, session, i, &info))
            return false;
    }
    if (request->feature_count)
        fputc('}', out);
    return true;
}

char *reply_finish(FILE *out, bool good, char **text)
{
    if (fclose(out) == 0 && good)
        return *text;
    free(*text);
    return NULL;
}

char *reply_vector(const struct request *request, size_t index, const lmvr_result *result, const lmvr_session *session)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fprintf(out, "{\"object\":\"embedding\",\"index\":%zu", index);
    bool good = put_features(out, request, result, session);
    if (request->describe) {
        fputs(",\"response\":", out);
        reply_put_string(out, result->response ? result->response : "");
        fprintf(out, ",\"finish_reason\":\"%s\"", result->finished ? "stop" : "length");
    }
    fputc('}', out);
    return reply_finish(out, good, &text);
}

char *reply_vectors(const char *model, char *const *objects, size_t count, size_t prompt_tokens, size_t generated_tokens)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    fputs("{\"object\":\"list\",\"model\":", out);
    reply_put_string(out, model);
    fputs(",\"data\":[", out);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%s", i ? "," : "", objects[i]);
    fprintf(out, "],\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu}}", prompt_tokens,
            generated_tokens, prompt_tokens + generated_tokens);
    return reply_finish(out, true, &text);
}

/* ---- chat ------------------------------------------------------------------------------------------------------------ */

/* Takes over a tree; NULL: out of memory. */
static char *dump(json_t *root)
{
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

/* The same as a server-sent event. */
static char *event(json_t *root)
{
    char *data = dump(root), *text = NULL;
    if (data && asprintf(&text, "data: %s\n\n", data) < 0)
        text = NULL;
    free(data);
    return text;
}

json_t *reply_usage(size_t prompt_tokens, size_t generated_tokens)
{
    return json_pack("{s:I, s:I, s:I}", "prompt_tokens", (json_int_t)prompt_tokens, "completion_tokens",
                     (json_int_t)generated_tokens, "total_tokens", (json_int_t)prompt_tokens + (json_int_t)generated_tokens);
}

static const char *reason(bool finished)
{
    return finished ? "stop" : "length";
}

/* An answer, or a piece of one, whose list of choices is taken over. */
static json_t *completion(const struct reply_chat *chat, const char *object, json_t *choices)
{
    return json_pack("{s:s, s:s, s:I, s:s, s:o}", "id", chat->id, "object", object, "created", (json_int_t)chat->created,
                     "model", chat->model, "choices", choices);
}

char *reply_chat(const struct reply_chat *chat, const lmvr_result *result)
{
    json_t *choices =
        json_pack("[{s:i, s:{s:s, s:s}, s:n, s:s}]", "index", 0, "message", "role", "assistant", "content",
                  result->response ? result->response : "", "logprobs", "finish_reason", reason(result->finished));
    json_t *root = completion(chat, "chat.completion", choices);
    if (root)
        json_object_set_new(root, "usage", reply_usage(result->prompt_tokens, result->token_count));
    return dump(root);
}

static char *chunk(const struct reply_chat *chat, json_t *delta, const char *finish)
{
    json_t *choices = json_pack("[{s:i, s:o, s:n, s:s?}]", "index", 0, "delta", delta, "logprobs", "finish_reason", finish);
    return event(completion(chat, "chat.completion.chunk", choices));
}

char *reply_chat_begin(const struct reply_chat *chat)
{
    return chunk(chat, json_pack("{s:s, s:s}", "role", "assistant", "content", ""), NULL);
}

char *reply_chat_text(const struct reply_chat *chat, const char *text)
{
    return chunk(chat, json_pack("{s:s}", "content", text), NULL);
}

char *reply_chat_end(const struct reply_chat *chat, bool finished)
{
    return chunk(chat, json_object(), reason(finished));
}

char *reply_chat_usage(const struct reply_chat *chat, size_t prompt_tokens, size_t generated_tokens)
{
    json_t *root = completion(chat, "chat.completion.chunk", json_array());
    if (root)
        json_object_set_new(root, "usage", reply_usage(prompt_tokens, generated_tokens));
    return event(root);
}

char *reply_chat_failure(const struct failure *failure)
{
    char *data = failure_json(failure), *text = NULL;
    if (data && asprintf(&text, "data: %s\n\n", data) < 0)
        text = NULL;
    free(data);
    return text;
}

/* ---- models ---------------------------------------------------------------------------------------------------------- */

char *reply_models(const char *model)
{
    char *text = NULL;
    return asprintf(&text, "{\"object\":\"list\",\"data\":[%s]}", model) < 0 ? NULL : text;
}
