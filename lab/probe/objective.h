/*
 * What a probe's fit minimizes, and its gradient: scikit-learn's LogisticRegression,
 *
 *     f(w, b) = 1/2 |w|^2 + C sum over rows of log-loss(row)
 *
 * One class's yes or no is a problem of one column of scores, x.w + b, with log-loss log(1 + exp(-y (x.w + b))); one class out
 * of many is a problem of a column a class, with the softmax's log-loss. Columns of many problems are evaluated together, so
 * that the work is two matrix products in each of which a block of rows comes from memory or the third-level cache:
 *
 *     S = X W^T + b     R = dloss/dS     dW = W + C R^T X
 *
 * Products are f32; losses, and sums over blocks, are double. The work is cut by sizes alone, so that no result depends on the
 * number of threads.
 */
#ifndef LMVR_LAB_PROBE_OBJECTIVE_H
#define LMVR_LAB_PROBE_OBJECTIVE_H

#include "error.h"

struct objective {
    const float *features; /* (rows, dim), standardized */
    int64_t rows, dim;
    int columns;            /* of all problems */
    int width;              /* columns of one problem: 1, or all of them */
    const int8_t *binary;   /* width 1: (all rows, columns) 1, -1, or 0 where the row does not count */
    const int32_t *classes; /* else: (all rows) the right column, -1 where the row does not count */
    const int64_t *order;   /* (rows) the row of the labels that belongs to a row of the features */
    double c;
    float *weights, *scores, *partial; /* working memory */
    double *slab_losses, *slab_sums, *intercept_scale;
};

/* Borrows what `objective` has up to `order`, and takes its working memory for up to `batch` columns at once. */
lmvr_status objective_init(struct objective *objective, int batch, lmvr_error *error);
void objective_finish(struct objective *objective);

/* Variables of a problem: (width, dim) weights, then (width) intercepts times objective_intercept_scale(). */
int64_t objective_variables(const struct objective *objective);

/* Sets C. With a small one the loss is flat along the intercept, and the solver slow; the scale brings its curvature to 1. */
void objective_set_c(struct objective *objective, double c);
double objective_intercept_scale(const struct objective *objective, int column);

struct evaluation {
    int column;          /* the problem's first */
    const double *point; /* its variables */
    double *gradient;    /* to be filled, as is the value */
    double value;
};

lmvr_status objective_evaluate(struct objective *objective, struct evaluation *evaluations, int count, lmvr_error *error);

/* log(1 + exp(-z)), and its derivative by z, -1/(1 + exp(z)), without overflow. */
double objective_logistic(double z, double *derivative);

/* scores (rows, columns) = features times weights (columns, dim) transposed, plus intercepts (columns). */
lmvr_status objective_scores(const float *features, int64_t rows, int64_t dim, int columns, const float *weights,
                             const float *intercepts, float *scores, lmvr_error *error);

/* In place, scores (rows) of one class against another become scores (rows, 2) of both, whose softmax says the same. */
void objective_spread(float *scores, int64_t rows);

#endif
