#include "language/tokenizer/token_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What llama.cpp's converters give to tokens that are found by their text alone. */
#define LEAST_SCORE (-10000.0F)

lmvr_status token_list_create(struct token_list *list, int count, lmvr_error *error)
{
    size_t space = (size_t)count + 1;
    *list = (struct token_list){count, calloc(space, sizeof *list->texts), calloc(space, sizeof *list->scores),
                                calloc(space, sizeof *list->types)};
    bool good = list->texts && list->scores && list->types;
    for (int i = 0; i < count && good; i++) {
        list->scores[i] = LEAST_SCORE;
        list->types[i] = TOKEN_UNUSED;
        good = asprintf(&list->texts[i], "[PAD%d]", i) >= 0;
        list->texts[i] = good ? list->texts[i] : NULL;
    }
    return good ? LMVR_OK : error_no_memory(error, "the tokenizer");
}

void token_list_finish(struct token_list *list)
{
    for (int i = 0; list->texts && i < list->count; i++)
        free(list->texts[i]);
    free(list->texts);
    free(list->scores);
    free(list->types);
    *list = (struct token_list){0};
}

lmvr_status token_list_set(struct token_list *list, const char *path, int64_t id, const char *text, enum token_type type,
                           float score, lmvr_error *error)
{
    if (id < 0 || id >= list->count)
        return error_set(error, LMVR_ERROR_INVALID, "%s: token %.60s has id %lld, but the embedding has %d rows", path, text,
                         (long long)id, list->count);
    char *copy = strdup(text);
    if (!copy)
        return error_no_memory(error, "the tokenizer");
    free(list->texts[id]);
    list->texts[id] = copy;
    list->types[id] = type;
    list->scores[id] = score;
    return LMVR_OK;
}
