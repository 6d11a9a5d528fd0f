/* lmvr train: trains a model from data to a folder that transformers can load. */
#include "cli.h"
#include "error.h"
#include "hints.h"
#include "hub.h"
#include "interrupt.h"
#include "progress.h"
#include "train/train.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Folders of models, where the options name them or where the hub's cache has them; owned. */
struct places {
    char *model, *vision, *language;
};

struct session {
    const struct options *options;
    struct places places;
    struct progress progress;
    int64_t skipped;     /* as last reported */
    int64_t step, steps; /* as last reported; 0 of 0 before the first */
    bool begun;          /* the run was not already finished */
};

/* ---- progress --------------------------------------------------------------------------------------------------------- */

static void on_begin(int64_t parameters, int64_t trained, int64_t samples, int64_t steps, const char *passed_over, void *user)
{
    struct session *s = user;
    s->begun = true;
    hint_passed_over_in_set(passed_over, s->options->quiet);
    if (!s->options->quiet)
        fprintf(stderr, "%lld parameters, %lld trained; %lld samples, %lld steps\n", (long long)parameters, (long long)trained,
                (long long)samples, (long long)steps);
}

/* "   1:02:03 left", or nothing after the last step. */
static void format_left(char *text, size_t size, const struct run_report *report)
{
    long s = report->seconds_left < 359999999 ? (long)(report->seconds_left + 0.5) : 359999999;
    *text = '\0';
    if (report->step < report->steps)
        snprintf(text, size, "   %ld:%02ld:%02ld left", s / 3600, s / 60 % 60, s % 60);
}

static int on_step(const struct run_report *report, void *user)
{
    struct session *s = user;
    char line[PROGRESS_LINE], left[40];
    s->step = report->step;
    s->steps = report->steps;
    if (report->warning || report->skipped > s->skipped) {
        progress_clear(&s->progress);
        if (report->warning)
            complain("%s", report->warning);
        if (report->skipped > s->skipped && s->skipped == 0)
            complain("skipped: %s", report->skipped_why);
        s->skipped = report->skipped;
    }
    format_left(left, sizeof left, report);
    int length = snprintf(line, sizeof line, "%lld/%lld   loss %.4f   rate %.2e   %.0f tokens/s%s", (long long)report->step,
                          (long long)report->steps, report->loss, report->learning_rate, report->tokens_per_second, left);
    if (!isnan(report->validation) && length > 0 && (size_t)length < sizeof line)
        snprintf(line + length, sizeof line - (size_t)length, "   validation %.4f", report->validation);
    progress_say(&s->progress, line);
    return interrupt_came();
}

/* ---- arguments -------------------------------------------------------------------------------------------------------- */

static lmvr_status check_call(const struct options *o, enum train_kind kind, lmvr_error *error)
{
    const struct train_numbers *t = &o->train;
    if (o->input_count > 0)
        return error_set(error, LMVR_ERROR_INVALID, "takes no inputs, so not \"%s\"; --data names the data", o->inputs[0]);
    if (!o->output)
        return error_set(error, LMVR_ERROR_INVALID, "no output: -o has to name a folder");
    if (!o->data)
        return error_set(error, LMVR_ERROR_INVALID, "no data: --data has to name a file or folder");
    bool random = kind == TRAIN_CONTRASTIVE || kind == TRAIN_LANGUAGE;
    if (random && !o->model == !t->config)
        return error_set(error, LMVR_ERROR_INVALID,
                         "no initial model: either --config (an architecture) or -m (a folder) is needed");
    if (kind == TRAIN_ALIGN && (o->model ? t->vision || t->language : !t->vision || !t->language))
        return error_set(error, LMVR_ERROR_INVALID, "no initial model: either --vision and --language or -m alone is needed");
    if (kind == TRAIN_QFORMER && (o->model ? t->vision || t->config : !t->vision || !t->config))
        return error_set(error, LMVR_ERROR_INVALID, "no initial model: either --vision and --config or -m alone is needed");
    if (kind == TRAIN_QFORMER_LANGUAGE && !o->model)
        return error_set(error, LMVR_ERROR_INVALID, "no model: -m has to name a stage 1 folder, or a BLIP-2 folder");
    if (!random && kind != TRAIN_ALIGN && kind != TRAIN_QFORMER && !o->model)
        return error_set(error, LMVR_ERROR_INVALID, "no model: -m has to name a LLaVA folder");
    if (t->trains_vision && t->lora_rank)
        return error_set(error, LMVR_ERROR_INVALID,
                         "--lora and --train-vision cannot be combined: adapters cannot store an encoder");
    if (t->image_size && !t->trains_vision)
        return error_set(error, LMVR_ERROR_INVALID,
                         "--image-size needs --train-vision: a frozen encoder cannot adapt to a new size");
    if (kind == TRAIN_FINETUNE && !o->dataset)
        return error_set(error, LMVR_ERROR_INVALID, "no labels: --dataset has to name the data's layout");
    return LMVR_OK;
}

static void take(double given, double *value)
{
    if (!isnan(given))
        *value = given;
}

static void take_whole(int given, int none, int *value)
{
    if (given != none)
        *value = given;
}

