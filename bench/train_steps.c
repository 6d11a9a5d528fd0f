#include "bench/train_steps.h"

#include "model/load.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/product.h"
#include "train/nets/clip_net.h"
#include "train/nets/llava_net.h"
#include "train/run/optimizer.h"
#include "train/tape/tape_steps.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#define WARM_STEPS    3    /* products get compiled, and the tape's memory reaches its size */
#define LEAST_STEPS   2    /* per timed run */
#define ROW_SECONDS   1.5  /* least time of a timed run */
#define LIMIT_SECONDS 0.03 /* least time to measure one layout of one product */
#define TEXT_TOKENS   30   /* per caption */
#define LORA_RANK     128  /* LLaVA's own */

/* ---- kinds of training -------------------------------------------------------------------------------------------------- */

enum { ALIGN, INSTRUCT, ADAPTERS, LANGUAGE, CONTRASTIVE };

/* Typical of each: stage 1's captions; stage 2's conversations, half of them answers; plain text; pairs. */
static const struct kind {
    const char *name;
    int batch, tokens, learned;
    bool images;
} kinds[BENCH_TRAIN_ROWS] = {
    [ALIGN] = {"align", 16, TEXT_TOKENS, TEXT_TOKENS, true},
    [INSTRUCT] = {"instruct", 8, 120, 60, true},
    [ADAPTERS] = {"adapters", 8, 120, 60, true},
    [LANGUAGE] = {"language", 8, 256, 255, false},
    [CONTRASTIVE] = {"contrastive", 0, TEXT_TOKENS, 0, true},
};

/* A model with random weights, a random batch, and what a step needs. */
struct subject {
    const struct device *device;
    int kind, batch_size;
    struct model_config config;
    struct clip_config clip_config;
    struct parameters parameters;
    struct encoder vision;
    struct llava_net llava;
    struct clip_net clip;
    struct batch batch;
    int32_t *tokens;
    bool *learned;
    struct tape *tape;
    struct optimizer optimizer;
    int64_t steps;
};

static bool is_clip(const struct subject *s)
{
    return s->kind == CONTRASTIVE;
}

static lmvr_status make_net(struct subject *s, lmvr_error *error)
{
    struct net net = {.parameters = &s->parameters, .trained = s->kind != ALIGN && s->kind != ADAPTERS, .error = error};
    const struct lora lora = {.rank = s->kind == ADAPTERS ? LORA_RANK : 0, .scale = 2};
    struct loader loader = {.device = s->device,
                            .dtypes = {s->parameters.products, s->parameters.products, s->parameters.products},
                            .error = error};
    random_init(&net.random, 1);
    if (is_clip(s))
        return clip_net_init(&s->clip, &s->clip_config, &net);
    TRY(llama_net_init(&s->llava.llama, &s->config.language, &lora, s->config.language.vocabulary, &net));
    if (s->kind == LANGUAGE)
        return LMVR_OK;
    TRY(load_encoder(&loader, &s->config.vision, &s->vision));
    s->llava.vision = &s->vision;
    s->llava.feature_state = s->config.encoder_state;
    s->llava.skipped = s->config.projector.drop_class ? 1 : 0;
    s->llava.visual_tokens = config_fixed_visual_tokens(&s->config);
    net.trained = true;
    llava_net_init_projector(&s->llava, &s->config.projector, s->config.vision.width, &net);
    return net.status;
}

static lmvr_status make_batch(struct subject *s, lmvr_error *error)
{
    const struct kind *kind = &kinds[s->kind];
    int64_t count = s->batch_size, size = s->config.vision.image_size;
    int vocabulary = is_clip(s) ? s->clip_config.text.vocabulary : s->config.language.vocabulary;
    struct batch *b = &s->batch;
    *b = (struct batch){.image_count = kind->images ? (int)count : 0, .sequence_count = (int)count};
    b->tokens = count * kind->tokens;
    b->sequences = calloc((size_t)count, sizeof *b->sequences);
    s->tokens = malloc((size_t)b->tokens * sizeof *s->tokens);
    s->learned = malloc((size_t)b->tokens * sizeof *s->learned);
    b->pixels = kind->images ? bench_made_up(count * 3 * size * size) : NULL;
    if (!b->sequences || !s->tokens || !s->learned || (kind->images && !b->pixels))
        return error_no_memory(error, "the bench");
    for (int64_t i = 0; i < b->tokens; i++) {
        s->tokens[i] = (int32_t)(i * 7919 % vocabulary);
        s->learned[i] = i % kind->tokens >= kind->tokens - kind->learned;
    }
    for (int i = 0; i < count; i++)
        b->sequences[i] = (struct batch_sequence){.image = kind->images ? i : -1,
                                                  .count = kind->tokens,
                                                  .tokens = s->tokens + i * kind->tokens,
                                                  .learned = s->learned + i * kind->tokens};
    return LMVR_OK;
}

