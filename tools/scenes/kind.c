#include "tools/scenes/kind.h"

#include <stdio.h>
#include <string.h>

#define FORM_SIZE 64

const struct category_words category_words[CATEGORIES] = {
    [PEOPLE] = {"person", "people", false},
    [VEHICLES] = {"vehicle", "vehicles", true},
    [OUTDOORS] = {"outdoor object", "outdoor objects", false},
    [ANIMALS] = {"animal", "animals", true},
    [FOOD] = {"food item", "food items", true},
    [PLANTS] = {"plant", "plants", false},
    [KITCHEN] = {"kitchen item", "kitchen items", false},
    [FURNITURE] = {"piece of furniture", "pieces of furniture", true},
    [ELECTRONICS] = {"electronic device", "electronic devices", true},
    [HOUSEHOLD] = {"household item", "household items", false},
    [TOOLS] = {"tool", "tools", false},
    [SPORTS] = {"toy or sports item", "toys or sports items", false},
    [INSTRUMENTS] = {"musical instrument", "musical instruments", true},
    [CLOTHES] = {"piece of clothing", "pieces of clothing", true},
};

struct words kind_words(const struct kind *kind)
{
    return (struct words){kind->one ? kind->one : kind->name, kind->many ? kind->many : kind->plural};
}

int kind_glyph_count(const struct kind *kind)
{
    int count = 0;
    while (count < KIND_MAX_GLYPHS && kind->glyphs[count])
        count++;
    return count;
}

/* ---- forms ---- */

struct forms {
    char seen[32][FORM_SIZE];
    int count;
    void (*on_form)(const char *form, void *user);
    void *user;
};

static void add_form(struct forms *f, const char *text, size_t length)
{
    char form[FORM_SIZE];
    if (length >= sizeof form || f->count == sizeof f->seen / sizeof *f->seen)
        return;
    memcpy(form, text, length);
    form[length] = '\0';
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->seen[i], form) == 0)
            return;
    memcpy(f->seen[f->count++], form, length + 1);
    f->on_form(form, f->user);
}

/* "plane/planes|jet/jets" */
static void add_list(struct forms *f, const char *list)
{
    while (list && *list) {
        size_t length = strcspn(list, "/|");
        add_form(f, list, length);
        list += length + (list[length] != '\0');
    }
}

void kind_forms(const struct kind *kind, void (*on_form)(const char *form, void *user), void *user)
{
    struct forms f = {.on_form = on_form, .user = user};
    const char *const words[] = {kind->name, kind->plural, kind->one, kind->many};
    for (int i = 0; i < 4; i++)
        add_list(&f, words[i]);
    for (int i = 0; kind->synonyms[i].one; i++) {
        add_list(&f, kind->synonyms[i].one);
        add_list(&f, kind->synonyms[i].many);
    }
    for (int i = 0; kind->narrow[i].one; i++) {
        add_list(&f, kind->narrow[i].one);
        add_list(&f, kind->narrow[i].many);
    }
    add_list(&f, kind->accepted);
}

int kind_find(const char *name)
{
    for (int i = 0; i < kind_count; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return i;
    return -1;
}

int coco_category_id(const char *name)
{
    for (int i = 0; i < coco_category_count; i++)
        if (strcmp(coco_categories[i].name, name) == 0)
            return coco_categories[i].id;
    return 0;
}
