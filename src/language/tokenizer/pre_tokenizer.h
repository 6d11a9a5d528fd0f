/* A tokenizer.json's "pre_tokenizer": how a normalized text is cut into words, which are then encoded one by one. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_PRE_TOKENIZER_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_PRE_TOKENIZER_H

#include "language/tokenizer/component.h"
#include "language/tokenizer/pattern.h"

/* What the file's components are made of. */
enum cut {
    CUT_PATTERN, /* divides by a pattern */
    CUT_CLASS,   /* divides by a class of characters */
    CUT_SPACES,  /* replaces each space */
    CUT_PREFIX,  /* begins each word with a text, unless it does */
    CUT_BYTES    /* makes each byte a character */
};

struct pre_tokenizer {
    int count;
    struct pre_tokenizer_step {
        enum cut what;
        enum behavior behavior;
        bool invert;
        struct pattern *pattern;
        bool (*is_member)(uint32_t code);
        char *content;   /* what replaces a space, or is the prefix */
        bool first_only; /* whether only the text's first word gets the prefix */
    } steps[3 * COMPONENT_MAX];
};

lmvr_status pre_tokenizer_parse(const struct json_node *root, struct pre_tokenizer *pre_tokenizer, lmvr_error *error);
void pre_tokenizer_finish(struct pre_tokenizer *pre_tokenizer);

struct word {
    size_t start, size;
    bool first; /* whether the whole text begins here */
};

/* Words in a text. Begins as zeros. */
struct cut_words {
    struct buffer text;
    struct word *items;
    size_t count, space;
};

void cut_words_finish(struct cut_words *words);
lmvr_status cut_words_add(struct cut_words *words, size_t start, size_t size, bool first, lmvr_error *error);

/* Cuts the words further, none of which is empty before and after; `other` and `spans` are for scratch. */
lmvr_status pre_tokenize(const struct pre_tokenizer *pre_tokenizer, struct cut_words *words, struct cut_words *other,
                         struct spans *spans, lmvr_error *error);

#endif
