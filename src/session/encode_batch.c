#include "session/session.h"

#include "vision/patches.h"

#include <string.h>

int64_t picture_positions(const struct lmvr_session *session, const struct picture *picture)
{
    int64_t positions = 0;
    for (int v = 0; v < picture->view_count; v++)
        positions += encoder_positions(&session->model->vision, picture->views[v].width, picture->views[v].height);
    return positions;
}

/* What the encoder is given and gives. */
struct pass {
    int view_count;
    struct encoder_view *views;
    int64_t *view_positions;        /* (view_count) */
    int64_t *firsts, *token_counts; /* (pictures): first positions, visual tokens */
    int64_t positions, tokens;      /* of all pictures */
    float **states;
    float *joint; /* (pictures, width of the joint space); NULL: not wanted */
};

static lmvr_status list_views(struct lmvr_session *s, const struct encode_batch *batch, struct pass *pass, lmvr_error *error)
{
    *pass = (struct pass){0};
    for (int i = 0; i < batch->count; i++)
        pass->view_count += batch->pictures[i]->view_count;
    pass->views = arena_alloc(&s->arena, pass->view_count, sizeof *pass->views);
    pass->view_positions = arena_alloc(&s->arena, pass->view_count, sizeof *pass->view_positions);
    pass->firsts = arena_alloc(&s->arena, batch->count, sizeof *pass->firsts);
    pass->token_counts = arena_alloc(&s->arena, batch->count, sizeof *pass->token_counts);
    pass->states = arena_alloc(&s->arena, s->model->vision.block_count + 1, sizeof *pass->states);
    if (!pass->views || !pass->view_positions || !pass->firsts || !pass->token_counts || !pass->states)
        return error_no_memory(error, "the encoder");
    memset(pass->states, 0, (size_t)(s->model->vision.block_count + 1) * sizeof *pass->states);
    for (int i = 0, at = 0; i < batch->count; i++) {
        const struct picture *p = batch->pictures[i];
        pass->firsts[i] = pass->positions;
        pass->token_counts[i] = s->needs_tokens ? picture_tokens(s, p) : 0;
        pass->tokens += pass->token_counts[i];
        for (int v = 0; v < p->view_count; v++, at++) {
            const struct view *view = &p->views[v];
            pass->views[at] = (struct encoder_view){p->pixels + view->first, view->width, view->height};
            pass->view_positions[at] = encoder_positions(&s->model->vision, view->width, view->height);
            pass->positions += pass->view_positions[at];
        }
    }
    return LMVR_OK;
}

static bool connector_reads(const struct connector *connector, int state)
{
    for (int i = 0; i < connector->state_count; i++)
        if (connector->states[i] == state)
            return true;
    return false;
}

/* Buffers for the hidden states that are needed: those of features, and those that jobs the connector. */
static lmvr_status choose_states(struct lmvr_session *s, struct pass *pass, lmvr_error *error)
{
    const struct lmvr_model *m = s->model;
    for (int i = 0; i <= m->vision.block_count; i++) {
        if (!(s->needs_tokens && connector_reads(&m->connector, i)) && !feature_set_reads_encoder(&s->features, i))
            continue;
        pass->states[i] = arena_floats(&s->arena, pass->positions * m->vision.width);
        if (!pass->states[i])
            return error_no_memory(error, "the encoder's states");
    }
    return LMVR_OK;
}

/* Dual encoders' pictures have one view, and all as many positions. */
static lmvr_status run_joint(struct lmvr_session *s, const struct encode_batch *batch, struct pass *pass, lmvr_error *error)
{
    const struct lmvr_model *m = s->model;
    pass->joint = arena_floats(&s->arena, batch->count * joint_width(&m->joint));
    if (!pass->joint)
        return error_no_memory(error, "the pictures' vectors");
    return joint_forward(&m->joint, &s->arena, batch->count, pass->positions / batch->count,
                         pass->states[m->vision.block_count], pass->joint, error);
}

