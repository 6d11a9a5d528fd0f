/* The choose and color functions of background.c's table. */
#ifndef LMVR_TOOLS_SCENES_BACKGROUND_KINDS_H
#define LMVR_TOOLS_SCENES_BACKGROUND_KINDS_H

#include "tools/scenes/background.h"
#include "tools/scenes/color.h"
#include "tools/scenes/texture.h"

#define BACKGROUND_KIND(name)                                                                                                  \
    void name##_choose(struct random *r, struct background *b);                                                                \
    void name##_color(const struct background *b, float x, float y, float rgb[3])

BACKGROUND_KIND(gradient);
BACKGROUND_KIND(glow);
BACKGROUND_KIND(stripes);
BACKGROUND_KIND(checks);
BACKGROUND_KIND(dots);
BACKGROUND_KIND(lights);
BACKGROUND_KIND(bricks);
BACKGROUND_KIND(tiles);
BACKGROUND_KIND(paper);
BACKGROUND_KIND(room);

BACKGROUND_KIND(meadow);
BACKGROUND_KIND(beach);
BACKGROUND_KIND(desert);
BACKGROUND_KIND(clouds);
BACKGROUND_KIND(water);
BACKGROUND_KIND(grass);
BACKGROUND_KIND(night);
BACKGROUND_KIND(wood);
BACKGROUND_KIND(marble);
BACKGROUND_KIND(sand);
BACKGROUND_KIND(snow);

/* A color of any hue, of this lightness and at most this saturation. */
void background_any_color(struct random *r, double saturation, double lightness, float rgb[3]);

/* A color near to the given hue (in turns), saturation and lightness. */
void background_near_color(struct random *r, double hue, double saturation, double lightness, float rgb[3]);

/* Sets the pattern's angle to one in [-limit, limit], radians. */
void background_turn(struct random *r, double limit, struct background *b);

#endif
