#include "tools/scenes/describe.h"

#include <string.h>

/* ---- requests ---- */

const char *describe_request(struct random *r)
{
    static const char *const requests[] = {
        "Describe the image in detail.",
        "Describe this image.",
        "Describe the picture.",
        "What does the image show?",
        "What is in the picture?",
        "What can you see in this image?",
        "What do you see?",
        "Can you describe the image for me?",
        "Please describe this picture.",
        "Tell me what is in the image.",
        "What is happening in this picture?",
        "Give a description of the image.",
        "Write a detailed description of the image.",
        "Explain what you see in the picture.",
        "What is shown here?",
    };
    bool usual = random_chance(r, 0.5); /* the program's own prompt */
    const char *other = TEXT_PICK(r, requests);
    return usual ? "Describe the image." : other;
}

const char *describe_caption_request(struct random *r)
{
    static const char *const requests[] = {
        "Provide a brief description of the given image.",
        "Give a short description of the image.",
        "Write a short caption for the image.",
        "Describe the image briefly.",
        "Summarize the image in one sentence.",
        "What is a good caption for this picture?",
        "Give a brief caption.",
        "Caption this image.",
    };
    return TEXT_PICK(r, requests);
}

/* ---- one line ---- */

void describe_caption(const struct view *view, struct random *r, struct text *text)
{
    /* $1 all objects, $2 "on grass", $3 "grass" */
    static const char *const patterns[] = {
        "$1 $2",
        "$1",
        "a picture of $1",
        "a picture of $1 $2",
        "an image of $1",
        "an image of $1 $2",
        "an image that shows $1",
        "an illustration of $1 $2",
        "a scene with $1",
        "a scene with $1 $2",
        "$1 with $3 behind",
        "$1, and $3 in the background",
    };
    const struct background_kind *background = &background_kinds[view->scene->background.kind];
    struct text all = {0};
    view_add_all(view, ADJECTIVES_SOME, r, &all);
    const char *values[] = {text_get(&all), background->where, background->noun};
    size_t from = text->length;
    text_fill(text, TEXT_PICK(r, patterns), values);
    if (random_chance(r, 0.5)) {
        text_capitalize(text, from);
        text_add(text, ".");
    }
    text->failed |= all.failed;
    text_finish(&all);
}

/* ---- sentences ---- */

/* "the dog", "the two dogs", as a text to be finished by the caller. */
static struct text definite(const struct mention *m)
{
    char number[16];
    struct text text = {0};
    text_add(&text, "the ");
    if (m->count > 1) {
        text_add(&text, text_number(m->count, number));
        text_add(&text, " ");
    }
    text_add(&text, m->count > 1 ? m->many : m->one);
    return text;
}

static void add_sentence(struct text *text, const char *pattern, const char *const *values)
{
    size_t from = text->length;
    text_fill(text, pattern, values);
    text_capitalize(text, from);
}

void describe_background(const struct view *view, struct random *r, struct text *text)
{
    static const char *const patterns[] = {
        "The background is $1.",    "The background shows $1.",           "In the background there is $1.",
        "Behind everything is $1.", "The background of the image is $1.",
    };
    static const char *const plural_patterns[] = {"The background shows $1.", "In the background there are $1."};
    const struct background_kind *kind = &background_kinds[view->scene->background.kind];
    add_sentence(text, kind->plural ? TEXT_PICK(r, plural_patterns) : TEXT_PICK(r, patterns), &kind->noun);
}

/* Tells one object's place, perhaps with its size and color. */
static void place_one(const struct view *view, const struct mention *m, struct random *r, struct text *text)
{
    static const char *const patterns[] = {"$1 is $2.", "$1 is $2.",       "$1 can be seen $2.",
                                           "$2 is $1.", "$2 there is $3.", "$1 is located $2."};
    static const char *const sized[] = {"$1 is $4 and $2.", "$1 $2 is $4.", "$1 is $2 and is $4."};
    struct text the = definite(m), a = {0};
    const char *size = view_size_word(view, m->members[0]), *color = view_color_word(view, m->members[0]);
    const char *quality = size && random_chance(r, 0.5) ? size : color;
    text_add(&a, text_article(m->one));
    text_add(&a, " ");
    text_add(&a, m->one);
    const char *values[] = {text_get(&the), view_place(view, m->members[0]), text_get(&a), quality};
    bool tell = quality && random_chance(r, 0.35);
    add_sentence(text, tell ? TEXT_PICK(r, sized) : TEXT_PICK(r, patterns), values);
    text->failed |= the.failed || a.failed;
    text_finish(&the);
    text_finish(&a);
}

