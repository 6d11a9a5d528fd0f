/* Texts split in two, for an encoder-decoder. */
#include "train/corpora/corpus.h"

#include "format/random.h"
#include "train/corpora/tokens.h"

#include <stdlib.h>
#include <string.h>

struct prefixes {
    struct corpus inner;
    int32_t *prompt;
    size_t prompt_count;
    double prompted;
    int end_token;
    uint64_t seed;
};

/* How many of the text's `count` tokens, including its end token, the encoder reads; negative: the prompt instead. */
static int draw_cut(const struct prefixes *p, int64_t index, int count)
{
    struct random random;
    random_init(&random, p->seed ^ ((uint64_t)index * UINT64_C(0x9e3779b97f4a7c15)));
    if (random_uniform(&random, 0, 1) < p->prompted)
        return -1;
    return random_below((uint32_t)(random_next(&random) >> 32), count);
}

static lmvr_status build(const struct prefixes *p, const struct batch_sequence *text, int cut, struct batch_sequence *sequence,
                         lmvr_error *error)
{
    if (cut < 0)
        TRY(tokens_add(sequence, p->prompt, p->prompt_count, false, error));
    else
        TRY(tokens_add(sequence, text->tokens, (size_t)cut, false, error));
    TRY(tokens_add_one(sequence, p->end_token, false, error));
    int from = cut < 0 ? 0 : cut;
    return tokens_add(sequence, text->tokens + from, (size_t)(text->count - from), true, error);
}

static lmvr_status read_sample(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    const struct prefixes *p = self;
    struct batch_sequence text;
    TRY(p->inner.read(p->inner.self, index, &text, image, error));
    *sequence = (struct batch_sequence){.image = -1};
    int words = text.count - (text.tokens[text.count - 1] == p->end_token), cut = text.target_at;
    if (words > 0 && cut == 0)
        cut = draw_cut(p, index, words);
    lmvr_status status = words > 0 && cut < words ? build(p, &text, cut, sequence, error)
                                                  : error_set(error, LMVR_ERROR_INPUT, "has no target token");
    tokens_finish(&text);
    if (status != LMVR_OK) {
        tokens_finish(sequence);
        free(*image);
        *image = NULL;
    }
    return status;
}

static void free_prefixes(void *self)
{
    struct prefixes *p = self;
    corpus_finish(&p->inner);
    free(p->prompt);
    free(p);
}

lmvr_status corpus_prefixes(const struct corpus_prefix_options *options, struct corpus *inner, struct corpus *corpus,
                            lmvr_error *error)
{
    struct prefixes *p = malloc(sizeof *p);
    int32_t *prompt = malloc((options->prompt_count + 1) * sizeof *prompt);
    *corpus = (struct corpus){.self = NULL};
    if (!p || !prompt) {
        free(p);
        free(prompt);
        corpus_finish(inner);
        return error_no_memory(error, "the samples");
    }
    if (options->prompt_count > 0)
        memcpy(prompt, options->prompt, options->prompt_count * sizeof *prompt);
    *p = (struct prefixes){*inner, prompt, options->prompt_count, options->prompted, options->end_token, options->seed};
    *corpus = (struct corpus){
        .self = p, .count = inner->count, .fingerprint = inner->fingerprint, .read = read_sample, .free = free_prefixes};
    *inner = (struct corpus){.self = NULL};
    return LMVR_OK;
}
