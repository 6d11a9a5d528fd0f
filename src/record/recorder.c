#include "record/recorder.h"

#include "record/settings.h"

#include <stdio.h>
#include <stdlib.h>

/* While the inputs in the session hold so many bytes of files, it is given no more: a picture has a thousandth of that. */
#define MOST_BYTES ((size_t)256 << 20)

/* An input that was given to the session. */
struct held {
    struct source_item item;
    size_t part; /* where there are parts */
};

struct recorder {
    struct recording recording;
    struct store_feature *features; /* of the session */
    struct store *store;
    struct held *held; /* (room): input i at i % room */
    size_t part;       /* of the source, at hand; SIZE_MAX, from which it counts up: none yet */
    bool begun;        /* that part has been begun by an earlier run, and what of it is done is still to be passed over */
    struct source_item passed; /* the last of them; if it is cut, and so ends the part, it is the next input all the same */
    size_t room, given, recorded, bytes, cut;
    bool stopped; /* by a callback */
    recorder_fn *before;
    int (*after)(size_t done, void *user);
    void *user;
    lmvr_status status; /* of the store */
    lmvr_error error;
};

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

/* Passes over an input that is done. A tar that ends earlier than it did is one that is cut. */
static lmvr_status next_name(void *user, const char *was, const char **name, lmvr_error *error)
{
    struct recorder *r = user;
    struct source *source = r->recording.source;
    bool found;
    struct source_item *item = &r->passed;
    source_item_finish(item);
    TRY(source->next(source, item, &found, error));
    if (!found && !source->counted) {
        if (asprintf(&item->wrong, "%.300s: is missing: its tar ends before it now", was) < 0) {
            item->wrong = NULL;
            return error_no_memory(error, "the next input");
        }
        item->cut = true;
    }
    *name = !found ? NULL : item->path ? item->path : item->text;
    return item->cut ? LMVR_ERROR_INPUT : LMVR_OK;
}

/* Goes to the next part that is to be done. */
static lmvr_status next_part(struct recorder *r, bool *found, lmvr_error *error)
{
    struct source *source = r->recording.source;
    do {
        TRY(source->next_part(source, found, error));
        r->part++;
    } while (*found && !store_wants(r->store, r->part));
    r->begun = *found && store_has_begun(r->store, r->part);
    return LMVR_OK;
}

/* Continues a part that has been begun, before anything of it is given to the session. */
static lmvr_status go_on_with_part(struct recorder *r, lmvr_error *error)
{
    r->begun = false;
    lmvr_status status = store_turn(r->store, r->part, next_name, r, error);
    if (!r->passed.cut)
        source_item_finish(&r->passed);
    return status;
}

/* What is wrong with what the first part holds already is found here, before anything is changed. */
static lmvr_status begin_parts(struct recorder *r, lmvr_error *error)
{
    bool found;
    TRY(next_part(r, &found, error));
    return found ? go_on_with_part(r, error) : LMVR_OK;
}

static lmvr_status open_store(struct recorder *recorder, lmvr_error *error)
{
    const struct recording *r = &recorder->recording;
    size_t count = lmvr_session_feature_count(r->session);
    struct store_feature *features = recorder->features = calloc(count + 1, sizeof *features);
    json_t *description = settings_describe(r->model, r->session, r->more);
    lmvr_status status = features && description ? LMVR_OK : error_no_memory(error, "the output");
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(r->session, i, &info);
        features[i] = (struct store_feature){info.name, info.spec, info.dim, info.multi_vector, r->dtype_out};
        if (r->clip_folder)
            features[i].name = r->clip_folder;
    }
    struct store_plan plan = {.output = r->output,
                              .mode = r->mode,
                              .any_device = r->any_device,
                              .features = features,
                              .feature_count = count,
                              .options = description,
                              .input_count = r->source->count,
                              .inputs_hash = r->source->hash,
                              .next_name = next_name,
                              .user = recorder,
                              .part_count = r->source->parts,
                              .rows_per_part = r->source->rows_per_part,
                              .clip_retrieval = r->clip_folder,
                              .copies = r->copies,
                              .share = r->share,
                              .shares = r->shares};
    if (status == LMVR_OK)
        status = store_open(&plan, &recorder->store, error);
    if (status == LMVR_OK && r->source->parts)
        status = begin_parts(recorder, error);
    json_decref(description);
    return status;
}

lmvr_status recorder_open(const struct recording *recording, struct recorder **recorder, lmvr_error *error)
{
    *recorder = calloc(1, sizeof **recorder);
    if (!*recorder)
        return error_no_memory(error, "the output");
    struct recorder *r = *recorder;
    r->recording = *recording;
    r->room = lmvr_session_capacity(recording->session);
    r->part = SIZE_MAX;
    r->held = calloc(r->room + 1, sizeof *r->held);
    lmvr_status status = r->held ? open_store(r, error) : error_no_memory(error, "the output");
    if (status != LMVR_OK) {
        recorder_close(r, NULL);
        *recorder = NULL;
    }
    return status;
}

size_t recorder_total(const struct recorder *recorder)
{
    const struct recording *r = &recorder->recording;
    const struct source *source = r->source;
    size_t total = 0, shares = r->shares ? r->shares : 1, each = source->rows_per_part;
    if (!source->counted || !source->parts)
        return source->counted ? source->count : 0;
    for (size_t i = r->share; i < source->parts; i += shares)
        total += i + 1 < source->parts ? each : source->count - i * each;
    return total;
}

