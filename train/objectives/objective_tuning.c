#include "train/objectives/objective_tuning.h"

#include "train/adapter.h"
#include "train/head.h"
#include "train/model_folder.h"

#include <stdlib.h>
#include <string.h>

/* A model_type, and what its decoder is called in transformers' model. */
static const struct kind {
    const char *model_type, *decoder;
} kinds[] = {
    {"smolvlm", "text_model"}, {"idefics3", "text_model"}, {"qwen2_vl", "language_model"}, {"qwen2_5_vl", "language_model"}};

static const struct kind *find_kind(const char *model_type)
{
    for (size_t i = 0; model_type && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].model_type, model_type) == 0)
            return &kinds[i];
    return NULL;
}

bool tuning_takes(const char *model_type)
{
    return find_kind(model_type) != NULL;
}

static const char *decoder_of(const struct tuning *t)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (model_config_is(&t->config, kinds[i].model_type))
            return kinds[i].decoder;
    return NULL;
}

/* ---- parameters ------------------------------------------------------------------------------------------------------- */

static lmvr_status declare(struct tuning *t, const struct tuning_options *options, lmvr_error *error)
{
    struct net net = {.parameters = &t->parameters, .checkpoint = t->checkpoint, .error = error};
    struct lora lora = {options->lora_rank, options->lora_rank ? (float)(options->lora_alpha / (double)options->lora_rank) : 0};
    random_init(&net.random, options->net.seed);
    net.trained = !lora.rank;
    t->net.front = &t->front;
    TRY(llama_net_init(&t->net.llama, &t->config.language, &lora, t->config.language.vocabulary, &net));
    t->net.llama.recompute = options->net.recompute;
    return LMVR_OK;
}

/* ---- saving ----------------------------------------------------------------------------------------------------------- */

/* The parts' own dtypes are those of the start. */
static void forget_dtypes(json_t *config)
{
    static const char *const parts[] = {"text_config", "vision_config"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        json_t *part = json_object_get(config, parts[i]);
        json_object_del(part, "dtype");
        json_object_del(part, "torch_dtype");
    }
}

static lmvr_status save(void *self, const char *folder, lmvr_error *error)
{
    static const char *const left_out[] = {".lora_", NULL};
    static const char *const beside[] = {"preprocessor_config.json",
                                         "processor_config.json",
                                         "video_preprocessor_config.json",
                                         "generation_config.json",
                                         "tokenizer.json",
                                         "tokenizer.model",
                                         "tokenizer_config.json",
                                         "special_tokens_map.json",
                                         "added_tokens.json",
                                         "vocab.json",
                                         "merges.txt",
                                         "chat_template.json",
                                         "chat_template.jinja",
                                         NULL};
    struct tuning *t = self;
    const struct adapter adapter = {.base = t->start,
                                    .rank = t->net.llama.lora.rank,
                                    .alpha = t->lora_alpha,
                                    .decoder = decoder_of(t),
                                    .parameters = &t->parameters};
    TRY(adapter.rank ? adapter_write(&adapter, folder, error) : adapter_remove(folder, error));
    TRY(head_remove(folder, error));
    TRY(llama_net_merge(&t->net.llama, error));
    forget_dtypes(t->json);
    struct folder_write write = {.folder = folder,
                                 .dtype = t->saved,
                                 .parameters = &t->parameters,
                                 .left_out = left_out,
                                 .like = t->checkpoint,
                                 .rest = t->checkpoint,
                                 .rest_prefix = "",
                                 .config = t->json,
                                 .beside = {t->start, beside}};
    return folder_write(&write, error);
}

/* ---- the objective ---------------------------------------------------------------------------------------------------- */

static struct value *loss(void *self, struct tape *tape, const struct batch *batch)
{
    return llava_net_loss(&((struct tuning *)self)->net, tape, batch);
}

lmvr_status tuning_init(struct tuning *tuning, const struct tuning_options *options, lmvr_error *error)
{
    *tuning = (struct tuning){.saved = options->net.saved, .lora_alpha = options->lora_alpha};
    parameters_init(&tuning->parameters, options->net.products);
    arena_init(&tuning->net.arena);
    tuning->start = strdup(options->start);
    if (!tuning->start)
        return error_no_memory(error, "the objective");
    TRY(model_config_read(options->start, &tuning->config, error));
    if (!decoder_of(tuning))
        return error_set(error, LMVR_ERROR_INVALID, "%s: is a %s, expected a SmolVLM, an Idefics3, a Qwen2-VL or a Qwen2.5-VL",
                         options->start, tuning->config.architecture);
    TRY(folder_read_config(options->start, &tuning->json, error));
    TRY(checkpoint_open(options->start, &tuning->checkpoint, error));
    TRY(front_end_load(&tuning->front, tuning->checkpoint, &tuning->config, options->net.products, error));
    tuning->objective = (struct objective){tuning, "instruct", &tuning->parameters, loss, NULL, save};
    return declare(tuning, options, error);
}

void tuning_finish(struct tuning *tuning)
{
    llava_net_finish(&tuning->net);
    front_end_finish(&tuning->front);
    parameters_finish(&tuning->parameters);
    checkpoint_close(tuning->checkpoint);
    json_decref(tuning->json);
    free(tuning->start);
    *tuning = (struct tuning){0};
}
