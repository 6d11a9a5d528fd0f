/*
 * Products with weights in 8 or 4 bits by AMX, which multiplies 16 rows of the input by 16 columns of a group of weights at
 * once. The steps of a panel are the rows of a tile. If there are fewer rows, the others mean nothing. Sums are the same
 * integers that vectors have, and are added to the totals in the same way: so is the result, to the last bit.
 */
#include "tensor/cpu/quantized_panels.h"

#if defined(__AMX_INT8__) || defined(__AMXINT8__) /* as Clang 14 calls it */

#define TILE        16  /* rows of a tile */
#define BLOCK_ROWS  128 /* that meet a part of a panel while it is in the first cache */
#define MOST_GROUPS (BLOCK_INPUTS / GROUP_4)

/* Tiles 0 .. 3 are sums, two of a group and two of the next. */
#define INPUTS    4
#define WEIGHTS_0 6
#define WEIGHTS_1 7
#define TILES     8

struct scratch {
    vi steps[BLOCK_INPUTS / 4 * 2];            /* weights in 4 bits, widened */
    float lines[MOST_GROUPS][2][PANEL];        /* and their scales and minimums */
    int32_t sums[MOST_GROUPS][2][TILE][LANES]; /* of a tile's groups, by vector of columns */
    float totals[BLOCK_ROWS][PANEL];
};

size_t KERNEL(quantized_tile_scratch)(void)
{
    return sizeof(struct scratch);
}

/* Gives tiles their sizes; a group is as wide as a row of the inputs, four bytes are a row of the weights. */
static void configure(int bits)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } sizes = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        sizes.rows[i] = (uint8_t)(i < WEIGHTS_0 ? TILE : step_count(bits));
        sizes.row_bytes[i] = (uint16_t)(i == INPUTS ? group_size(bits) : 4 * LANES);
    }
    _tile_loadconfig(&sizes);
}

/* Some groups of a block: weights in steps of bytes, and in 4 bits lines. */
struct part {
    const vi *steps;
    const float (*lines)[2][PANEL];
};

INLINE struct part widen(int bits, const uint8_t *from, int64_t groups, struct scratch *s)
{
    for (int64_t g = 0; bits == 4 && g < groups; g++, from += GROUP_4_BYTES) {
        load_f16(from, s->lines[g][0]);
        load_f16(from + 2 * PANEL, s->lines[g][1]);
        widen_group_4(from + 4 * PANEL, s->steps + g * step_count(4) * 2);
    }
    __asm__ volatile("" ::: "memory"); /* GCC does not know what tiles are loaded from */
    return (struct part){bits == 8 ? (const vi *)from : s->steps, s->lines};
}

/* The sums of a group; the input's bytes are signed, the weights' not. */
#define MULTIPLY_GROUP(g, sums_0, sums_1)                                                                                      \
    do {                                                                                                                       \
        const vi *w = steps + (g)*step_count(bits) * 2;                                                                        \
        _tile_loadd(INPUTS, words + (g)*step_count(bits), block_words(bits) * (int64_t)sizeof *words);                         \
        _tile_loadd(WEIGHTS_0, w, 2 * (int64_t)sizeof *w);                                                                     \
        _tile_loadd(WEIGHTS_1, w + 1, 2 * (int64_t)sizeof *w);                                                                 \
        _tile_zero(sums_0);                                                                                                    \
        _tile_zero(sums_1);                                                                                                    \
        _tile_dpbsud(sums_0, INPUTS, WEIGHTS_0);                                                                               \
        _tile_dpbsud(sums_1, INPUTS, WEIGHTS_1);                                                                               \
        _tile_stored(sums_0, sums[g][0], (int64_t)sizeof *sums[g][0]);                                                         \
        _tile_stored(sums_1, sums[g][1], (int64_t)sizeof *sums[g][1]);                                                         \
    } while (0)

INLINE void multiply_groups(int bits, const int32_t *words, int64_t groups, const vi *steps, int32_t (*sums)[2][TILE][LANES])
{
    UNROLL for (int64_t g = 0; g < groups; g += 2)
    {
        MULTIPLY_GROUP(g, 0, 1);
        if (g + 1 < groups)
            MULTIPLY_GROUP(g + 1, 2, 3);
    }
}

