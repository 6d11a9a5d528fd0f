#include "train/train.h"

#include "format/input.h"
#include "lab/dataset/dataset.h"
#include "language/prompt.h"
#include "model/folder.h"
#include "model/model.h"
#include "tensor/device.h"
#include "train/corpora/corpus.h"
#include "train/corpora/trained_vocabulary.h"
#include "train/model_folder.h"
#include "train/objectives/objective_blip2.h"
#include "train/objectives/objective_llava.h"
#include "train/objectives/objective_t5.h"
#include "train/objectives/objective_tuning.h"
#include "train/run/run_folder.h"
#include "train/train_settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ---------------------------------------------------------------------------------------------------------- */

static const struct defaults {
    int batch, most_tokens;
    double epochs, rate, beta2, eps, decay, warmup, clip;
} defaults[] = {
    [TRAIN_CONTRASTIVE] = {256, 77, 32, 5e-4, 0.98, 1e-6, 0.2, 0.03, 0},
    [TRAIN_LANGUAGE] = {64, 512, 1, 3e-4, 0.95, 1e-8, 0.1, 0.03, 1},
    [TRAIN_ALIGN] = {128, 2048, 1, 2e-3, 0.999, 1e-8, 0, 0.03, 1},
    [TRAIN_INSTRUCT] = {32, 2048, 3, 2e-5, 0.999, 1e-8, 0, 0.03, 1},
    [TRAIN_FINETUNE] = {32, 2048, 3, 2e-5, 0.999, 1e-8, 0, 0.03, 1},
    [TRAIN_QFORMER] = {100, 32, 10, 1e-4, 0.98, 1e-8, 0.05, 0.03, 0},
    [TRAIN_QFORMER_LANGUAGE] = {64, 32, 10, 1e-4, 0.98, 1e-8, 0.05, 0.03, 0},
};

void train_defaults(enum train_kind kind, struct train_options *options)
{
    const struct defaults *d = &defaults[kind];
    *options = (struct train_options){.kind = kind,
                                      .batch = d->batch,
                                      .epochs = d->epochs,
                                      .readers = 1,
                                      .lora_alpha = 16,
                                      .prompted = 0.5,
                                      .run.accumulation = 1,
                                      .run.warmup = d->warmup,
                                      .run.adamw = {d->rate, 0.9, d->beta2, d->eps, d->decay},
                                      .run.clip = d->clip,
                                      .run.validation_batches = 8,
                                      .run.checkpoint_seconds = 600,
                                      .run.keep = 2};
}

int train_default_tokens(enum train_kind kind)
{
    return defaults[kind].most_tokens;
}

static bool is_gpu(const char *device)
{
    return device && strcmp(device, "cpu") != 0;
}

enum dtype train_products(lmvr_dtype dtype, const char *device)
{
    return is_gpu(device) && dtype == LMVR_DTYPE_DEFAULT ? BF16 : model_dtype(dtype);
}

/* ---- state of a run ---------------------------------------------------------------------------------------------------- */

struct setup {
    const struct train_options *options;
    const struct device *device;
    int most_tokens;  /* per text */
    char *vocabulary; /* its path */
    struct trained_vocabulary trained;
    struct tokenizer *tokenizer;
    struct contrastive contrastive;
    struct llava llava;
    struct tuning tuning;
    struct t5_language t5;
    struct blip2 blip2;
    struct dataset set;
    struct head_about about;
    float *labels; /* (set.count, label_count) */
    int label_count;
    bool single_label;
    const struct model_config *prompts;           /* the model whose prompts conversations take; NULL: LLaVA's */
    const struct corpus_prefix_options *prefixes; /* for an encoder-decoder; NULL: not used */
    struct corpus corpus, validation;
    const struct objective *objective;
    struct feed_options feed;
    struct run_options run;
    char *settings;
};

static void setup_finish(struct setup *s)
{
    corpus_finish(&s->corpus);
    corpus_finish(&s->validation);
    contrastive_finish(&s->contrastive);
    llava_finish(&s->llava);
    tuning_finish(&s->tuning);
    t5_language_finish(&s->t5);
    blip2_finish(&s->blip2);
    tokenizer_close(s->tokenizer);
    dataset_finish(&s->set);
    free(s->labels);
    free(s->about.tasks);
    trained_vocabulary_finish(&s->trained);
    free(s->vocabulary);
    free(s->settings);
    device_close(s->device);
}

