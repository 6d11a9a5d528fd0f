#include "tensor/cuda/self_check.h"

#include "nn/kv_cache.h"

#include <math.h>
#include <string.h>

#define ROWS     70 /* more than a tile of keys or queries */
#define HEADS    4
#define KV_HEADS 2
#define DIM      64
#define WIDTH    (HEADS * DIM)
#define STRIDE   ((HEADS + 2 * KV_HEADS) * DIM)
#define MOST     (ROWS * STRIDE)

/* A device with its arena, whose results are compared. */
struct side {
    struct arena arena;
    const struct device_operations *run;
};

/* Numbers between -1 and 1 that bf16 holds, so that both sides begin with the same. */
static void fill(float *x, int64_t count, uint32_t seed)
{
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = bf16_to_f32(bf16_from_f32((float)(int32_t)seed * 0x1p-31f));
    }
}

/* Operands, or floats, as floats of the host. */
static lmvr_status fetch(struct side *s, const void *x, bool operands, int64_t count, float *out, lmvr_error *error)
{
    bool wide = !operands || s->arena.operand_dtype == F32;
    bf16 *half = arena_alloc(&s->arena, count, sizeof *half);
    if (!half)
        return error_no_memory(error, "the GPU's check");
    TRY(s->run->read(&s->arena, wide ? (void *)out : half, x, (size_t)count * (wide ? sizeof *out : sizeof *half), error));
    for (int64_t i = 0; i < count && !wide; i++)
        out[i] = bf16_to_f32(half[i]);
    return LMVR_OK;
}

/* What an operation gives for `x` (MOST), as floats of the host, out (count). */
typedef lmvr_status operation(struct side *s, const float *x, float *out, lmvr_error *error);

static lmvr_status check_norm(struct side *s, const float *x, float *out, lmvr_error *error)
{
    const float *weights = arena_sent_floats(&s->arena, x, 2 * WIDTH), *from = arena_sent_floats(&s->arena, x, ROWS * WIDTH);
    operand *y = arena_operands(&s->arena, 2 * ROWS * WIDTH);
    if (!weights || !from || !y)
        return error_no_memory(error, "the GPU's check");
    struct norm norm = {.weight = (float *)weights, .bias = (float *)weights + WIDTH, .eps = 1e-5f};
    s->run->norm(&s->arena, &norm, ROWS, WIDTH, from, RESULT_OPERANDS, y);
    norm.rms = true;
    s->run->norm(&s->arena, &norm, ROWS, WIDTH, from, RESULT_OPERANDS, operand_at(&s->arena, y, ROWS * WIDTH));
    return fetch(s, y, true, 2 * ROWS * WIDTH, out, error);
}

static lmvr_status check_activations(struct side *s, const float *x, float *out, lmvr_error *error)
{
    int64_t count = ROWS * WIDTH / 4;
    operand *y = arena_operands(&s->arena, 6 * count);
    const float *from = arena_sent_floats(&s->arena, x, 2 * count);
    if (!y || !from)
        return error_no_memory(error, "the GPU's check");
    for (int a = ACTIVATION_GELU; a <= ACTIVATION_RELU; a++) {
        s->run->convert(&s->arena, count, 4, from, operand_at(&s->arena, y, a * count));
        s->run->activate(&s->arena, (enum activation)a, 1, count, operand_at(&s->arena, y, a * count));
    }
    operand *both = arena_operands(&s->arena, 2 * count);
    if (!both)
        return error_no_memory(error, "the GPU's check");
    s->run->convert(&s->arena, 2 * count, 4, from, both);
    s->run->gate(&s->arena, ACTIVATION_SILU, 4, count / 4, both, operand_at(&s->arena, y, 5 * count));
    return fetch(s, y, true, 6 * count, out, error);
}

static lmvr_status check_groups(struct side *s, const float *x, float *out, lmvr_error *error)
{
    static const int64_t ends[] = {0, 3, ROWS - 1, ROWS};
    const operand *q = arena_sent(&s->arena, x, MOST);
    operand *y = arena_operands(&s->arena, ROWS * WIDTH);
    if (!q || !y)
        return error_no_memory(error, "the GPU's check");
    struct attention_rule rule = {.heads = HEADS, .scale = 0.5f};
    struct attention_groups groups = {.count = 3,
                                      .queries = ends,
                                      .keys = ends,
                                      .head_dim = DIM,
                                      .q = q,
                                      .k = operand_at(&s->arena, q, DIM),
                                      .v = operand_at(&s->arena, q, 2 * DIM),
                                      .q_stride = STRIDE,
                                      .kv_stride = STRIDE};
    TRY(s->run->attend_groups(&s->arena, &rule, &groups, y, error));
    return fetch(s, y, true, ROWS * WIDTH, out, error);
}

