/* Weights in 8 and 4 bits: quantizing them, and laying them out for the products of the same instruction set. */
#include "tensor/cpu/kernel_quantized.h"

#include "tensor/cpu/f16.h"
#include "tensor/cpu/quantized_panels.h"

/* ---- Weights: records and panels ---- */

#define VECTORS_4 (BLOCK_4 / LANES)

/* A line through the points (q, w) by least squares, and how far they are from it; q are the whole numbers 0 .. 15 nearest to
 * (w - minimum) / scale. */
struct line {
    float scale, minimum, error;
};

INLINE vi levels(vf w, float scale, float minimum)
{
    float inverse = scale > 0 ? 1 / scale : 0;
    return rounded(vmin(vmax((w - minimum) * inverse, splat(0)), splat(15)));
}

INLINE float distance(const vf *w, struct line line, float scale, float minimum)
{
    vf sum = splat(0);
    for (int v = 0; v < VECTORS_4; v++) {
        vf left = w[v] - to_floats(levels(w[v], scale, minimum)) * line.scale - line.minimum;
        sum += left * left;
    }
    return sum_lanes(sum);
}

static struct line fit(const vf *w, float scale, float minimum)
{
    vf q1 = splat(0), q2 = splat(0), w1 = splat(0), qw = splat(0);
    for (int v = 0; v < VECTORS_4; v++) {
        vf q = to_floats(levels(w[v], scale, minimum));
        q1 += q;
        q2 += q * q;
        w1 += w[v];
        qw += q * w[v];
    }
    float sum_q = sum_lanes(q1), sum_w = sum_lanes(w1), n = BLOCK_4;
    float spread = n * sum_lanes(q2) - sum_q * sum_q;
    struct line line = {scale, minimum, 0};
    if (spread > 0) {
        line.scale = (n * sum_lanes(qw) - sum_q * sum_w) / spread;
        line.minimum = (sum_w - line.scale * sum_q) / n;
    }
    line.error = distance(w, line, scale, minimum);
    return line;
}

/* Tries to clip a little or to leave a level out, and moves the line twice to where its points are. */
static struct line best_line(const vf *w, float least, float most)
{
    struct line best = {0, least, __builtin_inff()};
    for (int i = 0; i < 10; i++) {
        float range = most - least, scale = range / (13.0f + 0.4f * (float)i), minimum = least + (range - 15 * scale) / 2;
        for (int again = 0; again < 3 && scale > 0; again++) {
            struct line line = fit(w, scale, minimum);
            if (line.error < best.error)
                best = line;
            scale = line.scale;
            minimum = line.minimum;
        }
    }
    return best;
}

static void quantize_block(const float *weights, int64_t count, uint8_t *block)
{
    vf w[VECTORS_4], finite = splat(0);
    int32_t q[BLOCK_4];
    float padded[BLOCK_4];
    for (int i = 0; i < BLOCK_4; i++) /* padding changes neither the least nor the most */
        padded[i] = weights[i < count ? i : 0];
    vf least = load(padded), most = least;
    for (int v = 0; v < VECTORS_4; v++) {
        w[v] = load(padded + v * LANES);
        finite += w[v] * 0;
        least = vmin(least, w[v]);
        most = vmax(most, w[v]);
    }
    bool is_finite = sum_lanes(finite) == 0;
    struct line line = is_finite ? best_line(w, -max_lanes(-least), max_lanes(most)) : (struct line){__builtin_nanf(""), 0, 0};
    f16 scale = f16_from_f32(line.scale), minimum = f16_from_f32(line.minimum);
    for (int v = 0; v < VECTORS_4; v++) {
        vi level = is_finite ? levels(w[v], f16_to_f32(scale), f16_to_f32(minimum)) : (vi){0};
        memcpy(q + v * LANES, &level, sizeof level);
    }
    memcpy(block, &scale, sizeof scale);
    memcpy(block + sizeof scale, &minimum, sizeof minimum);
    for (int i = 0; i < BLOCK_4 / 2; i++)
        block[4 + i] = (uint8_t)(q[i] | q[i + BLOCK_4 / 2] << 4);
}

static void quantize_8(int64_t in, const float *weights, uint8_t *record)
{
    float most = 0, finite = 0;
    for (int64_t i = 0; i < in; i++) {
        float size = weights[i] < 0 ? -weights[i] : weights[i];
        most = size > most ? size : most;
        finite += weights[i] * 0;
    }
    float scale = finite == 0 ? most / 127 : __builtin_nanf(""), inverse = finite == 0 && scale > 0 ? 1 / scale : 0;
    memcpy(record, &scale, sizeof scale);
    for (int64_t i = 0; i < in; i++) {
        float level = inverse > 0 ? weights[i] * inverse : 0;
        record[sizeof scale + (size_t)i] = (uint8_t)(int8_t)__builtin_rintf(level > 127 ? 127 : level < -127 ? -127 : level);
    }
}

static void quantize(int bits, int64_t in, const float *weights, uint8_t *record)
{
    if (bits == 8)
        quantize_8(in, weights, record);
    else
        for (int64_t i = 0; i < in; i += BLOCK_4, record += BLOCK_4_BYTES)
            quantize_block(weights + i, in - i < BLOCK_4 ? in - i : BLOCK_4, record);
}

