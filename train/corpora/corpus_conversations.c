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

/* Builds a record's sequence. `picture` is NULL, or that of a corpus whose tokens depend on it. */
typedef lmvr_status (*build_function)(const struct told *told, const struct conversation *record, const struct picture *picture,
                                      struct batch_sequence *sequence, lmvr_error *error);

struct told {
    struct conversations *conversations;
    const struct tokenizer *tokenizer;
    const struct model_config *model; /* whose prompts depend on the picture; NULL: LLaVA's, which do not */
    const char *template_name;
    int begin_token, end_token, most_tokens;
    const char *data; /* the file, for error messages; owned */
    bool needs_image;
    build_function build;
};

static lmvr_status build_caption(const struct told *told, const struct conversation *record, const struct picture *picture,
                                 struct batch_sequence *sequence, lmvr_error *error)
{
    (void)picture;
    TRY(tokens_add_one(sequence, told->begin_token, false, error));
    int before = sequence->count;
    TRY(tokens_add_text(sequence, told->tokenizer, record->turns[1].text, false, error));
    if (sequence->count == before)
        return error_set(error, LMVR_ERROR_INPUT, "has an empty caption");
    tokens_cut(sequence, told->most_tokens - (told->end_token >= 0));
    return tokens_add_one(sequence, told->end_token, false, error);
}

/* Truncates the sequence, which is useless if no target is left. */
static lmvr_status cut_answers(struct batch_sequence *sequence, int most_tokens, lmvr_error *error)
{
    tokens_cut(sequence, most_tokens);
    for (int i = 0; i < sequence->count; i++)
        if (sequence->learned[i])
            return LMVR_OK;
    return error_set(error, LMVR_ERROR_INPUT, "has no answer within its first %d tokens", most_tokens);
}

