/*
 * Products with weights in 8 or 4 bits by AMX, which multiplies 16 rows of the input by 16 columns of a piece of weights at
 * once. The steps of a panel are the rows of a tile. If there are fewer rows, the others mean nothing. Products are the same
 * integers that vectors have, and are added to the totals in the same way: so is the result, to the last bit.
 */
#include "tensor/cpu/quantized_panels.h"

#if defined(__AMX_INT8__) || defined(__AMXINT8__) /* as Clang 14 calls it */

#define TILE       16  /* rows of a tile */
#define BLOCK_ROWS 256 /* that meet a part of a panel while it is in the first cache; a multiple of a pair of tiles */
#define PAIR       (2 * TILE)
#define PARTS      16 /* in which a group's products are added to the totals, beside the next group's multiplications */

/* Tiles 0 .. 3 are products. */
#define INPUTS_0  4
#define INPUTS_1  5
#define WEIGHTS_0 6
#define WEIGHTS_1 7
#define TILES     8

typedef int32_t tile_values[TILE][LANES];

struct scratch {
    float totals[BLOCK_ROWS + PAIR][PANEL];
    float scales[PANEL];                              /* of weights in 4 bits that are brought to 8, by column, */
    vi bytes[BLOCK_INPUTS / 4 * 2];                   /* and of a block of them */
    tile_values products[2][4];                       /* of two groups */
    vi steps[BLOCK_INPUTS / 4 * 2];                   /* weights in 4 bits, widened */
    float lines[2][BLOCK_INPUTS / GROUP_4][2][PANEL]; /* and the scales and minimums of two blocks of them */
};

size_t KERNEL(quantized_tile_scratch)(void)
{
    return sizeof(struct scratch);
}

/* Gives tiles their sizes; a piece is as wide as a row of the inputs, four bytes are a row of the weights. */
static void configure(int bits)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } sizes = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        bool inputs = i == INPUTS_0 || i == INPUTS_1;
        sizes.rows[i] = (uint8_t)(i < WEIGHTS_0 ? TILE : step_count(bits));
        sizes.row_bytes[i] = (uint16_t)(inputs ? piece_size(bits) : 4 * LANES);
    }
    _tile_loadconfig(&sizes);
}

/* The inputs' bytes are signed, the weights' not. */
#define LOAD_INPUTS(bits, to, words) _tile_loadd(to, words, block_words(bits) * (int64_t)sizeof(int32_t))
#define LOAD_WEIGHTS(steps)                                                                                                    \
    do {                                                                                                                       \
        _tile_loadd(WEIGHTS_0, steps, 2 * (int64_t)sizeof(vi));                                                                \
        _tile_loadd(WEIGHTS_1, (steps) + 1, 2 * (int64_t)sizeof(vi));                                                          \
    } while (0)
#define STORE(from, to) _tile_stored(from, to, (int64_t)sizeof *(to))

/* ---- 8 bits ---------------------------------------------------------------------------------------------------------- */

/* What is multiplied at once: a pair of tiles of rows by two vectors of columns, the bytes of one tile, or both its bytes and
 * its 256ths. Products are then those of (rows, columns) (0, 0), (0, 1), (1, 0), (1, 1); or the bytes' and the 256ths'. */
enum shape { PAIR_OF_TILES, ONE_TILE, WIDE_TILE };

/* A group that has been multiplied, and is to be added to the totals. */
struct products {
    enum shape shape;
    bool first;                /* there are no totals yet */
    const tile_values *values; /* (4); NULL: nothing */
    struct activations x;
    float (*totals)[PANEL];
};

INLINE void add_row(bool wide, bool first, struct activations x, int64_t row, vi products, vi low, float *total)
{
    vf before = first ? splat(0) : load(total);
    int64_t at = row * block_groups(8);
    products = whole_products(8, products, x.sums[at]);
    if (wide)
        products = wide_products(products, whole_products(8, low, x.low_sums[at]));
    store(total, with_group(8, wide, before, products, x.scales[at], 0, (vf){0}, (vf){0}));
}

