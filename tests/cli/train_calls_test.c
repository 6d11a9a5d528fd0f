/* Wrong calls of `lmvr train`: one message that says what is wrong, exit status 2, and nothing written. */
#include "train_made.h"

#include "train/train.h"

static int count_temporary(void)
{
    int count = 0;
    FILE *names = popen("ls -d tmp/* 2>/dev/null", "re");
    for (int c; (c = fgetc(names)) != EOF;)
        count += c == '\n';
    pclose(names);
    return count;
}

static void refuse(const char *call, const char *part)
{
    assert_ended(lmvr("%s", call), 2, part);
    if (exists("out") || exists("new"))
        fail_msg("nothing should be written by: %s", call);
    assert_int_equal(count_temporary(), 0);
}

/* Calls of the language objective that must train a vocabulary write to a folder in a missing folder. */
#define NEW " -o new/er/out"

static void test_calls_that_are_not_whole(void **state)
{
    (void)state;
    refuse(CONTRASTIVE "--config clip.json", "no output: -o has to name a folder");
    refuse("train contrastive --config clip.json" NEW, "no data: --data has to name a file or folder");
    refuse(CONTRASTIVE NEW, "no initial model: either --config (an architecture) or -m (a folder) is needed");
    refuse(CONTRASTIVE "--config clip.json -m clip" NEW, "no initial model: either --config");
    refuse(ALIGN "--vision clip" NEW, "no initial model: either --vision and --language or -m alone is needed");
    refuse(ALIGN "--vision clip --language llama -m llava" NEW, "or -m alone");
    refuse(INSTRUCT NEW, "no model: -m has to name a LLaVA folder");
    refuse("train finetune -m llava --data set" NEW, "no labels: --dataset has to name the data's layout");
    refuse(LANGUAGE "--config llama.json text.txt" NEW, "takes no inputs, so not \"text.txt\"");
    refuse(LANGUAGE "--config llama.json --lora 2" NEW, "there is no option --lora");
    refuse(CONTRASTIVE "--config clip.json --train-vision" NEW, "there is no option --train-vision");
    refuse(INSTRUCT "-m llava --lora 2 --train-vision" NEW, "--lora and --train-vision cannot be combined");
    refuse(INSTRUCT "-m llava --image-size 32" NEW, "--image-size needs --train-vision");
    refuse(INSTRUCT "-m llava --train-vision --image-size 20" NEW,
           "--image-size 20: is not a multiple of the encoder's patches, 8");
    refuse(INSTRUCT "-m nowhere" NEW, "nowhere: is not a folder");
    refuse(INSTRUCT "-m tmp" NEW, "tmp: has no config.json; expected a Hugging Face folder");
    refuse(INSTRUCT "-m no/where" NEW, "no/where: is no folder, and not in the Hugging Face cache");
    refuse(ALIGN "--vision clip --language no/where" NEW, "no/where: is no folder, and not in the Hugging Face cache");
    refuse(LANGUAGE "--config llama.json --lr 1e30" NEW, "--lr takes a number from 0 to 1000, not \"1e30\"");
    refuse(LANGUAGE "--config llama.json --steps 0" NEW, "--steps");
    refuse(LANGUAGE "--config llama.json --noise 1" NEW, "llama.json: is not a T5; --noise applies to a T5's encoder");
}

static void test_data_that_cannot_be_used(void **state)
{
    (void)state;
    write_text("broken.json", "[{\"image\": \"0.png\", \"conversations\": [");
    write_text("empty.txt", "");
    refuse("train contrastive --config clip.json --max-tokens 9 --data gone.jsonl" NEW, "gone.jsonl: cannot open");
    refuse("train contrastive --config clip.json --max-tokens 9 --data broken.json" NEW,
           "broken.json: ends in the middle of its JSON");
    refuse("train contrastive -m clip --max-tokens 9 --data broken.json" NEW, "broken.json: ends in the middle of its JSON");
    refuse("train contrastive --config clip.json --max-tokens 9 --data text.txt" NEW, "text.txt: is not JSON");
    refuse("train instruct -m llava --data broken.json" NEW, "broken.json: ends in the middle of its JSON");
    refuse("train language --config llama.json --data gone.txt" NEW, "gone.txt: cannot ");
    refuse("train language --config llama.json --data empty.txt" NEW, "empty.txt: ");
    refuse("train language -m llama --data empty.txt" NEW, "empty.txt: has no text");
    refuse("train language --config llama.json --data ." NEW, ".: is not a regular file");
    refuse(LANGUAGE "--config llama.json --validation gone.txt" NEW, "gone.txt: cannot open");
    refuse(CONTRASTIVE "--config clip.json --validation gone.jsonl" NEW, "gone.jsonl: cannot open");
    refuse("train finetune -m llava --dataset nonsense --data set" NEW, "there is no data set 'nonsense'");
    refuse("train finetune -m llava --dataset voc2007 --data set" NEW, "set");
}

