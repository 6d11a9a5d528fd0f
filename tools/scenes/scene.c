#include "tools/scenes/scene.h"

#include "tools/scenes/kind.h"

#include <math.h>

/* Planned boxes are fractional, drawn ones whole pixels: limits are planned with a margin. */
#define LEAST_SIDE   (SCENE_LEAST_SIDE + 0.012)
#define MOST_SIDE    (SCENE_MOST_SIDE - 0.012)
#define MOST_OVERLAP 0.2

double scene_overlap(const struct rectangle *a, const struct rectangle *b)
{
    double width = fmin(a->right, b->right) - fmax(a->left, b->left),
           height = fmin(a->bottom, b->bottom) - fmax(a->top, b->top);
    double area_a = (a->right - a->left) * (a->bottom - a->top), area_b = (b->right - b->left) * (b->bottom - b->top);
    return width > 0 && height > 0 ? width * height / fmin(area_a, area_b) : 0;
}

/* ---- kinds ---- */

static int choose_kind(struct random *r, const struct scene_rules *rules, bool other)
{
    if (other)
        return rules->others[random_below(r, rules->other_count)];
    return rules->kinds[random_below(r, rules->kind_count)];
}

/* Chooses all objects' kinds: a third of the scenes have several of one. The first object is never one for variety. */
static void choose_kinds(struct random *r, const struct scene_rules *rules, struct scene *s)
{
    bool repeats = random_chance(r, 0.35);
    for (int i = 0; i < s->count; i++) {
        bool again = i > 0 && repeats && random_chance(r, 0.6), other = random_chance(r, 0.2) && i > 0 && rules->others;
        s->objects[i].kind = again ? s->objects[random_below(r, i)].kind : choose_kind(r, rules, other);
    }
}

static void choose_looks(struct random *r, const struct scene_rules *rules, struct object *o)
{
    const struct kind *kind = &kinds[o->kind];
    o->glyph = random_below(r, kind_glyph_count(kind));
    o->angle = random_chance(r, 0.3) ? 0 : random_between(r, -SCENE_MOST_TURN, SCENE_MOST_TURN);
    o->mirrored = random_chance(r, 0.5);
    o->brightness = random_between(r, 0.86, 1.06);
    o->turn = random_between(r, -0.02, 0.02);
    bool painted = random_chance(r, 0.6);
    enum paint paint = (enum paint)(1 + random_below(r, PAINTS - 1));
    o->paint = painted && kind->paintable && !rules->drawn ? paint : PAINT_NONE;
}

/* ---- positions ---- */

/* The visible bounds of the object if it had this side and its center were the origin. */
static struct rectangle bounds_at_origin(const struct sprite *sprite, const struct object *o)
{
    struct pose pose = {0, 0, 1, o->angle, o->mirrored};
    return sprite_bounds(sprite, &pose);
}

static double longer_side(const struct rectangle *box)
{
    return fmax(box->right - box->left, box->bottom - box->top);
}

static double shorter_side(const struct rectangle *box)
{
    return fmin(box->right - box->left, box->bottom - box->top);
}

static struct rectangle shifted(const struct rectangle *box, double scale, double x, double y)
{
    return (struct rectangle){x + scale * box->left, y + scale * box->top, x + scale * box->right, y + scale * box->bottom};
}

static struct rectangle clipped(struct rectangle box)
{
    return (struct rectangle){fmax(0, box.left), fmax(0, box.top), fmin(1, box.right), fmin(1, box.bottom)};
}

static bool fits(const struct rectangle *boxes, int count, const struct rectangle *box, double most)
{
    if (shorter_side(box) < LEAST_SIDE)
        return false;
    for (int i = 0; i < count; i++)
        if (scene_overlap(&boxes[i], box) > most)
            return false;
    return true;
}

/* The center's position along an axis: the box stays in the image if it is between `low` and `high`, and may leave it by
 * `out`. */
static double choose_place(struct random *r, double before, double behind, double out)
{
    double low = -before - out, high = 1 - behind + out;
    return low < high ? random_between(r, low, high) : (low + high) / 2;
}

