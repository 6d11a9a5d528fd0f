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
        if (begin + in->pieces[i].count > in->language.shared && kinds & (in->pieces[i].tokens ? TOKENS_PROMPT : TOKENS_IMAGE))
            return begin > in->language.shared ? begin : in->language.shared;
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

int64_t picture_tokens(const struct lmvr_session *session, const struct picture *picture)
{
    return picture->view_count ? config_visual_tokens(&session->model->config, picture, NULL) : 0;
}

/* Tokenizes a filled text, with what the picture becomes in it. */
static lmvr_status tokenize(const struct lmvr_session *s, const struct picture *picture, const char *filled,
                            struct prompt *prompt, lmvr_error *error)
{
    const struct model_config *config = &s->model->config;
    char *expansion = NULL;
    if (picture->view_count && config_expands(config))
        TRY(config_expand(config, picture, &expansion, error));
    struct prompt_rules rules = {config->language.begin_token, config->language.final_token, config_image_token(config),
                                 expansion};
    lmvr_status status = prompt_encode(s->model->tokenizer, filled, &rules, prompt, error);
    free(expansion);
    return status;
}

/* Cuts off the end of a prompt that is longer than an embedding model takes. */
static lmvr_status cut_off(const struct lmvr_session *s, const struct picture *picture, struct prompt *prompt,
                           lmvr_error *error)
{
    size_t most = (size_t)s->model->config.embedding.most_tokens, visual = (size_t)picture_tokens(s, picture);
    if (!most || prompt->count + visual <= most)
        return LMVR_OK;
    size_t images_end = prompt->image_count ? prompt->images[prompt->image_count - 1] + visual : 0;
    if (images_end > most)
        return error_set(error, LMVR_ERROR_INPUT, "the image alone takes more than the %zu tokens that the model is used with",
                         most);
    prompt->count = most - visual;
    return LMVR_OK;
}

lmvr_status input_fill(const struct lmvr_session *session, const lmvr_image *own, bool picture, char **filled,
                       lmvr_error *error)
{
    const struct model_config *config = &session->model->config;
    const char *asked = own && own->system ? own->system : session->system_text;
    const char *text = own && own->text ? own->text : session->prompt_text;
    char *punctuated = NULL;
    if (asked && config->embedding.punctuate && !(punctuated = prompt_punctuate(asked)))
        return error_no_memory(error, "the prompt");
    const char *system = punctuated ? punctuated : asked;
    if (!system || (punctuated && !*punctuated))
        system = config->system;
    lmvr_status status = prompt_fill(session->template_name, system, text, picture, filled, error);
    free(punctuated);
    return status;
}

/* The ids of the input's prompt: the session's, where nothing in it is the input's own. */
static lmvr_status encode_prompt(const struct lmvr_session *s, const struct picture *picture, const lmvr_image *own,
                                 struct session_input *in, const struct prompt **prompt, lmvr_error *error)
{
    bool special = own && (own->text || own->system);
    *prompt = &s->prompt;
    if (!s->model->tokenizer || (!special && !config_expands(&s->model->config)))
        return LMVR_OK;
    *prompt = &in->prompt;
    if (!special)
        return tokenize(s, picture, s->filled, &in->prompt, error);
    char *filled;
    TRY(input_fill(s, own, picture->view_count > 0, &filled, error));
    lmvr_status status = tokenize(s, picture, filled, &in->prompt, error);
    free(filled);
    return status == LMVR_OK ? cut_off(s, picture, &in->prompt, error) : status;
}

/* How many ids at the beginning are those of every prompt, which are computed once. */
static int64_t count_shared(const struct lmvr_session *s, const struct prompt *prompt)
{
    size_t count = s->prompt.image_count ? s->prompt.images[0] : 0;
    if (!s->model->language.operations->prepare || prompt->image_count == 0 || prompt->images[0] < count)
        return 0;
    return memcmp(prompt->ids, s->prompt.ids, count * sizeof *prompt->ids) == 0 ? (int64_t)count : 0;
}

static void list_pieces(const struct lmvr_session *s, const struct prompt *prompt, int64_t visual, struct session_input *in)
{
    const struct rope_config *rope = &s->model->config.language.rope;
    bool has_grid = rope->sections[0] + rope->sections[1] + rope->sections[2] > 0;
    struct input_piece span = {.count = prompt->image_count ? visual / (int64_t)prompt->image_count : 0};
    if (has_grid) {
        span.rows = in->grid.rows;
        span.columns = in->grid.columns;
    }
    size_t from = 0;
    for (size_t i = 0; i < prompt->image_count; from = prompt->images[i++]) {
        add_piece(in, (struct input_piece){.tokens = prompt->ids + from, .count = (int64_t)(prompt->images[i] - from)});
        add_piece(in, span);
    }
    add_piece(in, (struct input_piece){.tokens = prompt->ids + from, .count = (int64_t)(prompt->count - from)});
}

static lmvr_status make(const struct lmvr_session *s, const struct picture *picture, const lmvr_image *own,
                        struct session_input *in, lmvr_error *error)
{
    const struct prompt *prompt;
    TRY(encode_prompt(s, picture, own, in, &prompt, error));
    int64_t visual = picture_tokens(s, picture);
    in->pieces = calloc(2 * prompt->image_count + 1, sizeof *in->pieces);
    in->grid.cells = s->options.attention ? calloc((size_t)visual + 1, sizeof *in->grid.cells) : NULL;
    if (!in->pieces || (s->options.attention && !in->grid.cells))
        return error_no_memory(error, "the prompt");
    if (visual)
        config_visual_tokens(&s->model->config, picture, &in->grid);
    list_pieces(s, prompt, visual, in);
    in->positions = calloc((size_t)in->language.length + 1, sizeof *in->positions);
    if (!in->positions)
        return error_no_memory(error, "the prompt");
    input_place(in->pieces, in->language.piece_count, in->positions);
    in->language.pieces = in->pieces;
    in->language.positions = in->positions;
    in->language.shared = count_shared(s, prompt);
    in->extent = (struct language_extent){s->input_blocks, first_needed(s, in)};
    int64_t room = room_for_response(s, in), limit = s->max_new_tokens;
    if (own && own->max_new_tokens > 0 && own->max_new_tokens < limit)
        limit = own->max_new_tokens;
    in->max_new_tokens = (int)(limit < room ? limit : room);
    const lmvr_sampling *sampling = own ? own->sampling : NULL;
    in->sampler = sampling ? (struct sampler){sampling->temperature, sampling->top_p} : s->sampler;
    in->seed = sampling ? sampling->seed : s->seed;
    return LMVR_OK;
}

lmvr_status input_create(const struct lmvr_session *session, const struct picture *picture, const lmvr_image *own,
                         struct session_input *input, lmvr_error *error)
{
    *input = (struct session_input){0};
    lmvr_status status = make(session, picture, own, input, error);
    if (status != LMVR_OK)
        input_finish(input);
    return status;
}

void input_finish(struct session_input *input)
{
    prompt_finish(&input->prompt);
    free(input->pieces);
    free(input->positions);
    free(input->grid.cells);
    *input = (struct session_input){0};
}
