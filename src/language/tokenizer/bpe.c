#include "language/tokenizer/bpe.h"

#include "format/hash.h"

#include <stdlib.h>

/* A piece of the word. */
struct bpe_symbol {
    int32_t id;
    int32_t previous, next; /* -1: none */
    bool gone;              /* merged into the one before */
};

/* A merge that was possible when it was found. */
struct bpe_candidate {
    uint64_t order; /* the merge's rank, then the left symbol's place */
    int32_t result;
};

void bpe_finish(struct bpe *bpe)
{
    vocabulary_finish(&bpe->vocabulary);
    free(bpe->merges);
    free(bpe->prefix);
    free(bpe->suffix);
    free(bpe->unknown_piece);
}

void bpe_work_finish(struct bpe_work *work)
{
    free(work->symbols);
    free(work->heap);
    buffer_free(&work->piece);
}

lmvr_status ids_add(struct ids *ids, const int32_t *more, size_t count, lmvr_error *error)
{
    if (count > ids->space - ids->count) {
        size_t space = 2 * ids->space + count + 32;
        int32_t *grown = realloc(ids->items, space * sizeof *grown);
        if (!grown)
            return error_no_memory(error, "a text's tokens");
        ids->items = grown;
        ids->space = space;
    }
    for (size_t i = 0; i < count; i++)
        ids->items[ids->count++] = more[i];
    return LMVR_OK;
}

/* ---- characters ----------------------------------------------------------------------------------------------------- */

static lmvr_status add_symbol(struct bpe_work *work, int32_t id, lmvr_error *error)
{
    if (work->symbol_count == work->symbol_space) {
        size_t space = 2 * work->symbol_space + 64;
        struct bpe_symbol *grown = realloc(work->symbols, space * sizeof *grown);
        if (!grown)
            return error_no_memory(error, "a word's tokens");
        work->symbols = grown;
        work->symbol_space = space;
    }
    int32_t place = (int32_t)work->symbol_count++;
    work->symbols[place] = (struct bpe_symbol){.id = id, .previous = place - 1, .next = -1};
    if (place > 0)
        work->symbols[place - 1].next = place;
    return LMVR_OK;
}

/* The character's piece, prefix and suffix included, is left in work->piece unless it was found in the table. */
static lmvr_status find_character(const struct bpe *bpe, const char *character, size_t size, bool is_first, bool is_last,
                                  struct bpe_work *work, int32_t *id, lmvr_error *error)
{
    const char *prefix = is_first ? NULL : bpe->prefix, *suffix = is_last ? bpe->suffix : NULL;
    if (!prefix && !suffix && size <= 2) {
        uint32_t code;
        character_read(character, &code);
        *id = bpe->characters[code];
        if (*id >= 0)
            return LMVR_OK;
    }
    work->piece.size = 0;
    if (prefix)
        TRY(buffer_add(&work->piece, prefix, strlen(prefix), error));
    TRY(buffer_add(&work->piece, character, size, error));
    if (suffix)
        TRY(buffer_add(&work->piece, suffix, strlen(suffix), error));
    *id = vocabulary_find(&bpe->vocabulary, work->piece.bytes, work->piece.size);
    return LMVR_OK;
}

/* Adds the bytes of an unknown piece as <0x..>, if all of them are in the vocabulary. */
static lmvr_status fall_back(const struct bpe *bpe, struct bpe_work *work, bool *done, lmvr_error *error)
{
    *done = bpe->byte_fallback;
    for (size_t i = 0; i < work->piece.size && *done; i++)
        *done = bpe->bytes[(unsigned char)work->piece.bytes[i]] >= 0;
    for (size_t i = 0; i < work->piece.size && *done; i++)
        TRY(add_symbol(work, bpe->bytes[(unsigned char)work->piece.bytes[i]], error));
    return LMVR_OK;
}

/* The word's characters as symbols. An unknown one waits until it is known whether the next is too. */
static lmvr_status add_characters(const struct bpe *bpe, const char *word, size_t size, struct bpe_work *work,
                                  lmvr_error *error)
{
    bool unknown = false;
    size_t length;
    work->symbol_count = 0;
    for (size_t at = 0; at < size; at += length) {
        int32_t id;
        length = character_size(word[at]);
        TRY(find_character(bpe, word + at, length, at == 0, at + length == size, work, &id, error));
        if (id >= 0) {
            if (unknown)
                TRY(add_symbol(work, bpe->unknown, error));
            unknown = false;
            TRY(add_symbol(work, id, error));
            continue;
        }
        bool done;
        TRY(fall_back(bpe, work, &done, error));
        if (done || !bpe->unknown_piece)
            continue;
        if (bpe->unknown < 0)
            return error_set(
                error, LMVR_ERROR_INVALID,
                "the text has \"%.*s\", which the tokenizer does not know, and its unk_token, %s, is not in its vocabulary",
                (int)length, word + at, bpe->unknown_piece);
        if (unknown && !bpe->fuse_unknown)
            TRY(add_symbol(work, bpe->unknown, error));
        unknown = true;
    }
    return unknown ? add_symbol(work, bpe->unknown, error) : LMVR_OK;
}

