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

lmvr_status feature_set_parse(struct feature_set *set, const char *const *texts, size_t count,
                              const struct feature_limits *limits, const struct source_widths *widths, lmvr_error *error)
{
    *set = (struct feature_set){.features = calloc(count + 1, sizeof *set->features)};
    if (!set->features)
        return error_no_memory(error, "the features");
    for (size_t i = 0; i < count; i++) {
        struct feature *f = &set->features[i];
        TRY(feature_parse(texts[i], limits, f, error));
        f->dim = width_of(f->source, widths);
        for (size_t j = 0; j < i; j++)
            if (strcmp(set->features[j].name, f->name) == 0)
                return error_set(error, LMVR_ERROR_INVALID, "two features have the name %s", f->name);
        set->row_size += f->dim;
        set->count++;
    }
    return LMVR_OK;
}

void feature_set_finish(struct feature_set *set)
{
    free(set->features);
    *set = (struct feature_set){0};
}

size_t feature_offset(const struct feature_set *set, int feature)
{
    size_t offset = 0;
    for (int i = 0; i < feature; i++)
        offset += set->features[i].dim;
    return offset;
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
        if (set->features[i].source != SOURCE_LLM || set->features[i].tokens == TOKENS_IMAGE)
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

struct pool *pools_create(const struct feature_set *set)
{
    struct pool *pools = calloc((size_t)set->count + 1, sizeof *pools);
    for (int i = 0; pools && i < set->count; i++) {
        const struct feature *f = &set->features[i];
        if (f->pool != POOL_NONE && !(pools[i].value = calloc(f->dim, sizeof(double)))) {
            pools_free(set, pools);
            return NULL;
        }
    }
    return pools;
}

void pools_free(const struct feature_set *set, struct pool *pools)
{
    for (int i = 0; pools && i < set->count; i++)
        free(pools[i].value);
    free(pools);
}

void pools_begin(const struct feature_set *set, struct pool *pools, const struct pool *prefix)
{
    for (int i = 0; i < set->count; i++) {
        pool_reset(&pools[i]);
        if (!prefix || set->features[i].source != SOURCE_LLM || prefix[i].count == 0)
            continue;
        memcpy(pools[i].value, prefix[i].value, set->features[i].dim * sizeof(double));
        pools[i].count = prefix[i].count;
    }
}

/* Adds rows to the pool of every feature of this layer that pools one of these kinds of positions. */
static void add(const struct feature_set *set, struct pool *pools, int layer, int kinds, int64_t rows, const float *states)
{
    for (int i = 0; i < set->count && rows > 0; i++) {
        const struct feature *f = &set->features[i];
        if (f->source == SOURCE_LLM && f->layer == layer && f->tokens & kinds)
            pool_add(&pools[i], f->pool, f->dim, rows, states);
    }
}

void pools_add_input(const struct feature_set *set, struct pool *pools, const struct language_input *input, bool ends,
                     int layer, int64_t first, int64_t rows, size_t width, const float *states)
{
    int64_t end = first + rows, begin = 0;
    for (int i = 0; i < input->piece_count; begin += input->pieces[i++].count) {
        const struct input_piece *piece = &input->pieces[i];
        int64_t from = begin > first ? begin : first, to = begin + piece->count < end ? begin + piece->count : end;
        add(set, pools, layer, piece->tokens ? TOKENS_PROMPT : TOKENS_IMAGE, to - from,
            states + (from - first) * (int64_t)width);
    }
    if (ends && end == input->length)
        add(set, pools, layer, TOKENS_END, 1, states + (rows - 1) * (int64_t)width);
}

void pools_add_response(const struct feature_set *set, struct pool *pools, int layer, bool last, const float *state)
{
    add(set, pools, layer, TOKENS_GENERATED | (last ? TOKENS_END : 0), 1, state);
}

void pools_add_start(const struct feature_set *set, struct pool *pools, int layer, const float *state)
{
    add(set, pools, layer, TOKENS_START, 1, state);
}

void pools_read(const struct feature_set *set, const struct pool *pools, float *row)
{
    for (int i = 0; i < set->count; i++) {
        const struct feature *f = &set->features[i];
        if (f->source == SOURCE_LLM)
            pool_read(&pools[i], f->pool, f->dim, row + feature_offset(set, i));
    }
}

/* ---- features that need no sequence ------------------------------------------------------------------------------------- */

static void pool_all(const struct feature *f, struct pool *pool, int64_t rows, const float *states, float *vector)
{
    pool_reset(pool);
    pool_add(pool, f->pool, f->dim, rows, states);
    pool_read(pool, f->pool, f->dim, vector);
}

/* Adds the positions of each view that the feature pools. */
static void pool_encoder(const struct feature *f, struct pool *pool, const struct encoded *e, float *vector)
{
    const float *states = e->states[f->layer] + e->first * (int64_t)f->dim;
    pool_reset(pool);
    for (int v = 0; v < e->view_count; states += e->view_positions[v++] * (int64_t)f->dim) {
        int64_t classes = e->has_class ? 1 : 0;
        if (f->tokens & TOKENS_CLS && v == e->whole)
            pool_add(pool, f->pool, f->dim, classes, states);
        if (f->tokens & TOKENS_PATCHES)
            pool_add(pool, f->pool, f->dim, e->view_positions[v] - classes, states + classes * (int64_t)f->dim);
    }
    pool_read(pool, f->pool, f->dim, vector);
}

void features_of_encoded(const struct feature_set *set, struct pool *pools, const struct encoded *encoded, float *row)
{
    for (int i = 0; i < set->count; i++) {
        const struct feature *f = &set->features[i];
        float *vector = row + feature_offset(set, i);
        if (f->source == SOURCE_PIXELS)
            memcpy(vector, encoded->pixels, f->dim * sizeof *vector);
        else if (f->source == SOURCE_JOINT)
            memcpy(vector, encoded->joint, f->dim * sizeof *vector);
        else if (f->source == SOURCE_ENCODER)
            pool_encoder(f, &pools[i], encoded, vector);
        else if (f->source == SOURCE_ADAPTOR)
            pool_all(f, &pools[i], encoded->token_count, encoded->visual_tokens, vector);
    }
}
