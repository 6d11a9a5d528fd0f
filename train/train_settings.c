#include "train/train_settings.h"

#include "format/file.h"
#include "format/hash.h"
#include "format/input.h"
#include "model/checkpoint.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static lmvr_status hash_folder(const char *path, uint64_t *hash, lmvr_error *error)
{
    struct checkpoint *checkpoint;
    TRY(checkpoint_open(path, &checkpoint, error));
    lmvr_status status = checkpoint_hash(checkpoint, hash, error);
    checkpoint_close(checkpoint);
    return status;
}

/* The hash of a small file's contents. */
static lmvr_status hash_file(const char *path, uint64_t *hash, lmvr_error *error)
{
    uint64_t size;
    int fd;
    TRY(input_open(path, &fd, &size, error));
    char *bytes = malloc(size + 1);
    lmvr_status status = bytes ? file_read_at(fd, path, bytes, size, 0, error) : error_no_memory(error, path);
    if (status == LMVR_OK)
        *hash = hash_bytes(HASH_START, bytes, size);
    free(bytes);
    file_close(fd, path, NULL);
    return status;
}

/* Does nothing if `path` is NULL. */
static lmvr_status add_fingerprint(json_t *settings, const char *key, const char *path, lmvr_error *error)
{
    uint64_t hash;
    char text[17];
    if (!path)
        return LMVR_OK;
    TRY(input_is_folder(path) ? hash_folder(path, &hash, error) : hash_file(path, &hash, error));
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    return json_object_set_new(settings, key, json_string(text)) == 0 ? LMVR_OK : error_no_memory(error, "the settings");
}

static json_t *pack_numbers(const struct train_options *o, int64_t steps, int most_tokens)
{
    static const char *const names[] = {"contrastive", "language", "align",           "instruct",
                                        "finetune",    "qformer",  "qformer-language"};
    const struct run_options *r = &o->run;
    const struct adamw *a = &r->adamw;
    return json_pack("{s:s, s:i, s:I, s:i, s:i, s:i, s:f, s:b, s:f, s:f, s:f, s:f, s:f, s:I, s:s, s:s, s:i, s:f, s:b, s:i, "
                     "s:b, s:f, s:b, s:f, s:s?, s:i, s:i}",
                     "objective", names[o->kind], "batch", o->batch, "steps", (json_int_t)steps, "accumulation",
                     r->accumulation, "max_tokens", most_tokens, "vocabulary_size", o->vocabulary_size, "warmup", r->warmup,
                     "constant", r->constant, "learning_rate", a->learning_rate, "beta2", a->beta2, "eps", a->eps,
                     "weight_decay", a->weight_decay, "clip", r->clip, "seed", (json_int_t)r->seed, "dtype",
                     o->net.products == F32 ? "f32" : "bf16", "save_dtype", o->net.saved == F32 ? "f32" : "bf16", "lora",
                     o->lora_rank, "lora_alpha", o->lora_alpha, "train_vision", o->trains_vision, "image_size", o->image_size,
                     "recompute", o->net.recompute, "prompted", o->prompted, "train_language", o->trains_language, "noise",
                     o->net.noise, "prompt", o->prompt, "min_pixels", o->min_pixels, "max_pixels", o->max_pixels);
}

lmvr_status train_settings(const struct train_options *options, int64_t steps, int most_tokens, const char *vocabulary,
                           char **text, lmvr_error *error)
{
    json_t *json = pack_numbers(options, steps, most_tokens);
    *text = NULL;
    lmvr_status status = json ? LMVR_OK : error_no_memory(error, "the settings");
    if (status == LMVR_OK)
        status = add_fingerprint(json, "model", options->start, error);
    if (status == LMVR_OK)
        status = add_fingerprint(json, "vision", options->vision, error);
    if (status == LMVR_OK)
        status = add_fingerprint(json, "language", options->language, error);
    if (status == LMVR_OK)
        status = add_fingerprint(json, "vocabulary", vocabulary, error);
    if (status == LMVR_OK && !(*text = json_dumps(json, JSON_COMPACT)))
        status = error_no_memory(error, "the settings");
    json_decref(json);
    return status;
}
