/* The tokens of a vocabulary as GGUF's files list them: by id, without gaps. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_TOKEN_LIST_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_TOKEN_LIST_H

#include "error.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* llama.cpp's types of tokens. */
enum token_type { TOKEN_NORMAL = 1, TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_USER_DEFINED, TOKEN_UNUSED, TOKEN_BYTE };

struct token_list {
    int count;
    char **texts;   /* (count) */
    float *scores;  /* (count); the better tokens are made of two others first */
    int32_t *types; /* (count) */
};

/* All of them unused. Finish it also after a failure. */
lmvr_status token_list_create(struct token_list *list, int count, lmvr_error *error);
void token_list_finish(struct token_list *list);

/* Takes a copy of the text. LMVR_ERROR_INVALID: there is no such place, and `path` names the file with the token. */
lmvr_status token_list_set(struct token_list *list, const char *path, int64_t id, const char *text, enum token_type type,
                           float score, lmvr_error *error);

struct tokenizer;

/* The pieces of a tokenizer of SentencePiece's. */
lmvr_status sentencepiece_list(const struct tokenizer *tokenizer, const char *path, struct token_list *list, lmvr_error *error);

#ifdef __cplusplus
}
#endif
#endif
