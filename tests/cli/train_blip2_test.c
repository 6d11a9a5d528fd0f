/* Trains a BLIP-2 from scratch with the program alone, up to a folder that describes images: `lmvr train` language (a T5),
 * contrastive (an EVA), qformer and qformer-language; each stage, if killed, resumes to the same bytes. */
#include "train_made.h"

#define T5 "train language" NUMBERS "--data text.txt --max-tokens 16 --batch 2 --steps 3 --lr 0.01 "
#define EVA                                                                                                                    \
    "train contrastive" NUMBERS "--data captions.jsonl --max-tokens 16 --batch 3 --steps 3 --vocabulary t5/spiece.model "
#define QFORMER   "train qformer" NUMBERS "--data captions.jsonl --max-tokens 16 --batch 3 --lr 0.01 "
#define LANGUAGE2 "train qformer-language" NUMBERS "--data captions.jsonl --max-tokens 16 --batch 3 --lr 0.01 "

static void write_blip2_configs(void)
{
    write_text("eva.json",
               "{\"model_type\": \"clip\", \"architectures\": [\"CLIPModel\"], \"projection_dim\": 16,\n"
               "\"vision_config\": {\"model_type\": \"blip_2_vision_model\", \"hidden_size\": 16,\n"
               "\"intermediate_size\": 32, \"num_hidden_layers\": 2, \"num_attention_heads\": 2, \"image_size\": 16,\n"
               "\"patch_size\": 8, \"qkv_bias\": true, \"hidden_act\": \"gelu\"},\n" TEXT_TOWER "}\n");
    write_text("t5.json", "{\"model_type\": \"t5\", \"architectures\": [\"T5ForConditionalGeneration\"], \"vocab_size\": 64,\n"
                          "\"d_model\": 16, \"d_kv\": 8, \"d_ff\": 24, \"num_heads\": 2, \"num_layers\": 1,\n"
                          "\"num_decoder_layers\": 1, \"feed_forward_proj\": \"gated-gelu\", \"tie_word_embeddings\": false,\n"
                          "\"decoder_start_token_id\": 0, \"pad_token_id\": 0, \"eos_token_id\": 1}\n");
    write_text("qformer.json",
               "{\"model_type\": \"blip-2\", \"num_query_tokens\": 4, \"image_text_hidden_size\": 8,\n"
               "\"qformer_config\": {\"model_type\": \"blip_2_qformer\", \"vocab_size\": 70, \"hidden_size\": 16,\n"
               "\"intermediate_size\": 32, \"num_hidden_layers\": 2, \"num_attention_heads\": 2,\n"
               "\"max_position_embeddings\": 24, \"cross_attention_frequency\": 2}}\n");
}

static int make_blip2(void **state)
{
    (void)state;
    if (make_folder() != 0)
        return -1;
    write_blip2_configs();
    assert_ended(lmvr(T5 "--config t5.json --vocabulary-size 40 -o t5"), 0, NULL);
    assert_ended(lmvr(EVA "--config eva.json -o eva"), 0, NULL);
    assert_ended(lmvr(QFORMER "--vision eva --config qformer.json --vocabulary t5/spiece.model --steps 2 -o stage1"), 0, NULL);
    assert_ended(lmvr(LANGUAGE2 "-m stage1 --language t5 --steps 2 -o stage2"), 0, NULL);
    return 0;
}

static void test_what_the_stages_make_describes_and_embeds(void **state)
{
    (void)state;
    assert_ended(lmvr("info -m stage2"), 0, NULL);
    assert_ended(lmvr("describe -m stage2 --dtype f32 --max-new-tokens 4 -q 0.png 1.jpg"), 0, NULL);
    assert_ended(lmvr("embed -m stage2 --dtype f32 --max-new-tokens 4 -q -f llm -f adaptor -f encoder -o out 0.png 1.jpg"), 0,
                 NULL);
    assert_true(exists("out/llm.npy") && exists("out/adaptor.npy") && exists("out/encoder.npy"));
}