/* ---- the length of texts ---------------------------------------------------------------------------------------------- */

/* The requested length, else the objective's default limited to the model's number of positions (0: unlimited). */
static void choose_length(struct setup *s, int positions)
{
    const struct train_options *o = s->options;
    int length = o->most_tokens ? o->most_tokens : train_default_tokens(o->kind);
    s->most_tokens = o->most_tokens || positions < 2 || length <= positions ? length : positions;
}

/* The same for a model with a table of positions, called `what`, which longer texts would overrun. */
static lmvr_status choose_length_within(struct setup *s, int positions, const char *what, lmvr_error *error)
{
    choose_length(s, positions);
    return s->most_tokens <= positions
               ? LMVR_OK
               : error_set(error, LMVR_ERROR_INVALID, "texts of %d tokens exceed %s's %d positions; see --max-tokens",
                           s->most_tokens, what, positions);
}

/* ---- the vocabulary --------------------------------------------------------------------------------------------------- */

/* The vocabulary to train if none is given. */
struct wanted_vocabulary {
    int size;
    bool unigram; /* like T5's; else LLaMA's */
};

static lmvr_status train_vocabulary(struct setup *s, const struct wanted_vocabulary *wanted, lmvr_error *error)
{
    const struct train_options *o = s->options;
    struct trained_vocabulary_options options = {.data = o->data,
                                                 .conversations = o->kind != TRAIN_LANGUAGE,
                                                 .unigram = wanted->unigram,
                                                 .size = o->vocabulary_size ? o->vocabulary_size : wanted->size};
    TRY(trained_vocabulary_init(&s->trained, o->run.output, o->run.resume, &options, error));
    s->vocabulary = strdup(s->trained.path);
    return s->vocabulary ? LMVR_OK : error_no_memory(error, "the vocabulary");
}

/* `wanted` NULL: none is trained. */
static lmvr_status open_vocabulary(struct setup *s, const struct wanted_vocabulary *wanted, lmvr_error *error)
{
    static const char *const files[] = {"tokenizer.model", "spiece.model", NULL};
    const struct train_options *o = s->options;
    const char *const places[] = {o->language, o->start};
    if (o->vocabulary && !(s->vocabulary = strdup(o->vocabulary)))
        return error_no_memory(error, "the vocabulary");
    for (int i = 0; i < 2 && !s->vocabulary; i++)
        if (input_is_folder(places[i]))
            s->vocabulary = folder_find(places[i], files);
    const char *place = o->language ? o->language : o->start;
    if (!s->vocabulary && !wanted && !input_is_folder(place))
        return error_set(error, LMVR_ERROR_INVALID, "%s: is not a folder", place);
    if (!s->vocabulary && !wanted)
        TRY(model_folder_check(place, error));
    if (!s->vocabulary && !wanted)
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: has neither tokenizer.model nor spiece.model; --vocabulary can name one", place);
    if (!s->vocabulary)
        TRY(train_vocabulary(s, wanted, error));
    const char *ending = strrchr(s->vocabulary, '.');
    if (ending && strcmp(ending, ".json") == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is no SentencePiece model, which training keeps beside the weights",
                         s->vocabulary);
    return tokenizer_open(s->vocabulary, &s->tokenizer, error);
}

static lmvr_status check_pieces(const struct setup *s, int rows, lmvr_error *error)
{
    int pieces = tokenizer_size(s->tokenizer);
    return pieces <= rows ? LMVR_OK
                          : error_set(error, LMVR_ERROR_INVALID, "%s: has %d pieces, but the embedding only %d rows",
                                      s->trained.unnamed ? "the vocabulary" : s->vocabulary, pieces, rows);
}

/* ---- labels of fine-tuning -------------------------------------------------------------------------------------------- */

static int task_width(const struct dataset_task *task)
{
    return task->labels.class_count;
}

/* One task's columns of an image's targets; single-label: 1 for its class and 0 for the others. */
static void put_labels(const struct dataset_task *task, int64_t row, float *out)
{
    const struct labels *l = &task->labels;
    for (int c = 0; c < l->class_count; c++)
        if (l->kind == LABELS_SINGLE)
            out[c] = l->single[row] < 0 ? NAN : l->single[row] == c ? 1 : 0;
        else
            out[c] = l->multi[row * l->class_count + c] == 0 ? NAN : l->multi[row * l->class_count + c] > 0 ? 1 : 0;
}

