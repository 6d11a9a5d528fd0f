/* Training of CLIP, LLaVA, SmolVLM and Qwen2.5-VL, compared with PyTorch and transformers. */
#include "golden.h"

#include "train/objectives/objective_contrastive.h"
#include "train/objectives/objective_llava.h"
#include "train/objectives/objective_tuning.h"

static void run_contrastive(bool recompute)
{
    struct golden g;
    struct contrastive c;
    lmvr_error error;
    golden_open(&g, "contrastive");
    struct net_options options = {.recompute = recompute};
    if (contrastive_init(&c, ROOT "contrastive/model", NULL, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    follow(&g, &c.objective);
    contrastive_finish(&c);
    golden_close(&g);
}

static void test_contrastive_follows_torch(void **state)
{
    (void)state;
    run_contrastive(false);
}

static void test_recomputed_blocks_follow_torch_too(void **state)
{
    (void)state;
    run_contrastive(true);
}

static void run_llava(const char *name, struct llava_options options)
{
    struct golden g;
    struct llava llava;
    lmvr_error error;
    options.net.device = tested_device();
    golden_open(&g, name);
    if (llava_init(&llava, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    follow(&g, &llava.objective);
    llava_finish(&llava);
    golden_close(&g);
}

static void test_language_follows_torch(void **state)
{
    (void)state;
    run_llava("language", (struct llava_options){.stage = LLAVA_LANGUAGE, .start = ROOT "language/model"});
}

static void test_align_follows_torch(void **state)
{
    (void)state;
    run_llava("align", (struct llava_options){.stage = LLAVA_ALIGN, .start = ROOT "llava"});
}

static void test_instruct_follows_torch(void **state)
{
    (void)state;
    run_llava("instruct", (struct llava_options){.stage = LLAVA_INSTRUCT, .start = ROOT "llava"});
}

static void test_recomputed_instruct_follows_torch_too(void **state)
{
    (void)state;
    run_llava("instruct", (struct llava_options){.stage = LLAVA_INSTRUCT, .start = ROOT "llava", .net.recompute = true});
}

static void test_instruct_of_the_encoder_too_follows_torch(void **state)
{
    (void)state;
    run_llava("instruct-vision", (struct llava_options){.stage = LLAVA_INSTRUCT, .start = ROOT "llava", .trains_vision = true});
    run_llava(
        "instruct-vision",
        (struct llava_options){.stage = LLAVA_INSTRUCT, .start = ROOT "llava", .trains_vision = true, .net.recompute = true});
}

static void test_adapters_follow_torch(void **state)
{
    (void)state;
    run_llava("lora", (struct llava_options){.stage = LLAVA_INSTRUCT, .start = ROOT "llava", .lora_rank = 4, .lora_alpha = 8});
}

static void test_fine_tuning_follows_torch(void **state)
{
    (void)state;
    run_llava("finetune",
              (struct llava_options){.stage = LLAVA_FINETUNE, .start = ROOT "llava", .labels = 5, .single_label = true});
}

static void test_fine_tuning_on_many_labels_follows_torch(void **state)
{
    (void)state;
    run_llava("finetune-multi", (struct llava_options){.stage = LLAVA_FINETUNE, .start = ROOT "llava", .labels = 5});
}

static void run_tuning(const char *name, struct tuning_options options)
{
    struct golden g;
    struct tuning tuning;
    lmvr_error error;
    golden_open(&g, name);
    if (tuning_init(&tuning, &options, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    follow(&g, &tuning.objective);
    tuning_finish(&tuning);
    golden_close(&g);
}

#define CHECKPOINTS LMVR_TEST_DATA "/golden/"

static void test_smolvlm_follows_torch(void **state)
{
    (void)state;
    run_tuning("smolvlm", (struct tuning_options){.start = CHECKPOINTS "smolvlm2-f32"});
    run_tuning("smolvlm", (struct tuning_options){.start = CHECKPOINTS "smolvlm2-f32", .net.recompute = true});
}

static void test_adapters_of_smolvlm_follow_torch(void **state)
{
    (void)state;
    run_tuning("smolvlm-lora", (struct tuning_options){.start = CHECKPOINTS "smolvlm2-f32", .lora_rank = 4, .lora_alpha = 8});
}

static void test_qwen25vl_follows_torch(void **state)
{
    (void)state;
    run_tuning("qwen25vl", (struct tuning_options){.start = CHECKPOINTS "qwen25vl-hub-f16"});
}

static void test_adapters_of_qwen25vl_follow_torch(void **state)
{
    (void)state;
    run_tuning("qwen25vl-lora",
               (struct tuning_options){.start = CHECKPOINTS "qwen25vl-hub-f16", .lora_rank = 4, .lora_alpha = 8});
}

#ifdef LMVR_ON_GPU

/* The losses of training from where `lmvr train` begins. */
static void train(const struct golden *g, struct llava_options options, const struct device *device, enum dtype products,
                  double losses[STEPS])
{
    struct llava llava;
    struct tape *tape;
    struct optimizer optimizer;
    options.start = ROOT "llava";
    options.net.device = device;
    options.net.products = products;
    assert_int_equal(llava_init(&llava, &options, NULL), LMVR_OK);
    assert_int_equal(tape_create_for(&llava.parameters, &tape, NULL), LMVR_OK);
    assert_int_equal(optimizer_init(&optimizer, &llava.parameters, NULL), LMVR_OK);
    take_steps(g, &llava.objective, tape, &optimizer, false, losses);
    optimizer_finish(&optimizer);
    tape_free(tape);
    llava_finish(&llava);
}

/* Adapters begin as they do in training, where the second matrix is 0: with large random ones, bf16 alone is a hundredth of the
 * loss in a model that is as small as this, on the processor, too. */
static void check_bf16(const char *name, struct llava_options options)
{
    struct golden g;
    double found[STEPS], right[STEPS];
    golden_open(&g, name);
    train(&g, options, tested_device(), BF16, found);
    train(&g, options, device_cpu(), F32, right);
    double worst = worst_loss(found, right);
    print_message("%s: losses of %d steps in bf16: %.1e\n", name, STEPS, worst);
    assert_true(worst < 1e-3);
    assert_true(worst > 1e-6); /* it was bf16 */
    golden_close(&g);
}

static void test_losses_in_bf16_are_the_processors_in_f32(void **state)
{
    (void)state;
    check_bf16("align", (struct llava_options){.stage = LLAVA_ALIGN});
    check_bf16("instruct", (struct llava_options){.stage = LLAVA_INSTRUCT});
    check_bf16("lora", (struct llava_options){.stage = LLAVA_INSTRUCT, .lora_rank = 4, .lora_alpha = 8});
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef LMVR_ON_GPU /* what a GPU trains */
        cmocka_unit_test(test_align_follows_torch),
        cmocka_unit_test(test_recomputed_instruct_follows_torch_too),
        cmocka_unit_test(test_adapters_follow_torch),
        cmocka_unit_test(test_losses_in_bf16_are_the_processors_in_f32),
#else
        cmocka_unit_test(test_contrastive_follows_torch),
        cmocka_unit_test(test_recomputed_blocks_follow_torch_too),
        cmocka_unit_test(test_language_follows_torch),
        cmocka_unit_test(test_align_follows_torch),
        cmocka_unit_test(test_instruct_follows_torch),
        cmocka_unit_test(test_recomputed_instruct_follows_torch_too),
        cmocka_unit_test(test_instruct_of_the_encoder_too_follows_torch),
        cmocka_unit_test(test_adapters_follow_torch),
        cmocka_unit_test(test_fine_tuning_follows_torch),
        cmocka_unit_test(test_fine_tuning_on_many_labels_follows_torch),
        cmocka_unit_test(test_smolvlm_follows_torch),
        cmocka_unit_test(test_adapters_of_smolvlm_follow_torch),
        cmocka_unit_test(test_qwen25vl_follows_torch),
        cmocka_unit_test(test_adapters_of_qwen25vl_follow_torch),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
