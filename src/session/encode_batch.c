#include "session/session.h"

#include <string.h>

/* Buffers for the hidden states that are needed: those of features, and the one that feeds the connector. */
static lmvr_status choose_states(struct lmvr_session *s, int count, float **states, lmvr_error *error)
{
    const struct lmvr_model *m = s->model;
    for (int i = 0; i <= m->vision.block_count; i++) {
        if (!(s->needs_tokens && i == m->connector.state) && !feature_set_reads_encoder(&s->features, i))
            continue;
        states[i] = arena_floats(&s->arena, (int64_t)count * m->vision.positions * m->vision.width);
        if (!states[i])
            return error_no_memory(error, "the encoder's states");
    }
    return LMVR_OK;
}

lmvr_status encode_images(struct lmvr_session *session, int count, const float *pixels, float *const *values, float *tokens,
                          float *maps, lmvr_error *error)
{
    const struct lmvr_model *m = session->model;
    struct arena_mark mark = arena_mark(&session->arena);
    int64_t state_count = m->vision.block_count + 1;
    float **states = arena_alloc(&session->arena, state_count, sizeof *states);
    struct pool *pools = pools_create(&session->features);
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
    struct encoded encoded = {pixels, states, tokens, m->vision.positions, session->visual_tokens};
    for (int i = 0; status == LMVR_OK && values && i < count; i++)
        features_of_encoded(&session->features, pools, &encoded, i, values[i]);
    pools_free(&session->features, pools);
    arena_release(&session->arena, mark);
    return status;
}
