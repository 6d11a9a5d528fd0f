#include "represent/aggregate.h"

#include <stdlib.h>
#include <string.h>

static size_t width_of(enum feature_source source, const struct source_widths *widths)
{
    switch (source) {
    case SOURCE_ENCODER:
        return widths->encoder;
    case SOURCE_JOINT:
        return widths->joint;
    case SOURCE_PIXELS:
        return widths->pixels;
    default:
        return widths->llm;
    }
}

static lmvr_status set_widths(struct feature *f, const struct source_widths *widths, int dims, lmvr_error *error)
{
    f->width = width_of(f->source, widths);
    f->dim = dims ? (size_t)dims : f->width;
    if (f->dim > f->width)
        return error_set(error, LMVR_ERROR_INVALID, "dims is %d, more than the %zu numbers of feature %s", dims, f->width,
                         f->spec);
    return LMVR_OK;
}

lmvr_status feature_set_parse(struct feature_set *set, const char *const *texts, size_t count,
                              const struct feature_limits *limits, const struct source_widths *widths,
                              const struct feature_form *form, lmvr_error *error)
{
    *set = (struct feature_set){.features = calloc(count + 1, sizeof *set->features), .normalize = form->normalize};
    if (!set->features)
        return error_no_memory(error, "the features");
    for (size_t i = 0; i < count; i++) {
        struct feature *f = &set->features[i];
        TRY(feature_parse(texts[i], limits, f, error));
        TRY(set_widths(f, widths, form->dims, error));
        for (size_t j = 0; j < i; j++)
            if (strcmp(set->features[j].name, f->name) == 0)
                return error_set(error, LMVR_ERROR_INVALID, "two features have the name %s", f->name);
        set->count++;
    }
    return LMVR_OK;
}

void feature_set_finish(struct feature_set *set)
{
    free(set->features);
    *set = (struct feature_set){0};
}

/* ---- the vectors of one image ------------------------------------------------------------------------------------------- */

struct feature_rows *feature_rows_create(const struct feature_set *set)
{
    return calloc((size_t)set->count + 1, sizeof(struct feature_rows));
}

void feature_rows_free(const struct feature_set *set, struct feature_rows *vectors)
{
    for (int i = 0; vectors && i < set->count; i++)
        free(vectors[i].values);
    free(vectors);
}

/* Makes room for a feature's rows, whose old values are not kept. */
static lmvr_status make_room(const struct feature *f, struct feature_rows *vectors, size_t rows, lmvr_error *error)
{
    size_t needed = rows * f->dim;
    vectors->count = 0;
    if (needed > vectors->room) {
        free(vectors->values);
        vectors->room = 0;
        vectors->values = malloc(needed * sizeof *vectors->values);
        if (!vectors->values)
            return error_no_memory(error, "the rows of a feature");
        vectors->room = needed;
    }
    vectors->count = rows;
    return LMVR_OK;
}

static void normalize(const struct feature_set *set, const struct feature *f, struct feature_rows *vectors)
{
    if (set->normalize)
        rows_normalize(vectors->values, vectors->count, f->dim);
}

static lmvr_status read_pool(const struct feature_set *set, const struct feature *f, struct arena *arena,
                             const struct pool *pool, struct feature_rows *vectors, lmvr_error *error)
{
    if (pool->failed)
        return error_no_memory(error, "the rows of a feature");
    TRY(make_room(f, vectors, pool_rows(pool, f->pool), error));
    TRY(pool_read(pool, arena, f->pool, f->dim, vectors->values, error));
    normalize(set, f, vectors);
    return LMVR_OK;
}

/* ---- what must be computed for the features ----------------------------------------------------------------------------- */

struct feature_needs feature_set_needs(const struct feature_set *set, bool before_generation, bool *prompt_wanted,
                                       bool *response_wanted)
{
    struct feature_needs needs = {0};
    for (int i = 0; i < set->count; i++) {
        const struct feature *f = &set->features[i];
        needs.vision |= f->source != SOURCE_PIXELS;
        needs.visual_tokens |= f->source == SOURCE_ADAPTOR || f->source == SOURCE_LLM;
        if (f->source != SOURCE_LLM)
            continue;
        needs.language = true;
        bool response = f->tokens & TOKENS_RESPONSE && !before_generation;
        bool prompt = f->tokens & TOKENS_INPUT || (f->tokens & TOKENS_END && before_generation);
        needs.response |= response;
        if (response)
            response_wanted[f->layer] = true;
        if (prompt)
            prompt_wanted[f->layer] = true;
        if (prompt && f->layer > needs.prompt_blocks)
            needs.prompt_blocks = f->layer;
    }
    return needs;
}

