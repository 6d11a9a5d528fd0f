/* Turns a question into token ids, and the places between them where a picture's visual tokens stand. */
#ifndef LMVR_SRC_LANGUAGE_PROMPT_H
#define LMVR_SRC_LANGUAGE_PROMPT_H

#include "language/tokenizer.h"

#include <stdbool.h>

#define PROMPT_IMAGE "<image>" /* stands for the picture in a text */

struct prompt {
    int32_t *ids;
    size_t count;
    size_t *images; /* (image_count): the visual tokens of span i stand before ids[images[i]], or at the end */
    size_t image_count;
};

/* vicuna_v1's own system turn */
#define PROMPT_SYSTEM                                                                                                          \
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "      \
    "polite answers to the user's questions."

/*
 * Fills `text` into the template, one turn of a user, with PROMPT_IMAGE once where the picture stands or, if not `picture`, not
 * at all. `system` is NULL for the template's own system turn, or the text of one. *filled is malloc'ed. LMVR_ERROR_INVALID:
 * the text has a PROMPT_IMAGE too many, the template is unknown, or it has no system turn.
 */
lmvr_status prompt_fill(const char *template_name, const char *system, const char *text, bool picture, char **filled,
                        lmvr_error *error);

/* The text without blanks around it, and with a period at its end unless that is punctuation or the text is empty: what
 * Qwen3-VL-Embedding makes of an instruction. malloc'ed; NULL: out of memory. */
char *prompt_punctuate(const char *text);

/*
 * What follows in a conversation of several turns: an answer, as the model is to give it, then the next question. `ended` says
 * whether the answer's text ends with what ends it; otherwise the model's end token has to follow. *filled is malloc'ed.
 * LMVR_ERROR_INVALID: the template is unknown, or for one question only.
 */
lmvr_status prompt_fill_answer(const char *template_name, const char *text, char **filled, bool *ended, lmvr_error *error);
lmvr_status prompt_fill_next(const char *template_name, const char *text, char **filled, lmvr_error *error);

/* How texts become ids. */
struct prompt_rules {
    int begin, end;          /* the first token, and the last; negative: none. Unused where the tokenizer knows image_token */
    const char *image_token; /* the added token that stands for a span of visual tokens; NULL: there is none */
    const char *expansion;   /* what the picture becomes, with a PROMPT_IMAGE for each span; NULL: one span */
};

/*
 * The ids of a filled text. A tokenizer that knows image_token sees the whole text with the picture in it, as transformers'
 * processors do, and adds what it adds to a text. Otherwise each side of the picture is tokenized on its own, dummy prefix
 * included, as in LLaVA's tokenizer_image_token.
 */
lmvr_status prompt_encode(const struct tokenizer *tokenizer, const char *filled, const struct prompt_rules *rules,
                          struct prompt *prompt, lmvr_error *error);

/* prompt_fill(), with a picture, and prompt_encode() for a tokenizer without an image token: what training sees. `begin` is the
 * first token and `end` the last, unless negative. */
lmvr_status prompt_create(const struct tokenizer *tokenizer, const char *template_name, const char *text, int begin, int end,
                          struct prompt *prompt, lmvr_error *error);

#define PROMPT_ARBITRARY 40 /* tokens; with the visual tokens, 616 positions for LLaVA-1.5 */

/* `count` arbitrary ids after the visual tokens: for models with random weights, which have no tokenizer. */
lmvr_status prompt_create_arbitrary(size_t count, int vocabulary, struct prompt *prompt, lmvr_error *error);
void prompt_finish(struct prompt *prompt);

#endif
