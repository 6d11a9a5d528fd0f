/* How a text becomes the ids that a dual encoder's text tower reads. */
#ifndef LMVR_SRC_LANGUAGE_TEXT_RULES_H
#define LMVR_SRC_LANGUAGE_TEXT_RULES_H

#include "language/tokenizer.h"

struct text_rules {
    bool lowercase;
    bool plain;                   /* ASCII's punctuation is dropped, and spaces in a row become one (SigLIP) */
    int32_t begin_token;          /* -1: none */
    int32_t end_token, pad_token; /* pad_token: fills the text up to `positions` ids; -1: it is not filled up */
    int positions;                /* of a longer text, the first ids are kept, and the end token */
};

/* The caller frees *ids. Bytes that are not UTF-8 become U+FFFD. Thread-safe. */
lmvr_status text_rules_encode(const struct text_rules *rules, const struct tokenizer *tokenizer, const char *text,
                              int32_t **ids, size_t *count, lmvr_error *error);

#endif