/* Turns and files rows of two sequences, and attends: the second's last row comes alone, as in decoding. */
static lmvr_status attend_filed(struct side *s, const struct kv_cache *cache, const float *x, float *out, lmvr_error *error)
{
    struct kv_place places[ROWS];
    struct attention_span spans[] = {{0, 0, ROWS / 2, 0}, {1, 0, ROWS / 2 - 1, 0}, {1, ROWS / 2 - 1, 1, 0}};
    for (int64_t i = 0; i < ROWS; i++)
        places[i] = (struct kv_place){(int)(2 * i / ROWS), i % (ROWS / 2)};
    const float *weight = arena_sent_floats(&s->arena, x, DIM), *angles = arena_sent_floats(&s->arena, x, ROWS * DIM);
    operand *y = arena_operands(&s->arena, ROWS * WIDTH), *qkv = arena_operands(&s->arena, MOST);
    const float *from = arena_sent_floats(&s->arena, x, MOST);
    if (!weight || !angles || !y || !qkv || !from)
        return error_no_memory(error, "the GPU's check");
    struct norm norm = {.weight = (float *)weight, .eps = 1e-6f, .rms = true};
    struct head_rows rows = {.count = ROWS,
                             .stride = STRIDE,
                             .q_heads = HEADS,
                             .kv_heads = KV_HEADS,
                             .head_dim = DIM,
                             .q_norm = &norm,
                             .k_norm = &norm,
                             .angles = angles,
                             .cache = cache,
                             .block = 1,
                             .places = places};
    struct attention_rule rule = {.heads = HEADS, .causal = true, .scale = 0.5f};
    struct attention_query query = {.cache = cache, .block = 1, .spans = spans, .span_count = 3, .q = qkv, .q_stride = STRIDE};
    s->run->convert(&s->arena, MOST, 1, from, qkv);
    s->run->heads(&s->arena, &rows, qkv);
    TRY(s->run->attend_cache(&s->arena, &rule, &query, y, error));
    return fetch(s, y, true, ROWS * WIDTH, out, error);
}

static lmvr_status check_cache(struct side *s, const float *x, float *out, lmvr_error *error)
{
    struct kv_cache cache;
    TRY(kv_cache_create(&cache, s->arena.device, s->arena.dtype, 2, KV_HEADS, DIM, 2, error));
    lmvr_status status = kv_cache_reserve(&cache, 0, ROWS, error);
    if (status == LMVR_OK)
        status = kv_cache_reserve(&cache, 1, ROWS, error);
    if (status == LMVR_OK)
        status = attend_filed(s, &cache, x, out, error);
    kv_cache_finish(&cache);
    return status;
}

static const struct {
    const char *name;
    operation *run;
    int64_t count;
} checks[] = {{"norms", check_norm, 2 * ROWS *WIDTH},
              {"activations", check_activations, 6 * ROWS *WIDTH / 4},
              {"attention within groups", check_groups, ROWS *WIDTH},
              {"attention over a cache", check_cache, ROWS *WIDTH}};

static lmvr_status compare(const struct device *device, enum dtype dtype, int check, const float *x, float *found, float *right,
                           lmvr_error *error)
{
    const struct device *const devices[] = {device, device_cpu()};
    float *const results[] = {found, right};
    double tolerance = dtype == F32 ? 1e-4 : 0.03;
    for (int i = 0; i < 2; i++) {
        struct side side = {.run = devices[i]->operations};
        TRY(arena_init_on(&side.arena, devices[i], dtype, error));
        lmvr_status status = checks[check].run(&side, x, results[i], error);
        arena_finish(&side.arena);
        TRY(status);
    }
    for (int64_t i = 0; i < checks[check].count; i++)
        if (!(fabs((double)found[i] - (double)right[i]) <= tolerance * fmax(1, fabs((double)right[i]))))
            return error_set(error, LMVR_ERROR_RESOURCE, "%s, %s, computes %s wrongly in %s: %g in place of %g", device->name,
                             device->gpu, checks[check].name, dtype == F32 ? "f32" : "bf16", (double)found[i],
                             (double)right[i]);
    return LMVR_OK;
}

lmvr_status self_check(const struct device *device, lmvr_error *error)
{
    struct arena arena;
    arena_init(&arena);
    float *x = arena_floats(&arena, MOST), *found = arena_floats(&arena, MOST), *right = arena_floats(&arena, MOST);
    lmvr_status status = x && found && right ? LMVR_OK : error_no_memory(error, "the GPU's check");
    if (status == LMVR_OK)
        fill(x, MOST, 1);
    for (int check = 0; check < (int)(sizeof checks / sizeof *checks); check++)
        for (int dtype = F32; dtype <= BF16 && status == LMVR_OK; dtype++)
            status = compare(device, (enum dtype)dtype, check, x, found, right, error);
    arena_finish(&arena);
    return status;
}
