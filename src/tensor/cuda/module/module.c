/* The module's table. */
#include "tensor/cuda/module/graph.h"
#include "tensor/cuda/module/matrix.h"
#include "tensor/cuda/module/measure.h"
#include "tensor/cuda/module/two_product.h"

static const struct cuda_gradients gradients = {
    .sum = cuda_gradient_sum,
    .activate_back = cuda_gradient_activate_back,
    .gate_back = cuda_gradient_gate_back,
    .columns = cuda_gradient_columns,
    .turn = cuda_gradient_turn,
    .squares = cuda_gradient_squares,
    .adamw = cuda_gradient_adamw,
    .sum_rows = cuda_gradient_sum_rows,
    .norm_back = cuda_gradient_norm_back,
    .take = cuda_gradient_take,
    .give = cuda_gradient_give,
    .cross_entropy = cuda_gradient_cross_entropy,
    .softmax = cuda_gradient_softmax,
    .softmax_back = cuda_gradient_softmax_back,
};

__attribute__((visibility("default"))) const struct cuda_api *lmvr_cuda_api(void)
{
    static const struct cuda_api api = {
        .version = CUDA_API_VERSION,
        .count = gpu_count,
        .open = gpu_open,
        .close = gpu_close,
        .describe = gpu_describe,
        .allocate = gpu_allocate,
        .release = gpu_release,
        .queue_create = queue_create,
        .queue_free = queue_free,
        .stream = queue_stream,
        .write = queue_write,
        .read = queue_read,
        .copy = queue_copy,
        .zero = queue_zero,
        .failure = queue_failure,
        .recover = queue_recover,
        .capture_begin = queue_capture_begin,
        .capture_end = queue_capture_end,
        .graph_launch = queue_graph_launch,
        .graph_free = graph_free,
        .matrix_create = matrix_create,
        .matrix_free = matrix_free,
        .matrix_set = matrix_set,
        .matrix_seal = matrix_seal,
        .multiply = matrix_multiply,
        .product = two_product,
        .measure_product = measure_product,
        .measure_copy = measure_copy,
        .norm = cuda_norm,
        .activate = cuda_activate,
        .gate = cuda_gate,
        .convert = cuda_convert,
        .embed = cuda_embed,
        .gather = cuda_gather,
        .add_rows = cuda_add_rows,
        .add_table = cuda_add_table,
        .pool = cuda_pool,
        .argmax = cuda_argmax,
        .sample = cuda_sample,
        .heads = cuda_heads,
        .attention_groups = cuda_attention_groups,
        .weigh_groups = cuda_weigh_groups,
        .attention_cache_scratch = cuda_attention_cache_scratch,
        .attention_cache = cuda_attention_cache,
        .weigh_cache = cuda_weigh_cache,
        .gradients = &gradients,
    };
    return &api;
}