static void fill_run(const struct options *o, struct session *session, struct run_options *run)
{
    const struct train_numbers *t = &o->train;
    run->output = o->output;
    run->steps = t->steps;
    run->constant = t->constant;
    run->seed = o->session.seed;
    run->resume = o->resume;
    run->force = o->force;
    run->any_device = o->force_device;
    run->report = on_step;
    run->user = session;
    take_whole(t->accumulation, 0, &run->accumulation);
    take_whole(t->keep, -1, &run->keep);
    take_whole(t->validation_batches, -1, &run->validation_batches);
    if (t->validate_every >= 0)
        run->validate_every = t->validate_every;
    if (t->checkpoint_every >= 0)
        run->checkpoint_every = t->checkpoint_every;
    take(t->warmup, &run->warmup);
    take(t->learning_rate, &run->adamw.learning_rate);
    take(t->weight_decay, &run->adamw.weight_decay);
    take(t->beta2, &run->adamw.beta2);
    take(t->clip, &run->clip);
    if (!isnan(t->checkpoint_minutes))
        run->checkpoint_seconds = 60 * t->checkpoint_minutes;
}

static void fill(const struct options *o, enum train_kind kind, struct session *session, struct train_options *train)
{
    const struct train_numbers *t = &o->train;
    train_defaults(kind, train);
    train->start = session->places.model ? session->places.model : t->config;
    train->vision = session->places.vision;
    train->language = session->places.language;
    train->data = o->data;
    train->images = t->images;
    train->validation = t->validation;
    train->dataset = o->dataset;
    train->prompt = o->session.prompt;
    train->vocabulary = t->vocabulary;
    train->vocabulary_size = t->vocabulary_size;
    train->lora_rank = t->lora_rank;
    train->trains_vision = t->trains_vision;
    train->image_size = t->image_size;
    train->min_pixels = o->session.min_pixels;
    train->max_pixels = o->session.max_pixels;
    train->trains_language = t->trains_language;
    train->device = o->device;
    train->net = (struct net_options){.products = train_products(o->dtype, o->device),
                                      .saved = t->saved == 2 ? BF16 : F32,
                                      .seed = o->session.seed,
                                      .recompute = t->recompute,
                                      .noise = t->noise};
    train->on_begin = on_begin;
    take_whole(o->session.batch, 0, &train->batch);
    take_whole(t->most_tokens, 0, &train->most_tokens);
    take_whole(t->readers, 0, &train->readers);
    take(t->epochs, &train->epochs);
    take(t->lora_alpha, &train->lora_alpha);
    take(t->prompted, &train->prompted);
    fill_run(o, session, &train->run);
}

/* Reports how the run ended. */
static int end(struct session *s, lmvr_status status, const lmvr_error *error)
{
    if (status == LMVR_OK) {
        progress_end_saying(&s->progress);
        if (!s->begun && !s->options->quiet)
            fprintf(stderr, "%s: the run was already finished; nothing to do\n", s->options->output);
        return s->skipped ? EXIT_SOME_FAILED : EXIT_DONE;
    }
    progress_clear(&s->progress);
    if (status == LMVR_STOPPED) {
        complain("interrupted after step %lld of %lld; run the same command with --resume to continue", (long long)s->step,
                 (long long)s->steps);
        return EXIT_STOPPED;
    }
    complain("%s", error->message);
    return status == LMVR_ERROR_INVALID || status == LMVR_ERROR_INPUT ? EXIT_CANNOT : EXIT_STOPPED;
}

static lmvr_status find_places(const struct options *o, struct places *places, lmvr_error *error)
{
    TRY(hub_find(o->model, &places->model, error));
    TRY(hub_find(o->train.vision, &places->vision, error));
    return hub_find(o->train.language, &places->language, error);
}

static void free_places(const struct places *places)
{
    free(places->model);
    free(places->vision);
    free(places->language);
}

static int run(const struct options *options, enum train_kind kind)
{
    lmvr_error error;
    struct session session = {.options = options};
    struct train_options train_options;
    lmvr_status status = check_call(options, kind, &error);
    if (status == LMVR_OK)
        status = find_places(options, &session.places, &error);
    if (status != LMVR_OK) {
        free_places(&session.places);
        return cannot(status, &error);
    }
    fill(options, kind, &session, &train_options);
    if (options->session.threads > 0)
        omp_set_num_threads(options->session.threads);
    interrupt_install();
    progress_begin_saying(&session.progress, !options->quiet);
    int exit_status = end(&session, train(&train_options, &error), &error);
    free_places(&session.places);
    return exit_status;
}

int command_train_contrastive(const struct options *options)
{
    return run(options, TRAIN_CONTRASTIVE);
}

int command_train_language(const struct options *options)
{
    return run(options, TRAIN_LANGUAGE);
}

int command_train_align(const struct options *options)
{
    return run(options, TRAIN_ALIGN);
}

int command_train_instruct(const struct options *options)
{
    return run(options, TRAIN_INSTRUCT);
}

int command_train_finetune(const struct options *options)
{
    return run(options, TRAIN_FINETUNE);
}

int command_train_qformer(const struct options *options)
{
    return run(options, TRAIN_QFORMER);
}

int command_train_qformer_language(const struct options *options)
{
    return run(options, TRAIN_QFORMER_LANGUAGE);
}
