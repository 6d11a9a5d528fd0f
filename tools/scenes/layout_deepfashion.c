/* DeepFashion-MultiModal: images/, labels/ with the shapes, fabrics and patterns of all images, and captions.json. The set has
 * no splits: its reader puts some of the items in the test split, and here every image is an item. */
#include "tools/scenes/set.h"

#include <inttypes.h>
#include <string.h>

static const char *const entries[] = {"images", "labels", "captions.json", NULL};

static void begin(struct set *set)
{
    listing_add(listing_named(&set->lists, "captions.json"), "{");
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

static void add_line(struct listing *list, const char *name, const int *numbers, int count)
{
    listing_add(list, "%s", name);
    for (int i = 0; i < count; i++)
        listing_add(list, " %d", numbers[i]);
    listing_add(list, "\n");
}

static void add(struct set *set, const struct picture *p)
{
    const char *name = strchr(p->path, '/') + 1;
    struct listing *captions = listing_named(&set->lists, "captions.json");
    struct text caption = {0};
    add_line(listing_named(&set->lists, "labels/shape/shape_anno_all.txt"), name, p->outfit.shape, SHAPE_LABELS);
    add_line(listing_named(&set->lists, "labels/texture/fabric_ann.txt"), name, p->outfit.fabric, PIECES);
    add_line(listing_named(&set->lists, "labels/texture/pattern_ann.txt"), name, p->outfit.pattern, PIECES);
    outfit_describe(&p->outfit, &caption); /* plain words that need no escaping */
    listing_add(captions, "%s\n\"%s\": \"%s\"", captions->elements++ > 0 ? "," : "", name, caption.bytes);
}

static void end(struct set *set)
{
    listing_add(listing_named(&set->lists, "captions.json"), "\n}\n");
}

const struct layout layout_deepfashion = {
    .name = "deepfashion", .entries = entries, .has_outfits = true, .begin = begin, .plan = plan, .add = add, .end = end};
