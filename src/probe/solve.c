#include "probe/solve.h"

#include <lbfgs.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CORRECTIONS       60 /* pairs that L-BFGS remembers where memory allows; 10 took 1.7 times as many iterations */
#define LEAST_CORRECTIONS 10
#define ROUND_OUT         16          /* variables; what liblbfgs's vectors may take more */
#define MAX_RUNS          128         /* threads at once */
#define RUNS_BYTES        (512 << 20) /* what they may take together */
#define STACK_SIZE        (1 << 20)
#define MAX_ATTEMPTS      2 /* a line search that failed on rounding is begun anew, without what was remembered */

enum run_state { RUNNING, WAITING, ENDED };

struct meeting;

/* One problem's run, in a thread of its own. */
struct run {
    struct meeting *meeting;
    pthread_t thread;
    enum run_state state;
    struct evaluation evaluation;
    double *x;       /* its variables, filled up with zeros to a multiple of ROUND_OUT */
    double f, gap;   /* where it stands: the value, and the proven relative distance from the least */
    double steepest; /* the gradient's largest part */
    int iterations, evaluations;
    bool has_stood; /* f and gap are known */
    bool is_out_of_memory;
};

/* Where the runs wait for their evaluations. */
struct meeting {
    pthread_mutex_t lock;
    pthread_cond_t arrived, answered;
    struct objective *objective;
    const struct solve_options *options;
    struct run *runs;
    int corrections;     /* that each run remembers */
    int count, busy;     /* runs; those that are neither waiting nor ended */
    atomic_bool stopped; /* all runs are to end */
};

/* ---- what a run does ---- */

static double proven_gap(double f, double gradient_norm)
{
    if (gradient_norm == 0)
        return 0;
    return f > 0 ? gradient_norm * gradient_norm / 2 / f : INFINITY;
}

static void note_place(struct run *run, double f, const double *gradient, int n)
{
    double squares = 0, steepest = 0;
    for (int i = 0; i < n; i++) {
        squares += gradient[i] * gradient[i];
        steepest = fmax(steepest, fabs(gradient[i]));
    }
    run->f = f;
    run->gap = proven_gap(f, sqrt(squares));
    run->steepest = steepest;
}

static lbfgsfloatval_t on_evaluate(void *instance, const lbfgsfloatval_t *x, lbfgsfloatval_t *gradient, int n,
                                   lbfgsfloatval_t step)
{
    struct run *run = instance;
    struct meeting *m = run->meeting;
    (void)step;
    run->evaluation.point = x;
    run->evaluation.gradient = gradient;
    for (int64_t i = objective_variables(m->objective); i < n; i++)
        gradient[i] = 0;
    pthread_mutex_lock(&m->lock);
    run->state = WAITING;
    if (--m->busy == 0)
        pthread_cond_signal(&m->arrived);
    while (run->state == WAITING)
        pthread_cond_wait(&m->answered, &m->lock);
    pthread_mutex_unlock(&m->lock);
    run->evaluations++;
    if (!run->has_stood)
        note_place(run, run->evaluation.value, gradient, n);
    run->has_stood = true;
    return run->evaluation.value;
}

/* After each iteration; other than 0 ends the run. */
static int on_iteration(void *instance, const lbfgsfloatval_t *x, const lbfgsfloatval_t *gradient, const lbfgsfloatval_t f,
                        const lbfgsfloatval_t x_norm, const lbfgsfloatval_t gradient_norm, const lbfgsfloatval_t step, int n,
                        int k, int line_search)
{
    struct run *run = instance;
    (void)x, (void)x_norm, (void)gradient_norm, (void)step, (void)k, (void)line_search;
    note_place(run, f, gradient, n);
    run->iterations++;
    return run->gap <= run->meeting->options->gap || run->meeting->stopped ? LBFGS_STOP : 0;
}

static int padded_variables(const struct objective *objective)
{
    return (int)((objective_variables(objective) + ROUND_OUT - 1) / ROUND_OUT * ROUND_OUT);
}

