/* Turns a question into the token ids before and after the visual tokens. */
#ifndef LMVR_SRC_LANGUAGE_PROMPT_H
#define LMVR_SRC_LANGUAGE_PROMPT_H

#include "language/tokenizer.h"

struct prompt {
    int32_t *before, *after; /* `before` starts with the begin token */
    size_t before_count, after_count;
};

/* The parts of vicuna_v1, for conversations of several turns: PROMPT_SYSTEM " " PROMPT_USER, the image, "\n", question,
 * PROMPT_ASSISTANT, answer, end token, PROMPT_USER, … */
#define PROMPT_SYSTEM                                                                                                          \
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "      \
    "polite answers to the user's questions."
#define PROMPT_USER      "USER: "
#define PROMPT_ASSISTANT " ASSISTANT:"

/*
 * Fills `text` into the template (vicuna_v1, llava_hf, plain or none) and splits it at <image>; each side is tokenized on its
 * own, dummy prefix included, as in LLaVA's tokenizer_image_token. Without <image> the visual tokens come first, right after
 * the begin token. `begin` is the first token and `end` the last; a negative one is left out. LMVR_ERROR_INVALID: more than one
 * <image>, or an unknown template.
 */
lmvr_status prompt_create(const struct tokenizer *tokenizer, const char *template_name, const char *text, int begin, int end,
                          struct prompt *prompt, lmvr_error *error);
#define PROMPT_ARBITRARY 40 /* tokens; with the visual tokens, 616 positions for LLaVA-1.5 */

/* `after_count` arbitrary ids after the visual tokens: for models with random weights, which have no tokenizer. */
lmvr_status prompt_create_arbitrary(size_t after_count, int vocabulary, struct prompt *prompt, lmvr_error *error);
void prompt_finish(struct prompt *prompt);

#endif
