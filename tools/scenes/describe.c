#include "tools/scenes/describe.h"

#include <string.h>

const char *describe_request(struct random *r)
{
    bool usual = random_chance(r, 0.5); /* the program's own prompt */
    const char *other = text_choose(SENTENCE_REQUEST, r);
    return usual ? "Describe the image." : other;
}

static const struct background_kind *background_of(const struct view *view)
{
    return &background_kinds[view->scene->background.kind];
}

void describe_caption(const struct view *view, struct random *r, struct text *text)
{
    struct text all = {0};
    size_t from = text->length;
    view_add_all(view, ADJECTIVES_SOME, r, &all);
    struct sentence_words words = {.all = all.bytes, .where = background_of(view)->where, .ground = background_of(view)->noun};
    text_fill(text, text_choose(SENTENCE_CAPTION, r), &words);
    if (random_chance(r, 0.5)) {
        text_capitalize(text, from);
        text_add(text, ".");
    }
}

/* ---- sentences ---- */

/* "the dog", "the two dogs" */
static struct text definite(const struct mention *m)
{
    struct text text = {0};
    text_add(&text, "the %s%s%s", m->count > 1 ? text_number(m->count) : "", m->count > 1 ? " " : "",
             m->count > 1 ? m->many : m->one);
    return text;
}

void describe_background(const struct view *view, struct random *r, struct text *text)
{
    const struct background_kind *kind = background_of(view);
    text_say(text, kind->plural ? SENTENCE_BACKGROUND_PLURAL : SENTENCE_BACKGROUND, r,
             &(struct sentence_words){.ground = kind->noun});
}

/* Tells one object's place, perhaps with its size or color. */
static void place_one(const struct view *view, const struct mention *m, struct random *r, struct text *text)
{
    struct text the = definite(m), a = {0};
    const char *size = view_size_word(view, m->members[0]), *color = view_color_word(view, m->members[0]);
    const char *look = size && random_chance(r, 0.5) ? size : color;
    text_add(&a, "%s %s", text_article(m->one), m->one);
    struct sentence_words words = {.the = the.bytes, .place = view_place(view, m->members[0]), .a = a.bytes, .look = look};
    text_say(text, look && random_chance(r, 0.35) ? SENTENCE_PLACE_AND_LOOK : SENTENCE_PLACE, r, &words);
}

/* Tells where several of a kind are: together, or each by itself. */
static void place_several(const struct view *view, const struct mention *m, struct random *r, struct text *text)
{
    struct text places[SCENE_MAX_OBJECTS] = {0}, list = {0}, the = definite(m);
    const char *first = view_place(view, m->members[0]);
    bool same = true;
    size_t from = text->length;
    for (int i = 0; i < m->count; i++) {
        same = same && strcmp(view_place(view, m->members[i]), first) == 0;
        text_add(&places[i], "one %s", view_place(view, m->members[i]));
    }
    text_list(&list, places, m->count, random_chance(r, 0.3));
    struct sentence_words words = {
        .the = the.bytes, .place = first, .all = list.bytes, .many = m->many, .number = text_number(m->count)};
    const char *together = text_choose(m->count == 2 ? SENTENCE_PLACE_BOTH : SENTENCE_PLACE_TOGETHER, r);
    const char *apart = text_choose(SENTENCE_PLACES, r);
    text_fill(text, same ? together : apart, &words);
    text_capitalize(text, from);
}

static void describe_place(const struct view *view, const struct mention *m, struct random *r, struct text *text)
{
    if (m->count == 1)
        place_one(view, m, r, text);
    else
        place_several(view, m, r, text);
}

/* Adds a sentence like "The dog is to the left of the car." about two mentions of one object each; false if neither relation is
 * clear. */
static bool describe_relation(const struct view *view, const struct mention *a, const struct mention *b, struct random *r,
                              struct text *text)
{
    int i = a->members[0], j = b->members[0];
    bool single = a->count == 1 && b->count == 1, beside = view_left_of(view, i, j) || view_left_of(view, j, i),
         over = view_above(view, i, j) || view_above(view, j, i);
    if (!single || (!beside && !over))
        return false;
    bool horizontal = beside && (!over || random_chance(r, 0.5)),
         swapped = horizontal ? view_left_of(view, j, i) : view_above(view, j, i);
    struct text first = definite(swapped ? b : a), second = definite(swapped ? a : b);
    struct sentence_words words = {.the = first.bytes, .other = second.bytes};
    text_say(text, horizontal ? SENTENCE_LEFT_OF : SENTENCE_ABOVE, r, &words);
    return true;
}

/* ---- a description ---- */

static void open_description(const struct view *view, bool background, struct random *r, struct text *text)
{
    struct text all = {0};
    bool one = view->scene->count == 1;
    view_add_all(view, ADJECTIVES_SOME, r, &all);
    struct sentence_words words = {.all = all.bytes,
                                   .where = background_of(view)->where,
                                   .is = one ? "is" : "are",
                                   .objects = one ? "the image shows " : "the objects in the image are "};
    text_say(text, background ? SENTENCE_OPENING_WHERE : SENTENCE_OPENING, r, &words);
}

/* Relates mention `i` to another one. */
static bool relate(const struct view *view, int i, struct random *r, struct text *text)
{
    if (view->count < 2)
        return false;
    int j = (i + 1 + random_below(r, view->count - 1)) % view->count;
    return describe_relation(view, &view->mentions[i], &view->mentions[j], r, text);
}

void describe_scene(const struct view *view, struct random *r, struct text *text)
{
    bool background_first = random_chance(r, 0.6), background_last = random_chance(r, 0.4), any = random_chance(r, 0.7);
    double share = random_between(r, 0, 1); /* of the objects to mention again */
    open_description(view, background_first, r, text);
    for (int i = 0; i < view->count && any; i++) {
        if (!random_chance(r, share))
            continue;
        text_add(text, " ");
        if (!random_chance(r, 0.4) || !relate(view, i, r, text))
            describe_place(view, &view->mentions[i], r, text);
    }
    if (!background_first && background_last) {
        text_add(text, " ");
        describe_background(view, r, text);
    }
}
