/* Man-made backgrounds: patterns, walls, paper, rooms. */
#include "tools/scenes/background_kinds.h"

#include <math.h>

/* Two colors that differ little in lightness, so that objects stand out against both. */
static void choose_pair(struct random *r, double saturation, struct background *b)
{
    double lightness = random_between(r, 0.3, 0.85), hue = random_unit(r), other = hue + random_between(r, -0.12, 0.12);
    double away = (lightness > 0.55 ? -1 : 1) * random_between(r, 0.06, 0.16);
    color_from_hsl(hue, saturation, lightness, b->colors[0]);
    color_from_hsl(other, saturation * random_between(r, 0.5, 1), lightness + away, b->colors[1]);
}

/* (x, y) in the pattern's coordinates. */
static void turned(const struct background *b, float x, float y, float *u, float *v)
{
    *u = (b->cosine * x + b->sine * y) * b->scale;
    *v = (-b->sine * x + b->cosine * y) * b->scale;
}

/* 1 on a line of this width between cells, 0 inside; `at` is the position in the cell, 0 to 1. */
static float joint(float at, float width)
{
    float edge = fminf(at, 1 - at);
    return 1 - smooth_step(width * 0.7F, width * 1.3F, edge);
}

/* ---- gradients ---- */

void gradient_choose(struct random *r, struct background *b)
{
    background_any_color(r, 0.6, random_between(r, 0.3, 0.85), b->colors[0]);
    background_any_color(r, 0.6, random_between(r, 0.3, 0.85), b->colors[1]);
    background_turn(r, M_PI, b);
}

void gradient_color(const struct background *b, float x, float y, float rgb[3])
{
    float u = b->cosine * (x - 0.5F) + b->sine * (y - 0.5F);
    color_mix(b->colors[0], b->colors[1], smooth_step(-0.6F, 0.6F, u), rgb);
}

void glow_choose(struct random *r, struct background *b)
{
    background_any_color(r, 0.5, random_between(r, 0.7, 0.85), b->colors[0]);
    background_any_color(r, 0.5, random_between(r, 0.25, 0.5), b->colors[1]);
    b->scale = (float)random_between(r, 0.5, 0.9);
    b->level = (float)random_between(r, 0.3, 0.7);
}

void glow_color(const struct background *b, float x, float y, float rgb[3])
{
    float dx = x - b->level, dy = y - 0.45F;
    color_mix(b->colors[0], b->colors[1], smooth_step(0, b->scale, sqrtf(dx * dx + dy * dy)), rgb);
}

/* ---- repeated shapes ---- */

void stripes_choose(struct random *r, struct background *b)
{
    choose_pair(r, 0.5, b);
    background_turn(r, M_PI, b);
    b->scale = (float)random_between(r, 4, 12);
    b->level = (float)random_unit(r);
}

void stripes_color(const struct background *b, float x, float y, float rgb[3])
{
    float u, v;
    turned(b, x, y, &u, &v);
    float wave = fabsf(2 * fraction(u + b->level) - 1);
    color_mix(b->colors[0], b->colors[1], smooth_step(0.46F, 0.54F, wave), rgb);
}

void checks_choose(struct random *r, struct background *b)
{
    choose_pair(r, 0.45, b);
    background_turn(r, random_chance(r, 0.5) ? 0 : M_PI / 4, b);
    b->scale = (float)random_between(r, 5, 12);
}

void checks_color(const struct background *b, float x, float y, float rgb[3])
{
    float u, v;
    turned(b, x, y, &u, &v);
    int odd = ((int)floorf(u) + (int)floorf(v)) & 1;
    color_mix(b->colors[odd], b->colors[odd], 0, rgb);
}

void dots_choose(struct random *r, struct background *b)
{
    choose_pair(r, 0.5, b);
    background_turn(r, M_PI / 4, b);
    b->scale = (float)random_between(r, 6, 13);
    b->level = (float)random_between(r, 0.2, 0.36);
}

void dots_color(const struct background *b, float x, float y, float rgb[3])
{
    float u, v;
    turned(b, x, y, &u, &v);
    v = fraction(v + 0.5F * (float)((int)floorf(u) & 1)) - 0.5F;
    u = fraction(u) - 0.5F;
    color_mix(b->colors[1], b->colors[0], smooth_step(b->level - 0.05F, b->level + 0.05F, sqrtf(u * u + v * v)), rgb);
}

void lights_choose(struct random *r, struct background *b)
{
    background_any_color(r, 0.5, random_between(r, 0.15, 0.3), b->colors[0]);
    background_any_color(r, 0.7, 0.6, b->colors[1]);
    background_any_color(r, 0.7, 0.7, b->colors[2]);
    b->scale = (float)random_between(r, 3, 6);
}

