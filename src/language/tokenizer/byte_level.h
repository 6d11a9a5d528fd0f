/* GPT-2's characters for bytes (Radford et al. 2019, encoder.py): printable ones stand for themselves, the others for U+0100
 * on. */
#ifndef LMVR_SRC_LANGUAGE_TOKENIZER_BYTE_LEVEL_H
#define LMVR_SRC_LANGUAGE_TOKENIZER_BYTE_LEVEL_H

#include "language/tokenizer/buffer.h"

#define BYTE_LEVEL_PATTERN "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

lmvr_status buffer_add_byte_level(struct buffer *text, const char *bytes, size_t size, lmvr_error *error);

/* The bytes that a piece's characters stand for; if one stands for none, the piece's own bytes. */
lmvr_status buffer_add_from_byte_level(struct buffer *text, const char *piece, size_t size, lmvr_error *error);

#endif