/* One of PARTS. */
INLINE void add_part(enum shape shape, const struct products *p, int part)
{
    const int rows = TILE * 4 / PARTS;
    if (shape == PAIR_OF_TILES) {
        UNROLL for (int i = part % 4 * rows; i < (part % 4 + 1) * rows; i++)
        {
            int row = part / 8 * TILE + i, v = part / 4 % 2;
            add_row(false, p->first, p->x, row, *(const vi *)p->values[part / 4][i], (vi){0}, p->totals[row] + v * LANES);
        }
        return;
    }
    UNROLL for (int v = 0; v < 2; v++) add_row(shape == WIDE_TILE, p->first, p->x, part, *(const vi *)p->values[v][part],
                                               *(const vi *)p->values[2 + v][part], p->totals[part] + v * LANES);
}

static void add_all(const struct products *p)
{
    for (int part = 0; p->values && part < PARTS; part++) {
        if (p->shape == PAIR_OF_TILES)
            add_part(PAIR_OF_TILES, p, part);
        else if (p->shape == WIDE_TILE)
            add_part(WIDE_TILE, p, part);
        else
            add_part(ONE_TILE, p, part);
    }
}

#define MULTIPLY(to, inputs, weights, part)                                                                                    \
    do {                                                                                                                       \
        _tile_dpbsud(to, inputs, weights);                                                                                     \
        if (before)                                                                                                            \
            add_part(shape, before, part);                                                                                     \
    } while (0)

/* Multiplies a group, and adds the one before meanwhile if that has the same shape; NULL: none. */
INLINE void multiply_group(enum shape shape, struct activations x, int64_t pieces, const vi *steps,
                           const struct products *before, tile_values *to)
{
    const int piece_words = PIECE_8 / 4;
    const int32_t *others = shape == WIDE_TILE ? x.low_words : x.words + TILE * block_words(8);
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    UNROLL for (int i = 0; i < pieces; i++)
    {
        LOAD_INPUTS(8, INPUTS_0, x.words + i * piece_words);
        LOAD_WEIGHTS(steps + i * step_count(8) * 2);
        MULTIPLY(0, INPUTS_0, WEIGHTS_0, 4 * i);
        MULTIPLY(1, INPUTS_0, WEIGHTS_1, 4 * i + 1);
        if (shape == ONE_TILE)
            continue;
        LOAD_INPUTS(8, INPUTS_1, others + i * piece_words);
        MULTIPLY(2, INPUTS_1, WEIGHTS_0, 4 * i + 2);
        MULTIPLY(3, INPUTS_1, WEIGHTS_1, 4 * i + 3);
    }
    STORE(0, to[0]);
    STORE(1, to[1]);
    if (shape == ONE_TILE)
        return;
    STORE(2, to[2]);
    STORE(3, to[3]);
}

/* Multiplies a group, and leaves it to be added. */
INLINE void next_group(enum shape shape, bool first, struct activations x, int64_t pieces, const vi *steps,
                       float (*totals)[PANEL], struct scratch *s, struct products *last)
{
    tile_values *to = last->values == s->products[0] ? s->products[1] : s->products[0];
    if (pieces == group_pieces(8) && last->values && last->shape == shape && shape != ONE_TILE)
        multiply_group(shape, x, group_pieces(8), steps, last, to);
    else {
        add_all(last);
        multiply_group(shape, x, pieces, steps, NULL, to);
    }
    *last = (struct products){shape, first, to, x, totals};
}

