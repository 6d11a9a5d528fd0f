/* Operations on the tape that move whole rows: table lookup, assembling sequences, means. */
#include "train/tape/tape_steps.h"

#include <assert.h>
#include <string.h>

struct assemble_step {
    struct step step;
    struct value *const *sources;
    const struct tape_place *places;
};

/* Several results may share a source row: gradients are added in the results' order, and threads divide the columns. */
static void assemble_back(struct tape *tape, struct step *step)
{
    struct assemble_step *s = (struct assemble_step *)step;
    const struct value *y = step->result;
    int64_t n = y->columns, wide = n < 64 ? n : 64;
    for (int64_t r = 0; r < y->rows; r++)
        if (s->places[r].source >= 0)
            tape_gradient(tape, s->sources[s->places[r].source]);
    if (tape->status != LMVR_OK)
        return;
#pragma omp parallel for schedule(static) if (y->rows * n > TAPE_FEW)
    for (int64_t first = 0; first < n; first += wide)
        for (int64_t r = 0; r < y->rows; r++) {
            const struct tape_place *place = &s->places[r];
            float *gradient = place->source >= 0 ? s->sources[place->source]->gradient : NULL;
            if (gradient)
                tape->kernels->add(n - first < wide ? n - first : wide, 1.0f, y->gradient + r * n + first,
                                   gradient + place->row * n + first);
        }
}

static void copy_row(const struct value *source, int64_t row, int64_t n, float *y)
{
    if (source->data)
        memcpy(y, source->data + row * n, (size_t)n * sizeof *y);
    else /* a frozen table that is only kept in bf16 */
        parameter_get(source->parameter, row * n, n, y);
}

struct value *tape_assemble(struct tape *tape, struct value *const *sources, int source_count, int64_t count,
                            const struct tape_place *places)
{
    bool wanted = false;
    struct value **kept = tape_memory(tape, source_count, sizeof *kept);
    for (int i = 0; kept && i < source_count; i++) {
        if (!sources[i])
            return NULL;
        assert(sources[i]->columns == sources[0]->columns);
        kept[i] = sources[i];
        wanted |= sources[i]->wanted;
    }
    struct value *y = kept ? tape_new(tape, count, sources[0]->columns, wanted) : NULL;
    if (!y)
        return NULL;
    int64_t n = y->columns;
#pragma omp parallel for schedule(static) if (count * n > TAPE_FEW)
    for (int64_t r = 0; r < count; r++) {
        if (places[r].source < 0) {
            memset(y->data + r * n, 0, (size_t)n * sizeof *y->data);
            continue;
        }
        assert(places[r].source < source_count && places[r].row >= 0 && places[r].row < sources[places[r].source]->rows);
        copy_row(sources[places[r].source], places[r].row, n, y->data + r * n);
    }
    struct assemble_step *step = TAPE_STEP(tape, struct assemble_step, y, assemble_back);
    if (step) {
        step->sources = kept;
        step->places = places;
    }
    return y;
}

struct value *tape_rows(struct tape *tape, struct value *x, int64_t count, const int32_t *rows)
{
    struct tape_place *places = x ? tape_memory(tape, count, sizeof *places) : NULL;
    if (!places)
        return NULL;
    for (int64_t r = 0; r < count; r++)
        places[r] = (struct tape_place){0, rows[r]};
    return tape_assemble(tape, &x, 1, count, places);
}

struct mean_step {
    struct step step;
    struct value *x;
    const struct tape_span *spans;
};

static void mean_back(struct tape *tape, struct step *step)
{
    struct mean_step *s = (struct mean_step *)step;
    int64_t n = s->x->columns;
    float *dx = tape_gradient(tape, s->x);
    if (!dx)
        return;
    for (int64_t i = 0; i < step->result->rows; i++)
        for (int64_t r = s->spans[i].first; r < s->spans[i].first + s->spans[i].count; r++)
            tape->kernels->add(n, 1.0f / (float)s->spans[i].count, step->result->gradient + i * n, dx + r * n);
}

struct value *tape_mean_rows(struct tape *tape, struct value *x, int64_t count, const struct tape_span *spans)
{
    struct value *y = x ? tape_new(tape, count, x->columns, x->wanted) : NULL;
    if (!y)
        return NULL;
    memset(y->data, 0, (size_t)(count * y->columns) * sizeof *y->data);
    for (int64_t i = 0; i < count; i++) {
        assert(spans[i].count > 0 && spans[i].first >= 0 && spans[i].first + spans[i].count <= x->rows);
        float *row = y->data + i * y->columns;
        tape->kernels->sum_rows(spans[i].count, x->columns, x->data + spans[i].first * x->columns, row);
        tape->kernels->scale(x->columns, 1.0f / (float)spans[i].count, row, row);
    }
    struct mean_step *step = TAPE_STEP(tape, struct mean_step, y, mean_back);
    if (step) {
        step->x = x;
        step->spans = spans;
    }
    return y;
}
