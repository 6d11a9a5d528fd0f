/* Training's operations on rows: a block has a row, or a thread a column. */
#include "tensor/cuda/gradient_kernels.h"

#include "tensor/cuda/pieces.h"

/* Threads for a row of so many elements: whole warps, of which each lane has at least four elements, up to BLOCK. */
static unsigned threads_for(int64_t width)
{
    int64_t warps = width / (4 * WARP);
    return (unsigned)(warps >= BLOCK / WARP ? BLOCK : warps > 1 ? warps * WARP : WARP);
}

/* The sum, or the maximum, over the block; every thread receives it. `parts` is shared memory of its own. */
template <bool most> __device__ inline float over_block(float x, float *parts)
{
    unsigned lane = threadIdx.x % WARP, warps = blockDim.x / WARP;
    x = most ? warp_max(x) : warp_sum(x);
    if (warps == 1)
        return x;
    __syncthreads(); /* those before have been read */
    if (lane == 0)
        parts[threadIdx.x / WARP] = x;
    __syncthreads();
    float part = lane < warps ? parts[lane] : most ? -INFINITY : 0.0f;
    return most ? warp_max(part) : warp_sum(part);
}

/* ---- sums over rows ----------------------------------------------------------------------------------------------------- */

__global__ static void __launch_bounds__(BLOCK) slice_kernel(struct cuda_column_sums c)
{
    int64_t column = (int64_t)blockIdx.x * BLOCK + threadIdx.x, slice = blockIdx.y;
    if (column >= c.columns)
        return;
    float sum = 0;
    for (int64_t r = c.rows * slice / CUDA_SLICES; r < c.rows * (slice + 1) / CUDA_SLICES; r++) {
        float x = c.x[r * c.columns + column];
        sum += c.y ? x * ((c.y[r * c.columns + column] - c.moments[2 * r]) * c.moments[2 * r + 1]) : x;
    }
    c.partial[slice * c.columns + column] = sum;
}

__global__ static void __launch_bounds__(BLOCK) slices_kernel(struct cuda_column_sums c)
{
    int64_t column = (int64_t)blockIdx.x * BLOCK + threadIdx.x;
    if (column >= c.columns)
        return;
    float sum = 0;
    for (int64_t slice = 0; slice < CUDA_SLICES; slice++)
        sum += c.partial[slice * c.columns + column];
    c.sums[column] += sum;
}

void cuda_gradient_sum_rows(cuda_stream stream, const struct cuda_column_sums *call)
{
    unsigned blocks = (unsigned)((call->columns + BLOCK - 1) / BLOCK);
    if (call->columns == 0)
        return;
    LAUNCH(slice_kernel, dim3(blocks, CUDA_SLICES), BLOCK, 0, stream, *call);
    LAUNCH(slices_kernel, blocks, BLOCK, 0, stream, *call);
}

/* ---- norms -------------------------------------------------------------------------------------------------------------- */

/* With n = (x - mean) * scale and d = weight * dy: dx = scale * (d - mean(d) - n * mean(d * n)); an RMS norm has no means of x
 * and d. */
__global__ static void __launch_bounds__(BLOCK)
    norm_back_kernel(struct cuda_norm norm, int64_t width, const float *x, const float *dy, float *dx, float *moments)
{
    SHARED_ARRAY(float, parts, [WARP]);
    int64_t row = blockIdx.x;
    float sum = 0, mean = 0, count = (float)width, along = 0, across = 0;
    x += row * width;
    dy += row * width;
    if (!norm.rms) {
        for (int64_t i = threadIdx.x; i < width; i += blockDim.x)
            sum += x[i];
        mean = over_block<false>(sum, parts) / count;
        sum = 0;
    }
    for (int64_t i = threadIdx.x; i < width; i += blockDim.x)
        sum += (x[i] - mean) * (x[i] - mean);
    float scale = 1.0f / sqrtf(over_block<false>(sum, parts) / count + norm.eps);
    if (threadIdx.x == 0) {
        moments[2 * row] = mean;
        moments[2 * row + 1] = scale;
    }
    if (!dx)
        return;
    for (int64_t i = threadIdx.x; i < width; i += blockDim.x) {
        float d = norm.weight[i] * dy[i];
        along += d * ((x[i] - mean) * scale);
        across += d;
    }
    along = over_block<false>(along, parts) / count;
    across = norm.rms ? 0.0f : over_block<false>(across, parts) / count;
    for (int64_t i = threadIdx.x; i < width; i += blockDim.x)
        dx[row * width + i] += scale * (norm.weight[i] * dy[i] - across - (x[i] - mean) * scale * along);
}

