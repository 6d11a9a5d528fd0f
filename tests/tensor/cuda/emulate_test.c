#include "cmocka_all.h"

#include "emulate_kernels.h"
#include "tensor/dtype.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_every_thread_runs_at_its_place(void **state)
{
    (void)state;
    int32_t out[6 * 24];
    memset(out, 0xff, sizeof out);
    emulated_places(3, 2, (const int[]){4, 3, 2}, out);
    for (int block = 0; block < 6; block++)
        for (int thread = 0; thread < 24; thread++) {
            int z = thread / 12, y = thread / 4 % 3, x = thread % 4;
            assert_int_equal(out[block * 24 + thread], block / 3 * 10000 + block % 3 * 1000 + z * 100 + y * 10 + x);
        }
}

/* Blocks of any size, in arrays of shared memory and in what a launch gives. */
static void test_barriers_order_a_block(void **state)
{
    (void)state;
    const int sizes[] = {1, 31, 32, 33, 100, 256, 1024};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        int size = sizes[i / 2], blocks = 5;
        int32_t *x = calloc((size_t)blocks * (size_t)size, sizeof *x);
        assert_non_null(x);
        for (int j = 0; j < blocks * size; j++)
            x[j] = j;
        emulated_reverse(blocks, size, i % 2, x);
        for (int j = 0; j < blocks * size; j++)
            assert_int_equal(x[j], j / size * size + size - 1 - j % size);
        free(x);
    }
}

/* Without the barrier, some thread reads what another has not yet written, in one order of the threads or the other. */
static void test_a_missing_barrier_shows(void **state)
{
    (void)state;
    int wrong = 0;
    for (int launch = 0; launch < 2; launch++) {
        int32_t x[64];
        for (int j = 0; j < 64; j++)
            x[j] = j;
        emulated_reverse_at_once(64, x);
        for (int j = 0; j < 32; j++)
            wrong |= x[j] != 63 - j ? 1 : 0;
        for (int j = 32; j < 64; j++)
            wrong |= x[j] != 63 - j ? 2 : 0;
    }
    assert_int_equal(wrong, 3);
}

static void test_shuffles_and_barriers_sum_a_block(void **state)
{
    (void)state;
    for (int threads = 32; threads <= 1024; threads *= 2) {
        float x[3 * 1024];
        for (int j = 0; j < 3 * threads; j++)
            x[j] = (float)(j % 1000 - 300);
        emulated_sum(3, threads, x);
        for (int block = 0; block < 3; block++) {
            float sum = 0;
            for (int j = 0; j < threads; j++)
                sum += (float)((block * threads + j) % 1000 - 300);
            for (int j = 0; j < threads; j++)
                assert_true(x[block * threads + j] == sum);
        }
    }
}

static void test_a_shuffle_moves_values_within_a_warp(void **state)
{
    (void)state;
    double x[96];
    for (int i = 0; i < 96; i++)
        x[i] = i + 1e-9;
    emulated_rotate(96, x);
    for (int i = 0; i < 96; i++) {
        int from = i / 32 * 32 + (i + 1) % 32;
        assert_true(x[i] == from + 1e-9);
    }
}

static void test_tensor_cores_multiply(void **state)
{
    (void)state;
    bf16 a[16 * 16], b[16 * 8];
    float d[16 * 8];
    double expected[16 * 8];
    for (int i = 0; i < 16 * 16; i++)
        a[i] = bf16_from_f32((float)((i * 37) % 101 - 50) / 16);
    for (int i = 0; i < 16 * 8; i++) {
        b[i] = bf16_from_f32((float)((i * 53) % 67 - 30) / 8);
        expected[i] = d[i] = (float)i;
    }
    for (int row = 0; row < 16; row++)
        for (int column = 0; column < 8; column++)
            for (int k = 0; k < 16; k++)
                expected[row * 8 + column] += (double)bf16_to_f32(a[row * 16 + k]) * (double)bf16_to_f32(b[k * 8 + column]);
    emulated_multiply(a, b, d);
    for (int i = 0; i < 16 * 8; i++)
        assert_true((double)d[i] == expected[i]); /* all of them are eighths of sixteenths, exact in f32 */
}

static void test_unwritten_shared_memory_is_nan(void **state)
{
    (void)state;
    float x[256] = {0};
    emulated_unwritten(4, 256, x);
    for (int i = 0; i < 256; i++)
        assert_true(isnan(x[i]));
}

/* What a process that makes the mistake says as it ends. */
static void make_mistake(enum emulated_mistake mistake, char said[static 512])
{
    int ends[2], status;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        emulated_mistake(mistake);
        _exit(0);
    }
    close(ends[1]);
    ssize_t size = 0, more;
    while (size < 511 && (more = read(ends[0], said + size, (size_t)(511 - size))) > 0)
        size += more;
    said[size] = 0;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_mistakes_end_the_process_with_a_sentence(void **state)
{
    (void)state;
    const char *const sentences[] = {
        [SOME_END_BEFORE_A_BARRIER] = "end_kernel, block (0, 0, 0)",
        [SOME_LANES_SHUFFLE] = "20 lanes of warp",
        [TWO_BARRIERS] = "two different __syncthreads()",
        [A_PART_OF_A_WARP] = "a warp that is not whole",
        [TOO_MANY_THREADS] = "too many threads",
        [TOO_MUCH_SHARED] = "more than 227 KiB",
        [TOO_LARGE_ARRAYS] = "larger than 48 KiB",
        [BEYOND_SHARED] = "wrote beyond its shared memory",
    };
    for (int i = 0; i < EMULATED_MISTAKES; i++) {
        char said[512];
        make_mistake((enum emulated_mistake)i, said);
        if (!strstr(said, sentences[i]))
            fail_msg("expected \"%s\", not \"%s\"", sentences[i], said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_thread_runs_at_its_place),
        cmocka_unit_test(test_barriers_order_a_block),
        cmocka_unit_test(test_a_missing_barrier_shows),
        cmocka_unit_test(test_shuffles_and_barriers_sum_a_block),
        cmocka_unit_test(test_a_shuffle_moves_values_within_a_warp),
        cmocka_unit_test(test_tensor_cores_multiply),
        cmocka_unit_test(test_unwritten_shared_memory_is_nan),
        cmocka_unit_test(test_mistakes_end_the_process_with_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
