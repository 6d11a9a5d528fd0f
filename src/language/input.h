/* The input of a language model: text and visual tokens in the order of the prompt. */
#ifndef LMVR_SRC_LANGUAGE_INPUT_H
#define LMVR_SRC_LANGUAGE_INPUT_H

#include "nn/rope.h"

/* Text or, where `tokens` is NULL, the next `count` visual tokens of the picture. */
struct input_piece {
    const int32_t *tokens;
    int64_t count;
    int rows, columns; /* the grid of visual tokens that have coordinates of their own (M-RoPE); 0: they follow one another */
};

struct language_input {
    const struct input_piece *pieces;
    int piece_count;
    int64_t length;                   /* positions of all pieces */
    int64_t shared;                   /* leading positions that the session's inputs share: 0, or all that were prepared */
    const struct position *positions; /* (length), for rotary embeddings */
};

/* A picture's visual tokens. Level 0 stands in the input; level i is added to the output of block i at the same positions
 * (DeepStack: Meng et al. 2024). */
struct visual_tokens {
    int64_t count;
    int levels;
    const float *states; /* on the device; level i: (count, width) from states + i * level_stride on */
    int64_t level_stride;
};

/* x (length - offset, width), on the device, receives the embeddings of positions from `offset` on: of tokens, rows of `table`
 * (.., width); of visual tokens, level 0. `visual` is NULL where the input has none. */
void input_embed(struct arena *arena, const struct language_input *input, const struct visual_tokens *visual, int64_t offset,
                 enum dtype dtype, const void *table, int64_t width, float *x);

/* positions (length) receives the coordinates of all pieces: text counts on from the largest coordinate so far, and in a grid
 * the time stands still (transformers' Qwen2VLModel.get_rope_index). */
void input_place(const struct input_piece *pieces, int count, struct position *positions);

#endif
