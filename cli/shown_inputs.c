#include "shown_inputs.h"

#include "error.h"

#include <stdlib.h>

#define MOST_BYTES ((size_t)256 << 20) /* of files; while so much is held, no more is read */

lmvr_status shown_inputs_open(char *const *arguments, size_t count, struct shown_inputs *inputs, lmvr_error *error)
{
    *inputs = (struct shown_inputs){0};
    TRY(input_source_open(arguments, count, 0, &inputs->source, error));
    inputs->source.source.parts = 0; /* all are one */
    return LMVR_OK;
}

lmvr_status shown_inputs_begin(struct shown_inputs *inputs, const lmvr_session *session, size_t views, lmvr_error *error)
{
    inputs->views = views;
    inputs->room = lmvr_session_capacity(session) / views + 2; /* the first and the last may have some of their views in it */
    inputs->held = calloc(inputs->room, sizeof *inputs->held);
    return inputs->held ? LMVR_OK : error_no_memory(error, "the list of images");
}

static struct source_item *item_at(const struct shown_inputs *inputs, size_t index)
{
    return &inputs->held[index / inputs->views % inputs->room];
}

/* LMVR_STOPPED: there is none. */
static lmvr_status take_input(struct shown_inputs *inputs, struct source_item *item, lmvr_error *error)
{
    bool found;
    struct source *source = &inputs->source.source;
    if (inputs->bytes >= MOST_BYTES)
        return LMVR_FULL;
    TRY(source->next(source, item, &found, error));
    inputs->bytes += item->byte_count;
    return found ? LMVR_OK : LMVR_STOPPED;
}

lmvr_status shown_inputs_next(struct shown_inputs *inputs, lmvr_image *image, lmvr_error *error)
{
    struct source_item *item = item_at(inputs, inputs->given);
    if (inputs->given % inputs->views == 0)
        TRY(take_input(inputs, item, error));
    inputs->given++;
    if (!item->wrong)
        *image = (lmvr_image){.path = item->path, .bytes = item->bytes, .byte_count = item->byte_count};
    return LMVR_OK;
}

const struct source_item *shown_inputs_item(const struct shown_inputs *inputs, size_t index)
{
    return item_at(inputs, index);
}

void shown_inputs_release(struct shown_inputs *inputs, size_t index)
{
    struct source_item *item = item_at(inputs, index);
    if ((index + 1) % inputs->views != 0)
        return;
    inputs->bytes -= item->byte_count;
    source_item_finish(item);
}

void shown_inputs_close(struct shown_inputs *inputs)
{
    for (size_t i = 0; inputs->held && i < inputs->room; i++)
        source_item_finish(&inputs->held[i]);
    free(inputs->held);
    input_source_close(&inputs->source);
    *inputs = (struct shown_inputs){0};
}
