/*
 * The kinds of training data as samples of tokens. Tokenizers are borrowed and must outlive the corpus.
 *
 * A corpus that cannot be opened is LMVR_ERROR_INVALID (no such file, not what it should be), and then empty. A record that
 * cannot be used is found when it is read: LMVR_ERROR_INPUT, with the file, the record's number and what is wrong with it.
 */
#ifndef LMVR_TRAIN_CORPORA_CORPUS_H
#define LMVR_TRAIN_CORPORA_CORPUS_H

#include "language/tokenizer.h"
#include "train/corpora/feed.h"

struct corpus_options {
    const char *data;   /* the file: conversations or captions as dataset/conversations.h reads them, or plain text */
    const char *images; /* the folder that images' names are below; NULL: the data's own */
    const struct tokenizer *tokenizer;
    int begin_token, end_token; /* ids; negative: none */
    int most_tokens;            /* a longer sequence is cut there, without counting visual tokens; at least 2 */
    bool by_lines;              /* of plain text: each line is a sample of its own, "SOURCE<tab>TARGET" or one text */
};

/* Image and caption: [begin] caption [end], as CLIP's text tower reads it; nothing is learned. A conversation's caption is its
 * first answer. A cut text keeps its end token. A record without an image, or with an empty caption, cannot be used. */
lmvr_status corpus_captions(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error);

/* Plain text, a document a line: the lines' tokens, each between [begin] and [end], follow each other and are cut every
 * most_tokens (a sample), or else begin a sample each; every token but the first of a sample is learned. Empty lines are
 * passed over, and one of more than 4 MiB is refused. The file is read once, tokenized by all of OpenMP's threads and kept as
 * ids: 4 bytes a token, about as much as the file itself. */
lmvr_status corpus_text(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error);

/*
 * Stage 1 (LLaVA's conversation version "plain"): [begin] <visual tokens> answer "\n", the image in place of the question; the
 * answer and what follows it are learned. Records without an image cannot be used.
 */
lmvr_status corpus_alignment(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error);

/*
 * Stage 2 (LLaVA's version "v1"): the vicuna_v1 template over all turns, as language/prompt.h fills it for the first:
 * [begin] SYSTEM USER: <visual tokens>\nQUESTION ASSISTANT: ANSWER [end] USER: QUESTION ASSISTANT: ANSWER [end] …
 * "<image>" goes to the front of the first question, wherever it stood in it. Each piece between the special tokens is
 * tokenized on its own, as the prompt is. Answers and the end tokens behind them are learned. A record without an image has no
 * visual tokens. One cannot be used that has "<image>" in a later question, or without an image, or no answer that begins
 * within most_tokens.
 */
lmvr_status corpus_instruction(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error);

/*
 * Prefix language modelling (Raffel et al. 2020, section 3.2.1; Li et al. 2023, section 3.2), for an encoder and a decoder: the
 * texts of another corpus, such as captions without a begin token, are cut in two at a place drawn by the sample's number. The
 * first part, empty at the least, is the encoder's, with an end token; the second, a token at the least, is learned. Of some
 * samples, drawn too, the encoder's is the prompt and all of the text is learned. A text given as source and target is cut
 * between them. Where the text has no end token, its last part has none. `inner` is taken over, also after a failure.
 */
struct corpus_prefix_options {
    const int32_t *prompt; /* copied */
    size_t prompt_count;
    double prompted; /* the share of samples with the prompt */
    int end_token;
    uint64_t seed; /* of what is drawn */
};
lmvr_status corpus_prefixes(const struct corpus_prefix_options *options, struct corpus *inner, struct corpus *corpus,
                            lmvr_error *error);

/*
 * Prompt and image, with labels: for fine-tuning on a data set. The prompt is tokenized as language/prompt.h does; all of it is
 * input. (dataset/dataset.h opens the set; `images` and `labels` are borrowed, the
 * tokens are copied.)
 */
struct corpus_labelled {
    int64_t count;
    const char *const *images; /* (count) paths */
    const float *labels;       /* (count, label_count), as batch.h has them */
    int label_count;
    const int32_t *before, *after; /* tokens of the prompt on each side of the image */
    size_t before_count, after_count;
};
lmvr_status corpus_labels(const struct corpus_labelled *set, struct corpus *corpus, lmvr_error *error);

void corpus_finish(struct corpus *corpus);

#endif
