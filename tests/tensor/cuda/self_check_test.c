/* A GPU that computes something wrongly is refused when it is opened. */
#include "cmocka_all.h"
#include "emulate_api.h"
#include "tensor/cuda/device.h"

#include <stdio.h>
#include <string.h>

static struct cuda_api broken; /* the emulated GPU, with one function exchanged */

static void wrong_norm(cuda_stream stream, const struct cuda_norm *norm, int64_t rows, int64_t width, const float *x,
                       enum dtype dtype, void *y)
{
    struct cuda_norm other = *norm;
    other.eps += 0.1f;
    emulated_cuda_api()->norm(stream, &other, rows, width, x, dtype, y);
}

static void wrong_activate(cuda_stream stream, enum activation activation, int64_t count, enum dtype dtype, void *x)
{
    bool tanh_for_erf = dtype == F32 && activation == ACTIVATION_GELU;
    emulated_cuda_api()->activate(stream, tanh_for_erf ? ACTIVATION_GELU_TANH : activation, count, dtype, x);
}

static void wrong_groups(cuda_stream stream, const struct cuda_groups *groups, enum dtype dtype, void *out)
{
    struct cuda_groups other = *groups;
    other.causal = true;
    emulated_cuda_api()->attention_groups(stream, &other, dtype, out);
}

static void wrong_cache(cuda_stream stream, const struct cuda_spans *spans, enum dtype dtype, void *out)
{
    struct cuda_spans other = *spans;
    other.block = 0;
    emulated_cuda_api()->attention_cache(stream, &other, dtype, out);
}

static void wrong_heads(cuda_stream stream, const struct cuda_heads *heads, enum dtype dtype, void *qkv)
{
    struct cuda_heads other = *heads;
    other.angles = NULL;
    emulated_cuda_api()->heads(stream, &other, dtype, qkv);
}

static void wrong_widen(cuda_stream stream, const struct cuda_quantized *matrix, int64_t stride, void *weights)
{
    struct cuda_quantized other = *matrix;
    other.in--;
    emulated_cuda_api()->quantized_widen(stream, &other, stride, weights);
}

static void wrong_narrow(cuda_stream stream, const struct cuda_quantized *matrix, int64_t rows, const void *x,
                         const float *bias, enum dtype dtype, bool add, void *y, void *scratch)
{
    emulated_cuda_api()->quantized_multiply(stream, matrix, rows - 1, x, bias, dtype, add, y, scratch);
}

static void wrong_sample(cuda_stream stream, int64_t rows, int64_t width, const float *logits, float temperature, float top_p,
                         const double *points, int32_t *tokens)
{
    (void)temperature;
    emulated_cuda_api()->sample(stream, rows, width, logits, 1, top_p, points, tokens);
}

static void wrong_nucleus(cuda_stream stream, int64_t rows, int64_t width, const float *logits, float temperature, float top_p,
                          const double *points, int32_t *tokens)
{
    (void)top_p;
    emulated_cuda_api()->sample(stream, rows, width, logits, temperature, 1, points, tokens);
}

static void wrong_argmax(cuda_stream stream, int64_t rows, int64_t width, const float *logits, int32_t *tokens)
{
    emulated_cuda_api()->argmax(stream, rows, width - 1, logits, tokens);
}

/* What a graph computed before stays. */
static bool no_launch(struct cuda_queue *queue, struct cuda_graph *graph)
{
    (void)queue, (void)graph;
    return true;
}

static void assert_refused(const char *what)
{
    const struct device *device;
    lmvr_error error = {{0}};
    assert_int_equal(cuda_device_open(&broken, 0, false, &device, &error), LMVR_ERROR_RESOURCE);
    assert_null(device);
    assert_non_null(strstr(error.message, what));
    broken = *emulated_cuda_api();
}

