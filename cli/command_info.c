/* lmvr info: prints a model's architecture, its memory needs and perhaps its speed, without loading it. */
#include "cli.h"

#include "bench/estimate.h"
#include "engine.h"
#include "error.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct report {
    const char *path;
    lmvr_model_info at[LMVR_DTYPE_INT4 + 1]; /* each --dtype; the first is the default's */
    bool timed;
    struct estimate times[LMVR_DTYPE_INT4 + 1]; /* but for the first; only if `timed` */
};

static lmvr_status inspect(const struct options *o, const char *path, struct report *r, lmvr_error *error)
{
    *r = (struct report){.path = path, .timed = o->time};
    for (int dtype = LMVR_DTYPE_DEFAULT; dtype <= LMVR_DTYPE_INT4; dtype++) {
        const lmvr_model_options options = {.size = sizeof options, .dtype = (lmvr_dtype)dtype, .mmproj = o->mmproj};
        TRY(lmvr_model_inspect_with(path, &options, &r->at[dtype], error));
        if (o->time && dtype != LMVR_DTYPE_DEFAULT)
            TRY(bench_estimate(path, &options, &r->times[dtype], error));
    }
    return LMVR_OK;
}

static int64_t all_parameters(const lmvr_model_info *i)
{
    return i->vision.parameters + i->connector_parameters + i->language.parameters + i->text.parameters;
}

/* ---- text ---- */

/* "6.74 billion", "303.5 million", "12345". */
static void print_count(int64_t n)
{
    if (n >= 1000000000)
        printf("%.2f billion", (double)n / 1e9);
    else if (n >= 1000000)
        printf("%.1f million", (double)n / 1e6);
    else
        printf("%" PRId64, n);
}

static void print_bytes(uint64_t n)
{
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
    double value = (double)n;
    size_t unit = 0;
    while (value >= 1000 && unit < 4) {
        value /= 1000;
        unit++;
    }
    printf("%.*f %s", unit == 0 ? 0 : value < 10 ? 2 : 1, value, units[unit]);
}

/* `before` is the number of blocks of another stack that precede these. */
static void print_stack(const char *name, int before, const lmvr_stack_info *s)
{
    printf("%-14s", name);
    if (before)
        printf("%d blocks for the prompt and ", before);
    printf("%d blocks%s, width %d, ", s->blocks, before ? " for the response" : "", s->width);
    if (s->kv_heads == s->heads)
        printf("%d heads", s->heads);
    else
        printf("%d heads on %d key-value heads", s->heads, s->kv_heads);
    printf(", MLP %d, ", s->mlp_width);
    print_count(s->parameters);
    printf(" parameters\n");
}

static void print_memory(const lmvr_model_info *i, lmvr_dtype usual)
{
    printf("--dtype %-6s", lmvr_dtype_name(i->dtype));
    print_bytes(i->weights_bytes);
    printf(" of weights");
    if (i->kv_bytes_per_token) {
        printf(", ");
        print_bytes(i->kv_bytes_per_token);
        printf(" of key-value cache per token");
    }
    printf("%s\n", i->dtype == usual ? " (the default here)" : "");
}

static void print_time(const struct estimate *e)
{
    printf("%-14sabout %.2g s an image alone, %.2g s at batch %d\n", "", e->alone, e->together, e->batch);
}

/* What the times are of. */
static void print_timed(const struct estimate *e)
{
    printf("%-14sof an image", "time");
    if (e->prompt)
        printf(" and a response of %d tokens, after a prompt of %d", ESTIMATE_NEW_TOKENS, e->prompt);
    printf("; measured on this processor, with random weights");
    if (e->measured_blocks < e->blocks)
        printf(" in %d of %d blocks", e->measured_blocks, e->blocks);
    printf("\n");
}

static void print_text(const struct report *r)
{
    const lmvr_model_info *i = &r->at[LMVR_DTYPE_DEFAULT];
    printf("%-14s%s\n%-14s%s\n", "model", r->path, "architecture", i->architecture);
    print_stack("vision", 0, &i->vision);
    if (i->connector_parameters) {
        printf("%-14s", "connector");
        print_count(i->connector_parameters);
        printf(" parameters\n");
    }
    if (i->language.blocks)
        print_stack("language", i->input_blocks, &i->language);
    if (i->text.blocks)
        print_stack("text", 0, &i->text);
    if (i->joint_width)
        printf("%-14s%d wide\n", "joint space", i->joint_width);
    printf("%-14s", "total");
    print_count(all_parameters(i));
    printf(" parameters, stored as %s\n", i->stored_dtypes);
    if (i->image_size)
        printf("%-14s%d x %d pixels in patches of %d", "image", i->image_size, i->image_size, i->patch_size);
    else
        printf("%-14sof any size, in patches of %d", "image", i->patch_size);
    printf(i->visual_tokens ? ", %d tokens in the prompt\n" : "\n", i->visual_tokens);
    if (i->language.blocks)
        printf("%-14s%d tokens\n", "vocabulary", i->vocabulary);
    if (i->max_positions)
        printf("%-14s%d, prompt and response together\n", "positions", i->max_positions);
    for (int dtype = LMVR_DTYPE_F32; dtype <= LMVR_DTYPE_INT4; dtype++) {
        print_memory(&r->at[dtype], i->dtype);
        if (r->timed)
            print_time(&r->times[dtype]);
    }
    if (r->timed)
        print_timed(&r->times[LMVR_DTYPE_F32]);
}

