/* Captions, stage 1 and stage 2: three ways to read a file of conversations. */
#include "train/corpora/corpus.h"

#include "lab/dataset/conversations.h"
#include "language/prompt.h"
#include "train/corpora/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE "<image>"
#define SPACE " \t\r\n\v\f"

struct told;

/* Builds a record's sequence. */
typedef lmvr_status (*build_function)(const struct told *told, const struct conversation *record,
                                      struct batch_sequence *sequence, lmvr_error *error);

struct told {
    struct conversations *conversations;
    const struct tokenizer *tokenizer;
    int begin_token, end_token, most_tokens;
    const char *data; /* the file, for error messages; owned */
    bool needs_image;
    build_function build;
};

static lmvr_status build_caption(const struct told *told, const struct conversation *record, struct batch_sequence *sequence,
                                 lmvr_error *error)
{
    TRY(tokens_add_one(sequence, told->begin_token, false, error));
    int before = sequence->count;
    TRY(tokens_add_text(sequence, told->tokenizer, record->turns[1].text, false, error));
    if (sequence->count == before)
        return error_set(error, LMVR_ERROR_INPUT, "has an empty caption");
    tokens_cut(sequence, told->most_tokens - (told->end_token >= 0));
    return tokens_add_one(sequence, told->end_token, false, error);
}

/* Truncates the sequence, which is useless if no target is left. */
static lmvr_status cut_answers(const struct told *told, struct batch_sequence *sequence, lmvr_error *error)
{
    tokens_cut(sequence, told->most_tokens);
    for (int i = 0; i < sequence->count; i++)
        if (sequence->learned[i])
            return LMVR_OK;
    return error_set(error, LMVR_ERROR_INPUT, "has no answer within its first %d tokens", told->most_tokens);
}

/* LLaVA tokenizes the answer and the "\n" after it as one text. */
static lmvr_status build_alignment(const struct told *told, const struct conversation *record, struct batch_sequence *sequence,
                                   lmvr_error *error)
{
    const char *answer = record->turns[1].text;
    size_t length = strlen(answer);
    char *line = malloc(length + 2);
    if (!line)
        return error_no_memory(error, "a record");
    memcpy(line, answer, length);
    memcpy(line + length, "\n", 2);
    lmvr_status status = tokens_add_one(sequence, told->begin_token, false, error);
    sequence->visual_at = sequence->count;
    if (status == LMVR_OK)
        status = tokens_add_text(sequence, told->tokenizer, line, true, error);
    free(line);
    return status == LMVR_OK ? cut_answers(told, sequence, error) : status;
}

/* The question without any "<image>" and the white space around it, as in LLaVA's preprocess_multimodal. */
static char *without_image(const char *question)
{
    const char *from = question, *found = strstr(question, IMAGE);
    if (!found)
        return strdup(question);
    char *copy = malloc(strlen(question) + 1), *to = copy;
    if (!copy)
        return NULL;
    for (; found; found = strstr(from, IMAGE)) {
        to = mempcpy(to, from, (size_t)(found - from));
        from = found + strlen(IMAGE);
    }
    memcpy(to, from, strlen(from) + 1);
    size_t blank = strspn(copy, SPACE), end = strlen(copy);
    while (end > blank && strchr(SPACE, copy[end - 1]))
        end--;
    memmove(copy, copy + blank, end - blank);
    copy[end - blank] = '\0';
    return copy;
}

/* Only the first question may refer to the image. */
static lmvr_status check_questions(const struct conversation *record, lmvr_error *error)
{
    for (int i = 0; i < record->turn_count; i += 2)
        if (strstr(record->turns[i].text, IMAGE) && (i > 0 || !record->image))
            return error_set(error, LMVR_ERROR_INPUT,
                             record->image ? "has " IMAGE " in a question after the first" : "has " IMAGE " but no image");
    return LMVR_OK;
}

/* The first question, formatted as at inference. */
static lmvr_status add_image_question(const struct told *told, const char *text, struct batch_sequence *sequence,
                                      lmvr_error *error)
{
    struct prompt prompt;
    char *question = without_image(text);
    if (!question)
        return error_no_memory(error, "a record");
    lmvr_status status = prompt_create(told->tokenizer, "vicuna_v1", question, told->begin_token, -1, &prompt, error);
    free(question);
    if (status == LMVR_ERROR_INVALID) /* one that was formed by removing another from its middle */
        return error_set(error, LMVR_ERROR_INPUT, "has one " IMAGE " inside another");
    TRY(status);
    sequence->visual_at = sequence->count + (int)prompt.images[0];
    status = tokens_add(sequence, prompt.ids, prompt.count, false, error);
    prompt_finish(&prompt);
    return status;
}

