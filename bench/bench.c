#include "bench/rows.h"

#include "session/session.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cuda/device.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROW_SECONDS 1.5 /* least time to measure a row */

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The value after `key` in one of the kernel's files, up to the end of the line. */
static void read_fact(const char *path, const char *key, char *value, size_t size)
{
    FILE *file = fopen(path, "re");
    char line[256];
    value[0] = 0;
    while (file && !value[0] && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) == 0 && colon) {
            line[strcspn(line, "\n")] = 0;
            snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
        }
    }
    if (file)
        fclose(file);
}

void bench_cpu(char *name, size_t size)
{
    read_fact("/proc/cpuinfo", "model name", name, size);
}

/* The peak resident size so far. */
static uint64_t peak_memory(void)
{
    char value[64];
    read_fact("/proc/self/status", "VmHWM", value, sizeof value);
    return strtoull(value, NULL, 10) << 10;
}

float *bench_made_up(int64_t count)
{
    float *values = malloc((size_t)count * sizeof *values);
    uint32_t state = 1;
    for (int64_t i = 0; values && i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(int32_t)state * 0x1p-31f;
    }
    return values;
}

/* ---- limits ------------------------------------------------------------------------------------------------------------- */

/* The time that this row's work takes at the limit. */
static lmvr_status limit_row(const struct bench *b, struct limit *limit, const char *name, int batch, int64_t prompt,
                             int64_t done, double *seconds, lmvr_error *error)
{
    const struct model_config *config = &b->model->config;
    struct work work;
    if (strcmp(name, "encode") == 0)
        work_encode(config, &b->picture, batch, &work);
    else if (strcmp(name, "prompt") == 0)
        work_prompt(config, prompt, &work);
    else
        work_decode(config, batch, prompt, done, &work);
    return limit_work(limit, &work, seconds, error);
}

static int64_t prompt_positions(const struct bench *b)
{
    const struct model_config *config = &b->model->config;
    return config->has_language ? config_visual_tokens(config, &b->picture, NULL) + PROMPT_ARBITRARY : 0;
}

