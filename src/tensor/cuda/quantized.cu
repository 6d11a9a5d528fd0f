/*
 * Products with weights in 8 or 4 bits, which are widened in registers, as the tensor cores take them. 16 rows of weights are a
 * panel, and 128 columns of it a chunk, in which pieces of 16 bytes lie as lanes take them: a word of weights in 4 bits is a
 * lane's `a` of one multiply_16816(), two words are it in 8 bits.
 *
 *     4 bits   2 x 32 pieces, of 64 columns each, then for each row a piece with the scales and least values of its 4 blocks
 *     8 bits   4 x 32 pieces, of 32 columns each; a byte is 128 more than the weight
 */
#include "tensor/cuda/kernels.h"

#include "tensor/cuda/pieces.h"

#define PANEL 16
#define CHUNK 128
#define DEPTH 16 /* columns that are multiplied at a time */
#define STEPS (CHUNK / DEPTH)
#define LINE  8 /* columns that a thread takes together */
#define LINES (CHUNK / LINE)

#define BLOCK_4       32 /* weights in 4 bits that share a scale */
#define BLOCKS_4      (CHUNK / BLOCK_4)
#define BLOCK_4_BYTES 20 /* in a record */
#define ZERO_8        128

static int64_t panel_count(int64_t out)
{
    return (out + PANEL - 1) / PANEL;
}

static int64_t chunk_count(int64_t in)
{
    return (in + CHUNK - 1) / CHUNK;
}

/* Of a chunk. */
template <int BITS> struct layout {
    static const int word_weights = 32 / BITS, piece_weights = 4 * word_weights;
    static const int weight_pieces = PANEL * CHUNK / piece_weights;
    static const int pieces = weight_pieces + (BITS == 4 ? PANEL : 0);
};

size_t cuda_quantized_bytes(enum dtype dtype, int64_t out, int64_t in)
{
    int pieces = dtype == INT8 ? layout<8>::pieces : layout<4>::pieces;
    return (size_t)(panel_count(out) * chunk_count(in) * pieces) * sizeof(uint4);
}

template <int BITS> __device__ inline uint4 *chunk_at(const struct cuda_quantized *m, int64_t panel, int64_t chunk)
{
    return (uint4 *)m->panels + (panel * ((m->in + CHUNK - 1) / CHUNK) + chunk) * layout<BITS>::pieces;
}

__device__ inline uint32_t word_of(const uint4 &piece, int word)
{
    return word == 0 ? piece.x : word == 1 ? piece.y : word == 2 ? piece.z : piece.w;
}

/* ---- from records ------------------------------------------------------------------------------------------------------- */

/* The place in its panel and chunk of weight `e` of a piece, which is one of two of a word of `a`. */
struct weight_place {
    int row, column;
};
template <int BITS> __device__ inline struct weight_place place_of(int piece, int e)
{
    int lane = piece % WARP, step = (piece / WARP * layout<BITS>::piece_weights + e) / 8;
    int word = BITS == 4 ? e % 4 : e / 2 % 4, second = BITS == 4 ? e / 4 % 2 : e % 2;
    return {lane / 4 + word % 2 * 8, step * DEPTH + lane % 4 * 2 + word / 2 * 8 + second};
}

template <int BITS> __device__ inline size_t bytes_of_record(int64_t in)
{
    return BITS == 4 ? (size_t)((in + BLOCK_4 - 1) / BLOCK_4) * BLOCK_4_BYTES : sizeof(float) + (size_t)in;
}

template <int BITS> __device__ inline uint32_t weight_of_record(const uint8_t *record, int64_t column)
{
    if (BITS == 8)
        return (record[sizeof(float) + (size_t)column] + ZERO_8) & 0xffu;
    int at = (int)(column % BLOCK_4);
    return record[column / BLOCK_4 * BLOCK_4_BYTES + 4 + at % 16] >> at / 16 * 4 & 0xfu;
}