static lmvr_status subject_create(struct subject *s, enum dtype products, lmvr_error *error)
{
    TRY(parameters_init_on(&s->parameters, products, s->device, error));
    TRY(arena_init_on(&s->llava.arena, s->device, products, error));
    TRY(make_net(s, error));
    TRY(make_batch(s, error));
    TRY(tape_create_for(&s->parameters, &s->tape, error));
    return optimizer_init(&s->optimizer, &s->parameters, error);
}

static void subject_finish(struct subject *s)
{
    optimizer_finish(&s->optimizer);
    tape_free(s->tape);
    free(s->batch.pixels);
    free(s->batch.sequences);
    free(s->tokens);
    free(s->learned);
    clip_net_finish(&s->clip);
    llava_net_finish(&s->llava);
    encoder_finish(&s->vision);
    parameters_finish(&s->parameters);
}

/* ---- steps -------------------------------------------------------------------------------------------------------------- */

static struct value *loss_of(struct subject *s)
{
    if (!is_clip(s))
        return llava_net_loss(&s->llava, s->tape, &s->batch);
    struct tape_contrast contrast = {.scale = s->clip.logit_scale, .queries = 1};
    struct value *images = clip_net_images(&s->clip, s->tape, &s->batch);
    return tape_contrastive(s->tape, images, clip_net_texts(&s->clip, s->tape, &s->batch), &contrast);
}

static lmvr_status step(struct subject *s, lmvr_error *error)
{
    static const struct adamw adamw = {1e-4, 0.9, 0.999, 1e-8, 0.1};
    double norm;
    parameters_clear(&s->parameters);
    tape_begin(s->tape, true);
    TRY(tape_backward(s->tape, loss_of(s), 1, error));
    TRY(optimizer_clip(&s->optimizer, 1, &norm, error));
    optimizer_step(&s->optimizer, &adamw);
    s->steps++;
    return LMVR_OK;
}

/* The unit of throughput: images for pairs, else all tokens. */
static double units(const struct subject *s)
{
    return is_clip(s) ? s->batch_size : s->batch_size * (double)(kinds[s->kind].tokens + s->llava.visual_tokens);
}

/* Raises row->value to the speed of the best step, if that is higher. */
static lmvr_status time_steps(struct subject *s, struct bench_row *row, lmvr_error *error)
{
    double begin = bench_now();
    for (int i = 0; i < LEAST_STEPS || bench_now() - begin < ROW_SECONDS; i++) {
        double start = bench_now();
        TRY(step(s, error));
        double value = units(s) / (bench_now() - start);
        row->value = value > row->value ? value : row->value;
    }
    return LMVR_OK;
}

/* ---- limits ------------------------------------------------------------------------------------------------------------- */

/* The total time of all linear products seen so far, computed by the bare library. */
struct sum {
    enum dtype dtype;
    struct matmul *matmul;
    struct arena arena;
    double seconds, operations;
    lmvr_status status;
    lmvr_error *error;
};

/* Lowers *best to the time of this product with its operands in this layout, if that is less. */
static lmvr_status time_layout(struct sum *sum, struct matmul_call *call, bool a_transposed, bool b_transposed, double *best)
{
    call->a.stride = a_transposed ? call->m : call->k;
    call->a.transposed = a_transposed;
    call->b.stride = b_transposed ? call->k : call->n;
    call->b.transposed = b_transposed;
    TRY(matmul_run(sum->matmul, &sum->arena, call, sum->error)); /* compiles it */
    double begin = bench_now();
    for (int i = 0; i < 2 || (bench_now() - begin < LIMIT_SECONDS && i < 1000); i++) {
        double start = bench_now();
        TRY(matmul_run(sum->matmul, &sum->arena, call, sum->error));
        double seconds = bench_now() - start;
        *best = seconds < *best ? seconds : *best;
    }
    return LMVR_OK;
}

