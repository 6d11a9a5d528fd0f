#include "language/prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* ---- templates ---------------------------------------------------------------------------------------------------------- */

static const struct template
{
    const char *name, *start;
    const char *system_before, *system_after; /* NULL: no system turn */
    const char *system;                       /* the template's own system turn; NULL: none */
    const char *picture, *text;               /* before the question, with a picture and without */
    const char *after;
    const char *answer;     /* before an answer; NULL: the template is not for several turns */
    const char *answer_end; /* behind an answer; NULL: the model's end token */
    const char *between;    /* behind that, before the next question's `text` */
}
templates[] = {
    {"vicuna_v1", "", "", " ", PROMPT_SYSTEM, "USER: " PROMPT_IMAGE "\n", "USER: ", " ASSISTANT:", "", NULL, ""},
    {"llava_hf", "", NULL, NULL, NULL, "USER: " PROMPT_IMAGE "\n", "USER: ", " ASSISTANT:", NULL, NULL, NULL},
    {"qwen2_vl", "", "<|im_start|>system\n", "<|im_end|>\n", "You are a helpful assistant.",
     "<|im_start|>user\n<|vision_start|>" PROMPT_IMAGE "<|vision_end|>", "<|im_start|>user\n",
     "<|im_end|>\n<|im_start|>assistant\n", "", "<|im_end|>", "\n"},
    {"qwen3_vl", "", "<|im_start|>system\n", "<|im_end|>\n", NULL,
     "<|im_start|>user\n<|vision_start|>" PROMPT_IMAGE "<|vision_end|>", "<|im_start|>user\n",
     "<|im_end|>\n<|im_start|>assistant\n", "", "<|im_end|>", "\n"},
    {"gme", "", "<|im_start|>system\n", "<|im_end|>\n", "You are a helpful assistant.",
     "<|im_start|>user\n<|vision_start|>" PROMPT_IMAGE "<|vision_end|>", "<|im_start|>user\n",
     "<|im_end|>\n<|im_start|>assistant\n<|endoftext|>", NULL, NULL, NULL},
    {"smolvlm", "<|im_start|>", "System: ", "<end_of_utterance>\n", NULL, "User:" PROMPT_IMAGE,
     "User: ", "<end_of_utterance>\nAssistant:", " ", "<end_of_utterance>", "\n"},
    {"idefics3", "<|begin_of_text|>", "System: ", "<end_of_utterance>\n", NULL, "User:" PROMPT_IMAGE,
     "User: ", "<end_of_utterance>\nAssistant:", " ", "<end_of_utterance>", "\n"},
    {"mistral", "", "<<SYS>>\n", "\n<</SYS>>\n\n", NULL, "[INST] " PROMPT_IMAGE "\n", "[INST] ", " [/INST]", NULL, NULL, NULL},
    {"llama3", "", "<|start_header_id|>system<|end_header_id|>\n\n\n", "<|eot_id|>", NULL,
     "<|start_header_id|>user<|end_header_id|>\n\n" PROMPT_IMAGE "\n", "<|start_header_id|>user<|end_header_id|>\n\n\n",
     "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", NULL, NULL, NULL},
    {"plain", "", NULL, NULL, NULL, PROMPT_IMAGE, "", "", NULL, NULL, NULL},
    {"none", "", NULL, NULL, NULL, "", "", "", NULL, NULL, NULL},
};
#define TEMPLATES (sizeof templates / sizeof *templates)

static lmvr_status find_template(const char *name, const struct template **found, lmvr_error *error)
{
    char names[256] = "";
    for (size_t i = 0; i < TEMPLATES; i++) {
        if (strcmp(templates[i].name, name) == 0) {
            *found = &templates[i];
            return LMVR_OK;
        }
        size_t used = strlen(names);
        const char *glue = i == 0 ? "" : i == TEMPLATES - 1 ? " or " : ", ";
        snprintf(names + used, sizeof names - used, "%s%s", glue, templates[i].name);
    }
    return error_set(error, LMVR_ERROR_INVALID, "the template is \"%s\", expected %s", name, names);
}

static int count_images(const char *text)
{
    int count = 0;
    while ((text = strstr(text, PROMPT_IMAGE))) {
        text += strlen(PROMPT_IMAGE);
        count++;
    }
    return count;
}

/* Where the template has no place for the picture, it stands first. */
static lmvr_status check_images(char **filled, bool picture, lmvr_error *error)
{
    int count = count_images(*filled);
    if (count > picture)
        return error_set(error, LMVR_ERROR_INVALID,
                         picture ? "the prompt has more than one " PROMPT_IMAGE
                                 : "the text has an " PROMPT_IMAGE ", but there is no image");
    if (count == picture)
        return LMVR_OK;
    char *with;
    if (asprintf(&with, PROMPT_IMAGE "%s", *filled) < 0)
        return error_no_memory(error, "the prompt");
    free(*filled);
    *filled = with;
    return LMVR_OK;
}

