/* Classes of characters, as Rust's standard library and its regex crate have them. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_CHARACTERS_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_CHARACTERS_H

#include <stdbool.h>
#include <stdint.h>

bool character_is_space(uint32_t code);       /* White_Space */
bool character_is_number(uint32_t code);      /* Nd, Nl, No */
bool character_is_punctuation(uint32_t code); /* P, and ASCII's symbols */
bool character_is_word(uint32_t code);        /* \w of UTS #18 */

#endif
