/* Training of BLIP-2 and its T5, compared with PyTorch and transformers. */
#include "golden.h"

#include "train/objectives/objective_blip2.h"
#include "train/objectives/objective_t5.h"

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

/* The loss of the first batch with seeded noise. */
static double noisy_loss(double noise, uint64_t seed, bool recording)
{
    struct golden g;
    struct t5_language t;
    struct tape *tape;
    lmvr_error error;
    struct net_options options = {.noise = noise, .seed = seed};
    golden_open(&g, "t5-language");
    if (t5_language_init(&t, ROOT "t5-language/model", NULL, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_int_equal(tape_create(F32, &tape, NULL), LMVR_OK);
    double loss = loss_of(&t.objective, tape, &g, 0, recording);
    tape_free(tape);
    t5_language_finish(&t);
    golden_close(&g);
    return loss;
}

static void test_noise_is_drawn_by_the_seed_and_left_out_where_nothing_is_learned(void **state)
{
    (void)state;
    double without = noisy_loss(0, 1, true), first = noisy_loss(1, 1, true);
    assert_true(first != without);
    assert_true(first == noisy_loss(1, 1, true));
    assert_true(first != noisy_loss(1, 2, true));
    assert_true(noisy_loss(1, 1, false) == noisy_loss(0, 1, false));
    assert_true(fabs(noisy_loss(1e-6, 1, true) - without) < 1e-4 * without);
}

/* Stage 1 with the batch's given negatives instead of drawn ones. */
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

static void run_qformer_language(const char *name, bool trains_language, bool recompute)
{
    struct golden g;
    struct blip2 b;
    lmvr_error error;
    struct blip2_options options = {.stage = BLIP2_LANGUAGE,
                                    .start = ROOT "qformer-language/model",
                                    .trains_language = trains_language,
                                    .pieces = 62,
                                    .net.recompute = recompute};
    golden_open(&g, name);
    if (blip2_init(&b, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    follow(&g, &b.objective);
    blip2_finish(&b);
    golden_close(&g);
}

static void test_stage_2_follows_torch(void **state)
{
    (void)state;
    run_qformer_language("qformer-language", false, false);
}

static void test_recomputed_stage_2_follows_torch_too(void **state)
{
    (void)state;
    run_qformer_language("qformer-language", false, true);
}

static void test_stage_2_with_the_language_model_follows_torch(void **state)
{
    (void)state;
    run_qformer_language("qformer-language-whole", true, false);
}

/* The loss of the first batch with seeded negatives. */
static double drawn_loss(const char *start, uint64_t seed, const char *saved)
{
    struct golden g;
    struct blip2 b;
    struct tape *tape;
    lmvr_error error;
    struct blip2_options options = {.stage = BLIP2_QFORMER, .start = start, .pieces = 62, .net.seed = 1};
    golden_open(&g, "qformer");
    if (blip2_init(&b, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    b.qformer.seed = seed;
    assert_int_equal(tape_create(F32, &tape, NULL), LMVR_OK);
    double loss = loss_of(&b.objective, tape, &g, 0, false);
    if (saved && b.objective.save(b.objective.self, saved, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    tape_free(tape);
    blip2_finish(&b);
    golden_close(&g);
    return loss;
}

static void test_negatives_are_drawn_by_the_seed(void **state)
{
    (void)state;
    double first = drawn_loss(ROOT "qformer/model", 1, NULL);
    bool differs = false;
    assert_true(first == drawn_loss(ROOT "qformer/model", 1, NULL));
    for (uint64_t seed = 2; seed < 5; seed++)
        differs |= drawn_loss(ROOT "qformer/model", seed, NULL) != first;
    assert_true(differs);
}

static void test_stage_1_goes_on_from_its_folder(void **state)
{
    (void)state;
    char folder[] = "/tmp/lmvr-blip2-XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    double before = drawn_loss(ROOT "qformer/model", 7, folder);
    assert_true(before == drawn_loss(folder, 7, NULL));
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void test_stage_2_begins_from_stage_1_and_a_t5(void **state)
{
    (void)state;
    char folder[] = "/tmp/lmvr-blip2-XXXXXX", command[64];
    struct blip2 b;
    struct model_config config;
    lmvr_error error;
    struct blip2_options options = {
        .stage = BLIP2_LANGUAGE, .start = ROOT "qformer/model", .language = ROOT "t5-language/model", .pieces = 62};
    assert_non_null(mkdtemp(folder));
    if (blip2_init(&b, &options, &error) != LMVR_OK || b.objective.save(&b, folder, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    /* normalized queries become as long as word embeddings */
    double per_query = parameter_deviation(b.projection.weight) * sqrt((double)b.projection.weight->columns);
    double of_words = parameter_deviation(b.t5.embedding);
    assert_true(fabs(per_query - of_words) < 0.1 * of_words);
    blip2_finish(&b);
    if (model_config_read(folder, &config, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    assert_string_equal(config.architecture, "Blip2ForConditionalGeneration");
    options = (struct blip2_options){.stage = BLIP2_LANGUAGE, .start = folder, .pieces = 62};
    if (blip2_init(&b, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    blip2_finish(&b);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_t5_follows_torch),
        cmocka_unit_test(test_recomputed_t5_follows_torch_too),
        cmocka_unit_test(test_t5_with_a_tied_head_follows_torch),
        cmocka_unit_test(test_noise_is_drawn_by_the_seed_and_left_out_where_nothing_is_learned),
        cmocka_unit_test(test_stage_1_follows_torch),
        cmocka_unit_test(test_recomputed_stage_1_follows_torch_too),
        cmocka_unit_test(test_stage_2_follows_torch),
        cmocka_unit_test(test_recomputed_stage_2_follows_torch_too),
        cmocka_unit_test(test_stage_2_with_the_language_model_follows_torch),
        cmocka_unit_test(test_negatives_are_drawn_by_the_seed),
        cmocka_unit_test(test_stage_1_goes_on_from_its_folder),
        cmocka_unit_test(test_stage_2_begins_from_stage_1_and_a_t5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
