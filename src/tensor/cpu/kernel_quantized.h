/*
 * Kernels of products with weights in 8 or 4 bits, compiled once per instruction set as kernels.h's are. What is summed up
 * inside a group of neighboring columns of the input is integers, exactly; over the groups it is f32, one group after the
 * other. So a row of the result depends only on that row of the input.
 *
 * A row of weights is also a *record*, the same bytes on every processor, which is what a checkpoint holds:
 * - 8 bits: the row's scale, f32, and `in` signed bytes: weight i is scale * byte i.
 * - 4 bits: for every 32 weights the 20 bytes of GGUF's Q4_1: f16 scale, f16 minimum, 16 bytes whose lower halves are weights
 *   0 .. 15 and whose upper halves are weights 16 .. 31; weight i is scale * q + minimum, q from 0 to 15. The last 32 are
 * padded.
 */
#ifndef LMVR_SRC_TENSOR_CPU_KERNEL_QUANTIZED_H
#define LMVR_SRC_TENSOR_CPU_KERNEL_QUANTIZED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOCK_4       32 /* weights that share a scale */
#define BLOCK_4_BYTES 20

/* Columns of the input that share a scale in a row of it. */
#define GROUP_4 BLOCK_4
#define GROUP_8 256

static inline int64_t group_count(int bits, int64_t in)
{
    int64_t group = bits == 4 ? GROUP_4 : GROUP_8;
    return (in + group - 1) / group;
}

static inline size_t record_bytes(int bits, int64_t in)
{
    return bits == 4 ? (size_t)group_count(4, in) * BLOCK_4_BYTES : sizeof(float) + (size_t)in;
}

/* Columns of the input that are multiplied before the next: their weights stay in the first cache. */
#define BLOCK_INPUTS 256

static inline int64_t block_count(int64_t in)
{
    return (in + BLOCK_INPUTS - 1) / BLOCK_INPUTS;
}

static inline int64_t block_groups(int bits)
{
    return BLOCK_INPUTS / (bits == 4 ? GROUP_4 : GROUP_8);
}

/* What is added for a group of a row, beside the products of bytes. */
union group_sum {
    int32_t whole; /* weights in 8 bits: what their offset adds to the products */
    float real;    /* in 4 bits: the sum of the row's integers */
};

/*
 * Rows of the input in whole numbers q, block by block: value i of a group is about scale * q. In most groups q is a byte.
 * Where most values would be small beside the largest, the group is *wide*: q is a byte and 256ths, another. So are all groups
 * where that is asked for.
 *
 * Beside weights in 8 bits, a row that lies nearly all on one side of zero, as behind an activation, is taken less its middle,
 * the offset: steps are then half as large. What that takes from a product is the offset times the sum of the column's weights.
 */
struct activations {
    int32_t *words, *low_words; /* (blocks, rows, block_words()): the bytes in fours, and the 256ths. Where bytes are not
                                 * multiplied, there are no low words, and 256 q in twos of 16 bits. ROWS_BEHIND rows
                                 * more, so that kernels can multiply more than there are */
    float *scales;              /* (blocks, rows, block_groups()); not a number where a value of the group is not finite */
    union group_sum *sums, *low_sums; /* likewise, and so is the next */
    bool *wide;
};

#define ROWS_BEHIND 31

/* c (rows, n) = or += a times the transposed weights [+ bias (n)]. */
struct quantized_product {
    int bits;                /* of the weights */
    bool widens;             /* brings weights in 4 bits to 8 by column of c, and the input's groups are those of 8 bits */
    bool all_wide;           /* every group is, with weights in 8 bits */
    int64_t first_row, rows; /* those to multiply, of */
    int64_t all_rows;
    int64_t n, in;
    struct activations x;
    float *offsets; /* (all_rows) of the input's rows; 0: none */
    const uint8_t *panels;
    const float *sums; /* (n), with weights in 8 bits: of those of each column */
    const float *bias; /* NULL: none */
    bool accumulate;
    float *c;
    int64_t ldc;
};

struct quantized_kernels {
    const char *name;
    int panel;   /* rows of weights per panel, which are columns of c */
    bool widens; /* can bring weights in 4 bits to 8, which is faster for many rows */

    void (*quantize)(int bits, int64_t in, const float *weights, uint8_t *record);
    void (*restore)(int bits, int64_t in, const uint8_t *record, float *weights);

    size_t (*panel_bytes)(int bits, int64_t in);
    /* `count` records, one after another, become columns from `column` on. A panel's lines hold some bytes of every column. */
    void (*pack)(int bits, int64_t in, const uint8_t *records, int64_t column, int64_t count, uint8_t *panel);
    void (*unpack)(int bits, int64_t in, const uint8_t *panel, int64_t column, uint8_t *record);

    int64_t (*block_words)(int bits); /* of a row of the input */
    /* Quantizes x (in) times `factors` (in) as row `row` of the product's. */
    void (*take_row)(const struct quantized_product *p, const float *x, const float *factors, int64_t row);

    size_t (*scratch)(void); /* bytes, aligned to a cache line */
    /* Computes the columns of panels first_panel .. last_panel - 1. */
    void (*multiply)(const struct quantized_product *p, int64_t first_panel, int64_t last_panel, void *scratch);
};

/* The bits by which the input's groups are told. */
static inline int input_bits(const struct quantized_product *p)
{
    return p->widens ? 8 : p->bits;
}

/* The best set for this processor; a constant. */
const struct quantized_kernels *quantized_kernels_get(void);

/* The sets that this processor can run, best first; returns how many of the most MOST_QUANTIZED_KERNELS. */
#define MOST_QUANTIZED_KERNELS 6
int quantized_kernels_all(const struct quantized_kernels *sets[MOST_QUANTIZED_KERNELS]);

extern const struct quantized_kernels quantized_kernels_generic, quantized_kernels_avx2, quantized_kernels_avx2vnni,
    quantized_kernels_avx512, quantized_kernels_avx512vnni, quantized_kernels_amx, quantized_kernels_dotprod;

#endif