static void what_is_computed_wrongly_is_named(void **state)
{
    (void)state;
    broken = *emulated_cuda_api();
    broken.norm = wrong_norm;
    assert_refused("cuda:0, emulated, computes norms wrongly in f32: ");
    broken.activate = wrong_activate;
    assert_refused("computes activations wrongly in f32: ");
    broken.attention_groups = wrong_groups;
    assert_refused("computes attention within groups wrongly in f32: ");
    broken.attention_cache = wrong_cache;
    assert_refused("computes attention over a cache wrongly in f32: ");
    broken.heads = wrong_heads;
    assert_refused("computes attention over a cache wrongly in f32: ");
    broken.sample = wrong_sample;
    assert_refused("computes sampling wrongly in f32: ");
    broken.sample = wrong_nucleus;
    assert_refused("computes sampling wrongly in f32: ");
    broken.argmax = wrong_argmax;
    assert_refused("computes sampling wrongly in f32: ");
    broken.quantized_widen = wrong_widen;
    assert_refused("computes products with weights in 8 and 4 bits wrongly in bf16: ");
    broken.quantized_multiply = wrong_narrow;
    assert_refused("computes products with weights in 8 and 4 bits wrongly in bf16: ");
    broken.graph_launch = no_launch;
    assert_refused("computes steps that come again wrongly in f32: ");
}

/* ---- training ----------------------------------------------------------------------------------------------------------- */

static struct cuda_gradients broken_gradients;

static const struct cuda_gradients *right(void)
{
    return emulated_cuda_api()->gradients;
}

/* Without the last term of a long sum. */
static lmvr_status wrong_product(struct cuda_queue *queue, const struct cuda_product *product, lmvr_error *error)
{
    struct cuda_product other = *product;
    other.k -= other.k > 70;
    return emulated_cuda_api()->product(queue, &other, error);
}

/* As far off as TF32 may be. */
static lmvr_status rough_product(struct cuda_queue *queue, const struct cuda_product *product, lmvr_error *error)
{
    struct cuda_product other = *product;
    other.factor *= product->dtype == F32 ? 1 + 0x1p-11f : 1;
    return emulated_cuda_api()->product(queue, &other, error);
}

static void wrong_sum(cuda_stream stream, int64_t count, const float *a, float factor, const float *by, const float *b,
                      float *y)
{
    (void)by;
    right()->sum(stream, count, a, factor, NULL, b, y);
}

static void wrong_columns(cuda_stream stream, int64_t rows, int64_t columns, const float *x, int64_t x_stride, bool add,
                          float *y, int64_t y_stride)
{
    right()->columns(stream, x_stride ? rows - 1 : rows, columns, x, x_stride, add, y, y_stride);
}

static void wrong_squares(cuda_stream stream, int64_t count, const float *x, double *sums)
{
    right()->squares(stream, count - 10, x, sums);
}

static void wrong_activate_back(cuda_stream stream, enum activation activation, int64_t count, const float *x, const float *dy,
                                float *dx)
{
    right()->activate_back(stream, activation == ACTIVATION_GELU_TANH ? ACTIVATION_QUICK_GELU : activation, count, x, dy, dx);
}

static void wrong_gate_back(cuda_stream stream, enum activation activation, int64_t rows, int64_t width, const float *both,
                            const float *dy, float *dboth)
{
    (void)activation;
    right()->gate_back(stream, ACTIVATION_QUICK_GELU, rows, width, both, dy, dboth);
}

static void wrong_turn(cuda_stream stream, const struct gradient_turn *turn, bool back, float *x)
{
    (void)back;
    right()->turn(stream, turn, false, x);
}

static void wrong_adamw(cuda_stream stream, const struct gradient_adamw *step, float decay, int64_t count,
                        const float *gradient, float *value, float *first, float *second, bf16 *half)
{
    (void)decay;
    right()->adamw(stream, step, 1, count, gradient, value, first, second, half);
}

static void forgetful_adamw(cuda_stream stream, const struct gradient_adamw *step, float decay, int64_t count,
                            const float *gradient, float *value, float *first, float *second, bf16 *half)
{
    (void)half;
    right()->adamw(stream, step, decay, count, gradient, value, first, second, NULL);
}

static void wrong_sum_rows(cuda_stream stream, const struct cuda_column_sums *call)
{
    struct cuda_column_sums other = *call;
    other.rows--;
    right()->sum_rows(stream, &other);
}

static void wrong_norm_back(cuda_stream stream, const struct cuda_norm *norm, int64_t rows, int64_t width, const float *x,
                            const float *dy, float *dx, float *moments)
{
    struct cuda_norm other = *norm;
    other.rms = true;
    right()->norm_back(stream, &other, rows, width, x, dy, dx, moments);
}

static void wrong_take(cuda_stream stream, int64_t count, int64_t width, const struct gradient_place *places, int source,
                       enum dtype dtype, const void *table, float *y)
{
    if (dtype == F32)
        right()->take(stream, count, width, places, source, dtype, table, y);
}