static lmvr_status set_limits(struct bench *b, lmvr_error *error)
{
    struct limit limit;
    lmvr_status status = limit_init(&limit, b->model->device, &b->model->dtypes, error);
    struct bench_report *r = b->report;
    r->library = rows_on_gpu(b) ? "cuBLASLt" : "oneDNN";
    r->bandwidth = limit.bandwidth;
    r->library_dtype = lmvr_dtype_name(dtype_to_public(limit.dtype));
    int64_t prompt = prompt_positions(b);
    double prompt_seconds = 0;
    for (int i = 0; i < r->row_count && status == LMVR_OK; i++) {
        struct bench_row *row = &r->rows[i];
        double seconds = 0, encode = 0;
        bool whole = strcmp(row->name, "end_to_end") == 0, is_prompt = strcmp(row->name, "prompt") == 0;
        int64_t done = whole ? BENCH_NEW_TOKENS / 2 : DECODE_STEPS;
        status = limit_row(b, &limit, row->name, row->batch, prompt, done, &seconds, error);
        row->limit = (is_prompt ? (double)prompt : row->batch) / seconds;
        row->steady = limit.steady;
        row->fast = limit.fast;
        prompt_seconds = is_prompt ? seconds : prompt_seconds;
        if (whole && status == LMVR_OK) {
            int group = row->batch < r->rows[0].batch ? row->batch : r->rows[0].batch; /* as in "encode" */
            status = limit_row(b, &limit, "encode", group, prompt, 0, &encode, error);
            row->limit = 1 / (encode / group + prompt_seconds + seconds * BENCH_NEW_TOKENS / row->batch);
        }
    }
    limit_finish(&limit);
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------------------------------ */

static lmvr_status open_shape(const struct bench_options *o, int layers, struct lmvr_model **model, lmvr_error *error)
{
    struct model_config config;
    const struct device *device;
    const lmvr_model_options options = {.device = o->device, .fast = o->fast, .dtype = o->dtype, .cache_dtype = o->cache_dtype};
    TRY(bench_shape(o->shape ? o->shape : "llava-1.5-7b", layers, &config, error));
    struct dtypes dtypes;
    TRY(model_device_open(&config, &options, &device, error));
    lmvr_status status = model_dtypes(&config, &options, device, &dtypes, error);
    if (status == LMVR_OK)
        return model_create_random(&config, device, &dtypes, model, error);
    device_close(device);
    return status;
}

static lmvr_status open_model(const struct bench_options *o, struct lmvr_model **model, lmvr_error *error)
{
    if (!o->model)
        return open_shape(o, o->layers, model, error);
    if (o->device && strcmp(o->device, "cuda:all") == 0)
        return error_set(error, LMVR_ERROR_INVALID, "one GPU is measured, so the device is cuda or cuda:N, not cuda:all");
    const lmvr_model_options options = {.size = sizeof options,
                                        .device = o->device,
                                        .fast = o->fast,
                                        .dtype = o->dtype,
                                        .cache_dtype = o->cache_dtype,
                                        .threads = o->threads,
                                        .mmproj = o->mmproj};
    TRY(lmvr_model_open_with(o->model, &options, model, error));
    /* measured with the same kind of prompt as a shape */
    tokenizer_close((*model)->tokenizer);
    (*model)->tokenizer = NULL;
    return LMVR_OK;
}

static lmvr_status name_gpu(const struct bench *b, lmvr_error *error)
{
    struct cuda_properties gpu;
    if (!rows_on_gpu(b))
        return LMVR_OK;
    TRY(cuda_device_describe(b->model->device, &gpu, error));
    memcpy(b->report->gpu, gpu.name, sizeof b->report->gpu);
    return LMVR_OK;
}

static lmvr_status measure(struct bench *b, lmvr_error *error)
{
    struct bench_report *r = b->report;
    lmvr_model_get_info(b->model, &r->info);
    TRY(name_gpu(b, error));
    TRY(rows_plan_picture(b, error));
    TRY(rows_short(b, error));
    if (b->model->config.has_language && !b->quick) {
        TRY(rows_end_to_end(b, 1, error));
        TRY(rows_end_to_end(b, rows_large_batch(b), error));
    }
    if (!rows_on_gpu(b))
        r->peak_memory_bytes = peak_memory();
    TRY(set_limits(b, error));
    TRY(rows_short(b, error)); /* again, so that the limits are measured between two measurements of the model */
    b->model->device->operations->take_notice(b->model->device, &r->notice);
    return LMVR_OK;
}

/* How deep the whole model is, and how deep the other one has to be that tells what a block takes. */
static lmvr_status plan_depth(const struct bench_options *o, struct bench_report *r, lmvr_error *error)
{
    struct model_config config;
    if (o->model)
        return LMVR_OK;
    TRY(bench_shape(o->shape ? o->shape : "llava-1.5-7b", 0, &config, error));
    r->blocks = config.language.blocks;
    if (o->layers && o->layers < r->blocks)
        r->other_blocks = o->layers == 1 ? 2 : 1;
    return LMVR_OK;
}

/* The rows of the language model, of the model with `other_blocks`. */
static lmvr_status measure_other(const struct bench_options *o, int blocks, struct bench_report *other, lmvr_error *error)
{
    struct bench b = {.report = other, .seconds = ROW_SECONDS, .quick = o->quick};
    if (!blocks)
        return LMVR_OK;
    lmvr_status status = open_shape(o, blocks, &b.model, error);
    if (status == LMVR_OK)
        status = rows_language(&b, error);
    lmvr_model_free(b.model);
    return status;
}

static lmvr_status measure_model(const struct bench_options *o, struct bench_report *r, int64_t *prompt, lmvr_error *error)
{
    struct bench b = {.report = r, .seconds = ROW_SECONDS, .quick = o->quick};
    lmvr_status status = open_model(o, &b.model, error);
    if (status == LMVR_OK)
        status = measure(&b, error);
    if (status == LMVR_OK)
        *prompt = prompt_positions(&b);
    picture_finish(&b.picture);
    lmvr_model_free(b.model);
    return status;
}

static lmvr_status measure_depths(const struct bench_options *o, struct bench_report *r, lmvr_error *error)
{
    struct bench_report other = {0};
    int64_t prompt;
    TRY(plan_depth(o, r, error));
    TRY(measure_other(o, r->other_blocks, &other, error)); /* before and after, as the limits have the model's rows */
    TRY(measure_model(o, r, &prompt, error));
    TRY(measure_other(o, r->other_blocks, &other, error));
    if (!r->other_blocks)
        r->blocks = r->info.language.blocks;
    bench_images(r, &other, prompt);
    return LMVR_OK;
}

lmvr_status bench_run(const struct bench_options *options, struct bench_report *report, lmvr_error *error)
{
    *report = (struct bench_report){.kernels = kernels_get()->name};
    bench_cpu(report->cpu, sizeof report->cpu);
    int before = omp_get_max_threads();
    if (options->threads > 0)
        omp_set_num_threads(options->threads);
    report->threads = omp_get_max_threads();
    lmvr_status status = measure_depths(options, report, error);
    omp_set_num_threads(before);
    return status;
}
