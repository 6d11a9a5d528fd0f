/* Prompt, image and labels; and corpus_finish() for every corpus. */
#include "train/corpora/corpus.h"

#include "format/hash.h"
#include "train/corpora/tokens.h"

#include <stdlib.h>
#include <string.h>

static lmvr_status fill(const struct corpus_labelled *set, int64_t index, struct batch_sequence *sequence, lmvr_error *error)
{
    TRY(tokens_add(sequence, set->before, set->before_count, false, error));
    TRY(tokens_add_span(sequence, error));
    TRY(tokens_add(sequence, set->after, set->after_count, false, error));
    size_t size = (size_t)set->label_count * sizeof *sequence->labels;
    sequence->label_count = set->label_count;
    sequence->labels = malloc(size);
    if (!sequence->labels)
        return error_no_memory(error, "labels");
    memcpy(sequence->labels, set->labels + index * set->label_count, size);
    return LMVR_OK;
}

static lmvr_status read_labelled(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    const struct corpus_labelled *set = self;
    *sequence = (struct batch_sequence){.image = -1};
    *image = NULL;
    lmvr_status status = fill(set, index, sequence, error);
    if (status == LMVR_OK && !(*image = strdup(set->images[index])))
        status = error_no_memory(error, "a path");
    if (status != LMVR_OK)
        tokens_finish(sequence);
    return status;
}

static void free_labelled(void *self)
{
    struct corpus_labelled *set = self;
    free((int32_t *)set->before);
    free(set);
}

static uint64_t fingerprint_of(const struct corpus_labelled *set)
{
    uint64_t hash = HASH_START;
    for (int64_t i = 0; i < set->count; i++)
        hash = hash_bytes(hash, set->images[i], strlen(set->images[i]) + 1);
    hash = hash_bytes(hash, set->labels, (size_t)(set->count * set->label_count) * sizeof *set->labels);
    hash = hash_bytes(hash, set->before, set->before_count * sizeof *set->before);
    hash = hash_bytes(hash, &set->before_count, sizeof set->before_count);
    return hash_bytes(hash, set->after, set->after_count * sizeof *set->after);
}

/* Copies the prompt's tokens, both parts into one allocation. */
lmvr_status corpus_labels(const struct corpus_labelled *set, struct corpus *corpus, lmvr_error *error)
{
    *corpus = (struct corpus){.self = NULL};
    if (set->count < 1 || set->label_count < 1 || set->before_count + set->after_count < 1)
        return error_set(error, LMVR_ERROR_INVALID, "%lld images, %d labels, %zu prompt tokens: expected at least one of each",
                         (long long)set->count, set->label_count, set->before_count + set->after_count);
    struct corpus_labelled *own = malloc(sizeof *own);
    int32_t *tokens = malloc((set->before_count + set->after_count) * sizeof *tokens);
    if (!own || !tokens) {
        free(own);
        free(tokens);
        return error_no_memory(error, "a prompt");
    }
    if (set->before_count > 0)
        memcpy(tokens, set->before, set->before_count * sizeof *tokens);
    if (set->after_count > 0)
        memcpy(tokens + set->before_count, set->after, set->after_count * sizeof *tokens);
    *own = *set;
    own->before = tokens;
    own->after = tokens + set->before_count;
    *corpus = (struct corpus){
        .self = own, .count = set->count, .fingerprint = fingerprint_of(own), .read = read_labelled, .free = free_labelled};
    return LMVR_OK;
}

void corpus_finish(struct corpus *corpus)
{
    if (corpus->free)
        corpus->free(corpus->self);
    *corpus = (struct corpus){.self = NULL};
}
