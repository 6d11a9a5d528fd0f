/* Backgrounds: surfaces and views, computed pixel by pixel. */
#ifndef LMVR_TOOLS_SCENES_BACKGROUND_H
#define LMVR_TOOLS_SCENES_BACKGROUND_H

#include "tools/scenes/scenes_random.h"

struct background;

typedef void background_chooser(struct random *r, struct background *b);                     /* sets colors and scale */
typedef void background_painter(const struct background *b, float x, float y, float rgb[3]); /* at (x, y) in the unit square */

/* A kind of background, of background_kinds.tsv, where paper is the last. Its words must not name any kind of object. */
struct background_kind {
    const char *name;  /* "brick wall" */
    bool plural;       /* of the noun */
    const char *noun;  /* "a brick wall" */
    const char *where; /* "in front of a brick wall" */
    background_chooser *choose;
    background_painter *color;
};

extern const struct background_kind background_kinds[];
extern const int background_kind_count;

struct background {
    int kind;
    uint32_t seed;      /* of its noise */
    float colors[3][3]; /* used differently by each kind */
    float scale;        /* pattern units across the image */
    float cosine, sine; /* of the pattern's angle */
    float level;        /* 0 to 1: a horizon, a share, a phase */
};

/* Chooses a random background of any kind, or paper, for drawings. */
void background_choose(struct random *r, struct background *b);
void background_choose_paper(struct random *r, struct background *b);

static inline void background_color(const struct background *b, float x, float y, float rgb[3])
{
    background_kinds[b->kind].color(b, x, y, rgb);
}

#endif
