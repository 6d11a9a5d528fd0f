/* For the tests of `lmvr train`: the real program with data and models so small that a run takes a moment. */
#ifndef LMVR_TESTS_CLI_TRAIN_MADE_H
#define LMVR_TESTS_CLI_TRAIN_MADE_H

#define PROGRAM "../lmvr"
#include "program.h"

#include "format/json.h"
#include "format/safetensors.h"
#include "image/encode.h"

#include <dirent.h>

#define PICTURES 6
#define ROWS     300 /* in the language model's embedding */
#define PIECES   288 /* in the captions' vocabulary */

#define NUMBERS     " --threads 1 --dtype f32 -q "
#define CONTRASTIVE "train contrastive" NUMBERS "--data captions.jsonl --max-tokens 16 --batch 3 --steps 3 "
#define LANGUAGE    "train language" NUMBERS "--data text.txt --max-tokens 16 --batch 2 --steps 3 --lr 0.01 "
#define ALIGN       "train align" NUMBERS "--data captions.jsonl --batch 2 --steps 2 "
#define INSTRUCT    "train instruct" NUMBERS "--data llava.json --batch 2 --steps 2 --lr 0.01 "
#define FINETUNE    "train finetune" NUMBERS "--dataset folder --data set --batch 2 --steps 2 --lr 0.01 "

/* ---- data ------------------------------------------------------------------------------------------------------------- */

/* Noise, 20 pixels wide and 24 high; JPEG or PNG by its name. */
static void write_picture(const char *path, unsigned seed)
{
    uint8_t rgb[20 * 24 * 3];
    struct image image = {20, 24, rgb};
    struct encoded encoded;
    lmvr_error error;
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
    bool jpeg = strstr(path, ".jpg") != NULL;
    assert_int_equal(jpeg ? image_encode_jpeg(&image, 90, false, &encoded, &error) : image_encode_png(&image, &encoded, &error),
                     LMVR_OK);
    write_bytes(path, encoded.bytes, encoded.size);
    encoded_finish(&encoded);
}

static const char *picture_name(int i)
{
    static char name[16];
    snprintf(name, sizeof name, "%d.%s", i, i % 2 ? "jpg" : "png");
    return name;
}

static const char *const nouns[PICTURES] = {"dog", "cat", "boat", "kite", "apple", "cup"};
static const char *const colors[4] = {"red", "blue", "green", "gray"};

static void write_records(void)
{
    FILE *captions = fopen("captions.jsonl", "we"), *llava = fopen("llava.json", "we"), *text = fopen("text.txt", "we");
    assert_true(captions && llava && text);
    fputc('[', llava);
    for (int i = 0; i < PICTURES; i++) {
        write_picture(picture_name(i), (unsigned)i + 1);
        fprintf(captions, "{\"image\": \"%s\", \"caption\": \"a %s %s on a table\"}\n", picture_name(i), colors[i % 4],
                nouns[i]);
        fprintf(
            llava,
            "%s{\"id\": \"%d\", \"image\": \"%s\", \"conversations\": [{\"from\": \"human\", \"value\": \"<image>\\nWhat is "
            "it?\"}, {\"from\": \"gpt\", \"value\": \"It is a %s %s.\"}]}\n",
            i ? "," : "", i, picture_name(i), colors[i % 4], nouns[i]);
    }
    fputc(']', llava);
    for (int i = 0; i < 4 * PICTURES * PICTURES; i++)
        fprintf(text, "the %s %s is near the %s, and the %s is not %s.\n", colors[i % 4], nouns[i / 4 % PICTURES],
                nouns[i / 24], nouns[i / 24], colors[i % 4]);
    fclose(captions);
    fclose(llava);
    fclose(text);
}

