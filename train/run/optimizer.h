/* AdamW (Loshchilov and Hutter 2019), as torch.optim.AdamW: decoupled weight decay, moments in f32, values in f32. */
#ifndef LMVR_TRAIN_RUN_OPTIMIZER_H
#define LMVR_TRAIN_RUN_OPTIMIZER_H

#include "train/tape/parameter.h"

struct adamw {
    double learning_rate, beta1, beta2, eps, weight_decay;
};

struct optimizer {
    struct parameters *parameters;
    float **first, **second; /* moments of each parameter, in their order; NULL where it is not trained */
    double *sums;            /* working memory of the norm */
    int64_t steps;           /* done so far */
};

/* The parameters are borrowed; none are added to them later. */
lmvr_status optimizer_init(struct optimizer *optimizer, struct parameters *parameters, lmvr_error *error);
void optimizer_finish(struct optimizer *optimizer);

/* The Euclidean norm of all gradients; with `most` > 0 they are first scaled down to it, as torch's clip_grad_norm_. Returns
 * the norm before. Sums run in one order whatever the number of threads. */
double optimizer_clip(struct optimizer *optimizer, double most);

/* One step from the gradients; values and their rounded copies change. */
void optimizer_step(struct optimizer *optimizer, const struct adamw *adamw);

#endif
