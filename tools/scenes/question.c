#include "tools/scenes/question.h"

#include "tools/scenes/describe.h"
#include "tools/scenes/kind.h"

#include <string.h>

/* ---- helpers ---- */

/* Fills in the question and the answer. */
static bool say(struct question *q, enum sentence asked, enum sentence answered, const struct sentence_words *words)
{
    text_say(q->asked, asked, q->r, words);
    text_say(q->answered, answered, q->r, words);
    return true;
}

static const char *is_or_are(int count)
{
    return count == 1 ? "is" : "are";
}

static const struct mention *any_mention(const struct question *q)
{
    return &q->view->mentions[random_below(q->r, q->view->count)];
}

/* A mention of a single object; NULL: none. */
static const struct mention *any_single(const struct question *q)
{
    int from = random_below(q->r, q->view->count);
    for (int i = 0; i < q->view->count; i++) {
        const struct mention *m = &q->view->mentions[(from + i) % q->view->count];
        if (m->count == 1)
            return m;
    }
    return NULL;
}

/* Some data set has both in one class: an owl is a bird. */
static bool related(int a, int b)
{
    return kinds[a].voc && kinds[b].voc && strcmp(kinds[a].voc, kinds[b].voc) == 0;
}

/* The number of objects of the kind; -1: debatable. */
static int count_kind(const struct view *view, int kind)
{
    int count = 0;
    for (int i = 0; i < view->scene->count; i++) {
        int other = view->scene->objects[i].kind;
        if (other != kind && related(other, kind))
            return -1;
        count += other == kind;
    }
    return count;
}

/* A kind that is certainly not in the image. */
static int absent_kind(const struct question *q)
{
    int kind;
    do
        kind = random_below(q->r, kind_count);
    while (count_kind(q->view, kind) != 0);
    return kind;
}

/* "a dog" or "two dogs", for the objects with chosen[i] (scene->count); "" if there are none. */
static struct text list_chosen(const struct question *q, const bool *chosen)
{
    struct text items[SCENE_MAX_OBJECTS] = {0}, list = {0};
    int count = 0;
    for (int i = 0; i < q->view->count; i++) {
        const struct mention *m = &q->view->mentions[i];
        struct mention part = *m;
        part.count = 0;
        for (int j = 0; j < m->count; j++)
            if (chosen[m->members[j]])
                part.members[part.count++] = m->members[j];
        if (part.count > 0)
            view_add_mention(q->view, &part, ADJECTIVES_NONE, q->r, &items[count++]);
    }
    text_list(&list, items, count, random_chance(q->r, 0.3));
    return list;
}

static struct text list_all(const struct question *q)
{
    struct text all = {0};
    view_add_all(q->view, ADJECTIVES_NONE, q->r, &all);
    return all;
}

/* ---- presence and numbers ---- */

static bool is_there(struct question *q)
{
    struct text a = {0}, all = {0};
    if (random_chance(q->r, 0.5)) {
        const struct mention *m = any_mention(q);
        text_add(&a, "%s %s", text_article(m->one), m->one);
        view_add_mention(q->view, m, ADJECTIVES_NONE, q->r, &all);
        return say(q, SENTENCE_IS_THERE, SENTENCE_THERE_IS,
                   &(struct sentence_words){.a = a.bytes, .all = all.bytes, .is = is_or_are(m->count)});
    }
    struct words words = kind_words(&kinds[absent_kind(q)]);
    text_add(&a, "%s %s", text_article(words.one), words.one);
    return say(q, SENTENCE_IS_THERE, SENTENCE_THERE_IS_NO,
               &(struct sentence_words){.a = a.bytes, .one = words.one, .many = words.many});
}

/* "two", "dogs", "are" */
static struct sentence_words counted(int count, const char *one, const char *many)
{
    return (struct sentence_words){
        .number = text_number(count), .things = count == 1 ? one : many, .is = is_or_are(count), .many = many};
}

static bool how_many(struct question *q)
{
    int kind = random_chance(q->r, 0.1) ? absent_kind(q) : any_mention(q)->kind, count = count_kind(q->view, kind);
    if (count < 0)
        return false;
    struct words words = kind_words(&kinds[kind]);
    struct sentence_words said = counted(count, words.one, words.many);
    return say(q, SENTENCE_HOW_MANY, count == 0 ? SENTENCE_NUMBER_NONE : SENTENCE_NUMBER, &said);
}

