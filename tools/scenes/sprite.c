#include "tools/scenes/sprite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- creating ---- */

static lmvr_status level_init(struct sprite_level *level, int width, int height, lmvr_error *error)
{
    *level = (struct sprite_level){width, height, calloc((size_t)width * height + 1, 4)};
    return level->pixels ? LMVR_OK : error_no_memory(error, "a glyph");
}

static const uint8_t *level_at(const struct sprite_level *level, int x, int y)
{
    return level->pixels + 4 * ((size_t)y * level->width + x);
}

static void read_argb(struct sprite_level *level, const unsigned char *argb, int stride)
{
    uint8_t *out = level->pixels;
    for (int y = 0; y < level->height; y++)
        for (int x = 0; x < level->width; x++, out += 4) {
            uint32_t pixel;
            memcpy(&pixel, argb + (size_t)y * stride + 4 * (size_t)x, sizeof pixel);
            for (int c = 0; c < 3; c++)
                out[c] = (uint8_t)(pixel >> (16 - 8 * c));
            out[3] = (uint8_t)(pixel >> 24);
        }
}

/* Averages 2 x 2 pixels; an odd last line, which glyphs leave empty, is dropped. */
static void halve(const struct sprite_level *in, struct sprite_level *out)
{
    uint8_t *pixel = out->pixels;
    for (int y = 0; y < out->height; y++)
        for (int x = 0; x < out->width; x++, pixel += 4)
            for (int c = 0; c < 4; c++)
                pixel[c] = (uint8_t)((level_at(in, 2 * x, 2 * y)[c] + level_at(in, 2 * x + 1, 2 * y)[c] +
                                      level_at(in, 2 * x, 2 * y + 1)[c] + level_at(in, 2 * x + 1, 2 * y + 1)[c] + 2) /
                                     4);
}

static bool shows(const struct sprite_level *level, int x, int y)
{
    return (float)level_at(level, x, y)[3] >= SPRITE_SHOWS * 255;
}

/* The first and last visible column of a row; false if there is none. */
static bool row_ends(const struct sprite_level *level, int y, int *first, int *last)
{
    *first = 0;
    *last = level->width - 1;
    while (*first <= *last && !shows(level, *first, y))
        ++*first;
    while (*last >= *first && !shows(level, *last, y))
        --*last;
    return *first <= *last;
}

static void measure(struct sprite *s)
{
    const struct sprite_level *level = &s->levels[0];
    int first, last;
    s->left = level->width;
    s->top = level->height;
    for (int y = 0; y < level->height; y++) {
        if (!row_ends(level, y, &first, &last))
            continue;
        s->left = first < s->left ? first : s->left;
        s->right = last + 1 > s->right ? last + 1 : s->right;
        s->top = y < s->top ? y : s->top;
        s->bottom = y + 1;
    }
}

static lmvr_status find_edge(struct sprite *s, lmvr_error *error)
{
    const struct sprite_level *level = &s->levels[0];
    float middle_x = (float)(s->left + s->right) / 2, middle_y = (float)(s->top + s->bottom) / 2;
    int first, last;
    s->edge = calloc((size_t)level->height * 4, sizeof *s->edge);
    if (!s->edge)
        return error_no_memory(error, "a glyph");
    for (int y = 0; y < level->height; y++) {
        if (!row_ends(level, y, &first, &last))
            continue;
        for (int below = 0; below < 2; below++) {
            float at = (float)(y + below) - middle_y;
            s->edge[s->edge_count++] = (struct sprite_point){(float)first - middle_x, at};
            s->edge[s->edge_count++] = (struct sprite_point){(float)(last + 1) - middle_x, at};
        }
    }
    return LMVR_OK;
}

lmvr_status sprite_init(struct sprite *sprite, const unsigned char *argb, int width, int height, int stride, lmvr_error *error)
{
    *sprite = (struct sprite){0};
    lmvr_status status = level_init(&sprite->levels[0], width, height, error);
    if (status == LMVR_OK)
        read_argb(&sprite->levels[0], argb, stride);
    for (int i = 1; i < SPRITE_LEVELS && status == LMVR_OK; i++) {
        const struct sprite_level *above = &sprite->levels[i - 1];
        status = level_init(&sprite->levels[i], above->width / 2, above->height / 2, error);
        if (status == LMVR_OK)
            halve(above, &sprite->levels[i]);
    }
    if (status == LMVR_OK) {
        measure(sprite);
        status = sprite->right > 0 ? find_edge(sprite, error) : LMVR_ERROR_INVALID;
    }
    if (status != LMVR_OK)
        sprite_finish(sprite);
    return status;
}

void sprite_finish(struct sprite *sprite)
{
    for (int i = 0; i < SPRITE_LEVELS; i++)
        free(sprite->levels[i].pixels);
    free(sprite->edge);
    *sprite = (struct sprite){0};
}

/* ---- drawing ---- */