/* All of these rows by a group of a panel. Meanwhile so many bytes behind it are fetched. */
INLINE void multiply_rows(const struct quantized_product *p, int64_t row, int64_t rows, int64_t block, int64_t pieces,
                          const vi *steps, const uint8_t *behind, int64_t behind_bytes, struct scratch *s,
                          struct products *last)
{
    for (int64_t r = 0, fetched = 0; r < rows; r += PAIR) {
        struct activations x = at_row(8, p, block, row + r), other = at_row(8, p, block, row + r + TILE);
        int64_t left = rows - r;
        for (; fetched * rows < (r + PAIR) * behind_bytes && fetched < behind_bytes; fetched += 64)
            __builtin_prefetch(behind + fetched, 0, 2);
        if (any_wide(8, x, left < PAIR ? left : PAIR)) {
            next_group(WIDE_TILE, block == 0, x, pieces, steps, s->totals + r, s, last);
            if (left > TILE)
                next_group(WIDE_TILE, block == 0, other, pieces, steps, s->totals + r + TILE, s, last);
        } else if (left > TILE)
            next_group(PAIR_OF_TILES, block == 0, x, pieces, steps, s->totals + r, s, last);
        else
            next_group(ONE_TILE, block == 0, x, pieces, steps, s->totals + r, s, last);
    }
}

static void multiply_panel_8(const struct quantized_product *p, int64_t row, int64_t rows, const uint8_t *panel,
                             struct scratch *s)
{
    struct products last = {.values = NULL};
    const uint8_t *data = panel + SCALES_8_BYTES;
    for (int64_t block = 0, left = piece_count(8, p->in); left > 0; block++, left -= block_pieces(8)) {
        int64_t pieces = left < block_pieces(8) ? left : block_pieces(8);
        const uint8_t *next = data + pieces * PIECE_8_BYTES;
        multiply_rows(p, row, rows, block, pieces, (const vi *)data, next, BLOCK_INPUTS * PANEL, s, &last);
        data = next;
    }
    add_all(&last);
}

/* ---- 4 bits, brought to 8 ---------------------------------------------------------------------------------------------- */

/* A vector of columns' scales for bytes that reach 127. */
INLINE vf byte_scales(const uint8_t *panel, int64_t groups, int v)
{
    vf most = splat(0);
    for (int64_t g = 0; g < groups; g++, panel += PIECE_4_BYTES) {
        vf scale = load_half_vector(panel, v), minimum = load_half_vector(panel + 2 * PANEL, v), end = scale * 15 + minimum;
        most = vmax(vmax(vmax(minimum, -minimum), vmax(end, -end)), most);
        most += (scale + minimum) * 0; /* one that is not a number is one of the column's */
    }
    return most / 127;
}

/* 128 times a number for each column, in both halves of its lane. */
INLINE vi fixed_point(vf x)
{
    vi fixed = rounded(x * 128) & ((vi){0} + 0xffff);
    return fixed | fixed << 16;
}

INLINE vi multiply_halves(vi x, vi y)
{
    return (vi)_mm512_mullo_epi16((__m512i)x, (__m512i)y);
}

INLINE vi add_halves(vi x, vi y)
{
    return (vi)_mm512_add_epi16((__m512i)x, (__m512i)y);
}

INLINE vi shift_halves(vi x, int by)
{
    return (vi)_mm512_srli_epi16((__m512i)x, by);
}

/* Four levels of each column, a byte each, become bytes of 8 bits, with their offset: level * scale + minimum, in 128ths. */
INLINE vi bytes_of(vi levels, vi scale, vi minimum)
{
    const vi low = (vi){0} + 0x00ff00ff;
    vi even = shift_halves(add_halves(multiply_halves(levels & low, scale), minimum), 7);
    vi odd = shift_halves(add_halves(multiply_halves(shift_halves(levels, 8), scale), minimum), 7);
    return even | odd << 8;
}

/* Brings some groups of a panel to 8 bits. */
static void bring_to_bytes(const uint8_t *from, int64_t groups, struct scratch *s)
{
    const int half = step_count(4) / 2;
    for (int v = 0; v < 2; v++) {
        vf scale = load(s->scales + v * LANES), inverse = blend(scale > splat(0), 1 / scale, splat(0));
        const uint8_t *group = from;
        vi *to = s->bytes + v;
        for (int64_t g = 0; g < groups; g++, group += PIECE_4_BYTES, to += step_count(4) * 2) {
            const vi *both = (const vi *)(group + 4 * PANEL) + v;
            vi a = fixed_point(load_half_vector(group, v) * inverse),
               b = fixed_point(load_half_vector(group + 2 * PANEL, v) * inverse + (OFFSET_8 + 0.5f));
            UNROLL for (int i = 0; i < half; i++)
            {
                to[2 * i] = bytes_of(lower_halves(both[2 * i]), a, b);
                to[2 * (i + half)] = bytes_of(upper_halves(both[2 * i]), a, b);
            }
        }
    }
}

