/* Attention weights themselves, in f32. A block has one query; heads follow one another, so that their sum has an order. */
#include "tensor/cuda/attention.h"

#define THREADS 256

/* The largest score and the sum of all threads, in a fixed order. */
__device__ static struct attention_seen join_block(struct attention_seen mine, struct attention_seen *all)
{
    __syncthreads();
    all[threadIdx.x] = mine;
    for (int step = THREADS / 2; step > 0; step /= 2) {
        __syncthreads();
        if ((int)threadIdx.x < step) {
            struct attention_seen a = all[threadIdx.x], b = all[threadIdx.x + step];
            float keep, add;
            attention_join(&a, &b, &keep, &add);
            all[threadIdx.x] = a;
        }
    }
    __syncthreads();
    return all[0];
}

template <typename C> __device__ static float score(const float *q, const C *key, int head_dim, float scale)
{
    float sum = 0;
    for (int d = 0; d < head_dim; d++)
        sum = fmaf(q[d], load_f32(key, d), sum);
    return __fmul_rn(sum, scale);
}

/* Where a query's floats begin, and how many there are. */
__device__ static float *weights_of(const struct attention_work *w, const struct attention_weighing *to, int64_t group,
                                    const struct attention_view *v, int query, int *count)
{
    if (w->spans) {
        *count = (int)to->most;
        return to->weights + (v->first_row + query) * to->stride;
    }
    *count = v->visible - (int)to->from;
    return to->weights + to->offsets[group] + (int64_t)query * *count;
}

template <typename T, typename C>
__global__ void __launch_bounds__(THREADS) weigh(const struct attention_work w, const struct attention_weighing to)
{
    SHARED_ARRAY(float, q, [ATTENTION_MOST_DIM]);
    SHARED_ARRAY(struct attention_seen, all, [THREADS]);
    int64_t group = blockIdx.x / w.longest_count;
    int query = (int)(blockIdx.x % w.longest_count), count;
    struct attention_view v = view_of(&w, group, 0);
    if (query >= v.rows / w.group)
        return;
    float *weights = weights_of(&w, &to, group, &v, query, &count);
    for (int head = 0; head < w.kv_heads * w.group; head++) {
        v = view_of(&w, group, head / w.group);
        int row = query * w.group + head % w.group, visible = visible_to(&w, &v, row);
        const C *keys = (const C *)v.keys;
        __syncthreads();
        for (int d = threadIdx.x; d < w.head_dim; d += THREADS)
            q[d] = load_f32((const T *)w.q, query_at(&w, &v, row) + d);
        __syncthreads();
        struct attention_seen mine = {-INFINITY, 0};
        for (int key = threadIdx.x; key < visible; key += THREADS) {
            struct attention_seen one = {score(q, keys + key * v.kv_stride, w.head_dim, w.scale), 1};
            float keep, add;
            attention_join(&mine, &one, &keep, &add);
        }
        const struct attention_seen seen = join_block(mine, all);
        for (int i = threadIdx.x; i < count && i + to.from < visible; i += THREADS) {
            float s = score(q, keys + (i + to.from) * v.kv_stride, w.head_dim, w.scale);
            weights[i] += to.weight * exp2_fast(s - seen.most) / seen.sum;
        }
    }
}

void attention_weigh(cuda_stream stream, const struct attention_work *w, const struct attention_weighing *to)
{
    void (*kernel)(struct attention_work, struct attention_weighing) = w->dtype == BF16         ? weigh<bf16, bf16>
                                                                       : w->cache_dtype == BF16 ? weigh<float, bf16>
                                                                                                : weigh<float, float>;
    if (w->count * w->longest_count > 0)
        LAUNCH(kernel, dim3((unsigned)(w->count * w->longest_count)), dim3(THREADS), 0, stream, *w, *to);
}