/* ---- merges --------------------------------------------------------------------------------------------------------- */

static const struct bpe_merge *find_merge(const struct bpe *bpe, int32_t left, int32_t right)
{
    for (uint32_t slot = bpe_slot(left, right);; slot++) {
        const struct bpe_merge *merge = &bpe->merges[slot & bpe->mask];
        if (merge->left < 0)
            return NULL;
        if (merge->left == left && merge->right == right)
            return merge;
    }
}

static void push(struct bpe_work *work, struct bpe_candidate candidate)
{
    size_t place = work->heap_count++;
    for (; place > 0 && work->heap[(place - 1) / 2].order > candidate.order; place = (place - 1) / 2)
        work->heap[place] = work->heap[(place - 1) / 2];
    work->heap[place] = candidate;
}

static struct bpe_candidate pop(struct bpe_work *work)
{
    struct bpe_candidate first = work->heap[0], last = work->heap[--work->heap_count];
    size_t place = 0, child;
    while ((child = 2 * place + 1) < work->heap_count) {
        if (child + 1 < work->heap_count && work->heap[child + 1].order < work->heap[child].order)
            child++;
        if (work->heap[child].order >= last.order)
            break;
        work->heap[place] = work->heap[child];
        place = child;
    }
    work->heap[place] = last;
    return first;
}

/* Files the merge of a symbol with the next, if there is one. */
static void consider(const struct bpe *bpe, struct bpe_work *work, int32_t place)
{
    int32_t next = place >= 0 ? work->symbols[place].next : -1;
    if (next < 0)
        return;
    const struct bpe_merge *merge = find_merge(bpe, work->symbols[place].id, work->symbols[next].id);
    if (merge)
        push(work, (struct bpe_candidate){(uint64_t)(uint32_t)merge->rank << 32 | (uint32_t)place, merge->result});
}

static void merge_symbols(const struct bpe *bpe, struct bpe_work *work)
{
    struct bpe_symbol *symbols = work->symbols;
    for (size_t i = 0; i + 1 < work->symbol_count; i++)
        consider(bpe, work, (int32_t)i);
    while (work->heap_count > 0) {
        struct bpe_candidate best = pop(work);
        int32_t place = (int32_t)(best.order & 0xFFFFFFFFu), next = symbols[place].next;
        if (symbols[place].gone || next < 0)
            continue;
        const struct bpe_merge *merge = find_merge(bpe, symbols[place].id, symbols[next].id);
        if (!merge || merge->result != best.result)
            continue; /* one of the two has become another since */
        symbols[place].id = merge->result;
        symbols[place].next = symbols[next].next;
        symbols[next].gone = true;
        if (symbols[place].next >= 0)
            symbols[symbols[place].next].previous = place;
        consider(bpe, work, symbols[place].previous);
        consider(bpe, work, place);
    }
}

lmvr_status bpe_encode(const struct bpe *bpe, const char *word, size_t size, struct bpe_work *work, struct ids *ids,
                       lmvr_error *error)
{
    int32_t whole = bpe->whole_words_first ? vocabulary_find(&bpe->vocabulary, word, size) : -1;
    if (whole >= 0)
        return ids_add(ids, &whole, 1, error);
    TRY(add_characters(bpe, word, size, work, error));
    /* a merge removes a symbol and files at most two others */
    if (3 * work->symbol_count > work->heap_space) {
        free(work->heap);
        work->heap_space = 3 * work->symbol_count + 64;
        work->heap = malloc(work->heap_space * sizeof *work->heap);
        if (!work->heap) {
            work->heap_space = 0;
            return error_no_memory(error, "a word's tokens");
        }
    }
    work->heap_count = 0;
    merge_symbols(bpe, work);
    for (size_t i = 0; i < work->symbol_count; i++)
        if (!work->symbols[i].gone)
            TRY(ids_add(ids, &work->symbols[i].id, 1, error));
    return LMVR_OK;
}