void cuda_gradient_norm_back(cuda_stream stream, const struct cuda_norm *norm, int64_t rows, int64_t width, const float *x,
                             const float *dy, float *dx, float *moments)
{
    if (rows > 0)
        LAUNCH(norm_back_kernel, (unsigned)rows, threads_for(width), 0, stream, *norm, width, x, dy, dx, moments);
}

/* ---- rows of tables ----------------------------------------------------------------------------------------------------- */

template <class T>
__global__ static void __launch_bounds__(BLOCK)
    take_kernel(int64_t count, int64_t width, const struct gradient_place *places, int source, const T *table, float *y)
{
    int64_t row = row_of_thread(), i = piece_of_thread();
    if (row < count && i < width && places[row].source == source)
        y[row * width + i] = load_f32(table, places[row].row * width + i);
}

void cuda_gradient_take(cuda_stream stream, int64_t count, int64_t width, const struct gradient_place *places, int source,
                        enum dtype dtype, const void *table, float *y)
{
    struct row_launch l = launch_rows(count, width, 1);
    if (count == 0)
        return;
    if (dtype == F32)
        LAUNCH(take_kernel<float>, l.grid, l.block, 0, stream, count, width, places, source, (const float *)table, y);
    else
        LAUNCH(take_kernel<bf16>, l.grid, l.block, 0, stream, count, width, places, source, (const bf16 *)table, y);
}

__global__ static void __launch_bounds__(BLOCK) give_kernel(int64_t count, int64_t width, const struct cuda_row_list *lists,
                                                            const int32_t *order, const float *dy, float *gradient)
{
    int64_t list = row_of_thread(), i = piece_of_thread();
    if (list >= count || i >= width)
        return;
    struct cuda_row_list l = lists[list];
    float sum = gradient[l.target * width + i];
    for (int32_t r = 0; r < l.number; r++)
        sum += dy[order[l.first + r] * width + i];
    gradient[l.target * width + i] = sum;
}

void cuda_gradient_give(cuda_stream stream, int64_t count, int64_t width, const struct cuda_row_list *lists,
                        const int32_t *order, const float *dy, float *gradient)
{
    struct row_launch l = launch_rows(count, width, 1);
    if (count > 0)
        LAUNCH(give_kernel, l.grid, l.block, 0, stream, count, width, lists, order, dy, gradient);
}

/* ---- losses ------------------------------------------------------------------------------------------------------------- */

__global__ static void __launch_bounds__(BLOCK)
    loss_kernel(int64_t rows, int64_t columns, const float *logits, const int32_t *targets, float smoothing, float *slope,
                double *losses)
{
    SHARED_ARRAY(float, parts, [WARP]);
    int64_t row = blockIdx.x, target = targets[row];
    float most = -INFINITY, sum = 0, all = 0, even = smoothing / (float)columns, share = 1.0f / (float)rows;
    logits += row * columns;
    slope += row * columns;
    for (int64_t i = threadIdx.x; i < columns; i += blockDim.x)
        most = fmaxf(most, logits[i]);
    most = over_block<true>(most, parts);
    for (int64_t i = threadIdx.x; i < columns; i += blockDim.x) {
        sum += expf(logits[i] - most);
        all += logits[i];
    }
    sum = over_block<false>(sum, parts);
    all = over_block<false>(all, parts);
    for (int64_t i = threadIdx.x; i < columns; i += blockDim.x)
        slope[i] = share * (expf(logits[i] - most) / sum - even - (i == target ? 1.0f - smoothing : 0.0f));
    if (threadIdx.x == 0)
        losses[row] =
            (double)(most + logf(sum)) - (1.0 - (double)smoothing) * (double)logits[target] - (double)even * (double)all;
}

