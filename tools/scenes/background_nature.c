/* Natural backgrounds: land, sky, water, wood and stone. */
#include "tools/scenes/background_kinds.h"

#include <math.h>

/* ---- views: a sky over something ---- */

/* Colors 0 and 1 are the sky's top and bottom. */
static void choose_sky(struct random *r, struct background *b)
{
    if (random_chance(r, 0.2)) { /* evening */
        background_near_color(r, 0.66, 0.3, 0.5, b->colors[0]);
        background_near_color(r, 0.05, 0.7, 0.75, b->colors[1]);
    } else {
        background_near_color(r, 0.58, 0.55, 0.62, b->colors[0]);
        background_near_color(r, 0.56, 0.5, 0.86, b->colors[1]);
    }
    b->level = (float)random_between(r, 0.4, 0.65);
}

static void sky_color(const struct background *b, float x, float y, float horizon, float rgb[3])
{
    static const float white[3] = {1, 1, 1};
    float cloud = smooth_step(0.52F, 0.75F, noise_octaves(b->seed, x * 3, y * 7, 4));
    color_mix(b->colors[0], b->colors[1], y / horizon, rgb);
    color_mix(rgb, white, 0.7F * cloud, rgb);
}

void meadow_choose(struct random *r, struct background *b)
{
    choose_sky(r, b);
    background_near_color(r, 0.27, 0.45, random_between(r, 0.34, 0.5), b->colors[2]);
    b->scale = (float)random_between(r, 0.02, 0.08);
}

void meadow_color(const struct background *b, float x, float y, float rgb[3])
{
    float horizon = b->level + b->scale * (noise(b->seed + 5, x * 2.5F, 0) - 0.5F) * 2;
    if (y < horizon) {
        sky_color(b, x, y, horizon, rgb);
        return;
    }
    float depth = y - horizon, blade = noise_octaves(b->seed + 3, x * 40 / (0.4F + depth), y * 30, 2);
    color_mix(b->colors[2], b->colors[2], 0, rgb);
    color_scale(rgb, 1.1F - 0.3F * depth + 0.3F * (blade - 0.5F));
}

void beach_choose(struct random *r, struct background *b)
{
    choose_sky(r, b);
    background_near_color(r, 0.115, 0.5, 0.75, b->colors[2]);
    b->level = (float)random_between(r, 0.25, 0.42);
    b->scale = (float)random_between(r, 0.15, 0.3);
}

void beach_color(const struct background *b, float x, float y, float rgb[3])
{
    static const float foam[3] = {0.95F, 0.97F, 0.97F};
    float shore = b->level + b->scale + 0.03F * sinf(x * 9 + b->level * 40) + 0.02F * noise(b->seed, x * 9, 0);
    if (y < b->level) {
        sky_color(b, x, y, b->level, rgb);
    } else if (y < shore) {
        float sea[3] = {0.12F, 0.48F, 0.62F}, wave = noise_octaves(b->seed + 2, x * 8, y * 50, 2);
        color_scale(sea, 0.8F + 0.45F * wave);
        color_mix(foam, sea, smooth_step(0.0F, 0.03F, shore - y), rgb);
    } else {
        color_mix(b->colors[2], b->colors[2], 0, rgb);
        color_scale(rgb, 0.85F + 0.2F * noise_octaves(b->seed + 4, x * 50, y * 50, 2) -
                             0.12F * (1 - smooth_step(0, 0.08F, y - shore)));
    }
}

void desert_choose(struct random *r, struct background *b)
{
    choose_sky(r, b);
    background_near_color(r, 0.08, 0.6, 0.6, b->colors[2]);
    b->scale = (float)random_between(r, 1.5, 3);
}

