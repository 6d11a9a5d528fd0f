#include "lab/probe/solve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CORRECTIONS       60 /* pairs a run remembers if memory allows; with 10 it took 1.7 times as many iterations */
#define LEAST_CORRECTIONS 10
#define MAX_RUNS          128         /* at a time */
#define RUNS_BYTES        (512 << 20) /* for all of them */
#define MAX_TRIES         20          /* evaluations of one line search */
#define STALLED           8           /* consecutive iterations whose descent is within rounding */
#define ROUNDING          1e-8        /* relative to f: the error of its evaluations */
#define DESCENT           1e-4        /* constants of the Wolfe conditions */
#define CURVATURE         0.9
#define FEW               (1 << 14) /* values of all runs that one thread moves in less time than a second needs to start */

enum run_state { STARTING, SEARCHING, ENDED };

/* The L-BFGS run of one problem. Vectors are as long as a problem has variables. */
struct fit {
    enum run_state state;
    struct evaluation evaluation; /* at the next trial point */
    double *x, *gradient, f;      /* the current point */
    double *direction, slope;     /* the line being searched, and f's slope at its start */
    double step;                  /* along the line, to the trial point */
    double low, low_slope;        /* the longest step known to be too short, and the slope there */
    double high, high_slope;      /* the shortest step known to be too long; 0: none */
    double *point, *point_gradient;
    double *moves, *turns; /* (corrections, variables): differences of x and of the gradient, a ring buffer */
    double curvature[CORRECTIONS];
    int remembered, newest;
    int tries, stalled, iterations, evaluations;
    double gap, steepest; /* upper bound on the relative distance from the minimum of f; the gradient's largest component */
};

struct solver {
    struct objective *objective;
    const struct solve_options *options;
    struct fit *runs;
    int count, corrections;
    int64_t variables;
    double *memory;
};