static lmvr_status open_labels(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    struct dataset_options options = {.seed = o->run.seed};
    TRY(dataset_open(o->dataset, o->data, &options, &s->set, error));
    for (int t = 0; t < s->set.task_count; t++)
        s->label_count += task_width(&s->set.tasks[t]);
    s->single_label = s->set.task_count == 1 && s->set.tasks[0].labels.kind == LABELS_SINGLE;
    s->labels = calloc((size_t)(s->set.count * s->label_count + 1), sizeof *s->labels);
    s->about = (struct head_about){.tasks = head_tasks(&s->set), .dataset = o->dataset, .single_label = s->single_label};
    if (!s->labels || !s->about.tasks)
        return error_no_memory(error, "the labels");
    for (int64_t i = 0; i < s->set.count; i++)
        for (int t = 0, at = 0; t < s->set.task_count; t++) {
            put_labels(&s->set.tasks[t], i, s->labels + i * s->label_count + at);
            at += task_width(&s->set.tasks[t]);
        }
    return LMVR_OK;
}

/* The set's images first .. first + count - 1, with the model's prompt. */
static lmvr_status open_labelled(struct setup *s, int64_t first, int64_t count, struct corpus *corpus, lmvr_error *error)
{
    const struct model_config *config = &s->llava.config;
    struct prompt tokens;
    TRY(prompt_create(s->tokenizer, config->template_name, s->about.prompt, config->language.begin_token, -1, &tokens, error));
    struct corpus_labelled labelled = {.count = count,
                                       .images = (const char *const *)s->set.paths + first,
                                       .labels = s->labels + first * s->label_count,
                                       .label_count = s->label_count,
                                       .before = tokens.ids,
                                       .after = tokens.ids + tokens.images[0],
                                       .before_count = tokens.images[0],
                                       .after_count = tokens.count - tokens.images[0]};
    lmvr_status status = corpus_labels(&labelled, corpus, error);
    prompt_finish(&tokens);
    return status;
}

/* ---- data ------------------------------------------------------------------------------------------------------------- */

static lmvr_status open_data(struct setup *s, const char *data, int begin, int end, struct corpus *corpus, lmvr_error *error)
{
    static lmvr_status (*const kinds[])(const struct corpus_options *, struct corpus *, lmvr_error *) = {
        [TRAIN_CONTRASTIVE] = corpus_captions, [TRAIN_LANGUAGE] = corpus_text,    [TRAIN_ALIGN] = corpus_alignment,
        [TRAIN_INSTRUCT] = corpus_instruction, [TRAIN_QFORMER] = corpus_captions, [TRAIN_QFORMER_LANGUAGE] = corpus_captions,
    };
    struct corpus_options options = {.data = data,
                                     .images = s->options->images,
                                     .tokenizer = s->tokenizer,
                                     .model = s->prompts,
                                     .begin_token = begin,
                                     .end_token = end,
                                     .most_tokens = s->most_tokens,
                                     .by_lines = s->prefixes != NULL};
    TRY(kinds[s->options->kind](&options, corpus, error));
    struct corpus inner = *corpus;
    return s->prefixes ? corpus_prefixes(s->prefixes, &inner, corpus, error) : LMVR_OK;
}

static lmvr_status open_corpora(struct setup *s, int begin, int end, lmvr_error *error)
{
    const struct train_options *o = s->options;
    if (o->kind == TRAIN_FINETUNE) {
        TRY(open_labelled(s, 0, s->set.train_count, &s->corpus, error));
        if (s->set.count == s->set.train_count)
            return LMVR_OK;
        return open_labelled(s, s->set.train_count, s->set.count - s->set.train_count, &s->validation, error);
    }
    TRY(open_data(s, o->data, begin, end, &s->corpus, error));
    return o->validation ? open_data(s, o->validation, begin, end, &s->validation, error) : LMVR_OK;
}

/* ---- the kinds of net ------------------------------------------------------------------------------------------------- */

