/* DeepFashion-MultiModal: images/, labels/ with the shapes, fabrics and patterns of all images, and captions.json. The set has
 * no splits: its reader puts some of the items in the test split, and here every image is an item. */
#include "tools/scenes/set.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const entries[] = {"images", "labels", "captions.json", NULL};

enum { LIST_SHAPE, LIST_FABRIC, LIST_PATTERN, LIST_CAPTIONS, LISTS };
static const char *const list_names[LISTS] = {"labels/shape/shape_anno_all.txt", "labels/texture/fabric_ann.txt",
                                              "labels/texture/pattern_ann.txt", "captions.json"};

struct state {
    struct listing lists[LISTS];
};

static lmvr_status begin(struct set *set, lmvr_error *error)
{
    struct state *s = calloc(1, sizeof *s);
    set->state = s;
    if (!s)
        return error_no_memory(error, "the labels");
    for (int i = 0; i < LISTS; i++)
        TRY(listing_open(&s->lists[i], set->options->output, list_names[i], error));
    return listing_add(&s->lists[LIST_CAPTIONS], "{", error);
}

/* Names are like the set's: WOMEN-Dresses-id_00000012-01_4_full.jpg. */
static void plan(const struct set *set, struct picture *p)
{
    static const char *const upper_names[] = {"Tees_Tanks", "Tees_Tanks", "Jackets_Coats", "Dresses", "Dresses"};
    outfit_choose(set_random(set, p), &p->outfit);
    int64_t item = 1 + p->index + (p->part == SET_TEST ? set->options->count : 0);
    const char *who = item % 3 == 0 ? "MEN" : "WOMEN", *what = upper_names[p->outfit.garments[PIECE_UPPER]];
    snprintf(p->path, sizeof p->path, "images/%s-%s-id_%08" PRId64 "-01_4_full.jpg", who, what, item);
}

static void add_numbers(struct text *line, const int *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        char number[16];
        snprintf(number, sizeof number, " %d", numbers[i]);
        text_add(line, number);
    }
    text_add(line, "\n");
}

static lmvr_status add_line(struct listing *list, const char *name, const int *numbers, int count, lmvr_error *error)
{
    struct text line = {0};
    text_add(&line, name);
    add_numbers(&line, numbers, count);
    lmvr_status status = line.failed ? error_no_memory(error, "the labels") : listing_add(list, text_get(&line), error);
    text_finish(&line);
    return status;
}

static lmvr_status add_caption(struct listing *list, const char *name, const struct outfit *outfit, lmvr_error *error)
{
    char head[200];
    struct text caption = {0};
    outfit_describe(outfit, &caption);
    snprintf(head, sizeof head, "%s\n\"%s\": ", list->begun ? "," : "", name);
    lmvr_status status = caption.failed ? error_no_memory(error, "a caption") : listing_add(list, head, error);
    list->begun = true;
    if (status == LMVR_OK)
        status = listing_add(list, "\"", error);
    if (status == LMVR_OK)
        status = listing_add(list, text_get(&caption), error); /* plain words that need no escaping */
    if (status == LMVR_OK)
        status = listing_add(list, "\"", error);
    text_finish(&caption);
    return status;
}

static lmvr_status add(struct set *set, const struct picture *p, lmvr_error *error)
{
    struct state *s = set->state;
    const char *name = strchr(p->path, '/') + 1;
    TRY(add_line(&s->lists[LIST_SHAPE], name, p->outfit.shape, SHAPE_LABELS, error));
    TRY(add_line(&s->lists[LIST_FABRIC], name, p->outfit.fabric, PIECES, error));
    TRY(add_line(&s->lists[LIST_PATTERN], name, p->outfit.pattern, PIECES, error));
    return add_caption(&s->lists[LIST_CAPTIONS], name, &p->outfit, error);
}

static lmvr_status end(struct set *set, lmvr_error *error)
{
    struct state *s = set->state;
    TRY(listing_add(&s->lists[LIST_CAPTIONS], "\n}\n", error));
    for (int i = 0; i < LISTS; i++)
        TRY(listing_close(&s->lists[i], error));
    return LMVR_OK;
}

static void finish(struct set *set)
{
    struct state *s = set->state;
    for (int i = 0; s && i < LISTS; i++)
        listing_drop(&s->lists[i]);
    free(s);
    set->state = NULL;
}

const struct layout layout_deepfashion = {.name = "deepfashion",
                                          .entries = entries,
                                          .begin = begin,
                                          .plan = plan,
                                          .has_outfits = true,
                                          .add = add,
                                          .end = end,
                                          .finish = finish};
