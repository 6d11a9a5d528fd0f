/* The JSON of answers, in OpenAI's forms. Texts are to be freed; NULL: out of memory. */
#ifndef LMVR_SERVE_REPLY_H
#define LMVR_SERVE_REPLY_H

#include "serve/request.h"

#include <jansson.h>
#include <stdio.h>
#include <time.h>

/* An embedding's object in the list of them: that of the first feature, and, if the request names features, all of them. The
 * rows are shortened and normalized as the request says. */
char *reply_vector(const struct request *request, size_t index, const lmvr_result *result, const lmvr_session *session);
/* The row of the first feature, which has one row an input, likewise, to be freed. */
float *reply_row(const struct request *request, const lmvr_result *result, const lmvr_session *session);
/* The whole answer, with the objects in order. */
char *reply_vectors(const char *model, char *const *objects, size_t count, size_t prompt_tokens, size_t generated_tokens);

/* Writes JSON to a stream: a text; rows, in base64 the floats of them all, little-endian, else a list, or a list of lists.
 * False: out of memory. */
void reply_put_string(FILE *out, const char *text);
bool reply_put_rows(FILE *out, bool base64, const float *rows, size_t count, size_t dim, bool lists);
/* Closes the stream of a text in memory, and gives that text if all of it is good. */
char *reply_finish(FILE *out, bool good, char **text);

/* The object of numbers of tokens; NULL: out of memory. */
json_t *reply_usage(size_t prompt_tokens, size_t generated_tokens);

struct reply_chat {
    const char *model, *id;
    time_t created;
};

char *reply_chat(const struct reply_chat *chat, const lmvr_result *result);
/* A piece of a streamed answer, as a server-sent event: the role, more of the text, why it ends, or the numbers of tokens. */
char *reply_chat_begin(const struct reply_chat *chat);
char *reply_chat_text(const struct reply_chat *chat, const char *text);
char *reply_chat_end(const struct reply_chat *chat, bool finished);
char *reply_chat_usage(const struct reply_chat *chat, size_t prompt_tokens, size_t generated_tokens);
/* A failure's event, after which the answer ends. */
char *reply_chat_failure(const struct failure *failure);

/* The list of the one model, whose JSON is given. */
char *reply_models(const char *model);

#endif