/* A thread has a piece, of which it changes what is of the given rows. */
template <int BITS>
__global__ static void pack_kernel(struct cuda_quantized m, int64_t first, int64_t count, const uint8_t *records)
{
    typedef layout<BITS> L;
    int64_t panel = first / PANEL + blockIdx.x, chunk = blockIdx.y, row = panel * PANEL - first;
    int piece = (int)threadIdx.x;
    uint32_t words[4];
    uint4 *there = chunk_at<BITS>(&m, panel, chunk) + piece;
    memcpy(words, there, sizeof words);
    if (piece < L::weight_pieces) {
        for (int e = 0; e < L::piece_weights; e++) {
            struct weight_place place = place_of<BITS>(piece, e);
            int64_t r = row + place.row, column = chunk * CHUNK + place.column;
            if (r < 0 || r >= count || column >= m.in)
                continue;
            int shift = e % L::word_weights * BITS;
            uint32_t *word = &words[e / L::word_weights], all = (1u << BITS) - 1;
            *word = (*word & ~(all << shift)) | weight_of_record<BITS>(records + r * bytes_of_record<BITS>(m.in), column)
                                                    << shift;
        }
    } else {
        row += piece - L::weight_pieces;
        for (int b = 0; b < BLOCKS_4 && row >= 0 && row < count; b++)
            if (chunk * CHUNK + b * BLOCK_4 < m.in)
                memcpy(&words[b], records + row * bytes_of_record<4>(m.in) + (chunk * BLOCKS_4 + b) * BLOCK_4_BYTES, 4);
    }
    memcpy(there, words, sizeof words);
}

/* Scales of rows, with which records in 8 bits begin. */
__global__ static void __launch_bounds__(BLOCK)
    scales_kernel(struct cuda_quantized m, int64_t first, int64_t count, const uint8_t *records)
{
    int64_t row = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (row < count)
        memcpy(&m.scales[first + row], records + row * bytes_of_record<8>(m.in), sizeof(float));
}

void cuda_quantized_pack(cuda_stream stream, const struct cuda_quantized *m, int64_t first, int64_t count, const void *records)
{
    if (count == 0)
        return;
    int64_t panels = panel_count(first + count) - first / PANEL;
    dim3 grid((unsigned)panels, (unsigned)chunk_count(m->in));
    const uint8_t *bytes = (const uint8_t *)records;
    if (m->dtype == INT4) {
        LAUNCH(pack_kernel<4>, grid, layout<4>::pieces, 0, stream, *m, first, count, bytes);
        return;
    }
    LAUNCH(pack_kernel<8>, grid, layout<8>::pieces, 0, stream, *m, first, count, bytes);
    LAUNCH(scales_kernel, (unsigned)((count + BLOCK - 1) / BLOCK), BLOCK, 0, stream, *m, first, count, bytes);
}

/* ---- widening ----------------------------------------------------------------------------------------------------------- */

/* 0 to 255, from the lowest bits of 2^23 and itself. */
__device__ inline float whole_number(uint32_t bits)
{
    return __uint_as_float(0x4b000000u | bits) - 0x1p23f;
}

/* Scale and least value of a block, as in a record. */
__device__ inline float scale_of(uint32_t line)
{
    return f16_to_f32((uint16_t)line);
}
__device__ inline float least_of(uint32_t line)
{
    return f16_to_f32((uint16_t)(line >> 16));
}

/* Word `i` of `a` (two weights) in step `step` of a lane's pieces of a chunk; in 8 bits without the row's scale. */
template <int BITS> __device__ inline void two_weights(uint32_t word, int i, float scale, float least, float v[2])
{
    if (BITS == 4) {
        v[0] = fmaf(whole_number(word >> 4 * i & 0xfu), scale, least);
        v[1] = fmaf(whole_number(word >> (4 * i + 16) & 0xfu), scale, least);
    } else {
        v[0] = whole_number(word >> i % 2 * 16 & 0xffu) - ZERO_8;
        v[1] = whole_number(word >> (i % 2 * 16 + 8) & 0xffu) - ZERO_8;
    }
}

/* Where these two are. */
template <int BITS> __device__ inline int piece_of_step(int step)
{
    return step * 8 / layout<BITS>::piece_weights;
}
template <int BITS> __device__ inline int word_of_step(int step, int i)
{
    return BITS == 4 ? step % 4 : step % 2 * 2 + i / 2;
}

