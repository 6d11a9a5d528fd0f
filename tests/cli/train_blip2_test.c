/* BLIP-2 by the program alone, from nothing to a folder that describes: `lmvr train` language (a T5), contrastive (an EVA),
 * qformer and qformer-language; each stage killed goes on to the same bytes. */
#include "train_made.h"

#define T5 "train language" NUMBERS "--config t5.json --data text.txt --max-tokens 16 --batch 2 --steps 3 --lr 0.01 "
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
               "\"patch_size\": 8, \"qkv_bias\": true, \"hidden_act\": \"gelu\"},\n"
               "\"text_config\": {\"vocab_size\": 290, \"hidden_size\": 16, \"intermediate_size\": 32,\n"
               "\"num_hidden_layers\": 1, \"num_attention_heads\": 2, \"max_position_embeddings\": 20,\n"
               "\"bos_token_id\": 288, \"eos_token_id\": 289}}\n");
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
    if (!mkdtemp(made) || chdir(made) != 0)
        return -1;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    write_records();
    write_blip2_configs();
    assert_ended(lmvr(T5 "--vocabulary-size 40 -o t5"), 0, NULL);
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

static bool same_tensor(const struct safetensors *a, const struct safetensors *b, const char *name)
{
    int64_t size, same_size;
    float *x = read_tensor(a, name, &size), *y = read_tensor(b, name, &same_size);
    assert_int_equal(size, same_size);
    bool same = memcmp(x, y, (size_t)size * sizeof *x) == 0;
    free(x);
    free(y);
    return same;
}

static void test_the_second_stage_changes_the_q_former_and_nothing_that_is_frozen(void **state)
{
    (void)state;
    struct safetensors *t5 = open_tensors("t5/model.safetensors");
    struct safetensors *stage1 = open_tensors("stage1/model.safetensors"), *stage2 = open_tensors("stage2/model.safetensors");
    assert_true(same_tensor(stage1, stage2, "vision_model.encoder.layers.1.mlp.fc1.weight"));
    assert_false(same_tensor(stage1, stage2, "query_tokens"));
    int64_t size, same_size;
    float *frozen = read_tensor(stage2, "language_model.encoder.block.0.layer.0.SelfAttention.q.weight", &size);
    float *from = read_tensor(t5, "encoder.block.0.layer.0.SelfAttention.q.weight", &same_size);
    assert_int_equal(size, same_size);
    assert_memory_equal(frozen, from, (size_t)size * sizeof *from);
    free(frozen);
    free(from);
    safetensors_close(t5);
    safetensors_close(stage1);
    safetensors_close(stage2);
}

/* ---- interrupted ------------------------------------------------------------------------------------------------------ */

/* Kills the run of the words when its first checkpoint is there. */
static void kill_when_it_has_a_checkpoint(char *const words[])
{
    pid_t pid = start(words);
    for (int waited = 0; newest_checkpoint() == 0 && waited < 60000; waited++)
        usleep(1000);
    kill(pid, SIGKILL);
    assert_int_equal(finish(pid), 128 + SIGKILL);
    assert_false(exists("out/model.safetensors"));
}

#define WORD(text) (char *)(uintptr_t)(text)
#define COMMON                                                                                                                 \
    WORD("--threads"), WORD("1"), WORD("--dtype"), WORD("f32"), WORD("-q"), WORD("--data"), WORD("captions.jsonl"),            \
        WORD("--max-tokens"), WORD("16"), WORD("--batch"), WORD("3"), WORD("--lr"), WORD("0.01"), WORD("--steps"),             \
        WORD("200"), WORD("--checkpoint-every"), WORD("5"), WORD("--keep"), WORD("100"), WORD("-o"), WORD("out")
#define LONG "--steps 200 --checkpoint-every 5 --keep 100 "

static void assert_equals_whole(void)
{
    static const char *const files[] = {"model.safetensors", "loss.csv", "run.json", "config.json"};
    char a[64], b[64];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(a, sizeof a, "out/%s", files[i]);
        snprintf(b, sizeof b, "whole/%s", files[i]);
        assert_same_file(a, b);
    }
}

static void test_a_killed_first_stage_goes_on_to_the_same_bytes(void **state)
{
    char *const words[] = {WORD("lmvr"), WORD("train"), WORD("qformer"), WORD("-m"), WORD("stage1"), COMMON, NULL};
    (void)state;
    assert_ended(lmvr(QFORMER LONG "-m stage1 -o whole"), 0, NULL);
    kill_when_it_has_a_checkpoint(words);
    assert_ended(lmvr(QFORMER LONG "-m stage1 -o out --resume"), 0, NULL);
    assert_equals_whole();
}

static void test_a_killed_second_stage_goes_on_to_the_same_bytes(void **state)
{
    char *const words[] = {WORD("lmvr"), WORD("train"),  WORD("qformer-language"),
                           WORD("-m"),   WORD("stage1"), WORD("--language"),
                           WORD("t5"),   COMMON,         NULL};
    (void)state;
    assert_ended(lmvr(LANGUAGE2 LONG "-m stage1 --language t5 -o whole"), 0, NULL);
    kill_when_it_has_a_checkpoint(words);
    assert_ended(lmvr(LANGUAGE2 LONG "-m stage1 --language t5 -o out --resume"), 0, NULL);
    assert_equals_whole();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAIN_TEST(test_what_the_stages_make_describes_and_embeds),
        TRAIN_TEST(test_the_second_stage_changes_the_q_former_and_nothing_that_is_frozen),
        TRAIN_TEST(test_a_killed_first_stage_goes_on_to_the_same_bytes),
        TRAIN_TEST(test_a_killed_second_stage_goes_on_to_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, make_blip2, remove_parts);
}
