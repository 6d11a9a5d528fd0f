#include "tools/scenes/garment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The labels' values for "not visible". */
#define NO_LOWER_LENGTH 4
#define NO_CARDIGAN     2

/* Where a cropped garment ends, as a fraction of its height. */
#define CROP 0.6F

/* ---- choosing ---- */

static int choose_garment(struct random *r, enum garment_role role)
{
    int found[32], count = 0;
    for (int i = 0; i < garment_count; i++)
        if (garments[i].role == role)
            found[count++] = i;
    return found[random_below(r, count)];
}

static bool has_label(const struct outfit *o, enum shape_label label)
{
    bool has = false;
    for (int i = 0; i < o->accessory_count; i++)
        has |= garments[o->accessories[i]].label == label;
    return has;
}

static void choose_accessories(struct random *r, struct outfit *o)
{
    int wanted = random_below(r, OUTFIT_MAX_ACCESSORIES + 1);
    while (o->accessory_count < wanted) {
        int garment = choose_garment(r, GARMENT_ACCESSORY);
        if (!has_label(o, garments[garment].label))
            o->accessories[o->accessory_count++] = garment;
    }
}

/* Dresses and kimonos are worn alone. */
static bool reaches_down(int garment)
{
    return strcmp(garments[garment].name, "dress") == 0 || strcmp(garments[garment].name, "kimono") == 0;
}

static void label(struct outfit *o)
{
    int upper = o->garments[PIECE_UPPER], lower = o->garments[PIECE_LOWER], outer = o->garments[PIECE_OUTER];
    bool belt = o->belt || strcmp(garments[upper].name, "wrap jacket") == 0;
    o->shape[SHAPE_SLEEVES] = garments[upper].value;
    o->shape[SHAPE_LOWER_LENGTH] = lower >= 0 ? garments[lower].value : NO_LOWER_LENGTH;
    o->shape[SHAPE_WAIST] = belt;
    o->shape[SHAPE_NECKLINE] = garments[upper].neckline;
    o->shape[SHAPE_CARDIGAN] = outer < 0 ? NO_CARDIGAN : o->cloths[PIECE_OUTER].fabric == FABRIC_KNITTED ? 0 : 1;
    o->shape[SHAPE_NAVEL] = !o->cropped;
    for (int i = 0; i < o->accessory_count; i++)
        o->shape[garments[o->accessories[i]].label] = garments[o->accessories[i]].value;
    for (int i = 0; i < PIECES; i++) {
        o->fabric[i] = o->garments[i] >= 0 ? (int)o->cloths[i].fabric : CLOTH_NONE;
        o->pattern[i] = o->garments[i] >= 0 ? (int)o->cloths[i].pattern : CLOTH_NONE;
    }
}

void outfit_choose(struct random r, struct outfit *outfit)
{
    *outfit = (struct outfit){.garments = {-1, -1, -1}};
    struct random own = {random_next(&r)};
    background_choose(&own, &outfit->background);
    int upper = choose_garment(&own, GARMENT_UPPER);
    outfit->garments[PIECE_UPPER] = upper;
    bool has_lower = random_chance(&own, 0.9) && !reaches_down(upper), has_outer = random_chance(&own, 0.5);
    if (has_lower)
        outfit->garments[PIECE_LOWER] = choose_garment(&own, GARMENT_LOWER);
    if (has_outer)
        outfit->garments[PIECE_OUTER] = choose_garment(&own, GARMENT_OUTER);
    for (int i = 0; i < PIECES; i++)
        cloth_choose(&own, &outfit->cloths[i]);
    outfit->cropped = random_chance(&own, 0.35) && garments[upper].neckline == 2;
    outfit->belt = random_chance(&own, 0.4) && has_lower;
    choose_accessories(&own, outfit);
    outfit->mirrored = random_chance(&own, 0.5);
    outfit->places = (struct random){random_next(&own)};
    outfit->words = (struct random){random_next(&own)};
    label(outfit);
}

/* ---- drawing ---- */

struct spot {
    double x, y, side; /* in units of the image's side */
};

/* The mean lightness of the visible pixels, to tell folds from the cloth's own lightness. */
static float mean_lightness(const struct layer *layer)
{
    double sum = 0, weight = 1e-6;
    for (long i = 0; i < (long)layer->width * layer->height; i++) {
        const float *p = layer->pixels + 4 * i;
        sum += (double)(p[0] + p[1] + p[2]) / 3;
        weight += (double)p[3];
    }
    return (float)(sum / weight);
}

/* Brown leather with a buckle, if (u, v) is on the belt. */
static bool belt_color(float u, float v, float rgb[3])
{
    static const float leather[3] = {0.25F, 0.14F, 0.07F}, metal[3] = {0.85F, 0.75F, 0.4F};
    if (v < 0.01F || v > 0.11F)
        return false;
    memcpy(rgb, fabsf(u - 0.5F) < 0.06F ? metal : leather, sizeof leather);
    return true;
}

