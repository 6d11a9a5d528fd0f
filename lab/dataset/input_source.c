#include "lab/dataset/input_source.h"

#include "error.h"

#include <stdlib.h>
#include <string.h>

static lmvr_status no_memory(lmvr_error *error)
{
    return error_no_memory(error, "the next input");
}

/* {"json": what the list says of an input}; NULL if that is nothing. */
static lmvr_status make_companions(const char *json, json_t **companions, lmvr_error *error)
{
    *companions = NULL;
    if (!json)
        return LMVR_OK;
    *companions = json_pack("{s:o}", "json", json_loads(json, 0, NULL));
    return *companions ? LMVR_OK : no_memory(error);
}

/* An item of a path; `wrong` may be NULL. */
static lmvr_status make_item(const char *path, const char *wrong, struct source_item *item, lmvr_error *error)
{
    item->path = strdup(path);
    item->wrong = wrong ? strdup(wrong) : NULL;
    return item->path && (item->wrong || !wrong) ? LMVR_OK : no_memory(error);
}

static void close_tar(struct input_source *s)
{
    tar_reader_close(s->tar);
    free(s->tar_path);
    json_decref(s->companions);
    s->tar = NULL;
    s->tar_path = NULL;
    s->companions = NULL;
}

static lmvr_status note_empty(struct input_source *s, lmvr_error *error)
{
    if (s->empty_tars++ == 0)
        s->empty_tar = strdup(s->tar_path);
    return s->empty_tar ? LMVR_OK : no_memory(error);
}

static lmvr_status end_tar(struct input_source *s, lmvr_error *error)
{
    struct passed_over *passed = &s->list.passed_over;
    bool any = passed_over_count(passed) > s->passed_before;
    lmvr_status status = any ? passed_over_note_tar(passed, s->tar_path, error) : LMVR_OK;
    close_tar(s);
    return status;
}

/* What is wrong with the tar becomes the item that ends it. */
static lmvr_status fail_tar(struct input_source *s, struct source_item *item, bool *found, lmvr_error *error)
{
    char why[sizeof error->message];
    memcpy(why, error->message, sizeof why);
    *found = true;
    TRY(make_item(s->tar_path, why, item, error));
    item->cut = true;
    return end_tar(s, error);
}

static lmvr_status open_tar(struct input_source *s, const struct input *input, struct source_item *item, bool *found,
                            lmvr_error *error)
{
    s->tar_path = strdup(input->path);
    if (!s->tar_path)
        return no_memory(error);
    s->passed_before = passed_over_count(&s->list.passed_over);
    s->taken = 0;
    TRY(make_companions(input->json, &s->companions, error));
    lmvr_status status = tar_reader_open(input->path, &s->tar, error);
    return status == LMVR_ERROR_INPUT ? fail_tar(s, item, found, error) : status;
}

/* A member's own companions come before the tar's. */
static lmvr_status next_of_tar(struct input_source *s, struct source_item *item, bool *found, lmvr_error *error)
{
    lmvr_status status = tar_reader_next(s->tar, &s->list.passed_over, item, found, error);
    if (status == LMVR_ERROR_INPUT)
        return fail_tar(s, item, found, error);
    if (status == LMVR_OK && !*found && s->taken == 0)
        TRY(note_empty(s, error));
    if (status == LMVR_OK && !*found)
        return end_tar(s, error);
    s->taken += *found;
    if (status == LMVR_OK && s->companions) {
        json_t *own = item->companions;
        item->companions = json_copy(s->companions);
        bool good = item->companions && (!own || json_object_update(item->companions, own) == 0);
        status = good ? LMVR_OK : no_memory(error);
        json_decref(own);
    }
    return status;
}

static lmvr_status next_entry(struct input_source *s, struct source_item *item, bool *found, bool *over, lmvr_error *error)
{
    struct input input = s->first;
    bool any = s->has_first;
    if (!any)
        TRY(input_list_next(&s->list, &input, &any, error));
    bool begins = any && input.begins && s->source.parts > 0;
    *over = !any || (begins && s->in_part);
    s->has_first = any && *over;
    s->first = input;
    if (*over)
        return LMVR_OK;
    s->in_part = true;
    if (input.tar)
        return open_tar(s, &input, item, found, error);
    *found = true;
    TRY(make_item(input.path, NULL, item, error));
    return make_companions(input.json, &item->companions, error);
}

static lmvr_status next(struct source *source, struct source_item *item, bool *found, lmvr_error *error)
{
    struct input_source *s = (struct input_source *)source;
    bool over = false;
    lmvr_status status = LMVR_OK;
    *item = (struct source_item){0};
    *found = false;
    while (status == LMVR_OK && !*found && !over)
        status = s->tar ? next_of_tar(s, item, found, error) : next_entry(s, item, found, &over, error);
    if (status != LMVR_OK)
        source_item_finish(item);
    return status;
}

/* What is left of the part at hand is passed over, a tar without being read. */
static lmvr_status next_part(struct source *source, bool *found, lmvr_error *error)
{
    struct input_source *s = (struct input_source *)source;
    close_tar(s);
    *found = s->has_first && s->in_part;
    s->has_first = true;
    s->in_part = false;
    while (!*found) {
        TRY(input_list_next(&s->list, &s->first, found, error));
        s->has_first = *found;
        if (!*found)
            return LMVR_OK;
        *found = s->first.begins;
    }
    return LMVR_OK;
}

lmvr_status input_source_open(char *const *arguments, size_t count, size_t rows_per_part, struct input_source *source,
                              lmvr_error *error)
{
    *source = (struct input_source){0};
    TRY(input_list_open(arguments, count, rows_per_part, &source->list, error));
    const struct input_list *list = &source->list;
    source->source = (struct source){.count = list->count,
                                     .hash = list->hash,
                                     .counted = list->tars == 0,
                                     .parts = rows_per_part || list->tars ? list->parts : 0,
                                     .rows_per_part = rows_per_part,
                                     .next = next,
                                     .next_part = next_part};
    return LMVR_OK;
}

void input_source_close(struct input_source *source)
{
    close_tar(source);
    input_list_close(&source->list);
    free(source->empty_tar);
    *source = (struct input_source){0};
}
