#include "tensor/cuda/check.h"
#include "tensor/cuda/self_check.h"
#include "tensor/matmul.h"

#define FEW  12   /* rows */
#define WIDE 1100 /* more than a block has threads */
#define SIZE (FEW * WIDE)

/* ---- memory ------------------------------------------------------------------------------------------------------------- */

/* Numbers on the device, with room of zeros behind them. NULL: out of memory. */
static float *sent(struct check_side *s, const float *x, int64_t count, int64_t room)
{
    float *there = arena_floats(&s->arena, count + room);
    if (there && count)
        s->run->write(&s->arena, there, x, (size_t)count * sizeof *x);
    if (there && room)
        s->run->zero(&s->arena, there + count, (size_t)room * sizeof *x);
    return there;
}

/* In the type of products. */
static const void *rounded(struct check_side *s, const float *x, int64_t count)
{
    float *there = sent(s, x, count, 0);
    if (!there || s->products == F32)
        return there;
    bf16 *half = (bf16 *)arena_floats(&s->arena, (count + 1) / 2);
    if (half)
        s->train->round(&s->arena, count, there, half);
    return half;
}

/* ---- products ----------------------------------------------------------------------------------------------------------- */

#define M 33
#define N 40
#define K 71

/* As they are stored, the other way round, added, and with a bias. */
static lmvr_status check_products(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    const void *a = rounded(s, x, (int64_t)M * K), *b = rounded(s, x + M * K, (int64_t)K * N);
    float *c = sent(s, x, 0, 4L * M * N), *bias = sent(s, x, N, 0);
    if (!a || !b || !c || !bias)
        return check_no_memory(error);
    for (int i = 0; i < 4; i++) {
        bool turns_a = i / 2, turns_b = i % 2;
        struct matmul_call call = {.dtype = s->products,
                                   .m = M,
                                   .n = N,
                                   .k = K,
                                   .a = {a, turns_a ? M : K, turns_a},
                                   .b = {b, turns_b ? K : N, turns_b},
                                   .bias = i == 3 ? bias : NULL,
                                   .c = c + (int64_t)i * M * N,
                                   .c_stride = N};
        TRY(s->train->multiply(&s->arena, s->matmul, &call, error));
        call.accumulate = i == 2;
        if (call.accumulate)
            TRY(s->train->multiply(&s->arena, s->matmul, &call, error));
    }
    return check_read(s, c, false, 4L * M * N, out, error);
}

/* ---- elements ----------------------------------------------------------------------------------------------------------- */

static lmvr_status check_sums(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    const float *a = sent(s, x, SIZE, 0), *b = sent(s, x + 7, SIZE, 0);
    float *y = sent(s, x, 0, SIZE + 2 * WIDE);
    if (!a || !b || !y)
        return check_no_memory(error);
    s->train->sum(&s->arena, SIZE, a, b, y);
    s->train->add(&s->arena, SIZE, 0.5f, b, y);
    s->train->add_by(&s->arena, SIZE, a + 1, b, y);
    s->train->scale(&s->arena, WIDE, 3.0f, y, y);
    s->train->copy_columns(&s->arena, FEW - 1, 90, a, WIDE, true, y + WIDE + 5, WIDE);
    s->train->copy_columns(&s->arena, FEW - 1, 70, a, WIDE, false, y + WIDE + 200, WIDE);
    TRY(s->train->sum_rows(&s->arena, FEW, WIDE, a, y + SIZE, error));
    s->train->squares(&s->arena, SIZE, a, (double *)(void *)(y + SIZE + WIDE));
    double squares;
    TRY(s->run->read(&s->arena, &squares, y + SIZE + WIDE, sizeof squares, error));
    TRY(check_read(s, y, false, SIZE + WIDE, out, error));
    out[SIZE + WIDE] = (float)squares;
    return LMVR_OK;
}