static void test_models_that_do_not_fit(void **state)
{
    (void)state;
    refuse(LANGUAGE "--config gone.json" NEW, "gone.json: cannot open");
    refuse(LANGUAGE "--config clip.json" NEW, "clip.json: model_type is \"clip\", expected llama");
    refuse(CONTRASTIVE "--config llama.json" NEW, "llama.json: model_type is \"llama\", expected clip");
    refuse(ALIGN "--vision llama --language clip" NEW, "llama/config.json: model_type is \"llama\", expected clip");
    refuse(INSTRUCT "-m clip" NEW, "clip: is a CLIPModel, expected a LLaVA model");
    refuse(INSTRUCT "-m " LMVR_TEST_DATA "/golden/blip2-old-f32" NEW, "is a Blip2ForConditionalGeneration");
    refuse(INSTRUCT "-m " LMVR_TEST_DATA "/golden/own/llava-1.5" NEW, "training starts from its conversion for transformers");
    refuse(INSTRUCT "-m gone" NEW, "gone");
    refuse("train contrastive --config clip.json --data captions.jsonl --max-tokens 21" NEW,
           "texts of 21 tokens exceed the tower's 20 positions; see --max-tokens");
}

static void test_vocabularies_that_do_not_fit(void **state)
{
    (void)state;
    char *shape = read_bytes("llama.json", NULL);
    memcpy(strstr(shape, "300"), "290", 3);
    write_text("small.json", shape);
    free(shape);
    refuse(LANGUAGE "--config small.json --vocabulary llama/tokenizer.model" NEW,
           "llama/tokenizer.model: has 300 pieces, but the embedding only 290 rows");
    refuse(LANGUAGE "--config llama.json --vocabulary tokenizer.json" NEW,
           "tokenizer.json: is no SentencePiece model, which training keeps beside the weights");
    refuse(LANGUAGE "--config small.json --vocabulary-size 300" NEW, "has 300 pieces, but the embedding only 290 rows");
    refuse(LANGUAGE "--config llama.json --vocabulary-size 3000" NEW, "text.txt: no vocabulary of 3000 pieces can be trained");
    refuse("train contrastive --config clip.json --data captions.jsonl --max-tokens 9 --vocabulary-size 3000" NEW,
           "captions.jsonl: no vocabulary of 3000 pieces can be trained");
    refuse(LANGUAGE "--config llama.json --vocabulary gone.model" NEW, "gone.model");
    refuse(LANGUAGE "--config llama.json --vocabulary text.txt" NEW, "text.txt");
}

static void test_places_that_cannot_be_written(void **state)
{
    (void)state;
    char *text = read_bytes("text.txt", NULL);
    refuse(LANGUAGE "--config llama.json -o text.txt", "text.txt: not a folder");
    refuse(LANGUAGE "--config llama.json -o text.txt/er", "text.txt/er: cannot be used for output");
    refuse(LANGUAGE "--config llama.json -o x.npy", "x.npy: training writes a folder, not a .npy file");
    char *after = read_bytes("text.txt", NULL);
    assert_string_equal(text, after);
    free(text);
    free(after);
}

/* The help of an option: the number after "(default: ", wherever the line is wrapped. */
static double default_in_help(const char *option)
{
    char *said = strstr(run_done.out, option), *number = said ? strstr(said, "(default:") : NULL;
    if (!number)
        fail_msg("no default of %s", option);
    return strtod(number + strlen("(default:"), NULL);
}

static void test_help_has_the_objective_s_own_defaults(void **state)
{
    (void)state;
    static const char *const kinds[] = {"contrastive", "language", "align",           "instruct",
                                        "finetune",    "qformer",  "qformer-language"};
    for (int kind = TRAIN_CONTRASTIVE; kind <= TRAIN_QFORMER_LANGUAGE; kind++) {
        struct train_options o;
        train_defaults((enum train_kind)kind, &o);
        assert_ended(lmvr("train %s --help", kinds[kind]), 0, NULL);
        assert_true(default_in_help("--epochs ") == o.epochs);
        assert_true(default_in_help("--batch ") == o.batch);
        assert_true(default_in_help("--max-tokens ") == train_default_tokens((enum train_kind)kind));
        assert_true(default_in_help("--lr ") == o.run.adamw.learning_rate);
        assert_true(default_in_help("--warmup ") == o.run.warmup);
        assert_true(default_in_help("--weight-decay ") == o.run.adamw.weight_decay);
        assert_true(default_in_help("--beta2 ") == o.run.adamw.beta2);
        assert_true(default_in_help("--clip ") == o.run.clip);
        assert_true(default_in_help("--checkpoint-every ") == o.run.checkpoint_every);
        assert_true(default_in_help("--keep ") == o.run.keep);
        assert_true(default_in_help("--validation-batches ") == o.run.validation_batches);
        assert_null(strstr(run_done.out, " else)")); /* "1 language and align, 3 else" */
    }
}

static int make_temporary_place(void **state)
{
    if (make_parts(state) != 0 || mkdir("tmp", 0777) != 0)
        return -1;
    return setenv("TMPDIR", "tmp", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRAIN_TEST(test_calls_that_are_not_whole),      TRAIN_TEST(test_data_that_cannot_be_used),
        TRAIN_TEST(test_models_that_do_not_fit),        TRAIN_TEST(test_vocabularies_that_do_not_fit),
        TRAIN_TEST(test_places_that_cannot_be_written), TRAIN_TEST(test_help_has_the_objective_s_own_defaults),
    };
    return cmocka_run_group_tests(tests, make_temporary_place, remove_parts);
}