struct rectangle sprite_bounds(const struct sprite *sprite, const struct pose *pose)
{
    double c = cos(pose->angle) * pose->scale, s = sin(pose->angle) * pose->scale, flip = pose->mirrored ? -1 : 1;
    struct rectangle box = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (int i = 0; i < sprite->edge_count; i++) {
        double x = flip * (double)sprite->edge[i].x, y = (double)sprite->edge[i].y;
        double px = pose->x + c * x - s * y, py = pose->y + s * x + c * y;
        box.left = fmin(box.left, px);
        box.top = fmin(box.top, py);
        box.right = fmax(box.right, px);
        box.bottom = fmax(box.bottom, py);
    }
    return box;
}

struct pose sprite_pose(const struct sprite *sprite, double x, double y, double side, double angle, bool mirrored)
{
    struct pose pose = {0, 0, 1, angle, mirrored};
    struct rectangle unit = sprite_bounds(sprite, &pose);
    return (struct pose){x, y, side / fmax(unit.right - unit.left, unit.bottom - unit.top), angle, mirrored};
}

struct sprite_map sprite_map(const struct sprite *sprite, const struct pose *pose)
{
    double c = cos(pose->angle) / pose->scale, s = sin(pose->angle) / pose->scale, flip = pose->mirrored ? -1 : 1;
    double middle_x = (sprite->left + sprite->right) / 2.0, middle_y = (sprite->top + sprite->bottom) / 2.0;
    struct sprite_map map = {.sprite = sprite,
                             .xx = (float)(flip * c),
                             .xy = (float)(flip * s),
                             .x0 = (float)(middle_x - flip * (c * pose->x + s * pose->y)),
                             .yx = (float)-s,
                             .yy = (float)c,
                             .y0 = (float)(middle_y + s * pose->x - c * pose->y),
                             .single = pose->scale > 0.8};
    /* four samples per pixel are half a pixel apart, at most one pixel of the level */
    for (double step = 0.5 / pose->scale; step > 1 && map.level < SPRITE_LEVELS - 1; step /= 2)
        map.level++;
    return map;
}

/* Like sprite_sample(), at the level's edge, where some neighbors are outside. */
static void sample_edge(const struct sprite_level *l, int column, int row, const float weights[4], float rgba[4])
{
    for (int i = 0; i < 4; i++) {
        int x = column + (i & 1), y = row + (i >> 1);
        if (x < 0 || y < 0 || x >= l->width || y >= l->height)
            continue;
        const uint8_t *pixel = level_at(l, x, y);
        for (int c = 0; c < 4; c++)
            rgba[c] += weights[i] * (float)pixel[c];
    }
}

void sprite_sample(const struct sprite *sprite, int level, float u, float v, float rgba[4])
{
    const struct sprite_level *l = &sprite->levels[level];
    float shrink = 1.0F / (float)(1 << level), x = u * shrink - 0.5F, y = v * shrink - 0.5F;
    memset(rgba, 0, 4 * sizeof *rgba);
    if (!(x > -1 && y > -1 && x < (float)l->width && y < (float)l->height))
        return;
    int column = (int)(x + 1) - 1, row = (int)(y + 1) - 1;
    float fx = x - (float)column, fy = y - (float)row;
    const float unit = 1.0F / 255,
                weights[4] = {(1 - fx) * (1 - fy) * unit, fx * (1 - fy) * unit, (1 - fx) * fy * unit, fx * fy * unit};
    if (column < 0 || row < 0 || column + 1 >= l->width || row + 1 >= l->height) {
        sample_edge(l, column, row, weights, rgba);
        return;
    }
    const uint8_t *above = level_at(l, column, row), *below = level_at(l, column, row + 1);
    for (int c = 0; c < 4; c++)
        rgba[c] = weights[0] * (float)above[c] + weights[1] * (float)above[4 + c] + weights[2] * (float)below[c] +
                  weights[3] * (float)below[4 + c];
}

void sprite_pixel(const struct sprite_map *map, int column, int row, float rgba[4])
{
    float middle_x = (float)column + 0.5F, middle_y = (float)row + 0.5F;
    float u = map->xx * middle_x + map->xy * middle_y + map->x0, v = map->yx * middle_x + map->yy * middle_y + map->y0;
    if (map->single) {
        sprite_sample(map->sprite, map->level, u, v, rgba);
        return;
    }
    for (int i = 0; i < 4; i++) { /* offset by a quarter of a pixel */
        float sample[4], x = i & 1 ? 0.25F : -0.25F, y = i >> 1 ? 0.25F : -0.25F;
        sprite_sample(map->sprite, map->level, u + map->xx * x + map->xy * y, v + map->yx * x + map->yy * y, sample);
        for (int c = 0; c < 4; c++)
            rgba[c] = i == 0 ? sample[c] / 4 : rgba[c] + sample[c] / 4;
    }
}
