#include "language/sample.h"

#include <math.h>
#include <stdlib.h>

static int32_t most_likely(int vocabulary, const float *logits)
{
    int32_t best = 0;
    for (int i = 1; i < vocabulary; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* Uniform in [0, 1). */
static double uniform(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static int by_probability(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->probability != y->probability)
        return x->probability < y->probability ? 1 : -1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Fills in each token's probability relative to the most likely one's; returns their sum. */
static double apply_temperature(const struct sampler *sampler, int vocabulary, const float *logits,
                                struct candidate *candidates)
{
    double best = (double)logits[most_likely(vocabulary, logits)], total = 0;
    for (int i = 0; i < vocabulary; i++) {
        double p = exp(((double)logits[i] - best) / (double)sampler->temperature);
        candidates[i] = (struct candidate){p, i};
        total += p;
    }
    return total;
}

int sampler_candidates(const struct sampler *sampler, int vocabulary, const float *logits, struct candidate *candidates)
{
    double total = apply_temperature(sampler, vocabulary, logits, candidates);
    int kept = vocabulary;
    if (sampler->top_p < 1) {
        qsort(candidates, (size_t)vocabulary, sizeof *candidates, by_probability);
        double sum = 0, enough = total * (double)sampler->top_p;
        for (kept = 0; kept < vocabulary && (kept == 0 || sum < enough); kept++)
            sum += candidates[kept].probability;
        total = sum;
    }
    for (int i = 0; i < kept; i++)
        candidates[i].probability /= total;
    return kept;
}

/* Chooses one of the candidates, whose room is given, by the logits of the host. */
static int32_t draw(const struct sampler *sampler, int vocabulary, const float *logits, struct candidate *candidates,
                    double point)
{
    int kept = sampler_candidates(sampler, vocabulary, logits, candidates);
    int32_t chosen = most_likely(vocabulary, logits);
    for (int i = 0; i < kept && point >= 0; i++) {
        if (candidates[i].probability > 0) /* the probabilities may add up to a little less than 1 */
            chosen = candidates[i].id;
        point -= candidates[i].probability;
    }
    return chosen;
}

/* On the host, whatever device the logits are on. */
static lmvr_status draw_all(const struct sampler *sampler, struct arena *arena, int64_t rows, int vocabulary,
                            const float *logits, const double *points, int32_t *tokens, lmvr_error *error)
{
    struct candidate *candidates = arena_alloc(arena, vocabulary, sizeof *candidates);
    float *read = arena_alloc(arena, vocabulary, sizeof *read);
    if (!candidates || !read)
        return error_no_memory(error, "sampling");
    for (int64_t r = 0; r < rows; r++) {
        TRY(arena->device->operations->read(arena, read, logits + r * vocabulary, (size_t)vocabulary * sizeof *read, error));
        tokens[r] = draw(sampler, vocabulary, read, candidates, points[r]);
    }
    return LMVR_OK;
}

lmvr_status sample(const struct sampler *sampler, struct arena *arena, int64_t rows, int vocabulary, const float *logits,
                   uint64_t *const *states, int32_t *tokens, lmvr_error *error)
{
    const struct device_operations *device = arena->device->operations;
    if (sampler->temperature <= 0)
        return device->argmax(arena, rows, vocabulary, logits, tokens, error);
    struct arena_mark mark = arena_mark(arena);
    double *points = arena_alloc(arena, rows, sizeof *points);
    if (!points)
        return error_no_memory(error, "sampling");
    for (int64_t r = 0; r < rows; r++)
        points[r] = uniform(states[r]);
    if (device->draw && vocabulary <= 1 << 20)
        TRY(device->draw(arena, rows, vocabulary, logits, sampler->temperature, sampler->top_p, points, tokens, error));
    else
        TRY(draw_all(sampler, arena, rows, vocabulary, logits, points, tokens, error));
    arena_release(arena, mark);
    return LMVR_OK;
}
