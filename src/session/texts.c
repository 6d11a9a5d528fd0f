#include "session/session.h"

bool reads_texts_alone(const struct lmvr_session *session)
{
    return feature_set_has(&session->features, SOURCE_JOINT);
}

lmvr_status text_plan(const struct lmvr_session *session, const char *text, struct session_input *input, lmvr_error *error)
{
    const struct lmvr_model *m = session->model;
    *input = (struct session_input){0};
    if (m->text_refusal.message[0])
        return error_set(error, LMVR_ERROR_INPUT, "is a text, which the model cannot read: %.700s", m->text_refusal.message);
    return text_rules_encode(&m->text_rules, m->tokenizer, text, &input->prompt.ids, &input->prompt.count, error);
}

/* A session that reads a text alone has no feature of a picture, so that all are in the joint space. */
static lmvr_status keep(const struct feature_set *features, struct arena *arena, int count, const float *joint, int64_t width,
                        struct feature_rows *const *vectors, lmvr_error *error)
{
    struct pool *pools = pools_create(features, arena->device);
    lmvr_status status = pools ? LMVR_OK : error_no_memory(error, "the features");
    for (int i = 0; i < count && status == LMVR_OK; i++) {
        struct encoded text = {.joint = joint + i * width};
        status = features_of_encoded(features, arena, pools, &text, vectors[i], error);
    }
    pools_free(features, pools);
    return status;
}

lmvr_status encode_texts(struct lmvr_session *session, int count, struct session_input *const *inputs,
                         struct feature_rows *const *vectors, lmvr_error *error)
{
    const struct text_tower *tower = &session->model->text;
    struct arena_mark mark = arena_mark(&session->arena);
    struct text_ids *texts = arena_alloc(&session->arena, count, sizeof *texts);
    float *joint = arena_floats(&session->arena, count * tower->projection.out);
    if (!texts || !joint)
        return error_no_memory(error, "the texts");
    for (int i = 0; i < count; i++)
        texts[i] = (struct text_ids){inputs[i]->prompt.ids, (int64_t)inputs[i]->prompt.count};
    TRY(text_tower_forward(tower, &session->arena, texts, count, joint, error));
    TRY(keep(&session->features, &session->arena, count, joint, tower->projection.out, vectors, error));
    arena_release(&session->arena, mark);
    return LMVR_OK;
}
