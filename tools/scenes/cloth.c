#include "tools/scenes/cloth.h"

#include "tools/scenes/background_kinds.h"

#include <math.h>

const char *const fabric_names[FABRICS] = {"denim", "cotton", "leather", "furry", "knitted", "chiffon"};
const char *const pattern_names[PATTERNS] = {"floral", "graphic", "striped", "pure color", "lattice", "other", "color block"};

#define TURN 6.2831853F /* radians */

/* ---- choosing ---- */

/* Sets the ground to a color that the fabric comes in. */
static void choose_ground(struct random *r, struct cloth *c)
{
    static const double leather_hues[] = {0.06, 0.03, 0.0, 0.62};
    double lightness;
    switch (c->fabric) {
    case FABRIC_DENIM:
        background_near_color(r, 0.6, 0.45, random_between(r, 0.28, 0.55), c->colors[0]);
        break;
    case FABRIC_LEATHER:
        lightness = random_between(r, 0.16, 0.32);
        background_near_color(r, leather_hues[random_below(r, 4)], 0.4, lightness, c->colors[0]);
        break;
    case FABRIC_CHIFFON:
        background_any_color(r, 0.6, random_between(r, 0.7, 0.82), c->colors[0]);
        break;
    default:
        background_any_color(r, 0.75, random_between(r, 0.35, 0.75), c->colors[0]);
    }
}

static float mean_of(const float rgb[3])
{
    return (rgb[0] + rgb[1] + rgb[2]) / 3;
}

void cloth_choose(struct random *r, struct cloth *cloth)
{
    static const enum pattern patterns[] = {PATTERN_FLORAL,     PATTERN_GRAPHIC, PATTERN_STRIPED,
                                            PATTERN_PURE_COLOR, PATTERN_LATTICE, PATTERN_COLOR_BLOCK};
    *cloth = (struct cloth){.fabric = (enum fabric)random_below(r, FABRICS)};
    cloth->pattern = patterns[random_below(r, 6)];
    cloth->seed = (uint32_t)(random_next(r) >> 32);
    choose_ground(r, cloth);
    bool dark = mean_of(cloth->colors[0]) < 0.5F; /* so that figures differ at least in lightness */
    background_any_color(r, 0.8, dark ? 0.82 : 0.25, cloth->colors[1]);
    background_any_color(r, 0.9, 0.6, cloth->colors[2]);
    cloth->scale = (float)random_between(r, 4.5, 7);
    cloth->turn = random_below(r, 2);
}

/* ---- patterns: the amount of color 1, and of color 2, at a point ---- */

struct figure {
    float first, second;
};

/* Five petals around a center, at random points of a grid. */
static struct figure floral(const struct cloth *c, float u, float v)
{
    struct figure figure = {0, 0};
    float x = u * c->scale * 0.8F, y = v * c->scale * 0.8F;
    for (int i = 0; i < 9; i++) {
        int cx = (int)floorf(x) + i % 3 - 1, cy = (int)floorf(y) + i / 3 - 1;
        float dx = x - (float)cx - 0.25F - 0.5F * noise_cell(c->seed, cx, cy, 1);
        float dy = y - (float)cy - 0.25F - 0.5F * noise_cell(c->seed, cx, cy, 2);
        float angle = atan2f(dy, dx) + TURN * noise_cell(c->seed, cx, cy, 3), distance = hypotf(dx, dy);
        float radius = 0.42F * (0.7F + 0.3F * cosf(5 * angle));
        figure.first = fmaxf(figure.first, 1 - smooth_step(radius * 0.9F, radius * 1.05F, distance));
        figure.second = fmaxf(figure.second, 1 - smooth_step(0.11F, 0.15F, distance));
    }
    return figure;
}

/* A single figure on the chest: a star in a ring, or a heart. */
static float graphic(const struct cloth *c, float u, float v)
{
    float x = (u - 0.5F) / 0.24F, y = (v - 0.42F) / 0.24F, distance = hypotf(x, y);
    if (c->turn) {
        float lobe = x * x + y * y * 1.1F - 0.4F, shape = lobe * lobe * lobe + x * x * y * y * y * 1.2F;
        return 1 - smooth_step(-0.01F, 0.01F, shape);
    }
    float star = 0.45F + 0.2F * cosf(5 * atan2f(x, -y));
    float ring = smooth_step(0.74F, 0.8F, distance) - smooth_step(0.93F, 1.0F, distance);
    return fmaxf(ring, 1 - smooth_step(star, star + 0.05F, distance));
}

