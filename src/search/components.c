/* N. Halko, P. G. Martinsson and J. A. Tropp, "Finding structure with randomness" (2011), algorithms 4.4 and 5.3. */
#include "search/components.h"

#include "format/random.h"
#include "tensor/gemm.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PASSES 6    /* over the rows */
#define SPARE  10   /* directions more than are wanted, by which those are found sooner */
#define SWEEPS 30   /* of Jacobi's rotations, at most */
#define SMALL  1e-6 /* of a vector's length: what is left of it after others is rounding */

/* The letters of the paper: A is (m, n), the rows less their mean; Q has l orthonormal directions, transposed: (l, n). */
struct search {
    size_t m, n, l;
    float *a, *q, *y; /* y: (m, l), A in these directions */
    double *b, *v;    /* (l, l): y's squares, and their eigenvectors as columns */
    double variance;  /* of all directions together, as a sum of squares */
};

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

static bool is_finite(const float *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(row[i]))
            return false;
    return true;
}

static lmvr_status read_rows(const struct neighbors *neighbors, size_t most, struct search *s, uint64_t *rows,
                             lmvr_error *error)
{
    uint64_t all = neighbors_rows(neighbors);
    for (size_t i = 0; i < most; i++) {
        uint64_t row = (uint64_t)((double)i * ((double)all / (double)most));
        TRY(neighbors_read(neighbors, row, s->a + s->m * s->n, error));
        if (is_finite(s->a + s->m * s->n, s->n))
            rows[s->m++] = row;
    }
    return LMVR_OK;
}

static double dot(const float *x, const float *y, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * y[i];
    return sum;
}

/* Takes the mean from all rows, and scales them so that the largest value is 1: nothing overflows. Returns the scale. */
static double center(struct search *s, double *mean)
{
    double most = 0;
    memset(mean, 0, s->n * sizeof *mean);
    for (size_t i = 0; i < s->m; i++)
        for (size_t k = 0; k < s->n; k++)
            mean[k] += s->a[i * s->n + k];
    for (size_t k = 0; k < s->n; k++)
        mean[k] /= (double)s->m;
    for (size_t i = 0; i < s->m; i++)
        for (size_t k = 0; k < s->n; k++)
            most = fmax(most, fabs(s->a[i * s->n + k] - mean[k]));
    double scale = most > 0 ? most : 1;
    for (size_t i = 0; i < s->m; i++) {
        float *row = s->a + i * s->n;
        for (size_t k = 0; k < s->n; k++)
            row[k] = (float)((row[k] - mean[k]) / scale);
        s->variance += dot(row, row, s->n);
    }
    return scale;
}

/* ---- directions ------------------------------------------------------------------------------------------------------ */

/* Gram and Schmidt's method, twice, which is enough. What depends on the directions before it becomes zeros. */
static void orthonormalize(struct search *s)
{
    for (size_t i = 0; i < s->l; i++) {
        float *x = s->q + i * s->n;
        double before = sqrt(dot(x, x, s->n));
        for (int pass = 0; pass < 2; pass++)
            for (size_t j = 0; j < i; j++) {
                const float *y = s->q + j * s->n;
                double part = dot(x, y, s->n);
                for (size_t k = 0; k < s->n; k++)
                    x[k] = (float)(x[k] - part * y[k]);
            }
        double length = sqrt(dot(x, x, s->n));
        for (size_t k = 0; k < s->n; k++)
            x[k] = length > SMALL * before ? (float)(x[k] / length) : 0;
    }
}

/* y = A qᵀ */
static lmvr_status project(const struct search *s, lmvr_error *error)
{
    return gemm_run(&(struct gemm_call){.transpose_b = true,
                                        .m = (int64_t)s->m,
                                        .n = (int64_t)s->l,
                                        .k = (int64_t)s->n,
                                        .alpha = 1,
                                        .a = s->a,
                                        .lda = (int64_t)s->n,
                                        .b = s->q,
                                        .ldb = (int64_t)s->n,
                                        .c = s->y,
                                        .ldc = (int64_t)s->l},
                    error);
}

/* q = yᵀ A, whose rows are longest along the directions of most variance */
static lmvr_status turn(const struct search *s, lmvr_error *error)
{
    return gemm_run(&(struct gemm_call){.transpose_a = true,
                                        .m = (int64_t)s->l,
                                        .n = (int64_t)s->n,
                                        .k = (int64_t)s->m,
                                        .alpha = 1,
                                        .a = s->y,
                                        .lda = (int64_t)s->l,
                                        .b = s->a,
                                        .ldb = (int64_t)s->n,
                                        .c = s->q,
                                        .ldc = (int64_t)s->n},
                    error);
}

static lmvr_status find_directions(struct search *s, lmvr_error *error)
{
    struct random random;
    random_init(&random, 1);
    for (size_t i = 0; i < s->l * s->n; i++)
        s->q[i] = (float)random_uniform(&random, -1, 1);
    orthonormalize(s);
    for (int pass = 0; pass < PASSES; pass++) {
        TRY(project(s, error));
        TRY(turn(s, error));
        orthonormalize(s);
    }
    return project(s, error);
}

/* ---- within these directions ----------------------------------------------------------------------------------------- */

static void square(const struct search *s)
{
    size_t l = s->l;
    memset(s->b, 0, l * l * sizeof *s->b);
    memset(s->v, 0, l * l * sizeof *s->v);
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < l; j++)
            for (size_t k = 0; k < l; k++)
                s->b[j * l + k] += (double)s->y[i * l + j] * s->y[i * l + k];
    for (size_t j = 0; j < l; j++)
        s->v[j * l + j] = 1;
}