/* ---- JSON ---- */

static json_t *stack_to_json(const lmvr_stack_info *s)
{
    if (!s->blocks)
        return json_null();
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:I}", "blocks", s->blocks, "width", s->width, "heads", s->heads, "kv_heads",
                     s->kv_heads, "mlp_width", s->mlp_width, "parameters", (json_int_t)s->parameters);
}

static json_t *memory_to_json(const struct report *r)
{
    json_t *object = json_object();
    for (int dtype = LMVR_DTYPE_F32; dtype <= LMVR_DTYPE_INT4; dtype++) {
        const lmvr_model_info *i = &r->at[dtype];
        json_object_set_new(object, lmvr_dtype_name(i->dtype),
                            json_pack("{s:I, s:I}", "weights_bytes", (json_int_t)i->weights_bytes, "kv_bytes_per_token",
                                      (json_int_t)i->kv_bytes_per_token));
    }
    return object;
}

/* NULL: not measured. */
static json_t *time_to_json(const struct report *r)
{
    const struct estimate *first = &r->times[LMVR_DTYPE_F32];
    if (!r->timed)
        return NULL;
    json_t *images = json_object();
    for (int dtype = LMVR_DTYPE_F32; dtype <= LMVR_DTYPE_INT4; dtype++) {
        const struct estimate *e = &r->times[dtype];
        json_object_set_new(images, lmvr_dtype_name(e->dtype),
                            json_pack("{s:f, s:i, s:f}", "alone_s", e->alone, "batch", e->batch, "at_batch_s", e->together));
    }
    return json_pack("{s:i, s:i, s:i, s:i, s:o}", "new_tokens", first->prompt ? ESTIMATE_NEW_TOKENS : 0, "prompt_positions",
                     first->prompt, "blocks", first->blocks, "measured_blocks", first->measured_blocks, "image", images);
}

/* "BF16, F32" to ["BF16", "F32"]. */
static json_t *dtypes_to_json(const char *list)
{
    json_t *array = json_array();
    while (*list) {
        size_t length = strcspn(list, ", ");
        if (length)
            json_array_append_new(array, json_stringn(list, length));
        list += length + strspn(list + length, ", ");
    }
    return array;
}

static lmvr_status print_json(const struct report *r, lmvr_error *error)
{
    const lmvr_model_info *i = &r->at[LMVR_DTYPE_DEFAULT];
    char fingerprint[17];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, i->fingerprint);
    json_t *json = json_pack(
        "{s:s, s:s, s:o, s:o, s:{s:I}, s:o, s:o, s:i, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:s, s:o, s:o*}", "architecture",
        i->architecture, "fingerprint", fingerprint, "dtypes", dtypes_to_json(i->stored_dtypes), "vision",
        stack_to_json(&i->vision), "connector", "parameters", (json_int_t)i->connector_parameters, "language",
        stack_to_json(&i->language), "text", stack_to_json(&i->text), "joint_width", i->joint_width, "parameters",
        (json_int_t)all_parameters(i), "image_size", i->image_size, "patch_size", i->patch_size, "visual_tokens",
        i->visual_tokens, "vocabulary", i->vocabulary, "max_positions", i->max_positions, "input_blocks", i->input_blocks,
        "default_dtype", lmvr_dtype_name(i->dtype), "memory", memory_to_json(r), "time", time_to_json(r));
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    json_decref(json);
    free(text);
    return text ? LMVR_OK : error_no_memory(error, "the report");
}

int command_info(const struct options *options)
{
    lmvr_error error;
    struct report report;
    char *path = NULL;
    if (options->input_count > 0) {
        complain("takes no inputs, so not \"%s\"; -m names the model", options->inputs[0]);
        return EXIT_CANNOT;
    }
    lmvr_status status = engine_model_path(options, &path, &error);
    if (status == LMVR_OK)
        status = inspect(options, path, &report, &error);
    if (status == LMVR_OK && options->json)
        status = print_json(&report, &error);
    else if (status == LMVR_OK)
        print_text(&report);
    free(path);
    if (status != LMVR_OK)
        return cannot(status, &error);
    return flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
}