static float band(float at, float width)
{
    float away = fabsf(fraction(at) - 0.5F);
    return 1 - smooth_step(width / 2 - 0.04F, width / 2 + 0.04F, away);
}

static struct figure figure_at(const struct cloth *c, float u, float v)
{
    float along = c->turn ? u : v;
    switch (c->pattern) {
    case PATTERN_FLORAL:
        return floral(c, u, v);
    case PATTERN_GRAPHIC:
        return (struct figure){graphic(c, u, v), 0};
    case PATTERN_STRIPED:
        return (struct figure){band(along * c->scale, 0.5F), 0};
    case PATTERN_LATTICE:
        return (struct figure){0.5F * (band(u * c->scale, 0.35F) + band(v * c->scale, 0.35F)), 0};
    case PATTERN_COLOR_BLOCK:
        return (struct figure){smooth_step(0.49F, 0.51F, along), 0};
    default:
        return (struct figure){0, 0};
    }
}

/* ---- fabrics: brightness at a point, about 1 ---- */

static float denim(const struct cloth *c, float u, float v)
{
    float twill = sinf((u + v) * TURN * 20), worn = noise_octaves(c->seed, u * 4, v * 4, 2),
          fiber = noise(c->seed + 1, u * 70, v * 30);
    return 0.86F + 0.14F * twill + 0.3F * (worn - 0.5F) + 0.25F * (fiber - 0.5F);
}

/* Glossy: some folds reflect light. */
static float leather(const struct cloth *c, float u, float v)
{
    float fold = noise_octaves(c->seed, u * 3, v * 5, 3), grain = noise(c->seed + 1, u * 45, v * 45);
    return 0.75F + 0.25F * grain + 1.9F * smooth_step(0.58F, 0.78F, fold);
}

static float furry(const struct cloth *c, float u, float v)
{
    float lean = 0.15F * noise(c->seed, u * 5, v * 5);
    float hair = noise(c->seed + 1, (u + lean * v * 4) * 42, v * 9), tuft = noise(c->seed + 2, u * 12, v * 9);
    return 0.5F + 0.75F * hair + 0.25F * tuft;
}

/* Stitches: rows of the letter V. */
static float knitted(float u, float v)
{
    float column = fraction(u * 12), leg = fabsf(column - 0.5F);
    float stitch = 0.5F + 0.5F * cosf((v * 14 + leg * 1.1F) * TURN),
          groove = smooth_step(0.0F, 0.14F, fminf(column, 1 - column));
    return (0.68F + 0.45F * stitch) * (0.75F + 0.25F * groove);
}

static float chiffon(const struct cloth *c, float u, float v)
{
    float bend = noise(c->seed, u * 3, v * 3);
    return 0.97F + 0.13F * sinf((u * 5 + bend) * TURN);
}

static float lightness_at(const struct cloth *c, float u, float v)
{
    switch (c->fabric) {
    case FABRIC_DENIM:
        return denim(c, u, v);
    case FABRIC_LEATHER:
        return leather(c, u, v);
    case FABRIC_FURRY:
        return furry(c, u, v);
    case FABRIC_KNITTED:
        return knitted(u, v);
    case FABRIC_CHIFFON:
        return chiffon(c, u, v);
    default:
        return 0.97F + 0.06F * noise(c->seed, u * 60, v * 60);
    }
}

void cloth_color(const struct cloth *cloth, float u, float v, float rgb[3], float *clear)
{
    struct figure figure = figure_at(cloth, u, v);
    color_mix(cloth->colors[0], cloth->colors[1], figure.first, rgb);
    color_mix(rgb, cloth->colors[2], figure.second, rgb);
    color_scale(rgb, lightness_at(cloth, u, v));
    *clear = cloth->fabric == FABRIC_CHIFFON ? 0.45F - 0.25F * figure.first : 0;
}
