#include "tools/scenes/background.h"

#include "tools/scenes/background_kinds.h"

#include <math.h>

/* Paper must be last. */
const struct background_kind background_kinds[] = {
    {"gradient", false, "a smooth color gradient", "on a smooth color gradient", gradient_choose, gradient_color},
    {"glow", false, "a soft glow", "in a soft glow", glow_choose, glow_color},
    {"stripes", false, "a striped pattern", "on a striped background", stripes_choose, stripes_color},
    {"checks", false, "a checkered pattern", "on a checkered background", checks_choose, checks_color},
    {"dots", false, "a dotted pattern", "on a dotted background", dots_choose, dots_color},
    {"lights", true, "blurred lights", "in front of blurred lights", lights_choose, lights_color},
    {"brick wall", false, "a brick wall", "in front of a brick wall", bricks_choose, bricks_color},
    {"tiles", false, "a tiled wall", "in front of a tiled wall", tiles_choose, tiles_color},
    {"room", false, "an empty room", "in an empty room", room_choose, room_color},
    {"meadow", false, "a meadow", "in a meadow", meadow_choose, meadow_color},
    {"beach", false, "a beach", "on a beach", beach_choose, beach_color},
    {"desert", false, "a desert", "in a desert", desert_choose, desert_color},
    {"clouds", false, "a cloudy sky", "in front of a cloudy sky", clouds_choose, clouds_color},
    {"water", false, "water", "on water", water_choose, water_color},
    {"grass", false, "grass", "on grass", grass_choose, grass_color},
    {"night sky", false, "a night sky", "under a night sky", night_choose, night_color},
    {"wood", true, "wooden boards", "on wooden boards", wood_choose, wood_color},
    {"marble", false, "marble", "on marble", marble_choose, marble_color},
    {"sand", false, "sand", "on sand", sand_choose, sand_color},
    {"snow", false, "snow", "in the snow", snow_choose, snow_color},
    {"paper", false, "paper", "on paper", paper_choose, paper_color},
};
const int background_kind_count = sizeof background_kinds / sizeof *background_kinds;

static void choose(struct random *r, int kind, struct background *b)
{
    *b = (struct background){.kind = kind, .scale = 1, .cosine = 1};
    b->seed = (uint32_t)(random_next(r) >> 32);
    background_kinds[kind].choose(r, b);
}

void background_choose(struct random *r, struct background *b)
{
    choose(r, random_below(r, background_kind_count), b);
}

void background_choose_paper(struct random *r, struct background *b)
{
    choose(r, background_kind_count - 1, b);
}

/* ---- helpers for the choosers ---- */

void background_any_color(struct random *r, double saturation, double lightness, float rgb[3])
{
    double hue = random_unit(r);
    color_from_hsl(hue, saturation * random_between(r, 0.4, 1), lightness + random_between(r, -0.06, 0.06), rgb);
}

void background_near_color(struct random *r, double hue, double saturation, double lightness, float rgb[3])
{
    double turn = random_between(r, -0.03, 0.03), more = random_between(r, 0.8, 1.2), light = random_between(r, -0.05, 0.05);
    color_from_hsl(hue + turn, fmin(1, saturation * more), lightness + light, rgb);
}

void background_turn(struct random *r, double limit, struct background *b)
{
    double angle = random_between(r, -limit, limit);
    b->cosine = (float)cos(angle);
    b->sine = (float)sin(angle);
}