static void multiply_panel_widened(const struct quantized_product *p, int64_t row, int64_t rows, const uint8_t *panel,
                                   struct scratch *s)
{
    struct products last = {.values = NULL};
    int64_t groups = group_count(4, p->in);
    for (int v = 0; v < 2; v++)
        store(s->scales + v * LANES, byte_scales(panel, groups, v));
    for (int64_t block = 0; groups > 0; block++, groups -= block_groups(4)) {
        int64_t count = groups < block_groups(4) ? groups : block_groups(4), pieces = (count * GROUP_4 + PIECE_8 - 1) / PIECE_8;
        if (count * GROUP_4 < pieces * PIECE_8)
            memset(s->bytes + count * step_count(4) * 2, 0, (size_t)(GROUP_4 * PANEL));
        bring_to_bytes(panel, count, s);
        __asm__ volatile("" ::: "memory"); /* GCC does not know what tiles are loaded from */
        panel += count * PIECE_4_BYTES;
        multiply_rows(p, row, rows, block, pieces, s->bytes, panel, block_groups(4) * PIECE_4_BYTES, s, &last);
    }
    add_all(&last);
}

/* ---- 4 bits ---------------------------------------------------------------------------------------------------------- */

static void widen(const uint8_t *from, int64_t groups, vi *steps, float (*lines)[2][PANEL])
{
    for (int64_t g = 0; g < groups; g++, from += PIECE_4_BYTES) {
        load_f16(from, lines[g][0]);
        load_f16(from + 2 * PANEL, lines[g][1]);
        widen_group_4(from + 4 * PANEL, steps + g * step_count(4) * 2);
    }
    __asm__ volatile("" ::: "memory"); /* GCC does not know what tiles are loaded from */
}

/* A group of a tile of rows that has been multiplied, and is to be added to the totals. */
struct late {
    bool wide;
    int64_t rows;                /* 0: nothing */
    const tile_values *values;   /* of the two vectors of columns, and of the 256ths */
    const float (*lines)[PANEL]; /* scales and minimums */
    struct activations x;
    float (*totals)[PANEL];
};

INLINE void add_late_rows(bool wide, const struct late *l)
{
    vf scales[2], minimums[2];
    UNROLL for (int v = 0; v < 2; v++)
    {
        scales[v] = load(l->lines[0] + v * LANES);
        minimums[v] = load(l->lines[1] + v * LANES);
    }
    for (int64_t r = 0; r < l->rows; r++) {
        int64_t at = r * block_groups(4);
        UNROLL for (int v = 0; v < 2; v++)
        {
            float *total = l->totals[r] + v * LANES;
            vi products = *(const vi *)l->values[v][r];
            if (wide)
                products = wide_products(products, *(const vi *)l->values[2 + v][r]);
            store(total, with_group(4, wide, load(total), products, l->x.scales[at], real_sum(wide, l->x, at), scales[v],
                                    minimums[v]));
        }
    }
}

INLINE void add_late(const struct late *l)
{
    if (l->wide)
        add_late_rows(true, l);
    else
        add_late_rows(false, l);
}

#define MULTIPLY_4(words, product_0, product_1)                                                                                \
    do {                                                                                                                       \
        LOAD_INPUTS(4, INPUTS_0, words);                                                                                       \
        _tile_zero(product_0);                                                                                                 \
        _tile_zero(product_1);                                                                                                 \
        _tile_dpbsud(product_0, INPUTS_0, WEIGHTS_0);                                                                          \
        _tile_dpbsud(product_1, INPUTS_0, WEIGHTS_1);                                                                          \
    } while (0)

