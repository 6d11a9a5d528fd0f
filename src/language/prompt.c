#include "language/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE "<image>"

static const struct template
{
    const char *name, *before, *after; /* the text before and after the question */
}
templates[] = {
    {"vicuna_v1", PROMPT_SYSTEM " " PROMPT_USER IMAGE "\n", PROMPT_ASSISTANT},
    {"llava_hf", PROMPT_USER IMAGE "\n", PROMPT_ASSISTANT},
    {"plain", IMAGE, ""},
    {"none", "", ""},
};

static lmvr_status fill(const char *name, const char *text, char **filled, lmvr_error *error)
{
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        if (strcmp(templates[i].name, name) == 0) {
            if (asprintf(filled, "%s%s%s", templates[i].before, text, templates[i].after) >= 0)
                return LMVR_OK;
            *filled = NULL;
            return error_no_memory(error, "the prompt");
        }
    return error_set(error, LMVR_ERROR_INVALID, "the template is \"%s\", expected vicuna_v1, llava_hf, plain or none", name);
}

/* The ids of `text` (none if it is empty), preceded by the token `begin` and followed by `end`, unless negative. */
static lmvr_status encode_side(const struct tokenizer *tokenizer, const char *text, int begin, int end, int32_t **ids,
                               size_t *count, lmvr_error *error)
{
    int32_t *pieces = NULL;
    size_t pieces_count = 0;
    if (*text)
        TRY(tokenizer_encode(tokenizer, text, &pieces, &pieces_count, error));
    *ids = malloc((pieces_count + 2) * sizeof **ids);
    if (!*ids) {
        free(pieces);
        return error_no_memory(error, "the prompt");
    }
    *count = 0;
    if (begin >= 0)
        (*ids)[(*count)++] = begin;
    if (pieces_count)
        memcpy(*ids + *count, pieces, pieces_count * sizeof *pieces);
    *count += pieces_count;
    if (end >= 0)
        (*ids)[(*count)++] = end;
    free(pieces);
    return LMVR_OK;
}

lmvr_status prompt_create(const struct tokenizer *tokenizer, const char *template_name, const char *text, int begin, int end,
                          struct prompt *prompt, lmvr_error *error)
{
    *prompt = (struct prompt){0};
    char *filled;
    TRY(fill(template_name, text, &filled, error));
    char *image = strstr(filled, IMAGE), *after = filled;
    lmvr_status status = LMVR_OK;
    if (image) {
        *image = 0;
        after = image + strlen(IMAGE);
        if (strstr(after, IMAGE))
            status = error_set(error, LMVR_ERROR_INVALID, "the prompt has more than one " IMAGE);
    }
    if (status == LMVR_OK)
        status = encode_side(tokenizer, image ? filled : "", begin, -1, &prompt->before, &prompt->before_count, error);
    if (status == LMVR_OK)
        status = encode_side(tokenizer, after, -1, end, &prompt->after, &prompt->after_count, error);
    free(filled);
    if (status != LMVR_OK)
        prompt_finish(prompt);
    return status;
}

lmvr_status prompt_create_arbitrary(size_t after_count, int vocabulary, struct prompt *prompt, lmvr_error *error)
{
    *prompt = (struct prompt){.after = malloc((after_count + 1) * sizeof *prompt->after), .after_count = after_count};
    if (!prompt->after)
        return error_no_memory(error, "the prompt");
    for (size_t i = 0; i < after_count; i++)
        prompt->after[i] = (int32_t)(i % (size_t)vocabulary);
    return LMVR_OK;
}

void prompt_finish(struct prompt *prompt)
{
    free(prompt->before);
    free(prompt->after);
    *prompt = (struct prompt){0};
}