static double dot(int64_t n, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(int64_t n, double factor, const double *a, double *b)
{
    for (int64_t i = 0; i < n; i++)
        b[i] += factor * a[i];
}

/* ---- a run's steps ---- */

static double scaled(const struct solver *s, double gradient)
{
    return gradient / (s->objective->c * (double)s->objective->rows);
}

static bool has_converged(const struct solver *s, struct fit *run)
{
    double squares = 0;
    run->steepest = 0;
    for (int64_t i = 0; i < s->variables; i++) {
        squares += run->gradient[i] * run->gradient[i];
        run->steepest = fmax(run->steepest, fabs(run->gradient[i]));
    }
    run->gap = squares == 0 ? 0 : run->f > 0 ? squares / 2 / run->f : INFINITY;
    return run->gap <= s->options->gap && scaled(s, run->steepest) <= s->options->flat;
}

/* -gradient times the inverse Hessian approximated from the remembered moves and turns. */
static void choose_direction(const struct solver *s, struct fit *run)
{
    double weights[CORRECTIONS], *d = run->direction;
    int64_t n = s->variables;
    for (int64_t i = 0; i < n; i++)
        d[i] = -run->gradient[i];
    for (int i = 0; i < run->remembered; i++) {
        int at = (run->newest - i + s->corrections) % s->corrections;
        weights[at] = dot(n, run->moves + at * n, d) / run->curvature[at];
        add(n, -weights[at], run->turns + at * n, d);
    }
    if (run->remembered > 0) {
        const double *turn = run->turns + run->newest * n;
        double scale = run->curvature[run->newest] / dot(n, turn, turn);
        for (int64_t i = 0; i < n; i++)
            d[i] *= scale;
    }
    for (int i = run->remembered - 1; i >= 0; i--) {
        int at = (run->newest - i + s->corrections) % s->corrections;
        double beta = dot(n, run->turns + at * n, d) / run->curvature[at];
        add(n, weights[at] - beta, run->moves + at * n, d);
    }
}

static void try_step(const struct solver *s, struct fit *run, double step)
{
    run->step = step;
    memcpy(run->point, run->x, (size_t)s->variables * sizeof *run->x);
    add(s->variables, step, run->direction, run->point);
}

static void begin_line(const struct solver *s, struct fit *run)
{
    choose_direction(s, run);
    run->slope = dot(s->variables, run->gradient, run->direction);
    if (!(run->slope < 0)) { /* the remembered pairs are only rounding errors */
        run->remembered = 0;
        choose_direction(s, run);
        run->slope = dot(s->variables, run->gradient, run->direction);
    }
    run->tries = 0;
    run->low = run->high = 0;
    run->low_slope = run->slope;
    /* the first line search has no scale yet */
    try_step(s, run, run->remembered > 0 ? 1 : fmin(1, 1 / sqrt(-run->slope)));
}

static void remember(const struct solver *s, struct fit *run)
{
    int64_t n = s->variables;
    int at = (run->newest + 1) % s->corrections;
    double *move = run->moves + at * n, *turn = run->turns + at * n;
    for (int64_t i = 0; i < n; i++) {
        move[i] = run->point[i] - run->x[i];
        turn[i] = run->point_gradient[i] - run->gradient[i];
    }
    double curvature = dot(n, move, turn);
    if (!(curvature > 1e-12 * dot(n, move, move))) /* it is at least |move|^2, up to rounding */
        return;
    run->curvature[at] = curvature;
    run->newest = at;
    run->remembered += run->remembered < s->corrections;
}

/* Moves to the trial point. */
static void take_point(const struct solver *s, struct fit *run)
{
    double *x = run->x, *gradient = run->gradient;
    run->x = run->point;
    run->gradient = run->point_gradient;
    run->point = x;
    run->point_gradient = gradient;
    run->f = run->evaluation.value;
    run->state = SEARCHING;
    if (has_converged(s, run) || run->stalled >= STALLED || run->iterations >= s->options->max_iterations)
        run->state = ENDED;
    else
        begin_line(s, run);
}

/* The line search failed: tries once more along the gradient, then gives up. */
static void give_up_line(const struct solver *s, struct fit *run)
{
    if (run->remembered == 0) {
        run->state = ENDED;
        return;
    }
    run->remembered = 0;
    begin_line(s, run);
}

/* A step between the two whose slopes enclose zero, by the secant method: slopes increase along a line of a convex function. */
static double step_between(const struct fit *run)
{
    double share = run->low_slope / (run->low_slope - run->high_slope);
    if (!(share > 0.1))
        share = run->high_slope > 0 ? 0.1 : 0.5;
    return run->low + fmin(share, 0.9) * (run->high - run->low);
}

/* Processes the evaluation of the trial point, and chooses the next one. */
static void advance(const struct solver *s, struct fit *run)
{
    double f = run->evaluation.value;
    run->evaluations++;
    if (run->state == STARTING) {
        take_point(s, run);
        return;
    }
    double slope = dot(s->variables, run->point_gradient, run->direction), noise = ROUNDING * fabs(run->f);
    bool descends = f <= run->f + DESCENT * run->step * run->slope;
    /* where rounding hides the descent, slopes decide (Hager and Zhang 2005, approximate Wolfe conditions) */
    bool seems_to = f <= run->f + noise && slope <= (2 * DESCENT - 1) * run->slope;
    if (isfinite(f) && (descends || seems_to) && slope >= CURVATURE * run->slope) {
        run->iterations++;
        run->stalled = run->f - f <= noise ? run->stalled + 1 : 0;
        remember(s, run);
        take_point(s, run);
    } else if (++run->tries >= MAX_TRIES) {
        give_up_line(s, run);
    } else if (isfinite(f) && (descends || seems_to)) {
        run->low = run->step;
        run->low_slope = slope;
        try_step(s, run, run->high > 0 ? step_between(run) : 2 * run->step);
    } else {
        run->high = run->step;
        run->high_slope = isfinite(f) ? slope : INFINITY;
        try_step(s, run, step_between(run));
    }
}

/* ---- all runs ---- */

/* Collects the evaluations that runs wait for, in the runs' order. */
static int collect(const struct solver *s, struct evaluation *evaluations, int *waiting)
{
    int count = 0;
    for (int i = 0; i < s->count; i++) {
        struct fit *run = &s->runs[i];
        if (run->state == ENDED)
            continue;
        run->evaluation.point = run->point;
        run->evaluation.gradient = run->point_gradient;
        waiting[count] = i;
        evaluations[count++] = run->evaluation;
    }
    return count;
}

static lmvr_status run_all(struct solver *s, int done, int problems, lmvr_error *error)
{
    struct evaluation evaluations[MAX_RUNS];
    int waiting[MAX_RUNS], rounds = 0, count;
    while ((count = collect(s, evaluations, waiting)) > 0) {
        TRY(objective_evaluate(s->objective, evaluations, count, error));
        if (s->options->on_evaluation &&
            s->options->on_evaluation(s->options->user, ++rounds, count + problems - done - s->count, problems))
            return error_set(error, LMVR_STOPPED, "the fit was stopped");
#pragma omp parallel for schedule(dynamic, 1) if (count * s->variables > FEW)
        for (int i = 0; i < count; i++) {
            s->runs[waiting[i]].evaluation.value = evaluations[i].value;
            advance(s, &s->runs[waiting[i]]);
        }
    }
    return LMVR_OK;
}

/* ---- beginning and end ---- */

/* Loads variables from a problem's weights and intercepts, and stores them back. */
static void load(const struct objective *o, const struct fit *run, const double *weights, const double *intercepts)
{
    int first = run->evaluation.column;
    int64_t count = o->width * o->dim;
    memcpy(run->point, weights + first * o->dim, (size_t)count * sizeof *weights);
    for (int k = 0; k < o->width; k++)
        run->point[count + k] = intercepts[first + k] * objective_intercept_scale(o, first + k);
}

static void unload(const struct objective *o, const struct fit *run, double *weights, double *intercepts)
{
    int first = run->evaluation.column;
    int64_t count = o->width * o->dim;
    memcpy(weights + first * o->dim, run->x, (size_t)count * sizeof *weights);
    for (int k = 0; k < o->width; k++)
        intercepts[first + k] = run->x[count + k] / objective_intercept_scale(o, first + k);
}

static int64_t run_vectors(int corrections)
{
    return 2 * corrections + 5;
}

static void begin(struct solver *s, int first, const double *weights, const double *intercepts)
{
    for (int i = 0; i < s->count; i++) {
        struct fit *run = &s->runs[i];
        int64_t n = s->variables;
        double *at = s->memory + i * run_vectors(s->corrections) * n;
        *run = (struct fit){.state = STARTING,
                            .evaluation.column = first + i * s->objective->width,
                            .x = at,
                            .gradient = at + n,
                            .direction = at + 2 * n,
                            .point = at + 3 * n,
                            .point_gradient = at + 4 * n,
                            .moves = at + 5 * n,
                            .turns = at + (5 + s->corrections) * n};
        load(s->objective, run, weights, intercepts);
    }
}

static void add_to_result(const struct solver *s, double *weights, double *intercepts, struct solve_result *result)
{
    for (int i = 0; i < s->count; i++) {
        const struct fit *run = &s->runs[i];
        unload(s->objective, run, weights, intercepts);
        result->loss += run->f;
        result->evaluations += run->evaluations;
        result->problems++;
        if (run->iterations > result->iterations)
            result->iterations = run->iterations;
        double steepest = scaled(s, run->steepest);
        if (steepest <= FLAT || run->gap <= LOOSE_GAP)
            continue;
        result->unsolved++;
        result->steepest = fmax(result->steepest, steepest);
    }
}

/* With little memory, or many variables, first the number of corrections is reduced, then the number of concurrent runs. */
static int64_t run_bytes(int64_t variables, int corrections)
{
    return run_vectors(corrections) * (int64_t)sizeof(double) * variables;
}

static int corrections_that_fit(int64_t variables, int runs)
{
    int corrections = CORRECTIONS;
    while (corrections > LEAST_CORRECTIONS && run_bytes(variables, corrections) > RUNS_BYTES / runs)
        corrections--;
    return corrections;
}

static int runs_that_fit(int64_t variables, int runs, int corrections)
{
    int64_t most = RUNS_BYTES / run_bytes(variables, corrections);
    return most < 1 ? 1 : most < runs ? (int)most : runs;
}

lmvr_status solve(struct objective *objective, const struct solve_options *options, double *weights, double *intercepts,
                  struct solve_result *result, lmvr_error *error)
{
    int problems = objective->columns / objective->width, most = problems < MAX_RUNS ? problems : MAX_RUNS;
    struct solver s = {.objective = objective, .options = options, .variables = objective_variables(objective)};
    s.corrections = corrections_that_fit(s.variables, most);
    most = runs_that_fit(s.variables, most, s.corrections);
    s.runs = calloc((size_t)most, sizeof *s.runs);
    s.memory = malloc((size_t)(most * run_bytes(s.variables, s.corrections)));
    *result = (struct solve_result){0};
    lmvr_status status = s.runs && s.memory ? LMVR_OK : error_no_memory(error, "the fit's runs");
    for (int done = 0; done < problems && status == LMVR_OK; done += s.count) {
        s.count = problems - done < most ? problems - done : most;
        begin(&s, done * objective->width, weights, intercepts);
        status = run_all(&s, done, problems, error);
        if (status == LMVR_OK)
            add_to_result(&s, weights, intercepts, result);
    }
    free(s.runs);
    free(s.memory);
    return status;
}