static lmvr_status check_activations(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    enum { COUNT = 2 * WIDE, KINDS = ACTIVATION_RELU - ACTIVATION_GELU + 1 };
    float *from = sent(s, x, 2 * COUNT, 0), *dy = sent(s, x + 9, COUNT, 0), *y = sent(s, x, 0, (KINDS + 4) * COUNT);
    if (!from || !dy || !y)
        return check_no_memory(error);
    s->train->scale(&s->arena, 2 * COUNT, 4.0f, from, from);
    for (int64_t a = 0; a < KINDS; a++)
        s->train->activate_back(&s->arena, (enum activation)(ACTIVATION_GELU + a), COUNT, from, dy, y + a * COUNT);
    y += KINDS * COUNT;
    s->train->activate(&s->arena, ACTIVATION_GELU, COUNT, from, y);
    s->train->gate(&s->arena, ACTIVATION_SILU, 2, WIDE, from, y + COUNT);
    s->train->gate_back(&s->arena, ACTIVATION_SILU, 2, WIDE, from, dy, y + 2 * COUNT);
    return check_read(s, y - KINDS * COUNT, false, (KINDS + 4) * COUNT, out, error);
}

/* ---- rows --------------------------------------------------------------------------------------------------------------- */

static lmvr_status check_norms(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    float *from = sent(s, x, SIZE, 0), *dy = sent(s, x + 5, SIZE, 0), *weight = sent(s, x + 11, 2 * WIDE, 0);
    float *dx = sent(s, x, 0, 2 * (SIZE + 2 * WIDE));
    if (!from || !dy || !weight || !dx)
        return check_no_memory(error);
    for (int rms = 0; rms < 2; rms++) {
        float *to = dx + rms * (SIZE + 2 * WIDE), *dbias = rms ? NULL : to + SIZE + WIDE;
        struct norm norm = {.weight = weight, .bias = rms ? NULL : weight + WIDE, .eps = 1e-5f, .rms = rms};
        TRY(s->train->norm_back(&s->arena, &norm, FEW, WIDE, from, dy, to, to + SIZE, dbias, error));
    }
    return check_read(s, dx, false, 2L * (SIZE + 2 * WIDE), out, error);
}

/* Rows of two sources, one in bf16, with some twice and one that is none; and rows of heads that are turned, and back. */
static lmvr_status check_rows(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    enum { WIDTH = 96, FROM = 5, HEAD = 32 };
    static const struct gradient_place places[FEW] = {{0, 4}, {1, 2}, {-1, 0}, {0, 4}, {1, 1}, {0, 0},
                                                      {1, 2}, {0, 3}, {0, 1},  {1, 0}, {0, 4}, {1, 4}};
    float *table = sent(s, x, (int64_t)FROM * WIDTH, (int64_t)FROM * WIDTH), *y = sent(s, x, 0, 3L * FEW * WIDTH);
    bf16 *half = (bf16 *)arena_floats(&s->arena, (int64_t)FROM * WIDTH);
    float *angles = sent(s, x + 17, (int64_t)FEW * HEAD, 0), *dy = sent(s, x + 3, (int64_t)FEW * WIDTH, 0);
    if (!table || !y || !half || !angles || !dy)
        return check_no_memory(error);
    s->train->round(&s->arena, (int64_t)FROM * WIDTH, table, half);
    const struct gradient_source sources[] = {{.values = table, .gradient = table + FROM * WIDTH}, {.half = half}};
    TRY(s->train->assemble(&s->arena, FEW, WIDTH, sources, 2, places, y, error));
    TRY(s->train->assemble_back(&s->arena, FEW, WIDTH, sources, 2, places, dy, error));
    for (int back = 0; back < 2; back++) {
        float *turned = y + (int64_t)(1 + back) * FEW * WIDTH;
        struct gradient_turn turn = {
            .rows = FEW, .stride = WIDTH, .column = HEAD, .heads = 2, .head_dim = HEAD, .angles = angles};
        s->run->copy(&s->arena, turned, dy, (size_t)FEW * WIDTH * sizeof *dy);
        s->train->turn(&s->arena, &turn, back, turned);
    }
    TRY(check_read(s, y, false, 3L * FEW * WIDTH, out, error));
    return check_read(s, table + FROM * WIDTH, false, (int64_t)FROM * WIDTH, out + 3L * FEW * WIDTH, error);
}

/* ---- attention ---------------------------------------------------------------------------------------------------------- */

#define DIM    16
#define STRIDE (4 * DIM) /* two heads of queries on one of keys */
#define ROWS   300       /* of keys, for more than a warp */

