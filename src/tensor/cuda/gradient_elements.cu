/* Training's operations on elements, and the optimizer's step: a thread has an element. */
#include "tensor/cuda/gradient_kernels.h"

#include "tensor/cuda/pieces.h"

__device__ inline int64_t element_of_thread(void)
{
    return (int64_t)blockIdx.x * BLOCK + threadIdx.x;
}

static unsigned blocks_for(int64_t count)
{
    return (unsigned)((count + BLOCK - 1) / BLOCK);
}

__global__ static void __launch_bounds__(BLOCK)
    sum_kernel(int64_t count, const float *a, float factor, const float *by, const float *b, float *y)
{
    int64_t i = element_of_thread();
    if (i < count)
        y[i] = a[i] + (by ? factor * *by : factor) * b[i];
}

void cuda_gradient_sum(cuda_stream stream, int64_t count, const float *a, float factor, const float *by, const float *b,
                       float *y)
{
    if (count > 0)
        LAUNCH(sum_kernel, blocks_for(count), BLOCK, 0, stream, count, a, factor, by, b, y);
}

/* ---- activations -------------------------------------------------------------------------------------------------------- */

__device__ inline float logistic(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* An activation's value, and in *slope its derivative. */
__device__ inline float activation_at(enum activation activation, float x, float *slope)
{
    float s, u;
    switch (activation) {
    case ACTIVATION_GELU:
        s = 0.5f * (1.0f + erff(x * 0.70710678f));
        *slope = s + x * 0.39894228f * expf(-0.5f * x * x);
        return x * s;
    case ACTIVATION_QUICK_GELU:
        s = logistic(1.702f * x);
        *slope = s * (1.0f + 1.702f * x * (1.0f - s));
        return x * s;
    case ACTIVATION_GELU_TANH: /* x * s(u), where tanh(u / 2) = 2 s(u) - 1 */
        u = 1.5957691216f * (x + 0.044715f * x * x * x);
        s = logistic(u);
        *slope = s + x * s * (1.0f - s) * 1.5957691216f * (1.0f + 3.0f * 0.044715f * x * x);
        return x * s;
    case ACTIVATION_SILU:
        s = logistic(x);
        *slope = s * (1.0f + x * (1.0f - s));
        return x * s;
    default:
        *slope = x > 0.0f ? 1.0f : 0.0f;
        return x < 0.0f ? 0.0f : x;
    }
}

__global__ static void __launch_bounds__(BLOCK)
    activate_back_kernel(enum activation activation, int64_t count, const float *x, const float *dy, float *dx)
{
    int64_t i = element_of_thread();
    float slope;
    if (i >= count)
        return;
    (void)activation_at(activation, x[i], &slope);
    dx[i] += dy[i] * slope;
}

void cuda_gradient_activate_back(cuda_stream stream, enum activation activation, int64_t count, const float *x, const float *dy,
                                 float *dx)
{
    if (count > 0)
        LAUNCH(activate_back_kernel, blocks_for(count), BLOCK, 0, stream, activation, count, x, dy, dx);
}

__global__ static void __launch_bounds__(BLOCK)
    gate_back_kernel(enum activation activation, int64_t rows, int64_t width, const float *both, const float *dy, float *dboth)
{
    int64_t row = row_of_thread(), i = piece_of_thread();
    if (row >= rows || i >= width)
        return;
    const float *gate = both + row * 2 * width;
    float *dgate = dboth + row * 2 * width, d = dy[row * width + i], slope;
    float value = activation_at(activation, gate[i], &slope);
    dgate[i] += d * gate[width + i] * slope;
    dgate[width + i] += d * value;
}

void cuda_gradient_gate_back(cuda_stream stream, enum activation activation, int64_t rows, int64_t width, const float *both,
                             const float *dy, float *dboth)
{
    struct row_launch l = launch_rows(rows, width, 1);
    if (rows > 0)
        LAUNCH(gate_back_kernel, l.grid, l.block, 0, stream, activation, rows, width, both, dy, dboth);
}

/* ---- columns ------------------------------------------------------------------------------------------------------------ */

__global__ static void __launch_bounds__(BLOCK)
    columns_kernel(int64_t rows, int64_t columns, const float *x, int64_t x_stride, bool add, float *y, int64_t y_stride)
{
    int64_t row = row_of_thread(), i = piece_of_thread();
    if (row >= rows || i >= columns)
        return;
    float value = x[row * x_stride + i];
    y[row * y_stride + i] = add ? y[row * y_stride + i] + value : value;
}

void cuda_gradient_columns(cuda_stream stream, int64_t rows, int64_t columns, const float *x, int64_t x_stride, bool add,
                           float *y, int64_t y_stride)
{
    struct row_launch l = launch_rows(rows, columns, 1);
    if (rows > 0)
        LAUNCH(columns_kernel, l.grid, l.block, 0, stream, rows, columns, x, x_stride, add, y, y_stride);
}

__global__ static void __launch_bounds__(BLOCK) turn_kernel(struct gradient_turn turn, float sign, float *x)
{
    int half = turn.head_dim / 2;
    int64_t row = row_of_thread(), pair = piece_of_thread();
    if (row >= turn.rows || pair >= (int64_t)turn.heads * half)
        return;
    int64_t head = pair / half, i = pair % half;
    float *at = x + row * turn.stride + turn.column + head * turn.head_dim + i;
    const float *angles = turn.angles + row * turn.head_dim + i;
    float a = at[0], b = at[half], cosine = angles[0], sine = sign * angles[half];
    at[0] = a * cosine - b * sine;
    at[half] = b * cosine + a * sine;
}

void cuda_gradient_turn(cuda_stream stream, const struct gradient_turn *turn, bool back, float *x)
{
    struct row_launch l = launch_rows(turn->rows, (int64_t)turn->heads * (turn->head_dim / 2), 1);
    if (turn->rows > 0)
        LAUNCH(turn_kernel, l.grid, l.block, 0, stream, *turn, back ? -1.0f : 1.0f, x);
}

/* ---- the optimizer ------------------------------------------------------------------------------------------------------ */

/* A block has a chunk: each thread adds every BLOCK-th square, then halves of the threads add up. */
__global__ static void __launch_bounds__(BLOCK) squares_kernel(int64_t count, const float *x, double *sums)
{
    SHARED_ARRAY(double, parts, [BLOCK]);
    int64_t first = (int64_t)blockIdx.x * GRADIENT_CHUNK, last = min(count, first + (int64_t)GRADIENT_CHUNK);
    double sum = 0;
    for (int64_t i = first + threadIdx.x; i < last; i += BLOCK)
        sum += (double)x[i] * (double)x[i];
    parts[threadIdx.x] = sum;
    for (unsigned half = BLOCK / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half)
            parts[threadIdx.x] += parts[threadIdx.x + half];
    }
    if (threadIdx.x == 0)
        sums[blockIdx.x] = parts[0];
}