/* Small nonzero numbers, in the library's type. */
static void *numbers(struct sum *sum, int64_t count)
{
    float *wide = arena_floats(&sum->arena, count);
    for (int64_t i = 0; wide && i < count; i++)
        wide[i] = (float)(i % 17 - 8) * 0x1p-6f;
    bf16 *half = sum->dtype == BF16 && wide ? arena_alloc(&sum->arena, count, sizeof *half) : NULL;
    if (half)
        device_cpu()->gradients->round(NULL, count, wide, half);
    return sum->dtype == BF16 ? (void *)half : wide;
}

static void add_product(void *user, int64_t m, int64_t n, int64_t k, int64_t uses)
{
    struct sum *sum = user;
    struct arena_mark mark = arena_mark(&sum->arena);
    struct matmul_call call = {.dtype = sum->dtype, .m = m, .n = n, .k = k, .c_stride = n};
    double best = 1e9;
    if (sum->status != LMVR_OK)
        return;
    call.a.data = numbers(sum, m * k);
    call.b.data = numbers(sum, k * n);
    call.c = arena_floats(&sum->arena, m * n);
    if (!call.a.data || !call.b.data || !call.c)
        sum->status = error_no_memory(sum->error, "the limit");
    for (int i = 0; i < 4 && sum->status == LMVR_OK; i++)
        sum->status = time_layout(sum, &call, i & 1, i & 2, &best);
    sum->seconds += best * (double)uses;
    sum->operations += 2.0 * (double)m * (double)n * (double)k * (double)uses;
    arena_release(&sum->arena, mark);
}

/* Attention's operations in a step: two products forward and four backward, for the `positions` that see each other. */
static double attention_of(const struct subject *s)
{
    const struct language_config *l = &s->config.language;
    const struct vision_config *v = &s->clip_config.vision;
    const struct text_config *t = &s->clip_config.text;
    double length = kinds[s->kind].tokens + s->llava.visual_tokens, side = v->patch_size ? v->image_size / v->patch_size : 0;
    double seen = length * (length + 1) / 2, cells = side * side + 1;
    if (!is_clip(s))
        return 12.0 * s->batch_size * seen * l->heads * l->head_dim * l->blocks;
    return 12.0 * s->batch_size * (seen * t->width * t->blocks + cells * cells * v->width * v->blocks);
}

/* By oneDNN, for the products that the tape has multiplied. */
static lmvr_status limit_on_processor(const struct subject *s, double *seconds, lmvr_error *error)
{
    struct sum sum = {.dtype = s->tape->half ? BF16 : F32, .error = error};
    arena_init(&sum.arena);
    TRY(matmul_create(&sum.matmul, error));
    matmul_count(s->tape->matmul, add_product, &sum);
    *seconds = sum.seconds / (double)s->steps;
    *seconds *= 1 + attention_of(s) / (sum.operations / (double)s->steps);
    matmul_free(sum.matmul);
    arena_finish(&sum.arena);
    return sum.status;
}

/* By cuBLASLt, for those of a pass forward, and as long again for the gradient of inputs, and for that of trained weights. */
static lmvr_status limit_on_gpu(const struct subject *s, struct limit *limit, double *seconds, lmvr_error *error)
{
    const struct kind *kind = &kinds[s->kind];
    struct work work;
    int passes = s->kind == INSTRUCT ? 3 : 2;
    work_prompt(&s->config, (int64_t)s->batch_size * (kind->tokens + s->llava.visual_tokens), &work);
    struct work_product *head = &work.products[work.count - 1];
    head->rows = (int64_t)s->batch_size * kind->learned;
    head->single_row = false;
    work.attention = attention_of(s) / passes;
    TRY(limit_work(limit, &work, seconds, error));
    *seconds *= passes;
    return LMVR_OK;
}

static lmvr_status limit_encoding(const struct subject *s, struct limit *limit, double *seconds, lmvr_error *error)
{
    struct work work;
    int size = s->config.vision.image_size;
    struct view view = {.width = size, .height = size};
    work_encode(&s->config, &(struct picture){.view_count = 1, .views = &view}, s->batch.image_count, &work);
    return limit_work(limit, &work, seconds, error);
}

static lmvr_status limit_step(const struct subject *s, double *seconds, lmvr_error *error)
{
    bool on_processor = s->device == device_cpu();
    if (on_processor)
        TRY(limit_on_processor(s, seconds, error));
    if (!s->llava.vision)
        return LMVR_OK;
    struct limit limit;
    double encoding = 0;
    TRY(limit_init(&limit, s->device, &(struct dtypes){s->parameters.products, s->parameters.products, F32}, error));
    lmvr_status status = on_processor ? LMVR_OK : limit_on_gpu(s, &limit, seconds, error);
    if (status == LMVR_OK)
        status = limit_encoding(s, &limit, &encoding, error);
    limit_finish(&limit);
    *seconds += encoding;
    return status;
}

