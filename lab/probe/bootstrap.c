#include "lab/probe/bootstrap.h"

#include "format/hash.h"
#include "format/random.h"
#include "lab/probe/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define POINTS 11
#define DRAWS  (BOOTSTRAP_DRAWS + 1) /* the last one is the sample itself */

/* A row in the descending order of a class's scores: its index, and in the low bits whether it is positive, and whether the
 * next score is lower, so that a threshold fits in between. */
typedef uint32_t entry;
#define POSITIVE 1u
#define ENDS     2u
#define ROW(e)   ((e) >> 2)

struct ranked {
    float score;
    entry entry;
};

/* Shared by all draws. */
struct sample {
    const struct labels *labels;
    bool multi;
    const int64_t *images; /* NULL: rows */
    int64_t image_count;
    uint64_t seed;
    entry *order;    /* LABELS_MULTI: one class after the other, each by descending score */
    int64_t *begins; /* (classes + 1) in `order` */
    bool *right;     /* LABELS_SINGLE: (rows) and, behind them, (rows): among the first 5 */
    float *draws[MEASURES];
    float *per_class[2]; /* (classes, DRAWS): 11-point AP or accuracy; all-points AP */
};

/* ---- preparation ---- */

static int compare_descending(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* `ranked` has room for the rows. Returns how many entries there are. */
static int64_t rank_class(const struct labels *l, const float *scores, int class, struct ranked *ranked, entry *order)
{
    int64_t count = 0;
    for (int64_t i = 0; i < l->rows; i++) {
        int8_t label = l->multi[i * l->class_count + class];
        if (label != 0)
            ranked[count++] = (struct ranked){scores[i * l->class_count + class], (entry)i << 2 | (label > 0 ? POSITIVE : 0)};
    }
    qsort(ranked, (size_t)count, sizeof *ranked, compare_descending);
    for (int64_t i = 0; i < count; i++)
        order[i] = ranked[i].entry | (i + 1 == count || ranked[i + 1].score < ranked[i].score ? ENDS : 0);
    return count;
}

static bool rank(const struct sample *s, const float *scores)
{
    struct ranked *ranked = malloc(((size_t)s->labels->rows + 1) * sizeof *ranked);
    s->begins[0] = 0;
    for (int k = 0; ranked && k < s->labels->class_count; k++)
        s->begins[k + 1] = s->begins[k] + rank_class(s->labels, scores, k, ranked, s->order + s->begins[k]);
    free(ranked);
    return ranked != NULL;
}

static void judge(const struct sample *s, const float *scores)
{
    for (int64_t i = 0; i < s->labels->rows; i++) {
        const float *row = scores + i * s->labels->class_count;
        int label = s->labels->single[i];
        s->right[i] = metrics_predicted(row, s->labels->class_count) == label;
        s->right[s->labels->rows + i] = label >= 0 && metrics_is_among(row, s->labels->class_count, label, 5);
    }
}

/* ---- one draw ---- */

/* Fills weights (rows) with how often each row is drawn; `scratch` has room for the images. */
static void draw(const struct sample *s, int number, uint32_t *weights, uint32_t *scratch)
{
    struct random random;
    random_init(&random, hash_mix(s->seed ^ hash_mix((uint64_t)number + 1)));
    memset(scratch, 0, (size_t)s->image_count * sizeof *scratch);
    for (int64_t i = 0; i < s->image_count && number == BOOTSTRAP_DRAWS; i++)
        scratch[i] = 1;
    for (int64_t i = 0; i < s->image_count && number < BOOTSTRAP_DRAWS; i++)
        scratch[random_below((uint32_t)(random_next(&random) >> 32), (int)s->image_count)]++;
    for (int64_t i = 0; i < s->labels->rows; i++)
        weights[i] = scratch[s->images ? s->images[i] : i];
}

/* Both average precisions as in metrics.c, with each row counted `weights` times; NAN without positives. Precision can be
 * highest only where recall has just increased. */
static void weigh_class(const struct sample *s, int class, const uint32_t *weights, double *ap_11point, double *ap)
{
    const entry *first = s->order + s->begins[class], *end = s->order + s->begins[class + 1];
    uint32_t positives = 0, found = 0, before = 0, total = 0;
    double best[POINTS] = {0}, sum = 0, points = 0;
    *ap_11point = *ap = NAN;
    for (const entry *e = first; e < end; e++)
        positives += weights[ROW(*e)] & -(*e & POSITIVE);
    if (positives == 0)
        return;
    for (const entry *e = first; e < end && before < positives; e++) {
        uint32_t weight = weights[ROW(*e)];
        total += weight;
        found += weight & -(*e & POSITIVE);
        if (found == before || !(*e & ENDS))
            continue;
        double precision = (double)found / (double)total;
        uint64_t reached = (POINTS - 1) * (uint64_t)found / positives;
        sum += (double)(found - before) * precision;
        best[reached] = fmax(best[reached], precision);
        before = found;
    }
    for (int t = POINTS - 2; t >= 0; t--)
        best[t] = fmax(best[t], best[t + 1]);
    for (int t = 0; t < POINTS; t++)
        points += best[t];
    *ap = sum / (double)positives;
    *ap_11point = points / POINTS;
}

static void weigh_multi(const struct sample *s, int number, const uint32_t *weights)
{
    double sum = 0, sum_11point = 0;
    int scored = 0;
    for (int k = 0; k < s->labels->class_count; k++) {
        double ap_11point, ap;
        weigh_class(s, k, weights, &ap_11point, &ap);
        s->per_class[0][k * (int64_t)DRAWS + number] = (float)ap_11point;
        s->per_class[1][k * (int64_t)DRAWS + number] = (float)ap;
        if (isnan(ap))
            continue;
        sum += ap;
        sum_11point += ap_11point;
        scored++;
    }
    s->draws[MEASURE_MAP_11POINT][number] = (float)(sum_11point / scored); /* NAN if none is */
    s->draws[MEASURE_MAP][number] = (float)(sum / scored);
}

/* `totals` (2, classes) is scratch. */
static void weigh_single(const struct sample *s, int number, const uint32_t *weights, uint64_t *totals)
{
    int classes = s->labels->class_count, scored = 0;
    uint64_t *right = totals + classes, all = 0, all_right = 0, near = 0;
    double sum = 0;
    memset(totals, 0, 2 * (size_t)classes * sizeof *totals);
    for (int64_t i = 0; i < s->labels->rows; i++) {
        int label = s->labels->single[i];
        if (label < 0)
            continue;
        totals[label] += weights[i];
        right[label] += s->right[i] ? weights[i] : 0;
        near += s->right[s->labels->rows + i] ? weights[i] : 0;
    }
    for (int k = 0; k < classes; k++) {
        double accuracy = totals[k] ? (double)right[k] / (double)totals[k] : (double)NAN;
        s->per_class[0][k * (int64_t)DRAWS + number] = (float)accuracy;
        sum += totals[k] ? accuracy : 0;
        scored += totals[k] > 0;
        all += totals[k];
        all_right += right[k];
    }
    s->draws[MEASURE_ACCURACY][number] = (float)((double)all_right / (double)all);
    s->draws[MEASURE_CLASS_ACCURACY][number] = (float)(sum / scored);
    s->draws[MEASURE_TOP5][number] = (float)((double)near / (double)all);
}

/* False: a thread ran out of memory. */
static bool draw_all(const struct sample *s)
{
    int failed = 0;
#pragma omp parallel reduction(+ : failed)
    {
        uint32_t *weights = malloc(((size_t)s->labels->rows + 1) * sizeof *weights);
        uint32_t *scratch = malloc(((size_t)s->image_count + 1) * sizeof *scratch);
        uint64_t *totals = malloc((2 * (size_t)s->labels->class_count + 1) * sizeof *totals);
        failed += !weights || !scratch || !totals;
#pragma omp for schedule(static)
        for (int i = 0; i < DRAWS; i++) {
            if (failed)
                continue;
            draw(s, i, weights, scratch);
            if (s->multi)
                weigh_multi(s, i, weights);
            else
                weigh_single(s, i, weights, totals);
        }
        free(weights);
        free(scratch);
        free(totals);
    }
    return failed == 0;
}

/* ---- the whole ---- */

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile(const float *ordered, int64_t count, double share)
{
    double place = share * (double)(count - 1);
    int64_t below = (int64_t)place, above = below + 1 < count ? below + 1 : below;
    return ordered[below] + (place - (double)below) * ((double)ordered[above] - ordered[below]);
}

struct interval bootstrap_interval(float *draws, int64_t count, double value, int64_t images)
{
    int64_t numbers = 0;
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        if (!isnan(draws[i])) {
            sum += draws[i];
            draws[numbers++] = draws[i];
        }
    if (numbers == 0 || isnan(value))
        return (struct interval){NAN, NAN};
    qsort(draws, (size_t)numbers, sizeof *draws, compare_floats);
    if (draws[0] == draws[numbers - 1]) {
        double all_but = pow(0.025, 1.0 / (double)(images > 1 ? images : 1));
        return (struct interval){value * all_but, 1 - (1 - value) * all_but};
    }
    double bias = sum / (double)numbers - value;
    return (struct interval){fmin(fmax(percentile(draws, numbers, 0.025) - bias, 0), 1),
                             fmin(fmax(percentile(draws, numbers, 0.975) - bias, 0), 1)};
}

/* The class's rows, or its positives. */
static int64_t rows_of_class(const struct sample *s, int class)
{
    int64_t count = 0;
    for (int64_t i = 0; i < s->labels->rows; i++)
        count += s->multi ? s->labels->multi[i * s->labels->class_count + class] > 0 : s->labels->single[i] == class;
    return count;
}

/* Intervals of each class's draws; `which` as in sample.per_class. */
static struct interval *class_intervals(const struct sample *s, int which)
{
    struct interval *intervals = calloc((size_t)s->labels->class_count + 1, sizeof *intervals);
    for (int k = 0; intervals && k < s->labels->class_count; k++) {
        float *draws = s->per_class[which] + k * (int64_t)DRAWS;
        intervals[k] = bootstrap_interval(draws, BOOTSTRAP_DRAWS, draws[BOOTSTRAP_DRAWS], rows_of_class(s, k));
    }
    return intervals;
}

static bool sample_init(struct sample *s)
{
    size_t rows = (size_t)s->labels->rows, classes = (size_t)s->labels->class_count, ranks;
    bool multi = s->multi;
    if (__builtin_mul_overflow(rows, classes, &ranks) || s->image_count > INT32_MAX || rows > UINT32_MAX >> 2)
        return false;
    s->order = multi ? malloc((ranks + 1) * sizeof *s->order) : NULL;
    s->begins = malloc((classes + 1) * sizeof *s->begins);
    s->right = malloc(2 * rows + 1);
    bool good = (!multi || s->order) && s->begins && s->right;
    for (int m = multi ? MEASURE_MAP_11POINT : MEASURE_ACCURACY; m <= (multi ? MEASURE_MAP : MEASURE_TOP5); m++)
        good &= (s->draws[m] = malloc(DRAWS * sizeof(float))) != NULL;
    for (int i = 0; i < 2; i++)
        good &= (s->per_class[i] = malloc((classes + 1) * DRAWS * sizeof(float))) != NULL;
    return good;
}

lmvr_status bootstrap_compute(const struct labels *labels, const float *scores, const int64_t *images, int64_t image_count,
                              uint64_t seed, struct bootstrap *bootstrap, lmvr_error *error)
{
    struct sample s = {
        .labels = labels, .multi = labels->kind == LABELS_MULTI, .images = images, .image_count = image_count, .seed = seed};
    bool multi = s.multi, good = sample_init(&s);
    *bootstrap = (struct bootstrap){.class_count = labels->class_count};
    if (good && multi)
        good = rank(&s, scores);
    else if (good)
        judge(&s, scores);
    if (good && draw_all(&s)) {
        bootstrap->per_class = class_intervals(&s, 0);
        bootstrap->per_class_all_points = multi ? class_intervals(&s, 1) : NULL;
    }
    memcpy(bootstrap->draws, s.draws, sizeof s.draws);
    free(s.order);
    free(s.begins);
    free(s.right);
    free(s.per_class[0]);
    free(s.per_class[1]);
    if (bootstrap->per_class && (!multi || bootstrap->per_class_all_points))
        return LMVR_OK;
    bootstrap_finish(bootstrap);
    return error_no_memory(error, "the bootstrap");
}

void bootstrap_finish(struct bootstrap *bootstrap)
{
    for (int m = 0; m < MEASURES; m++)
        free(bootstrap->draws[m]);
    free(bootstrap->per_class);
    free(bootstrap->per_class_all_points);
    *bootstrap = (struct bootstrap){0};
}
