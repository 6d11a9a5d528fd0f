#include "session/session.h"

#include <stdlib.h>
#include <string.h>

/* Pictures of any size: what people's photos are after they have been made smaller for the web. */
#define USUAL_WIDTH  1024
#define USUAL_HEIGHT 768

#define MOST_NEW_TOKENS 65536 /* for a model without a limit on positions */

lmvr_status plan_usual_picture(const struct lmvr_session *session, struct picture *picture, lmvr_error *error)
{
    int size = session->model->config.vision.image_size;
    bool any_size = session->preprocess.way != VIEWS_FIXED;
    return preprocess_plan(&session->preprocess, any_size ? USUAL_WIDTH : size, any_size ? USUAL_HEIGHT : size, picture, error);
}

/* The first position after the shared beginning whose last hidden state is needed. */
static int64_t first_needed(const struct lmvr_session *s, const struct session_input *in)
{
    int64_t begin = 0, end = in->language.length;
    int kinds = feature_set_kinds(&s->features, s->input_blocks);
    for (int i = 0; i < in->language.piece_count; begin += in->pieces[i++].count)
        if (begin >= in->language.shared && kinds & (in->pieces[i].tokens ? TOKENS_PROMPT : TOKENS_IMAGE))
            return begin;
    return s->generates || s->prompt_wanted[s->input_blocks] ? end - 1 : end;
}

static int64_t room_for_response(const struct lmvr_session *s, const struct session_input *in)
{
    int64_t most = s->model->config.language.max_positions;
    return most ? most - in->language.length : MOST_NEW_TOKENS;
}

lmvr_status input_check(const struct lmvr_session *session, const struct session_input *input, lmvr_error *error)
{
    if (room_for_response(session, input) >= (session->generates ? 1 : 0))
        return LMVR_OK;
    return error_set(error, LMVR_ERROR_INVALID,
                     "the prompt takes %lld of the model's %d positions, which leaves no room for an answer",
                     (long long)input->language.length, session->model->config.language.max_positions);
}

static void add_piece(struct session_input *in, struct input_piece piece)
{
    if (piece.count == 0)
        return;
    if (!piece.tokens) {
        in->first_visual = in->visual_count ? in->first_visual : in->language.length;
        in->visual_count += piece.count;
        in->visual_end = in->language.length + piece.count;
    }
    in->pieces[in->language.piece_count++] = piece;
    in->language.length += piece.count;
}

static lmvr_status make(const struct lmvr_session *s, const struct picture *picture, struct session_input *in,
                        lmvr_error *error)
{
    const struct prompt *prompt = &s->prompt;
    int64_t visual = config_visual_tokens(&s->model->config, picture, NULL);
    in->pieces = calloc(3, sizeof *in->pieces);
    if (!in->pieces)
        return error_no_memory(error, "the prompt");
    add_piece(in, (struct input_piece){.tokens = prompt->before, .count = (int64_t)prompt->before_count});
    add_piece(in, (struct input_piece){.count = visual});
    add_piece(in, (struct input_piece){.tokens = prompt->after, .count = (int64_t)prompt->after_count});
    in->positions = calloc((size_t)in->language.length + 1, sizeof *in->positions);
    in->grid.cells = s->options.attention ? calloc((size_t)visual + 1, sizeof *in->grid.cells) : NULL;
    if (!in->positions || (s->options.attention && !in->grid.cells))
        return error_no_memory(error, "the prompt");
    config_visual_tokens(&s->model->config, picture, &in->grid);
    input_place(in->pieces, in->language.piece_count, in->positions);
    in->language.pieces = in->pieces;
    in->language.positions = in->positions;
    if (s->model->language.operations->prepare)
        in->language.shared = (int64_t)prompt->before_count;
    in->extent = (struct language_extent){s->input_blocks, first_needed(s, in)};
    int64_t room = room_for_response(s, in);
    in->max_new_tokens = s->max_new_tokens < room ? s->max_new_tokens : (int)room;
    return LMVR_OK;
}

lmvr_status input_create(const struct lmvr_session *session, const struct picture *picture, struct session_input *input,
                         lmvr_error *error)
{
    *input = (struct session_input){0};
    lmvr_status status = make(session, picture, input, error);
    if (status != LMVR_OK)
        input_finish(input);
    return status;
}

void input_finish(struct session_input *input)
{
    free(input->pieces);
    free(input->positions);
    free(input->grid.cells);
    *input = (struct session_input){0};
}