static void wrong_give(cuda_stream stream, int64_t count, int64_t width, const struct cuda_row_list *lists,
                       const int32_t *order, const float *dy, float *gradient)
{
    right()->give(stream, count - 1, width, lists, order, dy, gradient);
}

static void wrong_cross_entropy(cuda_stream stream, int64_t rows, int64_t columns, const float *logits, const int32_t *targets,
                                float smoothing, float *slope, double *losses, float *loss)
{
    (void)smoothing;
    right()->cross_entropy(stream, rows, columns, logits, targets, 0, slope, losses, loss);
}

static void wrong_softmax(cuda_stream stream, const struct cuda_scores *scores, float *p, enum dtype dtype, void *rounded)
{
    struct cuda_scores other = *scores;
    other.prefix = 0;
    right()->softmax(stream, &other, p, dtype, rounded);
}

static void wrong_softmax_back(cuda_stream stream, const struct cuda_scores *scores, const float *p, const float *d,
                               enum dtype dtype, void *out)
{
    struct cuda_scores other = *scores;
    other.queries -= other.queries > 1;
    right()->softmax_back(stream, &other, p, d, dtype, out);
}

static void assert_not_trained_on(const struct device *device, const char *what)
{
    lmvr_error error = {{0}};
    if (device_check_training(device, &error) == LMVR_OK)
        fail_msg("%s: nothing was found", what);
    char sentence[200];
    snprintf(sentence, sizeof sentence, "cuda:0, emulated, computes %s wrongly in f32: ", what);
    if (strncmp(error.message, sentence, strlen(sentence)) != 0)
        fail_msg("%s: %s", what, error.message);
    broken.product = emulated_cuda_api()->product;
    broken_gradients = *right();
}

static void what_training_computes_wrongly_is_named(void **state)
{
    (void)state;
    const struct device *device;
    lmvr_error error = {{0}};
    broken = *emulated_cuda_api();
    broken_gradients = *right();
    broken.gradients = &broken_gradients;
    assert_int_equal(cuda_device_open(&broken, 0, false, &device, NULL), LMVR_OK);
    if (device_check_training(device, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    broken.product = wrong_product;
    assert_not_trained_on(device, "products of training");
    broken.product = rough_product;
    assert_not_trained_on(device, "products of training");
    broken_gradients.sum = wrong_sum;
    assert_not_trained_on(device, "sums");
    broken_gradients.columns = wrong_columns;
    assert_not_trained_on(device, "sums");
    broken_gradients.squares = wrong_squares;
    assert_not_trained_on(device, "sums");
    broken_gradients.sum_rows = wrong_sum_rows;
    assert_not_trained_on(device, "sums");
    broken_gradients.activate_back = wrong_activate_back;
    assert_not_trained_on(device, "gradients of activations");
    broken_gradients.gate_back = wrong_gate_back;
    assert_not_trained_on(device, "gradients of activations");
    broken_gradients.norm_back = wrong_norm_back;
    assert_not_trained_on(device, "gradients of norms");
    broken_gradients.take = wrong_take;
    assert_not_trained_on(device, "gradients of rows");
    broken_gradients.give = wrong_give;
    assert_not_trained_on(device, "gradients of rows");
    broken_gradients.turn = wrong_turn;
    assert_not_trained_on(device, "gradients of rows");
    broken_gradients.softmax = wrong_softmax;
    assert_not_trained_on(device, "gradients of attention");
    broken_gradients.softmax_back = wrong_softmax_back;
    assert_not_trained_on(device, "gradients of attention");
    broken_gradients.cross_entropy = wrong_cross_entropy;
    assert_not_trained_on(device, "losses");
    broken_gradients.adamw = wrong_adamw;
    assert_not_trained_on(device, "steps of the optimizer");
    broken_gradients.adamw = forgetful_adamw;
    assert_not_trained_on(device, "steps of the optimizer");
    device_close(device);
}

static void what_is_right_is_opened_and_leaves_no_memory_behind(void **state)
{
    (void)state;
    const struct device *device;
    lmvr_error error = {{0}};
    size_t before = emulated_cuda_bytes();
    assert_int_equal(cuda_device_open(emulated_cuda_api(), 0, false, &device, &error), LMVR_OK);
    device_close(device);
    assert_int_equal(emulated_cuda_bytes(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_computed_wrongly_is_named),
        cmocka_unit_test(what_training_computes_wrongly_is_named),
        cmocka_unit_test(what_is_right_is_opened_and_leaves_no_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
