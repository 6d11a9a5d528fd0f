/*
 * The loss that a probe minimizes, and its gradient: scikit-learn's LogisticRegression,
 *
 *     f(w, b) = 1/2 |w|^2 + C sum over rows of log-loss(row)
 *
 * A binary problem has one column of scores, x.w + b, and the log-loss log(1 + exp(-y (x.w + b))); a multinomial one has a
 * column per class and the softmax's log-loss. The columns of many problems are evaluated together, so that the work is two
 * matrix products, each of which reads a block of rows from memory or the L3 cache:
 *
 *     S = X W^T + b     R = dloss/dS     dW = W + C R^T X
 *
 * Products are f32; losses, and sums over blocks, are double. Work is divided by sizes alone, so results do not depend on the
 * number of threads.
 */
#ifndef LMVR_LAB_PROBE_OBJECTIVE_H
#define LMVR_LAB_PROBE_OBJECTIVE_H

#include "error.h"

struct objective {
    const float *features; /* (rows, dim), standardized */
    int64_t rows, dim;
    int columns;            /* of all problems together */
    int width;              /* columns per problem: 1, or all of them */
    const int8_t *binary;   /* width 1: (all rows, columns) 1, -1, or 0: ignore the row */
    const int32_t *classes; /* else: (all rows) the right column, -1: ignore the row */
    const int64_t *order;   /* (rows) which row of the labels belongs to each row of the features */
    double c;
    float *weights, *scores, *partial; /* working memory */
    double *slab_losses, *slab_sums, *intercept_scale;
};

/* Borrows `objective`'s members up to `order`, and allocates working memory for up to `batch` columns at once. */
lmvr_status objective_init(struct objective *objective, int batch, lmvr_error *error);
void objective_finish(struct objective *objective);

/* Variables of a problem: (width, dim) weights, then (width) intercepts times objective_intercept_scale(). */
int64_t objective_variables(const struct objective *objective);

/* Sets C. With a small C the loss is nearly flat along the intercept and the solver slow; the scale brings its curvature to
 * 1. */
void objective_set_c(struct objective *objective, double c);
double objective_intercept_scale(const struct objective *objective, int column);

struct evaluation {
    int column;          /* the problem's first column */
    const double *point; /* its variables */
    double *gradient;    /* output, as is the value */
    double value;
};

lmvr_status objective_evaluate(struct objective *objective, struct evaluation *evaluations, int count, lmvr_error *error);

/* log(1 + exp(-z)) and its derivative, -1/(1 + exp(z)), without overflow. */
double objective_logistic(double z, double *derivative);

/* scores (rows, columns) = features weights^T + intercepts; weights (columns, dim), intercepts (columns). */
lmvr_status objective_scores(const float *features, int64_t rows, int64_t dim, int columns, const float *weights,
                             const float *intercepts, float *scores, lmvr_error *error);

/* In place: binary scores (rows) become scores of both classes (rows, 2) with an equivalent softmax. */
void objective_spread(float *scores, int64_t rows);

#endif
