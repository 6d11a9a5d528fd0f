/* AdamW (Loshchilov and Hutter 2019), as torch.optim.AdamW: decoupled weight decay, with moments and values in f32. */
#ifndef LMVR_TRAIN_RUN_OPTIMIZER_H
#define LMVR_TRAIN_RUN_OPTIMIZER_H

#include "train/tape/parameter.h"

struct adamw {
    double learning_rate, beta1, beta2, eps, weight_decay;
};

struct optimizer {
    struct parameters *parameters;
    float **first, **second; /* moments of each parameter, in order, on its device; NULL if it is not trained */
    double *sums, *partial;  /* working memory for the norm, (chunks): of the host, and the device's */
    int64_t chunks;          /* of trained parameters */
    int64_t steps;           /* done so far */
};

/* The parameters are borrowed; none may be added later. */
lmvr_status optimizer_init(struct optimizer *optimizer, struct parameters *parameters, lmvr_error *error);
void optimizer_finish(struct optimizer *optimizer);

/* *norm: the Euclidean norm of all gradients. With `most` > 0 they are scaled down to it, as by torch's
 * clip_grad_norm_. The order of summation does not depend on the number of threads. */
lmvr_status optimizer_clip(struct optimizer *optimizer, double most, double *norm, lmvr_error *error);

/* Updates values, and their rounded copies, from the gradients. */
void optimizer_step(struct optimizer *optimizer, const struct adamw *adamw);

#endif
