#include "tools/scenes/dialogue.h"

#include "tools/scenes/describe.h"
#include "tools/scenes/kind.h"
#include "tools/scenes/question.h"

#include <string.h>

/* ---- about an image ---- */

static bool asked_before(const struct dialogue *c, const struct text *question)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->turns[i].question.bytes, question->bytes) == 0)
            return true;
    return false;
}

static void add_question(struct dialogue *c, const struct view *view, struct random *r)
{
    struct turn *turn = &c->turns[c->count];
    int tries = 0;
    do
        question_make(view, r, &turn->question, &turn->answer);
    while (asked_before(c, &turn->question) && ++tries < 20);
    c->count++;
}

/* Like LLaVA, puts the image before or after the words. */
static void add_image(struct text *question, bool before)
{
    struct text words = *question;
    text_clear(question);
    text_add(question, before ? "<image>\n%s" : "%s\n<image>", words.bytes);
}

void dialogue_init(struct dialogue *conversation, const struct view *view, struct random *r)
{
    *conversation = (struct dialogue){0};
    bool describes = random_chance(r, 0.67);
    int questions = random_below(r, 4);
    if (describes) {
        struct view varied;
        struct turn *turn = &conversation->turns[conversation->count++];
        view_init(&varied, view->scene, view->size, true, r);
        text_add(&turn->question, "%s", describe_request(r));
        describe_scene(&varied, r, &turn->answer);
    }
    for (int i = describes ? 1 : 0; i <= questions; i++)
        add_question(conversation, view, r);
    add_image(&conversation->turns[0].question, random_chance(r, 0.8));
}

/* ---- text only ---- */

static void add_dialogue(const struct view *view, struct random *r, struct text *text)
{
    int count = 1 + random_below(r, 3);
    for (int i = 0; i < count; i++) {
        struct text question, answer;
        question_make(view, r, &question, &answer);
        text_add(text, " USER: %s ASSISTANT: %s", question.bytes, answer.bytes);
    }
}

/* A fact that is always true of a kind. */
static void add_fact(struct random *r, struct text *text)
{
    const struct kind *kind = &kinds[random_below(r, kind_count)];
    struct words words = kind_words(kind);
    struct text category = {0}, a = {0}, capital;
    const char *noun = category_words[kind->category].one;
    text_add(&category, "%s %s", text_article(noun), noun);
    text_add(&a, "%s %s", text_article(words.one), words.one);
    capital = a;
    text_capitalize(&capital, 0);
    const char *color = kind->paintable ? paint_names[1 + random_below(r, PAINTS - 1)] : kind->color;
    struct sentence_words said = {
        .a = a.bytes, .An = capital.bytes, .fact = kind->fact, .category = category.bytes, .look = color, .many = words.many};
    bool tell_color = color && random_chance(r, 0.3), same = strcmp(noun, words.one) == 0; /* a person is a person */
    const char *pattern = text_choose(SENTENCE_FACT, r);
    const char *of_color = text_choose(kind->paintable ? SENTENCE_FACT_PAINT : SENTENCE_FACT_COLOR, r);
    size_t from = text->length;
    text_fill(text, tell_color ? of_color : same ? sentences[SENTENCE_FACT][0] : pattern, &said);
    text_capitalize(text, from);
}

void dialogue_write_text(const struct view *view, struct random *r, struct text *text)
{
    struct view varied;
    view_init(&varied, view->scene, view->size, true, r);
    describe_scene(&varied, r, text);
    text_add(text, "\n");
    describe_scene(view, r, text);
    add_dialogue(view, r, text);
    text_add(text, "\n");
    add_fact(r, text);
    text_add(text, "\n");
}