static bool how_many_in_all(struct question *q)
{
    struct text all = list_all(q);
    struct sentence_words said = counted(q->view->scene->count, "object", "objects");
    said.all = all.bytes;
    return say(q, SENTENCE_HOW_MANY_IN_ALL, SENTENCE_NUMBER_IN_ALL, &said);
}

static bool of_a_category(struct question *q)
{
    const struct scene *scene = q->view->scene;
    const enum category category = kinds[any_mention(q)->kind].category;
    bool chosen[SCENE_MAX_OBJECTS] = {false}, asks_number = random_chance(q->r, 0.4);
    int count = 0;
    for (int i = 0; i < scene->count; i++)
        count += chosen[i] = kinds[scene->objects[i].kind].category == category;
    if (!category_words[category].asked)
        return false;
    struct text list = list_chosen(q, chosen);
    struct sentence_words said = counted(count, category_words[category].one, category_words[category].many);
    said.all = list.bytes;
    return asks_number ? say(q, SENTENCE_HOW_MANY_OF_CATEGORY, SENTENCE_NUMBER_OF_CATEGORY, &said)
                       : say(q, SENTENCE_WHICH_OF_CATEGORY, SENTENCE_THOSE_OF_CATEGORY, &said);
}

/* ---- colors and sizes ---- */

static bool which_color(struct question *q)
{
    const struct mention *m = any_single(q);
    const char *color = m ? view_color_word(q->view, m->members[0]) : NULL;
    return color && say(q, SENTENCE_WHICH_COLOR, SENTENCE_COLOR, &(struct sentence_words){.one = m->one, .look = color});
}

static bool is_color(struct question *q)
{
    const struct mention *m = any_single(q);
    const char *color = m ? view_color_word(q->view, m->members[0]) : NULL, *asked = color;
    bool yes = random_chance(q->r, 0.5);
    if (!color)
        return false;
    while (!yes && strcmp(asked, color) == 0)
        asked = paint_names[1 + random_below(q->r, PAINTS - 1)];
    return say(q, SENTENCE_IS_COLOR, yes ? SENTENCE_IS_COLOR_YES : SENTENCE_IS_COLOR_NO,
               &(struct sentence_words){.one = m->one, .asked = asked, .look = color});
}

static double area(const struct view *view, int object)
{
    const struct box *b = &view->scene->objects[object].box;
    return (double)(b->right - b->left) * (b->bottom - b->top);
}

static bool largest_or_smallest(struct question *q)
{
    const struct view *view = q->view;
    bool large = random_chance(q->r, 0.5);
    int best = 0;
    for (int i = 1; i < view->scene->count; i++)
        if (large ? area(view, i) > area(view, best) : area(view, i) < area(view, best))
            best = i;
    for (int i = 0; i < view->scene->count; i++) /* only if clearly so */
        if (i != best && (large ? area(view, i) * 1.4 > area(view, best) : area(view, i) < area(view, best) * 1.4))
            return false;
    const struct mention *m = view_mention_of(view, best);
    if (view->scene->count < 2 || m->count > 1)
        return false;
    return say(q, large ? SENTENCE_WHICH_LARGEST : SENTENCE_WHICH_SMALLEST, SENTENCE_LARGEST_OR_SMALLEST,
               &(struct sentence_words){.one = m->one, .look = large ? "largest" : "smallest"});
}

static bool is_larger(struct question *q)
{
    static const char *const words[] = {"larger", "smaller"};
    const struct mention *a = any_single(q), *b = any_single(q);
    if (!a || a == b)
        return false;
    double ratio = area(q->view, a->members[0]) / area(q->view, b->members[0]);
    if (ratio > 0.7 && ratio < 1.4)
        return false;
    int which = random_below(q->r, 2);
    bool yes = (ratio > 1) == (which == 0);
    return say(q, SENTENCE_IS_LARGER, yes ? SENTENCE_IS_LARGER_YES : SENTENCE_IS_LARGER_NO,
               &(struct sentence_words){
                   .one = a->one, .other = b->one, .asked = words[which], .look = words[yes ? which : 1 - which]});
}

/* ---- places ---- */

static bool where_is(struct question *q)
{
    const struct mention *m = any_single(q);
    const char *place = m ? view_place(q->view, m->members[0]) : "";
    bool inside = strncmp(place, "in ", 3) == 0; /* "on the left of the image" would do, "at the top of" too */
    return m && say(q, SENTENCE_WHERE_IS, inside ? SENTENCE_IN_PLACE : SENTENCE_AT_PLACE,
                    &(struct sentence_words){.one = m->one, .place = place});
}

