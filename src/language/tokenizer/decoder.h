/* A tokenizer.json's "decoder": how pieces become text. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_DECODER_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_DECODER_H

#include "language/tokenizer/component.h"
#include "language/tokenizer/pattern.h"

/* Pieces one after the other. Begins as zeros. */
struct pieces {
    struct buffer text;
    size_t *ends;
    size_t count, space;
};

void pieces_finish(struct pieces *pieces);

/* Adds to the last piece with buffer_add(); this ends it. */
lmvr_status pieces_end(struct pieces *pieces, lmvr_error *error);

struct decoder_step;
typedef lmvr_status decode_step(const struct decoder_step *step, const struct pieces *in, struct pieces *out,
                                lmvr_error *error);

struct decoder {
    int count;
    struct decoder_step {
        decode_step *decode;
        char *content; /* what is replaced or stripped, or replaces */
        struct pattern *pattern;
        int start, stop;  /* how many characters may be stripped */
        bool drops_first; /* whether the first piece's is dropped */
    } steps[COMPONENT_MAX];
    bool missing; /* pieces are then joined by spaces */
};

lmvr_status decoder_parse(const struct json_node *root, struct decoder *decoder, lmvr_error *error);
void decoder_finish(struct decoder *decoder);

/* The text of pieces->text is then the decoded text. Thread-safe. */
lmvr_status decoder_run(const struct decoder *decoder, struct pieces *pieces, lmvr_error *error);

#endif
