/* The materials of clothes: a fabric and a pattern, numbered as in DeepFashion-MultiModal. */
#ifndef LMVR_TOOLS_SCENES_CLOTH_H
#define LMVR_TOOLS_SCENES_CLOTH_H

#include "tools/scenes/scenes_random.h"

enum fabric { FABRIC_DENIM, FABRIC_COTTON, FABRIC_LEATHER, FABRIC_FURRY, FABRIC_KNITTED, FABRIC_CHIFFON, FABRICS };
enum pattern {
    PATTERN_FLORAL = 0,
    PATTERN_GRAPHIC = 1,
    PATTERN_STRIPED = 2,
    PATTERN_PURE_COLOR = 3,
    PATTERN_LATTICE = 4,
    PATTERN_COLOR_BLOCK = 6, /* 5 is "other" */
    PATTERNS = 7
};

/* In both label files, the value for a garment that is not visible. */
#define CLOTH_NONE 7

extern const char *const fabric_names[FABRICS];
extern const char *const pattern_names[PATTERNS];

struct cloth {
    enum fabric fabric;
    enum pattern pattern;
    uint32_t seed;
    float colors[3][3]; /* the ground, the figure, and a flower's center */
    float scale;        /* of the pattern: figures across the garment */
    int turn;           /* 0 or 1: direction of stripes and blocks, or which graphic */
};

void cloth_choose(struct random *r, struct cloth *cloth);

/* The color at (u, v) of the garment's box, both from 0 to 1; *clear is how transparent it is. */
void cloth_color(const struct cloth *cloth, float u, float v, float rgb[3], float *clear);

#endif