lmvr_status prompt_fill(const char *template_name, const char *system, const char *text, bool picture, char **filled,
                        lmvr_error *error)
{
    const struct template *t;
    *filled = NULL;
    TRY(find_template(template_name, &t, error));
    if (system && !t->system_before)
        return error_set(error, LMVR_ERROR_INVALID, "the template %s has no system turn", template_name);
    const char *turn = system ? system : t->system, *before = turn ? t->system_before : "",
               *after = turn ? t->system_after : "";
    if (asprintf(filled, "%s%s%s%s%s%s%s", t->start, before, turn ? turn : "", after, picture ? t->picture : t->text, text,
                 t->after) < 0) {
        *filled = NULL;
        return error_no_memory(error, "the prompt");
    }
    lmvr_status status = check_images(filled, picture, error);
    if (status != LMVR_OK) {
        free(*filled);
        *filled = NULL;
    }
    return status;
}

/* Whether Python's str.strip() removes the character. */
static bool is_blank(utf8proc_int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f) || c == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

char *prompt_punctuate(const char *text)
{
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    const char *first = NULL, *end = text;
    utf8proc_int32_t c, last = 0;
    while (*at) {
        utf8proc_ssize_t length = utf8proc_iterate(at, -1, &c);
        length = length < 1 ? 1 : length; /* a byte that is not UTF-8 is no blank */
        if (c < 0 || !is_blank(c)) {
            first = first ? first : (const char *)at;
            end = (const char *)at + length;
            last = c;
        }
        at += length;
    }
    first = first ? first : text;
    utf8proc_category_t category = last > 0 ? utf8proc_category(last) : UTF8PROC_CATEGORY_CN;
    bool punctuation = category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
    char *result;
    if (asprintf(&result, "%.*s%s", (int)(end - first), first, end == first || punctuation ? "" : ".") < 0)
        return NULL;
    return result;
}

static lmvr_status find_conversing(const char *name, const struct template **found, lmvr_error *error)
{
    TRY(find_template(name, found, error));
    return (*found)->answer
               ? LMVR_OK
               : error_set(error, LMVR_ERROR_INVALID, "the template %s is not for conversations of several turns", name);
}

static lmvr_status join(const char *before, const char *text, const char *after, char **filled, lmvr_error *error)
{
    if (asprintf(filled, "%s%s%s", before, text, after) >= 0)
        return LMVR_OK;
    *filled = NULL;
    return error_no_memory(error, "the prompt");
}

lmvr_status prompt_fill_answer(const char *template_name, const char *text, char **filled, bool *ended, lmvr_error *error)
{
    const struct template *t;
    *filled = NULL;
    TRY(find_conversing(template_name, &t, error));
    *ended = t->answer_end != NULL;
    return join(t->answer, text, *ended ? t->answer_end : "", filled, error);
}

lmvr_status prompt_fill_next(const char *template_name, const char *text, char **filled, lmvr_error *error)
{
    const struct template *t;
    char *before;
    *filled = NULL;
    TRY(find_conversing(template_name, &t, error));
    TRY(join(t->between, t->text, "", &before, error));
    lmvr_status status = join(before, text, t->after, filled, error);
    free(before);
    return status;
}

/* ---- ids ---------------------------------------------------------------------------------------------------------------- */

static lmvr_status add_ids(struct prompt *prompt, const int32_t *ids, size_t count, lmvr_error *error)
{
    int32_t *all = realloc(prompt->ids, (prompt->count + count + 1) * sizeof *all);
    if (!all)
        return error_no_memory(error, "the prompt");
    prompt->ids = all;
    for (size_t i = 0; i < count; i++)
        all[prompt->count++] = ids[i];
    return LMVR_OK;
}

static lmvr_status add_image(struct prompt *prompt, lmvr_error *error)
{
    size_t *images = realloc(prompt->images, (prompt->image_count + 1) * sizeof *images);
    if (!images)
        return error_no_memory(error, "the prompt");
    prompt->images = images;
    images[prompt->image_count++] = prompt->count;
    return LMVR_OK;
}

/* The text of `length` bytes, without begin and end tokens; none if it is empty. */
static lmvr_status add_text(const struct tokenizer *tokenizer, const char *text, size_t length, struct prompt *prompt,
                            lmvr_error *error)
{
    int32_t *ids = NULL;
    size_t count = 0;
    char *copy = length ? strndup(text, length) : NULL;
    if (length && !copy)
        return error_no_memory(error, "the prompt");
    lmvr_status status = length ? tokenizer_encode(tokenizer, copy, &ids, &count, error) : LMVR_OK;
    if (status == LMVR_OK)
        status = add_ids(prompt, ids, count, error);
    free(copy);
    free(ids);
    return status;
}

