#include "tools/scenes/question.h"

#include "tools/scenes/describe.h"
#include "tools/scenes/kind.h"

#include <string.h>

/* ---- helpers ---- */

/* Fills a question or an answer, and capitalizes it. */
static void say(struct text *text, const char *pattern, const char *const *values)
{
    text_fill(text, pattern, values);
    text_capitalize(text, 0);
}

static const struct mention *any_mention(const struct view *view, struct random *r)
{
    return &view->mentions[random_below(r, view->count)];
}

/* A mention of a single object; NULL: none. */
static const struct mention *any_single(const struct view *view, struct random *r)
{
    int from = random_below(r, view->count);
    for (int i = 0; i < view->count; i++) {
        const struct mention *m = &view->mentions[(from + i) % view->count];
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
static int absent_kind(const struct view *view, struct random *r)
{
    int kind;
    do
        kind = random_below(r, kind_count);
    while (count_kind(view, kind) != 0);
    return kind;
}

/* "a dog" */
static void add_one(struct text *text, const char *noun)
{
    text_add(text, text_article(noun));
    text_add(text, " ");
    text_add(text, noun);
}

/* "a dog" or "two dogs", for the objects with chosen[i] (scene->count); "" if there are none. */
static void add_chosen(const struct view *view, const bool *chosen, struct random *r, struct text *text)
{
    struct text items[SCENE_MAX_OBJECTS] = {0};
    int count = 0;
    for (int i = 0; i < view->count; i++) {
        struct mention part = view->mentions[i];
        part.count = 0;
        for (int j = 0; j < view->mentions[i].count; j++)
            if (chosen[view->mentions[i].members[j]])
                part.members[part.count++] = view->mentions[i].members[j];
        if (part.count > 0)
            view_add_mention(view, &part, ADJECTIVES_NONE, r, &items[count++]);
    }
    text_list(text, items, count, random_chance(r, 0.3));
    for (int i = 0; i < count; i++)
        text_finish(&items[i]);
}

/* ---- presence ---- */

static bool is_there(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const questions[] = {
        "Is there $1 in the image?", "Is there $1 in the picture?", "Does the image show $1?",      "Can you see $1?",
        "Do you see $1 here?",       "Is $1 in the picture?",       "Does this picture contain $1?"};
    static const char *const yes[] = {"Yes, there $2 $1.", "Yes, there $2 $1 in the image.", "Yes, the image shows $1.",
                                      "Yes."};
    static const char *const no[] = {"No, there is no $1.", "No, there is no $1 in the image.",
                                     "No, the image does not show any $2.", "No."};
    struct text one = {0}, all = {0};
    if (random_chance(r, 0.5)) {
        const struct mention *m = any_mention(view, r);
        add_one(&one, m->one);
        view_add_mention(view, m, ADJECTIVES_NONE, r, &all);
        say(question, TEXT_PICK(r, questions), (const char *const[]){text_get(&one)});
        say(answer, TEXT_PICK(r, yes), (const char *const[]){text_get(&all), m->count > 1 ? "are" : "is"});
    } else {
        struct words words = kind_words(&kinds[absent_kind(view, r)]);
        add_one(&one, words.one);
        say(question, TEXT_PICK(r, questions), (const char *const[]){text_get(&one)});
        say(answer, TEXT_PICK(r, no), (const char *const[]){words.one, words.many});
    }
    text_finish(&one);
    text_finish(&all);
    return true;
}

/* ---- counting ---- */

static bool how_many(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const questions[] = {"How many $1 are there?", "How many $1 are in the image?",
                                            "How many $1 can you see?", "How many $1 does the picture show?",
                                            "Count the $1 in the image."};
    static const char *const answers[] = {"There $3 $1 $2.", "There $3 $1 $2 in the image.", "$1.", "I can see $1 $2.",
                                          "The image shows $1 $2."};
    char number[16];
    int kind = random_chance(r, 0.1) ? absent_kind(view, r) : any_mention(view, r)->kind, count = count_kind(view, kind);
    struct words words = kind_words(&kinds[kind]);
    if (count < 0)
        return false;
    say(question, TEXT_PICK(r, questions), &words.many);
    say(answer, count == 0 ? "There are no $2." : TEXT_PICK(r, answers),
        (const char *const[]){text_number(count, number), count == 1 ? words.one : words.many, count == 1 ? "is" : "are"});
    return true;
}

static bool how_many_in_all(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const questions[] = {"How many objects are there?", "How many objects are in the image?",
                                            "How many things can you see?", "Count the objects in the picture."};
    static const char *const answers[] = {"There $3 $1 $2: $4.", "There $3 $1 $2.", "$1.", "I can see $1 $2."};
    char number[16];
    int count = view->scene->count;
    struct text all = {0};
    view_add_all(view, ADJECTIVES_NONE, r, &all);
    say(question, TEXT_PICK(r, questions), NULL);
    say(answer, TEXT_PICK(r, answers),
        (const char *const[]){text_number(count, number), count == 1 ? "object" : "objects", count == 1 ? "is" : "are",
                              text_get(&all)});
    text_finish(&all);
    return true;
}

static bool of_a_category(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const how_many_questions[] = {"How many $1 are there?", "How many $1 are in the picture?",
                                                     "How many $1 can you see?"};
    static const char *const which_questions[] = {"Which $1 are in the image?", "Which $1 can you see?",
                                                  "What $1 does the picture show?"};
    static const char *const with_number[] = {"There $3 $1 $2: $4.", "$1: $4.", "I can see $1 $2: $4."};
    static const char *const without_number[] = {"There $3 $4.", "$4.", "The image shows $4.", "I can see $4."};
    const enum category category = kinds[any_mention(view, r)->kind].category;
    bool chosen[SCENE_MAX_OBJECTS] = {false}, asks_number = random_chance(r, 0.4);
    int count = 0;
    for (int i = 0; i < view->scene->count; i++)
        count += chosen[i] = kinds[view->scene->objects[i].kind].category == category;
    if (!category_words[category].asked)
        return false;
    char number[16];
    struct text list = {0};
    add_chosen(view, chosen, r, &list);
    const char *noun = count == 1 ? category_words[category].one : category_words[category].many;
    say(question, asks_number ? TEXT_PICK(r, how_many_questions) : TEXT_PICK(r, which_questions),
        &category_words[category].many);
    say(answer, asks_number ? TEXT_PICK(r, with_number) : TEXT_PICK(r, without_number),
        (const char *const[]){text_number(count, number), noun, count == 1 ? "is" : "are", text_get(&list)});
    text_finish(&list);
    return true;
}

/* ---- colors and sizes ---- */

static bool which_color(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const questions[] = {"What color is the $1?", "What is the color of the $1?",
                                            "Which color does the $1 have?", "What color does the $1 have?"};
    static const char *const answers[] = {"The $1 is $2.", "It is $2.", "$2.", "The color of the $1 is $2."};
    const struct mention *m = any_single(view, r);
    const char *color = m ? view_color_word(view, m->members[0]) : NULL;
    if (!color)
        return false;
    const char *values[] = {m->one, color};
    say(question, TEXT_PICK(r, questions), values);
    say(answer, TEXT_PICK(r, answers), values);
    return true;
}

static bool is_color(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    const struct mention *m = any_single(view, r);
    const char *color = m ? view_color_word(view, m->members[0]) : NULL, *asked = color;
    bool yes = random_chance(r, 0.5);
    if (!color)
        return false;
    while (!yes && strcmp(asked, color) == 0)
        asked = paint_names[1 + random_below(r, PAINTS - 1)];
    const char *values[] = {m->one, asked, color};
    say(question, "Is the $1 $2?", values);
    say(answer, yes ? "Yes, the $1 is $2." : "No, the $1 is $3.", values);
    return true;
}

static double area(const struct view *view, int object)
{
    const struct box *b = &view->scene->objects[object].box;
    return (double)(b->right - b->left) * (b->bottom - b->top);
}

static bool largest_or_smallest(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const largest[] = {"What is the largest object?", "Which object is the largest?",
                                          "What is the biggest thing in the image?"};
    static const char *const smallest[] = {"What is the smallest object?", "Which object is the smallest?",
                                           "What is the smallest thing in the picture?"};
    bool large = random_chance(r, 0.5);
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
    static const char *const answers[] = {"The $1.", "The $1 is the $2 object.", "The $2 object is the $1."};
    say(question, large ? TEXT_PICK(r, largest) : TEXT_PICK(r, smallest), NULL);
    say(answer, TEXT_PICK(r, answers), (const char *const[]){m->one, large ? "largest" : "smallest"});
    return true;
}

static bool is_larger(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    const struct mention *a = any_single(view, r), *b = any_single(view, r);
    if (!a || a == b)
        return false;
    double ratio = area(view, a->members[0]) / area(view, b->members[0]);
    if (ratio > 0.7 && ratio < 1.4)
        return false;
    static const char *const words[] = {"larger", "smaller"};
    int which = random_below(r, 2);
    bool yes = (ratio > 1) == (which == 0);
    const char *values[] = {a->one, b->one, words[which], words[yes ? which : 1 - which]};
    say(question, "Is the $1 $3 than the $2?", values);
    say(answer, yes ? "Yes, the $1 is $4 than the $2." : "No, the $1 is $4 than the $2.", values);
    return true;
}

/* ---- places ---- */

static bool where_is(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const questions[] = {"Where is the $1?", "Where in the image is the $1?", "Where can the $1 be seen?",
                                            "In which part of the picture is the $1?"};
    const struct mention *m = any_single(view, r);
    if (!m)
        return false;
    const char *values[] = {m->one, view_place(view, m->members[0])};
    static const char *const answers[] = {"The $1 is $2.", "The $1 is $2 of the image.", "It is $2.", "$2."};
    bool whole = strncmp(values[1], "in ", 3) == 0; /* "on the left of the image" would do, "at the top of" too */
    say(question, TEXT_PICK(r, questions), values);
    say(answer, answers[whole ? random_below(r, 4) : 2 * random_below(r, 2)], values);
    return true;
}

/* What is clearly on one side of an object; not asked if some object is neither clearly there nor clearly not. */
static bool beside(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const sides[] = {"to the left of", "to the right of", "above", "below"};
    const struct mention *m = any_single(view, r);
    int side = random_below(r, 4), count = 0;
    bool chosen[SCENE_MAX_OBJECTS] = {false};
    if (!m)
        return false;
    for (int i = 0, at = m->members[0]; i < view->scene->count; i++) {
        bool before = side < 2 ? view_left_of(view, i, at) : view_above(view, i, at);
        bool behind = side < 2 ? view_left_of(view, at, i) : view_above(view, at, i);
        if (i != at && !before && !behind)
            return false;
        count += chosen[i] = i != at && (side % 2 == 0 ? before : behind);
    }
    static const char *const questions[] = {"What is $2 the $1?", "What can you see $2 the $1?",
                                            "Which objects are $2 the $1?"};
    static const char *const answers[] = {"There $4 $3 $2 the $1.", "$3.", "$2 the $1 there $4 $3."};
    struct text list = {0};
    add_chosen(view, chosen, r, &list);
    const char *values[] = {m->one, sides[side], text_get(&list), count == 1 ? "is" : "are"};
    say(question, TEXT_PICK(r, questions), values);
    say(answer, count == 0 ? "There is nothing $2 the $1." : TEXT_PICK(r, answers), values);
    text_finish(&list);
    return true;
}

static bool is_beside(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const sides[] = {"to the left of", "to the right of", "above", "below"};
    const struct mention *a = any_single(view, r), *b = any_single(view, r);
    int side = random_below(r, 4);
    if (!a || a == b)
        return false;
    int i = a->members[0], j = b->members[0];
    bool before = side < 2 ? view_left_of(view, i, j) : view_above(view, i, j);
    bool behind = side < 2 ? view_left_of(view, j, i) : view_above(view, j, i), yes = side % 2 == 0 ? before : behind;
    if (!before && !behind)
        return false;
    const char *values[] = {a->one, b->one, sides[side], sides[yes ? side : side ^ 1]};
    say(question, "Is the $1 $3 the $2?", values);
    say(answer, yes ? "Yes, the $1 is $4 the $2." : "No, the $1 is $4 the $2.", values);
    return true;
}

/* ---- the rest ---- */

static bool background(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const questions[] = {"What is in the background?", "What is the background of the image?",
                                            "What does the background show?", "What is behind the objects?"};
    bool whole = random_chance(r, 0.7);
    say(question, TEXT_PICK(r, questions), NULL);
    if (whole)
        describe_background(view, r, answer);
    else
        say(answer, "$1.", &background_kinds[view->scene->background.kind].noun);
    return true;
}

static bool list_objects(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const questions[] = {"List the objects in the image.",     "Which objects are in the picture?",
                                            "Name all the objects that you see.", "What objects can you see?",
                                            "Name everything in this image.",     "What things are in the image?"};
    static const char *const answers[] = {"$1.", "The objects are $1.", "I can see $1.", "The image shows $1."};
    struct text all = {0};
    view_add_all(view, ADJECTIVES_NONE, r, &all);
    int answer_kind = random_below(r, 4);
    say(question, TEXT_PICK(r, questions), NULL);
    say(answer, answers[answer_kind == 1 && view->scene->count == 1 ? 0 : answer_kind], (const char *const[]){text_get(&all)});
    text_finish(&all);
    return true;
}

static bool fact(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    static const char *const questions[] = {"Which of the objects $2?", "What in the picture $2?",
                                            "Which object in the image $2?"};
    static const char *const answers[] = {"The $1.", "The $1 $2."};
    const struct mention *m = any_single(view, r);
    if (!m)
        return false;
    const char *values[] = {m->one, kinds[m->kind].fact};
    say(question, TEXT_PICK(r, questions), values);
    say(answer, TEXT_PICK(r, answers), values);
    return true;
}

static bool short_caption(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    text_add(question, describe_caption_request(r));
    describe_caption(view, r, answer);
    return true;
}

question_maker *const question_makers[] = {
    is_there,
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
    short_caption,
};
const int question_count = sizeof question_makers / sizeof *question_makers;

void question_make(const struct view *view, struct random *r, struct text *question, struct text *answer)
{
    do {
        text_clear(question);
        text_clear(answer);
    } while (!question_makers[random_below(r, question_count)](view, r, question, answer));
}
