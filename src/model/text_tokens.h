/* Opens a dual encoder's tokenizer, and says how its texts become ids. */
#ifndef LMVR_SRC_MODEL_TEXT_TOKENS_H
#define LMVR_SRC_MODEL_TEXT_TOKENS_H

#include "language/text_rules.h"
#include "model/config.h"

/* `file` is the tokenizer's in `folder`. LMVR_ERROR_INVALID: no text can be read, as the sentence says. On failure *tokenizer
 * is NULL. */
lmvr_status text_tokens_open(const char *folder, const char *file, const struct text_config *config,
                             struct tokenizer **tokenizer, struct text_rules *rules, lmvr_error *error);

#endif