/* Replaces the glyph's colors by cloth; its lights and shadows stay. */
static void clothe(const struct outfit *o, enum piece piece, const struct sprite_map *map, struct layer *layer)
{
    const struct sprite *s = map->sprite;
    float mean = mean_lightness(layer), *p = layer->pixels;
    for (int y = 0; y < layer->height; y++)
        for (int x = 0; x < layer->width; x++, p += 4) {
            float px = (float)(layer->left + x) + 0.5F, py = (float)(layer->top + y) + 0.5F, rgb[3], clear = 0;
            if (p[3] <= 0)
                continue;
            float u = (map->xx * px + map->xy * py + map->x0 - (float)s->left) / (float)(s->right - s->left);
            float v = (map->yx * px + map->yy * py + map->y0 - (float)s->top) / (float)(s->bottom - s->top);
            float shade = (p[0] + p[1] + p[2]) / (3 * p[3] * mean);
            bool belt = piece == PIECE_LOWER && o->belt && belt_color(u, v, rgb);
            if (!belt)
                cloth_color(&o->cloths[piece], u, v, rgb, &clear);
            color_scale(rgb, fmaxf(0.55F, fminf(1.25F, shade)));
            float alpha = piece == PIECE_UPPER && o->cropped && v > CROP ? 0 : p[3] * (1 - clear);
            for (int c = 0; c < 3; c++)
                p[c] = alpha * fmaxf(0, fminf(1, rgb[c]));
            p[3] = alpha;
        }
}

static lmvr_status draw_garment(const struct glyphs *glyphs, const struct outfit *o, int piece, int garment, struct spot spot,
                                struct random *r, struct painting *p, lmvr_error *error)
{
    const struct sprite *sprite = &glyphs->garments[garment];
    spot.x = o->mirrored ? 1 - spot.x : spot.x;
    spot.x += random_between(r, -0.015, 0.015);
    spot.y += random_between(r, -0.015, 0.015);
    spot.side *= random_between(r, 0.94, 1.04);
    bool mirrored = random_chance(r, 0.5);
    struct pose pose =
        sprite_pose(sprite, spot.x * p->size, spot.y * p->size, spot.side * p->size, random_between(r, -0.12, 0.12), mirrored);
    double brightness = random_between(r, 0.85, 1.05);
    struct tone tone = tone_of(random_between(r, -0.1, 0.1), brightness, PAINT_NONE);
    struct layer layer;
    TRY(painting_layer(p, sprite, &pose, &layer, error));
    struct sprite_map map = sprite_map(sprite, &pose);
    if (piece < PIECES)
        clothe(o, (enum piece)piece, &map, &layer);
    for (long i = 0; piece == PIECES && i < (long)layer.width * layer.height; i++)
        tone_apply(&tone, layer.pixels + 4 * i);
    painting_over(p, &layer, 1);
    free(layer.pixels);
    return LMVR_OK;
}

/* The upper garment is above the lower one, the outer one next to them, and the accessories below it. */
static lmvr_status draw_all(const struct glyphs *glyphs, const struct outfit *o, struct painting *p, lmvr_error *error)
{
    static const struct spot pieces[PIECES] = {{0.3, 0.27, 0.46}, {0.3, 0.74, 0.46}, {0.76, 0.28, 0.42}};
    static const struct spot alone = {0.29, 0.42, 0.54};
    static const struct spot accessories[OUTFIT_MAX_ACCESSORIES] = {
        {0.66, 0.64, 0.2}, {0.88, 0.64, 0.2}, {0.66, 0.87, 0.2}, {0.88, 0.87, 0.2}};
    struct random r = o->places;
    for (int i = 0; i < PIECES; i++) {
        bool is_alone = i == PIECE_UPPER && o->garments[PIECE_LOWER] < 0;
        if (o->garments[i] >= 0)
            TRY(draw_garment(glyphs, o, i, o->garments[i], is_alone ? alone : pieces[i], &r, p, error));
    }
    for (int i = 0; i < o->accessory_count; i++)
        TRY(draw_garment(glyphs, o, PIECES, o->accessories[i], accessories[i], &r, p, error));
    return LMVR_OK;
}

lmvr_status outfit_draw(const struct glyphs *glyphs, const struct outfit *outfit, int size, uint8_t *rgb, lmvr_error *error)
{
    struct painting p;
    TRY(painting_init(&p, size, error));
    painting_background(&p, &outfit->background);
    lmvr_status status = draw_all(glyphs, outfit, &p, error);
    if (status == LMVR_OK)
        painting_to_bytes(&p, rgb);
    painting_finish(&p);
    return status;
}

/* ---- describing ---- */

void outfit_describe(const struct outfit *outfit, struct text *text)
{
    static const char *const sleeves[] = {"no", "short", "medium", "long"}, *const necklines[] = {"V-shaped", "square",
                                                                                                  "round"};
    struct random r = outfit->words;
    struct text items[OUTFIT_MAX_ACCESSORIES] = {0};
    text_say(text, SENTENCE_OUTFIT, &r,
             &(struct sentence_words){.one = garments[outfit->garments[PIECE_UPPER]].name,
                                      .sleeves = sleeves[outfit->shape[SHAPE_SLEEVES]],
                                      .neckline = necklines[outfit->shape[SHAPE_NECKLINE]]});
    for (int i = 0; i < PIECES; i++) {
        if (outfit->garments[i] < 0)
            continue;
        struct sentence_words words = {.one = garments[outfit->garments[i]].name,
                                       .fabric = fabric_names[outfit->fabric[i]],
                                       .pattern = pattern_names[outfit->pattern[i]]};
        text_add(text, " ");
        text_say(text, i == PIECE_LOWER ? SENTENCE_CLOTH_PLURAL : SENTENCE_CLOTH, &r, &words);
    }
    text_add(text, "%s%s", outfit->cropped ? " The upper clothing ends above the navel." : "",
             outfit->belt ? " There is a belt on the waist." : "");
    if (outfit->accessory_count == 0)
        return;
    for (int i = 0; i < outfit->accessory_count; i++)
        text_add(&items[i], "%s", garments[outfit->accessories[i]].name);
    text_add(text, " This is worn with ");
    text_list(text, items, outfit->accessory_count, false);
    text_add(text, ".");
}