static const char *const sides[] = {"to the left of", "to the right of", "above", "below"};

/* Whether object `i` is clearly on that side of `j`. */
static bool is_on_side(const struct view *view, int side, int i, int j)
{
    int first = side % 2 == 0 ? i : j, second = side % 2 == 0 ? j : i;
    return side < 2 ? view_left_of(view, first, second) : view_above(view, first, second);
}

/* What is clearly on one side of an object; not asked if some object is neither clearly there nor clearly not. */
static bool beside(struct question *q)
{
    const struct mention *m = any_single(q);
    int side = random_below(q->r, 4), count = 0;
    bool chosen[SCENE_MAX_OBJECTS] = {false};
    if (!m)
        return false;
    for (int i = 0, at = m->members[0]; i < q->view->scene->count; i++) {
        chosen[i] = i != at && is_on_side(q->view, side, i, at);
        if (i != at && !chosen[i] && !is_on_side(q->view, side, at, i))
            return false;
        count += chosen[i];
    }
    struct text list = list_chosen(q, chosen);
    return say(q, SENTENCE_BESIDE, count == 0 ? SENTENCE_NOTHING_BESIDE : SENTENCE_THOSE_BESIDE,
               &(struct sentence_words){.one = m->one, .place = sides[side], .all = list.bytes, .is = is_or_are(count)});
}

static bool is_beside(struct question *q)
{
    const struct mention *a = any_single(q), *b = any_single(q);
    int side = random_below(q->r, 4);
    if (!a || a == b)
        return false;
    bool yes = is_on_side(q->view, side, a->members[0], b->members[0]);
    if (!yes && !is_on_side(q->view, side, b->members[0], a->members[0]))
        return false;
    return say(
        q, SENTENCE_IS_BESIDE, yes ? SENTENCE_IS_BESIDE_YES : SENTENCE_IS_BESIDE_NO,
        &(struct sentence_words){.one = a->one, .other = b->one, .asked = sides[side], .place = sides[yes ? side : side ^ 1]});
}

/* ---- the rest ---- */

static bool background(struct question *q)
{
    struct sentence_words words = {.ground = background_kinds[q->view->scene->background.kind].noun};
    if (!random_chance(q->r, 0.7))
        return say(q, SENTENCE_WHICH_BACKGROUND, SENTENCE_GROUND, &words);
    text_say(q->asked, SENTENCE_WHICH_BACKGROUND, q->r, NULL);
    describe_background(q->view, q->r, q->answered);
    return true;
}

static bool list_objects(struct question *q)
{
    struct text all = list_all(q);
    text_say(q->answered, SENTENCE_OBJECTS, q->r,
             &(struct sentence_words){.all = all.bytes, .objects = q->view->scene->count == 1 ? "" : "the objects are "});
    text_say(q->asked, SENTENCE_LIST, q->r, NULL);
    return true;
}

static bool fact(struct question *q)
{
    const struct mention *m = any_single(q);
    return m && say(q, SENTENCE_WHICH_DOES, SENTENCE_THAT_DOES,
                    &(struct sentence_words){.one = m->one, .fact = kinds[m->kind].fact});
}

static bool short_caption(struct question *q)
{
    text_say(q->asked, SENTENCE_CAPTION_REQUEST, q->r, NULL);
    describe_caption(q->view, q->r, q->answered);
    return true;
}

/* As often as they stand here. */
question_maker *const question_makers[] = {is_there,
                                           is_there,
                                           how_many,
                                           how_many,
                                           how_many_in_all,
                                           of_a_category,
                                           which_color,
                                           which_color,
                                           is_color,
                                           is_larger,
                                           largest_or_smallest,
                                           where_is,
                                           where_is,
                                           beside,
                                           beside,
                                           is_beside,
                                           fact,
                                           background,
                                           list_objects,
                                           list_objects,
                                           short_caption};
const int question_count = sizeof question_makers / sizeof *question_makers;

void question_make(const struct view *view, struct random *r, struct text *asked, struct text *answered)
{
    struct question question = {view, r, asked, answered};
    do {
        text_clear(asked);
        text_clear(answered);
    } while (!question_makers[random_below(r, question_count)](&question));
}
