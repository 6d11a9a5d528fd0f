/*
 * The training loop of every objective: batches in, AdamW steps, a progress line, checkpoints, and a folder that transformers
 * can load.
 *
 * Files in the output folder: `run.json` (the run's settings), `loss.csv`
 * (step,loss,learning_rate,gradient_norm,validation_loss), `loss.svg`, `checkpoints/step-NNNNNNNN.safetensors` (values, both
 * moments, the step), and at the end what `save` writes. Steps are counted from 1.
 *
 * A run that is killed at any point, even in the middle of a write, continues from its last checkpoint with `resume`, and gives
 * the same bits and the same files as an uninterrupted one (only which checkpoints are kept depends on timing). Checkpoints
 * have only trained parameters: the caller must initialize all parameters as in the first call.
 */
#ifndef LMVR_TRAIN_RUN_RUN_H
#define LMVR_TRAIN_RUN_RUN_H

#include "train/corpora/feed.h"
#include "train/run/optimizer.h"
#include "train/tape/tape.h"

/* What a run minimizes. */
struct objective {
    void *self;
    const char *name; /* "contrastive", ... */
    struct parameters *parameters;
    /* The loss (1, 1) of one batch, on the tape. NULL if the tape failed. */
    struct value *(*loss)(void *self, struct tape *tape, const struct batch *batch);
    /* Optional, called after every optimizer step (CLIP clamps its temperature). */
    void (*after_step)(void *self);
    /* Writes the Hugging Face folder. */
    lmvr_status (*save)(void *self, const char *folder, lmvr_error *error);
};

struct run_report {
    int64_t step, steps;
    double loss, learning_rate, gradient_norm;                 /* loss: the mean over the step's batches */
    double validation;                                         /* NAN: not measured at this step */
    double tokens_per_second, images_per_second, seconds_left; /* moving averages; only seconds_left includes validation */
    int64_t skipped;                                           /* samples skipped so far */
    const char *skipped_why;                                   /* why the first was, as a sentence; NULL: none */
    const char *warning; /* at the first step after a resume: what was wrong with a newer checkpoint; else NULL */
};

struct run_options {
    const char *output;
    int64_t steps;    /* of the optimizer, in total */
    int accumulation; /* batches per step */
    double warmup;    /* a fraction of the steps, or from 1 on a number of steps */
    bool constant;    /* after the warm-up; else cosine decay to 0 */
    struct adamw adamw;
    double clip;                              /* maximum gradient norm; 0: no clipping */
    uint64_t seed;                            /* of the samples' order; overrides the feed options' */
    int64_t validate_every, checkpoint_every; /* in steps; 0: never (a checkpoint is always written at the end; validation too,
                                                 unless it is never) */
    double checkpoint_seconds; /* also write a checkpoint after the first step that ends this long after the last; 0: never */
    int validation_batches;    /* taken from the beginning of the corpus, unshuffled, so the same each time */
    int keep;                  /* checkpoints to keep, at least 1 */
    bool resume;               /* continue the run in the folder; start one if there is none */
    bool force;                /* remove a run in the folder */
    const char *gpu;           /* the kind of GPU that the run is on, which run.json remembers; NULL: the processor */
    bool any_device;           /* a run that another device has begun is continued, too */
    /* JSON text, an object: all options that affect the result, and fingerprints of the initial models. Goes into run.json with
     * the corpora's fingerprints; a resumed run must have the same. */
    const char *settings;
    /* Called once the folder belongs to this run, before its first step, to put files into it. NULL is allowed; not called if
     * the run was already finished. */
    lmvr_status (*begin)(const char *folder, void *user, lmvr_error *error);
    /* Called after each step; NULL is allowed. Nonzero return: write a checkpoint and stop. */
    int (*report)(const struct run_report *report, void *user);
    void *user;
};

/* The learning rate of a step, counted from 0: linear warm-up from 0, then half a cosine to 0, as in transformers'
 * get_cosine_schedule_with_warmup. */
double run_learning_rate(const struct run_options *options, int64_t step);

/*
 * Trains, on the device of the objective's parameters, or resumes. Resuming a finished run returns at once, without loading the
 * parameters. Batches come from the corpora by these options; `validation` may be NULL.
 *
 * LMVR_ERROR_INVALID: the run cannot start, and nothing was written; if a resumed run's settings differ, the message says
 * which. LMVR_ERROR_RESOURCE: stopped midway, the last checkpoint is intact; also if a loss or a gradient is not finite: the
 * message then has the step and the last checkpoint. LMVR_STOPPED: `report` asked to stop, and this step's checkpoint was
 * written.
 */
lmvr_status run_train(const struct objective *objective, const struct corpus *corpus, const struct corpus *validation,
                      const struct feed_options *feed, const struct run_options *options, lmvr_error *error);

#endif