/* A block has a chunk of a panel, a thread LINE columns of a row. */
template <int BITS>
__global__ static void __launch_bounds__(PANEL *LINES) widen_kernel(struct cuda_quantized m, int64_t stride, bf16 *to)
{
    int line = (int)threadIdx.x % LINES, r = (int)threadIdx.x / LINES, step = line / 2, i = line % 2 * 2 + r / 8;
    int64_t row = (int64_t)blockIdx.x * PANEL + r, column = (int64_t)blockIdx.y * CHUNK + line * LINE;
    if (row >= m.out || column >= stride)
        return;
    const uint4 *chunk = chunk_at<BITS>(&m, blockIdx.x, blockIdx.y);
    float scale, least = 0.0f, v[LINE];
    if (BITS == 4) {
        uint32_t block = word_of(chunk[layout<BITS>::weight_pieces + r], step / 2);
        scale = scale_of(block);
        least = least_of(block);
    } else
        scale = m.scales[row];
    for (int t = 0; t < 4; t++) {
        const uint4 &piece = chunk[piece_of_step<BITS>(step) * WARP + r % 8 * 4 + t];
        two_weights<BITS>(word_of(piece, word_of_step<BITS>(step, i)), i, scale, least, v + 2 * t);
    }
    for (int c = 0; c < LINE; c++) {
        float weight = BITS == 4 ? v[c] : scale * v[c];
        v[c] = column + c < m.in ? weight * m.factors[column + c] : 0.0f;
    }
    store_piece<LINE>(to + row * stride, column, stride, true, v);
}

void cuda_quantized_widen(cuda_stream stream, const struct cuda_quantized *m, int64_t stride, void *weights)
{
    dim3 grid((unsigned)panel_count(m->out), (unsigned)chunk_count(m->in));
    if (m->dtype == INT4)
        LAUNCH(widen_kernel<4>, grid, PANEL * LINES, 0, stream, *m, stride, (bf16 *)weights);
    else
        LAUNCH(widen_kernel<8>, grid, PANEL * LINES, 0, stream, *m, stride, (bf16 *)weights);
}

/* ---- multiplying -------------------------------------------------------------------------------------------------------- */

#define WARPS       8 /* of a block, which have a panel each */
#define PITCH       (CHUNK + 8)
#define BLOCKS      256 /* that a product has, if its sums are long enough: two for each multiprocessor of an H100 */
#define LEAST_PARTS 4   /* chunks of a part of a sum, at least */

/* Chunks of a part of the sums; the parts are added in order. They depend on the matrix alone. */
static int64_t part_chunks(const struct cuda_quantized *m)
{
    int64_t blocks = (panel_count(m->out) + WARPS - 1) / WARPS, parts = (BLOCKS + blocks - 1) / blocks;
    int64_t each = (chunk_count(m->in) + parts - 1) / parts;
    return each < LEAST_PARTS ? LEAST_PARTS : each;
}

static int64_t part_count(const struct cuda_quantized *m)
{
    int64_t each = part_chunks(m);
    return (chunk_count(m->in) + each - 1) / each;
}

size_t cuda_quantized_scratch(const struct cuda_quantized *m, int64_t rows)
{
    return (size_t)(part_count(m) * rows * m->out) * sizeof(float);
}

/* What a lane needs of a chunk. */
template <int BITS> struct lane_chunk {
    uint4 weights[layout<BITS>::weight_pieces / WARP], lines[2]; /* lines: of its rows, in 4 bits */

    __device__ inline void load(const uint4 *chunk)
    {
        int lane = (int)threadIdx.x % WARP;
#pragma unroll
        for (int p = 0; p < layout<BITS>::weight_pieces / WARP; p++)
            weights[p] = chunk[p * WARP + lane];
        if (BITS == 4) {
            lines[0] = chunk[layout<BITS>::weight_pieces + lane / 4];
            lines[1] = chunk[layout<BITS>::weight_pieces + lane / 4 + 8];
        }
    }

    __device__ inline void widen(int step, uint32_t a[4]) const
    {
        float scales[2] = {0.0f, 0.0f}, least[2] = {0.0f, 0.0f}, v[2];
        for (int r = 0; r < 2 && BITS == 4; r++) {
            scales[r] = scale_of(word_of(lines[r], step / 2));
            least[r] = least_of(word_of(lines[r], step / 2));
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            uint32_t word = word_of(weights[piece_of_step<BITS>(step)], word_of_step<BITS>(step, i));
            two_weights<BITS>(word, i, scales[i % 2], least[i % 2], v);
            a[i] = pack_bf16(v[0], v[1]);
        }
    }
};

