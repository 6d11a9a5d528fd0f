/*
 * Drawing tokens by their probabilities. These are added up as whole numbers, so that sums do not depend on the order, and the
 * place that a sum reaches is found digit by digit of what orders the tokens, each digit by one pass over the row.
 */
#include "tensor/cuda/cuda.h"
#include "tensor/cuda/kernels.h"

#define SAMPLERS    512 /* threads of a row */
#define WARPS       (SAMPLERS / WARP)
#define DIGIT       4 /* bits */
#define DIGITS      16
#define PLACE_BITS  20
#define LAST_PLACE  ((1u << PLACE_BITS) - 1)
#define MOST_LIKELY 0x1p43 /* the mass of the most likely token; that of all 2^20 fits 64 bits */

typedef unsigned long long mass;

/* A row, and how its tokens are ordered and weighed: by their logits, or by their places, the first one first; by their
 * probabilities, or 1 for those whose logit has the key `equal`. */
struct sampled_row {
    const float *logits;
    int64_t width;
    double best, temperature;
    bool by_place, among_equals;
    uint32_t equal;
};

/* Larger for larger logits; zeros are equal. */
__device__ inline uint32_t key_of(float logit)
{
    uint32_t bits = __float_as_uint(logit + 0.0f);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

__device__ inline float logit_of(uint32_t key)
{
    return __uint_as_float(key >> 31 ? key & 0x7fffffffu : ~key);
}

__device__ inline mass mass_of(const struct sampled_row *row, float logit)
{
    double p = exp(((double)logit - row->best) / row->temperature);
    return p > 0 ? (mass)(p * MOST_LIKELY + 0.5) : 0; /* NaN is nothing */
}

/* Sums over the block, which all threads receive. */
__device__ inline void block_sums(mass sums[DIGITS])
{
    SHARED_ARRAY(mass, parts, [WARPS][DIGITS]);
    SHARED_ARRAY(mass, totals, [DIGITS]);
    for (int d = 0; d < DIGITS; d++) {
        for (int step = WARP / 2; step > 0; step /= 2)
            sums[d] += __shfl_xor_sync(EVERY_LANE, sums[d], step);
        if (threadIdx.x % WARP == 0)
            parts[threadIdx.x / WARP][d] = sums[d];
    }
    __syncthreads();
    if (threadIdx.x < DIGITS) {
        mass total = 0;
        for (int w = 0; w < WARPS; w++)
            total += parts[w][threadIdx.x];
        totals[threadIdx.x] = total;
    }
    __syncthreads();
    for (int d = 0; d < DIGITS; d++)
        sums[d] = totals[d];
}

/* The mass of the tokens whose keys begin with `prefix`, by the digit that follows at `shift`. */
__device__ inline void weigh_digits(const struct sampled_row *row, uint32_t prefix, int shift, mass sums[DIGITS])
{
    for (int d = 0; d < DIGITS; d++)
        sums[d] = 0;
    for (int64_t i = threadIdx.x; i < row->width; i += SAMPLERS) {
        float logit = row->logits[i];
        uint32_t key = row->by_place ? LAST_PLACE - (uint32_t)i : key_of(logit);
        if (key >> shift >> DIGIT != prefix)
            continue;
        mass weight = row->among_equals ? (mass)(key_of(logit) == row->equal) : mass_of(row, logit);
        for (int d = 0; d < DIGITS; d++)
            sums[d] += (key >> shift) % DIGITS == (uint32_t)d ? weight : 0;
    }
    block_sums(sums);
}

/* The key at which the mass, added up from the largest key on, reaches `limit`; *before receives that of larger keys. */
__device__ inline uint32_t find_key(const struct sampled_row *row, mass limit, mass *before)
{
    uint32_t prefix = 0;
    *before = 0;
    for (int shift = (row->by_place ? PLACE_BITS : 32) - DIGIT; shift >= 0; shift -= DIGIT) {
        mass sums[DIGITS];
        uint32_t digit = 0;
        weigh_digits(row, prefix, shift, sums);
        bool reached = false;
        for (int d = DIGITS - 1; d >= 0; d--) { /* not by an index that varies: sums are registers */
            digit = reached ? digit : (uint32_t)d;
            reached |= d == 0 || *before + sums[d] >= limit;
            *before += reached ? 0 : sums[d];
        }
        prefix = prefix << DIGIT | digit;
    }
    return prefix;
}

__device__ inline float largest(const float *logits, int64_t width)
{
    SHARED_ARRAY(float, parts, [WARP]);
    float best = -INFINITY;
    for (int64_t i = threadIdx.x; i < width; i += SAMPLERS)
        best = fmaxf(best, logits[i]);
    best = warp_max(best);
    if (threadIdx.x < WARP)
        parts[threadIdx.x] = -INFINITY;
    __syncthreads();
    if (threadIdx.x % WARP == 0)
        parts[threadIdx.x / WARP] = best;
    __syncthreads();
    return warp_max(parts[threadIdx.x % WARP]);
}

__device__ inline mass total_of(const struct sampled_row *row)
{
    mass sums[DIGITS] = {0};
    for (int64_t i = threadIdx.x; i < row->width; i += SAMPLERS)
        sums[0] += mass_of(row, row->logits[i]);
    block_sums(sums);
    return sums[0];
}

/* The mass of the most likely tokens that together have at least top_p of it; of tokens that are as likely, the first. */
__device__ inline mass nucleus_of(const struct sampled_row *row, mass total, float top_p)
{
    mass before, limit = (mass)ceil((double)total * (double)top_p);
    limit = min(max(limit, (mass)1), total);
    mass each = mass_of(row, logit_of(find_key(row, limit, &before)));
    return before + (limit - before + each - 1) / each * each;
}

/* The place of the token at `point`, in [0, 1), of the mass that is kept. */
__device__ inline int32_t place_at(struct sampled_row *row, mass kept, double point)
{
    mass before, reached = min((mass)(point * (double)kept), kept - 1);
    if (!row->by_place) {
        row->equal = find_key(row, reached + 1, &before);
        reached = (reached - before) / mass_of(row, logit_of(row->equal)); /* of the tokens that are as likely */
        row->by_place = row->among_equals = true;
    }
    return (int32_t)(LAST_PLACE - find_key(row, reached + 1, &before));
}

static __global__ void sample_kernel(int64_t width, const float *logits, float temperature, float top_p, const double *points,
                                     int32_t *tokens)
{
    struct sampled_row row = {logits + blockIdx.x * width, width, 0, temperature, top_p >= 1, false, 0};
    row.best = (double)largest(row.logits, width);
    mass total = total_of(&row);
    int32_t token = 0; /* of logits that are no numbers */
    if (total > 0)
        token = place_at(&row, top_p < 1 ? nucleus_of(&row, total, top_p) : total, points[blockIdx.x]);
    if (threadIdx.x == 0)
        tokens[blockIdx.x] = token;
}

void cuda_sample(cuda_stream stream, int64_t rows, int64_t width, const float *logits, float temperature, float top_p,
                 const double *points, int32_t *tokens)
{
    if (rows > 0)
        LAUNCH(sample_kernel, (unsigned)rows, SAMPLERS, 0, stream, width, logits, temperature, top_p, points, tokens);
}