static lmvr_status check_attention(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    static const struct gradient_segment segments[] = {{0, 40, 0, 40, 5}, {40, 12, 40, 260, 0}};
    enum { QUERIES = 52, RESULTS = QUERIES * 2 * DIM };
    float *qkv = sent(s, x, (int64_t)ROWS * STRIDE, 0), *dy = sent(s, x + 13, RESULTS, 0);
    float *y = sent(s, x, 0, RESULTS + (int64_t)ROWS * STRIDE), *dqkv = y + RESULTS;
    if (!qkv || !dy || !y)
        return check_no_memory(error);
    struct gradient_attention call = {.heads = 2,
                                      .kv_heads = 1,
                                      .head_dim = DIM,
                                      .q = qkv,
                                      .k = qkv + 2L * DIM,
                                      .v = qkv + 3L * DIM,
                                      .q_stride = STRIDE,
                                      .k_stride = STRIDE,
                                      .v_stride = STRIDE,
                                      .rows = QUERIES,
                                      .k_rows = ROWS,
                                      .scale = 0.7f,
                                      .causal = true,
                                      .segments = segments,
                                      .segment_count = 2};
    struct gradient_attention_back back = {.dy = dy, .dq = dqkv, .dk = dqkv + 2L * DIM, .dv = dqkv + 3L * DIM};
    TRY(s->train->attend(&s->arena, &call, s->products, y, error));
    TRY(s->train->attend_back(&s->arena, &call, s->products, &back, error));
    return check_read(s, y, false, RESULTS + (int64_t)ROWS * STRIDE, out, error);
}

/* ---- the loss and the optimizer ----------------------------------------------------------------------------------------- */

static lmvr_status check_loss(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    int32_t targets[FEW];
    float *logits = sent(s, x, SIZE, 0), *slope = sent(s, x, 0, SIZE + 1);
    if (!logits || !slope)
        return check_no_memory(error);
    for (int32_t i = 0; i < FEW; i++)
        targets[i] = 91 * i;
    s->train->scale(&s->arena, SIZE, 9.0f, logits, logits);
    TRY(s->train->cross_entropy(&s->arena, FEW, WIDE, logits, targets, 0.1f, slope, slope + SIZE, error));
    s->train->scale(&s->arena, SIZE, FEW, slope, slope); /* a row's, which add up to 1 but for signs */
    return check_read(s, slope, false, SIZE + 1, out, error);
}

static lmvr_status check_optimizer(struct check_side *s, const float *x, float *out, lmvr_error *error)
{
    const struct gradient_adamw step = {
        .decay = 0.9f, .first = 0.1f, .beta2 = 0.95f, .second = 0.05f, .step = 0.3f, .root_factor = 1.5f, .eps = 1e-3f};
    float *gradient = sent(s, x, SIZE, 0), *value = sent(s, x + 3, SIZE, 2L * SIZE);
    bf16 *half = (bf16 *)sent(s, x, 0, SIZE / 2);
    if (!gradient || !value || !half)
        return check_no_memory(error);
    for (int i = 0; i < 2; i++)
        s->train->adamw(&s->arena, &step, i == 0, SIZE, gradient, value, value + SIZE, value + 2L * SIZE, half);
    const struct gradient_source kept = {.half = half};
    const struct gradient_place first = {0, 0};
    float *widened = sent(s, x, 0, SIZE);
    if (!widened)
        return check_no_memory(error);
    TRY(s->train->assemble(&s->arena, 1, SIZE, &kept, 1, &first, widened, error));
    TRY(check_read(s, value, false, 2L * SIZE, out, error));
    return check_read(s, widened, false, FEW, out + 2L * SIZE, error);
}

lmvr_status self_check_training(const struct device *device, lmvr_error *error)
{
    static const struct check checks[] = {
        {"products of training", check_products, 4L * M * N, CHECK_BOTH},
        {"sums", check_sums, SIZE + WIDE + 1, CHECK_F32},
        {"gradients of activations", check_activations, 9 * 2L * WIDE, CHECK_F32},
        {"gradients of norms", check_norms, 2L * (SIZE + 2 * WIDE), CHECK_F32},
        {"gradients of rows", check_rows, (3L * FEW + 5) * 96, CHECK_F32},
        {"gradients of attention", check_attention, 52L * 2 * DIM + (long)ROWS * STRIDE, CHECK_BOTH},
        {"losses", check_loss, SIZE + 1, CHECK_F32},
        {"steps of the optimizer", check_optimizer, 2L * SIZE + FEW, CHECK_F32}};
    return check_all(device, checks, (int)(sizeof checks / sizeof *checks), error);
}