static void test_the_second_stage_changes_the_q_former_and_nothing_that_is_frozen(void **state)
{
    (void)state;
    struct safetensors *t5 = open_tensors("t5/model.safetensors");
    struct safetensors *stage1 = open_tensors("stage1/model.safetensors"), *stage2 = open_tensors("stage2/model.safetensors");
    static const char *const vision = "vision_model.encoder.layers.1.mlp.fc1.weight";
    static const char *const t5_part = "encoder.block.0.layer.0.SelfAttention.q.weight";
    assert_true(same_tensor(stage1, vision, stage2, vision));
    assert_false(same_tensor(stage1, "query_tokens", stage2, "query_tokens"));
    assert_true(same_tensor(t5, t5_part, stage2, "language_model.encoder.block.0.layer.0.SelfAttention.q.weight"));
    safetensors_close(t5);
    safetensors_close(stage1);
    safetensors_close(stage2);
}

static void test_the_language_model_is_trained_where_it_is_asked_for(void **state)
{
    (void)state;
    static const char *const part = "language_model.encoder.block.0.layer.0.SelfAttention.q.weight";
    static const char *const vision = "vision_model.encoder.layers.1.mlp.fc1.weight";
    assert_ended(lmvr(LANGUAGE2 "-m stage2 --train-language --steps 2 -o whole2"), 0, NULL);
    struct safetensors *stage2 = open_tensors("stage2/model.safetensors"), *whole = open_tensors("whole2/model.safetensors");
    assert_true(same_tensor(stage2, vision, whole, vision));
    assert_false(same_tensor(stage2, part, whole, part));
    assert_false(same_tensor(stage2, "query_tokens", whole, "query_tokens"));
    safetensors_close(stage2);
    safetensors_close(whole);
}

static void test_a_t5_is_trained_with_noise(void **state)
{
    (void)state;
    static const char *const part = "encoder.block.0.layer.0.SelfAttention.q.weight";
    assert_ended(lmvr(T5 "-m t5 -o clear"), 0, NULL);
    assert_ended(lmvr(T5 "-m t5 --noise 2 -o noisy"), 0, NULL);
    struct safetensors *clear = open_tensors("clear/model.safetensors"), *noisy = open_tensors("noisy/model.safetensors");
    assert_false(same_tensor(clear, part, noisy, part));
    safetensors_close(clear);
    safetensors_close(noisy);
}

static void test_stage_1_alone_is_no_beginning_of_stage_2(void **state)
{
    (void)state;
    assert_ended(lmvr(LANGUAGE2 "-m stage1 -o none"), 2,
                 "stage1: is a stage 1 model without a language model; --language has to");
    assert_false(exists("none"));
}

/* ---- interrupted ------------------------------------------------------------------------------------------------------ */

#define LONG   "--steps 200 --checkpoint-every 5 "
#define STAGE1 QFORMER LONG "-m stage1 "
#define STAGE2 LANGUAGE2 LONG "-m stage1 --language t5 "

static void check_interrupted(const char *call)
{
    char line[1024];
    assert_ended(lmvr("%s-o whole", call), 0, NULL);
    snprintf(line, sizeof line, "%s-o out --resume", call);
    assert_int_equal(interrupt_after(line, 5, SIGKILL), 128 + SIGKILL);
    assert_false(exists("out/model.safetensors"));
    assert_int_equal(interrupt_after(line, 50, SIGKILL), 128 + SIGKILL);
    assert_ended(lmvr("%s", line), 0, NULL);
    assert_equals_whole("spiece.model");
}

static void test_a_killed_first_stage_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    check_interrupted(STAGE1);
}

static void test_a_killed_second_stage_goes_on_to_the_same_bytes(void **state)
{
    (void)state;
    check_interrupted(STAGE2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAIN_TEST(test_what_the_stages_make_describes_and_embeds),
        TRAIN_TEST(test_the_second_stage_changes_the_q_former_and_nothing_that_is_frozen),
        TRAIN_TEST(test_the_language_model_is_trained_where_it_is_asked_for),
        TRAIN_TEST(test_a_t5_is_trained_with_noise),
        TRAIN_TEST(test_stage_1_alone_is_no_beginning_of_stage_2),
        TRAIN_TEST(test_a_killed_first_stage_goes_on_to_the_same_bytes),
        TRAIN_TEST(test_a_killed_second_stage_goes_on_to_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, make_blip2, remove_parts);
}
