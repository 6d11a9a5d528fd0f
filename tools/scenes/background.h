/* What is behind the objects: a surface or a view, computed pixel by pixel. */
#ifndef LMVR_TOOLS_SCENES_BACKGROUND_H
#define LMVR_TOOLS_SCENES_BACKGROUND_H

#include "tools/scenes/scenes_random.h"

struct background;

/* One kind of it. None of the words is a kind's. */
struct background_kind {
    const char *name;                                                          /* "brick wall" */
    bool plural;                                                               /* of the noun */
    const char *noun;                                                          /* "a brick wall" */
    const char *where;                                                         /* "in front of a brick wall" */
    void (*choose)(struct random *r, struct background *b);                    /* colors and scale */
    void (*color)(const struct background *b, float x, float y, float rgb[3]); /* at (x, y) of the unit square */
};

extern const struct background_kind background_kinds[];
extern const int background_kind_count;

struct background {
    int kind;
    uint32_t seed;      /* of its noise */
    float colors[3][3]; /* what each is depends on the kind */
    float scale;        /* how many units of the pattern are in the picture */
    float cosine, sine; /* of the pattern's angle */
    float level;        /* 0 to 1: a horizon, a share, a phase */
};

/* A random background of any kind; the second is always paper, which is what drawings are on. */
void background_choose(struct random *r, struct background *b);
void background_choose_paper(struct random *r, struct background *b);

static inline void background_color(const struct background *b, float x, float y, float rgb[3])
{
    background_kinds[b->kind].color(b, x, y, rgb);
}

#endif