/* Tells where several of a kind are: together, or each by itself. */
static void place_several(const struct view *view, const struct mention *m, struct random *r, struct text *text)
{
    struct text places[SCENE_MAX_OBJECTS] = {0}, list = {0}, the = definite(m);
    bool same = true;
    char number[16];
    for (int i = 0; i < m->count; i++) {
        const char *place = view_place(view, m->members[i]);
        same = same && strcmp(place, view_place(view, m->members[0])) == 0;
        text_add(&places[i], "one ");
        text_add(&places[i], place);
    }
    text_list(&list, places, m->count, random_chance(r, 0.3));
    const char *values[] = {text_get(&the), view_place(view, m->members[0]), text_get(&list), m->many,
                            text_number(m->count, number)};
    static const char *const together[] = {"$1 are $2.", "All $5 $4 are $2.", "$2 are $1."};
    static const char *const apart[] = {"$1 are in several places: $3.", "There are $5 $4: $3."};
    static const char *const both[] = {"Both $4 are $2.", "$1 are $2."};
    const char *pattern = m->count == 2 ? TEXT_PICK(r, both) : TEXT_PICK(r, together);
    const char *other = TEXT_PICK(r, apart);
    add_sentence(text, same ? pattern : other, values);
    for (int i = 0; i < m->count; i++)
        text_finish(&places[i]);
    text_finish(&list);
    text_finish(&the);
}

void describe_place(const struct view *view, const struct mention *mention, struct random *r, struct text *text)
{
    if (mention->count == 1)
        place_one(view, mention, r, text);
    else
        place_several(view, mention, r, text);
}

bool describe_relation(const struct view *view, const struct mention *a, const struct mention *b, struct random *r,
                       struct text *text)
{
    static const char *const left[] = {"$1 is to the left of $2.", "$1 is left of $2.", "To the left of $2 is $1.",
                                       "$2 is to the right of $1.", "$2 is right of $1."};
    static const char *const above[] = {"$1 is above $2.", "Above $2 is $1.", "$2 is below $1.", "Below $1 is $2."};
    if (a->count > 1 || b->count > 1)
        return false;
    int i = a->members[0], j = b->members[0];
    bool beside = view_left_of(view, i, j) || view_left_of(view, j, i), over = view_above(view, i, j) || view_above(view, j, i);
    if (!beside && !over)
        return false;
    bool horizontal = beside && (!over || random_chance(r, 0.5)),
         swapped = horizontal ? view_left_of(view, j, i) : view_above(view, j, i);
    struct text first = definite(swapped ? b : a), second = definite(swapped ? a : b);
    const char *values[] = {text_get(&first), text_get(&second)};
    add_sentence(text, horizontal ? TEXT_PICK(r, left) : TEXT_PICK(r, above), values);
    text->failed |= first.failed || second.failed;
    text_finish(&first);
    text_finish(&second);
    return true;
}

/* ---- a description ---- */

static void open_description(const struct view *view, bool background, struct random *r, struct text *text)
{
    /* $1 all objects, $2 "on grass", $3 is or are */
    static const char *const with[] = {
        "The image shows $1 $2.",
        "The image shows $1 $2.",
        "The picture shows $1 $2.",
        "There $3 $1 $2.",
        "This is a picture of $1 $2.",
        "This image features $1 $2.",
        "The image contains $1 $2.",
        "In this image, there $3 $1 $2.",
        "We see $1 $2.",
        "$1 $3 shown $2.",
        "You can see $1 $2.",
        "The scene shows $1 $2.",
        "This is an image of $1 $2.",
        "The picture has $1 in it, $2.",
    };
    static const char *const without[] = {
        "The image shows $1.",         "The image shows $1.",           "The picture shows $1.",
        "There $3 $1 in the image.",   "This is a picture of $1.",      "The image features $1.",
        "The image contains $1.",      "In the picture there $3 $1.",   "We see $1 here.",
        "$1 $3 shown in the picture.", "You can see $1 in this image.", "The objects in the image are $1.",
    };
    struct text all = {0};
    view_add_all(view, ADJECTIVES_SOME, r, &all);
    const char *values[] = {text_get(&all), background_kinds[view->scene->background.kind].where,
                            view->scene->count == 1 ? "is" : "are"};
    const char *pattern = background ? TEXT_PICK(r, with) : TEXT_PICK(r, without);
    bool lists = strncmp(pattern, "The objects", 11) == 0 && view->scene->count == 1;
    add_sentence(text, lists ? without[0] : pattern, values);
    text->failed |= all.failed;
    text_finish(&all);
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