/* Rows of x that a block multiplies. */
struct x_rows {
    const bf16 *x;
    int64_t first, rows, in;
    const float *factors;
    bool whole;
};

/* A thread's share of a chunk of them. */
template <int TILES> struct x_lines {
    static const int count = TILES * 8 * LINES / (WARPS * WARP);
    piece<bf16, LINE> lines[count];

    __device__ inline void load(const struct x_rows *x, int64_t chunk)
    {
#pragma unroll
        for (int i = 0; i < count; i++) {
            int at = (int)threadIdx.x + i * WARPS * WARP;
            int64_t row = x->first + at / LINES, column = chunk * CHUNK + at % LINES * LINE;
            const bf16 *from = x->x + row * x->in + column;
            if (row < x->rows && x->whole && column < x->in)
                lines[i] = *reinterpret_cast<const piece<bf16, LINE> *>(from);
            else
                for (int c = 0; c < LINE; c++)
                    lines[i].at[c] = row < x->rows && column + c < x->in ? from[c] : 0;
        }
    }

    /* Times the factors of their columns, which are powers of two. */
    __device__ inline void store(const struct x_rows *x, int64_t chunk, bf16 (*tile)[PITCH]) const
    {
#pragma unroll
        for (int i = 0; i < count; i++) {
            int at = (int)threadIdx.x + i * WARPS * WARP;
            int64_t column = chunk * CHUNK + at % LINES * LINE;
            float v[LINE];
            bool inside = column < x->in;
            load_piece<LINE>(x->factors, column, x->in, x->whole && inside, v);
            for (int c = 0; c < LINE; c++)
                v[c] *= load_f32(lines[i].at, c);
            store_piece<LINE>(tile[at / LINES], at % LINES * LINE, CHUNK, true, v);
        }
    }
};

/* d, of (PANEL, TILES * 8), += a chunk of weights times a chunk of x's rows. */
template <int BITS, int TILES>
__device__ inline void multiply_chunk(float d[TILES][4], const lane_chunk<BITS> *weights, const bf16 (*tile)[PITCH])
{
#pragma unroll
    for (int step = 0; step < STEPS; step++) {
        uint32_t a[4], b[4];
        weights->widen(step, a);
#pragma unroll
        for (int n = 0; n < TILES; n += 2) {
            load_b_turned(b, &tile[n * 8][step * DEPTH], PITCH);
            multiply_16816(d[n], a, b);
            multiply_16816(d[n + 1], a, b + 2);
        }
    }
}

/* Writes a part's sums (rows, out); a row of x is a column of d. */
template <int BITS, int TILES>
__device__ inline void store_sums(const struct cuda_quantized *m, const struct x_rows *x, int64_t panel,
                                  const float d[TILES][4], float *sums)
{
    int lane = (int)threadIdx.x % WARP;
    for (int e = 0; e < 4; e++) {
        int64_t out = panel * PANEL + lane / 4 + e / 2 * 8;
        float scale = BITS == 8 && out < m->out ? m->scales[out] : 1.0f;
        for (int n = 0; n < TILES; n++) {
            int64_t row = x->first + n * 8 + lane % 4 * 2 + e % 2;
            if (row < x->rows && out < m->out)
                sums[row * m->out + out] = d[n][e] * scale;
        }
    }
}

/* A block has WARPS panels, a part of the sums, and TILES * 8 rows of x. What comes next is loaded while chunks are multiplied.
 */
template <int BITS, int TILES>
__global__ static void __launch_bounds__(WARPS *WARP, 2)
    multiply_kernel(struct cuda_quantized m, int64_t rows, const bf16 *x, bool whole, int64_t each, float *sums)
{
    SHARED_ARRAY(bf16, tiles, [2][TILES * 8][PITCH]);
    int64_t panel = (int64_t)blockIdx.x * WARPS + threadIdx.x / WARP, chunks = (m.in + CHUNK - 1) / CHUNK;
    int64_t first = blockIdx.y * each, end = first + each < chunks ? first + each : chunks;
    const struct x_rows from = {x, (int64_t)blockIdx.z * TILES * 8, rows, m.in, m.factors, whole};
    bool has_panel = panel * PANEL < m.out;
    lane_chunk<BITS> now, next;
    x_lines<TILES> lines;
    float d[TILES][4] = {};
    if (has_panel)
        now.load(chunk_at<BITS>(&m, panel, first));
    lines.load(&from, first);
    lines.store(&from, first, tiles[0]);
    for (int64_t c = first; c < end; c++) {
        bool more = c + 1 < end;
        __syncthreads(); /* the tile is there, and the other one has been used */
        if (more)
            lines.load(&from, c + 1);
        if (more && has_panel)
            next.load(chunk_at<BITS>(&m, panel, c + 1));
        if (has_panel)
            multiply_chunk<BITS, TILES>(d, &now, tiles[(c - first) % 2]);
        if (more)
            lines.store(&from, c + 1, tiles[(c + 1 - first) % 2]);
        now = next;
    }
    if (has_panel)
        store_sums<BITS, TILES>(&m, &from, panel, d, sums + blockIdx.y * rows * m.out);
}

