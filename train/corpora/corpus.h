/*
 * Turns each kind of training data into samples of tokens. Tokenizers are borrowed and must outlive the corpus.
 *
 * LMVR_ERROR_INVALID: a corpus cannot be opened (the file is missing or malformed); it is then empty. Unusable records are only
 * found when they are read: LMVR_ERROR_INPUT, naming the file, the record's number and what is wrong.
 */
#ifndef LMVR_TRAIN_CORPORA_CORPUS_H
#define LMVR_TRAIN_CORPORA_CORPUS_H

#include "language/tokenizer.h"
#include "model/config.h"
#include "train/corpora/feed.h"

struct corpus_options {
    const char *data;   /* the file: conversations or captions (lab/dataset/conversations.h), or plain text */
    const char *images; /* root directory for image names; NULL: the data's own folder */
    const struct tokenizer *tokenizer;
    const struct model_config *model; /* corpus_instruction: the model whose prompt is used; NULL: LLaVA's vicuna_v1 */
    int begin_token, end_token;       /* ids; negative: none */
    int most_tokens;                  /* longer sequences are truncated, not counting visual tokens; at least 2 */
    bool by_lines;                    /* plain text: each line is a sample of its own, "SOURCE<tab>TARGET" or a single text */
};

/* Image and caption: [begin] caption [end], as CLIP's text encoder reads it; no token is a target. A conversation's caption is
 * its first answer. Truncated texts keep their end token. Records without an image, or with an empty caption, cannot be
 * used. */
lmvr_status corpus_captions(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error);

/* Plain text, one document per line. The lines' tokens, each line between [begin] and [end], are concatenated and split into
 * samples of most_tokens; or by_lines, each line is a sample. All tokens but the first of a sample are targets. Empty lines are
 * skipped, lines of more than 4 MiB are errors. The file is read once, tokenized by all of OpenMP's threads and kept as ids: 4
 * bytes per token, about the file's own size. */
lmvr_status corpus_text(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error);

/*
 * Stage 1 (LLaVA's conversation version "plain"): [begin] <visual tokens> answer "\n", with the image in place of the question;
 * the answer and the newline are targets. Records without an image cannot be used.
 */
lmvr_status corpus_alignment(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error);

/*
 * Stage 2: the template of the model (language/prompt.h) over all turns. LLaVA's version "v1":
 * [begin] SYSTEM USER: <visual tokens>\nQUESTION ASSISTANT: ANSWER [end] USER: QUESTION ASSISTANT: ANSWER [end] … "<image>" is
 * moved to the front of the first question. Questions, which are what the model is asked at inference, and answers are
 * tokenized each on its own. Answers and what ends them are targets. A record without an image has no visual tokens. A record
 * cannot be used if it has "<image>" in a later question or without an image, the model's image token in a text, or no answer
 * that begins within most_tokens. With a `model`, text and visual tokens together are truncated to its positions, and sequences
 * are built by the corpus's place().
 */
lmvr_status corpus_instruction(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error);

/*
 * Prefix language modelling (Raffel et al. 2020, section 3.2.1; Li et al. 2023, section 3.2), for an encoder-decoder: the texts
 * of another corpus, such as captions without a begin token, are split in two at a position drawn from the sample's index. The
 * first part, which may be empty, goes to the encoder, with an end token; the second, at least one token, is the target. For a
 * random share of samples, the encoder gets the prompt and the whole text is the target. A text given as source and target is
 * split between them. If the text has no end token, neither has its second part. Takes ownership of `inner`, even on failure.
 */
struct corpus_prefix_options {
    const int32_t *prompt; /* copied */
    size_t prompt_count;
    double prompted; /* the share of samples with the prompt */
    int end_token;
    uint64_t seed; /* of the random choices */
};
lmvr_status corpus_prefixes(const struct corpus_prefix_options *options, struct corpus *inner, struct corpus *corpus,
                            lmvr_error *error);

/*
 * Prompt and image, with labels, for fine-tuning on a data set. The prompt is tokenized as in language/prompt.h; all of it is
 * input. (lab/dataset/dataset.h opens the set; `images` and `labels` are borrowed, the tokens are copied.)
 */
struct corpus_labelled {
    int64_t count;
    const char *const *images; /* (count) paths */
    const float *labels;       /* (count, label_count), as in batch.h */
    int label_count;
    const int32_t *before, *after; /* the prompt's tokens before and after the image */
    size_t before_count, after_count;
};
lmvr_status corpus_labels(const struct corpus_labelled *set, struct corpus *corpus, lmvr_error *error);

void corpus_finish(struct corpus *corpus);

#endif
