/* A GPU that computes something wrongly is refused when it is opened. */
#include "cmocka_all.h"
#include "emulate_api.h"
#include "tensor/cuda/device.h"

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

static void assert_refused(const char *what)
{
    const struct device *device;
    lmvr_error error = {{0}};
    assert_int_equal(cuda_device_open(&broken, 0, &device, &error), LMVR_ERROR_RESOURCE);
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
}

static void what_is_right_is_opened_and_leaves_no_memory_behind(void **state)
{
    (void)state;
    const struct device *device;
    lmvr_error error = {{0}};
    size_t before = emulated_cuda_bytes();
    assert_int_equal(cuda_device_open(emulated_cuda_api(), 0, &device, &error), LMVR_OK);
    device_close(device);
    assert_int_equal(emulated_cuda_bytes(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_computed_wrongly_is_named),
        cmocka_unit_test(what_is_right_is_opened_and_leaves_no_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
