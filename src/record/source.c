#include "record/source.h"

#include "error.h"
#include "format/hash.h"

#include <stdlib.h>
#include <string.h>

void source_item_finish(struct source_item *item)
{
    free(item->path);
    free(item->text);
    free(item->system);
    free(item->bytes);
    free(item->wrong);
    json_decref(item->companions);
    *item = (struct source_item){0};
}

uint64_t source_hash(uint64_t hash, const char *text)
{
    return hash_bytes(hash, text, strlen(text) + 1);
}

/* ---- lists ----------------------------------------------------------------------------------------------------------- */

/* Sets *copy to one of `text`, if there is one. */
static bool copy_text(const char *text, char **copy)
{
    *copy = text ? strdup(text) : NULL;
    return *copy || !text;
}

static lmvr_status next_of_list(struct source *source, struct source_item *item, bool *found, lmvr_error *error)
{
    struct list_source *list = (struct list_source *)source;
    *item = (struct source_item){0};
    *found = list->given < list->end;
    if (!*found)
        return LMVR_OK;
    size_t i = list->given++;
    const char *name = list->names[i], *wrong = list->wrong ? list->wrong[i] : NULL;
    lmvr_image image = list->images ? list->images[i] : (lmvr_image){.path = name};
    if (wrong)
        image = (lmvr_image){.text = name};
    if (copy_text(image.path, &item->path) && copy_text(image.text, &item->text) && copy_text(image.system, &item->system) &&
        copy_text(wrong, &item->wrong))
        return LMVR_OK;
    source_item_finish(item);
    return error_no_memory(error, "the next input");
}

static lmvr_status next_part_of_list(struct source *source, bool *found, lmvr_error *error)
{
    struct list_source *list = (struct list_source *)source;
    size_t left = source->count - list->end;
    (void)error;
    list->given = list->end;
    list->end += left < source->rows_per_part ? left : source->rows_per_part;
    *found = left > 0;
    return LMVR_OK;
}

void list_source_init(struct list_source *list, char *const *names, const lmvr_image *images, char *const *wrong, size_t count,
                      size_t rows_per_part)
{
    uint64_t hash = HASH_START;
    for (size_t i = 0; i < count; i++)
        hash = source_hash(hash, names[i]);
    *list = (struct list_source){.source = {.count = count,
                                            .hash = hash,
                                            .counted = true,
                                            .parts = rows_per_part ? (count - 1) / rows_per_part + 1 : 0,
                                            .rows_per_part = rows_per_part,
                                            .next = next_of_list,
                                            .next_part = next_part_of_list},
                                 .names = names,
                                 .images = images,
                                 .wrong = wrong,
                                 .end = rows_per_part ? 0 : count};
}
