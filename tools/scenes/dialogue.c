#include "tools/scenes/dialogue.h"

#include "tools/scenes/describe.h"
#include "tools/scenes/kind.h"
#include "tools/scenes/question.h"

#include <string.h>

/* ---- about an image ---- */

static bool asked_before(const struct dialogue *c, const struct text *question)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(text_get(&c->turns[i].question), text_get(question)) == 0)
            return true;
    return false;
}

static void add_question(struct dialogue *c, const struct view *view, struct random *r)
{
    struct turn *turn = &c->turns[c->count];
    int tries = 0;
    do {
        text_clear(&turn->question);
        text_clear(&turn->answer);
        question_make(view, r, &turn->question, &turn->answer);
    } while (asked_before(c, &turn->question) && ++tries < 20);
    c->count++;
}

/* Like LLaVA, puts the image before or after the words. */
static void add_image(struct text *question, bool before)
{
    struct text words = *question;
    *question = (struct text){0};
    if (before)
        text_add(question, "<image>\n");
    text_add(question, text_get(&words));
    if (!before)
        text_add(question, "\n<image>");
    question->failed |= words.failed;
    text_finish(&words);
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
        text_add(&turn->question, describe_request(r));
        describe_scene(&varied, r, &turn->answer);
    }
    for (int i = describes ? 1 : 0; i <= questions; i++)
        add_question(conversation, view, r);
    add_image(&conversation->turns[0].question, random_chance(r, 0.8));
}

void dialogue_finish(struct dialogue *conversation)
{
    for (int i = 0; i < CONVERSATION_MAX_TURNS; i++) {
        text_finish(&conversation->turns[i].question);
        text_finish(&conversation->turns[i].answer);
    }
}

bool dialogue_failed(const struct dialogue *conversation)
{
    bool failed = false;
    for (int i = 0; i < conversation->count; i++)
        failed |= conversation->turns[i].question.failed || conversation->turns[i].answer.failed;
    return failed;
}

/* ---- text only ---- */

static void add_dialogue(const struct view *view, struct random *r, struct text *text)
{
    struct text question = {0}, answer = {0};
    int count = 1 + random_below(r, 3);
    for (int i = 0; i < count; i++) {
        text_clear(&question);
        text_clear(&answer);
        question_make(view, r, &question, &answer);
        text_add(text, " USER: ");
        text_add(text, text_get(&question));
        text_add(text, " ASSISTANT: ");
        text_add(text, text_get(&answer));
    }
    text->failed |= question.failed || answer.failed;
    text_finish(&question);
    text_finish(&answer);
}

/* A fact that is always true of a kind. */
static void add_fact(struct random *r, struct text *text)
{
    static const char *const patterns[] = {"$1 $2 $3.", "$1 $2 is $4.", "$1 $2 $3. It is $4.", "What $3? $1 $2."};
    static const char *const colored[] = {"$1 $2 is often $5.", "Many $6 are $5.", "$1 $2 can be $5."};
    const struct kind *kind = &kinds[random_below(r, kind_count)];
    struct words words = kind_words(kind);
    struct text category = {0};
    const char *noun = category_words[kind->category].one;
    text_add(&category, text_article(noun));
    text_add(&category, " ");
    text_add(&category, noun);
    const char *color = kind->paintable ? paint_names[1 + random_below(r, PAINTS - 1)] : kind->color;
    const char *values[] = {
        strcmp(text_article(words.one), "an") == 0 ? "An" : "A", words.one, kind->fact, text_get(&category), color, words.many};
    bool tell_color = color && random_chance(r, 0.3);
    const char *pattern = TEXT_PICK(r, patterns), *of_color = kind->paintable ? colored[2] : colored[random_below(r, 2)];
    bool same = strcmp(noun, words.one) == 0; /* a person is a person */
    text_fill(text, tell_color ? of_color : same ? patterns[0] : pattern, values);
    text->failed |= category.failed;
    text_finish(&category);
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
