/* Chooses the regularization strength on a held-out fifth of the rows. */
#include "lab/probe/choose_c.h"

#include "format/hash.h"
#include "lab/probe/metrics.h"
#include "lab/probe/training.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FOLDS       5
#define FIRST_POWER (-6.0)
#define LAST_POWER  2.0
#define WIDEST      4.0   /* the last power if scores still rise at LAST_POWER */
#define STEP        0.5   /* in powers of 10 */
#define MARGIN      0.005 /* smallest difference in score that counts as a rise or fall */
#define MAX_FALLEN  4     /* consecutive fallen scores after which the search ends */
#define TRIAL_GAP   1e-3  /* relative; enough for scoring, less than the final fit */
#define TRIAL_FLAT  2e-5
#define FALLBACK_C  1.0

/* SplitMix64 (Steele, Lea and Flood 2014): the same sequence on every machine. */
static uint64_t next_random(uint64_t *state)
{
    return hash_mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/* ---- the split ---- */

/* Sets held[row] for a fifth of the rows: every fifth one in shuffled order, for LABELS_SINGLE every fifth one of each class.
 * Rows that do not count are never held out. */
static lmvr_status hold_out(const struct training *t, bool *held, int64_t *count, lmvr_error *error)
{
    int64_t *rows = calloc((size_t)t->rows, sizeof *rows), *seen = calloc((size_t)t->class_count, sizeof *seen);
    uint64_t state = t->options->seed;
    *count = 0;
    for (int64_t i = 0; rows && seen && i < t->rows; i++) { /* Fisher-Yates shuffle */
        int64_t place = (int64_t)(next_random(&state) % (uint64_t)(i + 1));
        rows[i] = rows[place];
        rows[place] = i;
    }
    for (int64_t i = 0; rows && seen && i < t->rows; i++) {
        int32_t group = t->single ? t->single[t->order[rows[i]]] : 0;
        held[rows[i]] = group >= 0 && seen[group]++ % FOLDS == FOLDS - 1;
        *count += held[rows[i]];
    }
    lmvr_status status = rows && seen ? LMVR_OK : error_no_memory(error, "the held-out rows");
    free(rows);
    free(seen);
    return status;
}

/* ---- scores on the held-out rows ---- */

struct trial_memory {
    float *weights, *intercepts; /* (columns, dim), (columns) */
    float *scores;               /* (held-out rows, columns) */
    struct labels labels;        /* of those rows, one class per column */
    double *best_weights, *best_intercepts;
};

static void release(struct trial_memory *m)
{
    free(m->weights);
    free(m->intercepts);
    free(m->scores);
    free(m->labels.single);
    free(m->labels.multi);
    free(m->best_weights);
    free(m->best_intercepts);
}

static lmvr_status allocate(const struct training *t, int64_t held, struct trial_memory *m, lmvr_error *error)
{
    size_t columns = (size_t)t->columns, weights = columns * (size_t)t->dim, rows = (size_t)held;
    m->weights = malloc(weights * sizeof *m->weights);
    m->intercepts = malloc(columns * sizeof *m->intercepts);
    m->scores = malloc(rows * (columns + 1) * sizeof *m->scores);
    m->best_weights = malloc(weights * sizeof *m->best_weights);
    m->best_intercepts = malloc(columns * sizeof *m->best_intercepts);
    m->labels = (struct labels){.kind = t->kind, .rows = held, .class_count = t->class_count, .classes = (char **)t->classes};
    m->labels.single = malloc(rows * sizeof *m->labels.single);
    m->labels.multi = malloc(rows * columns);
    return m->weights && m->intercepts && m->scores && m->best_weights && m->best_intercepts && m->labels.single &&
                   m->labels.multi
               ? LMVR_OK
               : error_no_memory(error, "the choice of C");
}

static void take_held_labels(const struct training *t, int64_t kept, struct trial_memory *m)
{
    for (int64_t i = 0; i < m->labels.rows; i++) {
        int64_t row = t->order[kept + i];
        if (t->single)
            m->labels.single[i] = t->single[row];
        else
            memcpy(m->labels.multi + i * t->columns, t->binary + row * t->columns, (size_t)t->columns);
    }
}

/* Scores the current weights by mAP or accuracy; NAN if the held-out rows do not tell. */
static lmvr_status try_weights(const struct training *t, int64_t kept, struct trial_memory *m, double *score, lmvr_error *error)
{
    struct metrics metrics;
    for (int64_t i = 0; i < t->columns * t->dim; i++)
        m->weights[i] = (float)t->weights[i];
    for (int k = 0; k < t->columns; k++)
        m->intercepts[k] = (float)t->intercepts[k];
    TRY(objective_scores(t->features + kept * t->dim, m->labels.rows, t->dim, t->columns, m->weights, m->intercepts, m->scores,
                         error));
    if (t->columns < t->class_count)
        objective_spread(m->scores, m->labels.rows);
    TRY(metrics_compute(&m->labels, m->scores, &metrics, error));
    *score = t->kind == LABELS_MULTI ? metrics.map : metrics.accuracy;
    metrics_finish(&metrics);
    return LMVR_OK;
}

/* ---- the grid ---- */

static void copy_weights(const struct training *t, double *weights, const double *from_weights, double *intercepts,
                         const double *from_intercepts)
{
    memcpy(weights, from_weights, (size_t)(t->columns * t->dim) * sizeof *weights);
    memcpy(intercepts, from_intercepts, (size_t)t->columns * sizeof *intercepts);
}

void choice_init(struct choice *choice)
{
    *choice = (struct choice){.best = -1, .lowest = INFINITY};
}

double choice_next(const struct choice *choice)
{
    double power = FIRST_POWER + STEP * choice->count;
    if (choice->has_risen && choice->fallen >= MAX_FALLEN)
        return 0;
    /* beyond the grid only if the best is at its end */
    return power <= LAST_POWER || (power <= WIDEST && choice->best_trial == choice->count - 1) ? pow(10, power) : 0;
}

bool choice_take(struct choice *choice, double score)
{
    bool is_best = score > choice->best;
    choice->scores[choice->count] = score;
    if (is_best) {
        choice->best = score;
        choice->best_trial = choice->count;
        choice->has_risen = score > choice->lowest + MARGIN;
    }
    choice->lowest = fmin(choice->lowest, score);
    choice->fallen = score < choice->best - MARGIN ? choice->fallen + 1 : 0;
    choice->count++;
    return is_best;
}

bool choice_is_at_an_end(const struct choice *choice)
{
    const int inwards = (int)(1 / STEP);
    int at = choice->best_trial;
    if (choice->count <= inwards || (at != 0 && at != choice->count - 1))
        return false;
    return choice->scores[at == 0 ? inwards : at - inwards] < choice->best - MARGIN;
}

/* Walks up the grid; *c stays unchanged if no score could be computed. */
static lmvr_status walk(struct training *t, int64_t kept, struct trial_memory *m, double *c, lmvr_error *error)
{
    struct probe_report *report = t->report;
    struct choice choice;
    double trial;
    training_reset(t);
    for (choice_init(&choice); (trial = choice_next(&choice)) > 0;) {
        struct solve_result result;
        double score;
        TRY(training_solve(t, kept, trial, (struct precision){TRIAL_GAP, TRIAL_FLAT}, choice.count, &result, error));
        TRY(try_weights(t, kept, m, &score, error));
        if (isnan(score))
            return LMVR_OK;
        report->trials[report->trial_count++] = (struct probe_trial){trial, score};
        if (!choice_take(&choice, score))
            continue;
        *c = trial;
        copy_weights(t, m->best_weights, t->weights, m->best_intercepts, t->intercepts);
    }
    report->c_is_at_an_end = choice_is_at_an_end(&choice);
    copy_weights(t, t->weights, m->best_weights, t->intercepts, m->best_intercepts);
    return LMVR_OK;
}

lmvr_status training_choose_c(struct training *training, double *c, lmvr_error *error)
{
    struct training *t = training;
    struct trial_memory memory = {0};
    int64_t held_count = 0;
    bool *held = calloc((size_t)t->rows + 1, sizeof *held);
    *c = 0;
    lmvr_status status = held ? hold_out(t, held, &held_count, error) : error_no_memory(error, "the held-out rows");
    int64_t kept = t->rows - held_count;
    if (status == LMVR_OK && held_count > 0) {
        training_swap(t, held, kept);
        status = allocate(t, held_count, &memory, error);
        if (status == LMVR_OK) {
            take_held_labels(t, kept, &memory);
            status = walk(t, kept, &memory, c, error);
        }
        training_swap(t, held, kept);
    }
    if (status == LMVR_OK && *c == 0) {
        training_warn(t->options, "a held-out fifth of %lld rows does not tell which C is best; %g is used", (long long)t->rows,
                      FALLBACK_C);
        training_reset(t);
        *c = FALLBACK_C;
    }
    if (t->report->c_is_at_an_end)
        training_warn(t->options, "C %g is the best on the held-out rows, but is at the edge of the values tried (%g to %g)",
                      *c, t->report->trials[0].c, t->report->trials[t->report->trial_count - 1].c);
    t->report->held_out_rows = held_count;
    release(&memory);
    free(held);
    return status;
}