/* One block: each thread adds every BLOCK-th loss, then halves of the threads add up. */
__global__ static void __launch_bounds__(BLOCK) mean_kernel(int64_t rows, const double *losses, float *loss)
{
    SHARED_ARRAY(double, parts, [BLOCK]);
    double sum = 0;
    for (int64_t r = threadIdx.x; r < rows; r += BLOCK)
        sum += losses[r];
    parts[threadIdx.x] = sum;
    for (unsigned half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            parts[threadIdx.x] += parts[threadIdx.x + half];
    }
    if (threadIdx.x == 0)
        *loss = rows ? (float)(parts[0] / (double)rows) : 0.0f;
}

void cuda_gradient_cross_entropy(cuda_stream stream, int64_t rows, int64_t columns, const float *logits, const int32_t *targets,
                                 float smoothing, float *slope, double *losses, float *loss)
{
    if (rows > 0)
        LAUNCH(loss_kernel, (unsigned)rows, threads_for(columns), 0, stream, rows, columns, logits, targets, smoothing, slope,
               losses);
    LAUNCH(mean_kernel, 1, BLOCK, 0, stream, rows, losses, loss);
}

/* ---- the softmax of attention ------------------------------------------------------------------------------------------- */

__device__ inline int64_t seen_by(const struct cuda_scores &s, int64_t query)
{
    int64_t own = max(query + 1 + s.keys - s.queries, s.prefix);
    return s.causal ? min(own, s.keys) : s.keys;
}

template <class T> __global__ static void __launch_bounds__(BLOCK) softmax_kernel(struct cuda_scores s, float *p, T *rounded)
{
    SHARED_ARRAY(float, parts, [WARP]);
    int64_t row = blockIdx.x, seen = seen_by(s, row % s.queries);
    float most = -INFINITY, sum = 0;
    p += row * s.keys;
    for (int64_t i = threadIdx.x; i < seen; i += blockDim.x)
        most = fmaxf(most, p[i]);
    most = over_block<true>(most, parts);
    for (int64_t i = threadIdx.x; i < seen; i += blockDim.x)
        sum += expf(p[i] - most);
    sum = over_block<false>(sum, parts);
    for (int64_t i = threadIdx.x; i < s.keys; i += blockDim.x) {
        float weight = i < seen ? expf(p[i] - most) / sum : 0.0f;
        p[i] = weight;
        if (rounded)
            store_f32(rounded, row * s.keys + i, weight);
    }
}

void cuda_gradient_softmax(cuda_stream stream, const struct cuda_scores *scores, float *p, enum dtype dtype, void *rounded)
{
    unsigned rows = (unsigned)(scores->heads * scores->queries);
    if (rows == 0 || scores->keys == 0)
        return;
    if (dtype == F32)
        LAUNCH(softmax_kernel<float>, rows, threads_for(scores->keys), 0, stream, *scores, p, (float *)rounded);
    else
        LAUNCH(softmax_kernel<bf16>, rows, threads_for(scores->keys), 0, stream, *scores, p, (bf16 *)rounded);
}

template <class T>
__global__ static void __launch_bounds__(BLOCK)
    softmax_back_kernel(struct cuda_scores s, const float *p, const float *d, T *out)
{
    SHARED_ARRAY(float, parts, [WARP]);
    int64_t row = blockIdx.x;
    float mean = 0;
    p += row * s.keys;
    d += row * s.keys;
    for (int64_t i = threadIdx.x; i < s.keys; i += blockDim.x)
        mean += p[i] * d[i];
    mean = over_block<false>(mean, parts);
    for (int64_t i = threadIdx.x; i < s.keys; i += blockDim.x)
        store_f32(out, row * s.keys + i, p[i] * (d[i] - mean));
}

void cuda_gradient_softmax_back(cuda_stream stream, const struct cuda_scores *scores, const float *p, const float *d,
                                enum dtype dtype, void *out)
{
    unsigned rows = (unsigned)(scores->heads * scores->queries);
    if (rows == 0 || scores->keys == 0)
        return;
    if (dtype == F32)
        LAUNCH(softmax_back_kernel<float>, rows, threads_for(scores->keys), 0, stream, *scores, p, d, (float *)out);
    else
        LAUNCH(softmax_back_kernel<bf16>, rows, threads_for(scores->keys), 0, stream, *scores, p, d, (bf16 *)out);
}
