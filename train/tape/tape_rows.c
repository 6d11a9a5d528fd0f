/* Operations on the tape that move whole rows: table lookup, assembling sequences, means. */
#include "train/tape/tape_steps.h"

#include <assert.h>
#include <string.h>

struct assemble_step {
    struct step step;
    int source_count;
    struct value *const *values;
    struct gradient_source *sources;
    const struct gradient_place *places;
};

static void assemble_back(struct tape *tape, struct step *step)
{
    struct assemble_step *s = (struct assemble_step *)step;
    const struct value *y = step->result;
    for (int i = 0; i < s->source_count; i++)
        s->sources[i].gradient = NULL;
    for (int64_t r = 0; r < y->rows; r++)
        if (s->places[r].source >= 0) /* those that are used get one */
            s->sources[s->places[r].source].gradient = tape_gradient(tape, s->values[s->places[r].source]);
    TAPE_DO(tape, assemble_back, y->rows, y->columns, s->sources, s->source_count, s->places, y->gradient);
}

struct value *tape_assemble(struct tape *tape, struct value *const *sources, int source_count, int64_t count,
                            const struct gradient_place *places)
{
    bool wanted = false;
    struct value **values = tape_memory(tape, source_count, sizeof *values);
    struct gradient_source *kept = tape_memory(tape, source_count, sizeof *kept);
    for (int i = 0; kept && i < source_count; i++) {
        if (!sources[i])
            return NULL;
        assert(sources[i]->columns == sources[0]->columns);
        values[i] = sources[i];
        kept[i] = (struct gradient_source){sources[i]->data, sources[i]->data ? NULL : sources[i]->parameter->half, NULL};
        wanted |= sources[i]->wanted;
    }
    struct value *y = kept ? tape_new(tape, count, sources[0]->columns, wanted) : NULL;
    if (!y)
        return NULL;
    for (int64_t r = 0; r < count; r++)
        assert(places[r].source < source_count &&
               (places[r].source < 0 || (places[r].row >= 0 && places[r].row < sources[places[r].source]->rows)));
    TAPE_DO(tape, assemble, count, y->columns, kept, source_count, places, y->data);
    struct assemble_step *step = TAPE_STEP(tape, struct assemble_step, y, assemble_back);
    if (step) {
        step->source_count = source_count;
        step->values = values;
        step->sources = kept;
        step->places = places;
    }
    return tape->status == LMVR_OK ? y : NULL;
}

struct value *tape_rows(struct tape *tape, struct value *x, int64_t count, const int32_t *rows)
{
    struct gradient_place *places = x ? tape_memory(tape, count, sizeof *places) : NULL;
    if (!places)
        return NULL;
    for (int64_t r = 0; r < count; r++)
        places[r] = (struct gradient_place){0, rows[r]};
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
    struct value *y = x && tape_on_processor(tape) ? tape_new(tape, count, x->columns, x->wanted) : NULL;
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
