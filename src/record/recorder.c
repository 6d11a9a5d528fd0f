#include "record/recorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct recorder {
    struct recording recording;
    const char **names; /* what the index says of each input */
    struct store *store;
    recorder_fn *before;
    int (*after)(size_t done, void *user);
    void *user;
    lmvr_status status; /* of the store */
    lmvr_error error;
};

/* ---- run.json ----------------------------------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* Everything that the rows depend on besides features and inputs, with the model's defaults filled in. They do not depend on
 * the batch or the number of threads. NULL: out of memory. */
static json_t *describe(const struct recording *r)
{
    static const char *const aspects[] = {"default", "crop", "pad", "stretch"};
    lmvr_session_options o;
    lmvr_model_info info;
    char fingerprint[17];
    lmvr_session_get_options(r->session, &o);
    lmvr_model_get_info(r->model, &info);
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, info.fingerprint);
    json_t *object = json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:i, s:f, s:f, s:I, s:s}", "architecture", info.architecture,
                               "model", fingerprint, "dtype", lmvr_dtype_name(info.dtype), "prompt", text_or_null(o.prompt),
                               "template", text_or_null(o.template_name), "before_generation", o.before_generation,
                               "max_new_tokens", o.max_new_tokens, "temperature", (double)o.temperature, "top_p",
                               (double)o.top_p, "seed", (json_int_t)o.seed, "aspect", aspects[o.aspect]);
    bool good = object != NULL;
    if (good && o.system)
        good = json_object_set_new(object, "system", json_string(o.system)) == 0;
    if (good && o.min_pixels)
        good = json_object_set_new(object, "min_pixels", json_integer(o.min_pixels)) == 0;
    if (good && o.max_pixels)
        good = json_object_set_new(object, "max_pixels", json_integer(o.max_pixels)) == 0;
    if (good && o.normalize)
        good = json_object_set_new(object, "normalize", json_true()) == 0;
    if (good && info.gpu[0]) /* its last bits are its own */
        good = json_object_set_new(object, "device", json_string(info.gpu)) == 0;
    if (good && info.cache_dtype != (info.dtype == LMVR_DTYPE_F32 ? LMVR_DTYPE_F32 : LMVR_DTYPE_BF16))
        good = json_object_set_new(object, "cache_dtype", json_string(lmvr_dtype_name(info.cache_dtype))) == 0;
    if (good && o.dims)
        good = json_object_set_new(object, "dims", json_integer(o.dims)) == 0;
    if (good && r->more && json_object_update(object, (json_t *)r->more) != 0)
        good = false;
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static lmvr_image image_at(const struct recording *recording, size_t index)
{
    if (recording->wrong && recording->wrong[index])
        return (lmvr_image){.text = recording->inputs[index]};
    return recording->images ? recording->images[index] : (lmvr_image){.path = recording->inputs[index]};
}

static lmvr_status take_names(struct recorder *recorder, lmvr_error *error)
{
    const struct recording *r = &recorder->recording;
    recorder->names = calloc(r->input_count + 1, sizeof *recorder->names);
    if (!recorder->names)
        return error_no_memory(error, "the output");
    for (size_t i = 0; i < r->input_count; i++) {
        lmvr_image image = image_at(r, i);
        recorder->names[i] = image.path ? image.path : image.text;
    }
    return LMVR_OK;
}

static lmvr_status open_store(struct recorder *recorder, lmvr_error *error)
{
    const struct recording *r = &recorder->recording;
    size_t count = lmvr_session_feature_count(r->session);
    struct store_feature *features = calloc(count + 1, sizeof *features);
    json_t *description = describe(r);
    lmvr_status status = features && description ? LMVR_OK : error_no_memory(error, "the output");
    for (size_t i = 0; i < count && status == LMVR_OK; i++) {
        lmvr_feature_info info;
        lmvr_session_get_feature(r->session, i, &info);
        features[i] = (struct store_feature){info.name, info.spec, info.dim, info.multi_vector};
    }
    struct store_plan plan = {.output = r->output,
                              .mode = r->mode,
                              .any_device = r->any_device,
                              .features = features,
                              .feature_count = count,
                              .options = description,
                              .inputs = (const char *const *)r->inputs,
                              .names = recorder->names,
                              .input_count = r->input_count};
    if (status == LMVR_OK)
        status = store_open(&plan, &recorder->store, error);
    json_decref(description);
    free(features);
    return status;
}

lmvr_status recorder_open(const struct recording *recording, struct recorder **recorder, lmvr_error *error)
{
    *recorder = calloc(1, sizeof **recorder);
    if (!*recorder)
        return error_no_memory(error, "the output");
    (*recorder)->recording = *recording;
    lmvr_status status = take_names(*recorder, error);
    if (status == LMVR_OK)
        status = open_store(*recorder, error);
    if (status != LMVR_OK) {
        free((*recorder)->names);
        free(*recorder);
        *recorder = NULL;
    }
    return status;
}

size_t recorder_done(const struct recorder *recorder)
{
    return store_done(recorder->store);
}

size_t recorder_failed(const struct recorder *recorder)
{
    return store_failed(recorder->store);
}

/* ---- running ------------------------------------------------------------------------------------------------------------ */

static int on_result(const lmvr_result *given, void *user)
{
    struct recorder *r = user;
    lmvr_result own = *given, *result = &own;
    size_t index = store_done(r->store);
    const char *path = r->recording.inputs[index];
    lmvr_image image = image_at(&r->recording, index);
    if (r->recording.wrong && r->recording.wrong[index])
        own.error = r->recording.wrong[index];
    struct index_line line = {.path = image.path, .text = image.text, .error = result->error};
    if (result->status == LMVR_OK) {
        line.response = result->response;
        line.tokens = result->tokens;
        line.token_count = result->token_count;
        line.finished = result->finished;
    }
    if (r->before && r->before(result, path, r->user) != 0)
        return 1;
    r->status = store_add(r->store, result->features, result->rows, &line, &r->error);
    if (r->status != LMVR_OK)
        return 1;
    return r->after && r->after(store_done(r->store), r->user) != 0;
}

lmvr_status recorder_run(struct recorder *recorder, recorder_fn *before, int (*after)(size_t done, void *user), void *user,
                         lmvr_error *error)
{
    const struct recording *r = &recorder->recording;
    size_t done = store_done(recorder->store), left = r->input_count - done;
    if (left == 0)
        return LMVR_OK;
    lmvr_image *images = calloc(left, sizeof *images);
    if (!images)
        return error_no_memory(error, "the list of images");
    for (size_t i = 0; i < left; i++)
        images[i] = r->wrong && r->wrong[done + i] ? (lmvr_image){0} : image_at(r, done + i);
    recorder->before = before;
    recorder->after = after;
    recorder->user = user;
    recorder->status = LMVR_OK;
    lmvr_status status = lmvr_embed(recorder->recording.session, images, left, on_result, recorder, error);
    free(images);
    if (recorder->status != LMVR_OK) {
        *error = recorder->error;
        return recorder->status;
    }
    /* a stop after the last input is no stop */
    return status == LMVR_STOPPED && store_done(recorder->store) == recorder->recording.input_count ? LMVR_OK : status;
}

lmvr_status recorder_close(struct recorder *recorder, lmvr_error *error)
{
    lmvr_status status = recorder ? store_close(recorder->store, error) : LMVR_OK;
    if (recorder)
        free(recorder->names);
    free(recorder);
    return status;
}
