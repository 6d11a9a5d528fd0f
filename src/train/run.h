/*
 * The loop that every objective is trained by: batches in, steps of AdamW, a line of progress, checkpoints, a folder that
 * transformers opens.
 *
 * Files in the output folder: `run.json` (what it was begun with), `loss.csv`
 * (step,loss,learning_rate,gradient_norm,validation_loss), `loss.svg`, `checkpoints/step-NNNNNNNN.safetensors` (values, both
 * moments, the step), and at the end what `save` writes.
 */
#ifndef LMVR_SRC_TRAIN_RUN_H
#define LMVR_SRC_TRAIN_RUN_H

#include "tensor/tape.h"
#include "train/feed.h"
#include "train/optimizer.h"

/* What is minimized. */
struct objective {
    void *self;
    const char *name; /* "contrastive", ... */
    struct parameters *parameters;
    /* The loss (1, 1) of one batch, on the tape. NULL after a failure of the tape. */
    struct value *(*loss)(void *self, struct tape *tape, const struct batch *batch);
    /* Optional, after every optimizer step (CLIP keeps its temperature in bounds). */
    void (*after_step)(void *self);
    /* Writes the Hugging Face folder. */
    lmvr_status (*save)(void *self, const char *folder, lmvr_error *error);
};

struct run_report {
    int64_t step, steps;
    double loss, learning_rate, gradient_norm; /* loss: the mean of the step's batches */
    double validation;                         /* NAN where it was not measured at this step */
    double tokens_per_second, images_per_second, seconds_left;
};

struct run_options {
    const char *output;
    int64_t steps;    /* of the optimizer, in all */
    int accumulation; /* batches a step */
    double warmup;    /* a share of the steps, or a number of steps where it is 1 or more */
    bool constant;    /* after the warm-up; else cosine down to 0 */
    struct adamw adamw;
    double clip; /* the gradient's norm is cut to this; 0: it is not */
    uint64_t seed;
    int64_t validate_every, checkpoint_every; /* steps; 0: never (a checkpoint is always written at the end) */
    int validation_batches;
    int keep; /* checkpoints that are kept, at least 1 */
    bool resume, force;
    const char *settings; /* JSON text of all options that decide about the result; a resumed run's must be the same */
    /* Called after each step; NULL is allowed. Not 0: stop, with a checkpoint. */
    int (*report)(const struct run_report *report, void *user);
    void *user;
};

/* The learning rate of a step, counted from 0: linear from 0 over the warm-up, then half a cosine to 0, as transformers'
 * get_cosine_schedule_with_warmup. */
double run_learning_rate(const struct run_options *options, int64_t step);

/* `feeds` are made by the run, by these options, from the corpora: `validation` may be NULL.
 * LMVR_ERROR_INVALID: nothing was written, or a resumed run's settings differ (the sentence says which); a loss that is not
 * finite stops the run with a sentence that has the step and the last good checkpoint. LMVR_ERROR_RESOURCE: stopped midway,
 * the last checkpoint is whole. */
lmvr_status run_train(const struct objective *objective, const struct corpus *corpus, const struct corpus *validation,
                      const struct feed_options *feed, const struct run_options *options, lmvr_error *error);

#endif
