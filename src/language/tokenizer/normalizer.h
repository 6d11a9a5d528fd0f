/* A tokenizer.json's "normalizer": what is done to a text before it is cut. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_NORMALIZER_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_NORMALIZER_H

#include "language/tokenizer/component.h"
#include "language/tokenizer/pattern.h"

enum normalization {
    NORMALIZE_NFC,
    NORMALIZE_NFD,
    NORMALIZE_NFKC,
    NORMALIZE_NFKD,
    NORMALIZE_LOWERCASE,
    NORMALIZE_PREPEND,
    NORMALIZE_REPLACE,
    NORMALIZE_STRIP
};

struct normalizer {
    int count;
    struct normalizer_step {
        enum normalization what;
        char *content;           /* what is prepended, or replaces */
        struct pattern *pattern; /* what is replaced */
        bool left, right;        /* where spaces are stripped */
    } steps[COMPONENT_MAX];
};

lmvr_status normalizer_parse(const struct json_node *root, struct normalizer *normalizer, lmvr_error *error);
void normalizer_finish(struct normalizer *normalizer);

/* Normalizes in place; `other` and `spans` are for scratch. *first says whether the text begins where the whole text begins,
 * and stays so unless what it began with is gone. */
lmvr_status normalizer_run(const struct normalizer *normalizer, struct buffer *text, struct buffer *other, struct spans *spans,
                           bool *first, lmvr_error *error);

#endif
