/* The functions of background_kinds.tsv. */
#ifndef LMVR_TOOLS_SCENES_BACKGROUND_KINDS_H
#define LMVR_TOOLS_SCENES_BACKGROUND_KINDS_H

#include "tools/scenes/background.h"
#include "tools/scenes/color.h"
#include "tools/scenes/texture.h"

background_chooser gradient_choose, glow_choose, stripes_choose, checks_choose, dots_choose, lights_choose, bricks_choose,
    tiles_choose, paper_choose, room_choose, meadow_choose, beach_choose, desert_choose, clouds_choose, water_choose,
    grass_choose, night_choose, wood_choose, marble_choose, sand_choose, snow_choose;
background_painter gradient_color, glow_color, stripes_color, checks_color, dots_color, lights_color, bricks_color, tiles_color,
    paper_color, room_color, meadow_color, beach_color, desert_color, clouds_color, water_color, grass_color, night_color,
    wood_color, marble_color, sand_color, snow_color;

/* A color of any hue, of this lightness and at most this saturation. */
void background_any_color(struct random *r, double saturation, double lightness, float rgb[3]);

/* A color near to the given hue (in turns), saturation and lightness. */
void background_near_color(struct random *r, double hue, double saturation, double lightness, float rgb[3]);

/* The same with a saturation and a lightness between those given; the lightness is drawn first. */
void background_color_within(struct random *r, double hue, double least_saturation, double most_saturation,
                             double least_lightness, double most_lightness, float rgb[3]);

/* Sets the pattern's angle to one in [-limit, limit], radians. */
void background_turn(struct random *r, double limit, struct background *b);

#endif
