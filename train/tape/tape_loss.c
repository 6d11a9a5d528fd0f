/* Losses on the tape. Each computes the gradient along with the loss, which is nearly free, and keeps it. */
#include "tensor/cpu/gradient.h"
#include "train/tape/tape_steps.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct loss_step {
    struct step step;
    struct value *x;
    const float *slope; /* d loss / d x */
};

static void loss_back(struct tape *tape, struct step *step)
{
    struct loss_step *s = (struct loss_step *)step;
    float *dx = tape_gradient(tape, s->x);
    if (dx)
        tape->gradients->add_by(tape->arena, s->x->rows * s->x->columns, step->result->gradient, s->slope, dx);
}

/* A loss of x, to be computed with its gradient. */
static struct value *begin(struct tape *tape, struct value *x, float **slope)
{
    *slope = tape_floats(tape, x->rows * x->columns);
    struct value *y = *slope ? tape_new(tape, 1, 1, x->wanted) : NULL;
    struct loss_step *step = TAPE_STEP(tape, struct loss_step, y, loss_back);
    if (step) {
        step->x = x;
        step->slope = *slope;
    }
    return y;
}

static double mean_of(int64_t count, const double *losses)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += losses[i];
    return count ? sum / (double)count : 0;
}

struct value *tape_cross_entropy(struct tape *tape, struct value *logits, const int32_t *targets, float smoothing)
{
    float *slope;
    struct value *y = logits ? begin(tape, logits, &slope) : NULL;
    if (!y)
        return NULL;
    TAPE_DO(tape, cross_entropy, logits->rows, logits->columns, logits->data, targets, smoothing, slope, y->data);
    return tape->status == LMVR_OK ? y : NULL;
}

struct value *tape_binary_cross_entropy(struct tape *tape, struct value *logits, const float *targets)
{
    float *slope;
    struct value *y = logits && tape_on_processor(tape) ? begin(tape, logits, &slope) : NULL;
    if (!y)
        return NULL;
    int64_t size = logits->rows * logits->columns, count = 0;
    double sum = 0;
    for (int64_t i = 0; i < size; i++)
        count += !isnan(targets[i]);
    for (int64_t i = 0; i < size; i++) {
        double x = (double)logits->data[i], t = (double)targets[i];
        slope[i] = 0;
        if (isnan(t))
            continue;
        sum += fmax(x, 0) - x * t + log1p(exp(-fabs(x)));
        slope[i] = (float)((1.0 / (1.0 + exp(-x)) - t) / (double)count);
    }
    *y->data = (float)(count ? sum / (double)count : 0);
    return y;
}

/* ---- contrastive ------------------------------------------------------------------------------------------------------ */

struct contrast_step {
    struct step step;
    struct value *a, *b;
    struct parameter *scale;
    int64_t n; /* pairs */
    int queries;
    float factor, scale_slope; /* the scores' factor; d loss / d scale */
    float *slope;              /* (n, n): d loss / d (factor * best product) */
    int32_t *best;             /* (n, n): the row of a */
};

/* products (n, n): for image i and text j the best product of the image's rows; best: which row. */
static void find_products(struct contrast_step *s, const float *all, float *products)
{
    for (int64_t i = 0; i < s->n; i++)
        for (int64_t j = 0; j < s->n; j++) {
            int64_t best = i * s->queries;
            for (int64_t q = best + 1; q < (i + 1) * s->queries; q++)
                if (all[q * s->n + j] > all[best * s->n + j])
                    best = q;
            s->best[i * s->n + j] = (int32_t)best;
            products[i * s->n + j] = all[best * s->n + j];
        }
}