static void *run_main(void *argument)
{
    struct run *run = argument;
    struct meeting *m = run->meeting;
    lbfgs_parameter_t parameters;
    lbfgs_parameter_init(&parameters);
    parameters.m = m->corrections;
    parameters.epsilon = 0; /* on_iteration() decides */
    for (int i = 0; i < MAX_ATTEMPTS && !m->stopped; i++) {
        parameters.max_iterations = m->options->max_iterations - run->iterations;
        int status = lbfgs(padded_variables(m->objective), run->x, NULL, on_evaluate, on_iteration, run, &parameters);
        run->is_out_of_memory = status == LBFGSERR_OUTOFMEMORY;
        if (status >= 0 || run->gap <= m->options->gap || run->iterations >= m->options->max_iterations)
            break;
    }
    pthread_mutex_lock(&m->lock);
    run->state = ENDED;
    if (--m->busy == 0)
        pthread_cond_signal(&m->arrived);
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

/* ---- answering ---- */

/* The evaluations that the runs wait for, in the runs' order. */
static int collect(const struct meeting *m, struct evaluation *evaluations, int *waiting)
{
    int count = 0;
    for (int i = 0; i < m->count; i++)
        if (m->runs[i].state == WAITING) {
            waiting[count] = i;
            evaluations[count++] = m->runs[i].evaluation;
        }
    return count;
}

/* Until all runs have ended. After a failure or a stop they are answered with infinities, and soon give up. */
static lmvr_status answer(struct meeting *m, int done, int problems, lmvr_error *error)
{
    struct evaluation evaluations[MAX_RUNS];
    int waiting[MAX_RUNS], rounds = 0;
    lmvr_status status = LMVR_OK;
    pthread_mutex_lock(&m->lock);
    for (;;) {
        while (m->busy > 0)
            pthread_cond_wait(&m->arrived, &m->lock);
        int count = collect(m, evaluations, waiting);
        if (count == 0)
            break;
        if (!m->stopped)
            status = objective_evaluate(m->objective, evaluations, count, error);
        if (status == LMVR_OK && m->options->on_evaluation &&
            m->options->on_evaluation(m->options->user, ++rounds, count + problems - done - m->count, problems))
            status = error_set(error, LMVR_STOPPED, "the fit was stopped");
        m->stopped = status != LMVR_OK;
        for (int i = 0; i < count; i++) {
            m->runs[waiting[i]].evaluation.value = m->stopped ? INFINITY : evaluations[i].value;
            m->runs[waiting[i]].state = RUNNING;
        }
        m->busy = count;
        pthread_cond_broadcast(&m->answered);
    }
    pthread_mutex_unlock(&m->lock);
    return status;
}

/* ---- one meeting ---- */

/* Variables from a problem's weights and intercepts, and back. */
static void load(const struct objective *o, const struct run *run, const double *weights, const double *intercepts)
{
    int first = run->evaluation.column;
    int64_t count = o->width * o->dim;
    memcpy(run->x, weights + first * o->dim, (size_t)count * sizeof *weights);
    for (int k = 0; k < o->width; k++)
        run->x[count + k] = intercepts[first + k] * objective_intercept_scale(o, first + k);
    for (int64_t i = objective_variables(o); i < padded_variables(o); i++)
        run->x[i] = 0;
}

static void unload(const struct objective *o, const struct run *run, double *weights, double *intercepts)
{
    int first = run->evaluation.column;
    int64_t count = o->width * o->dim;
    memcpy(weights + first * o->dim, run->x, (size_t)count * sizeof *weights);
    for (int k = 0; k < o->width; k++)
        intercepts[first + k] = run->x[count + k] / objective_intercept_scale(o, first + k);
}

static lmvr_status make_runs(struct meeting *m, int first, const double *weights, const double *intercepts, lmvr_error *error)
{
    for (int i = 0; i < m->count; i++) {
        struct run *run = &m->runs[i];
        *run = (struct run){.meeting = m, .evaluation.column = first + i * m->objective->width, .f = INFINITY, .gap = INFINITY};
        run->x = lbfgs_malloc(padded_variables(m->objective));
        if (!run->x)
            return error_no_memory(error, "the fit's variables");
        load(m->objective, run, weights, intercepts);
    }
    return LMVR_OK;
}

/* Starts the threads, answers them, and waits for them. */
static lmvr_status run_threads(struct meeting *m, int done, int problems, lmvr_error *error)
{
    pthread_attr_t attributes;
    int started = 0;
    if (pthread_attr_init(&attributes) != 0)
        return error_no_memory(error, "the fit's threads");
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    m->busy = m->count;
    pthread_mutex_lock(&m->lock); /* nobody moves on until it is known that all are there */
    while (started < m->count && pthread_create(&m->runs[started].thread, &attributes, run_main, &m->runs[started]) == 0)
        started++;
    pthread_attr_destroy(&attributes);
    m->busy -= m->count - started;
    m->stopped = started < m->count;
    for (int i = started; i < m->count; i++)
        m->runs[i].state = ENDED;
    pthread_mutex_unlock(&m->lock);
    lmvr_status status = answer(m, done, problems, error);
    for (int i = 0; i < started; i++)
        pthread_join(m->runs[i].thread, NULL);
    for (int i = 0; i < started && status == LMVR_OK; i++)
        if (m->runs[i].is_out_of_memory)
            status = error_no_memory(error, "the fit's runs");
    return started == m->count ? status : error_no_memory(error, "the fit's threads");
}

static bool is_solved(const struct meeting *m, const struct run *run)
{
    return run->gap <= fmax(LOOSE_GAP, m->options->gap) || run->steepest <= FLAT * m->objective->c * (double)m->objective->rows;
}

static void add_to_result(const struct meeting *m, double *weights, double *intercepts, struct solve_result *result)
{
    for (int i = 0; i < m->count; i++) {
        const struct run *run = &m->runs[i];
        unload(m->objective, run, weights, intercepts);
        result->loss += run->f;
        result->evaluations += run->evaluations;
        result->problems++;
        if (run->iterations > result->iterations)
            result->iterations = run->iterations;
        if (is_solved(m, run))
            continue;
        result->unsolved++;
        result->gap = fmax(result->gap, run->gap);
    }
}

static lmvr_status meet(struct meeting *m, int done, int problems, double *weights, double *intercepts,
                        struct solve_result *result, lmvr_error *error)
{
    lmvr_status status = make_runs(m, done * m->objective->width, weights, intercepts, error);
    if (status == LMVR_OK)
        status = run_threads(m, done, problems, error);
    if (status == LMVR_OK)
        add_to_result(m, weights, intercepts, result);
    for (int i = 0; i < m->count; i++)
        if (m->runs[i].x)
            lbfgs_free(m->runs[i].x);
    return status;
}

/* L-BFGS takes two vectors a correction and a few more. With little memory, or many variables, it remembers less, and then
 * fewer runs go at once. */
static int64_t run_bytes(const struct objective *objective, int corrections)
{
    return (2 * corrections + 6) * (int64_t)sizeof(double) * padded_variables(objective);
}

static int corrections_that_fit(const struct objective *objective, int runs)
{
    int corrections = CORRECTIONS;
    while (corrections > LEAST_CORRECTIONS && run_bytes(objective, corrections) > RUNS_BYTES / runs)
        corrections--;
    return corrections;
}

static int runs_that_fit(const struct objective *objective, int runs, int corrections)
{
    int64_t most = RUNS_BYTES / run_bytes(objective, corrections);
    return most < 1 ? 1 : most < runs ? (int)most : runs;
}

lmvr_status solve(struct objective *objective, const struct solve_options *options, double *weights, double *intercepts,
                  struct solve_result *result, lmvr_error *error)
{
    int problems = objective->columns / objective->width, most = problems < MAX_RUNS ? problems : MAX_RUNS;
    struct meeting m = {.objective = objective, .options = options, .corrections = corrections_that_fit(objective, most)};
    most = runs_that_fit(objective, most, m.corrections);
    m.runs = calloc((size_t)most, sizeof *m.runs);
    *result = (struct solve_result){0};
    if (!m.runs)
        return error_no_memory(error, "the fit's runs");
    pthread_mutex_init(&m.lock, NULL);
    pthread_cond_init(&m.arrived, NULL);
    pthread_cond_init(&m.answered, NULL);
    lmvr_status status = LMVR_OK;
    for (int done = 0; done < problems && status == LMVR_OK; done += m.count) {
        m.count = problems - done < most ? problems - done : most;
        memset(m.runs, 0, (size_t)m.count * sizeof *m.runs);
        status = meet(&m, done, problems, weights, intercepts, result, error);
    }
    pthread_cond_destroy(&m.answered);
    pthread_cond_destroy(&m.arrived);
    pthread_mutex_destroy(&m.lock);
    free(m.runs);
    return status;
}
