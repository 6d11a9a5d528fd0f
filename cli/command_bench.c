/* lmvr bench: speed against this machine's own limits. */
#include "cli.h"

#include "bench/train_steps.h"
#include "error.h"
#include "hub.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what an image takes ---- */

static void print_images(const struct bench_report *r)
{
    const char *star = r->other_blocks ? "*" : "", *space = r->other_blocks ? " " : "";
    if (r->image_count == 0)
        return;
    printf("\nan image of the whole model, seconds by the clock, %d new tokens", BENCH_NEW_TOKENS);
    if (r->other_blocks)
        printf("; * extrapolated from %d and %d blocks to %d", r->info.language.blocks, r->other_blocks, r->blocks);
    printf("\n%-12s%6s%12s%12s%s%12s%s%12s\n", "", "batch", "encode", "prompt", space, "decode", space, "image");
    for (int i = 0; i < r->image_count; i++) {
        const struct bench_image *image = &r->images[i];
        printf("%-12s%6d%12.4g%12.4g%s%12.4g%s%12.4g%s\n", "", image->batch, image->encode, image->prompt, star, image->decode,
               star, bench_image_seconds(image), star);
    }
}

static json_t *block_seconds(const struct bench_report *r, double seconds)
{
    return r->other_blocks ? json_real(seconds) : json_null();
}

/* NULL: no memory. */
static json_t *images_json(const struct bench_report *r)
{
    json_t *images = json_array();
    for (int i = 0; i < r->image_count; i++) {
        const struct bench_image *image = &r->images[i];
        json_array_append_new(images,
                              json_pack("{s:i, s:f, s:f, s:f, s:f, s:o, s:o}", "batch", image->batch, "encode_s", image->encode,
                                        "prompt_s", image->prompt, "decode_s", image->decode, "image_s",
                                        bench_image_seconds(image), "prompt_block_s", block_seconds(r, image->prompt_block),
                                        "decode_block_s", block_seconds(r, image->decode_block)));
    }
    json_t *measured = json_pack("[i]", r->info.language.blocks);
    json_t *extrapolated = r->other_blocks ? json_pack("[s, s, s]", "prompt_s", "decode_s", "image_s") : json_array();
    if (r->other_blocks)
        json_array_append_new(measured, json_integer(r->other_blocks));
    return json_pack("{s:i, s:o, s:i, s:o, s:o}", "blocks", r->blocks, "measured_blocks", measured, "new_tokens",
                     BENCH_NEW_TOKENS, "extrapolated", extrapolated, "images", images);
}

/* ---- what it costs that rows do not depend on their company ---- */

/* The rows of one pass each: end to end is made of them. */
static bool has_products(const struct bench_row *row)
{
    return row->fast > 0 && strcmp(row->name, "end_to_end") != 0;
}

static void print_products(const struct bench_report *r)
{
    if (!r->gpu[0])
        return;
    printf("\nthe products of a pass by themselves, milliseconds%s\n%-12s%6s%12s%12s  %s\n",
           r->info.fast ? "; the model above is measured with --fast" : "", "", "batch", "default", "--fast",
           "default / --fast");
    for (int i = 0; i < r->row_count; i++) {
        const struct bench_row *row = &r->rows[i];
        if (has_products(row))
            printf("%-12s%6d%12.4g%12.4g  %.2f\n", row->name, row->batch, row->steady * 1e3, row->fast * 1e3,
                   row->steady / row->fast);
    }
}

/* NULL: no memory. */
static json_t *products_json(const struct bench_report *r)
{
    json_t *products = json_array();
    for (int i = 0; i < r->row_count && r->gpu[0]; i++) {
        const struct bench_row *row = &r->rows[i];
        if (has_products(row))
            json_array_append_new(products, json_pack("{s:s, s:i, s:f, s:f}", "name", row->name, "batch", row->batch,
                                                      "default_s", row->steady, "fast_s", row->fast));
    }
    return products;
}

/* ---- the rows ---- */

static void print_table(const struct bench_report *r)
{
    if (r->gpu[0])
        printf("%s, and %s, %d threads; ", r->gpu, r->cpu, r->threads);
    else
        printf("%s, %d threads, %s kernels; ", r->cpu, r->threads, r->kernels);
    printf("limits: %s in %s, memory %.1f GB/s\n", r->library, r->library_dtype, r->bandwidth / 1e9);
    printf("model: %s, %d blocks of the language model, %s\n\n", r->info.architecture, r->info.language.blocks,
           lmvr_dtype_name(r->info.dtype));
    printf("%-12s%6s%12s%12s  %-10s%9s\n", "", "batch", "measured", "limit", "", "fraction");
    for (int i = 0; i < r->row_count; i++) {
        const struct bench_row *row = &r->rows[i];
        printf("%-12s%6d%12.4g%12.4g  %-10s%9.2f\n", row->name, row->batch, row->value, row->limit, row->unit,
               row->value / row->limit);
    }
    printf("\nweights %.0f MB, key-value cache %.0f MB, peak memory %.0f MB\n", (double)r->info.weights_bytes / 1e6,
           (double)r->kv_cache_bytes / 1e6, (double)r->peak_memory_bytes / 1e6);
    print_images(r);
    print_products(r);
}

