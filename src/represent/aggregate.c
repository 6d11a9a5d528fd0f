#include "represent/aggregate.h"

#include <stdlib.h>
#include <string.h>

lmvr_status feature_set_parse(struct feature_set *set, const char *const *texts, size_t count,
                              const struct feature_limits *limits, const struct source_widths *widths, lmvr_error *error)
{
    *set = (struct feature_set){.features = calloc(count + 1, sizeof *set->features)};
    if (!set->features)
        return error_no_memory(error, "the features");
    for (size_t i = 0; i < count; i++) {
        struct feature *f = &set->features[i];
        TRY(feature_parse(texts[i], limits, f, error));
        f->dim = f->source == SOURCE_PIXELS ? widths->pixels : f->source == SOURCE_ENCODER ? widths->encoder : widths->llm;
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
        if (set->features[i].source == SOURCE_ENCODER && set->features[i].layer == layer)
            return true;
    return false;
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
        if (set->features[i].source != SOURCE_LLM || prefix[i].count == 0)
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

void pools_add_prompt(const struct feature_set *set, struct pool *pools, const struct prompt_layout *layout, bool ends,
                      int layer, int64_t first, int64_t rows, size_t width, const float *states)
{
    int64_t end = first + rows, visual = layout->visual, text = layout->text, next;
    for (int64_t row = first; row < end; row = next) {
        bool image = row >= visual && row < text;
        next = row < visual ? visual : image ? text : end;
        next = next < end ? next : end;
        add(set, pools, layer, image ? TOKENS_IMAGE : TOKENS_PROMPT, next - row, states + (size_t)(row - first) * width);
    }
    if (ends && end == layout->end)
        add(set, pools, layer, TOKENS_END, 1, states + (size_t)(rows - 1) * width);
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

/* The class token is the first of the encoder's positions. */
static void pool_encoder(const struct feature *f, struct pool *pool, int64_t positions, const float *states, float *vector)
{
    int64_t first = f->tokens & TOKENS_CLS ? 0 : 1, end = f->tokens & TOKENS_PATCHES ? positions : 1;
    pool_all(f, pool, end - first, states + first * (int64_t)f->dim, vector);
}

void features_of_encoded(const struct feature_set *set, struct pool *pools, const struct encoded *encoded, int64_t image,
                         float *row)
{
    for (int i = 0; i < set->count; i++) {
        const struct feature *f = &set->features[i];
        int64_t dim = (int64_t)f->dim;
        float *vector = row + feature_offset(set, i);
        if (f->source == SOURCE_PIXELS)
            memcpy(vector, encoded->pixels + image * dim, f->dim * sizeof *vector);
        else if (f->source == SOURCE_ENCODER)
            pool_encoder(f, &pools[i], encoded->positions, encoded->states[f->layer] + image * encoded->positions * dim,
                         vector);
        else if (f->source == SOURCE_ADAPTOR)
            pool_all(f, &pools[i], encoded->token_count, encoded->visual_tokens + image * encoded->token_count * dim, vector);
    }
}
