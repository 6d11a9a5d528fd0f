/* From a question to the token ids on each side of the visual tokens. */
#ifndef LMVR_SRC_LANGUAGE_PROMPT_H
#define LMVR_SRC_LANGUAGE_PROMPT_H

#include "language/tokenizer.h"

struct prompt {
    int32_t *before, *after; /* the begin token is the first of `before` */
    size_t before_count, after_count;
};

/* What vicuna_v1 is made of, for conversations that go on: PROMPT_SYSTEM " " PROMPT_USER, the image, "\n", question,
 * PROMPT_ASSISTANT, answer, end token, PROMPT_USER, … */
#define PROMPT_SYSTEM                                                                                                          \
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and "      \
    "polite answers to the user's questions."
#define PROMPT_USER      "USER: "
#define PROMPT_ASSISTANT " ASSISTANT:"

/*
 * Fills `text` into the template (vicuna_v1, llava_hf, plain or none) and cuts it at <image>; each side is tokenized on its
 * own, dummy prefix included, as LLaVA's tokenizer_image_token does. Without <image> the visual tokens stand first, right after
 * the begin token. The token `end` stands last; each of the two is left out where it is negative. More than one <image>, or an
 * unknown template, is LMVR_ERROR_INVALID.
 */
lmvr_status prompt_create(const struct tokenizer *tokenizer, const char *template_name, const char *text, int begin, int end,
                          struct prompt *prompt, lmvr_error *error);
#define PROMPT_ARBITRARY 40 /* with the visual tokens 616 positions for LLaVA-1.5 */

/* `after_count` arbitrary ids behind the visual tokens: for models of random weights, which have no tokenizer. */
lmvr_status prompt_create_arbitrary(size_t after_count, int vocabulary, struct prompt *prompt, lmvr_error *error);
void prompt_finish(struct prompt *prompt);

#endif
