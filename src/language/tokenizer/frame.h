/* A tokenizer.json's "post_processor": the ids before and after a text that is encoded alone. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_FRAME_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_FRAME_H

#include "language/tokenizer/bpe.h"
#include "language/tokenizer/component.h"

struct frame {
    struct ids before, after;
    int32_t size; /* ids have to be below this */
};

lmvr_status frame_parse(const struct json_node *root, int32_t size, struct frame *frame, lmvr_error *error);
void frame_finish(struct frame *frame);

#endif
