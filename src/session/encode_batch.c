#include "session/session.h"

#include <string.h>

/* Rows of one image's positions that a feature pools: the class stands first. */
static void pool_positions(const struct lmvr_session *s, int feature, int64_t positions, const float *states, float *values,
                           struct pool *pool)
{
    const struct feature *f = &s->features[feature];
    bool cls = f->tokens & TOKENS_CLS, patches = f->tokens & TOKENS_PATCHES;
    int64_t first = cls ? 0 : 1, end = patches ? positions : 1;
    pool_reset(pool);
    pool_add(pool, f->pool, f->dim, end - first, states + first * (int64_t)f->dim);
    pool_read(pool, f->pool, f->dim, values + feature_offset(s, feature));
}

/* Buffers for the states that are read: those of features, and the one that feeds the connector. */
static lmvr_status choose_states(struct lmvr_session *s, int count, float **states, lmvr_error *error)
{
    const struct lmvr_model *m = s->model;
    for (int i = 0; i <= m->vision.block_count; i++) {
        bool wanted = s->needs_tokens && i == m->connector.state;
        for (int f = 0; f < s->feature_count; f++)
            wanted |= s->features[f].source == SOURCE_ENCODER && s->features[f].layer == i;
        if (!wanted)
            continue;
        states[i] = arena_floats(&s->arena, (int64_t)count * m->vision.positions * m->vision.width);
        if (!states[i])
            return error_no_memory(error, "the encoder's states");
    }
    return LMVR_OK;
}

static void read_features(const struct lmvr_session *s, int count, const float *pixels, float *const *states,
                          const float *tokens, float *const *values, struct pool *pools)
{
    int64_t positions = s->model->vision.positions;
    for (int i = 0; i < s->feature_count; i++) {
        const struct feature *f = &s->features[i];
        for (int image = 0; image < count; image++) {
            float *row = values[image] + feature_offset(s, i);
            if (f->source == SOURCE_PIXELS)
                memcpy(row, pixels + (size_t)image * f->dim, f->dim * sizeof *row);
            else if (f->source == SOURCE_ENCODER)
                pool_positions(s, i, positions, states[f->layer] + image * positions * (int64_t)f->dim, values[image],
                               &pools[i]);
            else if (f->source == SOURCE_ADAPTOR) {
                pool_reset(&pools[i]);
                pool_add(&pools[i], f->pool, f->dim, s->visual_tokens, tokens + image * s->visual_tokens * (int64_t)f->dim);
                pool_read(&pools[i], f->pool, f->dim, row);
            }
        }
    }
}

lmvr_status encode_images(struct lmvr_session *session, int count, const float *pixels, float *const *values, float *tokens,
                          float *maps, lmvr_error *error)
{
    const struct lmvr_model *m = session->model;
    struct arena_mark mark = arena_mark(&session->arena);
    int64_t state_count = m->vision.block_count + 1;
    float **states = arena_alloc(&session->arena, state_count, sizeof *states);
    struct pool *pools = pools_create(session);
    lmvr_status status = states && pools ? LMVR_OK : error_no_memory(error, "the encoder");
    if (status == LMVR_OK && session->needs_vision) {
        memset(states, 0, (size_t)state_count * sizeof *states);
        status = choose_states(session, count, states, error);
        if (status == LMVR_OK)
            status = m->vision.forward(m->vision.model, &session->arena, count, pixels, states, error);
        if (status == LMVR_OK && session->needs_tokens)
            status =
                m->connector.forward(&m->connector, &session->arena, count, states[m->connector.state], tokens, maps, error);
    }
    if (status == LMVR_OK && values)
        read_features(session, count, pixels, states, tokens, values, pools);
    pools_free(session, pools);
    arena_release(&session->arena, mark);
    return status;
}
