#include "cmocka_all.h"
#include "fake_cuda.h"

#include "tensor/cuda/module/queue.h"

#include <stdlib.h>
#include <string.h>

/* ---- which there are ---------------------------------------------------------------------------------------------------- */

static void assert_no_gpu(const char *sentence)
{
    int count = 7;
    lmvr_error error;
    struct cuda_gpu *gpu = (struct cuda_gpu *)&error;
    assert_int_equal(gpu_count(&count, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
    assert_int_equal(count, 0);
    assert_int_equal(gpu_open(0, &gpu, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, sentence);
    assert_null(gpu);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
}

static void test_where_no_gpu_can_be_used_a_sentence_says_why(void **state)
{
    (void)state;
    fake_reset();
    unsetenv("CUDA_VISIBLE_DEVICES");
    fake.count_code = cudaErrorInsufficientDriver;
    fake.driver = 0;
    assert_no_gpu("no GPU can be used: there is no NVIDIA driver here, or this container is not given it");
    fake.driver = 11080;
    char sentence[200];
    snprintf(sentence, sizeof sentence,
             "no GPU can be used: the NVIDIA driver is for CUDA 11.8, and one for %d.0 or newer is needed",
             CUDART_VERSION / 1000);
    assert_no_gpu(sentence);
    fake.count_code = cudaErrorNoDevice;
    assert_no_gpu("no GPU can be used: the NVIDIA driver finds none");
    setenv("CUDA_VISIBLE_DEVICES", "-1", 1);
    assert_no_gpu("no GPU can be used: CUDA_VISIBLE_DEVICES is \"-1\", which shows none");
    fake.count_code = cudaErrorSystemNotReady;
    assert_no_gpu("no GPU can be used: as CUDA says");
}

static void test_a_gpu_that_is_not_there_or_too_old_is_refused(void **state)
{
    (void)state;
    fake_reset();
    struct cuda_gpu *gpu;
    lmvr_error error;
    assert_int_equal(gpu_open(2, &gpu, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message, "there is no GPU 2: of 2, the last is GPU 1");
    assert_int_equal(gpu_open(-1, &gpu, &error), LMVR_ERROR_INVALID);
    fake.major = 7;
    fake.name = "Tesla T4";
    assert_int_equal(gpu_open(1, &gpu, &error), LMVR_ERROR_INVALID);
    assert_string_equal(error.message,
                        "GPU 1 (Tesla T4) has compute capability 7.5, and 8.0 or newer is needed, as of an A100 or an RTX 30");
    assert_null(gpu);
    assert_int_equal(fake.objects, 0);
}

static void test_a_gpu_tells_its_name_and_memory(void **state)
{
    (void)state;
    fake_reset();
    struct cuda_gpu *gpu;
    struct cuda_properties properties;
    assert_int_equal(gpu_open(0, &gpu, NULL), LMVR_OK);
    void *memory = gpu_allocate(gpu, 1000);
    assert_int_equal(gpu_describe(gpu, &properties, NULL), LMVR_OK);
    assert_string_equal(properties.name, "Fake");
    assert_true(properties.memory == (uint64_t)1 << 30 && properties.free == properties.memory - 1000);
    gpu_release(gpu, memory);
    gpu_close(gpu);
    gpu_close(NULL);
    assert_int_equal(fake.objects, 0);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------- */

static void test_memory_comes_cleared_and_too_much_is_null(void **state)
{
    (void)state;
    fake_reset();
    struct cuda_gpu *gpu;
    assert_int_equal(gpu_open(0, &gpu, NULL), LMVR_OK);
    char *memory = gpu_allocate(gpu, 5000);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(memory[i], 0);
    assert_null(gpu_allocate(gpu, (size_t)1 << 30));
    assert_int_equal(cudaGetLastError(), cudaSuccess);
    void *nothing = gpu_allocate(gpu, 0);
    assert_non_null(nothing);
    gpu_release(gpu, memory);
    gpu_release(gpu, nothing);
    gpu_release(gpu, NULL);
    gpu_close(gpu);
    assert_int_equal(fake.allocated, 0);
}

/* ---- queues ------------------------------------------------------------------------------------------------------------- */

struct fixture {
    struct cuda_gpu *gpu;
    struct cuda_queue *queue;
};

static struct fixture start(bool deferred)
{
    struct fixture f;
    fake_reset();
    fake.deferred = deferred;
    assert_int_equal(gpu_open(1, &f.gpu, NULL), LMVR_OK);
    assert_int_equal(queue_create(f.gpu, &f.queue, NULL), LMVR_OK);
    return f;
}

static void stop(struct fixture f)
{
    queue_free(f.queue);
    gpu_close(f.gpu);
    assert_int_equal(fake.objects, 0);
    assert_int_equal(fake.allocated, 0);
    assert_int_equal(fake.pinned, 0);
}

static void fill(unsigned char *bytes, size_t count, size_t seed)
{
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)((i + seed) * 2654435761u >> 13);
}

static void test_what_is_written_may_change_at_once(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 63, 64, 65, 4096, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT + 77, 11 * SEGMENT},
                 most = 11 * SEGMENT;
    struct fixture f = start(true);
    unsigned char *memory = gpu_allocate(f.gpu, most), *bytes = malloc(most), *expected = malloc(most), *got = malloc(most);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        fill(bytes, sizes[s], s);
        memcpy(expected, bytes, sizes[s]);
        queue_write(f.queue, memory, bytes, sizes[s]);
        memset(bytes, 0xff, sizes[s]);
        assert_int_equal(queue_read(f.queue, got, memory, sizes[s], NULL), LMVR_OK);
        assert_memory_equal(got, expected, sizes[s]);
    }
    free(bytes);
    free(expected);
    free(got);
    gpu_release(f.gpu, memory);
    stop(f);
}

/* Many times what the pinned memory has room for, without a wait of ours. */
static void test_small_writes_arrive_in_order(void **state)
{
    (void)state;
    enum { COUNT = 2000, SIZE = 5000 };
    struct fixture f = start(true);
    unsigned char *memory = gpu_allocate(f.gpu, (size_t)COUNT * SIZE), bytes[SIZE], got[SIZE];
    for (int i = 0; i < COUNT; i++) {
        fill(bytes, SIZE, (size_t)i);
        queue_write(f.queue, memory + (size_t)i * SIZE, bytes, SIZE);
    }
    for (int i = 0; i < COUNT; i++) {
        fill(bytes, SIZE, (size_t)i);
        assert_int_equal(queue_read(f.queue, got, memory + (size_t)i * SIZE, SIZE, NULL), LMVR_OK);
        assert_memory_equal(got, bytes, SIZE);
    }
    gpu_release(f.gpu, memory);
    stop(f);
}

static void test_pieces_are_copied_over_strides_and_cleared(void **state)
{
    (void)state;
    struct fixture f = start(true);
    unsigned char *from = gpu_allocate(f.gpu, 100), *to = gpu_allocate(f.gpu, 100), bytes[100], got[100];
    fill(bytes, 100, 1);
    queue_write(f.queue, from, bytes, 100);
    queue_copy(f.queue, to, 20, from, 30, 10, 3);
    queue_copy(f.queue, to + 60, 10, from + 60, 10, 10, 2);
    queue_copy(f.queue, to + 80, 0, from + 80, 0, 10, 1);
    queue_copy(f.queue, to, 20, from, 30, 10, 0);
    queue_zero(f.queue, to + 21, 3);
    assert_int_equal(queue_read(f.queue, got, to, 100, NULL), LMVR_OK);
    for (int i = 0; i < 100; i++) {
        bool copied = i >= 60 ? i < 90 : i % 20 < 10;
        unsigned char expected = i >= 60 ? bytes[i] : bytes[i / 20 * 30 + i % 20];
        assert_int_equal(got[i], copied && (i < 21 || i > 23) ? expected : 0);
    }
    gpu_release(f.gpu, from);
    gpu_release(f.gpu, to);
    stop(f);
}

static void test_the_first_failure_is_kept(void **state)
{
    (void)state;
    struct fixture f = start(false);
    lmvr_error error;
    char byte = 0, *memory = gpu_allocate(f.gpu, 1);
    assert_int_equal(queue_failure(f.queue, &error), LMVR_OK);
    queue_zero(f.queue, NULL, 10);
    queue_note(f.queue, cudaErrorMemoryAllocation, "do more");
    const char *sentence = "GPU 1 (Fake): cannot clear its memory: as CUDA says";
    assert_int_equal(queue_failure(f.queue, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message, sentence);
    assert_int_equal(queue_read(f.queue, &byte, memory, 1, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message, sentence);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
    gpu_release(f.gpu, memory);
    stop(f);
}

static void test_used_up_memory_and_a_lost_gpu_are_told_apart(void **state)
{
    (void)state;
    struct fixture f = start(false);
    struct cuda_queue *queue;
    lmvr_error error;
    fake.memory = fake.allocated;
    assert_int_equal(queue_create(f.gpu, &queue, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message, "GPU 1 (Fake): out of memory: cannot make a queue");
    assert_null(queue);
    assert_null(queue_scratch(f.queue, 10));
    fake.broken = cudaErrorIllegalAddress;
    assert_int_equal(queue_failure(f.queue, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message,
                        "GPU 1 (Fake) failed, and this process cannot use it any more: cannot run its kernels: an "
                        "illegal memory access was encountered");
    stop(f);
}

static void test_a_queue_is_used_again_after_a_failure_unless_its_gpu_is_lost(void **state)
{
    (void)state;
    struct fixture f = start(false);
    lmvr_error error;
    queue_zero(f.queue, NULL, 10);
    assert_int_equal(queue_failure(f.queue, &error), LMVR_ERROR_RESOURCE);
    assert_int_equal(queue_recover(f.queue, &error), LMVR_OK);
    assert_int_equal(queue_failure(f.queue, &error), LMVR_OK);
    fake.broken = cudaErrorIllegalAddress;
    assert_int_equal(queue_recover(f.queue, &error), LMVR_ERROR_RESOURCE);
    assert_string_equal(error.message,
                        "GPU 1 (Fake) failed, and this process cannot use it any more: an illegal memory access was "
                        "encountered");
    fake.broken = cudaSuccess;
    stop(f);
}

static void test_scratch_memory_grows_and_is_the_same_while_it_fits(void **state)
{
    (void)state;
    struct fixture f = start(false);
    char *first = queue_scratch(f.queue, 1000), *second = queue_scratch(f.queue, 900), *third = queue_scratch(f.queue, 5000);
    assert_ptr_equal(first, second);
    memset(third, 1, 5000);
    stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_no_gpu_can_be_used_a_sentence_says_why),
        cmocka_unit_test(test_a_gpu_that_is_not_there_or_too_old_is_refused),
        cmocka_unit_test(test_a_gpu_tells_its_name_and_memory),
        cmocka_unit_test(test_memory_comes_cleared_and_too_much_is_null),
        cmocka_unit_test(test_what_is_written_may_change_at_once),
        cmocka_unit_test(test_small_writes_arrive_in_order),
        cmocka_unit_test(test_pieces_are_copied_over_strides_and_cleared),
        cmocka_unit_test(test_the_first_failure_is_kept),
        cmocka_unit_test(test_used_up_memory_and_a_lost_gpu_are_told_apart),
        cmocka_unit_test(test_a_queue_is_used_again_after_a_failure_unless_its_gpu_is_lost),
        cmocka_unit_test(test_scratch_memory_grows_and_is_the_same_while_it_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