template <int BITS, int TILES>
static void launch_product(cuda_stream stream, const struct cuda_quantized *m, int64_t rows, const bf16 *x, float *sums)
{
    bool whole = are_whole<LINE>(x, m->in, m->in) && are_whole<LINE>(m->factors, m->in, m->in);
    dim3 grid((unsigned)((panel_count(m->out) + WARPS - 1) / WARPS), (unsigned)part_count(m),
              (unsigned)((rows + TILES * 8 - 1) / (TILES * 8)));
    LAUNCH((multiply_kernel<BITS, TILES>), grid, WARPS * WARP, 0, stream, *m, rows, x, whole, part_chunks(m), sums);
}

template <int BITS>
static void multiply_rows(cuda_stream stream, const struct cuda_quantized *m, int64_t rows, const bf16 *x, float *sums)
{
    if (rows <= 16)
        launch_product<BITS, 2>(stream, m, rows, x, sums);
    else if (rows <= 32)
        launch_product<BITS, 4>(stream, m, rows, x, sums);
    else
        launch_product<BITS, 8>(stream, m, rows, x, sums);
}

#define QUAD 4 /* elements that a thread adds up together */

template <class T>
__global__ static void __launch_bounds__(BLOCK)
    finish_kernel(int64_t rows, int64_t out, int64_t parts, const float *sums, const float *bias, bool whole, bool add, T *y)
{
    int64_t row = row_of_thread(), at = piece_of_thread() * QUAD;
    if (row >= rows || at >= out)
        return;
    float v[QUAD], sum[QUAD];
    load_piece<QUAD>(sums + row * out, at, out, whole, sum);
    for (int64_t p = 1; p < parts; p++) {
        load_piece<QUAD>(sums + (p * rows + row) * out, at, out, whole, v);
        for (int i = 0; i < QUAD; i++)
            sum[i] += v[i];
    }
    if (bias) {
        load_piece<QUAD>(bias, at, out, whole, v);
        for (int i = 0; i < QUAD; i++)
            sum[i] += v[i];
    }
    if (add) {
        load_piece<QUAD>(y + row * out, at, out, whole, v);
        for (int i = 0; i < QUAD; i++)
            sum[i] += v[i];
    }
    store_piece<QUAD>(y + row * out, at, out, whole, sum);
}

template <class T>
static void finish_rows(cuda_stream stream, const struct cuda_quantized *m, int64_t rows, const float *sums, const float *bias,
                        bool add, T *y)
{
    struct row_launch l = launch_rows(rows, m->out, QUAD);
    bool whole = are_whole<QUAD>(sums, m->out, m->out) && are_whole<QUAD>(y, m->out, m->out) &&
                 (!bias || are_whole<QUAD>(bias, m->out, m->out));
    LAUNCH(finish_kernel<T>, l.grid, l.block, 0, stream, rows, m->out, part_count(m), sums, bias, whole, add, y);
}

void cuda_quantized_multiply(cuda_stream stream, const struct cuda_quantized *m, int64_t rows, const void *x, const float *bias,
                             enum dtype dtype, bool add, void *y, void *scratch)
{
    float *sums = (float *)scratch;
    if (rows == 0)
        return;
    if (m->dtype == INT4)
        multiply_rows<4>(stream, m, rows, (const bf16 *)x, sums);
    else
        multiply_rows<8>(stream, m, rows, (const bf16 *)x, sums);
    if (dtype == F32)
        finish_rows(stream, m, rows, sums, bias, add, (float *)y);
    else
        finish_rows(stream, m, rows, sums, bias, add, (bf16 *)y);
}
