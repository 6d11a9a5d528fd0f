#include "tools/scenes/view.h"

#include "tools/scenes/kind.h"

#include <math.h>
#include <string.h>

/* ---- places and sizes ---- */

double view_x(const struct view *view, int object)
{
    const struct box *box = &view->scene->objects[object].box;
    return (box->left + box->right) / 2.0 / view->size;
}

double view_y(const struct view *view, int object)
{
    const struct box *box = &view->scene->objects[object].box;
    return (box->top + box->bottom) / 2.0 / view->size;
}

double view_side(const struct view *view, int object)
{
    const struct box *box = &view->scene->objects[object].box;
    return fmax(box->right - box->left, box->bottom - box->top) / view->size;
}

const char *view_size_word(const struct view *view, int object)
{
    double side = view_side(view, object);
    return side < 0.23 ? "small" : side > 0.42 ? "large" : NULL;
}

const char *view_color_word(const struct view *view, int object)
{
    const struct object *o = &view->scene->objects[object];
    if (!manner_keeps_colors(view->scene->manner))
        return NULL;
    return o->paint != PAINT_NONE ? paint_names[o->paint] : kinds[o->kind].color;
}

const char *view_common_color(const struct view *view, const struct mention *mention)
{
    const char *common = view_color_word(view, mention->members[0]);
    for (int i = 1; i < mention->count && common; i++) {
        const char *color = view_color_word(view, mention->members[i]);
        if (!color || strcmp(color, common) != 0)
            common = NULL;
    }
    return common;
}

const char *view_place(const struct view *view, int object)
{
    static const char *const places[3][3] = {{"in the top left corner", "at the top", "in the top right corner"},
                                             {"on the left", "in the middle", "on the right"},
                                             {"in the bottom left corner", "at the bottom", "in the bottom right corner"}};
    double x = view_x(view, object), y = view_y(view, object);
    return places[y < 0.36 ? 0 : y > 0.64 ? 2 : 1][x < 0.36 ? 0 : x > 0.64 ? 2 : 1];
}

bool view_left_of(const struct view *view, int a, int b)
{
    return view_x(view, b) - view_x(view, a) > 0.1;
}

bool view_above(const struct view *view, int a, int b)
{
    return view_y(view, b) - view_y(view, a) > 0.1;
}

/* ---- the words ---- */

/* The object's name: if `varied`, a narrower word or a synonym, if it has one. */
static struct words words_of(const struct object *o, bool varied, int which)
{
    const struct kind *kind = &kinds[o->kind];
    if (varied && kind->narrow[o->glyph].one)
        return kind->narrow[o->glyph];
    if (varied && kind->synonyms[0].one)
        return kind->synonyms[kind->synonyms[1].one ? which : 0];
    return kind_words(kind);
}

/* Adds the object to the mention with its word, or starts one. */
static void add_object(struct view *v, int object, bool varied, int which)
{
    const struct object *o = &v->scene->objects[object];
    struct words words = words_of(o, varied, which);
    struct mention *m = v->mentions;
    while (m < v->mentions + v->count && (m->kind != o->kind || strcmp(m->one, words.one) != 0))
        m++;
    if (m == v->mentions + v->count)
        *m = (struct mention){.kind = o->kind, .one = words.one, .many = words.many};
    v->count += m->count == 0;
    m->members[m->count++] = object;
}

void view_init(struct view *view, const struct scene *scene, int size, bool varied, struct random *r)
{
    int order[SCENE_MAX_OBJECTS] = {0};
    *view = (struct view){.scene = scene, .size = size};
    for (int i = 0; i < scene->count; i++) { /* insertion sort by center */
        int at = i;
        for (; at > 0 && view_x(view, order[at - 1]) > view_x(view, i); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    bool narrow = varied && random_chance(r, 0.4), synonyms = varied && random_chance(r, 0.15);
    int which = random_below(r, KIND_MAX_SYNONYMS);
    for (int i = 0; i < scene->count; i++) {
        bool person = kinds[scene->objects[order[i]].kind].category == PEOPLE;
        add_object(view, order[i], person ? narrow : synonyms, which);
    }
}

const struct mention *view_mention_of(const struct view *view, int object)
{
    for (int i = 0; i < view->count; i++)
        for (int j = 0; j < view->mentions[i].count; j++)
            if (view->mentions[i].members[j] == object)
                return &view->mentions[i];
    return NULL;
}

/* A painted color is nearly always told, a natural one, as of bananas, rarely. */
static const char *color_to_tell(const struct view *view, const struct mention *m, struct random *r)
{
    const char *color = view_common_color(view, m);
    bool painted = view->scene->objects[m->members[0]].paint != PAINT_NONE, told = random_chance(r, painted ? 0.85 : 0.15);
    return color && told ? color : NULL;
}

void view_add_mention(const struct view *view, const struct mention *mention, enum adjectives adjectives, struct random *r,
                      struct text *text)
{
    bool single = mention->count == 1;
    const char *size = NULL, *color = NULL, *noun = single ? mention->one : mention->many;
    if (adjectives == ADJECTIVES_SOME) {
        color = color_to_tell(view, mention, r);
        size = random_chance(r, 0.3) && single ? view_size_word(view, mention->members[0]) : NULL;
    }
    text_add(text, "%s %s%s%s%s%s",
             single ? text_article(size    ? size
                                   : color ? color
                                           : noun)
                    : text_number(mention->count),
             size ? size : "", size ? " " : "", color ? color : "", color ? " " : "", noun);
}

void view_add_all(const struct view *view, enum adjectives adjectives, struct random *r, struct text *text)
{
    struct text items[SCENE_MAX_OBJECTS] = {0};
    for (int i = 0; i < view->count; i++)
        view_add_mention(view, &view->mentions[i], adjectives, r, &items[i]);
    text_list(text, items, view->count, random_chance(r, 0.3));
}