/* A rotation that makes b[p][q] zero (Golub and Van Loan, "Matrix Computations", 8.5.2). */
static void rotate(const struct search *s, size_t p, size_t q)
{
    size_t l = s->l;
    double *b = s->b, tau = (b[q * l + q] - b[p * l + p]) / (2 * b[p * l + q]);
    double t = (tau < 0 ? -1 : 1) / (fabs(tau) + sqrt(1 + tau * tau)), c = 1 / sqrt(1 + t * t), sine = t * c;
    for (size_t k = 0; k < l; k++) {
        double x = b[k * l + p], y = b[k * l + q];
        b[k * l + p] = c * x - sine * y;
        b[k * l + q] = sine * x + c * y;
    }
    for (size_t k = 0; k < l; k++) {
        double x = b[p * l + k], y = b[q * l + k], u = s->v[k * l + p], w = s->v[k * l + q];
        b[p * l + k] = c * x - sine * y;
        b[q * l + k] = sine * x + c * y;
        s->v[k * l + p] = c * u - sine * w;
        s->v[k * l + q] = sine * u + c * w;
    }
}

/* b's diagonal becomes its eigenvalues. */
static void diagonalize(const struct search *s)
{
    size_t l = s->l;
    bool rotated = true;
    for (int sweep = 0; sweep < SWEEPS && rotated; sweep++) {
        rotated = false;
        for (size_t p = 0; p + 1 < l; p++)
            for (size_t q = p + 1; q < l; q++)
                if (fabs(s->b[p * l + q]) > 1e-12 * sqrt(fabs(s->b[p * l + p] * s->b[q * l + q])) && s->b[p * l + q] != 0) {
                    rotate(s, p, q);
                    rotated = true;
                }
    }
}

/* The direction of most variance that has not been taken. */
static size_t take_largest(const struct search *s, bool *taken)
{
    size_t best = s->l;
    for (size_t j = 0; j < s->l; j++)
        if (!taken[j] && (best == s->l || s->b[j * s->l + j] > s->b[best * s->l + best]))
            best = j;
    taken[best] = true;
    return best;
}

/* A projection of the largest floats can be larger than they are. */
static float to_float(double value)
{
    return (float)fmin(fmax(value, -FLT_MAX), FLT_MAX);
}

static void fill(const struct search *s, double scale, bool *taken, struct components *c)
{
    for (size_t d = 0; d < c->dims; d++) {
        size_t direction = take_largest(s, taken);
        double far = 0;
        c->shares[d] = s->variance > 0 ? fmax(s->b[direction * s->l + direction], 0) / s->variance : 0;
        for (size_t i = 0; i < s->m; i++) {
            double value = 0;
            for (size_t j = 0; j < s->l; j++)
                value += s->y[i * s->l + j] * s->v[j * s->l + direction];
            c->values[i * c->dims + d] = to_float(value * scale);
            far = fabs(value) > fabs(far) ? value : far;
        }
        for (size_t i = 0; i < s->m && far < 0; i++)
            c->values[i * c->dims + d] *= -1;
    }
}

/* ---- all of it ------------------------------------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static lmvr_status find(struct search *s, size_t most_dims, struct components *c, lmvr_error *error)
{
    double *mean = malloc(s->n * sizeof *mean);
    bool *taken = calloc(least(s->m, s->n) + 1, sizeof *taken);
    c->count = s->m;
    c->dims = least(most_dims, least(s->m, s->n));
    s->l = least(most_dims + SPARE, least(s->m, s->n));
    s->q = malloc((s->l * s->n + 1) * sizeof *s->q);
    s->y = malloc((s->l * s->m + 1) * sizeof *s->y);
    s->b = malloc((s->l * s->l + 1) * sizeof *s->b);
    s->v = malloc((s->l * s->l + 1) * sizeof *s->v);
    c->values = malloc((c->count * c->dims + 1) * sizeof *c->values);
    c->shares = malloc((c->dims + 1) * sizeof *c->shares);
    bool room = mean && taken && s->q && s->y && s->b && s->v && c->values && c->shares;
    lmvr_status status = room ? LMVR_OK : error_no_memory(error, "principal components");
    if (room && s->m > 0) {
        double scale = center(s, mean);
        status = find_directions(s, error);
        square(s);
        diagonalize(s);
        fill(s, scale, taken, c);
    }
    free(mean);
    free(taken);
    return status;
}

lmvr_status components_find(const struct neighbors *neighbors, size_t most_rows, size_t most_dims,
                            struct components *components, lmvr_error *error)
{
    uint64_t all = neighbors_rows(neighbors);
    size_t rows = all < most_rows ? (size_t)all : most_rows;
    struct search s = {.n = neighbors_dim(neighbors)};
    *components = (struct components){0};
    s.a = malloc(rows * s.n * sizeof *s.a);
    components->rows = malloc(rows * sizeof *components->rows);
    lmvr_status status = error_no_memory(error, "principal components");
    if (s.a && components->rows)
        status = read_rows(neighbors, rows, &s, components->rows, error);
    if (status == LMVR_OK)
        status = find(&s, most_dims, components, error);
    if (status != LMVR_OK)
        components_finish(components);
    free(s.a);
    free(s.q);
    free(s.y);
    free(s.b);
    free(s.v);
    return status;
}

void components_finish(struct components *components)
{
    free(components->rows);
    free(components->values);
    free(components->shares);
    *components = (struct components){0};
}