/* Two classes in the layout `folder`. */
UNUSED static void write_set(void)
{
    static const char *const folders[] = {"set",     "set/train",   "set/train/cat", "set/train/dog",
                                          "set/val", "set/val/cat", "set/val/dog"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        mkdir(folders[i], 0777);
    for (unsigned i = 0; i < 6; i++) {
        char path[64];
        snprintf(path, sizeof path, "set/%s/%s/%u.png", i < 4 ? "train" : "val", i % 2 ? "cat" : "dog", i);
        write_picture(path, 100 + i);
    }
}

#define TEXT_TOWER                                                                                                             \
    "\"text_config\": {\"vocab_size\": 290, \"hidden_size\": 16, \"intermediate_size\": 32, \"num_hidden_layers\": 1,\n"       \
    "\"num_attention_heads\": 2, \"max_position_embeddings\": 20, \"bos_token_id\": 288, \"eos_token_id\": 289}"

UNUSED static void write_configs(void)
{
    write_text("clip.json", "{\"model_type\": \"clip\", \"architectures\": [\"CLIPModel\"], \"projection_dim\": 16,\n"
                            "\"vision_config\": {\"hidden_size\": 16, \"intermediate_size\": 32, \"num_hidden_layers\": 2,\n"
                            "\"num_attention_heads\": 2, \"image_size\": 16, \"patch_size\": 8},\n" TEXT_TOWER "}\n");
    write_text("llama.json", "{\"model_type\": \"llama\", \"architectures\": [\"LlamaForCausalLM\"], \"vocab_size\": 300,\n"
                             "\"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": 2,\n"
                             "\"num_attention_heads\": 2, \"num_key_value_heads\": 1, \"max_position_embeddings\": 256,\n"
                             "\"rms_norm_eps\": 1e-5, \"bos_token_id\": 1, \"eos_token_id\": 2}\n");
}

/* The folder with the data, and the models that the objectives build from each other. */
static char made[64] = "/tmp/lmvr-train-XXXXXX";

/* Creates it with the records, and changes to it. */
static int make_folder(void)
{
    if (!mkdtemp(made) || chdir(made) != 0)
        return -1;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    write_records();
    return 0;
}

/* clip, llama, llava */
UNUSED static int make_parts(void **state)
{
    (void)state;
    if (make_folder() != 0)
        return -1;
    write_set();
    write_configs();
    assert_ended(lmvr(CONTRASTIVE "--config clip.json -o clip"), 0, NULL);
    assert_ended(lmvr(LANGUAGE "--config llama.json -o llama"), 0, NULL);
    assert_ended(lmvr(ALIGN "--vision clip --language llama -o llava"), 0, NULL);
    return 0;
}

static int remove_parts(void **state)
{
    (void)state;
    if (chdir("/tmp") != 0)
        return -1;
    remove_tree(made);
    return 0;
}

/* cmocka set-up and tear-down of each test: in that folder, without the previous test's output. */
UNUSED static int enter_made(void **state)
{
    (void)state;
    return chdir(made);
}

UNUSED static int clear_made(void **state)
{
    (void)state;
    remove_tree("out");
    remove_tree("whole");
    return 0;
}

#define TRAIN_TEST(function) cmocka_unit_test_setup_teardown(function, enter_made, clear_made)

/* ---- output ----------------------------------------------------------------------------------------------------------- */

UNUSED static json_t *open_json(const char *path)
{
    json_t *json;
    lmvr_error error;
    if (json_read(path, NULL, &json, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return json;
}

UNUSED static struct safetensors *open_tensors(const char *path)
{
    struct safetensors *file;
    lmvr_error error;
    if (safetensors_open(path, &file, &error) != LMVR_OK)
        fail_msg("%s", error.message);
    return file;
}

/* A tensor as f32, to be freed; *count: its elements. */
UNUSED static float *read_tensor(const struct safetensors *file, const char *name, int64_t *count)
{
    const struct safetensors_entry *entry = safetensors_find(file, name);
    if (!entry)
        fail_msg("%s has no %s", safetensors_path(file), name);
    *count = (int64_t)(entry->size / safetensors_dtype_size(entry->dtype));
    float *values = malloc((size_t)*count * sizeof *values);
    assert_non_null(values);
    assert_int_equal(safetensors_read_f32(file, entry, 0, (uint64_t)*count, values, NULL), LMVR_OK);
    return values;
}

/* The number of steps in a loss.csv, and the first loss. */
UNUSED static int count_steps(const char *path, double *first)
{
    char *text = read_bytes(path, NULL);
    int lines = -1; /* the header */
    assert_non_null(text);
    for (char *c = strchr(text, '\n'); c; c = strchr(c + 1, '\n'))
        lines++;
    *first = strtod(strchr(strchr(text, '\n'), ',') + 1, NULL);
    free(text);
    return lines;
}

/* The step of the newest checkpoint in `out`; 0: there is none. */
UNUSED static int newest_checkpoint(void)
{
    int newest = 0, step;
    char dot;
    DIR *dir = opendir("out/checkpoints");
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (sscanf(entry->d_name, "step-%d.safetensors%c", &step, &dot) == 1 && step > newest)
            newest = step;
    closedir(dir);
    return newest;
}

/* Starts or resumes a run, and sends the signal once there is a checkpoint of `step` or later. */
UNUSED static int interrupt_after(const char *call, int step, int signal)
{
    char line[1024];
    snprintf(line, sizeof line, "%s", call);
    pid_t pid = start_line(line);
    for (int waited = 0; newest_checkpoint() < step && waited < 120000; waited++)
        usleep(1000);
    kill(pid, signal);
    return finish(pid);
}

/* Asserts that an interrupted run's files in `out` equal an uninterrupted one's in `whole`, including the vocabulary. */
UNUSED static void assert_equals_whole(const char *vocabulary)
{
    const char *const files[] = {"model.safetensors", "loss.csv", "loss.svg", "run.json", vocabulary, "config.json"};
    char a[64], b[64];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(a, sizeof a, "out/%s", files[i]);
        snprintf(b, sizeof b, "whole/%s", files[i]);
        assert_same_file(a, b);
    }
}

/* Whether two tensors of the same size have the same values. */
UNUSED static bool same_tensor(const struct safetensors *a, const char *name_a, const struct safetensors *b, const char *name_b)
{
    int64_t size_a, size_b;
    float *x = read_tensor(a, name_a, &size_a), *y = read_tensor(b, name_b, &size_b);
    assert_int_equal(size_a, size_b);
    bool same = memcmp(x, y, (size_t)size_a * sizeof *x) == 0;
    free(x);
    free(y);
    return same;
}

#endif