struct placing {
    struct rectangle boxes[SCENE_MAX_OBJECTS];
    int count;
    double most_overlap;
    double least_side, most_side; /* range of the longer side */
};

/* Looks for a free position, shrinking the object as needed. */
static bool place(struct random *r, const struct sprite *sprite, struct placing *p, struct object *o)
{
    struct rectangle origin = bounds_at_origin(sprite, o);
    double longer = longer_side(&origin), least = fmax(p->least_side, LEAST_SIDE * longer / shorter_side(&origin));
    double most = fmax(least, p->most_side), out = random_chance(r, 0.12) ? 0.15 : 0;
    o->side = least < MOST_SIDE ? random_between(r, least, most) : MOST_SIDE;
    for (int try = 1; try <= 240; try++) {
        double scale = o->side / longer;
        o->x = choose_place(r, scale * origin.left, scale * origin.right, out * o->side);
        o->y = choose_place(r, scale * origin.top, scale * origin.bottom, out * o->side);
        struct rectangle box = clipped(shifted(&origin, scale, o->x, o->y));
        if (fits(p->boxes, p->count, &box, p->most_overlap)) {
            p->boxes[p->count++] = box;
            return true;
        }
        if (try % 20 == 0)
            o->side = least + 0.75 * (o->side - least);
    }
    return false;
}

static void place_all(struct random *r, const struct glyphs *glyphs, const struct scene_rules *rules, struct scene *s)
{
    static const double most_sides[SCENE_MAX_OBJECTS + 1] = {0, MOST_SIDE, MOST_SIDE, 0.52, 0.46, 0.42};
    struct placing p = {.most_overlap = random_chance(r, 0.5) ? 0.02 : MOST_OVERLAP,
                        .least_side = rules->least_side,
                        .most_side = most_sides[s->count]};
    int count = 0;
    for (int i = 0; i < s->count; i++) {
        struct object o = s->objects[i];
        bool placed = place(r, glyphs_get(glyphs, o.kind, o.glyph), &p, &o);
        if (!placed && count < rules->least) { /* too crowded, or too slender for a minimum side: try another pose */
            o.angle = M_PI / 7;
            p.most_overlap = MOST_OVERLAP;
            placed = place(r, glyphs_get(glyphs, o.kind, o.glyph), &p, &o);
        }
        if (placed)
            s->objects[count++] = o;
    }
    s->count = count;
}

/* ---- scenes ---- */

static void choose_ink(struct random *r, struct scene *s)
{
    static const double hues[] = {0, 0.62, 0.07, 0.35, 0.95};
    int which = random_below(r, 5);
    s->manner = (enum manner)(MANNERS_PAINTED + random_below(r, MANNERS - MANNERS_PAINTED));
    color_from_hsl(hues[which], which == 0 ? 0 : 0.6, which == 0 ? 0.12 : 0.25, s->ink);
}

void scene_choose(const struct glyphs *glyphs, const struct scene_rules *rules, struct random r, struct scene *scene)
{
    *scene = (struct scene){.manner = MANNER_COLORS};
    struct random own = {random_next(&r)};
    if (rules->drawn) {
        background_choose_paper(&own, &scene->background);
        choose_ink(&own, scene);
    } else {
        background_choose(&own, &scene->background);
    }
    scene->shadows = random_chance(&own, 0.6);
    scene->count = rules->least + random_below(&own, rules->most - rules->least + 1);
    choose_kinds(&own, rules, scene);
    for (int i = 0; i < scene->count; i++)
        choose_looks(&own, rules, &scene->objects[i]);
    place_all(&own, glyphs, rules, scene);
    scene->words = own;
}

void scene_choose_manner(struct scene *scene, unsigned manners)
{
    struct random own = {scene->words.state ^ 0x6d616e6e657273}; /* independent of the texts' generator */
    int allowed[MANNERS], count = 0;
    for (int m = 0; m < MANNERS_PAINTED; m++)
        if (manners >> m & 1)
            allowed[count++] = m;
    if (count > 0 && scene->manner < MANNERS_PAINTED)
        scene->manner = (enum manner)allowed[random_below(&own, count)];
}
