/* A tokenizer.json's "added_tokens": texts that are tokens of their own wherever they stand, such as <|im_end|>. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_ADDED_TOKENS_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_ADDED_TOKENS_H

#include "language/tokenizer/normalizer.h"
#include "language/tokenizer/vocabulary.h"

struct added_token {
    int32_t id;
    char *content;
    struct buffer normal;         /* what is looked for and decoded: the content, normalized if the token is */
    bool single_word;             /* not within a word */
    bool left_strip, right_strip; /* takes the spaces beside it */
    bool normalized;              /* looked for in the normalized text */
    bool special;
    bool left_out; /* when decoding */
};

/* Tokens by their bytes, and whether one begins with a byte. */
struct token_index {
    const struct added_token **items;
    size_t count;
    bool begins[256];
};

struct added_tokens {
    struct added_token *items;
    size_t count;
    struct token_index plain, normalized;
};

/* Reads the tokens. One that the vocabulary has gets the id it has there; the others' have to be the next ones after the
 * vocabulary's, in order. */
lmvr_status added_tokens_parse(const struct json_node *root, const struct vocabulary *vocabulary,
                               const struct normalizer *normalizer, struct added_tokens *tokens, lmvr_error *error);
void added_tokens_finish(struct added_tokens *tokens);

/* NULL: there is none. */
const struct added_token *added_tokens_find(const struct added_tokens *tokens, const char *content);
const struct added_token *added_tokens_of(const struct added_tokens *tokens, int32_t id);

/* A part of a text: an added token, or what lies between them. */
struct run {
    size_t start, end;
    const struct added_token *token; /* NULL: plain text */
};

struct runs {
    struct run *items;
    size_t count, space;
};

/* Divides a text by the tokens: of those that begin at one place the longest. */
lmvr_status added_tokens_divide(const struct token_index *index, const char *text, size_t size, struct runs *runs,
                                lmvr_error *error);

#endif
