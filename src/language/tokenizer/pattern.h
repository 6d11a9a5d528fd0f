/* Patterns, and how they divide a text. The file's regular expressions are in Oniguruma's syntax; they are translated to
 * PCRE2's. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_PATTERN_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_PATTERN_H

#include "format/json.h"
#include "language/tokenizer/buffer.h"

struct pattern;

/* Reads {"String": text} or {"Regex": expression}. */
lmvr_status pattern_parse(const struct json_node *node, const char *key, struct pattern **pattern, lmvr_error *error);

/* `where` begins the sentence about an expression that cannot be read. */
lmvr_status pattern_create(const char *where, const char *expression, bool literal, struct pattern **pattern,
                           lmvr_error *error);
void pattern_free(struct pattern *pattern); /* NULL is allowed */

/* A text's bytes from start to end, and whether they match. */
struct span {
    size_t start, end;
    bool matches;
};

/* What a text is divided into, in order. Begins as zeros. */
struct spans {
    struct span *items;
    size_t count, space;
    struct pcre2_real_match_data_8 *match;
};

void spans_finish(struct spans *spans);

/* The matches, and what lies between them. Thread-safe. */
lmvr_status pattern_divide(const struct pattern *pattern, const char *text, size_t size, struct spans *spans,
                           lmvr_error *error);

/* The same where each character of a class is a match. */
lmvr_status class_divide(bool (*is_member)(uint32_t code), const char *text, size_t size, struct spans *spans,
                         lmvr_error *error);

/* What becomes of the matches, by the library's names. */
enum behavior {
    BEHAVIOR_ISOLATED,
    BEHAVIOR_REMOVED,
    BEHAVIOR_MERGED_WITH_PREVIOUS,
    BEHAVIOR_MERGED_WITH_NEXT,
    BEHAVIOR_CONTIGUOUS
};

/* Reads a name; *behavior is unchanged where the key is missing. */
lmvr_status behavior_parse(const struct json_node *node, const char *key, enum behavior *behavior, lmvr_error *error);

/* Joins spans as the behavior says; those that still match are to be removed. */
void spans_join(struct spans *spans, enum behavior behavior);

/* Oniguruma's syntax to PCRE2's, as far as the library's tokenizers use it: the same matches, or a refusal, whose sentence
 * begins with `where`. */
lmvr_status oniguruma_translate(const char *where, const char *expression, struct buffer *translated, lmvr_error *error);

#endif
