/*
 * LLaVA-NeXT's connector (transformers' LlavaNextModel.pack_image_features): a projector, whose tokens of the tiles are put
 * together again as one picture, without what only pads it, and with a learned token at the end of each row.
 */
#ifndef LMVR_SRC_CONNECTOR_ANYRES_H
#define LMVR_SRC_CONNECTOR_ANYRES_H

#include "connector/projector.h"

/* The tokens of the tiles' grid that show the picture: columns left .. left + columns - 1 of rows top .. top + rows - 1. */
struct anyres_part {
    int top, left, rows, columns;
};

/* For tiles of side x side tokens. */
struct anyres_part anyres_part_of(const struct picture *picture, int side);

/* Tokens of the picture: side * side of the whole, then the rows of the part, each with one more. */
int64_t anyres_count(const struct picture *picture, int side);

struct anyres {
    struct projector projector;
    float *newline; /* (width of the embeddings), on the device */
};

/* Takes ownership of `anyres`, which must be malloc'ed. It reads the encoder's hidden states as projector_connector() does. */
struct connector anyres_connector(struct anyres *anyres, const int *states, int state_count, bool drop_class);

#endif