bool feature_set_reads_encoder(const struct feature_set *set, int layer)
{
    for (int i = 0; i < set->count; i++)
        if ((set->features[i].source == SOURCE_ENCODER || set->features[i].source == SOURCE_JOINT) &&
            set->features[i].layer == layer)
            return true;
    return false;
}

bool feature_set_has(const struct feature_set *set, enum feature_source source)
{
    for (int i = 0; i < set->count; i++)
        if (set->features[i].source == source)
            return true;
    return false;
}

const struct feature *feature_set_of_picture(const struct feature_set *set)
{
    for (int i = 0; i < set->count; i++)
        if ((set->features[i].source != SOURCE_LLM && set->features[i].source != SOURCE_JOINT) ||
            set->features[i].tokens == TOKENS_IMAGE)
            return &set->features[i];
    return NULL;
}

int feature_set_kinds(const struct feature_set *set, int layer)
{
    int kinds = 0;
    for (int i = 0; i < set->count; i++)
        if (set->features[i].source == SOURCE_LLM && set->features[i].layer == layer)
            kinds |= set->features[i].tokens;
    return kinds;
}

/* ---- the pools of one image --------------------------------------------------------------------------------------------- */

struct pool *pools_create(const struct feature_set *set, const struct device *device)
{
    struct pool *pools = calloc((size_t)set->count + 1, sizeof *pools);
    for (int i = 0; pools && i < set->count; i++) {
        const struct feature *f = &set->features[i];
        pools[i].device = device;
        if (f->pool != POOL_NONE && !(pools[i].value = device->operations->allocate(device, f->dim * sizeof(double)))) {
            pools_free(set, pools);
            return NULL;
        }
    }
    return pools;
}

void pools_free(const struct feature_set *set, struct pool *pools)
{
    for (int i = 0; pools && i < set->count; i++)
        pool_finish(&pools[i]);
    free(pools);
}

void pools_begin(const struct feature_set *set, struct arena *arena, struct pool *pools, const struct pool *prefix)
{
    for (int i = 0; i < set->count; i++) {
        const struct feature *f = &set->features[i];
        pool_reset(&pools[i]);
        if (prefix && f->source == SOURCE_LLM)
            pool_copy(&pools[i], arena, f->pool, f->dim, &prefix[i]);
    }
}

/* Adds rows to the pool of every feature of this layer that pools one of these kinds of positions. */
static void add(const struct feature_set *set, struct arena *arena, struct pool *pools, int layer, int kinds, int64_t rows,
                const float *states)
{
    for (int i = 0; i < set->count && rows > 0; i++) {
        const struct feature *f = &set->features[i];
        if (f->source == SOURCE_LLM && f->layer == layer && f->tokens & kinds)
            pool_add(&pools[i], arena, f->pool, f->dim, rows, f->width, states);
    }
}

void pools_add_input(const struct feature_set *set, struct arena *arena, struct pool *pools, const struct language_input *input,
                     bool ends, int layer, int64_t first, int64_t rows, size_t width, const float *states)
{
    int64_t end = first + rows, begin = 0;
    for (int i = 0; i < input->piece_count; begin += input->pieces[i++].count) {
        const struct input_piece *piece = &input->pieces[i];
        int64_t from = begin > first ? begin : first, to = begin + piece->count < end ? begin + piece->count : end;
        add(set, arena, pools, layer, piece->tokens ? TOKENS_PROMPT : TOKENS_IMAGE, to - from,
            states + (from - first) * (int64_t)width);
    }
    if (ends && end == input->length)
        add(set, arena, pools, layer, TOKENS_END, 1, states + (rows - 1) * (int64_t)width);
}

/* Adds a row to the pools of a response; those that the device can add with others are put into `tasks`. */
static int64_t add_response(const struct feature_set *set, struct arena *arena, const struct response_row *row, int layer,
                            const float *state, struct pooling_task *tasks)
{
    int64_t count = 0;
    for (int i = 0; i < set->count; i++) {
        const struct feature *f = &set->features[i];
        if (f->source != SOURCE_LLM || f->layer != layer || !(f->tokens & (TOKENS_GENERATED | (row->last ? TOKENS_END : 0))))
            continue;
        if (f->pool == POOL_NONE)
            pool_add(&row->pools[i], arena, f->pool, f->dim, 1, f->width, state);
        else
            tasks[count++] = pool_task(&row->pools[i], f->pool, f->dim, 1, f->width, state);
    }
    return count;
}