static void restore(int bits, int64_t in, const uint8_t *record, float *weights)
{
    float scale;
    f16 line[2];
    memcpy(&scale, record, sizeof scale);
    for (int64_t i = 0; i < in; i++) {
        if (bits == 8) {
            weights[i] = scale * (float)(int8_t)record[sizeof scale + (size_t)i];
            continue;
        }
        const uint8_t *block = record + i / BLOCK_4 * BLOCK_4_BYTES;
        int64_t at = i % BLOCK_4;
        memcpy(line, block, sizeof line);
        weights[i] = f16_to_f32(line[0]) * (float)(block[4 + at % 16] >> at / 16 * 4 & 15) + f16_to_f32(line[1]);
    }
}

/* A step at a time, which is one piece in the panel; adding 128 is turning a byte's highest bit over. */
static void pack_8(int64_t in, const uint8_t *records, int64_t column, int64_t count, uint8_t *panel)
{
    int64_t whole = in / per_step(8) * per_step(8), size = (int64_t)record_bytes(8, in);
    for (int64_t c = 0; c < count; c++)
        memcpy(panel + (column + c) * (int64_t)sizeof(float), records + c * size, sizeof(float));
    records += sizeof(float);
    for (int64_t i = 0; i < whole; i += per_step(8)) {
        uint8_t *to = panel + place_8(i, column);
        for (int64_t c = 0; c < count; c++) {
            uint32_t step = 0;
            memcpy(&step, records + c * size + i, (size_t)per_step(8));
            step ^= OFFSET_8 * 0x01010101u;
            memcpy(to + c * per_step(8), &step, (size_t)per_step(8));
        }
    }
    for (int64_t i = whole; i < in; i++)
        for (int64_t c = 0; c < count; c++)
            panel[place_8(i, column + c)] = (uint8_t)(records[c * size + i] + OFFSET_8);
}

static void pack_4(int64_t in, const uint8_t *records, int64_t column, int64_t count, uint8_t *panel)
{
    int64_t size = (int64_t)record_bytes(4, in);
    for (int64_t g = 0; g < group_count(4, in); g++, records += BLOCK_4_BYTES, panel += PIECE_4_BYTES) {
        for (int64_t c = 0; c < count; c++) {
            memcpy(panel + 2 * (column + c), records + c * size, 2);
            memcpy(panel + 2 * (PANEL + column + c), records + c * size + 2, 2);
        }
        for (int64_t i = 0; i < BLOCK_4 / 2; i += 4) {
            uint8_t *to = panel + 4 * PANEL + place_4(i, column);
            for (int64_t c = 0; c < count; c++)
                memcpy(to + 4 * c, records + c * size + 4 + i, 4);
        }
    }
}

static void pack(int bits, int64_t in, const uint8_t *records, int64_t column, int64_t count, uint8_t *panel)
{
    if (bits == 8)
        pack_8(in, records, column, count, panel);
    else
        pack_4(in, records, column, count, panel);
}

static void unpack(int bits, int64_t in, const uint8_t *panel, int64_t column, uint8_t *record)
{
    if (bits == 8) {
        memcpy(record, panel + column * (int64_t)sizeof(float), sizeof(float));
        for (int64_t i = 0; i < in; i++)
            record[sizeof(float) + (size_t)i] = (uint8_t)(panel[place_8(i, column)] - OFFSET_8);
        return;
    }
    for (int64_t g = 0; g < group_count(4, in); g++, record += BLOCK_4_BYTES, panel += PIECE_4_BYTES) {
        memcpy(record, panel + 2 * column, 2);
        memcpy(record + 2, panel + 2 * (PANEL + column), 2);
        for (int64_t i = 0; i < BLOCK_4 / 2; i++)
            record[4 + i] = panel[4 * PANEL + place_4(i, column)];
    }
}

#if defined(__AMX_INT8__) || defined(__AMXINT8__) /* as Clang 14 calls it */
static size_t either_scratch(void)
{
    size_t vectors = KERNEL(quantized_vector_scratch)(), tiles = KERNEL(quantized_tile_scratch)();
    return vectors > tiles ? vectors : tiles;
}

static void multiply_either(const struct quantized_product *p, int64_t first_panel, int64_t last_panel, void *scratch)
{
    if (p->rows < LEAST_TILE_ROWS && !p->widens)
        KERNEL(quantized_multiply_vectors)(p, first_panel, last_panel, scratch);
    else
        KERNEL(quantized_multiply_tiles)(p, first_panel, last_panel, scratch);
}
#endif

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

const struct quantized_kernels KERNEL(quantized_kernels) = {
    .name = STRING(ISA),
    .panel = PANEL,
#if defined(__AMX_INT8__) || defined(__AMXINT8__)
    .widens = true,
#endif
    .quantize = quantize,
    .restore = restore,
    .panel_bytes = panel_bytes,
    .pack = pack,
    .unpack = unpack,
    .block_words = block_words,
    .take_row = KERNEL(quantized_take_row),
#if defined(__AMX_INT8__) || defined(__AMXINT8__) /* as Clang 14 calls it */
    .scratch = either_scratch,
    .multiply = multiply_either,
#else
    .scratch = KERNEL(quantized_vector_scratch),
    .multiply = KERNEL(quantized_multiply_vectors),
#endif
};
