/*
 * The text tower of a dual encoder: CLIP's (Radford et al. 2021, section 2.4; transformers' CLIPTextModelWithProjection), whose
 * attention is causal, and SigLIP's (Zhai et al. 2023; SiglipTextModel), whose attention is not. Tokens and positions are
 * embedded, go through blocks and a final norm, and one position's state is projected into the space that texts share with
 * pictures.
 */
#ifndef LMVR_SRC_LANGUAGE_TEXT_TOWER_H
#define LMVR_SRC_LANGUAGE_TEXT_TOWER_H

#include "nn/block.h"

/* The position that is read. */
enum text_position {
    TEXT_LAST,       /* padding counts */
    TEXT_FIRST_END,  /* the first end token; the first position if there is none */
    TEXT_LARGEST_ID, /* the first of the largest id, which in CLIP's vocabulary is the end token's */
};

struct text_tower {
    const struct device *device;
    struct block_shape shape;
    int positions, block_count; /* positions: the most tokens of a text */
    enum text_position read;
    int32_t end_token;
    enum dtype embedding_dtype;
    void *embedding;           /* (vocabulary, width), on the device */
    float *position_embedding; /* (positions, width), on the device */
    struct block *blocks;
    struct norm final_norm;
    struct linear projection; /* (width of the joint space, width) */
};

/* The ids of a text, 1 to tower.positions of them, in range. */
struct text_ids {
    const int32_t *ids;
    int64_t count;
};

/* vectors (count, projection.out), not normalized. Texts may differ in length; none changes another's vector. */
lmvr_status text_tower_forward(const struct text_tower *tower, struct arena *arena, const struct text_ids *texts, int count,
                               float *vectors, lmvr_error *error);

void text_tower_finish(struct text_tower *tower);

#endif
