#include "tools/scenes/background.h"

#include "tools/scenes/background_kinds.h"

#include <math.h>

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
    double hue = random_unit(r), light = random_between(r, -0.06, 0.06), kept = random_between(r, 0.4, 1);
    color_from_hsl(hue, saturation * kept, lightness + light, rgb);
}

void background_near_color(struct random *r, double hue, double saturation, double lightness, float rgb[3])
{
    double turn = random_between(r, -0.03, 0.03), more = random_between(r, 0.8, 1.2), light = random_between(r, -0.05, 0.05);
    color_from_hsl(hue + turn, fmin(1, saturation * more), lightness + light, rgb);
}

void background_color_within(struct random *r, double hue, double least_saturation, double most_saturation,
                             double least_lightness, double most_lightness, float rgb[3])
{
    double lightness = random_between(r, least_lightness, most_lightness);
    background_near_color(r, hue, random_between(r, least_saturation, most_saturation), lightness, rgb);
}

void background_turn(struct random *r, double limit, struct background *b)
{
    double angle = random_between(r, -limit, limit);
    b->cosine = (float)cos(angle);
    b->sine = (float)sin(angle);
}