void cuda_gradient_squares(cuda_stream stream, int64_t count, const float *x, double *sums)
{
    if (count > 0)
        LAUNCH(squares_kernel, (unsigned)((count + GRADIENT_CHUNK - 1) / GRADIENT_CHUNK), BLOCK, 0, stream, count, x, sums);
}

__global__ static void __launch_bounds__(BLOCK)
    adamw_kernel(struct gradient_adamw f, float decay, int64_t count, const float *gradient, float *value, float *first,
                 float *second, bf16 *half)
{
    int64_t i = element_of_thread();
    if (i >= count)
        return;
    float g = gradient[i], m = first[i] + f.first * (g - first[i]), v = f.beta2 * second[i] + f.second * (g * g);
    float to = decay * value[i] - f.step * (m / (sqrtf(v) * f.root_factor + f.eps));
    first[i] = m;
    second[i] = v;
    value[i] = to;
    if (half)
        store_f32(half, i, to);
}

void cuda_gradient_adamw(cuda_stream stream, const struct gradient_adamw *step, float decay, int64_t count,
                         const float *gradient, float *value, float *first, float *second, bf16 *half)
{
    if (count > 0)
        LAUNCH(adamw_kernel, blocks_for(count), BLOCK, 0, stream, *step, decay, count, gradient, value, first, second, half);
}
