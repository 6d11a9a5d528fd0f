/* LLaVA's JSON: conversations about images, and for earlier training stages captions and plain text. */
#include "tools/scenes/describe.h"
#include "tools/scenes/dialogue.h"
#include "tools/scenes/kind.h"
#include "tools/scenes/set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const entries[] = {
    "images", "llava.json", "llava_test.json", "captions.jsonl", "captions_test.jsonl", "text.txt", "text_test.txt", NULL};

enum { LIST_CONVERSATIONS, LIST_CAPTIONS, LIST_TEXT, LISTS };
static const char *const list_names[2][LISTS] = {{"llava.json", "captions.jsonl", "text.txt"},
                                                 {"llava_test.json", "captions_test.jsonl", "text_test.txt"}};

struct state {
    struct kind_lists kinds;
    struct listing lists[2][LISTS]; /* per split */
};

static bool is_any(int kind)
{
    (void)kind;
    return true;
}

static lmvr_status begin(struct set *set, lmvr_error *error)
{
    struct state *s = calloc(1, sizeof *s);
    set->state = s;
    if (!s)
        return error_no_memory(error, "the conversations");
    TRY(kind_lists_init(&s->kinds, is_any, error));
    for (int part = 0; part < 2; part++) {
        for (int i = 0; i < LISTS; i++)
            TRY(listing_open(&s->lists[part][i], set->options->output, list_names[part][i], error));
        TRY(listing_add(&s->lists[part][LIST_CONVERSATIONS], "[\n", error));
    }
    return LMVR_OK;
}

static void plan(const struct set *set, struct picture *p)
{
    const struct state *s = set->state;
    snprintf(p->path, sizeof p->path, "images/%s%06" PRId64 ".jpg", p->part == SET_TRAIN ? "" : "test_", p->index);
    struct scene_rules rules = {
        .kinds = s->kinds.with, .kind_count = s->kinds.with_count, .least = 2, .most = SCENE_MAX_OBJECTS};
    scene_choose(&set->glyphs, &rules, set_random(set, p), &p->scene);
}

/* ---- texts ---- */

static json_t *dialogue_json(const struct dialogue *c, const struct picture *p, const char *id)
{
    json_t *turns = json_array();
    for (int i = 0; i < c->count; i++) {
        json_array_append_new(turns, json_pack("{s:s, s:s}", "from", "human", "value", text_get(&c->turns[i].question)));
        json_array_append_new(turns, json_pack("{s:s, s:s}", "from", "gpt", "value", text_get(&c->turns[i].answer)));
    }
    return json_pack("{s:s, s:s, s:o}", "id", id, "image", p->path, "conversations", turns);
}

static lmvr_status add_conversation(struct listing *list, const struct view *view, const struct picture *p, const char *id,
                                    struct random *r, lmvr_error *error)
{
    struct dialogue c;
    dialogue_init(&c, view, r);
    lmvr_status status = dialogue_failed(&c) ? error_no_memory(error, "a conversation")
                                             : listing_add_element(list, dialogue_json(&c, p, id), error);
    dialogue_finish(&c);
    return status;
}

static lmvr_status add_caption(struct listing *list, const struct set *set, const struct picture *p, struct random *r,
                               lmvr_error *error)
{
    struct view view;
    struct text caption = {0};
    view_init(&view, &p->scene, set->options->size, true, r);
    describe_caption(&view, r, &caption);
    lmvr_status status =
        caption.failed
            ? error_no_memory(error, "a caption")
            : listing_add_json(list, json_pack("{s:s, s:s}", "image", p->path, "caption", text_get(&caption)), error);
    text_finish(&caption);
    return status;
}

static lmvr_status add_text(struct listing *list, const struct view *view, struct random *r, lmvr_error *error)
{
    struct text text = {0};
    dialogue_write_text(view, r, &text);
    lmvr_status status = text.failed ? error_no_memory(error, "a text") : listing_add(list, text_get(&text), error);
    text_finish(&text);
    return status;
}

static lmvr_status add(struct set *set, const struct picture *p, lmvr_error *error)
{
    struct state *s = set->state;
    struct listing *lists = s->lists[p->part == SET_TRAIN ? 0 : 1];
    struct random r = p->scene.words;
    struct view view;
    char id[32];
    snprintf(id, sizeof id, "%s%06" PRId64, p->part == SET_TRAIN ? "" : "test_", p->index);
    view_init(&view, &p->scene, set->options->size, false, &r);
    TRY(add_conversation(&lists[LIST_CONVERSATIONS], &view, p, id, &r, error));
    TRY(add_caption(&lists[LIST_CAPTIONS], set, p, &r, error));
    return add_text(&lists[LIST_TEXT], &view, &r, error);
}

static lmvr_status end(struct set *set, lmvr_error *error)
{
    struct state *s = set->state;
    for (int part = 0; part < 2; part++) {
        TRY(listing_add(&s->lists[part][LIST_CONVERSATIONS], "]\n", error));
        for (int i = 0; i < LISTS; i++)
            TRY(listing_close(&s->lists[part][i], error));
    }
    return LMVR_OK;
}

static void finish(struct set *set)
{
    struct state *s = set->state;
    if (!s)
        return;
    kind_lists_finish(&s->kinds);
    for (int i = 0; i < 2 * LISTS; i++)
        listing_drop(&s->lists[i / LISTS][i % LISTS]);
    free(s);
    set->state = NULL;
}

const struct layout layout_llava = {
    .name = "llava", .entries = entries, .begin = begin, .plan = plan, .add = add, .end = end, .finish = finish};
