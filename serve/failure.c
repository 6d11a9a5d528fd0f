#include "serve/failure.h"

#include "format/utf8.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void failure_write(struct failure *failure, int status, const char *param, const char *format, ...)
{
    char sentence[sizeof failure->error.message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    failure->status = status;
    snprintf(failure->param, sizeof failure->param, "%s", param ? param : "");
    error_write(&failure->error, "%s", sentence);
}

int failure_status(lmvr_status status)
{
    switch (status) {
    case LMVR_OK:
        return 200;
    case LMVR_ERROR_INPUT:
    case LMVR_ERROR_INVALID:
        return 400;
    case LMVR_FULL:
        return 429;
    case LMVR_STOPPED:
        return 503;
    case LMVR_ERROR_RESOURCE:
        break;
    }
    return 500;
}

/* The names that OpenAI's clients know. */
static const char *type_of(int status)
{
    switch (status) {
    case 401:
        return "authentication_error";
    case 404:
        return "not_found_error";
    case 408:
    case 504:
        return "timeout_error";
    case 429:
        return "rate_limit_error";
    case 503:
        return "unavailable_error";
    default:
        return status < 500 ? "invalid_request_error" : "server_error";
    }
}

char *failure_json(const struct failure *failure)
{
    char *message = utf8_clean(failure->error.message), *text = NULL;
    json_t *param = *failure->param ? json_string(failure->param) : json_null();
    json_t *root = message ? json_pack("{s{s:s, s:s, s:o, s:i}}", "error", "message", message, "type", type_of(failure->status),
                                       "param", param ? param : json_null(), "code", failure->status)
                           : NULL;
    if (root)
        text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    free(message);
    return text;
}