/* ---- the run ------------------------------------------------------------------------------------------------------------ */

static lmvr_status measure(struct subject *s, enum dtype products, struct bench_train_row *row, lmvr_error *error)
{
    double seconds = 0;
    TRY(subject_create(s, products, error));
    row->visual = s->llava.visual_tokens;
    for (int i = 0; i < WARM_STEPS; i++)
        TRY(step(s, error));
    TRY(time_steps(s, &row->row, error));
    TRY(limit_step(s, &seconds, error));
    row->row.limit = units(s) / seconds;
    return time_steps(s, &row->row, error); /* again, so that the limit is measured between two measurements */
}

/* Limits the depth of the other stacks like the language model's, so that a step is not dominated by a full-depth encoder. */
static void cut_depth(struct subject *s, int layers)
{
    int *depths[] = {&s->config.vision.blocks, &s->clip_config.vision.blocks, &s->clip_config.text.blocks};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        *depths[i] = *depths[i] > layers ? layers : *depths[i];
    if (s->config.encoder_state > s->config.vision.blocks)
        s->config.encoder_state = s->config.vision.blocks;
}

/* LLaVA's two stages, with adapters too on a GPU, which trains nothing else. */
static bool is_measured(const struct bench_options *options, const struct device *device, int kind)
{
    bool on_gpu = device != device_cpu();
    return kind == ADAPTERS ? on_gpu : kind <= INSTRUCT || !(on_gpu || options->quick);
}

static lmvr_status measure_kind(const struct bench_options *options, const struct device *device, int kind,
                                struct bench_train_report *report, lmvr_error *error)
{
    struct bench_train_row *row = &report->rows[report->row_count++];
    struct subject s = {.device = device, .kind = kind, .batch_size = kinds[kind].batch};
    TRY(bench_shape(report->shape, options->layers, &s.config, error));
    if (device == device_cpu())
        TRY(bench_shape_clip(report->shape, &s.clip_config, s.batch_size ? NULL : &s.batch_size, error));
    if (options->layers)
        cut_depth(&s, options->layers);
    report->language_blocks = s.config.language.blocks;
    *row = (struct bench_train_row){.tokens = kinds[kind].tokens, .learned = kinds[kind].learned};
    row->row = (struct bench_row){.name = kinds[kind].name, .batch = s.batch_size};
    row->row.unit = is_clip(&s) ? "images/s" : "tokens/s";
    lmvr_status status = measure(&s, report->dtype, row, error);
    subject_finish(&s);
    return status;
}

static lmvr_status measure_all(const struct bench_options *options, const struct device *device,
                               struct bench_train_report *report, lmvr_error *error)
{
    for (int kind = 0; kind < BENCH_TRAIN_ROWS; kind++)
        if (is_measured(options, device, kind))
            TRY(measure_kind(options, device, kind, report, error));
    return LMVR_OK;
}

/* The types that it computes in. */
static void describe(const struct bench_options *options, const struct device *device, struct bench_train_report *report)
{
    bool on_gpu = device != device_cpu();
    report->dtype = on_gpu && options->dtype == LMVR_DTYPE_DEFAULT ? BF16 : model_dtype(options->dtype);
    report->library_dtype = report->dtype == BF16 && (on_gpu || product_computes_bf16()) ? "bf16" : "f32";
    memcpy(report->gpu, device->gpu, sizeof report->gpu);
}

lmvr_status bench_train(const struct bench_options *options, struct bench_train_report *report, lmvr_error *error)
{
    const struct device *device;
    *report =
        (struct bench_train_report){.shape = options->shape ? options->shape : "lmvr-small", .kernels = kernels_get()->name};
    bench_cpu(report->cpu, sizeof report->cpu);
    TRY(device_open(options->device ? options->device : "cpu", 0, false, &device, error));
    describe(options, device, report);
    int before = omp_get_max_threads();
    if (options->threads > 0)
        omp_set_num_threads(options->threads);
    report->threads = omp_get_max_threads();
    lmvr_status status = measure_all(options, device, report, error);
    omp_set_num_threads(before);
    device_close(device);
    return status;
}