static lmvr_status open_contrastive(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    struct clip_config config;
    TRY(config_read_clip(o->start, &config, error));
    const struct text_config *text = &config.text;
    TRY(choose_length_within(s, text->positions, "the tower", error));
    int least = text->begin_token < text->end_token ? text->begin_token : text->end_token;
    TRY(open_vocabulary(s, &(struct wanted_vocabulary){least, false}, error));
    TRY(check_pieces(s, text->vocabulary, error));
    TRY(contrastive_init(&s->contrastive, o->start, s->vocabulary, &o->net, error));
    s->objective = &s->contrastive.objective;
    s->feed.preprocess = &s->contrastive.preprocess;
    s->feed.image_size = config.vision.image_size;
    return open_corpora(s, text->begin_token, text->end_token, error);
}

static lmvr_status open_llava(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    static const enum llava_stage stages[] = {LLAVA_LANGUAGE, LLAVA_LANGUAGE, LLAVA_ALIGN, LLAVA_INSTRUCT, LLAVA_FINETUNE};
    struct language_config language = {0};
    if (o->kind == TRAIN_LANGUAGE)
        TRY(config_read_llama(o->start, &language, error));
    struct wanted_vocabulary wanted = {language.vocabulary, false};
    TRY(open_vocabulary(s, o->kind == TRAIN_LANGUAGE ? &wanted : NULL, error));
    if (o->kind == TRAIN_FINETUNE)
        TRY(open_labels(s, error));
    struct llava_options options = {.stage = stages[o->kind],
                                    .start = o->start,
                                    .vision = o->vision,
                                    .language = o->language,
                                    .tokenizer = s->vocabulary,
                                    .pieces = tokenizer_size(s->tokenizer),
                                    .lora_rank = o->lora_rank,
                                    .lora_alpha = o->lora_alpha,
                                    .trains_vision = o->trains_vision,
                                    .image_size = o->image_size,
                                    .labels = s->label_count,
                                    .single_label = s->single_label,
                                    .net = o->net};
    options.net.device = s->device;
    TRY(llava_init(&s->llava, &options, error));
    const struct model_config *config = &s->llava.config;
    TRY(check_pieces(s, config->language.vocabulary, error));
    s->objective = &s->llava.objective;
    s->about.prompt = o->prompt ? o->prompt : config->prompt;
    s->llava.about = o->kind == TRAIN_FINETUNE ? &s->about : NULL;
    int visual = o->kind == TRAIN_LANGUAGE ? 0 : config_fixed_visual_tokens(config);
    choose_length(s, config->language.max_positions - visual);
    if (o->kind != TRAIN_LANGUAGE) {
        s->feed.preprocess = &s->llava.preprocess;
        s->feed.image_size = config->vision.image_size;
    }
    if (config->language.end_token_count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no eos_token_id", o->start ? o->start : o->language);
    return open_corpora(s, config->language.begin_token, config->language.end_tokens[0], error);
}

/* The model's own tokenizer; another one would not fit its prompts. */
static lmvr_status open_own_tokenizer(struct setup *s, lmvr_error *error)
{
    static const char *const files[] = {"tokenizer.model", "spiece.model", "tokenizer.json", NULL};
    const char *start = s->options->start;
    if (s->options->vocabulary)
        return error_set(error, LMVR_ERROR_INVALID, "--vocabulary: %s has a vocabulary of its own", start);
    s->vocabulary = folder_find(start, files);
    if (!s->vocabulary)
        return model_folder_refuse_tokenizer(start, error);
    TRY(tokenizer_open(s->vocabulary, &s->tokenizer, error));
    return check_pieces(s, s->tuning.config.language.vocabulary, error);
}

static lmvr_status open_tuning(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    struct tuning_options options = {.start = o->start, .lora_rank = o->lora_rank, .lora_alpha = o->lora_alpha, .net = o->net};
    const struct model_config *config = &s->tuning.config;
    if (is_gpu(o->device))
        return error_set(error, LMVR_ERROR_INVALID, "--device %s: only a LLaVA is trained on a GPU, which %s is not", o->device,
                         o->start);
    if (o->trains_vision)
        return error_set(error, LMVR_ERROR_INVALID, "--train-vision: only a LLaVA's encoder can be trained, which %s is not",
                         o->start);
    TRY(tuning_init(&s->tuning, &options, error));
    TRY(preprocess_limit(&s->tuning.config.preprocess, o->min_pixels, o->max_pixels, error));
    TRY(open_own_tokenizer(s, error));
    s->objective = &s->tuning.objective;
    s->feed.preprocess = &config->preprocess;
    s->prompts = config;
    choose_length(s, config->language.max_positions);
    if (config->language.end_token_count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "%s: has no eos_token_id", o->start);
    return open_corpora(s, config->language.begin_token, config->language.end_tokens[0], error);
}

/* How the instruction of a model of this type is set up; NULL: it cannot be. */
static lmvr_status (*instruct_opener(const char *model_type))(struct setup *, lmvr_error *)
{
    static const char *const llavas[] = {"llava", "llava_llama", "llava_mistral"};
    if (tuning_takes(model_type))
        return open_tuning;
    for (size_t i = 0; model_type && i < sizeof llavas / sizeof *llavas; i++)
        if (strcmp(model_type, llavas[i]) == 0)
            return open_llava; /* which refuses LLaVA's own layout by what is expected */
    return model_type ? NULL : open_llava;
}

static lmvr_status open_instruct(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    char *model_type;
    if (!input_is_folder(o->start))
        return open_llava(s, error); /* which says so */
    TRY(model_folder_check(o->start, error));
    TRY(config_read_model_type(o->start, &model_type, error));
    lmvr_status (*open)(struct setup *, lmvr_error *) = instruct_opener(model_type);
    free(model_type);
    if (!open) {
        TRY(model_config_read(o->start, &s->tuning.config, error));
        return error_set(error, LMVR_ERROR_INVALID,
                         "%s: is a %s, expected a LLaVA model, a SmolVLM, an Idefics3, a Qwen2-VL or a Qwen2.5-VL", o->start,
                         s->tuning.config.architecture);
    }
    if (open == open_llava && (o->min_pixels || o->max_pixels))
        return error_set(error, LMVR_ERROR_INVALID,
                         "--min-pixels and --max-pixels are for models that take pictures of any size");
    return open(s, error);
}

/* The encoder reads a text's beginning, or the prompt, and the decoder learns the rest. */
static lmvr_status open_t5_corpora(struct setup *s, const struct language_config *config, const char *prompt, double prompted,
                                   lmvr_error *error)
{
    struct corpus_prefix_options prefixes = {
        .prompted = prompted, .end_token = config->end_tokens[0], .seed = s->options->run.seed};
    int32_t *ids = NULL;
    if (config->end_token_count == 0)
        return error_set(error, LMVR_ERROR_INVALID, "the T5's configuration has no eos_token_id");
    TRY(check_pieces(s, config->vocabulary, error));
    if (prompt)
        TRY(tokenizer_encode(s->tokenizer, prompt, &ids, &prefixes.prompt_count, error));
    prefixes.prompt = ids;
    s->prefixes = &prefixes;
    lmvr_status status = open_corpora(s, -1, prefixes.end_token, error);
    s->prefixes = NULL;
    free(ids);
    return status;
}

static lmvr_status open_t5(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    struct language_config config;
    TRY(config_read_t5(o->start, &config, error));
    TRY(open_vocabulary(s, &(struct wanted_vocabulary){config.vocabulary, true}, error));
    TRY(t5_language_init(&s->t5, o->start, s->vocabulary, &o->net, error));
    s->objective = &s->t5.objective;
    choose_length(s, 0);
    return open_t5_corpora(s, &s->t5.config, NULL, 0, error);
}

/* LLaMA's or T5's. */
static lmvr_status open_language(struct setup *s, lmvr_error *error)
{
    char *model_type;
    TRY(config_read_model_type(s->options->start, &model_type, error));
    bool t5 = model_type && strcmp(model_type, "t5") == 0;
    free(model_type);
    if (s->options->net.noise > 0 && !t5)
        return error_set(error, LMVR_ERROR_INVALID, "%s: is not a T5; --noise applies to a T5's encoder", s->options->start);
    return t5 ? open_t5(s, error) : open_llava(s, error);
}

#define Q_FORMER_END 1 /* </s> of T5's vocabularies, in [SEP]'s place */

/* [CLS] and [DEC] are the two ids after the vocabulary's pieces. */
static lmvr_status open_stage1_vocabulary(struct setup *s, const char *config, lmvr_error *error)
{
    struct qformer_config qformer;
    struct qformer_text_config text;
    TRY(config_read_qformer(config, &qformer, &text, error));
    TRY(choose_length_within(s, text.positions, "the Q-Former", error));
    return open_vocabulary(s, &(struct wanted_vocabulary){text.vocabulary - 2, true}, error);
}

static lmvr_status open_blip2(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    bool first = o->kind == TRAIN_QFORMER;
    TRY(first ? open_stage1_vocabulary(s, o->start, error) : open_vocabulary(s, NULL, error));
    int pieces = tokenizer_size(s->tokenizer);
    struct blip2_options options = {.stage = first ? BLIP2_QFORMER : BLIP2_LANGUAGE,
                                    .start = o->vision ? NULL : o->start,
                                    .vision = o->vision,
                                    .config = o->vision ? o->start : NULL,
                                    .language = o->language,
                                    .tokenizer = s->vocabulary,
                                    .trains_language = o->trains_language,
                                    .pieces = pieces,
                                    .net = o->net};
    TRY(blip2_init(&s->blip2, &options, error));
    s->objective = &s->blip2.objective;
    s->feed.preprocess = &s->blip2.preprocess;
    s->feed.image_size = s->blip2.config.vision.image_size;
    if (first)
        return open_corpora(s, pieces, Q_FORMER_END, error);
    choose_length(s, 0);
    return open_t5_corpora(s, &s->blip2.config.language, o->prompt ? o->prompt : "a photo of", o->prompted, error);
}

/* ---- the run ---------------------------------------------------------------------------------------------------------- */

static lmvr_status plan_steps(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    s->run = o->run;
    int64_t a_step = (int64_t)o->batch * o->run.accumulation;
    if (s->run.steps == 0) {
        double steps = ceil(o->epochs * (double)s->corpus.count / (double)a_step);
        if (steps > 1e12)
            return error_set(error, LMVR_ERROR_INVALID, "%g epochs give too many steps", o->epochs);
        s->run.steps = (int64_t)steps;
    }
    s->feed.batch = o->batch;
    s->feed.threads = o->readers;
    s->feed.ahead = 2;
    return LMVR_OK;
}

static int report(const struct run_report *report, void *user)
{
    const struct run_options *caller = &((const struct setup *)user)->options->run;
    return caller->report ? caller->report(report, caller->user) : 0;
}

static lmvr_status begin(const char *folder, void *user, lmvr_error *error)
{
    const struct setup *s = user;
    const struct train_options *o = s->options;
    const struct parameters *parameters = s->objective->parameters;
    TRY(trained_vocabulary_keep(&s->trained, folder, error));
    if (o->on_begin)
        o->on_begin(parameters_size(parameters, false), parameters_size(parameters, true), s->corpus.count, s->run.steps,
                    s->set.passed_over, o->run.user);
    return LMVR_OK;
}

/* A GPU has the operations of LLaVA's two stages, with the encoder frozen. */
static lmvr_status open_device(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    if (is_gpu(o->device) && o->kind != TRAIN_ALIGN && o->kind != TRAIN_INSTRUCT)
        return error_set(error, LMVR_ERROR_INVALID,
                         "--device %s: only LLaVA's two stages, align and instruct, are trained on a GPU", o->device);
    if (is_gpu(o->device) && o->trains_vision)
        return error_set(error, LMVR_ERROR_INVALID, "--device %s: with --train-vision, training is on the processor",
                         o->device);
    TRY(device_open(o->device ? o->device : "cpu", 0, false, &s->device, error));
    return device_check_training(s->device, error);
}

static lmvr_status run(struct setup *s, lmvr_error *error)
{
    const struct train_options *o = s->options;
    static lmvr_status (*const open[])(struct setup *, lmvr_error *) = {
        open_contrastive, open_language, open_llava, open_instruct, open_llava, open_blip2, open_blip2};
    TRY(run_folder_check(o->run.output, error));
    TRY(open_device(s, error));
    TRY(open[o->kind](s, error));
    TRY(plan_steps(s, error));
    TRY(train_settings(o, s->run.steps, s->most_tokens, s->vocabulary, &s->settings, error));
    s->run.settings = s->settings;
    s->run.gpu = s->device->gpu[0] ? s->device->gpu : NULL;
    s->run.begin = begin;
    s->run.report = report;
    s->run.user = s;
    return run_train(s->objective, &s->corpus, s->validation.self ? &s->validation : NULL, &s->feed, &s->run, error);
}

lmvr_status train(const struct train_options *options, lmvr_error *error)
{
    struct setup setup = {.options = options};
    lmvr_status status = run(&setup, error);
    setup_finish(&setup);
    return status;
}