lmvr_status pools_add_responses(const struct feature_set *set, struct arena *arena, int64_t count,
                                const struct response_row *rows, int layer, size_t width, const float *states,
                                lmvr_error *error)
{
    struct arena_mark mark = arena_mark(arena);
    struct pooling_task *tasks = arena_alloc(arena, count * set->count, sizeof *tasks);
    int64_t task_count = 0;
    if (!tasks)
        return error_no_memory(error, "the features");
    for (int64_t r = 0; r < count; r++)
        task_count += add_response(set, arena, &rows[r], layer, states + r * (int64_t)width, tasks + task_count);
    if (task_count > 0)
        arena->device->operations->pool(arena, task_count, tasks);
    arena_release(arena, mark);
    return LMVR_OK;
}

void pools_add_start(const struct feature_set *set, struct arena *arena, struct pool *pools, int layer, const float *state)
{
    add(set, arena, pools, layer, TOKENS_START, 1, state);
}

lmvr_status pools_read(const struct feature_set *set, struct arena *arena, const struct pool *pools,
                       struct feature_rows *vectors, lmvr_error *error)
{
    for (int i = 0; i < set->count; i++)
        if (set->features[i].source == SOURCE_LLM)
            TRY(read_pool(set, &set->features[i], arena, &pools[i], &vectors[i], error));
    return LMVR_OK;
}

/* ---- features that need no sequence ------------------------------------------------------------------------------------- */

static void add_patches(const struct feature *f, struct arena *arena, struct pool *pool, const struct encoded *e, int64_t first,
                        int64_t count)
{
    const float *states = e->states[f->layer] + e->first * (int64_t)f->width;
    bool in_order = !e->order || f->pool != POOL_NONE; /* nothing else depends on it */
    if (in_order)
        pool_add(pool, arena, f->pool, f->dim, count, f->width, states + first * (int64_t)f->width);
    for (int64_t i = first; !in_order && i < first + count; i++)
        pool_add(pool, arena, f->pool, f->dim, 1, f->width, states + e->order[i] * (int64_t)f->width);
}

/* Adds the positions of each view that the feature pools. */
static void add_encoder(const struct feature *f, struct arena *arena, struct pool *pool, const struct encoded *e)
{
    const float *states = e->states[f->layer] + e->first * (int64_t)f->width;
    int64_t at = 0, classes = e->has_class ? 1 : 0;
    for (int v = 0; v < e->view_count; at += e->view_positions[v++]) {
        if (f->tokens & TOKENS_CLS && v == e->whole)
            pool_add(pool, arena, f->pool, f->dim, classes, f->width, states + at * (int64_t)f->width);
        if (f->tokens & TOKENS_PATCHES)
            add_patches(f, arena, pool, e, at + classes, e->view_positions[v] - classes);
    }
}

/* A vector that is there as a whole, on `device`. */
static lmvr_status copy_whole(const struct feature_set *set, const struct feature *f, struct arena *arena,
                              const struct device *device, const float *vector, struct feature_rows *vectors, lmvr_error *error)
{
    TRY(make_room(f, vectors, 1, error));
    TRY(device->operations->read(arena, vectors->values, vector, f->dim * sizeof *vectors->values, error));
    normalize(set, f, vectors);
    return LMVR_OK;
}

lmvr_status features_of_encoded(const struct feature_set *set, struct arena *arena, struct pool *pools,
                                const struct encoded *encoded, struct feature_rows *vectors, lmvr_error *error)
{
    for (int i = 0; i < set->count; i++) {
        const struct feature *f = &set->features[i];
        pool_reset(&pools[i]);
        if (f->source == SOURCE_PIXELS)
            TRY(copy_whole(set, f, arena, device_cpu(), encoded->pixels, &vectors[i], error));
        else if (f->source == SOURCE_JOINT)
            TRY(copy_whole(set, f, arena, arena->device, encoded->joint, &vectors[i], error));
        else if (f->source == SOURCE_ENCODER)
            add_encoder(f, arena, &pools[i], encoded);
        else if (f->source == SOURCE_ADAPTOR)
            pool_add(&pools[i], arena, f->pool, f->dim, encoded->token_count, f->width, encoded->visual_tokens);
        if (f->source == SOURCE_ENCODER || f->source == SOURCE_ADAPTOR)
            TRY(read_pool(set, f, arena, &pools[i], &vectors[i], error));
    }
    return LMVR_OK;
}
