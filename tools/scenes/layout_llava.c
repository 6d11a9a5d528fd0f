/* LLaVA's JSON: conversations about images, and for earlier training stages captions and plain text. */
#include "tools/scenes/describe.h"
#include "tools/scenes/dialogue.h"
#include "tools/scenes/set.h"

#include <inttypes.h>

static const char *const entries[] = {
    "images", "llava.json", "llava_test.json", "captions.jsonl", "captions_test.jsonl", "text.txt", "text_test.txt", NULL};

/* The split's list: "llava.json" or "llava_test.json". */
static struct listing *list_of(struct set *set, enum set_part part, const char *name, const char *ending)
{
    return listing_named(&set->lists, "%s%s.%s", name, part == SET_TRAIN ? "" : "_test", ending);
}

static void begin(struct set *set)
{
    listing_add(list_of(set, SET_TRAIN, "llava", "json"), "[\n");
    listing_add(list_of(set, SET_TEST, "llava", "json"), "[\n");
}

static void plan(const struct set *set, struct picture *p)
{
    snprintf(p->path, sizeof p->path, "images/%s%06" PRId64 ".jpg", p->part == SET_TRAIN ? "" : "test_", p->index);
    set_choose_scene(set, p);
}

static json_t *dialogue_json(const struct dialogue *c, const struct picture *p)
{
    char id[32];
    json_t *turns = json_array();
    for (int i = 0; i < c->count; i++) {
        json_array_append_new(turns, json_pack("{s:s, s:s}", "from", "human", "value", c->turns[i].question.bytes));
        json_array_append_new(turns, json_pack("{s:s, s:s}", "from", "gpt", "value", c->turns[i].answer.bytes));
    }
    snprintf(id, sizeof id, "%s%06" PRId64, p->part == SET_TRAIN ? "" : "test_", p->index);
    return json_pack("{s:s, s:s, s:o}", "id", id, "image", p->path, "conversations", turns);
}

static void add(struct set *set, const struct picture *p)
{
    struct random r = p->scene.words;
    struct view view, varied;
    struct dialogue dialogue;
    struct text caption = {0}, text = {0};
    view_init(&view, &p->scene, set->options->size, false, &r);
    dialogue_init(&dialogue, &view, &r);
    listing_add_element(list_of(set, p->part, "llava", "json"), dialogue_json(&dialogue, p));
    view_init(&varied, &p->scene, set->options->size, true, &r);
    describe_caption(&varied, &r, &caption);
    listing_add_json(list_of(set, p->part, "captions", "jsonl"),
                     json_pack("{s:s, s:s}", "image", p->path, "caption", caption.bytes));
    dialogue_write_text(&view, &r, &text);
    listing_add(list_of(set, p->part, "text", "txt"), "%s", text.bytes);
}

static void end(struct set *set)
{
    listing_add(list_of(set, SET_TRAIN, "llava", "json"), "]\n");
    listing_add(list_of(set, SET_TEST, "llava", "json"), "]\n");
}

const struct layout layout_llava = {.name = "llava", .entries = entries, .begin = begin, .plan = plan, .add = add, .end = end};
