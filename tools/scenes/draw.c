#include "tools/scenes/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the painting ---- */

lmvr_status painting_init(struct painting *p, int size, lmvr_error *error)
{
    *p = (struct painting){.size = size};
    p->rgb = calloc((size_t)size * size, 3 * sizeof *p->rgb);
    p->owner = calloc((size_t)size * size, 1);
    if (p->rgb && p->owner)
        return LMVR_OK;
    painting_finish(p);
    return error_no_memory(error, "a picture");
}

void painting_finish(struct painting *p)
{
    free(p->rgb);
    free(p->owner);
    *p = (struct painting){0};
}

void painting_to_bytes(const struct painting *p, uint8_t *rgb)
{
    size_t count = (size_t)p->size * p->size * 3;
    for (size_t i = 0; i < count; i++) {
        float value = p->rgb[i] * 255 + 0.5F;
        rgb[i] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
}

void painting_background(struct painting *p, const struct background *background)
{
    float *pixel = p->rgb, step = 1.0F / (float)p->size;
    for (int y = 0; y < p->size; y++)
        for (int x = 0; x < p->size; x++, pixel += 3)
            background_color(background, ((float)x + 0.5F) * step, ((float)y + 0.5F) * step, pixel);
}

/* ---- sprites ---- */

/* The pixels that the sprite may cover, extended by `more` on every side. */
static struct box touched(const struct painting *p, const struct sprite *sprite, const struct pose *pose, double more)
{
    struct rectangle bounds = sprite_bounds(sprite, pose);
    struct box box = {(int)floor(fmax(0, bounds.left - more)), (int)floor(fmax(0, bounds.top - more)),
                      (int)ceil(fmin(p->size, bounds.right + more)), (int)ceil(fmin(p->size, bounds.bottom + more))};
    box.right = box.right > box.left ? box.right : box.left;
    box.bottom = box.bottom > box.top ? box.bottom : box.top;
    return box;
}

void painting_shadow(struct painting *p, const struct sprite *sprite, const struct pose *pose, double distance)
{
    struct pose moved = *pose;
    moved.x += distance * 0.6;
    moved.y += distance;
    struct box box = touched(p, sprite, &moved, distance);
    struct sprite_map map = sprite_map(sprite, &moved);
    int level = map.level + 3 < SPRITE_LEVELS ? map.level + 3 : SPRITE_LEVELS - 1; /* a coarse level is blurred */
    for (int y = box.top; y < box.bottom; y++)
        for (int x = box.left; x < box.right; x++) {
            float rgba[4], u = (float)x + 0.5F, v = (float)y + 0.5F;
            sprite_sample(sprite, level, map.xx * u + map.xy * v + map.x0, map.yx * u + map.yy * v + map.y0, rgba);
            color_scale(p->rgb + 3 * ((size_t)y * p->size + x), 1 - 0.35F * rgba[3]);
        }
}

lmvr_status painting_layer(const struct painting *p, const struct sprite *sprite, const struct pose *pose, struct layer *layer,
                           lmvr_error *error)
{
    struct box box = touched(p, sprite, pose, 1);
    struct sprite_map map = sprite_map(sprite, pose);
    *layer = (struct layer){box.left, box.top, box.right - box.left, box.bottom - box.top, NULL};
    layer->pixels = calloc((size_t)layer->width * layer->height + 1, 4 * sizeof(float));
    if (!layer->pixels)
        return error_no_memory(error, "a picture");
    float *pixel = layer->pixels;
    for (int y = box.top; y < box.bottom; y++)
        for (int x = box.left; x < box.right; x++, pixel += 4)
            sprite_pixel(&map, x, y, pixel);
    return LMVR_OK;
}

void painting_over(struct painting *p, const struct layer *layer, int owner)
{
    const float *from = layer->pixels;
    for (int y = 0; y < layer->height; y++)
        for (int x = 0; x < layer->width; x++, from += 4) {
            size_t at = (size_t)(layer->top + y) * p->size + layer->left + x;
            for (int c = 0; c < 3; c++)
                p->rgb[3 * at + c] = from[c] + (1 - from[3]) * p->rgb[3 * at + c];
            if (from[3] >= 0.5F)
                p->owner[at] = (uint8_t)owner;
        }
}

struct box layer_box(const struct layer *layer)
{
    struct box box = {layer->width, layer->height, 0, 0};
    const float *pixel = layer->pixels;
    for (int y = 0; y < layer->height; y++)
        for (int x = 0; x < layer->width; x++, pixel += 4)
            if (pixel[3] >= SPRITE_SHOWS) {
                box.left = x < box.left ? x : box.left;
                box.right = x >= box.right ? x + 1 : box.right;
                box.top = y < box.top ? y : box.top;
                box.bottom = y + 1;
            }
    if (box.right == 0)
        return (struct box){0};
    return (struct box){box.left + layer->left, box.top + layer->top, box.right + layer->left, box.bottom + layer->top};
}

/* ---- the scene ---- */

static void color_layer(const struct object *o, const struct layer *layer)
{
    struct tone tone = tone_of(o->turn, o->brightness, o->paint);
    for (long i = 0; i < (long)layer->width * layer->height; i++)
        tone_apply(&tone, layer->pixels + 4 * i);
}

/* Adds ink to the painting; records the owner like painting_over(). */
static void ink_over(struct painting *p, const struct scene *s, const struct layer *layer, int owner)
{
    float pitch = fmaxf(3, (float)p->size / 56);
    for (int y = 0; y < layer->height; y++)
        for (int x = 0; x < layer->width; x++) {
            size_t at = (size_t)(layer->top + y) * p->size + layer->left + x;
            float *pixel = p->rgb + 3 * at;
            color_mix(pixel, s->ink, 0.9F * manner_ink(s->manner, layer, x, y, pitch), pixel);
            if (layer->pixels[4 * ((size_t)y * layer->width + x) + 3] >= 0.5F)
                p->owner[at] = (uint8_t)owner;
        }
}

/* The sprite's area if it were unobstructed: pixels of at least half alpha, measured at its largest size. */
static double area_of(const struct sprite *sprite, double scale)
{
    const struct sprite_level *level = &sprite->levels[0];
    long count = 0;
    for (long i = 0; i < (long)level->width * level->height; i++)
        count += level->pixels[4 * i + 3] >= 128;
    return (double)count * scale * scale;
}

static struct painted painted_of(const struct scene *s, int size)
{
    return (struct painted){s->manner, s->background.seed, size};
}

static lmvr_status paint_over(struct painting *p, const struct scene *s, const struct object *o, const struct layer *layer,
                              int owner, lmvr_error *error)
{
    struct painted painted = painted_of(s, p->size);
    float *scratch = malloc(((size_t)layer->width * layer->height + 1) * sizeof *scratch);
    if (!scratch)
        return error_no_memory(error, "a picture");
    color_layer(o, layer);
    painted_layer(&painted, layer, scratch);
    painting_over(p, layer, owner);
    free(scratch);
    return LMVR_OK;
}

static bool casts_shadows(const struct scene *s)
{
    return s->shadows && s->manner < MANNERS_PAINTED && s->manner != MANNER_FLAT && s->manner != MANNER_PENCIL;
}

static lmvr_status draw_object(const struct glyphs *glyphs, struct scene *s, int index, struct painting *p, double *area,
                               lmvr_error *error)
{
    struct object *o = &s->objects[index];
    const struct sprite *sprite = glyphs_get(glyphs, o->kind, o->glyph);
    struct pose pose = sprite_pose(sprite, o->x * p->size, o->y * p->size, o->side * p->size, o->angle, o->mirrored);
    struct rectangle bounds = sprite_bounds(sprite, &pose);
    struct layer layer;
    TRY(painting_layer(p, sprite, &pose, &layer, error));
    o->box = layer_box(&layer);
    o->cut = bounds.left < -0.5 || bounds.top < -0.5 || bounds.right > p->size + 0.5 || bounds.bottom > p->size + 0.5;
    *area = area_of(sprite, pose.scale);
    lmvr_status status = LMVR_OK;
    if (casts_shadows(s))
        painting_shadow(p, sprite, &pose, o->side * p->size * 0.05);
    if (s->manner < MANNERS_PAINTED)
        status = paint_over(p, s, o, &layer, index + 1, error);
    else
        ink_over(p, s, &layer, index + 1);
    free(layer.pixels);
    return status;
}

static void count_visible(const struct painting *p, struct scene *s, const double areas[SCENE_MAX_OBJECTS])
{
    long counts[SCENE_MAX_OBJECTS + 1] = {0};
    for (long i = 0; i < (long)p->size * p->size; i++)
        counts[p->owner[i]]++;
    for (int i = 0; i < s->count; i++)
        s->objects[i].visible = fmin(1, (double)counts[i + 1] / fmax(1, areas[i]));
}

lmvr_status scene_draw(const struct glyphs *glyphs, struct scene *scene, int size, uint8_t *rgb, lmvr_error *error)
{
    struct painting p;
    double areas[SCENE_MAX_OBJECTS] = {0};
    TRY(painting_init(&p, size, error));
    struct painted painted = painted_of(scene, size);
    painting_background(&p, &scene->background);
    painted_background(&painted, p.rgb);
    lmvr_status status = LMVR_OK;
    for (int i = 0; i < scene->count && status == LMVR_OK; i++)
        status = draw_object(glyphs, scene, i, &p, &areas[i], error);
    if (status == LMVR_OK) {
        painted_picture(&painted, p.rgb);
        count_visible(&p, scene, areas);
        painting_to_bytes(&p, rgb);
    }
    painting_finish(&p);
    return status;
}