static lmvr_status run(struct lmvr_session *s, const struct encode_batch *batch, struct pass *pass, lmvr_error *error)
{
    const struct lmvr_model *m = s->model;
    TRY(choose_states(s, pass, error));
    TRY(m->vision.forward(m->vision.model, &s->arena, pass->views, pass->view_count, pass->states, error));
    if (feature_set_has(&s->features, SOURCE_JOINT))
        TRY(run_joint(s, batch, pass, error));
    struct encoded_pictures encoded = {batch->count, batch->pictures, pass->states, pass->positions};
    if (!s->needs_tokens)
        return LMVR_OK;
    return m->connector.forward(&m->connector, &m->vision, &s->arena, &encoded, batch->tokens, batch->maps, error);
}

/* A picture without such a view is its first one. */
static int find_whole(const struct picture *picture)
{
    for (int v = 0; v < picture->view_count; v++)
        if (picture->views[v].row < 0)
            return v;
    return 0;
}

/* The picture's positions in the order of its grids, row by row; NULL where they come so. */
static lmvr_status order_patches(struct lmvr_session *s, const struct picture *picture, int64_t **order, lmvr_error *error)
{
    const struct encoder *e = &s->model->vision;
    *order = NULL;
    if (e->merge == 1)
        return LMVR_OK;
    int64_t positions = picture_positions(s, picture), first = 0;
    struct patch *patches = arena_alloc(&s->arena, positions, sizeof *patches);
    *order = arena_alloc(&s->arena, positions, sizeof **order);
    if (!patches || !*order)
        return error_no_memory(error, "the features");
    for (int v = 0; v < picture->view_count; v++) {
        int rows = picture->views[v].height / e->patch_size, columns = picture->views[v].width / e->patch_size;
        patches_list(rows, columns, e->merge, 0, patches, NULL);
        for (int64_t i = 0; i < (int64_t)rows * columns; i++)
            (*order)[first + (int64_t)patches[i].y * columns + patches[i].x] = first + i;
        first += (int64_t)rows * columns;
    }
    return LMVR_OK;
}

static lmvr_status pool_picture(struct lmvr_session *s, struct pool *pools, const struct picture *picture,
                                struct encoded *encoded, struct feature_rows *vectors, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(&s->arena);
    int64_t *order;
    TRY(order_patches(s, picture, &order, error));
    encoded->order = order;
    TRY(features_of_encoded(&s->features, &s->arena, pools, encoded, vectors, error));
    arena_release(&s->arena, mark);
    return LMVR_OK;
}

static lmvr_status pool_features(struct lmvr_session *s, const struct encode_batch *batch, const struct pass *pass,
                                 lmvr_error *error)
{
    struct pool *pools = pools_create(&s->features, s->arena.device);
    if (!pools)
        return error_no_memory(error, "the features");
    lmvr_status status = LMVR_OK;
    int64_t view = 0, token = 0;
    for (int i = 0; i < batch->count && status == LMVR_OK; i++) {
        const struct picture *p = batch->pictures[i];
        struct encoded encoded = {.pixels = p->pixels,
                                  .states = pass->states,
                                  .first = pass->firsts[i],
                                  .visual_tokens = batch->tokens ? batch->tokens + token * s->model->language.width : NULL,
                                  .token_count = pass->token_counts[i],
                                  .joint = pass->joint ? pass->joint + i * joint_width(&s->model->joint) : NULL,
                                  .has_class = s->model->vision.has_class,
                                  .view_count = p->view_count,
                                  .view_positions = pass->view_positions + view,
                                  .whole = find_whole(p)};
        status = pool_picture(s, pools, p, &encoded, batch->vectors[i], error);
        view += p->view_count;
        token += pass->token_counts[i];
    }
    pools_free(&s->features, pools);
    return status;
}

lmvr_status encode_pictures(struct lmvr_session *session, const struct encode_batch *batch, lmvr_error *error)
{
    struct arena_mark mark = arena_mark(&session->arena);
    struct pass pass;
    TRY(list_views(session, batch, &pass, error));
    if (session->needs_vision)
        TRY(run(session, batch, &pass, error));
    if (batch->vectors)
        TRY(pool_features(session, batch, &pass, error));
    arena_release(&session->arena, mark);
    return LMVR_OK;
}