void desert_color(const struct background *b, float x, float y, float rgb[3])
{
    sky_color(b, x, y, b->level, rgb);
    for (int i = 0; i < 3; i++) { /* dunes, the nearest last */
        float crest = b->level + 0.16F * (float)i + 0.1F * (noise(b->seed + 20 + (uint32_t)i, x * b->scale, 0) - 0.5F);
        if (y < crest)
            continue;
        float ripple = 0.04F * sinf((y - crest) * 130 + 8 * noise(b->seed, x * 5, y * 5));
        color_mix(b->colors[2], b->colors[2], 0, rgb);
        color_scale(rgb, 1.15F - 0.1F * (float)i - 0.5F * (y - crest) + ripple);
    }
}

void snow_choose(struct random *r, struct background *b)
{
    background_near_color(r, 0.6, 0.25, 0.6, b->colors[0]);
    background_near_color(r, 0.6, 0.3, 0.8, b->colors[1]);
    background_near_color(r, 0.6, 0.3, 0.93, b->colors[2]);
    b->level = (float)random_between(r, 0.35, 0.6);
    b->scale = (float)random_between(r, 9, 15);
}

void snow_color(const struct background *b, float x, float y, float rgb[3])
{
    static const float white[3] = {1, 1, 1};
    float ground = b->level + 0.12F * (noise(b->seed, x * 2, 0) - 0.5F);
    struct dot flake = noise_dot(b->seed + 3, x * b->scale, y * b->scale, 0.06F, 0.14F);
    if (y < ground) {
        color_mix(b->colors[0], b->colors[1], y / ground, rgb);
    } else {
        color_mix(b->colors[2], b->colors[2], 0, rgb);
        color_scale(rgb, 0.88F + 0.12F * noise_octaves(b->seed + 1, x * 4, y * 8, 3));
    }
    color_mix(white, rgb, smooth_step(0.6F, 1.1F, flake.distance), rgb);
}

/* ---- skies ---- */

void clouds_choose(struct random *r, struct background *b)
{
    choose_sky(r, b);
    b->scale = (float)random_between(r, 2, 4);
}

void clouds_color(const struct background *b, float x, float y, float rgb[3])
{
    static const float white[3] = {0.98F, 0.98F, 1};
    float cloud = noise_octaves(b->seed, x * b->scale, y * b->scale * 1.6F, 5);
    color_mix(b->colors[0], b->colors[1], y * 0.7F, rgb);
    color_mix(rgb, white, smooth_step(0.4F, 0.68F, cloud), rgb);
}

void night_choose(struct random *r, struct background *b)
{
    background_near_color(r, 0.65, 0.5, 0.12, b->colors[0]);
    background_near_color(r, 0.68, 0.4, random_between(r, 0.25, 0.36), b->colors[1]);
    b->scale = (float)random_between(r, 12, 22);
}

void night_color(const struct background *b, float x, float y, float rgb[3])
{
    static const float white[3] = {1, 1, 0.92F};
    struct dot star = noise_dot(b->seed, x * b->scale, y * b->scale, 0.03F, 0.11F);
    float haze = noise_octaves(b->seed + 5, x * 3, y * 3, 3);
    color_mix(b->colors[0], b->colors[1], fmaxf(0, fminf(1, y + 0.6F * (haze - 0.5F))), rgb);
    color_mix(white, rgb, 1 - star.value * (1 - smooth_step(0.3F, 1.1F, star.distance)), rgb);
}

/* ---- surfaces ---- */

void water_choose(struct random *r, struct background *b)
{
    double lightness = random_between(r, 0.35, 0.5), hue = random_between(r, 0.48, 0.6);
    background_near_color(r, hue, 0.5, lightness, b->colors[0]);
    background_near_color(r, 0.53, 0.5, 0.75, b->colors[1]);
    b->scale = (float)random_between(r, 4, 8);
}

void water_color(const struct background *b, float x, float y, float rgb[3])
{
    float bend = noise(b->seed, x * b->scale, y * b->scale), fine = noise(b->seed + 1, x * b->scale * 2, y * b->scale * 5);
    float wave = 0.5F + 0.5F * sinf(y * b->scale * 9 + 7 * bend + 3 * fine);
    color_mix(b->colors[0], b->colors[1], 0.75F * smooth_step(0.45F, 1.05F, wave) * (0.4F + 0.6F * fine), rgb);
}

