#include "record/settings.h"

#include "error.h"
#include "format/json.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct json_name aspects[] = {
    {"default", LMVR_ASPECT_DEFAULT}, {"crop", LMVR_ASPECT_CROP}, {"pad", LMVR_ASPECT_PAD}, {"stretch", LMVR_ASPECT_STRETCH}};
#define ASPECTS (sizeof aspects / sizeof *aspects)

static const struct json_name dtypes[] = {{"default", LMVR_DTYPE_DEFAULT},
                                          {"f32", LMVR_DTYPE_F32},
                                          {"bf16", LMVR_DTYPE_BF16},
                                          {"int8", LMVR_DTYPE_INT8},
                                          {"int4", LMVR_DTYPE_INT4}};
#define DTYPES (sizeof dtypes / sizeof *dtypes)

/* ---- writing ---- */

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

json_t *settings_describe(const lmvr_model *model, const lmvr_session *session, const json_t *more)
{
    lmvr_session_options o;
    lmvr_model_info info;
    char fingerprint[17];
    lmvr_session_get_options(session, &o);
    lmvr_model_get_info(model, &info);
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, info.fingerprint);
    json_t *object = json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:i, s:f, s:f, s:I, s:s}", "architecture", info.architecture,
                               "model", fingerprint, "dtype", lmvr_dtype_name(info.dtype), "prompt", text_or_null(o.prompt),
                               "template", text_or_null(o.template_name), "before_generation", o.before_generation,
                               "max_new_tokens", o.max_new_tokens, "temperature", (double)o.temperature, "top_p",
                               (double)o.top_p, "seed", (json_int_t)o.seed, "aspect", aspects[o.aspect].name);
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
    if (good && info.fast)
        good = json_object_set_new(object, "fast", json_true()) == 0;
    if (good && info.cache_dtype != (info.dtype == LMVR_DTYPE_F32 ? LMVR_DTYPE_F32 : LMVR_DTYPE_BF16))
        good = json_object_set_new(object, "cache_dtype", json_string(lmvr_dtype_name(info.cache_dtype))) == 0;
    if (good && o.dims)
        good = json_object_set_new(object, "dims", json_integer(o.dims)) == 0;
    if (good && more && json_object_update(object, (json_t *)more) != 0)
        good = false;
    if (!good) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* ---- reading ---- */

/* With another option, rows would be made otherwise than it says. */
static lmvr_status refuse_unknown(const json_t *run, const char *file, lmvr_error *error)
{
    static const char *const known[] = {
        "lmvr",           "architecture", "model",  "dtype",       "prompt",        "template", "before_generation",
        "max_new_tokens", "temperature",  "top_p",  "seed",        "aspect",        "system",   "min_pixels",
        "max_pixels",     "normalize",    "device", "cache_dtype", "dims",          "features", "inputs",
        "inputs_hash",    "dtype_out",    "layout", "parts",       "rows_per_part", "fast"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)run, key, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || strcmp(key, known[i]) == 0;
        if (!found)
            return error_set(error, LMVR_ERROR_INVALID,
                             "%s: the rows depend on \"%.100s\", which is not an option of lmvr embed", file, key);
    }
    return LMVR_OK;
}

static lmvr_status read_model(const struct json_node *node, struct settings *s, lmvr_error *error)
{
    const char *fingerprint = NULL;
    char *end;
    int dtype = LMVR_DTYPE_DEFAULT, cache = LMVR_DTYPE_DEFAULT;
    TRY(json_node_string(node, "architecture", &s->architecture, error));
    TRY(json_node_string(node, "model", &fingerprint, error));
    if (!fingerprint)
        return error_set(error, LMVR_ERROR_INVALID, "%s: model is missing", node->file);
    s->fingerprint = strtoull(fingerprint, &end, 16);
    if (strlen(fingerprint) != 16 || *end)
        return json_refuse(node, "model", "a model's fingerprint", error);
    TRY(json_node_name(node, "dtype", dtypes, DTYPES, &dtype, error));
    TRY(json_node_name(node, "cache_dtype", dtypes, DTYPES, &cache, error));
    s->dtype = (lmvr_dtype)dtype;
    s->cache_dtype = (lmvr_dtype)cache;
    TRY(json_node_bool(node, "fast", &s->fast, error));
    return json_node_string(node, "device", &s->gpu, error);
}

static lmvr_status read_session(const struct json_node *node, lmvr_session_options *o, lmvr_error *error)
{
    int aspect = LMVR_ASPECT_DEFAULT, max_new_tokens = 0; /* 0: of a model that says nothing */
    const json_t *seed = json_node_get(node, "seed");
    TRY(json_node_string(node, "prompt", &o->prompt, error));
    TRY(json_node_string(node, "template", &o->template_name, error));
    TRY(json_node_string(node, "system", &o->system, error));
    TRY(json_node_bool(node, "before_generation", &o->before_generation, error));
    TRY(json_node_bool(node, "normalize", &o->normalize, error));
    TRY(json_node_int(node, "max_new_tokens", 0, INT_MAX, &max_new_tokens, error));
    TRY(json_node_int(node, "min_pixels", 1, INT_MAX, &o->min_pixels, error));
    TRY(json_node_int(node, "max_pixels", 1, INT_MAX, &o->max_pixels, error));
    TRY(json_node_int(node, "dims", 1, INT_MAX, &o->dims, error));
    TRY(json_node_float(node, "temperature", 0, 100, &o->temperature, error));
    TRY(json_node_float(node, "top_p", 0, 1, &o->top_p, error));
    TRY(json_node_name(node, "aspect", aspects, ASPECTS, &aspect, error));
    o->aspect = (lmvr_aspect)aspect;
    o->max_new_tokens = max_new_tokens ? max_new_tokens : o->max_new_tokens;
    if (seed && !json_is_integer(seed))
        return json_refuse(node, "seed", "a whole number", error);
    o->seed = seed ? (uint64_t)json_integer_value(seed) : o->seed;
    return LMVR_OK;
}

lmvr_status settings_read(const json_t *run, const char *file, struct settings *settings, lmvr_error *error)
{
    struct json_node node = json_node_root(file, run);
    *settings = (struct settings){.architecture = ""};
    lmvr_session_options_default(&settings->session);
    TRY(refuse_unknown(run, file, error));
    TRY(read_model(&node, settings, error));
    return read_session(&node, &settings->session, error);
}