static lmvr_status encode_sides(const struct tokenizer *tokenizer, const char *filled, const struct prompt_rules *rules,
                                struct prompt *prompt, lmvr_error *error)
{
    const char *image = strstr(filled, PROMPT_IMAGE), *after = image ? image + strlen(PROMPT_IMAGE) : filled;
    if (rules->begin >= 0)
        TRY(add_ids(prompt, &rules->begin, 1, error));
    if (image) {
        TRY(add_text(tokenizer, filled, (size_t)(image - filled), prompt, error));
        TRY(add_image(prompt, error));
    }
    TRY(add_text(tokenizer, after, strlen(after), prompt, error));
    return rules->end >= 0 ? add_ids(prompt, &rules->end, 1, error) : LMVR_OK;
}

/* A copy of `text` with every `from` replaced; NULL: out of memory. */
static char *replace(const char *text, const char *from, const char *to)
{
    size_t count = 0, size;
    for (const char *at = text; (at = strstr(at, from)); at += strlen(from))
        count++;
    size = strlen(text) + count * strlen(to) + 1;
    char *result = malloc(size), *end = result;
    for (const char *at; result && (at = strstr(text, from)); text = at + strlen(from)) {
        end = mempcpy(end, text, (size_t)(at - text));
        end = stpcpy(end, to);
    }
    if (result)
        memcpy(end, text, strlen(text) + 1);
    return result;
}

/* The text as a processor hands it to its tokenizer, but with one image token for each span. */
static char *expand(const char *filled, const struct prompt_rules *rules)
{
    char *expanded = replace(filled, PROMPT_IMAGE, rules->expansion ? rules->expansion : PROMPT_IMAGE);
    char *text = expanded ? replace(expanded, PROMPT_IMAGE, rules->image_token) : NULL;
    free(expanded);
    return text;
}

/* Begin tokens are not added to a text that starts with one. */
static lmvr_status add_framed(const struct tokenizer_frame *frame, const int32_t *ids, size_t count, int32_t image_id,
                              struct prompt *prompt, lmvr_error *error)
{
    bool framed = count && frame->before_count && ids[0] == frame->before[0];
    if (!framed)
        TRY(add_ids(prompt, frame->before, frame->before_count, error));
    for (size_t i = 0; i < count; i++)
        TRY(ids[i] == image_id ? add_image(prompt, error) : add_ids(prompt, &ids[i], 1, error));
    return framed ? LMVR_OK : add_ids(prompt, frame->after, frame->after_count, error);
}

static lmvr_status encode_whole(const struct tokenizer *tokenizer, const char *filled, const struct prompt_rules *rules,
                                struct prompt *prompt, lmvr_error *error)
{
    int32_t *ids = NULL;
    size_t count = 0;
    char *text = expand(filled, rules);
    if (!text)
        return error_no_memory(error, "the prompt");
    lmvr_status status = *text ? tokenizer_encode(tokenizer, text, &ids, &count, error) : LMVR_OK;
    struct tokenizer_frame frame = tokenizer_frame_of(tokenizer);
    if (status == LMVR_OK)
        status = add_framed(&frame, ids, count, tokenizer_find(tokenizer, rules->image_token), prompt, error);
    free(text);
    free(ids);
    return status;
}

lmvr_status prompt_encode(const struct tokenizer *tokenizer, const char *filled, const struct prompt_rules *rules,
                          struct prompt *prompt, lmvr_error *error)
{
    *prompt = (struct prompt){0};
    bool knows = rules->image_token && tokenizer_find(tokenizer, rules->image_token) >= 0;
    lmvr_status status = (knows ? encode_whole : encode_sides)(tokenizer, filled, rules, prompt, error);
    if (status == LMVR_OK)
        status = add_ids(prompt, NULL, 0, error); /* never NULL */
    if (status != LMVR_OK)
        prompt_finish(prompt);
    return status;
}

lmvr_status prompt_create(const struct tokenizer *tokenizer, const char *template_name, const char *text, int begin, int end,
                          struct prompt *prompt, lmvr_error *error)
{
    char *filled;
    *prompt = (struct prompt){0};
    TRY(prompt_fill(template_name, NULL, text, true, &filled, error));
    struct prompt_rules rules = {.begin = begin, .end = end};
    lmvr_status status = prompt_encode(tokenizer, filled, &rules, prompt, error);
    free(filled);
    return status;
}

lmvr_status prompt_create_arbitrary(size_t count, int vocabulary, struct prompt *prompt, lmvr_error *error)
{
    *prompt = (struct prompt){0};
    lmvr_status status = add_image(prompt, error);
    for (size_t i = 0; i < count && status == LMVR_OK; i++)
        status = add_ids(prompt, &(int32_t){(int32_t)(i % (size_t)vocabulary)}, 1, error);
    if (status != LMVR_OK)
        prompt_finish(prompt);
    return status;
}

void prompt_finish(struct prompt *prompt)
{
    free(prompt->ids);
    free(prompt->images);
    *prompt = (struct prompt){0};
}
