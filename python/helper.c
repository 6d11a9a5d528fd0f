/* What the Python package uses of the program's code, so that it has none of its own for the same. */
#include "error.h"
#include "hub.h"
#include "lab/words/words.h"

#include <stdio.h>
#include <stdlib.h>

LMVR_API lmvr_status lmvr_python_find_model(const char *given, char *path, size_t size, lmvr_error *error);
LMVR_API lmvr_status lmvr_python_find_word(const lmvr_result *result, const char *word, struct token_range *tokens,
                                           lmvr_error *error);

/* The folder of a model, as `lmvr -m` finds it, in a buffer of this size. */
lmvr_status lmvr_python_find_model(const char *given, char *path, size_t size, lmvr_error *error)
{
    char *found;
    TRY(hub_find(given, &found, error));
    int length = snprintf(path, size, "%s", found);
    free(found);
    return length >= 0 && (size_t)length < size ? LMVR_OK : error_set(error, LMVR_ERROR_INVALID, "%s: too long a path", given);
}

/* The tokens of a word's first occurrence in the response, as `lmvr attend` finds them; a count of 0: it is not there. */
lmvr_status lmvr_python_find_word(const lmvr_result *result, const char *word, struct token_range *tokens, lmvr_error *error)
{
    bool found;
    struct word place;
    *tokens = (struct token_range){0, 0};
    TRY(words_find(result->response, word, &found, &place, error));
    if (found)
        *tokens = words_tokens(&place, result->token_ends, result->token_count);
    return LMVR_OK;
}
