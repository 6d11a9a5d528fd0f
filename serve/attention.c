/* POST /v1/attention: where the model looks when it chooses the words of its response, as lmvr attend finds it. */
#include "lab/figure/word_maps.h"
#include "serve/reply.h"
#include "serve/server_parts.h"

#include <stdlib.h>
#include <string.h>

/* call.own is the answer, which is NULL in the beginning. */
struct attention {
    char *answer;
};

static bool begin(struct call *call)
{
    call->own = calloc(1, sizeof(struct attention));
    return call->own != NULL;
}

static void finish(struct call *call)
{
    free(((struct attention *)call->own)->answer);
    free(call->own);
}

/* ---- words ----------------------------------------------------------------------------------------------------------- */

/* A word of the response, and where it is; `range` has no tokens: it is not in the response. */
static bool put_word(FILE *out, const struct request *request, const lmvr_result *result, const char *word,
                     const struct word *place, struct token_range range)
{
    float *mean = range.count ? word_maps_mean(result, range) : NULL;
    fputs("{\"word\":", out);
    reply_put_string(out, word);
    if (!range.count) {
        fputs(",\"bytes\":null,\"tokens\":[],\"map\":null}", out);
        return true;
    }
    fprintf(out, ",\"bytes\":[%u,%u],\"tokens\":[", place->begin, place->end);
    for (size_t i = 0; i < range.count; i++)
        fprintf(out, "%s%zu", i ? "," : "", range.first + i);
    fputs("],\"map\":", out);
    bool good =
        mean && reply_put_rows(out, request->base64, mean, (size_t)result->grid_rows, (size_t)result->grid_columns, true);
    fputc('}', out);
    free(mean);
    return good;
}

/* The first occurrences of the words that the request names. */
static bool put_wanted(FILE *out, const struct request *request, const lmvr_result *result)
{
    bool good = true;
    for (size_t i = 0; good && i < request->word_count; i++) {
        bool found;
        struct word place;
        struct token_range range = {0};
        good = words_find(result->response, request->words[i], &found, &place, NULL) == LMVR_OK;
        if (good && found)
            range = words_tokens(&place, result->token_ends, result->token_count);
        fputs(i ? "," : "", out);
        good = good && put_word(out, request, result, request->words[i], &place, range);
    }
    return good;
}

/* All words, in their order, of which tokens have made a part. */
static bool put_all(FILE *out, const struct request *request, const lmvr_result *result)
{
    struct word_list words;
    bool good = words_split(result->response, &words, NULL) == LMVR_OK, first = true;
    if (!good)
        return false;
    for (size_t i = 0; good && i < words.count; i++) {
        const struct word *place = &words.items[i];
        struct token_range range = words_tokens(place, result->token_ends, result->token_count);
        char *text = strndup(result->response + place->begin, place->end - place->begin);
        if (range.count > 0) {
            fputs(first ? "" : ",", out);
            good = text && put_word(out, request, result, text, place, range);
            first = false;
        }
        free(text);
    }
    words_finish(&words);
    return good;
}

/* ---- the answer ------------------------------------------------------------------------------------------------------ */

static bool put_answer(FILE *out, const struct call *call, const lmvr_result *result, const lmvr_session *session)
{
    lmvr_session_options used;
    const lmvr_view *view = &result->view;
    lmvr_session_get_options(session, &used);
    fputs("{\"object\":\"attention\",\"model\":", out);
    reply_put_string(out, call->server->model_name);
    fputs(",\"response\":", out);
    reply_put_string(out, result->response);
    fprintf(out,
            ",\"finish_reason\":\"%s\",\"layers\":[%d,%d],\"grid\":[%d,%d],"
            "\"view\":{\"x\":%.9g,\"y\":%.9g,\"width\":%.9g,\"height\":%.9g},\"words\":[",
            result->finished ? "stop" : "length", used.attention_first, used.attention_last, result->grid_rows,
            result->grid_columns, view->x, view->y, view->width, view->height);
    bool good = call->request.word_count ? put_wanted(out, &call->request, result) : put_all(out, &call->request, result);
    fprintf(out, "],\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu}}", call->prompt_tokens,
            call->generated_tokens, call->prompt_tokens + call->generated_tokens);
    return good;
}

static bool happened(struct call *call, size_t input, const lmvr_event *event, const lmvr_session *session,
                     struct failure *failure)
{
    struct attention *attention = call->own;
    size_t size;
    (void)input;
    if (!event->result)
        return true;
    FILE *out = open_memstream(&attention->answer, &size);
    if (out && !reply_finish(out, put_answer(out, call, event->result, session), &attention->answer))
        attention->answer = NULL;
    return attention->answer || failure_set(failure, 500, NULL, "out of memory for the answer");
}

static void done(struct call *call)
{
    struct attention *attention = call->own;
    exchange_answer(call->exchange, 200, "application/json", attention->answer, strlen(attention->answer));
    attention->answer = NULL;
}

const struct call_kind call_attention = {
    .read = request_read_attention, .attention = true, .begin = begin, .happened = happened, .done = done, .finish = finish};