static lmvr_status print_json(const struct bench_report *r, lmvr_error *error)
{
    json_t *rows = json_array();
    for (int i = 0; i < r->row_count; i++) {
        const struct bench_row *row = &r->rows[i];
        json_array_append_new(rows, json_pack("{s:s, s:i, s:f, s:s, s:f, s:f}", "name", row->name, "batch", row->batch, "value",
                                              row->value, "unit", row->unit, "limit", row->limit, "fraction",
                                              row->value / row->limit));
    }
    json_t *json =
        json_pack("{s:{s:s, s:s*, s:i, s:s, s:s, s:f}, s:{s:s, s:s, s:i, s:i}, s:o, s:o, s:o, s:I, s:I, s:I}", "machine", "cpu",
                  r->cpu, "gpu", r->gpu[0] ? r->gpu : NULL, "threads", r->threads, "kernels", r->kernels, "library_dtype",
                  r->library_dtype, "bandwidth_bytes_per_s", r->bandwidth, "model", "architecture", r->info.architecture,
                  "dtype", lmvr_dtype_name(r->info.dtype), "language_blocks", r->info.language.blocks, "visual_tokens",
                  r->info.visual_tokens, "rows", rows, "whole_model", images_json(r), "products", products_json(r),
                  "weights_bytes", (json_int_t)r->info.weights_bytes, "kv_cache_bytes", (json_int_t)r->kv_cache_bytes,
                  "peak_memory_bytes", (json_int_t)r->peak_memory_bytes);
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    if (!text)
        return error_no_memory(error, "the report");
    puts(text);
    free(text);
    return LMVR_OK;
}

/* ---- corruptions, which have no theoretical limit ---- */

static lmvr_status print_corruptions(const struct bench_row *rows, bool as_json, lmvr_error *error)
{
    char cpu[128];
    bench_cpu(cpu, sizeof cpu);
    if (!as_json) {
        printf("%s, 1 thread; images of 224 x 224, the mean of the severities\n\n", cpu);
        for (int i = 0; i < BENCH_CORRUPTIONS; i++)
            printf("%-26s%9.0f  %s\n", rows[i].name, rows[i].value, rows[i].unit);
        return LMVR_OK;
    }
    json_t *list = json_array();
    for (int i = 0; i < BENCH_CORRUPTIONS; i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:f, s:s, s:n, s:n}", "name", rows[i].name, "batch", rows[i].batch,
                                              "value", rows[i].value, "unit", rows[i].unit, "limit", "fraction"));
    json_t *json = json_pack("{s:{s:s, s:i}, s:o}", "machine", "cpu", cpu, "threads", 1, "rows", list);
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    if (!text)
        return error_no_memory(error, "the report");
    puts(text);
    free(text);
    return LMVR_OK;
}

static int measure_corruptions(const struct options *options)
{
    lmvr_error error;
    struct bench_row rows[BENCH_CORRUPTIONS];
    char names[BENCH_CORRUPTIONS][32];
    if (options->model || options->shape || options->layers || options->dtype || options->cache_dtype ||
        options->session.threads || options->quick) {
        complain("--corruptions is for one thread and without a model: of the other options it takes --json alone");
        return EXIT_CANNOT;
    }
    lmvr_status status = bench_corruptions(rows, names, &error);
    if (status == LMVR_OK)
        status = print_corruptions(rows, options->json, &error);
    if (status != LMVR_OK)
        return cannot(status, &error);
    return flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
}

/* ---- training ---- */

static void print_training(const struct bench_train_report *r)
{
    printf("%s, %d threads, %s kernels; steps in %s; limits: %s in %s\n", r->gpu[0] ? r->gpu : r->cpu, r->threads, r->kernels,
           r->dtype == BF16 ? "bf16" : "f32", r->gpu[0] ? "cuBLASLt" : "oneDNN", r->library_dtype);
    printf("shape: %s, %d blocks of the language model\n\n", r->shape, r->language_blocks);
    printf("%-12s%6s%8s%8s%8s%12s%12s  %-10s%9s\n", "", "batch", "visual", "tokens", "learned", "measured", "limit", "",
           "fraction");
    for (int i = 0; i < r->row_count; i++) {
        const struct bench_train_row *t = &r->rows[i];
        printf("%-12s%6d%8d%8d%8d%12.4g%12.4g  %-10s%9.2f\n", t->row.name, t->row.batch, t->visual, t->tokens, t->learned,
               t->row.value, t->row.limit, t->row.unit, t->row.value / t->row.limit);
    }
}

