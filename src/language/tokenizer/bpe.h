/* Byte pair encoding (Sennrich, Haddow and Birch 2016) as the tokenizers library does it: of a word's neighboring pieces that
 * can be merged, those whose merge stands first in the list are merged first, the leftmost of them before the others. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_BPE_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_BPE_H

#include "language/tokenizer/vocabulary.h"

#define BPE_SHORT_CHARACTERS 0x800 /* those of one and two bytes, whose ids lie in a table */

struct bpe {
    struct vocabulary vocabulary;
    struct bpe_merge {
        int32_t left, right; /* left is -1 where the slot is free */
        int32_t rank, result;
    } * merges; /* (mask + 1) by their pairs' hashes */
    uint32_t mask;
    char *prefix, *suffix; /* of characters: not the word's first, the word's last; NULL: none */
    char *unknown_piece;   /* NULL: unknown characters are left out */
    int32_t unknown;       /* -1: not in the vocabulary */
    bool fuse_unknown, byte_fallback, whole_words_first;
    int32_t bytes[256]; /* of <0x00> to <0xFF>, -1 where missing */
    int32_t characters[BPE_SHORT_CHARACTERS];
};

/* Reads "model". */
lmvr_status bpe_parse(const struct json_node *root, struct bpe *bpe, lmvr_error *error);
void bpe_finish(struct bpe *bpe);

/* Where a pair is looked for first, before the mask. */
static inline uint32_t bpe_slot(int32_t left, int32_t right)
{
    uint64_t pair = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    return (uint32_t)(pair * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* Ids that grow. */
struct ids {
    int32_t *items;
    size_t count, space;
};

lmvr_status ids_add(struct ids *ids, const int32_t *more, size_t count, lmvr_error *error);

/* Scratch memory of bpe_encode(). Begins as zeros. */
struct bpe_work {
    struct bpe_symbol *symbols;
    struct bpe_candidate *heap;
    size_t symbol_count, symbol_space, heap_count, heap_space;
    struct buffer piece;
};

void bpe_work_finish(struct bpe_work *work);

/* Adds the ids of one word, which is not empty. Thread-safe. */
lmvr_status bpe_encode(const struct bpe *bpe, const char *word, size_t size, struct bpe_work *work, struct ids *ids,
                       lmvr_error *error);

#endif