/* Adds the sums of some rows and a vector of columns to their totals. */
INLINE void add_sums(int bits, int64_t rows, struct activations x, int64_t groups, int v, const float (*lines)[2][PANEL],
                     int32_t (*sums)[2][TILE][LANES], float (*totals)[PANEL])
{
    for (int64_t r = 0; r < rows; r++) {
        vf total = load(totals[r] + v * LANES);
        UNROLL for (int64_t g = 0; g < groups; g++)
        {
            int64_t at = r * block_groups(bits) + g;
            vf scales = bits == 4 ? load(lines[g][0] + v * LANES) : (vf){0},
               minimums = bits == 4 ? load(lines[g][1] + v * LANES) : (vf){0};
            total = with_group(bits, total, *(const vi *)sums[g][v][r], x.scales[at], x.sums[at], scales, minimums);
        }
        store(totals[r] + v * LANES, total);
    }
}

INLINE void add_groups(int bits, int64_t rows, struct activations x, int64_t groups, struct part part, struct scratch *s,
                       float (*totals)[PANEL])
{
    multiply_groups(bits, x.words, groups, part.steps, s->sums);
    for (int v = 0; v < 2; v++)
        add_sums(bits, rows, x, groups, v, part.lines, s->sums, totals);
}

/* The groups of a whole block are unrolled; the last block's may be fewer, and go one by one. */
INLINE void add_tile(int bits, int64_t rows, struct activations x, int64_t groups, struct part part, struct scratch *s,
                     float (*totals)[PANEL])
{
    if (groups == block_groups(bits)) {
        add_groups(bits, rows, x, block_groups(bits), part, s, totals);
        return;
    }
    for (int64_t g = 0; g < groups; g++) {
        struct part group = {part.steps + g * step_count(bits) * 2, part.lines + g};
        add_groups(bits, rows, at_group(bits, x, g), 1, group, s, totals);
    }
}

/* Where a row has nothing left of a group its scale is 0, and whatever its integers are, nothing is added. */
INLINE void add_rest(int bits, const struct quantized_product *p, int64_t row, int64_t rows, int64_t block, int64_t groups,
                     struct part part, struct scratch *s, float (*totals)[PANEL])
{
    for (int64_t r = row; r < row + rows; r++)
        if (p->has_rest[r]) {
            add_tile(bits, rows, at_row(bits, p, &p->rest, block, row), groups, part, s, totals);
            return;
        }
}

INLINE void multiply_panel(int bits, const struct quantized_product *p, int64_t row, int64_t rows, int64_t panel,
                           struct scratch *s)
{
    const uint8_t *begin = p->panels + panel * (int64_t)panel_bytes(bits, p->in);
    const uint8_t *data = begin + (bits == 8 ? SCALES_8_BYTES : 0);
    memset(s->totals, 0, (size_t)rows * sizeof *s->totals);
    for (int64_t block = 0, left = group_count(bits, p->in); left > 0; block++, left -= block_groups(bits)) {
        int64_t groups = left < block_groups(bits) ? left : block_groups(bits);
        struct part part = widen(bits, data, groups, s);
        for (int64_t r = 0; r < rows; r += TILE) {
            int64_t count = rows - r < TILE ? rows - r : TILE;
            add_tile(bits, count, at_row(bits, p, &p->first, block, row + r), groups, part, s, s->totals + r);
            add_rest(bits, p, row + r, count, block, groups, part, s, s->totals + r);
        }
        data += groups * group_bytes(bits);
    }
    put_rows(p, row, rows, panel, (const float *)begin, s->totals);
}

INLINE void multiply(int bits, const struct quantized_product *p, int64_t first_panel, int64_t last_panel, struct scratch *s)
{
    int64_t end = p->first_row + p->rows;
    configure(bits);
    for (int64_t row = p->first_row; row < end; row += BLOCK_ROWS) {
        int64_t rows = end - row < BLOCK_ROWS ? end - row : BLOCK_ROWS;
        for (int64_t panel = first_panel; panel < last_panel; panel++)
            multiply_panel(bits, p, row, rows, panel, s);
    }
    _tile_release();
}

void KERNEL(quantized_multiply_tiles)(const struct quantized_product *p, int64_t first_panel, int64_t last_panel, void *scratch)
{
    if (p->bits == 4)
        multiply(4, p, first_panel, last_panel, scratch);
    else
        multiply(8, p, first_panel, last_panel, scratch);
}

#endif
