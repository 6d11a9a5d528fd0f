/* A step that recurs runs as a graph, and gives what it gives without. */
#include "emulate_api.h"
#include "emulate_graph.h"
#include "golden.h"
#include "session/session.h"
#include "tensor/cuda/device.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- operations --------------------------------------------------------------------------------------------------------- */

static const struct device *open_device(void)
{
    lmvr_error error;
    const struct device *device;
    if (cuda_device_open(emulated_cuda_api(), 0, false, &device, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return device;
}

#define WIDTH 8
#define ROWS  5

/* Gathers rows of a table, (ROWS, WIDTH), twice, and adds `more`, of the host, to what was gathered first. */
static void step(struct arena *arena, const float *table, const int64_t *rows, const float *more, float *out)
{
    const struct device_operations *o = arena->device->operations;
    struct arena_mark mark = arena_mark(arena);
    o->step_begin(arena);
    float *gathered = arena_floats(arena, ROWS * WIDTH);
    o->gather(arena, ROWS, WIDTH, rows, table, WIDTH, RESULT_FLOATS, gathered, WIDTH);
    const float *sent = arena_sent_floats(arena, more, ROWS * WIDTH);
    int64_t each[] = {0, 1, 2, 3, 4};
    o->add_rows(arena, ROWS, WIDTH, each, sent, gathered);
    assert_int_equal(o->read(arena, out, gathered, ROWS * WIDTH * sizeof *out, NULL), LMVR_OK);
    o->step_end(arena);
    arena_release(arena, mark);
}

static void a_step_is_run_with_the_data_that_it_has_now(void **state)
{
    (void)state;
    const struct device *device = open_device();
    struct arena arena;
    float values[ROWS * WIDTH], more[ROWS * WIDTH], out[ROWS * WIDTH];
    assert_int_equal(arena_init_on(&arena, device, F32, NULL), LMVR_OK);
    for (int i = 0; i < ROWS * WIDTH; i++)
        values[i] = (float)i;
    float *table = device->operations->allocate(device, sizeof values);
    assert_int_equal(device->operations->send(device, table, values, sizeof values, NULL), LMVR_OK);
    long captures = emulated_cuda_captures(), launches = emulated_cuda_launches();
    for (int s = 0; s < 10; s++) {
        int64_t rows[ROWS];
        for (int r = 0; r < ROWS; r++)
            rows[r] = (r * s + s) % ROWS;
        for (int i = 0; i < ROWS * WIDTH; i++)
            more[i] = (float)(100 * s + i);
        step(&arena, table, rows, more, out);
        for (int i = 0; i < ROWS * WIDTH; i++)
            assert_true(out[i] == values[rows[i / WIDTH] * WIDTH + i % WIDTH] + more[i]);
    }
    assert_int_equal(emulated_cuda_captures() - captures, 1); /* at the second step */
    assert_int_equal(emulated_cuda_launches() - launches, 9);
    device_release(device, table);
    arena_finish(&arena);
    device_close(device);
}

/* Arrays that a step sends: of a part of the room for them, nearly all, and more than there is. */
static void a_step_may_send_any_amount(void **state)
{
    (void)state;
    static const int64_t counts[] = {1000, 60000, 150000};
    const struct device *device = open_device();
    const struct device_operations *o = device->operations;
    struct arena arena;
    assert_int_equal(arena_init_on(&arena, device, F32, NULL), LMVR_OK);
    for (int c = 0; c < 9; c++) {
        int64_t count = counts[c % 3], size = 2 * count;
        struct arena_mark mark = arena_mark(&arena);
        int32_t *indexes = arena_alloc(&arena, size, sizeof *indexes);
        float *weights = arena_alloc(&arena, size, sizeof *weights), *out = arena_alloc(&arena, count, sizeof *out);
        float *x = arena_floats(&arena, count), one = 1;
        for (int64_t i = 0; i < size; i++) {
            indexes[i] = 0;
            weights[i] = (float)(c + i);
        }
        o->step_begin(&arena);
        struct table_rows rows = {
            .table = arena_sent_floats(&arena, &one, 1), .terms = 2, .indexes = indexes, .weights = weights};
        o->zero(&arena, x, (size_t)count * sizeof *x);
        o->add_table(&arena, count, 1, &rows, x);
        o->step_end(&arena);
        assert_int_equal(o->read(&arena, out, x, (size_t)count * sizeof *out, NULL), LMVR_OK);
        for (int64_t i = 0; i < count; i++)
            assert_true(out[i] == weights[2 * i] + weights[2 * i + 1]);
        arena_release(&arena, mark);
    }
    arena_finish(&arena);
    device_close(device);
}

/* ---- whole models ------------------------------------------------------------------------------------------------------- */

#define IMAGES 5
#define TOKENS 8

struct results {
    size_t reported, count;
    float rows[IMAGES][256];
    int32_t tokens[IMAGES][TOKENS];
};

static int collect(const lmvr_result *result, void *user)
{
    struct results *all = user;
    if (result->status != LMVR_OK)
        fail_msg("%s", result->error);
    for (size_t f = 0, at = 0; f < all->count; f++)
        for (size_t i = 0; i < 32; i++)
            all->rows[result->index][at++] = result->features[f][i];
    memcpy(all->tokens[result->index], result->tokens, result->token_count * sizeof(int32_t));
    all->reported++;
    return 0;
}

static int noticed;

static void count_notice(lmvr_notice notice, const char *sentence, void *user)
{
    (void)user;
    assert_int_equal(notice, LMVR_NOTICE_SLOW);
    assert_non_null(strstr(sentence, "its steps are run kernel by kernel: GPU 0 (emulated): CUDA makes no graph"));
    noticed++;
}

/* More images than are decoded together, and of responses of several lengths, so that sequences join and leave. */
static void embed(const char *checkpoint, struct results *all)
{
    static const char *const names[] = {"gradient.jpg", "gray16.png", "noise.webp", "palette.png", "tiny.png"};
    static const char *const features[] = {"llm", "llm:generated:max:1", "llm:end:last"};
    char path[512], paths[IMAGES][512];
    lmvr_image images[IMAGES];
    lmvr_error error = {{0}};
    lmvr_model *model;
    lmvr_session *session;
    lmvr_session_options options;
    for (int i = 0; i < IMAGES; i++) {
        snprintf(paths[i], sizeof paths[i], LMVR_TEST_DATA "/golden/images/%s", names[i]);
        images[i] = (lmvr_image){.path = paths[i]};
    }
    snprintf(path, sizeof path, LMVR_TEST_DATA "/golden/%s", checkpoint);
    lmvr_model_options opened = {.dtype = LMVR_DTYPE_BF16, .notice = count_notice};
    if (model_open_on(path, &opened, open_device(), &model, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    lmvr_session_options_default(&options);
    options.features = features;
    options.feature_count = 3;
    options.max_new_tokens = TOKENS;
    options.batch = 3;
    if (lmvr_session_create(model, &options, &session, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    memset(all, 0, sizeof *all);
    all->count = 3;
    if (lmvr_embed(session, images, IMAGES, collect, all, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(all->reported, IMAGES);
    lmvr_session_free(session);
    lmvr_model_free(model);
}

static void graphs_change_no_byte(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) /* which makes the emulation ten times as slow */
    static const char *const checkpoints[] = {"llava-old-f32"};
#else
    static const char *const checkpoints[] = {"llava-old-f32", "blip2-old-f32"};
#endif
    static struct results with, without, refused;
    static const char *const failing[] = {"begin", "end"};
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        long captures = emulated_cuda_captures(), launches = emulated_cuda_launches();
        embed(checkpoints[i], &with);
        captures = emulated_cuda_captures() - captures;
        launches = emulated_cuda_launches() - launches;
        assert_true(captures > 0 && launches > 2 * captures);
        setenv("LMVR_CUDA_GRAPHS", "0", 1);
        embed(checkpoints[i], &without);
        unsetenv("LMVR_CUDA_GRAPHS");
        assert_memory_equal(&with, &without, sizeof with);
        assert_int_equal(noticed, 0);
        for (int f = 0; f < 2; f++) {
            setenv("EMULATED_GPU_WITHOUT_GRAPHS", failing[f], 1);
            embed(checkpoints[i], &refused);
            unsetenv("EMULATED_GPU_WITHOUT_GRAPHS");
            assert_memory_equal(&with, &refused, sizeof with);
            assert_int_equal(noticed, 1);
            noticed = 0;
        }
    }
}

/* ---- the emulation ------------------------------------------------------------------------------------------------------ */

static void read_in_a_capture(const struct cuda_api *api, struct cuda_queue *queue)
{
    char end;
    (void)api->read(queue, &end, queue, 1, NULL);
}

static void write_in_a_capture(const struct cuda_api *api, struct cuda_queue *queue)
{
    api->write(queue, queue, queue, 0);
}

static void allocate_in_a_capture(const struct cuda_api *api, struct cuda_queue *queue)
{
    struct cuda_gpu *gpu;
    (void)queue;
    (void)api->open(0, &gpu, NULL);
    (void)api->allocate(gpu, 1);
}

static void what_cuda_forbids_in_a_capture_ends_the_process(void **state)
{
    (void)state;
    void (*const forbidden[])(const struct cuda_api *, struct cuda_queue *) = {read_in_a_capture, write_in_a_capture,
                                                                               allocate_in_a_capture};
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0) {
            const struct cuda_api *api = emulated_cuda_api();
            struct cuda_gpu *gpu;
            struct cuda_queue *queue;
            (void)freopen("/dev/null", "w", stderr);
            (void)api->open(0, &gpu, NULL);
            (void)api->queue_create(gpu, &queue, NULL);
            (void)api->capture_begin(queue, NULL);
            signal(SIGABRT, SIG_DFL);
            forbidden[i](api, queue);
            _exit(0);
        }
        assert_true(waitpid(pid, &status, 0) == pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_run_with_the_data_that_it_has_now),
        cmocka_unit_test(a_step_may_send_any_amount),
        cmocka_unit_test(graphs_change_no_byte),
        cmocka_unit_test(what_cuda_forbids_in_a_capture_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