size_t recorder_done(const struct recorder *recorder)
{
    return store_done(recorder->store);
}

size_t recorder_failed(const struct recorder *recorder)
{
    return store_failed(recorder->store);
}

uint64_t recorder_clipped(const struct recorder *recorder)
{
    return store_clipped(recorder->store);
}

size_t recorder_cut(const struct recorder *recorder)
{
    return recorder->cut;
}

/* ---- running ------------------------------------------------------------------------------------------------------------ */

static struct held *held_at(const struct recorder *r, size_t input)
{
    return &r->held[input % r->room];
}

/* The next input of the part at hand. */
static lmvr_status next_of_part(struct recorder *r, struct source_item *item, bool *found, lmvr_error *error)
{
    struct source *source = r->recording.source;
    *found = r->passed.cut;
    if (!*found)
        return source->next(source, item, found, error);
    *item = r->passed;
    r->passed = (struct source_item){0};
    return LMVR_OK;
}

/* LMVR_FULL: the next part has to wait until all that was given is recorded. */
static lmvr_status take_next(struct recorder *r, struct held *held, bool *found, lmvr_error *error)
{
    struct source *source = r->recording.source;
    bool part = true;
    *found = false;
    while (part && !*found) {
        if (r->begun && r->recorded < r->given)
            return LMVR_FULL;
        if (r->begun)
            TRY(go_on_with_part(r, error));
        held->part = r->part;
        TRY(next_of_part(r, &held->item, found, error));
        if (!*found && !source->parts)
            return LMVR_OK;
        if (!*found)
            TRY(next_part(r, &part, error));
    }
    return LMVR_OK;
}

static lmvr_status next_image(lmvr_image *image, void *user, lmvr_error *error)
{
    struct recorder *r = user;
    struct held *held = held_at(r, r->given);
    const struct source_item *item = &held->item;
    bool found;
    if (r->bytes >= MOST_BYTES)
        return LMVR_FULL;
    TRY(take_next(r, held, &found, error));
    if (!found)
        return LMVR_STOPPED;
    r->given++;
    r->bytes += item->byte_count;
    if (!item->wrong) /* else it is given as an image of nothing, so that it has its place in the order */
        *image = (lmvr_image){.path = item->path,
                              .text = item->text,
                              .system = item->system,
                              .bytes = item->bytes,
                              .byte_count = item->byte_count};
    return LMVR_OK;
}

/* Turns to the part of an input that is to be recorded. */
static lmvr_status turn(struct recorder *r, const struct held *held)
{
    bool same = !r->recording.source->parts || held->part == store_part(r->store);
    return same ? LMVR_OK : store_turn(r->store, held->part, NULL, NULL, &r->error);
}

static int record(struct recorder *r, const lmvr_result *result, const struct held *held)
{
    const struct source_item *item = &held->item;
    struct index_line line = {.path = item->path, .text = item->text, .companions = item->companions, .error = result->error};
    if (result->status == LMVR_OK) {
        line.response = result->response;
        line.tokens = result->tokens;
        line.token_count = result->token_count;
        line.finished = result->finished;
    }
    if (r->before && r->before(result, r->user) != 0)
        return 1;
    r->status = turn(r, held);
    if (r->status != LMVR_OK)
        return 1;
    if (item->cut) {
        r->cut++;
        r->status = store_leave(r->store, &r->error);
        return r->status != LMVR_OK || (r->after && r->after(store_done(r->store), r->user) != 0);
    }
    r->status = store_add(r->store, result->features, result->rows, &line, &r->error);
    if (r->status != LMVR_OK)
        return 1;
    return r->after && r->after(store_done(r->store), r->user) != 0;
}

static int on_result(const lmvr_result *given, void *user)
{
    struct recorder *r = user;
    lmvr_result result = *given;
    struct held *held = held_at(r, r->recorded);
    struct source_item *item = &held->item;
    if (item->wrong)
        result.error = item->wrong;
    r->stopped = record(r, &result, held) != 0;
    r->bytes -= item->byte_count;
    source_item_finish(item);
    r->recorded++;
    return r->stopped;
}

/* Whether a stop came after the last input, and so is none. */
static lmvr_status is_over(struct recorder *r, bool *over, lmvr_error *error)
{
    bool found = true;
    if (r->recorded == r->given)
        TRY(take_next(r, &r->held[0], &found, error));
    *over = !found;
    return LMVR_OK;
}

lmvr_status recorder_run(struct recorder *recorder, recorder_fn *before, int (*after)(size_t done, void *user), void *user,
                         lmvr_error *error)
{
    recorder->before = before;
    recorder->after = after;
    recorder->user = user;
    recorder->status = LMVR_OK;
    lmvr_status status = lmvr_embed_stream(recorder->recording.session, next_image, on_result, recorder, error);
    if (recorder->status != LMVR_OK) {
        *error = recorder->error;
        return recorder->status;
    }
    bool over = status == LMVR_OK;
    if (status == LMVR_STOPPED)
        TRY(is_over(recorder, &over, error));
    return over ? store_finish(recorder->store, error) : status;
}

lmvr_status recorder_close(struct recorder *recorder, lmvr_error *error)
{
    if (!recorder)
        return LMVR_OK;
    lmvr_status status = store_close(recorder->store, error);
    for (size_t i = 0; recorder->held && i < recorder->room + 1; i++)
        source_item_finish(&recorder->held[i].item);
    source_item_finish(&recorder->passed);
    free(recorder->held);
    free(recorder->features);
    free(recorder);
    return status;
}