/* Multiplies a group, and adds the one before meanwhile. */
INLINE void next_group_4(struct late next, const vi *steps, struct scratch *s, struct late *last)
{
    tile_values *to = last->values == s->products[0] ? s->products[1] : s->products[0];
    next.values = to;
    LOAD_WEIGHTS(steps);
    MULTIPLY_4(next.x.words, 0, 1);
    if (next.wide)
        MULTIPLY_4(next.x.low_words, 2, 3);
    add_late(last);
    STORE(0, to[0]);
    STORE(1, to[1]);
    if (next.wide) {
        STORE(2, to[2]);
        STORE(3, to[3]);
    }
    *last = next;
}

/* Whether any of some rows is wide, of each group of a block. */
INLINE void find_wide(struct activations x, int64_t rows, bool *wide)
{
    uint64_t any = 0;
    for (int64_t r = 0; r < rows; r++) {
        uint64_t row;
        _Static_assert(sizeof row == BLOCK_INPUTS / GROUP_4, "a byte a group");
        memcpy(&row, x.wide + r * block_groups(4), sizeof row);
        any |= row;
    }
    memcpy(wide, &any, sizeof any);
}

static void multiply_panel_4(const struct quantized_product *p, int64_t row, int64_t rows, const uint8_t *panel,
                             struct scratch *s)
{
    struct late last = {.lines = (const float(*)[PANEL])s->lines[0][0]};
    for (int64_t block = 0, left = group_count(4, p->in); left > 0; block++, left -= block_groups(4)) {
        int64_t groups = left < block_groups(4) ? left : block_groups(4);
        float(*lines)[2][PANEL] = s->lines[block % 2]; /* the other are of what is late */
        widen(panel, groups, s->steps, lines);
        panel += groups * PIECE_4_BYTES;
        for (int64_t r = 0; r < rows; r += TILE) {
            bool wide[BLOCK_INPUTS / GROUP_4];
            int64_t count = rows - r < TILE ? rows - r : TILE;
            struct activations x = at_row(4, p, block, row + r);
            find_wide(x, count, wide);
            for (int64_t g = 0; g < groups; g++) {
                for (int64_t i = 0; r == 0 && i < PIECE_4_BYTES; i += 64)
                    __builtin_prefetch(panel + g * PIECE_4_BYTES + i, 0, 2); /* of the next block */
                next_group_4((struct late){.wide = wide[g],
                                           .rows = count,
                                           .lines = (const float(*)[PANEL])lines[g],
                                           .x = at_group(4, x, g),
                                           .totals = s->totals + r},
                             s->steps + g * step_count(4) * 2, s, &last);
            }
        }
    }
    add_late(&last);
}

/* ---------------------------------------------------------------------------------------------------------------------- */

void KERNEL(quantized_multiply_tiles)(const struct quantized_product *p, int64_t first_panel, int64_t last_panel, void *scratch)
{
    struct scratch *s = scratch;
    int64_t end = p->first_row + p->rows, blocks = (p->rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    int64_t block_rows = ((p->rows + blocks - 1) / blocks + PAIR - 1) / PAIR * PAIR;
    configure(input_bits(p));
    for (int64_t row = p->first_row; row < end; row += block_rows) {
        int64_t rows = end - row < block_rows ? end - row : block_rows;
        for (int64_t panel = first_panel; panel < last_panel; panel++) {
            const uint8_t *data = p->panels + panel * (int64_t)panel_bytes(p->bits, p->in);
            const float *scales = p->widens ? s->scales : p->bits == 8 ? (const float *)data : NULL;
            if (p->widens)
                multiply_panel_widened(p, row, rows, data, s);
            else if (p->bits == 8)
                multiply_panel_8(p, row, rows, data, s);
            else {
                memset(s->totals, 0, (size_t)(rows + PAIR) * sizeof *s->totals);
                multiply_panel_4(p, row, rows, data, s);
            }
            put_rows(p, row, rows, panel, scales, s->totals);
        }
    }
    _tile_release();
}

#endif
