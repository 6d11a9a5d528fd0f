/*
 * The loop that every objective is trained by: batches in, steps of AdamW, a line of progress, checkpoints, a folder that
 * transformers opens.
 *
 * Files in the output folder: `run.json` (what it was begun with), `loss.csv`
 * (step,loss,learning_rate,gradient_norm,validation_loss), `loss.svg`, `checkpoints/step-NNNNNNNN.safetensors` (values, both
 * moments, the step), and at the end what `save` writes. Steps there are counted from 1.
 *
 * A run that is killed anywhere, at any write, goes on with `resume` from its last checkpoint, to the same bits and the same
 * files as one left alone (only which checkpoints are kept depends on the time). Only what is trained is in a checkpoint: the
 * caller makes all parameters as it made them at first.
 */
#ifndef LMVR_TRAIN_RUN_RUN_H
#define LMVR_TRAIN_RUN_RUN_H

#include "train/corpora/feed.h"
#include "train/run/optimizer.h"
#include "train/tape/tape.h"

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
    double loss, learning_rate, gradient_norm;                 /* loss: the mean of the step's batches */
    double validation;                                         /* NAN where it was not measured at this step */
    double tokens_per_second, images_per_second, seconds_left; /* moving averages; validation counts for the last alone */
    int64_t skipped;                                           /* samples that could not be used so far */
    const char *skipped_why;                                   /* the sentence for the first of them; NULL: none */
    const char *warning; /* at the first step after a resume: what was wrong with a newer checkpoint; else NULL */
};

struct run_options {
    const char *output;
    int64_t steps;    /* of the optimizer, in all */
    int accumulation; /* batches a step */
    double warmup;    /* a share of the steps, or a number of steps where it is 1 or more */
    bool constant;    /* after the warm-up; else cosine down to 0 */
    struct adamw adamw;
    double clip;                              /* the gradient's norm is cut to this; 0: it is not */
    uint64_t seed;                            /* of the samples' order; takes the place of the feed options' own */
    int64_t validate_every, checkpoint_every; /* steps; 0: never (a checkpoint is always written at the end;
                                                  where it is not never, validation too) */
    double checkpoint_seconds;                /* a checkpoint also after a step that ends so long after the last; 0: never */
    int validation_batches;                   /* the first ones of the corpus in its own order, the same each time */
    int keep;                                 /* checkpoints that are kept, at least 1 */
    bool resume;                              /* goes on where the folder holds a run; begins where there is none */
    bool force;                               /* removes a run that the folder holds */
    /* JSON text, an object: all options that decide about the result, and fingerprints of the models it begins from. Goes into
     * run.json beside the corpora's fingerprints; a resumed run's must be the same. */
    const char *settings;
    /* Called when the folder is this run's, before its first step: puts what belongs there into it. NULL is allowed; not called
     * where the run was finished already. */
    lmvr_status (*begin)(const char *folder, void *user, lmvr_error *error);
    /* Called after each step; NULL is allowed. Not 0: stop, with a checkpoint. */
    int (*report)(const struct run_report *report, void *user);
    void *user;
};

/* The learning rate of a step, counted from 0: linear from 0 over the warm-up, then half a cosine to 0, as transformers'
 * get_cosine_schedule_with_warmup. */
double run_learning_rate(const struct run_options *options, int64_t step);

/*
 * Trains, or goes on; a finished run that is resumed is left as it is, at once, its parameters not read. Feeds are made by the
 * run, by these options, from the corpora: `validation` may be NULL.
 *
 * LMVR_ERROR_INVALID: the run cannot begin, and nothing was written; of a resumed run whose settings differ the sentence says
 * which. LMVR_ERROR_RESOURCE: stopped midway, and the last checkpoint is whole; so too where a loss or a gradient is not
 * finite: the sentence then has the step and the last checkpoint. LMVR_STOPPED: `report` asked for it, and the checkpoint of
 * this step was written.
 */
lmvr_status run_train(const struct objective *objective, const struct corpus *corpus, const struct corpus *validation,
                      const struct feed_options *feed, const struct run_options *options, lmvr_error *error);

#endif