/* The mean of the two cross entropies of scores (n, n), and its gradient. `column` and `losses` are scratch. */
static double pair_losses(const struct gradient_kernels *kernels, int64_t n, float smoothing, const float *scores, float *slope,
                          float *column, double *losses)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        memcpy(slope + i * n, scores + i * n, (size_t)n * sizeof *slope);
        losses[i] = cpu_gradient_row_loss(n, i, smoothing, slope + i * n);
        kernels->scale(n, 0.5f / (float)n, slope + i * n, slope + i * n);
    }
    sum += 0.5 * mean_of(n, losses);
    for (int64_t j = 0; j < n; j++) {
        for (int64_t i = 0; i < n; i++)
            column[i] = scores[i * n + j];
        losses[j] = cpu_gradient_row_loss(n, j, smoothing, column);
        for (int64_t i = 0; i < n; i++)
            slope[i * n + j] += column[i] * (0.5f / (float)n);
    }
    return sum + 0.5 * mean_of(n, losses);
}

static void contrast_back(struct tape *tape, struct step *step)
{
    struct contrast_step *s = (struct contrast_step *)step;
    const struct gradient_kernels *k = tape->kernels;
    int64_t columns = s->b->columns;
    float factor = *step->result->gradient;
    float *da = tape_gradient(tape, s->a), *db = tape_gradient(tape, s->b);
    if (s->scale->trained)
        *s->scale->gradient += factor * s->scale_slope;
    for (int64_t i = 0; i < s->n; i++)
        for (int64_t j = 0; j < s->n; j++) {
            float d = factor * s->factor * s->slope[i * s->n + j];
            int64_t row = s->best[i * s->n + j];
            if (da)
                k->add(columns, d, s->b->data + j * columns, da + row * columns);
            if (db)
                k->add(columns, d, s->a->data + row * columns, db + j * columns);
        }
}

static bool contrast_memory(struct tape *tape, struct contrast_step *s, float **all, float **scores, double **losses)
{
    s->slope = tape_memory(tape, s->n * s->n, sizeof(float));
    s->best = tape_memory(tape, s->n * s->n, sizeof(int32_t));
    *all = tape_memory(tape, s->n * s->queries * s->n, sizeof(float));
    *scores = tape_memory(tape, (s->n + 1) * s->n, sizeof(float));
    *losses = tape_memory(tape, s->n, sizeof(double));
    return *losses != NULL;
}

struct value *tape_contrastive(struct tape *tape, struct value *a, struct value *b, const struct tape_contrast *contrast)
{
    if (!a || !b || !tape_on_processor(tape))
        return NULL;
    assert(a->columns == b->columns && a->rows == b->rows * contrast->queries);
    float *all, *scores, scale = *contrast->scale->value;
    double *losses;
    struct contrast_step s = {.a = a, .b = b, .scale = contrast->scale, .n = b->rows, .queries = contrast->queries};
    int64_t n = s.n;
    if (!contrast_memory(tape, &s, &all, &scores, &losses))
        return NULL;
    tape_matmul(tape, &(struct matmul_call){.dtype = F32,
                                            .m = a->rows,
                                            .n = n,
                                            .k = a->columns,
                                            .a = {a->data, a->columns, false},
                                            .b = {b->data, b->columns, true},
                                            .c = all,
                                            .c_stride = n});
    if (tape->status != LMVR_OK)
        return NULL;
    find_products(&s, all, scores);
    s.factor = contrast->temperature ? 1.0f / scale : expf(scale);
    tape->kernels->scale(n * n, s.factor, scores, scores);
    struct value *y = tape_new(tape, 1, 1, a->wanted || b->wanted || contrast->scale->trained);
    if (!y)
        return NULL;
    *y->data = (float)pair_losses(tape->kernels, n, contrast->smoothing, scores, s.slope, scores + n * n, losses);
    /* scores = product * factor(scale): d factor / d scale is factor, or -factor / scale */
    float along = tape->kernels->dot(n * n, s.slope, scores);
    s.scale_slope = contrast->temperature ? -along / scale : along;
    struct contrast_step *step = TAPE_STEP(tape, struct contrast_step, y, contrast_back);
    if (step) {
        struct step head = step->step;
        *step = s;
        step->step = head;
    }
    return y;
}
