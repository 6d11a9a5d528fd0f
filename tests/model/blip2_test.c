/* BLIP-2's parts one by one: every hidden state equals what transformers computes for the checkpoints in tests/golden/. */
#include "golden.h"
#include "language/t5.h"
#include "model/load.h"

#define STEP_ERROR 1e-5 /* relative L2 in f32; 1e-4 is promised */
#define MOST_NEW   16

static const char *const checkpoints[] = {"blip2-old-f32", "blip2-new-bf16", "blip2-odd-f16"};

struct rooms {
    struct golden golden;
    struct model_config config;
    struct vit vit;
    struct qformer qformer;
    struct t5 t5;
    struct arena arena;
};

static lmvr_error error;

static void rooms_open(const char *name, struct rooms *r)
{
    *r = (struct rooms){0};
    golden_open(name, &r->golden);
    arena_init(&r->arena);
    struct loader loader = {.device = device_cpu(), .dtypes = {F32, F32, F32}, .error = &error};
    CHECK(model_config_read(r->golden.folder, &r->config, &error));
    CHECK(checkpoint_open(r->golden.folder, &loader.checkpoint, &error));
    CHECK(load_vit(&loader, &r->config.vision, &r->vit));
    CHECK(load_qformer(&loader, &r->config, &r->qformer));
    CHECK(load_t5(&loader, &r->config.language, &r->t5));
    CHECK(checkpoint_check_unused(loader.checkpoint, &error));
    checkpoint_close(loader.checkpoint);
}

static void rooms_close(struct rooms *r)
{
    vit_finish(&r->vit);
    qformer_finish(&r->qformer);
    t5_finish(&r->t5);
    arena_finish(&r->arena);
    golden_close(&r->golden);
}

static void compare(const struct rooms *r, const char *prefix, const char *name, const float *computed, size_t count)
{
    size_t size;
    char where[700];
    float *expected = golden_floats(&r->golden, prefix, name, &size);
    assert_non_null(expected);
    assert_int_equal(size, count);
    snprintf(where, sizeof where, "%s %s", r->golden.folder, prefix);
    assert_close(computed, expected, count, STEP_ERROR, name, where);
    if (getenv("LMVR_TEST_ERRORS"))
        printf("%-16s %-10s %-24s %.2e\n", golden_string(r->golden.json, "checkpoint"), prefix, name,
               relative_l2(computed, expected, count));
    free(expected);
}

/* ---- encoder and Q-Former ----------------------------------------------------------------------------------------------- */

/* Buffers for every state of a stack, one after the other as in the references. */
static float *state_buffers(struct arena *arena, int count, int64_t each, float **states)
{
    float *all = arena_floats(arena, count * each);
    for (int i = 0; i < count; i++)
        states[i] = all + i * each;
    return all;
}

static void compare_image(struct rooms *r, const char *prefix)
{
    const struct vit *vit = &r->vit;
    const struct qformer *q = &r->qformer;
    float *states[64], *hidden[64];
    size_t count;
    struct arena_mark mark = arena_mark(&r->arena);
    int64_t side = vit->image_size / vit->patch_size, positions = side * side + 1, each = positions * vit->width,
            query_each = (int64_t)q->queries * q->width;
    float *pixels = golden_floats(&r->golden, prefix, "pixels", &count);
    float *all = state_buffers(&r->arena, vit->block_count + 1, each, states);
    struct encoder_view view = {pixels, vit->image_size, vit->image_size};
    CHECK(vit_forward(vit, &r->arena, &view, 1, states, &error));
    compare(r, prefix, "vision_hidden_states", all, (size_t)(each * (vit->block_count + 1)));

    float *queries = state_buffers(&r->arena, q->block_count + 1, query_each, hidden);
    float *tokens = arena_floats(&r->arena, (int64_t)q->queries * r->t5.width);
    float *maps = arena_floats(&r->arena, q->queries * (positions - 1));
    CHECK(qformer_forward(q, &r->arena, 1, positions, states[vit->block_count], hidden, tokens, maps, &error));
    compare(r, prefix, "qformer_hidden_states", queries, (size_t)(query_each * (q->block_count + 1)));
    compare(r, prefix, "projected", tokens, (size_t)q->queries * (size_t)r->t5.width);
    compare(r, prefix, "query_attention", maps, (size_t)(q->queries * (positions - 1)));
    free(pixels);
    arena_release(&r->arena, mark);
}

static void encoder_and_q_former_equal_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        struct rooms r;
        size_t index;
        json_t *object;
        rooms_open(checkpoints[i], &r);
        json_array_foreach(json_object_get(r.golden.json, "images"), index, object)
            compare_image(&r, golden_string(object, "name"));
        rooms_close(&r);
    }
}

/* ---- T5 ----------------------------------------------------------------------------------------------------------------- */

static int read_ids(json_t *array, int32_t *ids)
{
    size_t index;
    json_t *id;
    json_array_foreach(array, index, id) ids[index] = (int32_t)json_integer_value(id);
    return (int)json_array_size(array);
}

/* A stack's hidden states, collected as they are computed. */
struct collector {
    float *all;
    int64_t rows, width;
};

static void collect(void *user, int layer, int64_t first_row, int64_t rows, const float *states)
{
    const struct collector *c = user;
    memcpy(c->all + (layer * c->rows + first_row) * c->width, states, (size_t)(rows * c->width) * sizeof *states);
}