static lmvr_status print_training_json(const struct bench_train_report *r, lmvr_error *error)
{
    json_t *rows = json_array();
    for (int i = 0; i < r->row_count; i++) {
        const struct bench_train_row *t = &r->rows[i];
        json_array_append_new(rows, json_pack("{s:s, s:i, s:i, s:i, s:i, s:f, s:s, s:f, s:f}", "name", t->row.name, "batch",
                                              t->row.batch, "visual_tokens", t->visual, "tokens", t->tokens, "learned",
                                              t->learned, "value", t->row.value, "unit", t->row.unit, "limit", t->row.limit,
                                              "fraction", t->row.value / t->row.limit));
    }
    json_t *json = json_pack("{s:{s:s, s:i, s:s, s:s}, s:{s:s, s:s, s:i}, s:o}", "machine", "cpu", r->cpu, "threads",
                             r->threads, "kernels", r->kernels, "library_dtype", r->library_dtype, "model", "shape", r->shape,
                             "dtype", r->dtype == BF16 ? "bf16" : "f32", "language_blocks", r->language_blocks, "rows", rows);
    if (r->gpu[0])
        json_object_set_new(json_object_get(json, "machine"), "gpu", json_string(r->gpu));
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    json_decref(json);
    if (!text)
        return error_no_memory(error, "the report");
    puts(text);
    free(text);
    return LMVR_OK;
}

static int measure_training(const struct options *options, const struct bench_options *bench)
{
    lmvr_error error;
    struct bench_train_report report;
    if (options->model || options->corruptions) {
        complain("--train is for a --shape, so neither for -m nor for --corruptions");
        return EXIT_CANNOT;
    }
    if (options->dtype > LMVR_DTYPE_BF16) {
        complain("--train multiplies in f32 or bf16, so not with --dtype %s", lmvr_dtype_name(options->dtype));
        return EXIT_CANNOT;
    }
    if (options->cache_dtype) {
        complain("--train has no key-value cache, so no --cache-dtype");
        return EXIT_CANNOT;
    }
    lmvr_status status = bench_train(bench, &report, &error);
    if (status == LMVR_OK && options->json)
        status = print_training_json(&report, &error);
    else if (status == LMVR_OK)
        print_training(&report);
    if (status != LMVR_OK)
        return cannot(status, &error);
    return flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
}

int command_bench(const struct options *options)
{
    lmvr_error error;
    struct bench_report report;
    struct bench_options bench = {.shape = options->shape,
                                  .layers = options->layers,
                                  .device = options->device,
                                  .fast = options->fast,
                                  .dtype = options->dtype,
                                  .cache_dtype = options->cache_dtype,
                                  .threads = options->session.threads,
                                  .quick = options->quick};
    if (options->input_count > 0) {
        complain("takes no inputs, so not \"%s\"", options->inputs[0]);
        return EXIT_CANNOT;
    }
    if ((options->device || options->fast) && options->corruptions) {
        complain("--corruptions are measured on the processor, so without %s", options->device ? "--device" : "--fast");
        return EXIT_CANNOT;
    }
    if (options->fast && options->bench_train) {
        complain("--train is as the program trains, so without --fast");
        return EXIT_CANNOT;
    }
    if (options->mmproj && !options->model) {
        complain("--mmproj belongs to the GGUF file that -m names, so not without -m");
        return EXIT_CANNOT;
    }
    if (options->bench_train)
        return measure_training(options, &bench);
    if (options->corruptions)
        return measure_corruptions(options);
    if (options->model && (options->shape || options->layers)) {
        complain("takes a model by -m, or a --shape, not both");
        return EXIT_CANNOT;
    }
    char *model;
    lmvr_status status = hub_find(options->model, &model, &error);
    bench.model = model;
    bench.mmproj = options->mmproj;
    if (status == LMVR_OK)
        status = bench_run(&bench, &report, &error);
    free(model);
    if (status == LMVR_OK && report.notice.message[0])
        complain("%s", report.notice.message);
    if (status == LMVR_OK && options->json)
        status = print_json(&report, &error);
    else if (status == LMVR_OK)
        print_table(&report);
    if (status != LMVR_OK)
        return cannot(status, &error);
    return flush_stdout() ? EXIT_DONE : EXIT_STOPPED;
}
