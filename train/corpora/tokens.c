#include "train/corpora/tokens.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

lmvr_status tokens_add(struct batch_sequence *sequence, const int32_t *ids, size_t count, bool learned, lmvr_error *error)
{
    if (count == 0)
        return LMVR_OK;
    if (count > (size_t)(INT_MAX - sequence->count))
        return error_set(error, LMVR_ERROR_INPUT, "a text has more than %d tokens", INT_MAX);
    size_t total = (size_t)sequence->count + count;
    int32_t *tokens = realloc(sequence->tokens, total * sizeof *tokens);
    if (tokens)
        sequence->tokens = tokens;
    bool *marks = realloc(sequence->learned, total * sizeof *marks);
    if (marks)
        sequence->learned = marks;
    if (!tokens || !marks)
        return error_no_memory(error, "a text's tokens");
    memcpy(tokens + sequence->count, ids, count * sizeof *ids);
    memset(marks + sequence->count, learned, count * sizeof *marks);
    sequence->count = (int)total;
    return LMVR_OK;
}

lmvr_status tokens_add_one(struct batch_sequence *sequence, int id, bool learned, lmvr_error *error)
{
    return tokens_add(sequence, &(int32_t){id}, id >= 0, learned, error);
}

lmvr_status tokens_add_text(struct batch_sequence *sequence, const struct tokenizer *tokenizer, const char *text, bool learned,
                            lmvr_error *error)
{
    int32_t *ids;
    size_t count;
    TRY(tokenizer_encode(tokenizer, text, &ids, &count, error));
    lmvr_status status = tokens_add(sequence, ids, count, learned, error);
    free(ids);
    return status;
}

lmvr_status tokens_add_span(struct batch_sequence *sequence, lmvr_error *error)
{
    int *spans = realloc(sequence->spans, ((size_t)sequence->span_count + 1) * sizeof *spans);
    if (!spans)
        return error_no_memory(error, "a text's pictures");
    sequence->spans = spans;
    spans[sequence->span_count++] = sequence->count;
    return LMVR_OK;
}

void tokens_cut(struct batch_sequence *sequence, int most)
{
    if (sequence->count > most)
        sequence->count = most;
}

void tokens_finish(struct batch_sequence *sequence)
{
    free(sequence->tokens);
    free(sequence->learned);
    free(sequence->labels);
    free(sequence->spans);
    *sequence = (struct batch_sequence){.image = -1};
}