static const bool every[64] = {[0 ... 63] = true};

/* Runs the encoder on the case's input; its last state is then attended to from slot 0. */
static void encode_case(struct rooms *r, json_t *object, struct t5_cache *cache)
{
    int32_t before[64], after[64];
    size_t size;
    const char *prefix = golden_string(object, "name");
    int64_t width = r->t5.width, before_count = read_ids(json_object_get(object, "ids_before"), before);
    int64_t after_count = read_ids(json_object_get(object, "ids_after"), after), visual = r->qformer.queries;
    int64_t rows = before_count + visual + after_count;
    CHECK(t5_cache_create(cache, &r->t5, 1, &error));
    CHECK(t5_cache_reserve(cache, &r->t5, 0, rows, MOST_NEW + 1, &error));
    float *hidden = arena_floats(&r->arena, rows * width);
    float *projected = golden_floats(&r->golden, golden_string(object, "image_tensors"), "projected", &size);
    t5_embed(&r->t5, &r->arena, before_count, before, hidden);
    memcpy(hidden + before_count * width, projected, size * sizeof *projected);
    t5_embed(&r->t5, &r->arena, after_count, after, hidden + (before_count + visual) * width);
    free(projected);
    int blocks = r->t5.encoder.block_count;
    struct collector states = {arena_floats(&r->arena, (blocks + 1) * rows * width), rows, width};
    struct language_span span = {0, 0, rows};
    struct language_pass pass = {.spans = &span,
                                 .span_count = 1,
                                 .hidden = hidden,
                                 .blocks = blocks,
                                 .wanted = every,
                                 .on_state = collect,
                                 .user = &states};
    CHECK(t5_encode(&r->t5, cache, &r->arena, &pass, &error));
    compare(r, prefix, "encoder_hidden_states", states.all, (size_t)((blocks + 1) * rows * width));
    CHECK(t5_cache_encoded(&r->t5, cache, &r->arena, 0, hidden, &error));
}

/* The start token and the response, in passes of `step` positions. */
static void decode_case(struct rooms *r, json_t *object, struct t5_cache *cache, int64_t step)
{
    int32_t ids[MOST_NEW + 1] = {r->config.language.t5.start_token};
    const char *prefix = golden_string(object, "name");
    int64_t rows = 1 + read_ids(json_object_get(object, "generated"), ids + 1), width = r->t5.width;
    int blocks = r->t5.decoder.block_count;
    struct collector states = {arena_floats(&r->arena, (blocks + 1) * rows * width), rows, width};
    float *all = states.all, *last = arena_floats(&r->arena, rows * width);
    for (int64_t first = 0; first < rows; first += step) {
        int64_t count = first + step < rows ? step : rows - first;
        float *hidden = arena_floats(&r->arena, count * width);
        t5_embed(&r->t5, &r->arena, count, ids + first, hidden);
        struct language_span span = {0, first, count};
        struct language_pass pass = {.spans = &span,
                                     .span_count = 1,
                                     .hidden = hidden,
                                     .blocks = blocks,
                                     .wanted = every,
                                     .on_state = collect,
                                     .user = &states};
        CHECK(t5_decode(&r->t5, cache, &r->arena, &pass, last + first * width, &error));
        states.all += count * width; /* a pass numbers its rows from 0 */
    }
    compare(r, prefix, "decoder_hidden_states", all, (size_t)((blocks + 1) * rows * width));
    float *logits = arena_floats(&r->arena, rows * r->t5.vocabulary);
    CHECK(t5_logits(&r->t5, &r->arena, rows, last, logits, &error));
    compare(r, prefix, "logits", logits, (size_t)((rows - 1) * r->t5.vocabulary));
}

static void t5_equals_the_reference_in_one_pass_and_step_by_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof checkpoints / sizeof *checkpoints; i++) {
        struct rooms r;
        size_t index;
        json_t *object;
        rooms_open(checkpoints[i], &r);
        json_array_foreach(json_object_get(r.golden.json, "cases"), index, object)
        {
            struct t5_cache cache;
            struct arena_mark mark = arena_mark(&r.arena);
            encode_case(&r, object, &cache);
            decode_case(&r, object, &cache, 1);
            decode_case(&r, object, &cache, MOST_NEW + 1);
            t5_cache_finish(&cache);
            arena_release(&r.arena, mark);
        }
        rooms_close(&r);
    }
}

static void distances_fall_into_the_buckets_of_transformers(void **state)
{
    (void)state;
    /* _relative_position_bucket of 32 buckets and a distance of 128: distances at which the bucket changes */
    static const int both[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91};
    static const int past[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                               19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113};
    for (int distance = 0, i = 0, j = 0; distance < 300; distance++) {
        i += i < (int)(sizeof both / sizeof *both) && distance == both[i];
        j += j < (int)(sizeof past / sizeof *past) && distance == past[j];
        assert_int_equal(t5_bucket(-distance, true, 32, 128), i);
        assert_int_equal(t5_bucket(distance, true, 32, 128), distance ? 16 + i : 0);
        assert_int_equal(t5_bucket(-distance, false, 32, 128), j);
        assert_int_equal(t5_bucket(distance, false, 32, 128), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoder_and_q_former_equal_the_reference),
        cmocka_unit_test(t5_equals_the_reference_in_one_pass_and_step_by_step),
        cmocka_unit_test(distances_fall_into_the_buckets_of_transformers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
