/* BLIP-2's training, and its T5's, against PyTorch and transformers. */
#include "golden.h"

#include "train/blip2.h"
#include "train/t5_language.h"

static void run_language(const char *name, const char *start, bool recompute)
{
    struct golden g;
    struct t5_language t;
    lmvr_error error;
    golden_open(&g, name);
    struct net_options options = {.recompute = recompute};
    if (t5_language_init(&t, start, NULL, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    follow(&g, &t.objective);
    t5_language_finish(&t);
    golden_close(&g);
}

static void test_t5_follows_torch(void **state)
{
    (void)state;
    run_language("t5-language", ROOT "t5-language/model", false);
}

static void test_recomputed_t5_follows_torch_too(void **state)
{
    (void)state;
    run_language("t5-language", ROOT "t5-language/model", true);
}

static void test_t5_with_a_tied_head_follows_torch(void **state)
{
    (void)state;
    run_language("t5-language-tied", ROOT "t5-language-tied/model", false);
}

/* Stage 1 with the batch's own negatives in place of drawn ones. */
struct given {
    const struct golden *golden;
    struct blip2 *blip2;
    int batch; /* its number */
};

static struct value *loss_with_negatives(void *self, struct tape *tape, const struct batch *batch)
{
    struct given *given = self;
    int64_t size;
    int32_t *images = read_batch(given->golden, given->batch % 4, "negative_image", &size);
    int32_t *texts = read_batch(given->golden, given->batch % 4, "negative_text", &size);
    struct qformer_negatives negatives = {images, texts};
    given->batch++;
    given->blip2->qformer.negatives = &negatives;
    struct value *loss = given->blip2->objective.loss(given->blip2, tape, batch);
    given->blip2->qformer.negatives = NULL;
    free(images);
    free(texts);
    return loss;
}

static void run_qformer(bool recompute)
{
    struct golden g;
    struct blip2 b;
    lmvr_error error;
    struct blip2_options options = {
        .stage = BLIP2_QFORMER, .start = ROOT "qformer/model", .pieces = 62, .net.recompute = recompute};
    golden_open(&g, "qformer");
    if (blip2_init(&b, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    struct given given = {&g, &b, 0};
    struct objective objective = {.self = &given, .parameters = &b.parameters, .loss = loss_with_negatives};
    follow(&g, &objective);
    blip2_finish(&b);
    golden_close(&g);
}

static void test_stage_1_follows_torch(void **state)
{
    (void)state;
    run_qformer(false);
}

static void test_recomputed_stage_1_follows_torch_too(void **state)
{
    (void)state;
    run_qformer(true);
}

static void run_qformer_language(bool recompute)
{
    struct golden g;
    struct blip2 b;
    lmvr_error error;
    struct blip2_options options = {
        .stage = BLIP2_LANGUAGE, .start = ROOT "qformer-language/model", .pieces = 62, .net.recompute = recompute};
    golden_open(&g, "qformer-language");
    if (blip2_init(&b, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    follow(&g, &b.objective);
    blip2_finish(&b);
    golden_close(&g);
}

static void test_stage_2_follows_torch(void **state)
{
    (void)state;
    run_qformer_language(false);
}

static void test_recomputed_stage_2_follows_torch_too(void **state)
{
    (void)state;
    run_qformer_language(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_t5_follows_torch),
        cmocka_unit_test(test_recomputed_t5_follows_torch_too),
        cmocka_unit_test(test_t5_with_a_tied_head_follows_torch),
        cmocka_unit_test(test_stage_1_follows_torch),
        cmocka_unit_test(test_recomputed_stage_1_follows_torch_too),
        cmocka_unit_test(test_stage_2_follows_torch),
        cmocka_unit_test(test_recomputed_stage_2_follows_torch_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