void lights_color(const struct background *b, float x, float y, float rgb[3])
{
    struct dot near = noise_dot(b->seed, x * b->scale, y * b->scale, 0.2F, 0.5F);
    struct dot far = noise_dot(b->seed + 7, x * b->scale * 1.7F, y * b->scale * 1.7F, 0.2F, 0.5F);
    float color[3];
    color_mix(b->colors[1], b->colors[2], far.value, color);
    color_mix(b->colors[0], color, 0.3F * (1 - smooth_step(0.85F, 1.0F, far.distance)), rgb);
    color_mix(b->colors[2], b->colors[1], near.value, color);
    color_mix(rgb, color, 0.5F * (1 - smooth_step(0.85F, 1.0F, near.distance)), rgb);
}

/* ---- walls ---- */

void bricks_choose(struct random *r, struct background *b)
{
    background_color_within(r, 0.035, 0.25, 0.5, 0.36, 0.5, b->colors[0]);
    background_near_color(r, 0.1, 0.1, random_between(r, 0.6, 0.8), b->colors[1]);
    b->scale = (float)random_between(r, 4, 8);
}

void bricks_color(const struct background *b, float x, float y, float rgb[3])
{
    float v = y * b->scale * 2, u = x * b->scale + 0.5F * (float)((int)floorf(v) & 1);
    float shade = noise_cell(b->seed, (int)floorf(u), (int)floorf(v), 0), rough = noise_octaves(b->seed, x * 60, y * 60, 2);
    float mortar = fmaxf(joint(fraction(u), 0.035F), joint(fraction(v), 0.07F));
    color_mix(b->colors[0], b->colors[1], mortar, rgb);
    color_scale(rgb, 0.75F + 0.25F * shade + 0.15F * rough);
}

void tiles_choose(struct random *r, struct background *b)
{
    background_any_color(r, 0.35, random_between(r, 0.5, 0.82), b->colors[0]);
    background_near_color(r, 0.1, 0.05, random_chance(r, 0.5) ? 0.9 : 0.45, b->colors[1]);
    b->scale = (float)random_between(r, 4, 9);
    b->level = (float)random_between(r, 0.05, 0.16);
}

void tiles_color(const struct background *b, float x, float y, float rgb[3])
{
    float u = x * b->scale, v = y * b->scale, gloss = 0.04F * (fraction(u) - fraction(v));
    float shade = 1 - b->level * noise_cell(b->seed, (int)floorf(u), (int)floorf(v), 0);
    float gap = fmaxf(joint(fraction(u), 0.035F), joint(fraction(v), 0.035F));
    color_mix(b->colors[0], b->colors[0], 0, rgb);
    color_scale(rgb, shade + gloss);
    color_mix(rgb, b->colors[1], gap, rgb);
}

/* A wall above, a floor below, a skirting board between. */
void room_choose(struct random *r, struct background *b)
{
    background_any_color(r, 0.4, random_between(r, 0.55, 0.85), b->colors[0]);
    background_color_within(r, 0.08, 0.15, 0.4, 0.35, 0.6, b->colors[1]);
    background_near_color(r, 0.1, 0.05, 0.88, b->colors[2]);
    b->level = (float)random_between(r, 0.55, 0.78);
}

void room_color(const struct background *b, float x, float y, float rgb[3])
{
    if (y < b->level) {
        color_mix(b->colors[0], b->colors[0], 0, rgb);
        color_scale(rgb, 0.92F + 0.08F * y / b->level - 0.06F * fabsf(x - 0.4F));
    } else if (y < b->level + 0.025F) {
        color_mix(b->colors[2], b->colors[2], 0, rgb);
    } else {
        float depth = (y - b->level + 0.1F) * 6, board = fraction((x - 0.5F) / depth * 6);
        color_mix(b->colors[1], b->colors[1], 0, rgb);
        color_scale(rgb, 0.85F + 0.2F * (y - b->level) - 0.12F * joint(board, 0.04F));
    }
}

/* ---- paper: plain, ruled, or squared ---- */

void paper_choose(struct random *r, struct background *b)
{
    background_color_within(r, 0.12, 0.05, 0.5, 0.87, 0.93, b->colors[0]);
    background_near_color(r, 0.58, 0.35, 0.75, b->colors[1]);
    b->scale = random_chance(r, 0.4) ? 0 : (float)random_between(r, 8, 14);
    b->level = (float)random_below(r, 2);
}

void paper_color(const struct background *b, float x, float y, float rgb[3])
{
    float fiber = noise_octaves(b->seed, x * 50, y * 50, 2), stain = noise(b->seed + 9, x * 3, y * 3);
    color_mix(b->colors[0], b->colors[0], 0, rgb);
    if (b->scale > 0) {
        float line = joint(fraction(y * b->scale), 0.05F);
        if (b->level > 0)
            line = fmaxf(line, joint(fraction(x * b->scale), 0.05F));
        color_mix(rgb, b->colors[1], 0.7F * line, rgb);
    }
    color_scale(rgb, 0.94F + 0.05F * fiber + 0.04F * stain);
}