/* LLaVA tokenizes the answer and the "\n" after it as one text. */
static lmvr_status build_alignment(const struct told *told, const struct conversation *record, const struct picture *picture,
                                   struct batch_sequence *sequence, lmvr_error *error)
{
    (void)picture;
    const char *answer = record->turns[1].text;
    size_t length = strlen(answer);
    char *line = malloc(length + 2);
    if (!line)
        return error_no_memory(error, "a record");
    memcpy(line, answer, length);
    memcpy(line + length, "\n", 2);
    lmvr_status status = tokens_add_one(sequence, told->begin_token, false, error);
    if (status == LMVR_OK)
        status = tokens_add_span(sequence, error);
    if (status == LMVR_OK)
        status = tokens_add_text(sequence, told->tokenizer, line, true, error);
    free(line);
    return status == LMVR_OK ? cut_answers(sequence, told->most_tokens, error) : status;
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

/* The tokens of a filled first question, and where the picture's visual tokens stand between them. */
static lmvr_status add_prompt(const struct told *told, const char *filled, const struct prompt_rules *rules,
                              struct batch_sequence *sequence, lmvr_error *error)
{
    struct prompt prompt;
    lmvr_status status = prompt_encode(told->tokenizer, filled, rules, &prompt, error);
    size_t from = 0;
    for (size_t i = 0; i < prompt.image_count && status == LMVR_OK; from = prompt.images[i++]) {
        status = tokens_add(sequence, prompt.ids + from, prompt.images[i] - from, false, error);
        if (status == LMVR_OK)
            status = tokens_add_span(sequence, error);
    }
    if (status == LMVR_OK)
        status = tokens_add(sequence, prompt.ids + from, prompt.count - from, false, error);
    prompt_finish(&prompt);
    return status;
}

/* As at inference. */
static lmvr_status encode_question(const struct told *told, const char *filled, const struct picture *picture,
                                   struct batch_sequence *sequence, lmvr_error *error)
{
    struct prompt_rules rules = {.begin = told->begin_token, .end = -1};
    char *expansion = NULL;
    if (told->model)
        rules.image_token = config_image_token(told->model);
    if (picture && config_expands(told->model))
        TRY(config_expand(told->model, picture, &expansion, error));
    rules.expansion = expansion;
    lmvr_status status = add_prompt(told, filled, &rules, sequence, error);
    free(expansion);
    return status;
}

static lmvr_status add_first_question(const struct told *told, const struct conversation *record, const struct picture *picture,
                                      struct batch_sequence *sequence, lmvr_error *error)
{
    char *question = without_image(record->turns[0].text), *filled;
    if (!question)
        return error_no_memory(error, "a record");
    lmvr_status status = prompt_fill(told->template_name, NULL, question, record->image != NULL, &filled, error);
    free(question);
    if (status == LMVR_ERROR_INVALID) /* one that was formed by removing another from its middle */
        return error_set(error, LMVR_ERROR_INPUT, "has one " IMAGE " inside another");
    TRY(status);
    status = encode_question(told, filled, picture, sequence, error);
    free(filled);
    return status;
}

static lmvr_status add_next_question(const struct told *told, const char *text, struct batch_sequence *sequence,
                                     lmvr_error *error)
{
    char *filled;
    TRY(prompt_fill_next(told->template_name, text, &filled, error));
    lmvr_status status = tokens_add_text(sequence, told->tokenizer, filled, false, error);
    free(filled);
    return status;
}

static lmvr_status add_answer(const struct told *told, const char *text, struct batch_sequence *sequence, lmvr_error *error)
{
    char *filled;
    bool ended;
    TRY(prompt_fill_answer(told->template_name, text, &filled, &ended, error));
    lmvr_status status = tokens_add_text(sequence, told->tokenizer, filled, true, error);
    free(filled);
    TRY(status);
    return ended ? LMVR_OK : tokens_add_one(sequence, told->end_token, true, error);
}

/* The most tokens of text beside the picture's visual ones. */
static lmvr_status count_most(const struct told *told, const struct picture *picture, int *most, lmvr_error *error)
{
    *most = told->most_tokens;
    if (!picture || !told->model->language.max_positions)
        return LMVR_OK;
    int64_t visual = config_visual_tokens(told->model, picture, NULL), positions = told->model->language.max_positions;
    if (visual + 2 > positions)
        return error_set(error, LMVR_ERROR_INPUT, "has an image of %lld visual tokens, but the model takes %lld positions",
                         (long long)visual, (long long)positions);
    *most = positions - visual < *most ? (int)(positions - visual) : *most;
    return LMVR_OK;
}

/* Texts must not have the model's image token: it would stand for visual tokens that are not there. */
static lmvr_status check_image_tokens(const struct told *told, const struct picture *picture,
                                      const struct batch_sequence *sequence, lmvr_error *error)
{
    if (!told->model)
        return LMVR_OK;
    const char *token = config_image_token(told->model);
    int32_t id = tokenizer_find(told->tokenizer, token);
    int spans = !picture ? 0 : config_expands(told->model) ? picture->view_count : 1;
    bool found = sequence->span_count != spans;
    for (int t = 0; t < sequence->count; t++)
        found |= sequence->tokens[t] == id;
    return found ? error_set(error, LMVR_ERROR_INPUT, "has the model's %s in its text", token) : LMVR_OK;
}

static lmvr_status build_instruction(const struct told *told, const struct conversation *record, const struct picture *picture,
                                     struct batch_sequence *sequence, lmvr_error *error)
{
    int most;
    TRY(check_questions(record, error));
    TRY(count_most(told, picture, &most, error));
    for (int i = 0; i < record->turn_count && sequence->count < most; i += 2) {
        if (i == 0)
            TRY(add_first_question(told, record, picture, sequence, error));
        else
            TRY(add_next_question(told, record->turns[i].text, sequence, error));
        TRY(add_answer(told, record->turns[i + 1].text, sequence, error));
    }
    TRY(check_image_tokens(told, picture, sequence, error));
    return cut_answers(sequence, most, error);
}

/* ---- common to all three ----------------------------------------------------------------------------------------------- */

static bool depends_on_pictures(const struct told *told)
{
    return told->model != NULL;
}

/* Names the record in the error of `status`. */
static lmvr_status blame(const struct told *told, int64_t index, lmvr_status status, const lmvr_error *why, lmvr_error *error)
{
    if (status == LMVR_ERROR_INPUT)
        error_write(error, "%s: record %lld %.512s", told->data, (long long)index + 1, why->message);
    else if (status != LMVR_OK)
        error_write(error, "%.512s", why->message);
    return status;
}

static lmvr_status read_record(void *self, int64_t index, struct batch_sequence *sequence, char **image, lmvr_error *error)
{
    const struct told *told = self;
    struct conversation record;
    lmvr_error why;
    *sequence = (struct batch_sequence){.image = -1};
    *image = NULL;
    TRY(conversations_read(told->conversations, index, &record, error));
    lmvr_status status = LMVR_OK;
    if (told->needs_image && !record.image)
        status = error_set(&why, LMVR_ERROR_INPUT, "has no image");
    else if (!depends_on_pictures(told))
        status = told->build(told, &record, NULL, sequence, &why);
    if (status == LMVR_OK) {
        *image = record.image;
        record.image = NULL;
    } else {
        tokens_finish(sequence);
    }
    conversation_finish(&record);
    return blame(told, index, status, &why, error);
}

static lmvr_status place_picture(void *self, int64_t index, const struct picture *picture, struct batch_sequence *sequence,
                                 lmvr_error *error)
{
    const struct told *told = self;
    struct conversation record;
    lmvr_error why;
    TRY(conversations_read(told->conversations, index, &record, error));
    lmvr_status status = told->build(told, &record, picture, sequence, &why);
    conversation_finish(&record);
    return blame(told, index, status, &why, error);
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
                          .model = options->model,
                          .template_name = options->model ? options->model->template_name : "vicuna_v1",
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
                              .place = depends_on_pictures(told) ? place_picture : NULL,
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