static lmvr_status add_question(const struct told *told, const char *before, const char *text, struct batch_sequence *sequence,
                                lmvr_error *error)
{
    char *filled;
    if (asprintf(&filled, "%s%s%s", before, text, PROMPT_ASSISTANT) < 0)
        return error_no_memory(error, "a record");
    lmvr_status status = tokens_add_text(sequence, told->tokenizer, filled, false, error);
    free(filled);
    return status;
}

static lmvr_status build_instruction(const struct told *told, const struct conversation *record,
                                     struct batch_sequence *sequence, lmvr_error *error)
{
    TRY(check_questions(record, error));
    if (!record->image)
        TRY(tokens_add_one(sequence, told->begin_token, false, error));
    for (int i = 0; i < record->turn_count && sequence->count < told->most_tokens; i += 2) {
        const char *question = record->turns[i].text;
        if (i == 0 && record->image)
            TRY(add_image_question(told, question, sequence, error));
        else
            TRY(add_question(told, i == 0 ? PROMPT_SYSTEM " " PROMPT_USER : PROMPT_USER, question, sequence, error));
        TRY(tokens_add_text(sequence, told->tokenizer, record->turns[i + 1].text, true, error));
        TRY(tokens_add_one(sequence, told->end_token, true, error));
    }
    return cut_answers(told, sequence, error);
}

/* ---- common to all three ----------------------------------------------------------------------------------------------- */

static lmvr_status build_sequence(const struct told *told, const struct conversation *record, struct batch_sequence *sequence,
                                  lmvr_error *error)
{
    if (told->needs_image && !record->image)
        return error_set(error, LMVR_ERROR_INPUT, "has no image");
    return told->build(told, record, sequence, error);
}

static lmvr_status read_record(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    const struct told *told = self;
    struct conversation record;
    lmvr_error why;
    *sequence = (struct batch_sequence){.image = -1};
    *image = NULL;
    TRY(conversations_read(told->conversations, index, &record, error));
    lmvr_status status = build_sequence(told, &record, sequence, &why);
    if (status == LMVR_OK) {
        *image = record.image;
        record.image = NULL;
    } else {
        tokens_finish(sequence);
        if (status == LMVR_ERROR_INPUT)
            error_write(error, "%s: record %lld %.512s", told->data, (long long)index + 1, why.message);
        else
            error_write(error, "%.512s", why.message);
    }
    conversation_finish(&record);
    return status;
}

static void free_told(void *self)
{
    struct told *told = self;
    conversations_close(told->conversations);
    free((char *)told->data);
    free(told);
}

static lmvr_status open_told(const struct corpus_options *options, bool needs_image, build_function build,
                             struct corpus *corpus, lmvr_error *error)
{
    *corpus = (struct corpus){.self = NULL};
    if (options->most_tokens < 2)
        return error_set(error, LMVR_ERROR_INVALID, "sequences of at most %d tokens: expected at least 2",
                         options->most_tokens);
    struct told *told = malloc(sizeof *told);
    if (!told)
        return error_no_memory(error, options->data);
    *told = (struct told){.tokenizer = options->tokenizer,
                          .begin_token = options->begin_token,
                          .end_token = options->end_token,
                          .most_tokens = options->most_tokens,
                          .data = strdup(options->data),
                          .needs_image = needs_image,
                          .build = build};
    lmvr_status status = told->data ? conversations_open(options->data, options->images, &told->conversations, error)
                                    : error_no_memory(error, options->data);
    if (status != LMVR_OK) {
        free_told(told);
        return status;
    }
    *corpus = (struct corpus){.self = told,
                              .count = conversations_count(told->conversations),
                              .fingerprint = conversations_fingerprint(told->conversations),
                              .read = read_record,
                              .free = free_told};
    return LMVR_OK;
}

lmvr_status corpus_captions(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error)
{
    return open_told(options, true, build_caption, corpus, error);
}

lmvr_status corpus_alignment(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error)
{
    return open_told(options, true, build_alignment, corpus, error);
}

lmvr_status corpus_instruction(const struct corpus_options *options, struct corpus *corpus, lmvr_error *error)
{
    return open_told(options, false, build_instruction, corpus, error);
}