void grass_choose(struct random *r, struct background *b)
{
    background_near_color(r, 0.26, 0.5, random_between(r, 0.28, 0.4), b->colors[0]);
    background_near_color(r, 0.23, 0.5, random_between(r, 0.45, 0.55), b->colors[1]);
    b->scale = (float)random_between(r, 30, 60);
}

void grass_color(const struct background *b, float x, float y, float rgb[3])
{
    float lean = 0.25F * noise(b->seed + 3, x * 6, y * 6);
    float blade = noise(b->seed, (x + lean * y) * b->scale, y * b->scale * 0.22F);
    float patch = noise_octaves(b->seed + 1, x * 4, y * 4, 2);
    color_mix(b->colors[0], b->colors[1], 0.65F * blade + 0.35F * patch, rgb);
}

void wood_choose(struct random *r, struct background *b)
{
    background_color_within(r, 0.075, 0.3, 0.55, 0.4, 0.68, b->colors[0]);
    b->scale = (float)random_between(r, 3, 6);
    b->level = (float)random_below(r, 2); /* horizontal or vertical boards */
}

void wood_color(const struct background *b, float x, float y, float rgb[3])
{
    float along = b->level > 0 ? x : y, across = (b->level > 0 ? y : x) * b->scale;
    int board = (int)floorf(across);
    uint32_t seed = b->seed + 31u * (uint32_t)board;
    float ring = noise_octaves(seed, along * 1.5F, fraction(across) * 4, 2);
    float grain = 0.5F + 0.5F * sinf(ring * 40), fine = noise(seed + 1, along * 5, across * 30);
    float gap = smooth_step(0.0F, 0.03F, fminf(fraction(across), 1 - fraction(across)));
    color_mix(b->colors[0], b->colors[0], 0, rgb);
    color_scale(rgb, (0.55F + 0.45F * gap) * (0.84F + 0.1F * grain + 0.1F * fine + 0.1F * noise_cell(b->seed, board, 0, 5)));
}

void marble_choose(struct random *r, struct background *b)
{
    bool dark = random_chance(r, 0.3);
    background_any_color(r, 0.2, dark ? 0.28 : 0.86, b->colors[0]);
    background_any_color(r, 0.2, dark ? 0.6 : 0.55, b->colors[1]);
    background_turn(r, M_PI, b);
    b->scale = (float)random_between(r, 2, 4);
}

void marble_color(const struct background *b, float x, float y, float rgb[3])
{
    float u = (b->cosine * x + b->sine * y) * b->scale,
          bend = noise_octaves(b->seed, x * b->scale * 1.5F, y * b->scale * 1.5F, 4);
    float vein = 1 - fabsf(sinf((u + 2.2F * bend) * 3.14159265F));
    color_mix(b->colors[0], b->colors[1], 0.7F * smooth_step(0.7F, 1.0F, vein) + 0.25F * bend, rgb);
}

void sand_choose(struct random *r, struct background *b)
{
    background_color_within(r, 0.11, 0.25, 0.5, 0.6, 0.75, b->colors[0]);
    background_turn(r, M_PI, b);
    b->scale = (float)random_between(r, 20, 50);
}

void sand_color(const struct background *b, float x, float y, float rgb[3])
{
    float bend = noise(b->seed + 1, x * 4, y * 4), u = b->cosine * x + b->sine * y;
    float grain = noise(b->seed, x * 110, y * 110), ripple = 0.5F + 0.5F * sinf(u * b->scale + 5 * bend);
    color_mix(b->colors[0], b->colors[0], 0, rgb);
    color_scale(rgb, 0.82F + 0.14F * grain + 0.12F * ripple);
}
